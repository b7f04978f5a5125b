//! Deciding on the view.

use std::time::Duration;

use domain::id::CommandId;
use domain::ledger::{AggregateId, State};
use journal::{Done, Local, LocalError};

use super::{commands, state};
use crate::handle::Handle;
use crate::reader::Unserved;
use crate::store::StoreError;

/// The ledgers of a service, to decide on: what [`journal::Journal::execute`] asks for. A clone is cheap.
#[derive(Clone)]
pub struct Ledgers {
    handle: Handle,
}

impl Ledgers {
    /// Those of a projection with a [`super::LedgersView`].
    #[must_use]
    pub fn of(handle: Handle) -> Self {
        Self { handle }
    }

    /// The projection.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Local for Ledgers {
    /// A ledger that stands still is an error: its state is that of an older version, and what is missing cannot be
    /// read from the journal either.
    fn ledger(&self, id: &AggregateId) -> Result<Option<(State, u64)>, LocalError> {
        let page = self.handle.reader().page().map_err(|e| unserved(&e))?;
        if let Some(halted) = page.halted(id).map_err(|e| damaged(&e))? {
            return Err(LocalError::Halted { ledger: *id, position: halted.position });
        }
        let folded = state(&page, id).map_err(|e| damaged(&e))?;
        Ok(folded.map(|folded| (folded.state.clone(), folded.version)))
    }

    fn command(&self, id: CommandId) -> Result<Option<Done>, LocalError> {
        let page = self.handle.reader().page().map_err(|e| unserved(&e))?;
        commands::done(&page, id).map_err(|e| damaged(&e))
    }

    fn reached(&self, position: u64, within: Duration) -> impl Future<Output = bool> + Send {
        self.handle.reached(position, within)
    }
}

fn unserved(why: &Unserved) -> LocalError {
    LocalError::Unserved { why: why.to_string() }
}

fn damaged(why: &StoreError) -> LocalError {
    LocalError::Damaged { why: why.to_string() }
}
