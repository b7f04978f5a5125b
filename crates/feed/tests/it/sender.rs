//! Many endpoints at once: who delays whom.

use std::time::Duration;

use feed::sending::{Failure, Outcome, Settings};
use jiff::SignedDuration;

use crate::memory::{Memory, names};
use crate::receiver::{Manner, Receiver, noon};
use crate::work::{LONG, Work, all_signed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_endpoints_delay_nobody_and_get_their_messages_when_they_recover() {
    const COUNT: u64 = 50;
    let elsewhere = Receiver::start(Manner::well()).await;
    let redirect = Manner::answers(302, &format!("location: http://{}/\r\n", elsewhere.address));
    let bad =
        [Manner::Silent, Manner::answers(500, ""), redirect, Manner::Trickles("HTTP/1.1 200 OK\r\nx-slow: ")];
    let work = Work::begin(&Settings::default(), LONG);
    let mut receivers = Vec::new();
    for (nth, manner) in (1..).zip(bad) {
        let (receiver, memory) = (Receiver::start(manner).await, Memory::of(COUNT));
        work.put(nth, &receiver, &memory).await;
        receivers.push((receiver, memory));
    }
    for (receiver, _) in &receivers {
        receiver.came.subscribe().wait_for(|came| came.len() == 1).await.unwrap();
    }
    let (good, memory) = (Receiver::start(Manner::well()).await, Memory::of(COUNT));
    work.put(9, &good, &memory).await;
    memory.delivered(COUNT).await;
    let came: Vec<_> = good.came.borrow().iter().map(|came| came.header("webhook-id").to_owned()).collect();
    assert_eq!(came, names(COUNT), "in order, each once");
    // The clock stood still, and those that hang still do: nothing of theirs had to end first.
    let failures = |nth: usize| {
        let notes = receivers[nth].1.notes.borrow();
        notes.iter().map(|note| note.outcome).collect::<Vec<_>>()
    };
    assert_eq!((failures(0), failures(3)), (vec![], vec![]));
    let due = noon() + SignedDuration::from_secs(1);
    for (nth, why) in [(1, Failure::Status(500)), (2, Failure::Redirect(302))] {
        receivers[nth].1.noted(1).await;
        assert_eq!(failures(nth), [Outcome::Again { why, due }]);
    }
    for (receiver, _) in &receivers {
        assert_eq!(receiver.taken(), names(0));
        receiver.behave(Manner::well());
    }
    for (receiver, memory) in &receivers {
        work.until_delivered(memory, COUNT).await;
        assert_eq!(receiver.taken(), names(COUNT), "in order, whatever was repeated");
        all_signed(receiver);
    }
    all_signed(&good);
    assert_eq!(elsewhere.open.borrow().1, 0, "nobody was redirected");
    work.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_hang_take_the_room_of_their_own_kind_only() {
    let settings = Settings { at_once: 2, slow_at_once: 1, ..Settings::default() };
    let work = Work::begin(&settings, LONG);
    // Known to hang, more than there is room for in all.
    let mut hanging = Vec::new();
    for nth in 1..=6 {
        let (receiver, memory) = (Receiver::start(Manner::Silent).await, Memory::of(1));
        work.put_tried(nth, &receiver, &memory, 1).await.unwrap();
        hanging.push(receiver);
    }
    let (good, memory) = (Receiver::start(Manner::well()).await, Memory::of(30));
    work.put(9, &good, &memory).await;
    memory.delivered(30).await;
    assert_eq!(good.taken(), names(30));
    let came = |receiver: &Receiver| receiver.came.borrow().len();
    assert!(hanging.iter().map(came).sum::<usize>() <= 1, "one at once");
    work.stop.kill();
    work.rounds.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_begin_to_hang_hold_others_up_once() {
    let settings = Settings { at_once: 2, slow_at_once: 1, ..Settings::default() };
    let work = Work::begin(&settings, Duration::from_millis(300));
    let mut hanging = Vec::new();
    for nth in 1..=4 {
        let (receiver, memory) = (Receiver::start(Manner::Silent).await, Memory::of(5));
        work.put(nth, &receiver, &memory).await;
        hanging.push((receiver, memory));
    }
    let (good, memory) = (Receiver::start(Manner::well()).await, Memory::of(30));
    work.put(9, &good, &memory).await;
    memory.delivered(30).await;
    assert_eq!(good.taken(), names(30));
    for (receiver, memory) in &hanging {
        let notes = memory.noted(1).await;
        assert!(matches!(notes[0].outcome, Outcome::Again { why: Failure::Timeout, .. }), "{notes:?}");
        assert_eq!(receiver.came.borrow().len(), 1, "nobody is tried again before the clock moves");
    }
    work.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_turn_out_to_hang_give_back_the_room_of_the_quick() {
    let settings = Settings { at_once: 2, slow_at_once: 4, ..Settings::default() };
    let work = Work::begin(&settings, LONG);
    let mut hanging = Vec::new();
    for nth in 1..=4 {
        let (receiver, memory) = (Receiver::start(Manner::Silent).await, Memory::of(1));
        work.put(nth, &receiver, &memory).await;
        hanging.push((receiver, memory));
    }
    for (receiver, _) in &hanging {
        receiver.came.subscribe().wait_for(|came| came.len() == 1).await.unwrap();
    }
    let (good, memory) = (Receiver::start(Manner::well()).await, Memory::of(30));
    work.put(9, &good, &memory).await;
    memory.delivered(30).await;
    // None of them has ended: they hang for longer than this test takes.
    assert!(hanging.iter().all(|(_, memory)| memory.notes.borrow().is_empty()));
    work.stop.kill();
    work.rounds.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_attempts_are_made_at_once_than_allowed_and_one_for_an_endpoint() {
    let settings = Settings { at_once: 3, ..Settings::default() };
    let work = Work::begin(&settings, LONG);
    // One server for all: it counts the connections.
    let server = Receiver::start(Manner::well()).await;
    let alone = Receiver::start(Manner::well()).await;
    let memories: Vec<_> = (0..20).map(|_| Memory::of(10)).collect();
    for (nth, memory) in (1..).zip(&memories) {
        work.put(nth, &server, memory).await;
    }
    let single = Memory::of(100);
    work.put(99, &alone, &single).await;
    for memory in &memories {
        memory.delivered(10).await;
    }
    single.delivered(100).await;
    // A server may see a connection end after the next one has begun.
    assert!(server.open.borrow().1 <= 6, "{:?}", server.open.borrow());
    assert!(alone.open.borrow().1 <= 2, "{:?}", alone.open.borrow());
    assert_eq!(alone.came.borrow().len(), 100);
    work.end().await;
}
