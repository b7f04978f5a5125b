//! Reading rows: a page is what one answer is made of.

use std::sync::Arc;

use domain::ledger::AggregateId;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::halted::{self, Halted};
use crate::key;
use crate::line::{Line, Status};
use crate::row::{KeyValue, Row};
use crate::store::{Hold, Store, StoreError};
use crate::tree::Tree;

/// Why no rows can be read now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// They are being built from the journal: try again later.
    #[error("the rows are being built: {position} of {last} events are read")]
    Building {
        /// The position of the last event applied.
        position: u64,
        /// The position of the last event there is, as far as is known.
        last: u64,
    },
    /// They could not be read or written: the service ends, and checks or rebuilds them when it starts again.
    #[error("the rows cannot be trusted: {0}")]
    Doubtful(String),
    /// The projection was stopped.
    #[error("the projection was stopped")]
    Closed,
}

/// Opens pages of rows. A clone is cheap.
#[derive(Clone)]
pub struct Reader {
    lines: watch::Receiver<Arc<Line>>,
}

impl Reader {
    pub(crate) fn new(lines: watch::Receiver<Arc<Line>>) -> Self {
        Self { lines }
    }

    /// The rows as they are now. Until the page is dropped nothing is written: read, copy, drop; it cannot be kept
    /// across an `await`. May wait for the batch that is being written (milliseconds; up to half a second while the
    /// projection is far behind).
    ///
    /// # Errors
    /// [`Unserved`]: there are no rows that may be shown.
    pub fn page(&self) -> Result<Page, Unserved> {
        let line = Arc::clone(&self.lines.borrow());
        let store = line.store().ok_or(Unserved::Closed)?;
        // Rows that are being built are written for seconds on end: nobody waits for those.
        served(&line.status())?;
        let hold = store.hold();
        let status = line.status();
        served(&status)?;
        let position = store.checkpoint().position;
        Ok(Page {
            position,
            pending: status.pending + (status.seen - status.position),
            line,
            store,
            _hold: hold,
        })
    }
}

/// Whether rows may be shown.
fn served(status: &Status) -> Result<(), Unserved> {
    match &status.stopped {
        Some(why) if why.hides_rows() => Err(Unserved::Doubtful(why.to_string())),
        Some(_) | None if status.served => Ok(()),
        Some(_) | None => {
            Err(Unserved::Building { position: status.seen, last: status.seen + status.pending })
        }
    }
}

/// The rows of one position. Everything read from one page belongs together.
pub struct Page {
    // Dropped first: the store outlives what holds it.
    _hold: Hold,
    line: Arc<Line>,
    store: Arc<Store>,
    position: u64,
    pending: u64,
}

impl Page {
    /// The position of the last event these rows know.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many events are known to wait behind them.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// When the oldest event was recorded that these rows do not know yet; `None` if none is known to wait.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.line.waiting_since()
    }

    /// The bytes under `key`.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::Damaged`] the projection serves nothing any more.
    pub fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.told(self.store.number(tree).and_then(|tree| self.store.get(tree, key)))
    }

    /// The value under `key`, shared with whoever reads it too.
    ///
    /// # Errors
    /// As [`Page::get`].
    pub fn load<T: Row>(&self, tree: Tree, key: &[u8]) -> Result<Option<Arc<T>>, StoreError> {
        self.told(self.store.number(tree).and_then(|tree| self.store.load(tree, key)))
    }

    /// The rows whose keys begin with `prefix`, in order; from the last with `rev()`.
    ///
    /// # Errors
    /// As [`Page::get`], also from each row.
    pub fn prefix(
        &self,
        tree: Tree,
        prefix: &[u8],
    ) -> Result<impl DoubleEndedIterator<Item = Result<KeyValue, StoreError>> + use<'_>, StoreError> {
        self.range(tree, prefix, key::after_prefix(prefix).as_deref())
    }

    /// The rows whose keys are in `from..until`, in order, to the last one if `until` is `None`; from the last with
    /// `rev()`.
    ///
    /// # Errors
    /// As [`Page::get`], also from each row.
    pub fn range(
        &self,
        tree: Tree,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> Result<impl DoubleEndedIterator<Item = Result<KeyValue, StoreError>> + use<'_>, StoreError> {
        let tree = self.store.number(tree)?;
        Ok(self.store.range(tree, from, until).map(|row| self.told(row)))
    }

    /// A row that was found by [`Page::prefix`] or [`Page::range`], as the value it was saved as.
    ///
    /// # Errors
    /// As [`Page::get`].
    pub fn decoded<T: Row>(&self, tree: Tree, value: &[u8]) -> Result<T, StoreError> {
        let number = self.store.number(tree)?;
        self.told(crate::row::decode(value).map_err(|why| self.store.unreadable(number, &why)))
    }

    /// Whether the rows of this ledger stand still, and since which event.
    ///
    /// # Errors
    /// As [`Page::get`].
    pub fn halted(&self, ledger: &AggregateId) -> Result<Option<Halted>, StoreError> {
        self.told(halted::one(&self.store, ledger))
    }

    /// Every ledger whose rows stand still.
    ///
    /// # Errors
    /// As [`Page::get`].
    pub fn all_halted(&self) -> Result<Vec<Halted>, StoreError> {
        self.told(halted::all(&self.store))
    }

    /// Every row of every tree in order, as text: equal rows give equal texts. For tests and for comparing a rebuild;
    /// it is as large as the rows.
    ///
    /// # Errors
    /// As [`Page::get`].
    pub fn dump(&self) -> Result<String, StoreError> {
        self.told(self.store.dump())
    }

    fn told<T>(&self, read: Result<T, StoreError>) -> Result<T, StoreError> {
        read.map_err(|e| self.line.suspect(e))
    }
}
