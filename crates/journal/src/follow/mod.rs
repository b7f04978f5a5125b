//! Following: every event after a checkpoint, in order, as it comes.
//!
//! **Invariant.** What a follower hands out stands one position behind the other, starting behind its checkpoint.
//! Anything else is an error: the broker skips or truncates damaged files without a word.
//!
//! The broker remembers nothing about a reader: its consumer is ephemeral and made anew, from the reader's own
//! checkpoint, whenever 500 ms pass without a sign of life.

mod consumer;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::envelope::Malformed;
use crate::journal::Journal;
use crate::link::Link;
use crate::read::{self, ReadError};
use crate::recorded::Recorded;
use consumer::{Consumer, Delivery};

/// How long a follower waits for a sign of life before it starts over: the client library's own watch would notice
/// a restarted broker after 30 s only.
const WATCHDOG: Duration = Duration::from_millis(500);

/// How long a follower waits before it tries again to reach a broker that does not answer.
const PAUSE: Duration = Duration::from_millis(100);

/// The most events one batch holds, whatever is asked for.
pub const MAX_BATCH: usize = 10_000;

/// Events in order, and how far behind the journal the reader is after them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The events. Empty only in the first batch of a follower that has nothing to read yet.
    pub events: Vec<Recorded>,
    /// How many more there were when the last of them was sent: the reader's lag, in events.
    pub pending: u64,
}

/// Why a follower cannot go on. None of these mends itself: stop the view and raise the alarm.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FollowError {
    /// Events are missing, or one came again: the journal was damaged, or the checkpoint is not of this journal.
    #[error(
        "position {found} follows {after}: the journal has a gap; stop, compare with the seals and a backup"
    )]
    Gap {
        /// The position that was read last.
        after: u64,
        /// The position that came next.
        found: u64,
    },
    /// The journal ends before the reader's checkpoint: it was truncated, or restored from an older backup.
    #[error(
        "the journal ends at {last}, before the checkpoint {checkpoint}: it went backwards; stop and restore it"
    )]
    WentBackwards {
        /// What the reader has read.
        checkpoint: u64,
        /// Where the journal ends.
        last: u64,
    },
    /// A message is not an event of ours.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The broker refuses the reader: its rights are too narrow, or the stream is gone.
    #[error("the broker refuses to {action}: {why}; check the rights of this service")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// The broker's words.
        why: String,
    },
}

/// A reader of the journal from its own checkpoint. While the broker is away it waits, and then goes on exactly
/// where it was.
#[derive(Debug)]
pub struct Follower {
    link: Link,
    stream: String,
    /// The position of the last event handed out or held.
    checkpoint: u64,
    consumer: Option<Consumer>,
    /// Taken from the wire, not yet handed out: so that a caller may drop a call to `next_batch` without loss.
    held: Batch,
    /// Whether the reader was told how far behind it is.
    told: bool,
    /// Whether the consumer was made anew because of a jump in positions: a second one is a gap.
    doubted: bool,
}

impl Journal {
    /// Follows the journal behind a position; 0 for all of it. Nothing is asked of the broker before the first
    /// [`Follower::next_batch`].
    #[must_use]
    pub fn follow(&self, after: u64) -> Follower {
        Follower {
            link: self.link().clone(),
            stream: self.stream().to_owned(),
            checkpoint: after,
            consumer: None,
            held: Batch::default(),
            told: false,
            doubted: false,
        }
    }
}

impl Follower {
    /// The position of the last event handed out.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        self.checkpoint - self.held.events.len() as u64
    }

    /// The next events, at most `max` and at most [`MAX_BATCH`]: as many as are there, waiting for the first. Waits
    /// as long as the broker is away. The call can be dropped at any time without losing an event.
    ///
    /// The first batch comes at once, empty if there is nothing behind the checkpoint, so that a reader knows it is
    /// up to date.
    ///
    /// # Errors
    /// [`FollowError`]: the journal is not what it was. The follower is of no more use then.
    pub async fn next_batch(&mut self, max: usize) -> Result<Batch, FollowError> {
        let max = max.clamp(1, MAX_BATCH);
        loop {
            let Some(consumer) = &mut self.consumer else {
                self.start().await?;
                continue;
            };
            if self.held.events.is_empty() {
                if !self.told {
                    self.told = true;
                    self.held.pending = consumer.pending_at_start();
                    if self.held.pending == 0 {
                        return Ok(Batch::default());
                    }
                }
                match timeout_at(Instant::now() + WATCHDOG, consumer.next()).await {
                    Ok(Ok(Some(delivery))) => self.take(delivery)?,
                    Ok(Ok(None)) => {}
                    Ok(Err(why)) => self.start_over(&why),
                    Err(_) => self.start_over("no sign of life from the broker"),
                }
                continue;
            }
            // Whatever has already arrived goes along.
            match consumer.ready().filter(|_| self.held.events.len() < max) {
                Some(delivery) => self.take(delivery)?,
                None => return Ok(std::mem::take(&mut self.held)),
            }
        }
    }

    /// Accepts one message if it is the one that follows.
    fn take(&mut self, delivery: Delivery) -> Result<(), FollowError> {
        let found = delivery.position;
        if found != self.checkpoint + 1 {
            if self.doubted {
                return Err(FollowError::Gap { after: self.checkpoint, found });
            }
            // A message may have been lost between the broker and us. If it jumps again, it is the journal.
            self.doubted = true;
            self.start_over("positions jump");
            return Ok(());
        }
        self.doubted = false;
        self.held.pending = delivery.pending;
        self.held.events.push(delivery.event()?);
        self.checkpoint = found;
        Ok(())
    }

    fn start_over(&mut self, why: &str) {
        tracing::debug!(stream = %self.stream, checkpoint = self.checkpoint, why, "reading anew from the checkpoint");
        self.consumer = None;
    }

    /// Makes a consumer behind the checkpoint; returns without one, after a pause, if the broker does not answer.
    async fn start(&mut self) -> Result<(), FollowError> {
        match self.attempt().await {
            Ok(consumer) => {
                self.consumer = Some(consumer);
                Ok(())
            }
            Err(Setback::Later(why)) => {
                tracing::debug!(stream = %self.stream, %why, "the journal cannot be followed yet");
                sleep(PAUSE).await;
                Ok(())
            }
            Err(Setback::Never(error)) => Err(error),
        }
    }

    async fn attempt(&self) -> Result<Consumer, Setback> {
        let last = read::last_position(&self.link, &self.stream).await?;
        if last < self.checkpoint {
            return Err(Setback::Never(FollowError::WentBackwards { checkpoint: self.checkpoint, last }));
        }
        Ok(Consumer::create(&self.link, &self.stream, self.checkpoint).await?)
    }
}

/// Why no consumer could be made.
enum Setback {
    Later(String),
    Never(FollowError),
}

impl From<ReadError> for Setback {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused { action, why } => Self::Never(FollowError::Refused { action, why }),
            ReadError::Malformed(malformed) => Self::Never(malformed.into()),
            ReadError::Unreachable(_) | ReadError::Nothing { .. } => Self::Later(error.to_string()),
        }
    }
}
