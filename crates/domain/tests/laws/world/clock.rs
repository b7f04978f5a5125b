//! The clock: in time, too early, and too late.

use std::collections::BTreeMap;

use domain::calendar::{Day, day, days_after, start_of_day};
use domain::decide::Command;
use domain::decide::allocation::{
    AcceptOffer, ConveneCommittee, DesignateCandidates, Designated, MeetCondition,
};
use domain::decide::application::{RenewApplication, WarnApplication};
use domain::decide::clock::{Deadline, DeadlineKind, deadlines};
use domain::decide::person_request::AnswerPersonRequest;
use domain::decide::referral::{AcceptReferral, DeclineReferral, RefuseReferral, ViewReferral};
use domain::decide::stay::{DecideAdmission, DecideExtension, ReviewStay};
use domain::decide::vacancy::ConfirmVacancy;
use domain::household::Household;
use domain::household::application::Deregistration;
use domain::household::consent::ConsentChannel;
use domain::household::person_request::PersonRequestOutcome;
use domain::id::{CandidacyId, HouseholdId, PlaceId, ReferralId};
use domain::ledger::AggregateId;
use domain::reference::{HouseholdRefusalReason, ProviderRefusalReason};
use jiff::ToSpan;

use super::World;
use super::dice::Dice;

/// Further ahead than this, nobody waits for a deadline: everything else would be over.
const AHEAD_DAYS: i64 = 45;

impl World {
    fn standing(&self) -> impl Iterator<Item = Deadline> {
        self.ledgers.iter().flat_map(|(id, state)| deadlines(id, state))
    }

    /// Fires what is due, oldest first, each deadline twice.
    pub(super) fn fire(&mut self) {
        for _ in 0..200 {
            let due = self.standing().filter(|deadline| deadline.due < self.at).min();
            let Some(deadline) = due else { return };
            let (asked, recorded) = (Command::Elapse(deadline), self.log.len());
            self.ask(&asked, deadline.command()).unwrap();
            assert!(self.log.len() > recorded, "a deadline that is due changes something: {deadline:?}");
            self.fired_twice += self.decide(&asked, deadline.command()).map_or(0, |changes| changes.len());
        }
        panic!("deadlines never end");
    }

    /// One deadline of each kind.
    fn one_of_each(dice: &mut Dice, all: impl Iterator<Item = Deadline>) -> Vec<Deadline> {
        let mut kinds: BTreeMap<&str, Vec<Deadline>> = BTreeMap::new();
        all.for_each(|deadline| kinds.entry(deadline.kind.id()).or_default().push(deadline));
        kinds.into_values().filter_map(|kind| dice.pick(kind)).collect()
    }

    /// Fires deadlines that are not due, or that no longer stand: nothing may come of it.
    pub(super) fn fire_untimely(&mut self, dice: &mut Dice) -> Option<()> {
        let past = self.accepted.iter().filter_map(|(asked, _)| match asked {
            Command::Elapse(deadline) => Some(*deadline),
            Command::Household(..)
            | Command::Place(..)
            | Command::Structure(..)
            | Command::Organisation(..)
            | Command::User(..)
            | Command::Subscription(..)
            | Command::Inquiry(..) => None,
        });
        let early = self.standing().filter(|deadline| deadline.due >= self.at);
        for deadline in Self::one_of_each(dice, early.chain(past)) {
            let command = self.mint();
            let _ = self.ask(&Command::Elapse(deadline), command);
        }
        Some(())
    }

    /// Waits until a deadline is over that the clock has not written down yet, and answers all the same.
    pub(super) fn answer_too_late(&mut self, dice: &mut Dice) -> Option<()> {
        let last = self.at.checked_add((AHEAD_DAYS * 24).hours()).unwrap();
        let near = self.standing().filter(|deadline| deadline.due < last);
        let near = Self::one_of_each(dice, near);
        let deadline = dice.pick(near)?;
        if let (AggregateId::Household(id), true) = (deadline.ledger, !dice.one_in(3))
            && let DeadlineKind::ApplicationExpires { .. } | DeadlineKind::ApplicationStruckOff { .. } =
                deadline.kind
        {
            return self.meet_too_late(id, deadline, dice);
        }
        let hours = i64::try_from(dice.below(40)).unwrap();
        self.at = self.at.max(deadline.due.checked_add(1.second()).unwrap());
        self.at = self.at.checked_add(hours.hours()).unwrap();
        match deadline.ledger {
            AggregateId::Household(id) => self.answer_late_on_household(id, deadline.kind, dice),
            AggregateId::Place(id) => self.answer_late_at_place(id, deadline.kind),
            AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_) => None,
        }
    }

    /// An applicant was warned, or applied almost a year ago; nobody answers, and a committee meets on them.
    pub(super) fn meet_on_who_left(&mut self, dice: &mut Dice) -> Option<()> {
        let applies = |is: &Household| is.live_application().is_some_and(|(_, one)| one.number.is_some());
        let id = self.a_household(dice, applies)?;
        let (application, _) = self.household(id).live_application()?;
        let _ = self.of(id, WarnApplication { application, ground: Deregistration::C });
        let leaves = |deadline: &Deadline| {
            deadline.ledger == AggregateId::Household(id)
                && matches!(
                    deadline.kind,
                    DeadlineKind::ApplicationExpires { .. } | DeadlineKind::ApplicationStruckOff { .. }
                )
        };
        let deadline = self.standing().filter(leaves).min()?;
        self.meet_too_late(id, deadline, dice)
    }

    /// The committee meets on a household that left the register since it was designated.
    fn meet_too_late(&mut self, id: HouseholdId, deadline: Deadline, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, super::allocation::undecided)?;
        if dice.one_in(2) {
            // The clock has not written down yet that they left it.
            self.at = self.at.max(deadline.due.checked_add(1.second()).unwrap());
        }
        let candidates = vec![Designated { household: id, dalo: false }];
        let _ = self.at_place(place, DesignateCandidates { candidates });
        let on = Day(days_after(day(super::home(), deadline.due.max(self.at)), 1));
        let _ = self.at_place(place, ConveneCommittee { on });
        self.at = start_of_day(super::home(), on.0).checked_add(9.hours()).unwrap();
        self.decide_committee_of(place, dice)
    }

    fn answer_late_on_household(
        &mut self,
        id: HouseholdId,
        kind: DeadlineKind,
        dice: &mut Dice,
    ) -> Option<()> {
        let done = match kind {
            DeadlineKind::ReferralExpires { referral } => return self.answer_referral(id, referral, dice),
            DeadlineKind::AdmissionDeemed { stay } => {
                self.of(id, DecideAdmission { stay, accepted: dice.one_in(2) })
            }
            DeadlineKind::ExtensionDeemed { stay } => {
                self.of(id, DecideExtension { stay, granted: dice.one_in(2), until: None, motive: None })
            }
            DeadlineKind::ReadinessLapses { stay } => {
                self.of(id, ReviewStay { stay, housing_ready: dice.one_in(2), note: None, at: None })
            }
            DeadlineKind::ApplicationExpires { application }
            | DeadlineKind::ApplicationStruckOff { application } => {
                self.of(id, RenewApplication { application, communes: None })
            }
            DeadlineKind::PersonRequestOverdue { person_request } => {
                let (outcome, channel) = (PersonRequestOutcome::Granted, ConsentChannel::Written);
                let (grounds, answered_on, note) = (Vec::new(), None, None);
                self.of(
                    id,
                    AnswerPersonRequest { person_request, outcome, grounds, answered_on, channel, note },
                )
            }
            DeadlineKind::RequestStale { .. }
            | DeadlineKind::RequestLapses { .. }
            | DeadlineKind::VacancyExpires { .. }
            | DeadlineKind::DesignationLapses { .. }
            | DeadlineKind::OfferLapses { .. }
            | DeadlineKind::ErasureAnnounced {}
            | DeadlineKind::ErasureDue {}
            | DeadlineKind::InquiryExpires {} => return None,
        };
        done.ok().map(drop)
    }

    fn answer_referral(&mut self, id: HouseholdId, referral: ReferralId, dice: &mut Dice) -> Option<()> {
        let note = Some("trop tard".to_owned());
        let done = match dice.below(4) {
            0 => self.of(id, DeclineReferral { referral, reason: ProviderRefusalReason::other(), note }),
            1 => self.of(id, RefuseReferral { referral, reason: HouseholdRefusalReason::other(), note }),
            2 => self.of(id, ViewReferral { referral }),
            _ => self.of(id, AcceptReferral { referral, arrival: None }),
        };
        done.ok().map(drop)
    }

    fn answer_late_at_place(&mut self, id: PlaceId, kind: DeadlineKind) -> Option<()> {
        if let DeadlineKind::OfferLapses { candidacy } = kind {
            let _ = self.at_place(id, MeetCondition { candidacy });
            let household = self.candidate(candidacy)?;
            return self.of(household, AcceptOffer { candidacy }).ok().map(drop);
        }
        self.at_place(id, ConfirmVacancy { good_until: None }).ok().map(drop)
    }

    fn candidate(&self, candidacy: CandidacyId) -> Option<HouseholdId> {
        let runs = |is: &Household| is.candidacies.contains_key(&candidacy);
        self.households.iter().copied().find(|id| runs(self.household(*id)))
    }
}
