//! Who belongs to a household: registration, arrivals, departures, separations, reunions.

use std::collections::BTreeSet;

use domain::calendar::Day;
use domain::decide::consent::{GiveConsent, WithdrawConsent};
use domain::decide::correction::CorrectDate;
use domain::decide::custody::{EndSharedCustody, ShareCustody};
use domain::decide::family::{Keeper, Merge, Split};
use domain::decide::registration::{AddMember, CorrectIdentity, DeclarePregnancy, NoteSafety, RemoveMember};
use domain::household::Household;
use domain::household::composition::{Expected, Safety, Sex};
use domain::household::consent::ConsentChannel;
use domain::household::correction::DatedFact;
use domain::id::{HouseholdId, PersonId};
use domain::reference::{
    ConsentPurpose, CorrectionReason, MemberArrivalReason, MemberDepartureReason, MemberLink,
};

use super::World;
use super::dice::Dice;

/// More households than this teach nothing new.
const HOUSEHOLDS_MAX: usize = 9;

fn persons(is: &Household) -> Vec<PersonId> {
    is.composition.members.keys().copied().collect()
}

impl World {
    pub(super) fn register_another(&mut self, dice: &mut Dice) -> Option<()> {
        if self.households.len() < HOUSEHOLDS_MAX {
            self.register(Self::family(dice.below(5)));
        }
        Some(())
    }

    pub(super) fn add_member(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let sex = dice.pick([Sex::Female, Sex::Male])?;
        let (member, reason) = match dice.below(4) {
            0 | 1 => (Self::member(MemberLink::child(), sex, "2026-01-02"), MemberArrivalReason::birth()),
            2 => (Self::member(MemberLink::parent(), sex, "1955-10-10"), MemberArrivalReason::other()),
            _ => (
                Self::member(MemberLink::spouse_or_partner(), sex, "1996-08-17"),
                MemberArrivalReason::other(),
            ),
        };
        let at = self.stated(dice);
        self.of(id, AddMember { member, reason, at, duplicate_reviewed: None }).ok().map(drop)
    }

    pub(super) fn remove_member(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let members = persons(self.household(id));
        let person = dice.pick(members.clone())?;
        let others = members.into_iter().filter(|other| *other != person);
        let main_applicant = dice.pick(others.map(Some).chain([None]))?;
        let reason = dice.pick(MemberDepartureReason::all())?;
        let at = self.stated(dice);
        self.of(id, RemoveMember { person, reason, main_applicant, at }).ok().map(drop)
    }

    pub(super) fn correct_identity(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let person = dice.pick(persons(self.household(id)))?;
        let link = self.household(id).composition.members.get(&person)?.link;
        let born = dice.pick(["1990-03-12", "2001-03-12", "2012-05-05", "1950-01-01"])?;
        let sex = dice.pick([Sex::Female, Sex::Male])?;
        self.of(
            id,
            CorrectIdentity { person, member: Self::member(link, sex, born), duplicate_reviewed: None },
        )
        .ok()
        .map(drop)
    }

    pub(super) fn declare_pregnancy(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let due = dice.day(self.today(), 0, 200);
        let children = u8::try_from(1 + dice.below(2)).unwrap();
        let expected = (!dice.one_in(4)).then_some(Expected { due, children, certified: true });
        self.of(id, DeclarePregnancy { expected }).ok()?;
        if dice.one_in(2) {
            return Some(());
        }
        let member = Self::member(MemberLink::child(), Sex::Female, "2026-01-02");
        self.of(
            id,
            AddMember { member, reason: MemberArrivalReason::birth(), at: None, duplicate_reviewed: None },
        )
        .ok()
        .map(drop)
    }

    pub(super) fn note_safety(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let exclusion_zones = dice.some(["commune:33281".parse().unwrap(), "commune:33522".parse().unwrap()]);
        self.of(id, NoteSafety { safety: Safety { exclusion_zones, note: None } }).ok().map(drop)
    }

    pub(super) fn consent(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let channel = ConsentChannel::Oral;
        if let Some(consent) =
            dice.pick(self.household(id).consents.keys().copied()).filter(|_| dice.one_in(2))
        {
            return self.of(id, WithdrawConsent { consent, channel }).ok().map(drop);
        }
        let person = dice.pick(persons(self.household(id)))?;
        let purpose = dice.pick(ConsentPurpose::all())?;
        let given_on = dice.one_in(3).then(|| dice.day(self.today(), 30, 0));
        self.of(id, GiveConsent { person, purpose, recipient: None, channel, until: None, given_on })
            .ok()
            .map(drop)
    }

    /// A child of another household, or now and then an adult, or one of one's own.
    pub(super) fn share_custody(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let with_child =
            |is: &Household| is.composition.members.values().any(|one| one.link == MemberLink::child());
        let of = self.a_household(dice, with_child)?;
        let any = dice.one_in(6);
        let children = self.household(of).composition.members.iter();
        let children = children.filter(|(_, one)| any || one.link == MemberLink::child());
        let person = dice.pick(children.map(|(person, _)| *person))?;
        let at = self.stated(dice);
        self.of(id, ShareCustody { of, person, at }).ok().map(drop)
    }

    pub(super) fn end_shared_custody(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |is| !is.composition.shared.is_empty())?;
        let person = dice.pick(self.household(id).composition.shared.keys().copied())?;
        let at = self.stated(dice);
        self.of(id, EndSharedCustody { person, at }).ok().map(drop)
    }

    pub(super) fn split(&mut self, dice: &mut Dice) -> Option<()> {
        if self.households.len() >= HOUSEHOLDS_MAX + 3 {
            return None;
        }
        let id = self.a_household(dice, |is| is.composition.members.len() > 1)?;
        let members = persons(self.household(id));
        let mut leaving: BTreeSet<PersonId> = dice.some(members.clone());
        leaving.insert(dice.pick(members.clone())?);
        let main_applicant = dice.pick(leaving.clone())?;
        let staying = members.into_iter().filter(|person| !leaving.contains(person));
        let remaining_main_applicant = dice.pick(staying.map(Some).chain([None]))?;
        let application = dice.pick([Keeper::Leaving, Keeper::Remaining])?;
        let at = self.stated(dice);
        let split = Split { persons: leaving, main_applicant, remaining_main_applicant, application, at };
        let command = self.of(id, split).ok()?;
        let into = HouseholdId::created_by(id.territory(), command);
        if dice.one_in(2) { self.take_over_for(into, dice) } else { Some(()) }
    }

    pub(super) fn merge(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let from = self.a_household(dice, |_| true)?;
        let at = self.stated(dice);
        let main = MemberLink::main_applicant();
        let theirs = self.household(from).composition.members.iter();
        let joining = theirs.filter(|(_, person)| person.link == main);
        let links = joining.map(|(person, _)| (*person, MemberLink::sibling())).collect();
        self.of(id, Merge { from, links, at }).ok()?;
        if dice.one_in(2) { self.take_over_for(id, dice) } else { Some(()) }
    }

    pub(super) fn correct_date(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let is = self.household(id);
        let starts = is.stays.keys().map(|stay| DatedFact::StayStart { stay: *stay });
        let ends = is.stays.iter().filter(|(_, stay)| !stay.is_active());
        let ends = ends.map(|(stay, _)| DatedFact::StayEnd { stay: *stay });
        let submissions =
            is.requests.keys().map(|request| DatedFact::RequestSubmission { request: *request });
        let leases = is.leases.iter().map(|(lease, is)| match is.ended {
            None => DatedFact::LeaseSignature { lease: *lease },
            Some(_) => DatedFact::LeaseEnd { lease: *lease },
        });
        let filings = is
            .applications
            .keys()
            .map(|application| DatedFact::ApplicationFiling { application: *application });
        let labels = is.labels.keys().map(|label| DatedFact::LabelDecision { label: *label });
        // The exit of somebody who has gone to another household since is the one that is easily got wrong.
        let members = &is.composition.members;
        let gone = is.stays.iter().filter(|(_, stay)| {
            !stay.is_active() && !stay.persons.iter().all(|person| members.contains_key(person))
        });
        let gone: Vec<_> = gone.map(|(stay, _)| DatedFact::StayEnd { stay: *stay }).collect();
        let fact = dice.pick(gone).filter(|_| dice.one_in(2));
        let fact = fact.or_else(|| {
            dice.pick(starts.chain(ends).chain(submissions).chain(leases).chain(filings).chain(labels))
        })?;
        let days = i64::try_from(dice.below(40)).unwrap();
        let on: Day = Day(domain::calendar::days_after(self.today(), -days));
        let morning = domain::calendar::start_of_day(super::home(), on.0);
        let is = domain::calendar::Instant(morning);
        self.of(id, CorrectDate { fact, is, reason: CorrectionReason::other() }).ok().map(drop)
    }
}
