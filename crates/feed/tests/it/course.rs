//! The course of one endpoint's messages: what is sent again, what is given up, what stops.

use std::time::Duration;

use feed::sending::sender::NotTaken;
use feed::sending::{Failure, Outcome, Position, Settings};
use jiff::SignedDuration;

use crate::memory::{Memory, name, names};
use crate::receiver::{Manner, Receiver};
use crate::work::{LONG, Work, id};

#[tokio::test]
async fn asked_to_stop_an_attempt_ends_and_told_to_it_is_dropped_and_made_again() {
    let (receiver, memory) = (Receiver::start(Manner::Silent).await, Memory::of(3));
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    let mut came = receiver.came.subscribe();
    came.wait_for(|came| came.len() == 1).await.unwrap();
    work.stop.kill();
    work.rounds.await.unwrap().unwrap();
    receiver.open.subscribe().wait_for(|(open, _)| *open == 0).await.unwrap();
    assert!(memory.notes.borrow().is_empty());

    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    came.wait_for(|came| came.len() == 2).await.unwrap();
    work.stop.stop();
    // The one that is under way ends when the receiver hangs up; no other is begun.
    receiver.behave(Manner::well());
    work.rounds.await.unwrap().unwrap();
    assert_eq!(memory.notes.borrow().len(), 1);
    assert_eq!(came.borrow().len(), 2);

    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    memory.delivered(3).await;
    assert_eq!(receiver.taken(), names(3));
    assert_eq!(came.borrow()[2].header("webhook-id"), name(1), "under the same id");
    work.end().await;
}

#[tokio::test]
async fn nothing_more_is_sent_before_what_became_of_a_message_is_kept() {
    let (receiver, memory) = (Receiver::start(Manner::well()).await, Memory::of(2));
    memory.fails.send_replace(2);
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    let mut fails = memory.fails.subscribe();
    for left in [1, 0] {
        fails.wait_for(|now| *now == left).await.unwrap();
        assert_eq!(receiver.came.borrow().len(), 1);
        // The pause may begin after the failure was counted: time passes until it has ended.
        while memory.notes.borrow().is_empty() && *memory.fails.borrow() == left {
            work.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    }
    memory.delivered(2).await;
    assert_eq!(receiver.came.borrow().len(), 2, "and nothing twice");
    work.end().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_gets_nothing_more_until_it_is_put_back() {
    let (receiver, memory) = (Receiver::start(Manner::answers(410, "")).await, Memory::of(3));
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    assert_eq!(memory.noted(1).await[0].outcome, Outcome::Gone);
    // Nothing is under way any more, and that is no error.
    work.sender.remove(id(1)).await.unwrap();
    receiver.behave(Manner::well());
    assert_eq!((receiver.came.borrow().len(), memory.cursor()), (1, Position(0)));
    work.put(1, &receiver, &memory).await;
    memory.delivered(3).await;
    assert_eq!(receiver.taken(), names(3));
    work.end().await;
}

#[tokio::test]
async fn a_message_that_nobody_takes_is_given_up_after_three_days_and_told_each_time() {
    let busy = Manner::answers(503, "retry-after: 7200\r\n");
    let (receiver, memory) = (Receiver::start(busy).await, Memory::of(3));
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    for nth in 1..13 {
        let notes = memory.noted(nth).await;
        let note = &notes[nth - 1];
        assert_eq!((note.attempt, note.id.as_str()), (u32::try_from(nth).unwrap(), "msg_1"));
        let Outcome::Again { why: Failure::Status(503), due } = note.outcome else { panic!("{note:?}") };
        assert!(due >= note.at + SignedDuration::from_hours(2), "as the endpoint asked");
        work.clock.set(due);
    }
    let last = memory.noted(13).await[12].clone();
    assert_eq!(last.outcome, Outcome::GivenUp { why: Failure::Status(503) });
    work.sender.remove(id(1)).await.unwrap();
    assert_eq!((receiver.came.borrow().len(), memory.cursor()), (13, Position(0)));
    work.end().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_five_times_in_a_row_is_left_alone_for_a_while() {
    let (receiver, memory) = (Receiver::start(Manner::answers(500, "")).await, Memory::of(1));
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    for nth in 1..=6 {
        let notes = memory.noted(nth).await;
        let note = &notes[nth - 1];
        let Outcome::Again { due, .. } = note.outcome else { panic!("{note:?}") };
        let rest = due.duration_since(note.at);
        // The ids of a test are counted: what is drawn is next to nothing, and the breaker alone makes it wait.
        let open = SignedDuration::from_mins(5);
        assert!(if nth < 5 { rest < SignedDuration::from_secs(2) } else { rest == open }, "{nth}: {rest:?}");
        work.clock.set(due);
    }
    receiver.behave(Manner::well());
    work.until_delivered(&memory, 1).await;
    work.end().await;
}

#[tokio::test]
async fn a_message_that_may_no_longer_be_told_is_not_sent_again() {
    let (receiver, memory) = (Receiver::start(Manner::answers(500, "")).await, Memory::of(2));
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    memory.noted(1).await;
    memory.messages.send_modify(|all| drop(all.remove(0)));
    receiver.behave(Manner::well());
    work.until_delivered(&memory, 2).await;
    assert_eq!(receiver.taken(), [name(2)]);
    assert_eq!(memory.noted(2).await[1].attempt, 1, "the other message was not tried before");
    memory.add(3);
    memory.delivered(3).await;
    work.end().await;
}

#[tokio::test]
async fn an_endpoint_is_replaced_and_removed_when_its_attempt_has_ended() {
    let (old, memory) = (Receiver::start(Manner::Silent).await, Memory::of(3));
    let work = Work::begin(&Settings { endpoints_max: 1, ..Settings::default() }, LONG);
    work.put(1, &old, &memory).await;
    old.came.subscribe().wait_for(|came| came.len() == 1).await.unwrap();
    let new = Receiver::start(Manner::well()).await;
    work.put(1, &new, &memory).await;
    assert_eq!(work.put_tried(2, &new, &memory, 0).await, Err(NotTaken::Full));
    assert_eq!(new.open.borrow().1, 0, "two are never under way");
    old.behave(Manner::well());
    work.until_delivered(&memory, 3).await;
    assert_eq!((old.came.borrow().len(), new.taken()), (1, names(3)));
    work.sender.remove(id(1)).await.unwrap();
    memory.add(4);
    work.put(2, &old, &Memory::default()).await;
    assert_eq!(new.came.borrow().len(), 3, "and nothing after it was removed");
    let sender = work.sender.clone();
    work.end().await;
    assert_eq!(sender.remove(id(2)).await, Err(NotTaken::Stopped));
}

#[tokio::test]
async fn what_is_recorded_for_others_is_looked_at_once() {
    let (receiver, memory) = (Receiver::start(Manner::well()).await, Memory::default());
    memory.recorded.send_replace(Position(100));
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    memory.looked.subscribe().wait_for(|looked| looked.len() == 1).await.unwrap();
    memory.add(51);
    memory.delivered(51).await;
    assert_eq!(*memory.looked.borrow(), [Position(0), Position(100)]);
    work.end().await;
}

#[tokio::test]
async fn messages_that_cannot_be_read_are_looked_for_again_a_little_later() {
    let (receiver, memory) = (Receiver::start(Manner::well()).await, Memory::of(1));
    memory.unreadable.send_replace(1);
    let work = Work::begin(&Settings::default(), LONG);
    work.put(1, &receiver, &memory).await;
    memory.looked.subscribe().wait_for(|looked| looked.len() == 1).await.unwrap();
    assert_eq!(receiver.came.borrow().len(), 0);
    while memory.notes.borrow().is_empty() {
        work.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(memory.cursor(), Position(2));
    work.end().await;
}
