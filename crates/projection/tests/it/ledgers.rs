//! States, commands and indexes.

use domain::ledger::{AggregateId, State};
use domain::structure::Structure;
use journal::Local as _;
use projection::ledgers::{IndexEntry, Ledgers, LedgersView, state};
use projection::{Tree, key};
use proptest::prelude::*;

use crate::support::events::{command, household, structure};
use crate::support::{Fed, Memory, PATIENCE, built, dump, events, start};

const BY_NAME: Tree = Tree::named("ledgers/by-name");
const CONSENTING: Tree = Tree::named("ledgers/consenting");

/// States with two indexes; households keep only the consents that stand.
pub(crate) fn view() -> LedgersView {
    LedgersView::new(1).indexed(&[BY_NAME, CONSENTING], index).withholding(|state| {
        if let State::Household(household) = state {
            household.consents.retain(|_, consent| consent.given);
        }
    })
}

fn index(ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    match state {
        State::Household(household) => {
            let consents = household.consents.keys();
            consents.map(|id| (CONSENTING, key::of(&(id.0, ledger)), Vec::new())).collect()
        }
        State::Structure(structure) => {
            let name = structure.profile().map(|profile| profile.name.clone());
            assert_ne!(name.as_deref(), Some("Foyer 9"), "the index has never heard of such a name");
            name.map(|name| (BY_NAME, key::of(&(name, ledger)), b"open".to_vec())).into_iter().collect()
        }
        State::Place(_)
        | State::Organisation(_)
        | State::User(_)
        | State::Subscription(_)
        | State::Inquiry(_) => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_decided_on_at_the_version_of_its_last_event() {
    let source =
        Memory::of(events(&[Fed::Consent(1, 0), Fed::Open(1), Fed::Consent(1, 1), Fed::Rename(1, 4)]));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let ledgers = Ledgers::of(projection.handle());
    assert!(ledgers.reached(4, PATIENCE).await);
    let (state_of_household, version) = ledgers.ledger(&household(1)).unwrap().unwrap();
    let State::Household(state_of_household) = state_of_household else {
        panic!("it is a household's ledger")
    };
    assert_eq!((state_of_household.consents.len(), version), (2, 3));
    assert!(ledgers.ledger(&household(2)).unwrap().is_none());

    let page = projection.handle().reader().page().unwrap();
    let names: Vec<_> = page.prefix(BY_NAME, &[]).unwrap().map(|row| row.unwrap().0).collect();
    assert_eq!(names, [key::of(&("Foyer 4", structure(1)))], "the old name is gone");
    let folded = state(&page, &structure(1)).unwrap().unwrap();
    assert!(
        matches!(&folded.state, State::Structure(structure) if matches!(**structure, Structure::Open { .. }))
    );
    drop((page, ledgers));
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_recognised_for_thirty_days_whatever_the_batches() {
    // One event every three hours: 400 of them are fifty days.
    let fed: Vec<_> = (0..400).map(|n| Fed::Consent(u8::try_from(n % 5).unwrap(), 0)).collect();
    let source = Memory::of(events(&fed)).split(&[7, 1, 30]);
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let ledgers = Ledgers::of(projection.handle());
    assert!(ledgers.reached(400, PATIENCE).await);
    for position in (400 - 30 * 8)..=400 {
        let done = ledgers.command(command(position)).unwrap().unwrap();
        let positions: Vec<_> = done.events.iter().map(|event| event.position).collect();
        let first = (position - 1) / 2 * 2 + 1;
        assert_eq!(positions, [first, first + 1]);
        assert_eq!(done.events[0].kind, "consent.given");
    }
    assert!(ledgers.command(command(1)).unwrap().is_none(), "forgotten after fifty days");
    let rows = dump(&projection.handle(), &source).await;
    let remembered = rows.lines().filter(|row| row.starts_with("ledgers/commands ")).count();
    assert!(remembered <= 6 * 7 * 8, "{remembered} rows: old weeks are removed");
    drop(ledgers);
    projection.stop().await;
}

fn happenings() -> impl Strategy<Value = Vec<Fed>> {
    let fed = prop_oneof![
        6 => (0..6_u8, 0..4_u8).prop_map(|(n, consent)| Fed::Consent(n, consent)),
        2 => (0..3_u8).prop_map(Fed::Open),
        4 => (0..3_u8, 0..5_u8).prop_map(|(n, to)| Fed::Rename(n, to)),
        1 => (0..6_u8).prop_map(Fed::Damaged),
        1 => (0..3_u8).prop_map(Fed::Contradiction),
        1 => (0..6_u8).prop_map(Fed::Panic),
    ];
    prop::collection::vec(fed, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rows_are_the_same_however_the_events_are_split(
        fed in happenings(),
        sizes in prop::collection::vec(1..40_usize, 1..6),
        others in prop::collection::vec(1..40_usize, 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let source = Memory::of(events(&fed));
        let one = runtime.block_on(built(&source.split(&sizes)));
        let other = runtime.block_on(built(&source.split(&others)));
        prop_assert_eq!(one, other);
    }
}
