//! INV-1 and INV-4: one stay a person, and nobody where they do not fit.

use std::collections::{BTreeMap, BTreeSet};

use domain::household::HouseholdEvent;
use domain::household::composition::{CompositionEvent, Person, Sex};
use domain::household::referral::ReferralEvent;
use domain::household::stay::{Admission, StayEvent};
use domain::id::{PersonId, PlaceId};
use domain::place::inventory::{Description, GenderRule};
use domain::reference::MemberLink;
use jiff::Timestamp;
use jiff::civil::Date;

use super::presence::{Presence, presences};
use super::{Verdict, households, must, of_households};
use crate::world::{Recorded, World, place_in};

/// Hours that a transfer may overlap.
const OVERLAP_S: i64 = 24 * 3_600;

/// Overlaps in seconds; from one end to the other when both run.
fn overlap(one: &Presence, other: &Presence) -> i64 {
    let end = |presence: &Presence| presence.to.unwrap_or(Timestamp::MAX).as_second();
    end(one).min(end(other)) - one.from.as_second().max(other.from.as_second())
}

pub(crate) fn one_stay(world: &World, _: &Recorded) -> Verdict {
    let mut of: BTreeMap<PersonId, Vec<Presence>> = BTreeMap::new();
    for presence in presences(world) {
        of.entry(presence.person).or_default().push(presence);
    }
    for (person, all) in &of {
        for (n, one) in all.iter().enumerate() {
            for other in &all[n + 1..] {
                let seconds = overlap(one, other);
                let allowed = if one.stay == other.stay { 0 } else { OVERLAP_S };
                must(seconds <= allowed, || {
                    format!("{person} is in two stays for {seconds} s: {one:?}, {other:?}")
                })?;
            }
        }
        let reversed = all.iter().find(|one| one.to.is_some_and(|to| to < one.from));
        must(reversed.is_none(), || format!("{person} left before they came: {reversed:?}"))?;
        let running = all.iter().filter(|one| one.to.is_none()).count();
        must(running <= 1, || format!("{person} has {running} active stays"))?;
    }
    // What the ledgers say of the present is what the events told.
    let mut now: BTreeMap<PersonId, BTreeSet<_>> = BTreeMap::new();
    for (_, is) in households(&world.ledgers) {
        for (stay, one) in is.active_stays() {
            for person in &one.persons {
                now.entry(*person).or_default().insert(stay);
            }
        }
    }
    let mut told: BTreeMap<PersonId, BTreeSet<_>> = BTreeMap::new();
    for one in of.values().flatten().filter(|one| one.to.is_none()) {
        told.entry(one.person).or_default().insert(one.stay);
    }
    must(now == told, || format!("the ledgers say {now:?}, the events {told:?}"))
}

/// Whether these persons may live there, judged by what the place says of itself.
fn misfit(room: &Description, persons: &[&Person], on: Date) -> Option<String> {
    let age = |person: &&&Person| person.born.age_on(on);
    let adults: Vec<_> = persons.iter().filter(|person| age(person) >= 18).collect();
    let of = |sex: Sex| adults.iter().any(|person| person.sex == sex);
    let criteria = &room.criteria;
    let wrong_sex = match criteria.gender {
        GenderRule::Mixed => false,
        GenderRule::WomenOnly => of(Sex::Male),
        GenderRule::MenOnly => of(Sex::Female),
    };
    let couple = adults.iter().any(|person| person.link == MemberLink::spouse_or_partner());
    let too_young = adults.iter().any(|one| criteria.age_min.is_some_and(|min| age(one) < min));
    let too_old = adults.iter().any(|one| criteria.age_max.is_some_and(|max| age(one) > max));
    let crowded = persons.len() > usize::from(room.capacity);
    let minors = adults.len() < persons.len();
    [
        (crowded, "too many persons"),
        (wrong_sex, "the wrong sex"),
        (couple && !criteria.couples, "a couple"),
        (minors && !criteria.children, "a minor"),
        (too_young, "an adult too young"),
        (too_old, "an adult too old"),
    ]
    .into_iter()
    .find(|(wrong, _)| *wrong)
    .map(|(_, what)| format!("{what} in {:?} for {}", criteria, room.capacity))
}

pub(crate) fn capacity(world: &World, done: &Recorded) -> Verdict {
    let mut persons: BTreeMap<PlaceId, usize> = BTreeMap::new();
    for (_, is) in households(&world.ledgers) {
        for (_, stay) in is.active_stays() {
            *persons.entry(stay.place).or_default() += stay.persons.len();
        }
    }
    for (place, count) in persons {
        let capacity = world.place(place).inventory.description().map_or(0, |is| usize::from(is.capacity));
        must(count <= capacity, || format!("{count} persons in {place} for {capacity}"))?;
        let told: usize = world.place(place).current_occupancy().map_or(0, |o| usize::from(o.persons));
        must(told == count, || format!("the place says {told}, the households {count}"))?;
    }
    for (id, event, _) in of_households(&done.facts) {
        let members = &world.household(id).composition.members;
        let (place, who): (PlaceId, Vec<&Person>) = match event {
            // A stay of earlier times was admitted by the rules of its day.
            HouseholdEvent::Stay(StayEvent::StayStarted(e)) if e.admission != Admission::TakenOver => {
                (e.place, e.persons.iter().filter_map(|person| members.get(person)).collect())
            }
            HouseholdEvent::Referral(ReferralEvent::ReferralProposed(e)) => {
                let for_all =
                    members.iter().filter(|(id, _)| e.persons.as_ref().is_none_or(|of| of.contains(id)));
                (e.place, for_all.map(|(_, person)| person).collect())
            }
            HouseholdEvent::Composition(CompositionEvent::MemberAdded(e)) => {
                let stay = e.joins.and_then(|stay| world.household(id).stays.get(&stay));
                let Some(stay) = stay else { continue };
                (stay.place, members.get(&e.member.person).into_iter().collect())
            }
            HouseholdEvent::Composition(_)
            | HouseholdEvent::Family(_)
            | HouseholdEvent::Correction(_)
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
            | HouseholdEvent::Candidacy(_) => continue,
        };
        let room = place_in(&done.before, place).inventory.description();
        let Some(room) = room else { return Err(format!("{place} is not a place")) };
        let on = domain::calendar::day(place.territory(), done.at);
        misfit(room, &who, on).map_or(Ok(()), |why| Err(format!("{id} has {why}")))?;
    }
    Ok(())
}
