//! Executing a command: decide on what is known here, record guarded by it, and look again when somebody was faster.
//!
//! **Invariant.** A command asked twice is recorded once, whatever is lost on the way: before it is decided again, it
//! is looked for in *all* events since the version that was stated, on every ledger it was to be written to. (Looking
//! at the last event only records twice when another writer came in between.)
//!
//! **Invariant.** What may have been recorded is sent again as it was until that is known: it is not decided again, nor
//! refused, while it may still be recorded.
//!
//! **Invariant.** Nothing is refused on stale data: a no that was said on the local view is said again on fresh data
//! before it is answered.

mod attempt;
mod insist;
mod receipt;

use std::future::Future;
use std::time::Duration;

use domain::event::{Origin, Undecodable};
use domain::id::CommandId;
use domain::ledger::{AggregateId, Change, Halt, Ledgers, State};
use domain::refusal::Refusal;
use tokio::time::{Instant, sleep};

use crate::append::AppendError;
use crate::decision::{Decision, Draft, Unwritable};
use crate::digest::Digest;
use crate::journal::Journal;
use crate::keys::KeyError;
use crate::link::Unreachable;
use crate::read::ReadError;
use crate::recorded::Recorded;
use attempt::Verdict;
pub use receipt::{Done, DoneEvent, Receipt};

/// How often a command is decided before it is given up because others keep being faster.
pub const ATTEMPTS: usize = 5;

/// The first pause after an attempt that found no answer; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// The longest pause between two attempts to reach the broker.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A command to execute.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// Who asks, when, under which command id.
    pub origin: &'a Origin,
    /// What tells this command from another under the same id.
    pub digest: Digest,
    /// The version of a ledger the asker has seen and insists on (*If-Match*).
    pub expected: Option<(AggregateId, u64)>,
}

/// The local view that commands are decided on.
pub trait Local: Send + Sync {
    /// The folded state of a ledger and its version; `None` if the view knows nothing of it.
    ///
    /// # Errors
    /// [`LocalError`] if the view cannot be read, or has stopped this ledger.
    fn ledger(&self, id: &AggregateId) -> Result<Option<(State, u64)>, LocalError>;

    /// A command that the view has already seen recorded.
    ///
    /// # Errors
    /// [`LocalError`] if the view cannot be read.
    fn command(&self, id: CommandId) -> Result<Option<Done>, LocalError>;

    /// Waits until the view has applied the event at a position; false if it did not within the given time.
    fn reached(&self, position: u64, within: Duration) -> impl Future<Output = bool> + Send;
}

/// Why the local view cannot answer. What is said carries no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// The rows of this ledger stand still: an event of it could not be read or applied. Other ledgers go on.
    #[error("the rows of {ledger} stand still since position {position}")]
    Halted {
        /// The ledger.
        ledger: AggregateId,
        /// The position of the event.
        position: u64,
    },
    /// No rows are served now: they are being built, or the view was stopped. Ask again later.
    #[error("no rows are served: {why}")]
    Unserved {
        /// What it waits for.
        why: String,
    },
    /// The rows cannot be read: their owner rebuilds them.
    #[error("the rows cannot be read: {why}")]
    Damaged {
        /// What failed.
        why: String,
    },
}

/// Why a command was not executed, and what its asker can do.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// A rule says no. Nothing was recorded.
    #[error("refused by {}: {}", .0.rule, .0.code)]
    Refused(Refusal),
    /// The same key was used for another command: use a new key.
    #[error("the key of command {command} was used for another command; use a new key")]
    KeyReused {
        /// The command that is recorded under this key.
        command: CommandId,
    },
    /// The ledger is no longer at the version that was insisted on: look at it again, then ask again.
    #[error("{ledger} is at version {found}, not {expected} as was insisted on; read it again")]
    Stale {
        /// The ledger.
        ledger: AggregateId,
        /// The version insisted on.
        expected: u64,
        /// Its version.
        found: u64,
    },
    /// Others were faster each time: ask again later.
    #[error("others wrote to the same ledgers {ATTEMPTS} times in a row; ask again")]
    Contended,
    /// The broker could not be reached in time. The command may be recorded or not: ask again under the same key.
    #[error("{0}; ask again under the same key")]
    Unreachable(Unreachable),
    /// The journal is full. Nothing was recorded.
    #[error("the journal is full: {why}; nothing was recorded")]
    Full {
        /// The broker's words.
        why: String,
    },
    /// The broker refuses this service.
    #[error("the broker refuses: {why}; check the rights of this service")]
    Denied {
        /// The broker's words.
        why: String,
    },
    /// The decision breaks a rule of the journal: a fault of the program that took it, or keys that are missing.
    #[error(transparent)]
    Unwritable(Unwritable),
    /// The decision asks for ledgers without end: a fault of the program that took it.
    #[error("the decision asks for {ledger} without end")]
    Endless {
        /// The ledger it asked for last.
        ledger: AggregateId,
    },
    /// The local view cannot answer.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A ledger cannot be read by this program, so nothing is decided on it.
    #[error("{ledger} cannot be read: {source}")]
    Undecodable {
        /// The ledger.
        ledger: AggregateId,
        /// Why.
        source: Undecodable,
    },
    /// Personal values that the decision needs cannot be opened: the key file does not fit, or a value is damaged.
    #[error("personal values of {ledger} cannot be opened: {source}")]
    Sealed {
        /// The ledger.
        ledger: AggregateId,
        /// Why.
        source: KeyError,
    },
    /// The journal holds something that is not an event.
    #[error(transparent)]
    Damaged(ReadError),
}

/// What a command needs to survive between its attempts.
struct Course<'a> {
    command: &'a Command<'a>,
    /// The ledgers of the attempts whose outcome is not known, with the lowest version that was stated: where the
    /// command is looked for.
    suspects: Vec<(AggregateId, u64)>,
    /// Whether the next decision is taken on fresh data.
    fresh: bool,
    conflicts: usize,
    pause: Duration,
    deadline: Instant,
}

/// How one round of a course ended.
enum Round {
    /// The command is recorded, by this round or an earlier one.
    Recorded(Receipt),
    /// Once more.
    Again,
    /// Once more after a pause: the broker did not answer.
    Later(Unreachable),
}

impl Journal {
    /// Executes a command: decides, records, and answers once the local view shows it (or a bounded wait is over).
    ///
    /// `decide` is called with the ledgers at hand, and again with each ledger it says it needs; a ledger on which
    /// nothing is written comes as its empty state. It must be a pure function. Each ledger it changes is guarded by
    /// the version it was read at; ledgers it only reads are not. No change at all records nothing.
    ///
    /// # Errors
    /// [`ExecuteError`] says what the asker can do.
    pub async fn execute<L, D>(
        &self,
        local: &L,
        command: &Command<'_>,
        decide: D,
    ) -> Result<Receipt, ExecuteError>
    where
        L: Local,
        D: Fn(&Ledgers) -> Result<Vec<Change>, Halt> + Send + Sync,
    {
        let mut course = Course {
            command,
            suspects: Vec::new(),
            fresh: false,
            conflicts: 0,
            pause: FIRST_PAUSE,
            deadline: Instant::now() + self.config().patience,
        };
        loop {
            match self.round(local, &mut course, &decide).await? {
                Round::Recorded(mut receipt) => {
                    let within = self.config().visible_within;
                    receipt.visible = local.reached(receipt.position, within).await;
                    return Ok(receipt);
                }
                Round::Again => {}
                Round::Later(unreachable) => {
                    if Instant::now() + course.pause >= course.deadline {
                        return Err(ExecuteError::Unreachable(unreachable));
                    }
                    course.rest().await;
                }
            }
        }
    }

    async fn round<L: Local>(
        &self,
        local: &L,
        course: &mut Course<'_>,
        decide: &(impl Fn(&Ledgers) -> Result<Vec<Change>, Halt> + Send + Sync),
    ) -> Result<Round, ExecuteError> {
        let (id, digest) = (course.command.origin.command, course.command.digest);
        if let Some(done) = local.command(id)? {
            return receipt::again(id, digest, done).map(Round::Recorded);
        }
        match self.look(course).await {
            Ok(Some(found)) => return self.recorded_before(course, &found).await,
            Ok(None) => {}
            Err(error) => return setback(error),
        }
        let verdict = self.decide(local, course, decide).await;
        // The view may have moved while it was read: whatever is in the state that was decided on is in it by now.
        if let Some(done) = local.command(id)? {
            return receipt::again(id, digest, done).map(Round::Recorded);
        }
        match verdict {
            Ok(Verdict::Changes { changes, versions }) => self.record(course, &changes, versions).await,
            Ok(Verdict::Nothing { version }) => Ok(Round::Recorded(Receipt::nothing(version))),
            Ok(Verdict::Found(event)) => self.recorded_before(course, &event).await,
            Ok(Verdict::Refused(refusal)) => Err(ExecuteError::Refused(refusal)),
            Ok(Verdict::Doubtful) => {
                course.fresh = true;
                Ok(Round::Again)
            }
            Err(attempt::Failure::Read(error)) => setback(error),
            Err(attempt::Failure::Final(error)) => Err(*error),
        }
    }

    /// Looks for the command where attempts without a known outcome would have written it.
    async fn look(&self, course: &Course<'_>) -> Result<Option<Recorded>, ReadError> {
        for (ledger, after) in &course.suspects {
            let events = self.settled_since(ledger, *after).await?;
            if let Some(event) = events.into_iter().find(|e| e.command == course.command.origin.command) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// The receipt of a command one event of which was found.
    async fn recorded_before(&self, course: &Course<'_>, event: &Recorded) -> Result<Round, ExecuteError> {
        match self.whole(event).await {
            Ok(done) => receipt::again(course.command.origin.command, course.command.digest, done)
                .map(Round::Recorded),
            Err(error) => setback(error),
        }
    }

    async fn record(
        &self,
        course: &mut Course<'_>,
        changes: &[Change],
        versions: Vec<(AggregateId, u64)>,
    ) -> Result<Round, ExecuteError> {
        let Command { origin, digest, .. } = *course.command;
        let drafts = changes.iter().map(Draft::from).collect();
        let decision = Decision { origin: origin.clone(), digest, drafts, expected: versions.clone() };
        match self.insist(course, decision).await {
            Ok(appended) => Ok(Round::Recorded(Receipt::new(origin.command, changes, &appended))),
            Err(AppendError::Conflict { .. }) => {
                course.suspect(versions);
                course.fresh = true;
                course.conflicts += 1;
                if course.conflicts < ATTEMPTS {
                    return Ok(Round::Again);
                }
                // The last word: it may have been this very command that was faster.
                match self.look(course).await {
                    Ok(Some(found)) => self.recorded_before(course, &found).await,
                    Ok(None) => Err(ExecuteError::Contended),
                    Err(error) => setback(error),
                }
            }
            Err(AppendError::Unknown { why }) => {
                course.suspect(versions);
                course.fresh = true;
                Ok(Round::Later(Unreachable::new("record a decision", why)))
            }
            Err(AppendError::Unreachable(unreachable)) => Ok(Round::Later(unreachable)),
            Err(AppendError::Full { why }) => Err(ExecuteError::Full { why }),
            Err(AppendError::Refused { why }) => Err(ExecuteError::Denied { why }),
            Err(AppendError::Unwritable(Unwritable::Unsealed(error))) if error.may_pass() => {
                Ok(Round::Later(Unreachable::new("seal personal values", error)))
            }
            Err(AppendError::Unwritable(unwritable)) => Err(ExecuteError::Unwritable(unwritable)),
        }
    }
}

impl Course<'_> {
    /// Pauses, longer each time.
    async fn rest(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// The command may have been written to these ledgers, behind these versions.
    fn suspect(&mut self, versions: Vec<(AggregateId, u64)>) {
        for (ledger, version) in versions {
            match self.suspects.iter_mut().find(|(known, _)| *known == ledger) {
                Some((_, lowest)) => *lowest = version.min(*lowest),
                None => self.suspects.push((ledger, version)),
            }
        }
    }
}

/// A read that failed: once more later, or never.
fn setback(error: ReadError) -> Result<Round, ExecuteError> {
    match error {
        ReadError::Unreachable(unreachable) => Ok(Round::Later(unreachable)),
        ReadError::Refused { why, .. } => Err(ExecuteError::Denied { why }),
        ReadError::Malformed(_) | ReadError::Nothing { .. } => Err(ExecuteError::Damaged(error)),
    }
}
