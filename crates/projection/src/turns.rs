//! Taking turns at building: rows that nobody reads yet take much memory, and much of the broker, while they are built.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many projections build at once.
const AT_ONCE: usize = 2;

/// The turns of the projections of one process: two of them build their rows at once, others wait. A clone shares them.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

/// A turn, until it is dropped.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// How many more may build now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }

    /// Waits for a turn.
    pub(crate) async fn take(&self) -> Option<Turn> {
        // Never closed: an error would only mean that nobody limits anything.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}
