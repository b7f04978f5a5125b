//! Where the messages of an endpoint come from, and who notes what became of them.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use super::verdict::Failure;
use crate::webhook::MessageId;

/// How long the body of a message may be, in bytes.
pub const BODY_MAX: usize = 256 * 1_024;

/// Where a message stands in the order in which an endpoint is told: those of one endpoint grow, gaps mean nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an endpoint is to be told. Its `Debug` does not show the body.
#[derive(Clone)]
pub struct Message {
    position: Position,
    id: MessageId,
    body: Bytes,
}

/// The body is longer than [`BODY_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message must not be longer than 262144 bytes")]
pub struct TooLong;

impl Message {
    /// The message at `position`. The same message must have the same `id` whenever it is asked for; `body` is JSON.
    ///
    /// # Errors
    /// The body is too long.
    pub fn new(position: Position, id: MessageId, body: Bytes) -> Result<Self, TooLong> {
        if body.len() > BODY_MAX { Err(TooLong) } else { Ok(Self { position, id, body }) }
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What names it.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        &self.id
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} at {}, {} bytes)", self.id, self.position, self.body.len())
    }
}

/// What was found after a position.
#[derive(Debug, Clone)]
pub enum Pulled {
    /// The first message there.
    Message(Message),
    /// None so far.
    Nothing {
        /// Up to where was looked: it need not be looked at again.
        upto: Position,
    },
}

/// What became of an attempt at a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where the message stands.
    pub position: Position,
    /// What names it.
    pub id: MessageId,
    /// When the attempt ended.
    pub at: Timestamp,
    /// The how manieth attempt at this message it was, from 1.
    pub attempt: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// What an attempt led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The message was taken: the cursor of the endpoint is its position from now on.
    Delivered,
    /// It was not taken and is tried again. The cursor stays.
    Again {
        /// Why.
        why: Failure,
        /// Not before then.
        due: Timestamp,
    },
    /// It was not taken, was tried often enough, and nothing more is sent to this endpoint. The cursor stays: whoever puts the
    /// endpoint back decides whether to begin with this message or after it.
    GivenUp {
        /// Why the last attempt failed.
        why: Failure,
    },
    /// The endpoint wants no messages any more, and gets none. The cursor stays.
    Gone,
}

/// The messages of one endpoint.
///
/// Nothing is kept of a message between attempts: it is asked for again each time it is sent, so that it says what may be said
/// at that moment. A message that is no longer to be told is simply not there any more.
pub trait Outbox: Send + Sync + 'static {
    /// Returns once there may be a message after `after`, at once if there is. It may return for nothing, though not all the
    /// time: each return costs a [`Outbox::next`].
    fn ready(&self, after: Position) -> impl Future<Output = ()> + Send;

    /// The first message after `after`, without waiting for one.
    ///
    /// # Errors
    /// It cannot be read now. That is logged, and tried again a little later.
    fn next(&self, after: Position) -> impl Future<Output = anyhow::Result<Pulled>> + Send;

    /// Keeps what became of an attempt, and of a delivered message its position as the cursor. Nothing else is sent to the
    /// endpoint before this has succeeded; it may be told the same twice.
    ///
    /// # Errors
    /// It cannot be kept now. That is logged, and tried again a little later.
    fn note(&self, note: &Note) -> impl Future<Output = anyhow::Result<()>> + Send;
}
