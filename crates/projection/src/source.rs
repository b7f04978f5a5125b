//! Where events come from: the journal, or anything that gives them in order.

use journal::follow::Trouble;
use journal::{Follower, Journal, ReadError, Recorded};
use tokio::sync::watch;

/// Events in order, and how many more there are.
#[derive(Debug, Default)]
pub struct Batch {
    /// Events at contiguous positions.
    pub events: Vec<Recorded>,
    /// How many events wait behind them, as far as the source knows.
    pub pending: u64,
}

/// Why no events come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nobody answers for now: the projection keeps what it has and asks again.
    #[error("the journal cannot be reached: {0}")]
    Unreachable(String),
    /// What comes cannot be trusted: a gap, a step back, an envelope that cannot be read. The projection stops.
    #[error("the journal cannot be followed: {0}")]
    Broken(String),
}

/// Something that holds all events in one order, counted from 1 without gaps.
pub trait Source: Clone + Send + Sync + 'static {
    /// What hands them out.
    type Follower: Follow;

    /// Hands out every event after the position `after`, from the first one there is if it is 0.
    fn follow(&self, after: u64) -> Self::Follower;

    /// The position of the last event there is; 0 for none.
    fn last_position(&self) -> impl Future<Output = Result<u64, SourceError>> + Send;

    /// Whether it can be reached at this moment: asked while a follower waits.
    fn connected(&self) -> bool;
}

/// Hands out events in order.
pub trait Follow: Send + 'static {
    /// Waits for at least one event, then gives what has arrived, at most `max` events. Where nothing waits at first,
    /// the first batch may be empty, to say so. The call may be dropped without losing an event.
    ///
    /// # Errors
    /// [`SourceError`]. After an error the follower is not used again.
    fn next_batch(&mut self, max: usize) -> impl Future<Output = Result<Batch, SourceError>> + Send;

    /// Why nothing comes, while nothing comes though the source is connected.
    fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        watch::Sender::new(None).subscribe()
    }
}

impl Source for Journal {
    type Follower = Follower;

    fn follow(&self, after: u64) -> Follower {
        Journal::follow(self, after)
    }

    async fn last_position(&self) -> Result<u64, SourceError> {
        match Journal::last_position(self).await {
            Ok(last) => Ok(last),
            Err(ReadError::Unreachable(why)) => Err(SourceError::Unreachable(why.to_string())),
            Err(why @ (ReadError::Malformed(_) | ReadError::Nothing { .. } | ReadError::Refused { .. })) => {
                Err(SourceError::Broken(why.to_string()))
            }
        }
    }

    fn connected(&self) -> bool {
        Journal::connected(self)
    }
}

impl Follow for Follower {
    async fn next_batch(&mut self, max: usize) -> Result<Batch, SourceError> {
        match Follower::next_batch(self, max).await {
            Ok(journal::Batch { events, pending }) => Ok(Batch { events, pending }),
            // None of its errors mends itself.
            Err(why) => Err(SourceError::Broken(why.to_string())),
        }
    }

    fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        Follower::trouble(self)
    }
}
