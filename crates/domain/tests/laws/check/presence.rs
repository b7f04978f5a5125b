//! Who slept where and when, told by the events alone.

use std::collections::BTreeMap;

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
    /// There from the first day: a correction of the entry moves them too.
    entered: bool,
    /// There to the last: a correction of the exit moves them too.
    stayed: bool,
}

/// Every presence of every person.
pub(super) fn presences(world: &World) -> Vec<Presence> {
    let mut all: Vec<Presence> = Vec::new();
    let mut starts: BTreeMap<StayId, Timestamp> = BTreeMap::new();
    for (_, event, stamp) in of_households(&world.log) {
        let at = stamp.effective;
        let mut leave = |person: &PersonId| {
            for one in all.iter_mut().filter(|one| one.person == *person && one.to.is_none()) {
                one.to = Some(at.max(one.from));
            }
        };
        match event {
            HouseholdEvent::Composition(CompositionEvent::MemberLeft(e)) => leave(&e.person),
            HouseholdEvent::Family(FamilyEvent::Split(e)) => e.persons.iter().for_each(leave),
            HouseholdEvent::Composition(CompositionEvent::MemberAdded(e)) => {
                if let Some(stay) = e.joins {
                    let from = starts.get(&stay).map_or(at, |start| at.max(*start));
                    let person = e.member.person;
                    all.push(Presence { person, stay, from, to: None, entered: false, stayed: false });
                }
            }
            HouseholdEvent::Stay(StayEvent::StayStarted(e)) => {
                starts.insert(e.stay, at);
                all.extend(e.persons.iter().map(|person| Presence {
                    person: *person,
                    stay: e.stay,
                    from: at,
                    to: None,
                    entered: true,
                    stayed: false,
                }));
            }
            HouseholdEvent::Stay(StayEvent::StayEnded(e)) => {
                for one in all.iter_mut().filter(|one| one.stay == e.stay && one.to.is_none()) {
                    (one.to, one.stayed) = (Some(at), true);
                }
            }
            HouseholdEvent::Composition(CompositionEvent::StayJoined(e)) => {
                let from = starts.get(&e.stay).map_or(at, |start| at.max(*start));
                all.extend(e.persons.iter().map(|person| Presence {
                    person: *person,
                    stay: e.stay,
                    from,
                    to: None,
                    entered: false,
                    stayed: false,
                }));
            }
            HouseholdEvent::Stay(StayEvent::PersonsLeft(e)) => {
                let leaves = |one: &Presence| one.stay == e.stay && e.persons.contains(&one.person);
                for one in all.iter_mut().filter(|one| one.to.is_none() && leaves(one)) {
                    one.to = Some(at.max(one.from));
                }
            }
            // A stay that was voided never was.
            HouseholdEvent::Correction(CorrectionEvent::StayVoided(e)) => {
                all.retain(|one| one.stay != e.stay);
            }
            HouseholdEvent::Correction(CorrectionEvent::FactCorrected(e)) => match e.fact {
                DatedFact::StayStart { stay } => {
                    starts.insert(stay, e.is.0);
                    for one in all.iter_mut().filter(|one| one.stay == stay && one.entered) {
                        one.from = e.is.0;
                    }
                }
                DatedFact::StayEnd { stay } => {
                    for one in all.iter_mut().filter(|one| one.stay == stay && one.stayed) {
                        one.to = Some(e.is.0);
                    }
                }
                DatedFact::RequestSubmission { .. } => {}
            },
            HouseholdEvent::Composition(_)
            | HouseholdEvent::Family(_)
            | HouseholdEvent::Request(_)
            | HouseholdEvent::Referral(_)
            | HouseholdEvent::Stay(_)
            | HouseholdEvent::Application(_)
            | HouseholdEvent::Priority(_)
            | HouseholdEvent::Consent(_)
            | HouseholdEvent::Candidacy(_) => {}
        }
    }
    all
}
