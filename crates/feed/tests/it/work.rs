//! A sender at work, its clock moved by the test.

use std::time::Duration;

use feed::sending::sender::NotTaken;
use feed::sending::{Carriers, Endpoint, EndpointId, Outcome, Position, Route, Sender, Settings, sender};
use feed::webhook::sign::Received;
use service::{Edge, ManualClock, Stop};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::memory::Memory;
use crate::receiver::{Receiver, client, keys, noon, secret};

/// Longer than any test takes: what hangs for so long would be seen.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A sender at work, its clock moved by the test.
pub(crate) struct Work {
    pub(crate) sender: Sender<Memory>,
    pub(crate) clock: ManualClock,
    pub(crate) stop: Stop,
    pub(crate) rounds: JoinHandle<anyhow::Result<()>>,
}

impl Work {
    pub(crate) fn begin(settings: &Settings, whole: Duration) -> Self {
        let (edge, clock) = Edge::manual(noon());
        let carriers = Carriers { webhooks: client(whole), mail: None };
        let (sender, rounds) = sender(carriers, settings, edge);
        let stop = Stop::new();
        let rounds = tokio::spawn(rounds.run(stop.clone()));
        Self { sender, clock, stop, rounds }
    }

    pub(crate) async fn put(&self, nth: u128, receiver: &Receiver, memory: &Memory) {
        self.put_tried(nth, receiver, memory, 0).await.unwrap();
    }

    pub(crate) async fn put_tried(
        &self,
        nth: u128,
        receiver: &Receiver,
        memory: &Memory,
        tried: u32,
    ) -> Result<(), NotTaken> {
        let (target, after) = (receiver.target(), memory.cursor());
        let route = Route::Webhook { target, keys: keys() };
        let endpoint = Endpoint { route, outbox: memory.clone(), after, tried };
        self.sender.put(id(nth), endpoint).await
    }

    /// Moves the clock to wherever an attempt is due, until the message at the `nth` position was delivered.
    pub(crate) async fn until_delivered(&self, memory: &Memory, nth: u64) {
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
    pub(crate) async fn end(self) {
        self.stop.stop();
        self.rounds.await.unwrap().unwrap();
    }
}

pub(crate) fn id(nth: u128) -> EndpointId {
    EndpointId(Uuid::from_u128(nth))
}

/// That whatever came was signed, each attempt anew.
pub(crate) fn all_signed(receiver: &Receiver) {
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
