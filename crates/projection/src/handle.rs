//! A projection as others see it: how far it is, whether it can be relied on, its rows.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use crate::line::{Line, Status};
use crate::reader::Reader;
use crate::stop::Stop;

/// A projection that runs. A clone is cheap.
#[derive(Clone)]
pub struct Handle {
    lines: watch::Receiver<Arc<Line>>,
    rebuilds: mpsc::Sender<oneshot::Sender<Result<(), RebuildError>>>,
    beside: watch::Receiver<Option<Progress>>,
}

/// Whether a projection can be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It follows the journal.
    Ready,
    /// Its rows are being built and are not shown.
    Building(Progress),
    /// It was behind when it started, and is catching up; its rows are shown with their position.
    Behind {
        /// How many events wait.
        pending: u64,
    },
    /// The journal cannot be reached; its rows are shown with their position.
    Unreachable {
        /// What the journal's client says.
        why: String,
    },
    /// It goes no further.
    Stopped(Stop),
}

impl Readiness {
    /// Whether a service may take requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }
}

impl std::fmt::Display for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Building(Progress { position, last }) => {
                write!(f, "rows are being built: {position} of {last}")
            }
            Self::Behind { pending } => write!(f, "{pending} events behind the journal"),
            Self::Unreachable { why } => write!(f, "the journal cannot be reached: {why}"),
            Self::Stopped(why) => write!(f, "stopped: {why}"),
        }
    }
}

/// How far rows that are being built are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The position of the last event applied.
    pub position: u64,
    /// The position of the last event there is, as far as is known.
    pub last: u64,
}

impl Progress {
    pub(crate) fn of(status: &Status) -> Self {
        Self { position: status.seen, last: status.seen + status.pending }
    }
}

/// Why rows were not rebuilt. Those in use stay in use.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// They are being built already.
    #[error("the rows are being built already")]
    Already,
    /// The new rows could not be made or brought up to the journal.
    #[error("the new rows could not be built: {0}")]
    Failed(String),
    /// The projection was stopped meanwhile.
    #[error("the projection was stopped")]
    Closed,
}

impl Handle {
    pub(crate) fn new(
        lines: watch::Receiver<Arc<Line>>,
        rebuilds: mpsc::Sender<oneshot::Sender<Result<(), RebuildError>>>,
        beside: watch::Receiver<Option<Progress>>,
    ) -> Self {
        Self { lines, rebuilds, beside }
    }

    /// The position of the last event the rows know.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.line().status().position
    }

    /// How many events are known to wait behind it.
    #[must_use]
    pub fn pending(&self) -> u64 {
        let status = self.line().status();
        status.pending + (status.seen - status.position)
    }

    /// How long the oldest event has been waiting that the rows do not know; zero if none is known to wait. While the
    /// journal cannot be reached nobody knows: look at [`Handle::ready`].
    #[must_use]
    pub fn lag(&self, now: Timestamp) -> Duration {
        let since = self.line().waiting_since();
        since
            .map_or(Duration::ZERO, |since| Duration::try_from(now.duration_since(since)).unwrap_or_default())
    }

    /// Waits until the rows know the event at `position`, at most this long. Whether they do.
    pub async fn reached(&self, position: u64, within: Duration) -> bool {
        let mut lines = self.lines.clone();
        let reached = async {
            loop {
                let line = Arc::clone(&lines.borrow_and_update());
                let mut status = line.watch();
                tokio::select! {
                    arrived = status.wait_for(|status| status.served && status.position >= position) => {
                        return arrived.is_ok();
                    }
                    changed = lines.changed() => if changed.is_err() { return false },
                }
            }
        };
        tokio::time::timeout(within, reached).await.unwrap_or(false)
    }

    /// Whether a service may rely on it, and if not, why.
    #[must_use]
    pub fn ready(&self) -> Readiness {
        let status = self.line().status();
        if let Some(why) = status.stopped {
            Readiness::Stopped(why)
        } else if !status.served {
            Readiness::Building(Progress::of(&status))
        } else if let Some(why) = status.unreachable {
            Readiness::Unreachable { why }
        } else if !status.caught_up {
            Readiness::Behind { pending: status.pending }
        } else {
            Readiness::Ready
        }
    }

    /// Waits until it is ready; what it is instead, if it stopped.
    ///
    /// # Errors
    /// [`Stop`]: it goes no further.
    pub async fn until_ready(&self) -> Result<(), Stop> {
        let mut lines = self.lines.clone();
        loop {
            let mut status = self.line().watch();
            match self.ready() {
                Readiness::Ready => return Ok(()),
                Readiness::Stopped(why) => return Err(why),
                Readiness::Building(_) | Readiness::Behind { .. } | Readiness::Unreachable { .. } => {}
            }
            let closed = tokio::select! {
                changed = status.changed() => changed.is_err(),
                changed = lines.changed() => changed.is_err(),
            };
            if closed {
                return Err(Stop::Failed("it was closed"));
            }
        }
    }

    /// How many ledgers stand still. [`crate::Page::all_halted`] names them.
    #[must_use]
    pub fn halted(&self) -> usize {
        self.line().status().halted
    }

    /// Builds the rows anew beside those in use, which are kept up and shown meanwhile, and takes them into use. Answers
    /// when that is done; [`Handle::rebuilding`] tells how far it is.
    ///
    /// # Errors
    /// [`RebuildError`]: nothing has changed.
    pub async fn rebuild(&self) -> Result<(), RebuildError> {
        let (answer, answered) = oneshot::channel();
        self.rebuilds.send(answer).await.map_err(|_| RebuildError::Closed)?;
        answered.await.unwrap_or(Err(RebuildError::Closed))
    }

    /// How far the rows are that are being built anew: first or beside those in use. `None` when none are.
    #[must_use]
    pub fn rebuilding(&self) -> Option<Progress> {
        let beside = *self.beside.borrow();
        beside.or_else(|| {
            let status = self.line().status();
            (!status.served).then(|| Progress::of(&status))
        })
    }

    /// Opens pages of the rows.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.lines.clone())
    }

    fn line(&self) -> Arc<Line> {
        Arc::clone(&self.lines.borrow())
    }
}
