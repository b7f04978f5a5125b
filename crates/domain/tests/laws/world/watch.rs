//! Who follows a household, who may know of it, and what its people object to.

use domain::decide::consent::Object;
use domain::decide::follow_up::{AssignWorker, EndFollowUp, TellFollowUp};
use domain::decide::organisation::RegisterOrganisation;
use domain::decide::person_request::{AnswerPersonRequest, ExtendPersonRequest, RecordPersonRequest};
use domain::decide::protection::{LiftProtection, OpenInEmergency, Protect, ReviewEmergencyOpening};
use domain::decide::user::InviteUser;
use domain::decide::{Command, OrganisationCommand, UserCommand};
use domain::household::consent::{Among, ConsentChannel, Recipient};
use domain::household::person_request::{PersonRequestKind, PersonRequestOutcome};
use domain::household::protection::EmergencyGround;
use domain::id::UserId;
use domain::organisation::{Organisation, OrganisationKind};
use domain::reference::{ConsentPurpose, PersonRequestExtensionReason, PersonRequestRefusalGround};
use domain::rights::Role;
use domain::user::{Agent, Profile};
use uuid::Uuid;

use super::dice::Dice;
use super::{World, home, provider};

/// The two who work here: the even commands are the one's, the odd ones the other's.
pub(super) fn worker(which: u64) -> UserId {
    UserId::new(home(), Uuid::from_u128(u128::from(which % 2) + 100))
}

impl World {
    /// The organisation that runs everything, and its two workers.
    pub(super) fn staff(&mut self) {
        let organisation = Organisation {
            name: "SIAO 33".to_owned(),
            kind: OrganisationKind::SiaoOperator,
            territories: [home()].into(),
            siret: None,
        };
        let register = RegisterOrganisation { territory: home(), id: None, organisation };
        let command = self.mint();
        self.ask(&Command::Organisation(provider(), OrganisationCommand::Register(register)), command)
            .unwrap();
        for which in 0..2 {
            let invite = InviteUser {
                login: format!("{which}"),
                agent: Agent { name: "Agent".to_owned(), email: "agent@siao33.fr".to_owned() },
                profiles: vec![Profile { organisation: provider(), role: Role::SiaoManager }],
                emergency: false,
                invitation: "00".to_owned(),
                until: domain::calendar::Instant(self.at),
            };
            let command = self.mint();
            self.ask(&Command::User(worker(which), UserCommand::Invite(invite)), command).unwrap();
        }
    }

    pub(super) fn object(&mut self, dice: &mut Dice) -> Option<()> {
        let id = dice.pick(self.households.clone())?;
        let person = dice.pick(self.household(id).composition.members.keys().copied())?;
        let purpose = dice.pick(ConsentPurpose::all())?;
        let recipient = match dice.below(3) {
            0 => None,
            1 => Some(Recipient::Organisation(provider())),
            _ => Some(Recipient::Among(Among { kind: None, territory: Some(home()) })),
        };
        self.of(id, Object { person, purpose, recipient, channel: ConsentChannel::Oral }).ok().map(drop)
    }

    /// A request of a person is recorded, extended or answered; one that nobody answers becomes overdue.
    pub(super) fn person_request(&mut self, dice: &mut Dice) -> Option<()> {
        let waits = self.households.iter().filter(|id| self.household(**id).awaits_answer());
        let waiting = dice.pick(waits.copied()).filter(|_| dice.one_in(2));
        let Some(id) = waiting else { return self.exercise_a_right(dice) };
        let open = self.household(id).person_requests.iter().filter(|(_, one)| one.is_open());
        let (person_request, received) = dice.pick(open.map(|(id, one)| (*id, one.received_on)))?;
        let (channel, note) = (ConsentChannel::Written, None);
        // Told some day since it was received, in time or not; or today.
        let told = dice.one_in(2).then(|| dice.day(received.0, 2, 40));
        if dice.one_in(2) {
            let months = u8::try_from(dice.below(4)).unwrap();
            let reason = dice.pick(PersonRequestExtensionReason::all())?;
            let extend = ExtendPersonRequest { person_request, months, reason, told_on: told, channel, note };
            return self.of(id, extend).ok().map(drop);
        }
        let outcomes =
            [PersonRequestOutcome::Granted, PersonRequestOutcome::Partly, PersonRequestOutcome::Refused];
        let outcome = dice.pick(outcomes)?;
        let granted = outcome == PersonRequestOutcome::Granted;
        let grounds = if granted { Vec::new() } else { dice.some(PersonRequestRefusalGround::all()) };
        let answer =
            AnswerPersonRequest { person_request, outcome, grounds, answered_on: told, channel, note };
        self.of(id, answer).ok().map(drop)
    }

    fn exercise_a_right(&mut self, dice: &mut Dice) -> Option<()> {
        let id = dice.pick(self.households.clone())?;
        let is = self.household(id);
        let gone = is.gone.iter().map(|gone| gone.person);
        let person = dice.pick(is.composition.members.keys().copied().chain(gone))?;
        let kind = dice.pick(PersonRequestKind::ALL)?;
        let received_on = dice.one_in(2).then(|| dice.day(self.today(), 60, 3));
        let record =
            RecordPersonRequest { person, kind, received_on, channel: ConsentChannel::Oral, note: None };
        self.of(id, record).ok().map(drop)
    }

    pub(super) fn follow_up(&mut self, dice: &mut Dice) -> Option<()> {
        let id = dice.pick(self.households.clone())?;
        if dice.one_in(3) {
            return self.of(id, EndFollowUp { organisation: None }).ok().map(drop);
        }
        if dice.one_in(3) {
            let channel = ConsentChannel::Telephone;
            return self.of(id, TellFollowUp { organisation: None, told_on: None, channel }).ok().map(drop);
        }
        let worker = dice.one_in(2).then(|| worker(u64::from(dice.one_in(2))));
        self.of(id, AssignWorker { organisation: None, worker }).ok().map(drop)
    }

    pub(super) fn protection(&mut self, dice: &mut Dice) -> Option<()> {
        let id = dice.pick(self.households.clone())?;
        if self.household(id).protected.is_none() {
            let named = [worker(u64::from(dice.one_in(2)))].into();
            self.of(id, Protect { named }).ok()?;
        }
        let motive = "menace devant la structure ce soir".to_owned();
        let (ground, justified) = (EmergencyGround::Danger, true);
        for _ in 0..2 {
            // Who is named cannot break the glass, who broke it cannot judge it: one of two in a row can.
            let _ = self.of(id, OpenInEmergency { ground, motive: motive.clone() });
        }
        let opened = self.household(id).openings.first().map(|opening| opening.user);
        for user in opened.into_iter().chain(opened) {
            let _ = self.of(id, ReviewEmergencyOpening { user, justified });
        }
        if dice.one_in(2) { self.of(id, LiftProtection {}).ok().map(drop) } else { Some(()) }
    }
}
