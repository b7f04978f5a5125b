//! A journal that is slow, out of reach for a moment, or silent.

use std::time::Duration;

use journal::follow::Trouble;
use projection::{Options, Readiness, Turns};
use tokio::time::Instant;

use crate::support::{Fed, Memory, dump, events, options, start, start_with, views};

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_out_of_reach_for_a_moment_at_the_start_is_asked_again() {
    let source = Memory::of(events(&[Fed::Open(1), Fed::Open(2)]));
    source.unreachable(2);
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    dump(&projection.handle(), &source).await;
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_takes_long_to_answer_is_followed_all_the_same() {
    let source = Memory::of(events(&[Fed::Open(1), Fed::Open(2)])).slow(Duration::from_millis(700));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    dump(&projection.handle(), &source).await;
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_connected_and_silent_is_out_of_reach() {
    let source = Memory::of(events(&[Fed::Open(1)]));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let handle = projection.handle();
    handle.until_ready().await.unwrap();
    let why = "no consumer can be made".to_owned();
    let since = Instant::now().checked_sub(Duration::from_secs(6)).unwrap();
    source.trouble(Some(Trouble { since, why: why.clone() }));
    while handle.ready() != (Readiness::Unreachable { why: why.clone() }) {
        tokio::task::yield_now().await;
    }
    assert!(handle.reader().page().is_ok(), "the rows are shown all the same");
    source.trouble(None);
    handle.until_ready().await.unwrap();
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_projections_of_a_process_build_at_once_and_others_wait_for_their_turn() {
    let turns = Turns::default();
    let directories: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let sharing = |nth: usize| Options { turns: turns.clone(), ..options(directories[nth].path()) };
    let endless = Memory::silent(5000);
    let (first, _) = start_with(&endless, views(), sharing(0)).await.unwrap();
    let (second, _) = start_with(&endless, views(), sharing(1)).await.unwrap();
    while turns.free() > 0 {
        tokio::task::yield_now().await;
    }
    let source = Memory::of(events(&[Fed::Open(1)]));
    let (third, _) = start_with(&source, views(), sharing(2)).await.unwrap();
    assert!(!third.handle().reached(1, Duration::from_millis(100)).await, "two are building");
    first.stop().await;
    third.handle().until_ready().await.unwrap();
    second.stop().await;
    third.stop().await;
}
