//! The sequences really reach what the laws are about: every command is accepted, every event recorded.

use std::collections::BTreeSet;

use domain::decide::catalogue;
use domain::household::HouseholdEvent;
use domain::place::PlaceEvent;
use domain::structure::StructureEvent;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::check::nothing;
use crate::world::{World, op};

#[test]
fn random_sequences_reach_every_command_and_every_event() {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(33), ..Config::default() });
    let (mut kinds, mut commands) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..200 {
        let ops = proptest::collection::vec(op(), crate::LENGTH).new_tree(&mut runner).unwrap().current();
        let mut world = World::settled(nothing);
        for op in ops {
            world.carry_out(&op).unwrap();
        }
        let reached = world.reached();
        kinds.extend(reached.0);
        commands.extend(reached.1);
    }
    let every = [HouseholdEvent::kinds(), PlaceEvent::kinds(), StructureEvent::kinds()].concat();
    let never: Vec<_> = every.iter().map(|(kind, _)| kind).filter(|kind| !kinds.contains(*kind)).collect();
    assert!(never.is_empty(), "never recorded: {never:?}");
    let pathway = |ledger: &str| ["household", "place", "structure"].contains(&ledger);
    let never: Vec<_> = catalogue()
        .filter(|command| pathway(command.ledger))
        .map(|command| (command.ledger, command.name))
        .filter(|command| !commands.contains(command))
        .collect();
    assert!(never.is_empty(), "never accepted: {never:?}");
}
