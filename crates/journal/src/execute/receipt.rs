//! What an executed command amounts to.

use domain::id::{CommandId, EventId};
use domain::ledger::{AggregateId, Change};

use super::ExecuteError;
use crate::decision::{Appended, MAX_CHANGES};
use crate::digest::Digest;
use crate::journal::Journal;
use crate::read::ReadError;
use crate::recorded::Recorded;

/// A command that is already recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The digest it was recorded with.
    pub digest: Digest,
    /// Its events, in order.
    pub events: Vec<DoneEvent>,
}

/// One event of a command that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneEvent {
    /// Its id.
    pub id: EventId,
    /// What happened: `referral.proposed`.
    pub kind: String,
    /// The ledger it was written to.
    pub ledger: AggregateId,
    /// Its position.
    pub position: u64,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its events, in order; none if there was nothing to change.
    pub events: Vec<DoneEvent>,
    /// The position of the last of them; with no event, the highest version that was read.
    pub position: u64,
    /// Whether the local view shows it already.
    pub visible: bool,
    /// Whether it had been recorded before: the same command was asked twice.
    pub repeated: bool,
}

impl Receipt {
    /// The version of a ledger after this command; `None` if it wrote nothing to it.
    #[must_use]
    pub fn version(&self, ledger: &AggregateId) -> Option<u64> {
        self.events.iter().rev().find(|event| event.ledger == *ledger).map(|event| event.position)
    }

    pub(super) fn new(command: CommandId, changes: &[Change], appended: &Appended) -> Self {
        let events = changes.iter().zip(&appended.positions).enumerate();
        let events = events.map(|(nth, (change, position))| DoneEvent {
            id: EventId::of(command, nth),
            kind: change.fact.kind().to_owned(),
            ledger: change.ledger,
            position: *position,
        });
        Self { events: events.collect(), position: appended.last(), visible: false, repeated: false }
    }

    pub(super) fn nothing(position: u64) -> Self {
        Self { events: Vec::new(), position, visible: false, repeated: false }
    }
}

/// The receipt of a command that was recorded before, unless its key is now used for another one.
pub(super) fn again(command: CommandId, digest: Digest, done: Done) -> Result<Receipt, ExecuteError> {
    if done.digest != digest {
        return Err(ExecuteError::KeyReused { command });
    }
    let position = done.events.last().map_or(0, |event| event.position);
    Ok(Receipt { events: done.events, position, visible: false, repeated: true })
}

impl Journal {
    /// The whole command of which one event was found. The events of a decision stand one behind the other, and each
    /// id says which of them it is.
    pub(super) async fn whole(&self, event: &Recorded) -> Result<Done, ReadError> {
        let nth = (0..MAX_CHANGES).find(|nth| EventId::of(event.command, *nth) == event.stamp.event);
        let before = event.position - 1 - nth.unwrap_or(0) as u64;
        let journal = self.of(event.ledger.territory());
        let mut events = Vec::new();
        let mut after = before;
        loop {
            /// Most decisions have fewer events than this.
            const AT_ONCE: usize = 16;
            let some = journal.range(after, AT_ONCE).await?;
            let own: Vec<_> = some.iter().take_while(|e| e.command == event.command).collect();
            events.extend(own.iter().map(|e| DoneEvent {
                id: e.stamp.event,
                kind: e.kind.clone(),
                ledger: e.ledger,
                position: e.position,
            }));
            if own.len() < AT_ONCE {
                return Ok(Done { digest: event.digest, events });
            }
            after += AT_ONCE as u64;
        }
    }
}
