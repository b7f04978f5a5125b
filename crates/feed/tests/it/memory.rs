//! What endpoints are to be told, in memory.

use std::sync::Arc;

use bytes::Bytes;
use feed::sending::{Message, Note, Outbox, Outcome, Position, Pulled};
use tokio::sync::watch;

/// What an endpoint is to be told, and what became of it.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) messages: Arc<watch::Sender<Vec<Message>>>,
    pub(crate) notes: Arc<watch::Sender<Vec<Note>>>,
    /// How many times it will fail to note.
    pub(crate) fails: Arc<watch::Sender<usize>>,
    /// How many times it will fail to tell the next message.
    pub(crate) unreadable: Arc<watch::Sender<usize>>,
    /// Up to where something was recorded, be it for this endpoint or not.
    pub(crate) recorded: Arc<watch::Sender<Position>>,
    /// After which positions was looked.
    pub(crate) looked: Arc<watch::Sender<Vec<Position>>>,
}

impl Memory {
    /// Holds `count` messages, at every other position.
    pub(crate) fn of(count: u64) -> Self {
        let memory = Self::default();
        (1..=count).for_each(|nth| memory.add(nth));
        memory
    }

    pub(crate) fn add(&self, nth: u64) {
        self.messages.send_modify(|all| all.push(message(nth)));
        self.recorded.send_modify(|last| *last = (*last).max(Position(2 * nth)));
    }

    /// The position of the last message that was noted as delivered.
    pub(crate) fn cursor(&self) -> Position {
        let notes = self.notes.borrow();
        let delivered = notes.iter().filter(|note| note.outcome == Outcome::Delivered);
        delivered.map(|note| note.position).max().unwrap_or_default()
    }

    /// Returns once `count` attempts were noted.
    pub(crate) async fn noted(&self, count: usize) -> Vec<Note> {
        let mut notes = self.notes.subscribe();
        let noted = notes.wait_for(|notes| notes.len() >= count).await.unwrap();
        noted.clone()
    }

    /// Returns once the message at the `nth` position was delivered.
    pub(crate) async fn delivered(&self, nth: u64) {
        let mut notes = self.notes.subscribe();
        let delivered =
            |note: &Note| note.outcome == Outcome::Delivered && note.position >= Position(2 * nth);
        notes.wait_for(|notes| notes.iter().any(delivered)).await.unwrap();
    }
}

pub(crate) fn message(nth: u64) -> Message {
    let body = Bytes::from(format!(r#"{{"type":"referral.proposed","data":{{"nth":{nth}}}}}"#));
    Message::new(Position(2 * nth), name(nth).parse().unwrap(), body).unwrap()
}

pub(crate) fn name(nth: u64) -> String {
    format!("msg_{nth}")
}

pub(crate) fn names(count: u64) -> Vec<String> {
    (1..=count).map(name).collect()
}

impl Outbox for Memory {
    async fn ready(&self, after: Position) {
        self.recorded.subscribe().wait_for(|last| *last > after).await.unwrap();
    }

    async fn next(&self, after: Position) -> anyhow::Result<Pulled> {
        let upto = *self.recorded.borrow();
        self.looked.send_modify(|all| all.push(after));
        if *self.unreadable.borrow() > 0 {
            self.unreadable.send_modify(|left| *left -= 1);
            anyhow::bail!("the rows are being built");
        }
        let messages = self.messages.borrow();
        let next = messages.iter().find(|message| message.position() > after);
        Ok(next.map_or(Pulled::Nothing { upto }, |message| Pulled::Message(message.clone())))
    }

    async fn note(&self, note: &Note) -> anyhow::Result<()> {
        if *self.fails.borrow() > 0 {
            self.fails.send_modify(|left| *left -= 1);
            anyhow::bail!("the disk is full");
        }
        self.notes.send_modify(|notes| notes.push(note.clone()));
        Ok(())
    }
}
