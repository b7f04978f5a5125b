//! Starting, stopping, starting again; other views, another machine, another process.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use projection::{HomeError, Opened, Options, Progress, Readiness, RebuildError, StartError, Unserved};

use crate::ledgers;
use crate::support::events::{beginning, event};
use crate::support::{
    COUNTS, Fed, Memory, PATIENCE, TIMELINE, Timeline, built, dump, events, options, start, start_with, views,
};

fn a_year() -> Vec<Fed> {
    (0..600_u16)
        .map(|n| {
            let n = u8::try_from(n % 40).unwrap();
            match n % 4 {
                0 => Fed::Open(n),
                1 => Fed::Rename(n - 1, n),
                _ => Fed::Consent(n, n % 3),
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_events_twice_give_the_same_rows() {
    let source = Memory::of(events(&a_year()));
    assert_eq!(built(&source).await, built(&source).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_closed_go_on_where_they_stopped() {
    let whole = events(&a_year());
    let source = Memory::of(whole[..250].to_vec());
    let directory = tempfile::tempdir().unwrap();
    let (projection, opened) = start(&source, directory.path()).await;
    assert_eq!(opened, Opened::Fresh);
    projection.handle().until_ready().await.unwrap();
    dump(&projection.handle(), &source).await;
    projection.stop().await;
    for event in &whole[250..] {
        source.add(event.clone());
    }
    let (projection, opened) = start(&source, directory.path()).await;
    assert_eq!(opened, Opened::Resumed { position: 250 });
    assert_eq!(dump(&projection.handle(), &source).await, built(&source).await);
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_seen_as_they_come_and_the_lag_is_that_of_the_oldest_unseen() {
    let source = Memory::of(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let handle = projection.handle();
    handle.until_ready().await.unwrap();
    assert!(!handle.reached(1, Duration::from_millis(20)).await);
    for position in 1..=5 {
        source.add(event(Fed::Open(1), position));
        assert!(handle.reached(position, PATIENCE).await);
    }
    assert_eq!((handle.position(), handle.pending()), (5, 0));
    assert_eq!(handle.lag(beginning() + SignedDuration::from_hours(24)), Duration::ZERO);
    let page = handle.reader().page().unwrap();
    source.add(event(Fed::Open(2), 6));
    source.add(event(Fed::Open(2), 7));
    // The page is held, so nothing is written: the sixth event, of hour 18, waits.
    while handle.lag(beginning() + SignedDuration::from_hours(24)) < Duration::from_secs(6 * 3600) {
        tokio::task::yield_now().await;
    }
    assert_eq!(page.position(), 5);
    drop(page);
    assert!(handle.reached(7, PATIENCE).await);
    projection.stop().await;
    assert_eq!(handle.reader().page().err(), Some(Unserved::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_the_rows_of_one_position_while_others_are_written() {
    let source = Memory::of(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let handle = projection.handle();
    handle.until_ready().await.unwrap();
    let reader = handle.reader();
    let looking = tokio::task::spawn_blocking(move || {
        let (mut pages, mut last) = (0, 0);
        while last < 400 {
            let page = reader.page().unwrap();
            let rows = page.prefix(TIMELINE, &[]).unwrap().count() as u64;
            let counted: u64 = page
                .prefix(COUNTS, &[])
                .unwrap()
                .map(|row| page.decoded::<u64>(COUNTS, &row.unwrap().1).unwrap())
                .sum();
            assert_eq!((rows, counted), (page.position(), page.position()));
            assert!(page.position() >= last, "what was seen is seen ever after");
            (pages, last) = (pages + 1, page.position());
        }
        pages
    });
    for position in 1..=400 {
        source.add(event(Fed::Consent(u8::try_from(position % 9).unwrap(), 0), position));
        if position % 100 == 0 {
            handle.rebuild().await.unwrap();
        }
        assert!(handle.reached(position, PATIENCE).await);
    }
    assert!(looking.await.unwrap() > 0);
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_a_view_is_built_beside_and_then_swapped_in() {
    let source = Memory::of(events(&a_year()));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let rows = dump(&projection.handle(), &source).await;
    projection.stop().await;

    let newer = || -> Vec<Box<dyn projection::View>> {
        vec![Box::new(ledgers::view()), Box::new(Timeline { version: 2 })]
    };
    // Nothing is handed out, so the new rows cannot be finished: they are not shown, the old ones neither.
    let unfinished = start_with(&Memory::silent(600), newer(), options(directory.path())).await;
    let (projection, opened) = unfinished.unwrap();
    assert_eq!(opened, Opened::Outdated);
    assert_eq!(projection.handle().ready(), Readiness::Building(Progress { position: 0, last: 600 }));
    let unserved = projection.handle().reader().page().err();
    assert_eq!(unserved, Some(Unserved::Building { position: 0, last: 600 }));
    projection.stop().await;
    assert_eq!(generations(directory.path()), ["rows-1", "rows-2"]);

    // The program before finds its rows as it left them.
    let (projection, opened) = start(&source, directory.path()).await;
    assert_eq!(opened, Opened::Resumed { position: 600 });
    assert_eq!(dump(&projection.handle(), &source).await, rows);
    projection.stop().await;

    let (projection, opened) = start_with(&source, newer(), options(directory.path())).await.unwrap();
    assert_eq!(opened, Opened::Outdated);
    assert_eq!(dump(&projection.handle(), &source).await, rows);
    projection.stop().await;
    assert_eq!(generations(directory.path()), ["rows-2"], "the old rows are gone");
}

fn generations(directory: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut generations: Vec<_> = names.filter(|name| name.starts_with("rows-")).collect();
    generations.sort();
    generations
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_rebuilt_on_demand_equal_the_live_ones_and_replace_them_unnoticed() {
    let source = Memory::of(events(&a_year())).split(&[3, 50]);
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let handle = projection.handle();
    let rows = dump(&handle, &source).await;
    handle.rebuild().await.unwrap();
    assert_eq!(handle.ready(), Readiness::Ready);
    assert_eq!(handle.reader().page().unwrap().dump().unwrap(), rows);
    source.add(event(Fed::Open(1), 601));
    assert!(handle.reached(601, PATIENCE).await);
    projection.stop().await;
    assert!(matches!(handle.rebuild().await, Err(RebuildError::Closed)));
    assert_eq!(generations(directory.path()), ["rows-2"], "the old rows are gone");
    let (projection, opened) = start(&source, directory.path()).await;
    assert_eq!(opened, Opened::Resumed { position: 601 });
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_machine_stopped_only_rows_that_were_closed_are_trusted() {
    let source = Memory::of(events(&a_year()));
    let directory = tempfile::tempdir().unwrap();
    let rebooted = || Options { boot: Some("another start".to_owned()), ..options(directory.path()) };
    let (projection, _) = start(&source, directory.path()).await;
    let rows = dump(&projection.handle(), &source).await;
    let marker = std::fs::read(directory.path().join("rows-1/marker.json")).unwrap();
    projection.stop().await;

    let (projection, opened) = start_with(&source, views(), rebooted()).await.unwrap();
    assert_eq!(opened, Opened::Resumed { position: 600 }, "they were closed in good order");
    projection.stop().await;

    // As a machine leaves it that lost its power: the marker of rows that are open.
    std::fs::write(directory.path().join("rows-1/marker.json"), marker).unwrap();
    let (projection, opened) = start_with(&source, views(), rebooted()).await.unwrap();
    let why = "the machine stopped before they were safe on the disk".to_owned();
    assert_eq!(opened, Opened::Quarantined { why });
    assert_eq!(dump(&projection.handle(), &source).await, rows);
    assert!(directory.path().join("quarantined/why.txt").exists());
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_share_a_directory() {
    let source = Memory::of(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let second = start_with(&source, views(), options(directory.path())).await;
    assert!(matches!(second, Err(StartError::Home(HomeError::InUse { .. }))));
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_went_backwards_is_refused() {
    let source = Memory::of(events(&a_year()));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    dump(&projection.handle(), &source).await;
    projection.stop().await;
    source.truncate(400);
    let refused = start_with(&source, views(), options(directory.path())).await.err().unwrap();
    assert!(matches!(refused, StartError::WentBackwards { known: 600, last: 400, .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_views_with_one_tree_are_refused() {
    let source = Memory::of(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let twice: Vec<Box<dyn projection::View>> =
        vec![Box::new(Timeline { version: 1 }), Box::new(Timeline { version: 1 })];
    let refused = start_with(&source, twice, options(directory.path())).await;
    assert!(matches!(refused, Err(StartError::Trees(_))));
}
