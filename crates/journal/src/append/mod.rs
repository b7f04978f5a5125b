//! Appending, by group commit.
//!
//! **Invariant.** What was acknowledged is on disk.
//!
//! **Invariant.** A decision is recorded whole or not at all, and only if every ledger it writes to is at the version
//! it was decided on.
//!
//! One task per process and stream collects the decisions that are waiting, puts those on different ledgers into one
//! atomic batch and commits it, one batch in flight: a batch costs the same few milliseconds whatever its size, and
//! several in flight were slower. A decision that cannot win is told so without a batch being spoilt by it.

mod bulk;
mod known;
mod task;
pub(crate) mod wire;

use tokio::sync::{mpsc, oneshot};

use crate::decision::{Appended, Decision, Prepared, Unwritable, prepare};
use crate::journal::Journal;
use crate::link::{Link, Unreachable};
use domain::ledger::AggregateId;

pub use bulk::{BulkError, Loaded, Progress};

/// How many decisions may wait for one appender; more callers wait to be let in.
const QUEUE: usize = 4096;

/// Why a decision was not recorded, and what its caller does next.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A ledger has moved on since the decision was taken, or the decision was recorded before: look for the command
    /// in the events since the version that was stated, else decide again.
    #[error("a ledger has moved on since the decision was taken; look for the command, else decide again")]
    Conflict {
        /// The ledger, where it is known which.
        ledger: Option<AggregateId>,
    },
    /// No answer came: it may be recorded or not. Look for the command before asking again.
    #[error("no acknowledgement came ({why}); look for the command before asking again")]
    Unknown {
        /// What happened.
        why: String,
    },
    /// Nothing was recorded; the broker may take it later.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// Nothing was recorded: the journal has reached its byte limit or the disk is full. Make room, then try again.
    #[error("the journal is full: {why}; nothing was recorded, raise its limit or the disk")]
    Full {
        /// The broker's words.
        why: String,
    },
    /// Nothing was recorded and trying again will not help.
    #[error("the broker refuses to record: {why}; check the rights of this service")]
    Refused {
        /// The broker's words.
        why: String,
    },
    /// The decision breaks a rule of the journal.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

/// A decision in the queue, and where its answer goes.
struct Job {
    prepared: Prepared,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// The way to one stream's appender task. The task ends when the last of these is dropped.
#[derive(Clone)]
pub(crate) struct Appender {
    queue: mpsc::Sender<Job>,
}

impl Appender {
    /// Starts the task on the current runtime.
    pub(crate) fn start(link: Link, stream: String) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(task::Task::new(link, stream, jobs).run());
        Self { queue }
    }

    async fn append(&self, prepared: Prepared) -> Result<Appended, AppendError> {
        const ACTION: &str = "record a decision";
        let (answer, answered) = oneshot::channel();
        let gone = "the appender has ended with its runtime";
        self.queue.send(Job { prepared, answer }).await.map_err(|_| Unreachable::new(ACTION, gone))?;
        answered.await.map_err(|_| AppendError::Unknown { why: gone.to_owned() })?
    }
}

impl Journal {
    /// Records a decision, durably, whole or not at all.
    ///
    /// Personal values are sealed on the way. The answer comes when the broker has it on disk.
    ///
    /// # Errors
    /// [`AppendError`] says what to do. After `Conflict` and `Unknown` the command may have been recorded by an
    /// earlier attempt: [`Journal::execute`] does all of this.
    pub async fn append(&self, decision: Decision) -> Result<Appended, AppendError> {
        self.send(self.prepared(decision).await?).await
    }

    /// A decision made ready, to be sent as often as it takes.
    pub(crate) async fn prepared(&self, decision: Decision) -> Result<Prepared, Unwritable> {
        prepare(decision, &self.config().partitions, self.keys()).await
    }

    /// Records what was made ready. Sent again, it is recorded only if it was not before: its guards see to that.
    pub(crate) async fn send(&self, prepared: Prepared) -> Result<Appended, AppendError> {
        let appender = self.appender(&prepared.stream).ok_or_else(|| AppendError::Refused {
            why: format!("no stream {} was opened", prepared.stream),
        })?;
        appender.append(prepared).await
    }
}
