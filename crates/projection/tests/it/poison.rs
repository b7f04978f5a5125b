//! Events that cannot be read or applied.

use domain::ledger::State;
use journal::{Local as _, LocalError};
use projection::ledgers::{Ledgers, state};
use projection::{Handle, Readiness, SourceError, Stop};

use crate::support::events::{CONTRADICTION, event, household, structure};
use crate::support::{COUNTS, Fed, Memory, PATIENCE, built, dump, events, start};

async fn stopped(handle: &Handle) -> Stop {
    handle.until_ready().await.ok();
    loop {
        if let Readiness::Stopped(why) = handle.ready() {
            return why;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_applied_halts_its_ledger_and_no_other() {
    for (poison, why) in [
        (Fed::Damaged(1), "cannot be read"),
        (Fed::Contradiction(1), "no structure closes here"),
        (Fed::Panic(1), "a view panicked"),
    ] {
        let ledger = if let Fed::Contradiction(_) = poison { structure(1) } else { household(1) };
        let fed = [
            Fed::Open(1),
            Fed::Consent(1, 0),
            Fed::Consent(2, 0),
            poison,
            Fed::Rename(1, 2),
            Fed::Consent(1, 1),
            Fed::Consent(2, 1),
        ];
        let source = Memory::of(events(&fed));
        let directory = tempfile::tempdir().unwrap();
        let (projection, _) = start(&source, directory.path()).await;
        let handle = projection.handle();
        assert!(handle.reached(7, PATIENCE).await);
        assert_eq!((handle.ready(), handle.halted()), (Readiness::Ready, 1));

        let page = handle.reader().page().unwrap();
        let halted = page.halted(&ledger).unwrap().unwrap();
        assert_eq!((halted.position, halted.unapplied), (4, 2));
        assert!(halted.why.contains(why), "{}", halted.why);
        assert!(!halted.why.contains("Secret"), "no personal data: {}", halted.why);
        assert_eq!(page.all_halted().unwrap(), [halted]);
        assert_eq!(
            state(&page, &ledger).unwrap().unwrap().version,
            if ledger == structure(1) { 1 } else { 2 }
        );
        assert_eq!(count(&page, &ledger), 1, "what was written for the event is taken back");
        assert_eq!(count(&page, &household(2)), 2, "others go on");
        drop(page);
        let ledgers = Ledgers::of(handle);
        assert_eq!(ledgers.ledger(&ledger).unwrap_err(), LocalError::Halted { ledger, position: 4 });
        let Some((State::Household(other), 7)) = ledgers.ledger(&household(2)).unwrap() else {
            panic!("the other household is at version 7")
        };
        assert_eq!(other.consents.len(), 2);
        drop(ledgers);
        projection.stop().await;
    }
}

fn count(page: &projection::Page, ledger: &domain::ledger::AggregateId) -> u64 {
    *page.load::<u64>(COUNTS, &projection::key::of(ledger)).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_indexed_halts_its_ledger_at_the_event_that_led_to_it() {
    let fed = [Fed::Open(1), Fed::Consent(1, 0), Fed::Rename(1, 2), Fed::Rename(1, 9), Fed::Consent(1, 1)];
    let source = Memory::of(events(&fed));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let handle = projection.handle();
    assert!(handle.reached(5, PATIENCE).await);
    let page = handle.reader().page().unwrap();
    let halted = page.halted(&structure(1)).unwrap().unwrap();
    assert_eq!((halted.position, halted.unapplied, handle.halted()), (4, 1, 1));
    assert_eq!(state(&page, &structure(1)).unwrap().unwrap().version, 3);
    drop(page);
    let rows = dump(&handle, &source).await;
    assert!(rows.contains("Foyer 2") && !rows.contains("Foyer 9"), "{rows}");
    projection.stop().await;
    assert_eq!(built(&source.split(&[1])).await, rows, "however the events are split");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_stream_gives_the_same_rows_live_and_rebuilt() {
    let source = Memory::of(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let fed = [
        Fed::Consent(1, 0),
        Fed::Damaged(1),
        Fed::Open(1),
        Fed::Contradiction(1),
        Fed::Panic(2),
        Fed::Open(3),
    ];
    for (fed, position) in fed.iter().cycle().zip(1..=60) {
        source.add(event(*fed, position));
        assert!(projection.handle().reached(position, PATIENCE).await);
    }
    let live = projection.handle().reader().page().unwrap().dump().unwrap();
    assert_eq!(live, built(&source).await);
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_ledger_stays_halted_after_a_restart() {
    let source = Memory::of(events(&[Fed::Open(1), Fed::Contradiction(1)]));
    let directory = tempfile::tempdir().unwrap();
    for last in [2, 3] {
        let (projection, _) = start(&source, directory.path()).await;
        assert!(projection.handle().reached(last, PATIENCE).await);
        let halted = projection.handle().reader().page().unwrap().all_halted().unwrap();
        assert_eq!(halted[0].kind, CONTRADICTION);
        assert_eq!((halted[0].last, halted[0].unapplied), (last, last - 1));
        projection.stop().await;
        source.add(event(Fed::Rename(1, 2), last + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_program_stops_everything_until_the_upgrade() {
    for newer in [Fed::Newer(2), Fed::UnheardOf(2)] {
        let source = Memory::of(events(&[Fed::Open(1), Fed::Consent(1, 0), newer, Fed::Consent(1, 1)]));
        let directory = tempfile::tempdir().unwrap();
        let (projection, _) = start(&source, directory.path()).await;
        let handle = projection.handle();
        let why = stopped(&handle).await;
        assert!(matches!(why, Stop::Newer { position: 3, .. }), "{why}");
        assert!(!handle.ready().is_ready());
        assert_eq!(handle.halted(), 0);
        projection.stop().await;

        // The program is upgraded: here, the event becomes one it knows.
        source.truncate(2);
        source.add(event(Fed::Consent(2, 0), 3));
        let (projection, opened) = start(&source, directory.path()).await;
        assert_eq!(opened, projection::Opened::Resumed { position: 2 }, "what came before was kept");
        assert!(projection.handle().reached(3, PATIENCE).await);
        projection.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_or_a_step_back_stops_everything() {
    for found in [5, 2] {
        let mut stream = events(&[Fed::Open(1), Fed::Open(2), Fed::Open(3), Fed::Open(4)]);
        stream[3].position = found;
        let directory = tempfile::tempdir().unwrap();
        let source = Memory::of(stream);
        let (projection, _) = start(&source, directory.path()).await;
        let handle = projection.handle();
        assert_eq!(stopped(&handle).await, Stop::OutOfOrder { after: 3, found });
        assert_eq!(handle.position(), 3, "what came before is written");
        projection.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_away_is_asked_again_and_a_broken_one_is_not() {
    let source = Memory::of(events(&[Fed::Open(1)]));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let handle = projection.handle();
    assert!(handle.reached(1, PATIENCE).await);
    source.fail_once(SourceError::Unreachable("the broker restarts".to_owned()));
    source.add(event(Fed::Open(2), 2));
    assert!(handle.reached(2, PATIENCE).await);
    source.fail_once(SourceError::Broken("the journal has a gap".to_owned()));
    assert!(matches!(stopped(&handle).await, Stop::Source(SourceError::Broken(_))));
    assert!(handle.reader().page().is_ok(), "what is known is still shown");
    projection.stop().await;
}
