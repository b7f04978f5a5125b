//! Following the journal.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream::Config;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use journal::{FollowError, Follower, Journal};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Ground, decision, place};

const LONG: Duration = Duration::from_secs(60);

async fn write(journal: &Journal, commands: std::ops::Range<u128>) {
    for n in commands {
        journal.append(decision(n, &[(place(n), 0)])).await.unwrap();
    }
}

/// The positions at least up to one, as the follower hands them out.
async fn read_up_to(follower: &mut Follower, last: u64) -> Vec<u64> {
    let mut positions = Vec::new();
    while follower.checkpoint() < last {
        let batch =
            timeout(LONG, follower.next_batch(100)).await.expect("the follower stands still").unwrap();
        positions.extend(batch.events.iter().map(|event| event.position));
    }
    positions
}

#[tokio::test]
async fn a_reader_gets_everything_behind_its_checkpoint_and_then_what_comes() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    write(&journal, 0..250).await;

    let mut follower = journal.follow(100);
    let first = follower.next_batch(60).await.unwrap();
    assert!(first.events.len() <= 60);
    assert_eq!(first.events[0].position, 101);
    assert_eq!(first.pending + first.events.last().unwrap().position, 250);
    let after = follower.checkpoint();
    let rest = read_up_to(&mut follower, 250).await;
    assert!(rest.into_iter().eq(after + 1..=250));

    write(&journal, 250..260).await;
    let new = read_up_to(&mut follower, 260).await;
    assert!(new.into_iter().eq(251..=260));
}

#[tokio::test]
async fn a_reader_that_has_read_everything_is_told_so_at_once() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    write(&journal, 0..3).await;
    let mut follower = journal.follow(3);
    let first = follower.next_batch(10).await.unwrap();
    assert!(first.events.is_empty() && first.pending == 0);
    write(&journal, 3..4).await;
    assert_eq!(read_up_to(&mut follower, 4).await, [4]);
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_nothing() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let mut follower = journal.follow(0);
    let writer = tokio::spawn({
        let journal = journal.clone();
        async move { write(&journal, 0..300).await }
    });
    let mut positions = Vec::new();
    while positions.last() != Some(&300) {
        if let Ok(batch) = timeout(Duration::from_micros(300), follower.next_batch(7)).await {
            positions.extend(batch.unwrap().events.iter().map(|event| event.position));
        }
    }
    writer.await.unwrap();
    assert!(positions.into_iter().eq(1..=300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_goes_on_exactly_where_it_was_after_the_death_of_the_broker() {
    let ground = Arc::new(Ground::new().await);
    let journal = ground.journal().await;
    let writer = tokio::spawn({
        let journal = journal.clone();
        async move {
            let mut recorded = 0_u32;
            while recorded < 600 {
                let n = u128::from(recorded);
                // A place that is not written yet takes its event once, however often it is tried.
                match journal.append(decision(n, &[(place(n), 0)])).await {
                    Ok(_) | Err(journal::AppendError::Conflict { .. }) => recorded += 1,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        }
    });
    let mut follower = journal.follow(0);
    let mut positions = Vec::new();
    for last in [100, 200, 300] {
        positions.extend(read_up_to(&mut follower, last).await);
        ground.broker.ready().await.unwrap();
        ground.broker.kill_hard();
    }
    positions.extend(read_up_to(&mut follower, 600).await);
    writer.await.unwrap();
    assert!(positions.into_iter().eq(1..=600));
}

#[test]
fn a_reader_that_is_busy_for_long_is_not_cut_off_and_is_sent_no_more_than_it_asked_for() {
    let ours = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // The reader's connection stands still whenever this runtime is not polled, as that of a busy process does.
    let busy = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ground = ours.block_on(Ground::new());
    ours.block_on(async {
        let journal = ground.journal().await;
        let heavy = (0..1000).map(|n| {
            let mut heavy = decision(n, &[(place(n), 0)]);
            heavy.drafts[0].body = json!({ "text": "x".repeat(60_000) });
            journal.append(heavy)
        });
        assert!(join_all(heavy).await.iter().all(Result::is_ok));
    });
    let journal = busy.block_on(ground.journal());
    let mut follower = journal.follow(0);
    let mut positions: Vec<u64> = Vec::new();
    let first = busy.block_on(follower.next_batch(1)).unwrap();
    positions.extend(first.events.iter().map(|event| event.position));
    let before = ours.block_on(async {
        // Everything it asked for is on its way, or everything there is.
        let sent = |reader: &Info| reader.num_waiting == 0 || reader.delivered.stream_sequence == 1000;
        timeout(LONG, only_reader(&ground, sent)).await.expect("the broker goes on sending")
    });
    positions.extend(busy.block_on(read_up_to(&mut follower, 1000)));
    assert!(positions.into_iter().eq(1..=1000));
    let after = ours.block_on(only_reader(&ground, |_| true));
    assert_eq!(after.name, before.name, "it never had to begin anew");
}

/// What the broker knows of its only reader, once that fits.
async fn only_reader(ground: &Ground, fits: impl Fn(&Info) -> bool) -> Info {
    let stream = ground.raw().await.get_stream("JOURNAL").await.unwrap();
    loop {
        let readers: Vec<_> = stream.consumers().map(Result::unwrap).collect().await;
        match &readers[..] {
            [only] if fits(only) => return only.clone(),
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stands_still_is_waited_for_and_not_asked_for_everything_anew() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    write(&journal, 0..100).await;
    let mut follower = journal.follow(0);
    let mut positions = read_up_to(&mut follower, 50).await;
    let before = only_reader(&ground, |_| true).await;
    let process = Pid::from_raw(ground.broker.pid().unwrap()).unwrap();
    let trouble = follower.trouble();

    kill_process(process, Signal::STOP).unwrap();
    // What had arrived before comes, then nothing.
    while let Ok(batch) = timeout(Duration::from_secs(3), follower.next_batch(100)).await {
        positions.extend(batch.unwrap().events.iter().map(|event| event.position));
    }
    kill_process(process, Signal::CONT).unwrap();
    let writer = tokio::spawn(async move { write(&journal, 100..200).await });
    while follower.checkpoint() < 200 {
        let batch = timeout(LONG, follower.next_batch(100)).await.unwrap().unwrap();
        positions.extend(batch.events.iter().map(|event| event.position));
    }
    writer.await.unwrap();
    assert!(positions.into_iter().eq(1..=200));
    assert_eq!(*trouble.borrow(), None);
    assert_eq!(only_reader(&ground, |_| true).await.name, before.name, "it did not begin anew");
}

#[tokio::test]
async fn a_journal_that_ends_before_the_checkpoint_went_backwards() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    write(&journal, 0..3).await;
    let error = journal.follow(5).next_batch(10).await.unwrap_err();
    assert!(matches!(error, FollowError::WentBackwards { checkpoint: 5, last: 3 }), "{error}");
}

#[tokio::test]
async fn a_missing_event_is_an_error_and_not_skipped() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    // A damaged stream: the journal's own would not let an event go.
    let raw = ground.raw().await;
    raw.delete_stream("JOURNAL").await.unwrap();
    let fragile = Config {
        name: "JOURNAL".into(),
        subjects: vec!["evt.>".into()],
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    };
    let stream = raw.create_stream(fragile).await.unwrap();
    write(&journal, 0..6).await;
    stream.delete_message(4).await.unwrap();

    let mut follower = journal.follow(0);
    let mut last = 0;
    let error = loop {
        match follower.next_batch(10).await {
            Ok(batch) => last = batch.events.last().map_or(last, |event| event.position),
            Err(error) => break error,
        }
    };
    assert_eq!(last, 3);
    assert!(matches!(error, FollowError::Gap { after: 3, found: 5 }), "{error}");
    // It looked twice, and told the broker that the first reader is no more.
    only_reader(&ground, |_| true).await;
}

#[tokio::test]
async fn what_is_not_an_event_stops_the_reader() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    write(&journal, 0..1).await;
    ground.raw().await.publish("evt.33.place.none", "x".into()).await.unwrap().await.unwrap();
    let mut follower = journal.follow(1);
    let error = follower.next_batch(10).await.unwrap_err();
    assert!(matches!(error, FollowError::Malformed(malformed) if malformed.position == 2));
}
