//! What happens in families: births, deaths, separations, reunions; and what people change about themselves.

use domain::calendar::{Day, days_after};
use domain::decide::consent::{Object, WithdrawConsent};
use domain::decide::family::{Keeper, Merge, Split};
use domain::decide::registration::{AddMember, CorrectIdentity, DeclarePregnancy, NewMember, RemoveMember};
use domain::household::composition::{Expected, Identity, Person, Sex};
use domain::household::consent::ConsentChannel;
use domain::household::family::Separated;
use domain::household::stay::{Extension, SocialAid};
use domain::household::{Household, Registration};
use domain::id::{HouseholdId, PersonId};
use domain::reference::{
    CancellationReason, ConsentPurpose, ExitDestination, ExitReason, MemberArrivalReason,
    MemberDepartureReason, MemberLink,
};
use jiff::civil::Date;

use super::agenda::Action;
use super::people::born;
use super::world::World;

/// What a year may bring.
enum Turn {
    Pregnancy,
    Separation,
    Death,
    Departure,
    Arrival,
    Contacts,
    Consent,
    Reunion,
}

impl World {
    /// Something happens in the family, if it can; later something else may.
    pub(super) fn live(&mut self, id: HouseholdId) {
        if !self.is_here(id) || self.household(id).is_none() {
            return;
        }
        let turn = match self.dice.weigh([24, 12, 5, 16, 12, 17, 5, 9].into_iter()) {
            0 => Turn::Pregnancy,
            1 => Turn::Separation,
            2 => Turn::Death,
            3 => Turn::Departure,
            4 => Turn::Arrival,
            5 => Turn::Contacts,
            6 => Turn::Consent,
            _ => Turn::Reunion,
        };
        match turn {
            Turn::Pregnancy => self.expect_a_child(id),
            Turn::Separation => self.separate(id),
            Turn::Death => self.die(id),
            Turn::Departure => self.child_leaves(id),
            Turn::Arrival => self.somebody_joins(id),
            Turn::Contacts => self.contacts_change(id),
            Turn::Consent => self.consent_withdrawn(id),
            Turn::Reunion => self.reunite(id),
        }
        let days = self.dice.exponential(365.0 / self.settings.demand.family_events_a_year);
        self.in_days(days, Action::Live(id));
    }

    /// The main applicant of a household.
    pub(super) fn main_applicant(&self, id: HouseholdId) -> Option<PersonId> {
        let main = MemberLink::main_applicant();
        let members = &self.household(id)?.composition.members;
        members.iter().find(|(_, person)| person.link == main).map(|(person, _)| *person)
    }

    fn adults(&self, id: HouseholdId) -> Vec<(PersonId, Sex, u8)> {
        let today = self.today();
        let Some(is) = self.household(id) else { return Vec::new() };
        let aged =
            is.composition.members.iter().map(|(id, person)| (*id, person.sex, person.born.age_on(today)));
        aged.filter(|(_, _, age)| *age >= 18).collect()
    }

    fn expect_a_child(&mut self, id: HouseholdId) {
        let mother =
            self.adults(id).into_iter().any(|(_, sex, age)| sex == Sex::Female && (18..=43).contains(&age));
        let expects = self.household(id).is_some_and(|is| is.composition.expected.is_some());
        if !mother || expects {
            return;
        }
        let due = Day(days_after(self.today(), self.dice.between(50, 190)));
        let children = if self.dice.chance(0.02) { 2 } else { 1 };
        let certified = self.dice.chance(0.85);
        let who = self.referrer(id);
        self.ask(who, id, DeclarePregnancy { expected: Some(Expected { due, children, certified }) });
        let late = self.dice.between(-12, 20);
        let at = self.hour(days_after(due.0, late), 9.0, 18.0);
        self.plan_at(at, Action::Birth(id));
    }

    /// A child is born, or a declaration is taken back.
    pub(super) fn birth(&mut self, id: HouseholdId) {
        let Some(expected) = self.household(id).and_then(|is| is.composition.expected.clone()) else {
            return;
        };
        if !self.is_here(id) {
            return;
        }
        if self.dice.chance(0.05) {
            let who = self.referrer(id);
            self.ask(who, id, DeclarePregnancy { expected: None });
            return;
        }
        for _ in 0..expected.children {
            if self.household(id).is_some_and(|is| is.composition.members.len() >= 18) {
                return;
            }
            let sex = if self.dice.chance(0.5) { Sex::Female } else { Sex::Male };
            let surname = self.surname_of(id);
            let born = days_after(self.today(), -self.dice.between(0, 6));
            let member = self.people.person(sex, MemberLink::child(), born, &surname, &mut self.dice);
            let who = self.referrer(id);
            self.ask(
                who,
                id,
                AddMember {
                    member,
                    reason: MemberArrivalReason::birth(),
                    at: None,
                    duplicate_reviewed: None,
                },
            );
        }
    }

    fn identity_of(person: &Person) -> Option<&Identity> {
        person.identity.as_ref()?.value.known()
    }

    fn surname_of(&mut self, id: HouseholdId) -> String {
        let main = self.main_applicant(id);
        let known = main.and_then(|main| {
            Some(Self::identity_of(self.household(id)?.composition.members.get(&main)?)?.last_name.clone())
        });
        known.unwrap_or_else(|| self.people.surname(&mut self.dice))
    }

    /// A couple separates: the children stay with one of the two.
    fn separate(&mut self, id: HouseholdId) {
        let partner = MemberLink::spouse_or_partner();
        let Some(is) = self.household(id) else { return };
        let Some(leaves) = is.composition.members.iter().find(|(_, p)| p.link == partner).map(|(p, _)| *p)
        else {
            return;
        };
        if is.live_referrals().next().is_some() {
            return;
        }
        let application = if self.dice.chance(0.3) { Keeper::Leaving } else { Keeper::Remaining };
        let split = Split {
            persons: [leaves].into(),
            main_applicant: leaves,
            remaining_main_applicant: None,
            application,
            at: None,
        };
        let who = self.referrer(id);
        self.ask(who, id, split);
    }

    /// Those who left go on by themselves.
    pub(super) fn on_separated(&mut self, id: HouseholdId, event: &Separated) {
        let referrer = self.personas.get(&event.from).map_or(0, |persona| persona.referrer);
        self.adopt(id, referrer);
        for copy in &event.requests {
            let days = self.dice.within(5.0, 45.0);
            self.in_days(days, Action::Contact(id, copy.request));
            if copy.qualification.is_none() && copy.seniority.is_some() {
                let days = self.dice.within(3.0, 20.0);
                self.in_days(days, Action::Examine(id, copy.request));
            }
        }
        if self.dice.chance(0.4) {
            let days = self.dice.within(5.0, 40.0);
            self.in_days(days, Action::ShareCustody { household: id, of: event.from });
        }
        if event.requests.is_empty() && event.stays.is_empty() {
            let emergency = self.dice.chance(0.5);
            self.in_days(2.0, Action::AskAgain { household: id, emergency });
        }
    }

    fn die(&mut self, id: HouseholdId) {
        let Some(is) = self.household(id) else { return };
        let alone = is.composition.members.len() == 1;
        let stays: Vec<_> = is.active_stays().map(|(stay, _)| stay).collect();
        if alone {
            for stay in stays {
                self.end_now(id, stay, ExitDestination::deceased(), ExitReason::deceased(), false);
            }
            self.close_requests(id, CancellationReason::deceased(), None);
            self.lose(id);
            return;
        }
        let adults = self.adults(id);
        let Some((person, _, _)) = self.dice.pick(&adults) else { return };
        self.remove(id, person, MemberDepartureReason::death());
    }

    /// Removes somebody; another adult takes the place of the main applicant.
    fn remove(&mut self, id: HouseholdId, person: PersonId, reason: MemberDepartureReason) {
        let Some(is) = self.household(id) else { return };
        let main = self.main_applicant(id) == Some(person);
        let next =
            self.adults(id).into_iter().find(|(other, _, _)| *other != person).map(|(other, _, _)| other);
        let alone =
            is.active_stays().any(|(_, stay)| stay.persons.len() == 1 && stay.persons.contains(&person));
        if alone || is.composition.members.len() == 1 || (main && next.is_none()) {
            return;
        }
        let main_applicant = if main { next } else { None };
        let who = self.referrer(id);
        self.ask(who, id, RemoveMember { person, reason, main_applicant, at: None });
    }

    /// A grown child leaves, or a child goes to the other parent.
    fn child_leaves(&mut self, id: HouseholdId) {
        let today = self.today();
        let Some(is) = self.household(id) else { return };
        let child = MemberLink::child();
        let oldest = is
            .composition
            .members
            .iter()
            .filter(|(_, person)| person.link == child)
            .min_by_key(|(_, p)| p.born);
        let Some((person, age)) = oldest.map(|(id, person)| (*id, person.born.age_on(today))) else { return };
        let reason = if age >= 18 { "majority" } else { "custody" };
        if let Ok(reason) = reason.parse()
            && (age >= 18 || self.dice.chance(0.4))
        {
            self.remove(id, person, reason);
        }
    }

    fn somebody_joins(&mut self, id: HouseholdId) {
        let Some(is) = self.household(id) else { return };
        let count = is.composition.members.len();
        let expected = is.live_referrals().next().is_some();
        let partner = MemberLink::spouse_or_partner();
        let couple = is.composition.members.values().any(|person| person.link == partner);
        if expected || count >= 8 {
            return;
        }
        let today = self.today();
        let sex = if self.dice.chance(0.5) { Sex::Female } else { Sex::Male };
        let (link, age, reason) = match self.dice.weigh([4, 4, 2].into_iter()) {
            0 if !couple => (partner, self.dice.between(20, 55), "couple_formed"),
            0 | 1 => (MemberLink::child(), self.dice.between(1, 16), "reunification"),
            _ => (MemberLink::parent(), self.dice.between(58, 80), "relative_joined"),
        };
        let Ok(reason) = reason.parse() else { return };
        let surname = self.surname_of(id);
        let born = born(today, age, &mut self.dice);
        let mut member = self.people.person(sex, link, born, &surname, &mut self.dice);
        if age >= 18 {
            member.residence = Some(self.settings.residence.draw(&mut self.dice));
        }
        let who = self.referrer(id);
        self.ask(who, id, AddMember { member, reason, at: None, duplicate_reviewed: None });
    }

    /// Another telephone, a name that was written wrong.
    fn contacts_change(&mut self, id: HouseholdId) {
        let Some(person) = self.main_applicant(id) else { return };
        let member = self.household(id).and_then(|is| is.composition.members.get(&person)).and_then(|is| {
            let identity = Self::identity_of(is)?.clone();
            Some(NewMember { sex: is.sex, link: is.link, residence: is.residence, identity })
        });
        let Some(mut member) = member else { return };
        self.people.add_contacts(&mut member.identity, &mut self.dice);
        let who = self.referrer(id);
        self.ask(who, id, CorrectIdentity { person, member, duplicate_reviewed: None });
    }

    fn consent_withdrawn(&mut self, id: HouseholdId) {
        let given = self.household(id).and_then(|is| is.consents.iter().find(|(_, consent)| consent.given));
        if let Some(consent) = given.map(|(consent, _)| *consent) {
            let channel =
                if self.dice.chance(0.5) { ConsentChannel::Telephone } else { ConsentChannel::Written };
            let who = self.referrer(id);
            self.ask(who, id, WithdrawConsent { consent, channel });
            // Who takes a consent back often says which other use they do not want either.
            if let Some(person) = self.main_applicant(id) {
                let purpose = ConsentPurpose::contact_by_mail();
                self.ask(who, id, Object { person, purpose, recipient: None, channel });
            }
        }
    }

    /// Two who asked each for themselves ask together from now on.
    fn reunite(&mut self, id: HouseholdId) {
        let today = self.today();
        let Some(is) = self.household(id).filter(|is| free_to_join(is, today)) else { return };
        let one = is.composition.profile(today, None);
        if one.persons != 1 || self.dice.chance(0.5) {
            return;
        }
        let near = |other: &&HouseholdId| {
            **other != id
                && self.is_here(**other)
                && self.household(**other).is_some_and(|is| {
                    free_to_join(is, today) && is.active_stays().next().is_none() && {
                        let two = is.composition.profile(today, None);
                        two.persons == 1 && two.oldest_adult.abs_diff(one.oldest_adult) <= 9
                    }
                })
        };
        let other = self.waiting.values().flatten().find(near).copied();
        if let Some(from) = other {
            let who = self.siao();
            let theirs = self.main_applicant(from);
            let links = theirs.map(|person| (person, MemberLink::spouse_or_partner())).into_iter().collect();
            self.ask(who, id, Merge { from, links, at: None });
        }
    }

    /// The household is out of reach for good.
    pub(super) fn lose(&mut self, id: HouseholdId) {
        if let Some(persona) = self.personas.get_mut(&id) {
            persona.gone = true;
        }
    }
}

/// Whether nothing is pending that a merger would have to wait for.
fn free_to_join(is: &Household, today: Date) -> bool {
    let pending = is.active_stays().any(|(_, stay)| {
        matches!(stay.extension, Some(Extension::Requested { .. }))
            || matches!(stay.social_aid, Some(SocialAid::Sent { .. }))
    });
    matches!(is.registration, Registration::Registered { .. })
        && is.live_referrals().next().is_none()
        && !is.candidacies.values().any(|candidacy| candidacy.is_live())
        && !is.leases.values().any(|lease| lease.ended.is_none())
        && is.composition.profile(today, None).minors == 0
        && !pending
}
