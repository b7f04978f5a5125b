//! The simulated territory as a whole: the same again, complete, lawful, plausible.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use domain::decide::{Command, HouseholdCommand, PlaceCommand, StructureCommand};
use domain::household::erasure::ErasureEvent;
use domain::household::follow_up::FollowUpEvent;
use domain::household::person_request::PersonRequestEvent;
use domain::household::protection::ProtectionEvent;
use domain::household::request::RequestStream;
use domain::household::{HouseholdEvent, Registration};
use domain::ledger::{AggregateId, Ledgers, State};
use domain::place::{Place, PlaceEvent};
use domain::structure::StructureEvent;
use domain::structure_kind::StructureKind;

use super::world::World;
use super::{BadPlan, Line, Plan, Step, Summary, run};

fn plan(households: u32, years: u32, seed: u64) -> Plan {
    let until = "2026-10-31T22:59:59Z".parse().unwrap();
    Plan { territory: "33".parse().unwrap(), households, years, seed, until }
}

fn steps(plan: &Plan) -> (Vec<Step>, Summary) {
    let mut steps = Vec::new();
    let mut sink = |step: Step| {
        steps.push(step);
        Ok::<(), Infallible>(())
    };
    match run(plan, &mut sink, &mut |_| {}) {
        Ok(summary) => (steps, summary),
        Err(never) => match never {},
    }
}

/// The ledgers as they stand at the end of the plan.
fn ledgers_at_the_end(plan: Plan) -> Ledgers {
    let mut world = World::new(plan);
    world.begin();
    while world.advance() {
        world.steps.clear();
    }
    world.ledgers
}

fn bytes(plan: &Plan) -> Vec<u8> {
    let lines = steps(plan).0.into_iter().filter_map(Line::of);
    lines.flat_map(|line| [serde_json::to_vec(&line).unwrap(), b"\n".to_vec()].concat()).collect()
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let first = bytes(&plan(150, 1, 7));
    assert!(first.len() > 100_000, "{}", first.len());
    assert!(first == bytes(&plan(150, 1, 7)), "two runs of one plan differ");
    assert!(first != bytes(&plan(150, 1, 8)), "another seed gives the same territory");
}

#[test]
fn as_many_households_are_registered_as_were_planned() {
    for (households, seed) in [(100, 1), (333, 2)] {
        let (_, summary) = steps(&plan(households, 1, seed));
        assert_eq!(summary.households, u64::from(households));
    }
}

#[test]
fn every_kind_of_structure_is_there_and_in_use() {
    let (_, summary) = steps(&plan(600, 2, 3));
    for kind in StructureKind::ALL {
        let of = |counts: &BTreeMap<&str, u64>| counts.get(kind.code()).copied().unwrap_or(0);
        assert!(of(&summary.structures) >= 1 && of(&summary.places) >= 2, "{kind}");
        let used = if kind.let_by_committee() { summary.of("lease.signed") } else { of(&summary.placements) };
        assert!(used > 0, "nobody moved into {kind}");
    }
}

#[test]
fn everything_that_can_happen_happens() {
    let (_, summary) = steps(&plan(4_000, 3, 5));
    let kinds = [HouseholdEvent::kinds(), PlaceEvent::kinds(), StructureEvent::kinds()].concat();
    // Who is in charge, which files are protected or kept, and what persons ask about their data, is said by people who sign
    // in: nobody does in a simulation. That a file falls due is said by the clock.
    let signed_in =
        [FollowUpEvent::KINDS, ProtectionEvent::KINDS, PersonRequestEvent::KINDS, ErasureEvent::KINDS]
            .concat();
    let by_clock = |kind: &str| kind == "household.erasure_announced";
    let simulated = kinds.iter().filter(|kind| by_clock(kind.0) || !signed_in.contains(kind));
    let missing = simulated.map(|(kind, _)| *kind).filter(|kind| summary.of(kind) == 0);
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}

#[test]
fn what_the_simulation_asks_for_is_hardly_ever_refused_and_never_malformed() {
    let (_, summary) = steps(&plan(1_200, 3, 11));
    assert!(summary.commands > 20_000, "{}", summary.commands);
    assert_eq!(summary.refused_invalid, 0, "{:?}", summary.refused);
    assert!(summary.total_refused() * 100 < summary.commands, "{:?}", summary.refused);
}

#[test]
fn time_passes_forward_and_nothing_is_known_before_it_happens() {
    let plan = plan(300, 2, 13);
    let (steps, _) = steps(&plan);
    assert!(steps.iter().all(|step| !step.changes.is_empty()));
    assert!(steps.is_sorted_by_key(|step| step.origin.at));
    assert!(steps.last().is_some_and(|step| step.origin.at <= plan.until));
    let early = |step: &Step| step.changes.iter().any(|change| change.effective > step.origin.at);
    assert!(!steps.iter().any(early));
}

#[test]
fn a_body_reads_as_the_command_that_was_decided() {
    for step in steps(&plan(200, 2, 17)).0 {
        let name = step.command.name();
        let same = match &step.command {
            Command::Household(_, command) => {
                HouseholdCommand::read(name, step.body).is_some_and(|read| read.unwrap() == *command)
            }
            Command::Place(_, command) => {
                PlaceCommand::read(name, step.body).is_some_and(|read| read.unwrap() == *command)
            }
            Command::Structure(_, command) => {
                StructureCommand::read(name, step.body).is_some_and(|read| read.unwrap() == *command)
            }
            Command::Organisation(..)
            | Command::User(..)
            | Command::Subscription(..)
            | Command::Inquiry(..) => false,
            Command::Elapse(_) => step.body.is_null() && step.asked.is_none(),
        };
        assert!(same, "{name}");
    }
}

#[test]
fn the_services_would_give_the_same_ids() {
    for step in steps(&plan(120, 1, 19)).0 {
        if let Some(asked) = step.asked {
            let organisation = step.origin.organisation.to_string();
            let command = domain::id::CommandId::of_key(&organisation, &asked.key.to_string());
            assert_eq!(command, step.origin.command);
            let millis = u128::try_from(step.origin.at.as_millisecond()).unwrap();
            assert_eq!(asked.key.as_u128() >> 80, millis, "a key carries the simulated time");
        }
    }
}

#[test]
fn winter_nights_bring_more_calls_than_summer_nights() {
    let (_, summary) = steps(&plan(2_000, 3, 23));
    let [calls, files] = summary.submissions;
    let of = |months: &[u64; 12], which: &[usize]| which.iter().map(|month| months[month - 1]).sum::<u64>();
    let (winter, summer) = (of(&calls, &[12, 1, 2]), of(&calls, &[6, 7, 8]));
    assert!(winter * 10 > summer * 14, "{winter} in winter, {summer} in summer: {calls:?}");
    let (spring, holidays) = (of(&files, &[3, 4, 5, 9]), of(&files, &[6, 7, 8, 12]));
    assert!(spring > holidays, "{spring} in spring and September, {holidays} in the holidays: {files:?}");
}

#[test]
fn waits_are_of_plausible_length() {
    let (_, summary) = steps(&plan(2_000, 3, 29));
    let median = |waits: &super::summary::Waits| waits.quantile(0.5).unwrap();
    let (night, insertion, lease) =
        (median(&summary.days_115), median(&summary.days_insertion), median(&summary.days_lease));
    assert!(night <= 45, "{night} days to a place of the 115");
    assert!((60..=400).contains(&insertion), "{insertion} days to a place of insertion housing");
    assert!((150..=900).contains(&lease), "{lease} days to a lease");
    assert!((0.85..=1.0).contains(&summary.occupancy()), "{}", summary.occupancy());
    let (proposed, accepted) = (summary.of("referral.proposed"), summary.of("referral.accepted"));
    assert!(accepted * 10 > proposed * 5 && accepted * 10 < proposed * 9, "{accepted} of {proposed}");
}

#[test]
fn the_invariants_hold_at_the_end() {
    let ledgers = ledgers_at_the_end(plan(1_500, 3, 31));
    let mut staying = BTreeSet::new();
    let mut people = BTreeSet::new();
    for (ledger, state) in ledgers.iter() {
        match (ledger, state) {
            (AggregateId::Place(_), State::Place(is)) => check_place(ledger, is),
            (AggregateId::Household(id), State::Household(is)) => {
                if !matches!(is.registration, Registration::Registered { .. }) {
                    continue;
                }
                for person in is.composition.members.keys() {
                    assert!(people.insert(*person), "INV-11: {person} is in two households");
                }
                for (stay, one) in is.active_stays() {
                    let place = match ledgers.get(&AggregateId::Place(one.place)) {
                        Some(State::Place(place)) => place,
                        other => panic!("{stay} is in {other:?}"),
                    };
                    let occupancy = place.current_occupancy().unwrap();
                    assert_eq!(occupancy.household, *id, "INV-2: {stay}");
                    assert_eq!(usize::from(occupancy.persons), one.persons.len(), "INV-4: {stay}");
                    for person in &one.persons {
                        assert!(staying.insert(*person), "INV-1: {person} is in two stays");
                    }
                }
                let of = |stream| {
                    let open = is.requests.values().filter(|one| one.situation.is_open());
                    open.filter(|one| one.file.stream == stream && one.siao == id.territory()).count()
                };
                assert!(of(RequestStream::Emergency115) <= 1 && of(RequestStream::Insertion) <= 1, "{id}");
                assert!(is.applications.values().filter(|one| one.is_live()).count() <= 1, "{id}");
            }
            (_, _) => {}
        }
    }
    assert!(staying.len() > 300 && people.len() > 2_000, "{} {}", staying.len(), people.len());
}

fn check_place(ledger: &AggregateId, is: &Place) {
    let current = is.occupancies.iter().filter(|occupancy| occupancy.to.is_none()).count();
    assert!(current <= 1, "INV-2: {ledger} has {current} occupants");
    assert!(current == 0 || is.hold.is_none(), "INV-2: {ledger} is held and occupied");
    for (n, one) in is.occupancies.iter().enumerate() {
        for other in &is.occupancies[n + 1..] {
            assert!(!one.overlaps(other.from, other.to), "INV-2: {ledger} had two occupants at once");
        }
    }
    if let (Some(occupancy), Some(description)) = (is.current_occupancy(), is.description())
        && !description.kind.let_by_committee()
    {
        assert!(occupancy.persons <= description.capacity, "INV-4: {ledger} is too full");
    }
}

#[test]
fn a_sink_that_takes_no_more_stops_the_simulation() {
    let mut taken = 0;
    let mut sink = |_: Step| {
        taken += 1;
        if taken == 100 { Err("full") } else { Ok(()) }
    };
    assert_eq!(run(&plan(200, 1, 1), &mut sink, &mut |_| {}).err(), Some("full"));
    assert_eq!(taken, 100);
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused() {
    let good = plan(200, 1, 1);
    assert_eq!(good.check(), Ok(()));
    let nobody = Plan { households: 5, ..good };
    assert_eq!(nobody.check(), Err(BadPlan::Households { households: 5 }));
    assert_eq!(Plan { years: 0, ..good }.check(), Err(BadPlan::Years { years: 0 }));
    let nowhere = "975".parse().unwrap();
    assert_eq!(Plan { territory: nowhere, ..good }.check(), Err(BadPlan::NoCommunes { territory: nowhere }));
    assert!(steps(&nobody).0.is_empty());
}
