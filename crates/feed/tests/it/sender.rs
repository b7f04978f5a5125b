//! Many endpoints at once: who delays whom, what is sent again, what stops.

use std::time::Duration;

use feed::webhook::sender::NotTaken;
use feed::webhook::sign::Received;
use feed::webhook::{Endpoint, EndpointId, Failure, Outcome, Position, Sender, Settings, sender as webhooks};
use jiff::SignedDuration;
use service::{Edge, ManualClock, Stop};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::receiver::{Manner, Memory, Receiver, client, keys, message, name, names, noon, secret};

/// Longer than any test takes: what hangs for so long would be seen.
const LONG: Duration = Duration::from_secs(120);

/// A sender at work, its clock moved by the test.
struct Work {
    sender: Sender<Memory>,
    clock: ManualClock,
    stop: Stop,
    rounds: JoinHandle<anyhow::Result<()>>,
}

impl Work {
    fn begin(settings: &Settings, whole: Duration) -> Self {
        let (edge, clock) = Edge::manual(noon());
        let (sender, rounds) = webhooks(client(whole), settings, edge);
        let stop = Stop::new();
        let rounds = tokio::spawn(rounds.run(stop.clone()));
        Self { sender, clock, stop, rounds }
    }

    async fn put(&self, nth: u128, receiver: &Receiver, memory: &Memory) {
        self.put_tried(nth, receiver, memory, 0).await.unwrap();
    }

    async fn put_tried(
        &self,
        nth: u128,
        receiver: &Receiver,
        memory: &Memory,
        tried: u32,
    ) -> Result<(), NotTaken> {
        let (target, after) = (receiver.target(), memory.cursor());
        let endpoint = Endpoint { target, keys: keys(), outbox: memory.clone(), after, tried };
        self.sender.put(id(nth), endpoint).await
    }

    /// Moves the clock to wherever an attempt is due, until the message at the `nth` position was delivered.
    async fn until_delivered(&self, memory: &Memory, nth: u64) {
        let mut notes = memory.notes.subscribe();
        while memory.cursor() < Position(2 * nth) {
            let last = notes.borrow_and_update().last().map(|note| note.outcome);
            if let Some(Outcome::Again { due, .. }) = last {
                self.clock.set(self.clock.now().max(due));
            }
            notes.changed().await.unwrap();
        }
    }

    /// Asks to stop and returns when everything has.
    async fn end(self) {
        self.stop.stop();
        self.rounds.await.unwrap().unwrap();
    }
}

fn id(nth: u128) -> EndpointId {
    EndpointId(Uuid::from_u128(nth))
}

/// That whatever came was signed, each attempt anew.
fn all_signed(receiver: &Receiver) {
    for came in receiver.came.borrow().iter() {
        let timestamp = came.header("webhook-timestamp");
        let received = Received {
            id: came.header("webhook-id"),
            timestamp,
            signature: came.header("webhook-signature"),
        };
        let at = jiff::Timestamp::from_second(timestamp.parse().unwrap()).unwrap();
        assert_eq!(received.verify(&secret(), &came.body, at), Ok(()));
    }
}

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
    memory.messages.send_modify(|all| all.push(message(3)));
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
