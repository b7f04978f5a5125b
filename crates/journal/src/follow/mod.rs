//! Following: every event after a checkpoint, in order, as it comes.
//!
//! **Invariant.** What a follower hands out stands one position behind the other, starting behind its checkpoint.
//! Anything else is an error: the broker skips or truncates damaged files without a word.
//!
//! The broker remembers nothing about a reader: its consumer is ephemeral and made anew, from the reader's own
//! checkpoint, whenever the connection was lost. After 500 ms without a sign of life the broker is asked.

mod address;
mod consumer;
mod watch;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep};

use crate::envelope::Malformed;
use crate::journal::Journal;
use crate::link::Link;
use crate::read::{self, ReadError};
use crate::recorded::Recorded;
use consumer::{Consumer, Delivery};
use watch::{Alarm, Watch};

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

/// Why nothing comes from the broker, though it may be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Instant,
    /// What was tried last, and what came of it.
    pub why: String,
}

/// A reader of the journal from its own checkpoint. While the broker is away it waits, and then goes on exactly
/// where it was.
pub struct Follower {
    link: Link,
    stream: String,
    /// The position of the last event handed out or held.
    checkpoint: u64,
    stage: Stage,
    /// Taken from the wire, not yet handed out: so that a caller may drop a call to `next_batch` without loss.
    held: Batch,
    /// Whether the reader was told how far behind it is.
    told: bool,
    /// Whether the consumer was made anew because of a jump in positions: a second one is a gap.
    doubted: bool,
    trouble: channel::Sender<Option<Trouble>>,
}

/// What a follower is doing.
enum Stage {
    /// Nothing was asked of the broker yet.
    New,
    /// A consumer is being made: kept here, so that a dropped call leaves none behind.
    Starting(BoxFuture<'static, Result<Reading, Setback>>),
    /// Events come.
    Reading(Box<Reading>),
}

/// A consumer and who watches over it.
struct Reading {
    consumer: Consumer,
    watch: Watch,
}

impl Journal {
    /// Follows the journal behind a position; 0 for all of it. Nothing is asked of the broker before the first
    /// [`Follower::next_batch`].
    #[must_use]
    pub fn follow(&self, after: u64) -> Follower {
        Follower {
            link: self.following().clone(),
            stream: self.stream().to_owned(),
            checkpoint: after,
            stage: Stage::New,
            held: Batch::default(),
            told: false,
            doubted: false,
            trouble: channel::Sender::new(None),
        }
    }
}

impl Follower {
    /// The position of the last event handed out.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        self.checkpoint - self.held.events.len() as u64
    }

    /// Why nothing comes, while the broker gives no sign of life or refuses for now.
    #[must_use]
    pub fn trouble(&self) -> channel::Receiver<Option<Trouble>> {
        self.trouble.subscribe()
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
            let Self { stage, held, told, .. } = self;
            let reading = match stage {
                Stage::New => {
                    self.start(Duration::ZERO);
                    continue;
                }
                Stage::Starting(starting) => {
                    let started = starting.await;
                    self.started(started)?;
                    continue;
                }
                Stage::Reading(reading) => reading,
            };
            if !held.events.is_empty() {
                // Whatever has already arrived goes along.
                let more = if held.events.len() < max { reading.consumer.ready() } else { None };
                match more {
                    Some(delivery) => self.take(delivery)?,
                    None => return Ok(std::mem::take(held)),
                }
                continue;
            }
            if !*told {
                *told = true;
                held.pending = reading.consumer.pending_at_start();
                if held.pending == 0 {
                    return Ok(Batch::default());
                }
            }
            self.wait().await?;
        }
    }

    /// Waits for the next message, or for what the watch says of its absence.
    async fn wait(&mut self) -> Result<(), FollowError> {
        let Stage::Reading(reading) = &mut self.stage else { return Ok(()) };
        let Reading { consumer, watch } = &mut **reading;
        let alarm = tokio::select! {
            biased;
            next = consumer.next() => {
                watch.heard();
                self.trouble.send_if_modified(|trouble| trouble.take().is_some());
                return match next {
                    Ok(Some(delivery)) => self.take(delivery),
                    Ok(None) => Ok(()),
                    Err(why) => {
                        self.start_over(&why);
                        Ok(())
                    }
                };
            }
            alarm = watch.alarm(self.checkpoint) => alarm,
        };
        match alarm {
            Alarm::Lost(why) => self.start_over(&why),
            Alarm::Idle => {
                watch.heard();
                consumer.nothing_is_asked();
            }
            Alarm::Mute(why) => self.note(why),
            Alarm::Alive => {
                self.trouble.send_if_modified(|trouble| trouble.take().is_some());
            }
        }
        Ok(())
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
        tracing::info!(stream = %self.stream, checkpoint = self.checkpoint, why, "reading anew from the checkpoint");
        self.start(Duration::ZERO);
    }

    /// Begins to make a consumer behind the checkpoint; the one there was is not read any more.
    fn start(&mut self, pause: Duration) {
        let old = match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::Reading(reading) => Some(reading.consumer.address().clone()),
            Stage::New | Stage::Starting(_) => None,
        };
        let (link, stream, checkpoint) = (self.link.clone(), self.stream.clone(), self.checkpoint);
        self.stage = Stage::Starting(Box::pin(async move {
            if let Some(old) = old {
                old.remove(&link).await;
            }
            sleep(pause).await;
            Reading::begin(link, &stream, checkpoint).await
        }));
    }

    fn started(&mut self, started: Result<Reading, Setback>) -> Result<(), FollowError> {
        match started {
            Ok(reading) => {
                self.trouble.send_if_modified(|trouble| trouble.take().is_some());
                self.stage = Stage::Reading(Box::new(reading));
                Ok(())
            }
            Err(Setback::Later(why)) => {
                tracing::debug!(stream = %self.stream, %why, "the journal cannot be followed yet");
                self.note(why);
                self.start(PAUSE);
                Ok(())
            }
            Err(Setback::Never(error)) => Err(error),
        }
    }

    fn note(&self, why: String) {
        self.trouble.send_modify(|trouble| {
            let since = trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since);
            *trouble = Some(Trouble { since, why });
        });
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("stream", &self.stream)
            .field("checkpoint", &self.checkpoint())
            .finish_non_exhaustive()
    }
}

impl Reading {
    /// Makes a consumer behind the checkpoint, unless the journal ends before it.
    async fn begin(link: Link, stream: &str, checkpoint: u64) -> Result<Self, Setback> {
        let mark = link.mark();
        let last = read::last_position(&link, stream).await?;
        if last < checkpoint {
            return Err(Setback::Never(FollowError::WentBackwards { checkpoint, last }));
        }
        let consumer = Consumer::create(&link, stream, checkpoint).await?;
        let watch = Watch::over(link, consumer.address().clone(), mark);
        Ok(Self { consumer, watch })
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
