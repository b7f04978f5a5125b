//! Deciding on the view.

use std::time::Duration;

use domain::id::CommandId;
use domain::ledger::{AggregateId, State};
use journal::{Done, Local, LocalError};

use super::{commands, state};
use crate::handle::Handle;

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
        let page = self.handle.reader().page().map_err(|e| cannot(&e))?;
        if let Some(halted) = page.halted(id).map_err(|e| cannot(&e))? {
            return Err(LocalError { why: format!("{id} is halted since position {}", halted.position) });
        }
        let folded = state(&page, id).map_err(|e| cannot(&e))?;
        Ok(folded.map(|folded| (folded.state.clone(), folded.version)))
    }

    fn command(&self, id: CommandId) -> Result<Option<Done>, LocalError> {
        let page = self.handle.reader().page().map_err(|e| cannot(&e))?;
        commands::done(&page, id).map_err(|e| cannot(&e))
    }

    fn reached(&self, position: u64, within: Duration) -> impl Future<Output = bool> + Send {
        self.handle.reached(position, within)
    }
}

fn cannot(why: &impl std::fmt::Display) -> LocalError {
    LocalError { why: why.to_string() }
}
