//! Who slept where and when, told by the events alone.

use std::collections::{BTreeMap, BTreeSet};

use domain::household::HouseholdEvent;
use domain::household::composition::CompositionEvent;
use domain::household::correction::{CorrectionEvent, DatedFact};
use domain::household::family::FamilyEvent;
use domain::household::stay::StayEvent;
use domain::id::{PersonId, StayId};
use jiff::Timestamp;

use super::of_households;
use crate::world::World;

/// A person in a stay.
#[derive(Debug, Clone)]
pub(super) struct Presence {
    pub(super) person: PersonId,
    pub(super) stay: StayId,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    /// When they joined those who were there already; a correction of the entry moves the others.
    joined: Option<Timestamp>,
    /// There to the last: a correction of the exit moves them too.
    stayed: bool,
}

/// Every presence, as far as it has been told.
#[derive(Default)]
struct Register {
    all: Vec<Presence>,
    starts: BTreeMap<StayId, Timestamp>,
}

impl Register {
    fn enter(&mut self, stay: StayId, person: PersonId, at: Timestamp, joined: bool) {
        let from = self.starts.get(&stay).map_or(at, |start| at.max(*start));
        let joined = joined.then_some(at);
        self.all.push(Presence { person, stay, from, to: None, joined, stayed: false });
    }

    /// Ends the running presences that `of` says.
    fn leave(&mut self, at: Timestamp, stayed: bool, of: impl Fn(&Presence) -> bool) {
        for one in self.all.iter_mut().filter(|one| one.to.is_none() && of(one)) {
            (one.to, one.stayed) = (Some(if stayed { at } else { at.max(one.from) }), stayed);
        }
    }

    /// Those who left a household and took their stay along were never out of it.
    fn went_along(&mut self, stay: StayId, persons: &BTreeSet<PersonId>) {
        for person in persons {
            let theirs = |one: &&mut Presence| one.stay == stay && one.person == *person;
            if let Some(last) = self.all.iter_mut().rev().find(theirs) {
                last.to = None;
            }
        }
    }

    fn started_really(&mut self, stay: StayId, at: Timestamp) {
        self.starts.insert(stay, at);
        for one in self.all.iter_mut().filter(|one| one.stay == stay) {
            one.from = one.joined.map_or(at, |joined| joined.max(at));
        }
    }

    fn ended_really(&mut self, stay: StayId, at: Timestamp) {
        for one in self.all.iter_mut().filter(|one| one.stay == stay && one.stayed) {
            one.to = Some(at);
        }
    }
}

/// Every presence of every person.
pub(super) fn presences(world: &World) -> Vec<Presence> {
    let mut told = Register::default();
    for (_, event, stamp) in of_households(&world.log) {
        let at = stamp.effective;
        match event {
            HouseholdEvent::Composition(CompositionEvent::MemberLeft(e)) => {
                told.leave(at, false, |one| one.person == e.person);
            }
            HouseholdEvent::Family(FamilyEvent::Split(e)) => {
                told.leave(at, false, |one| e.persons.contains(&one.person));
            }
            HouseholdEvent::Family(FamilyEvent::Separated(e)) => {
                e.stays.iter().for_each(|copy| told.went_along(copy.stay, &copy.persons));
            }
            HouseholdEvent::Composition(CompositionEvent::MemberAdded(e)) => {
                if let Some(stay) = e.joins {
                    told.enter(stay, e.member.person, at, true);
                }
            }
            HouseholdEvent::Composition(CompositionEvent::StayJoined(e)) => {
                e.persons.iter().for_each(|person| told.enter(e.stay, *person, at, true));
            }
            HouseholdEvent::Stay(StayEvent::StayStarted(e)) => {
                told.starts.insert(e.stay, at);
                e.persons.iter().for_each(|person| told.enter(e.stay, *person, at, false));
            }
            HouseholdEvent::Stay(StayEvent::PersonsLeft(e)) => {
                told.leave(at, false, |one| one.stay == e.stay && e.persons.contains(&one.person));
            }
            HouseholdEvent::Stay(StayEvent::StayEnded(e)) => {
                told.leave(at, true, |one| one.stay == e.stay);
            }
            // A stay that was voided never was.
            HouseholdEvent::Correction(CorrectionEvent::StayVoided(e)) => {
                told.all.retain(|one| one.stay != e.stay);
            }
            HouseholdEvent::Correction(CorrectionEvent::FactCorrected(e)) => match e.fact {
                DatedFact::StayStart { stay } => told.started_really(stay, e.is.0),
                DatedFact::StayEnd { stay } => told.ended_really(stay, e.is.0),
                DatedFact::RequestSubmission { .. }
                | DatedFact::LeaseSignature { .. }
                | DatedFact::LeaseEnd { .. }
                | DatedFact::ApplicationFiling { .. }
                | DatedFact::LabelDecision { .. } => {}
            },
            HouseholdEvent::Composition(_)
            | HouseholdEvent::Family(_)
            | HouseholdEvent::Request(_)
            | HouseholdEvent::Referral(_)
            | HouseholdEvent::Stay(_)
            | HouseholdEvent::Application(_)
            | HouseholdEvent::Priority(_)
            | HouseholdEvent::Consent(_)
            | HouseholdEvent::PersonRequest(_)
            | HouseholdEvent::FollowUp(_)
            | HouseholdEvent::Protection(_)
            | HouseholdEvent::Erasure(_)
            | HouseholdEvent::Candidacy(_) => {}
        }
    }
    told.all
}
