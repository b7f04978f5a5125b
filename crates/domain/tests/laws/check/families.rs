//! INV-11: persons are conserved.

use std::collections::{BTreeMap, BTreeSet};

use domain::household::composition::CompositionEvent;
use domain::household::{HouseholdEvent, Registration};
use domain::id::{HouseholdId, PersonId};
use domain::reference::{MemberDepartureReason, MemberLink};

use super::{Verdict, households, must, of_households};
use crate::world::{Recorded, World};

pub(crate) fn persons(world: &World, _: &Recorded) -> Verdict {
    let mut of: BTreeMap<PersonId, HouseholdId> = BTreeMap::new();
    let emptied = emptied_by_death(world);
    for (id, is) in households(&world.ledgers) {
        let members = &is.composition.members;
        let active = matches!(is.registration, Registration::Registered { .. });
        // A household is emptied by the death of its last member only; it stays registered.
        let empty_by_right = !active || emptied.contains(&id);
        // Who was erased is still counted.
        let counted = active || is.erasure().is_some();
        must(counted || members.is_empty(), || format!("{id} is {:?} and has {members:?}", is.registration))?;
        must(!members.is_empty() || empty_by_right, || {
            format!("{id} is {:?} and has {members:?}", is.registration)
        })?;
        for person in members.keys() {
            if let Some(other) = of.insert(*person, id) {
                return Err(format!("{person} is in {id} and {other}"));
            }
        }
        let main = members.values().filter(|person| person.link == MemberLink::main_applicant()).count();
        must(main == usize::from(!members.is_empty()), || format!("{id} has {main} main applicants"))?;
        for (stay, one) in is.active_stays() {
            must(!one.persons.is_empty(), || format!("{stay} runs for nobody"))?;
            let strangers: Vec<_> =
                one.persons.iter().filter(|person| !members.contains_key(person)).collect();
            must(strangers.is_empty(), || format!("{strangers:?} stay with {id}, which they are not of"))?;
        }
    }
    // Who came and who went, as it was told; a separation or a reunion neither makes nor loses anybody.
    let mut told: BTreeSet<PersonId> = BTreeSet::new();
    for (_, event, _) in of_households(&world.log) {
        let HouseholdEvent::Composition(event) = event else { continue };
        match event {
            CompositionEvent::Registered(e) => told.extend(e.members.iter().map(|record| record.person)),
            CompositionEvent::MemberAdded(e) => drop(told.insert(e.member.person)),
            CompositionEvent::MemberLeft(e) => drop(told.remove(&e.person)),
            CompositionEvent::IdentityCorrected(_)
            | CompositionEvent::PregnancyDeclared(_)
            | CompositionEvent::SafetyNoted(_)
            | CompositionEvent::CustodyShared(_)
            | CompositionEvent::CustodyEnded(_)
            | CompositionEvent::StayJoined(_) => {}
        }
    }
    let now: BTreeSet<_> = of.into_keys().collect();
    must(now == told, || {
        let (lost, made) = (told.difference(&now), now.difference(&told));
        format!("lost: {:?}, from nowhere: {:?}", lost.collect::<Vec<_>>(), made.collect::<Vec<_>>())
    })
}

/// The households whose last departure was a death.
fn emptied_by_death(world: &World) -> BTreeSet<HouseholdId> {
    let mut emptied = BTreeSet::new();
    for (id, event, _) in of_households(&world.log) {
        if let HouseholdEvent::Composition(CompositionEvent::MemberLeft(e)) = event {
            if e.reason == MemberDepartureReason::death() {
                emptied.insert(id)
            } else {
                emptied.remove(&id)
            };
        }
    }
    emptied
}
