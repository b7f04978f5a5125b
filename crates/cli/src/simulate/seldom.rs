//! What is seldom and happens all the same: second thoughts, entries on the wrong file, members who do not move together,
//! children of two homes.

use std::collections::BTreeSet;

use domain::decide::allocation::CheckDocuments;
use domain::decide::application::LiftWarning;
use domain::decide::correction::VoidStay;
use domain::decide::custody::{EndSharedCustody, ShareCustody};
use domain::decide::occupants::{JoinStay, LeaveStay};
use domain::decide::stay::WithdrawNotice;
use domain::household::application::ApplicationSituation;
use domain::household::stay::StaySituation;
use domain::id::{ApplicationId, HouseholdId, PersonId, PlaceId, StayId};
use domain::place::committee::Candidate;
use domain::reference::{ConditionalDocument, MemberLink};

use super::agenda::Action;
use super::world::World;

impl World {
    /// The landlord compares the candidates' files with the documents that the law lets it ask for.
    pub(super) fn check_files(&mut self, id: PlaceId) {
        let Some(vacancy) = self.place(id).and_then(|is| is.open_vacancy()) else { return };
        let live =
            vacancy.allocation.candidates.iter().filter(|(_, candidate)| Candidate::is_live(candidate));
        let live: Vec<_> = live.map(|(candidacy, _)| *candidacy).collect();
        let documents: Vec<_> = ConditionalDocument::all().collect();
        for candidacy in live {
            let lacks = self.dice.chance(0.15);
            let missing = self.dice.pick(&documents).filter(|_| lacks).into_iter().collect();
            let who = self.keeper(id);
            self.ask_place(who, id, CheckDocuments { candidacy, missing });
        }
    }

    /// Whoever gave notice thinks better of it.
    pub(super) fn take_notice_back(&mut self, id: HouseholdId, stay: StayId) {
        let staying = self.household(id).and_then(|is| is.stays.get(&stay));
        let leaving = staying.filter(|is| matches!(is.situation, StaySituation::Leaving { .. }));
        if let Some(place) = leaving.map(|is| is.place) {
            let who = self.keeper(place);
            self.ask(who, id, WithdrawNotice { stay });
            let days = self.dice.within(40.0, 200.0);
            self.in_days(days, Action::Leave(id, stay));
        }
    }

    /// The applicant answers the letter that came back.
    pub(super) fn lift_warning(&mut self, id: HouseholdId, application: ApplicationId) {
        let is = self.household(id).and_then(|is| is.applications.get(&application));
        let warned = is.is_some_and(|is| matches!(is.situation, ApplicationSituation::Warned { .. }));
        if warned && self.is_here(id) {
            let who = self.counter();
            self.ask(who, id, LiftWarning { application });
        }
    }

    /// The stay was entered on the wrong file: it never was, and the household asks on.
    pub(super) fn void(&mut self, id: HouseholdId, stay: StayId) {
        let staying = self.household(id).and_then(|is| is.stays.get(&stay)).filter(|stay| stay.is_active());
        let Some(place) = staying.map(|is| is.place).filter(|_| self.is_here(id)) else { return };
        let reason = self.settings.reasons.correction.draw(&mut self.dice);
        let who = self.keeper(place);
        self.ask(who, id, VoidStay { stay, reason });
        let emergency = self.dice.chance(0.6);
        self.in_days(1.0, Action::AskAgain { household: id, emergency });
    }

    /// Those of the household who have no place join the others, if there is room for one more.
    pub(super) fn join(&mut self, id: HouseholdId) {
        let Some(is) = self.household(id).filter(|_| self.is_here(id)) else { return };
        let housed: BTreeSet<_> = is.active_stays().flat_map(|(_, stay)| &stay.persons).copied().collect();
        let without = is.composition.members.keys().filter(|person| !housed.contains(person));
        let Some(person) = without.copied().next() else { return };
        let room = |(_, stay): &(StayId, &domain::household::stay::Stay)| {
            let capacity = self.place(stay.place).and_then(|is| is.description()).map_or(0, |is| is.capacity);
            stay.persons.len() < usize::from(capacity)
        };
        let found = is.active_stays().find(room).map(|(stay, is)| (stay, is.place));
        if let Some((stay, place)) = found {
            let who = self.keeper(place);
            self.ask(who, id, JoinStay { stay, persons: [person].into(), at: None });
        }
    }

    /// A grown child goes to live with somebody else, and stays on the file of the others.
    pub(super) fn leave_others(&mut self, id: HouseholdId, stay: StayId) {
        let today = self.today();
        let Some(is) = self.household(id).filter(|_| self.is_here(id)) else { return };
        let Some(staying) = is.stays.get(&stay).filter(|is| is.is_active() && is.persons.len() > 1) else {
            return;
        };
        let grown = |person: &&PersonId| {
            let one = is.composition.members.get(person);
            one.is_some_and(|one| one.link == MemberLink::child() && one.born.age_on(today) >= 17)
        };
        let (person, place) = (staying.persons.iter().find(grown).copied(), staying.place);
        if let Some(person) = person {
            let (Ok(destination), Ok(reason)) = ("with_third_party".parse(), "voluntary_departure".parse())
            else {
                return;
            };
            let who = self.keeper(place);
            self.ask(who, id, LeaveStay { stay, persons: [person].into(), at: None, destination, reason });
        }
    }

    /// A parent who left has the children every other week: they are counted in both households.
    pub(super) fn share_custody(&mut self, id: HouseholdId, of: HouseholdId) {
        let today = self.today();
        if !self.is_here(id) || !self.is_here(of) {
            return;
        }
        let Some(other) = self.household(of) else { return };
        let minor = other
            .composition
            .members
            .iter()
            .find(|(_, one)| one.link == MemberLink::child() && one.born.age_on(today) < 17);
        let Some(person) = minor.map(|(person, _)| *person) else { return };
        let counted = |is: &domain::household::Household| {
            is.composition.shared.contains_key(&person) || is.composition.members.contains_key(&person)
        };
        if self.household(id).is_none_or(counted) {
            return;
        }
        let who = self.referrer(id);
        self.ask(who, id, ShareCustody { of, person, at: None });
        if self.dice.chance(0.5) {
            let days = self.dice.within(60.0, 500.0);
            self.in_days(days, Action::EndCustody(id, person));
        }
    }

    /// The child lives with one parent only from now on.
    pub(super) fn end_custody(&mut self, id: HouseholdId, person: PersonId) {
        let shared = self.household(id).is_some_and(|is| is.composition.shared.contains_key(&person));
        if shared && self.is_here(id) {
            let who = self.referrer(id);
            self.ask(who, id, EndSharedCustody { person, at: None });
        }
    }
}
