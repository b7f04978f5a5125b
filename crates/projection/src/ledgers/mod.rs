//! The view every deciding service keeps: the state of each ledger, the commands already recorded, and indexes.
//!
//! States stand in [`STATES`] by ledger, folded with the domain's own rules; decisions are taken on them, guarded by
//! their versions. A service says which indexes it wants over states, and what it may not keep of them.

mod commands;
mod index;
mod local;

use domain::ledger::{AggregateId, State};
use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::key;
use crate::rows::Rows;
use crate::store::StoreError;
use crate::tree::Tree;
use crate::view::{ApplyError, View};
pub use commands::KEPT_WEEKS;
pub use index::IndexEntry;
pub use local::Ledgers;

/// States by ledger: `key::of(&ledger)` → [`Folded`].
pub const STATES: Tree = Tree::named("ledgers/states");

/// Raised whenever this crate writes these rows in another way.
const FORMAT: u32 = 2;

/// A ledger as the view keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Folded {
    /// The position of its last event: what an append to it is guarded by.
    pub version: u64,
    /// What it amounts to, less what the service may not keep.
    pub state: State,
    /// The index entries of that state, once they are known; they are a function of it.
    #[serde(skip)]
    entries: Option<Vec<IndexEntry>>,
}

/// The view. What it keeps besides states and commands is said by [`indexed`](Self::indexed) and
/// [`withholding`](Self::withholding).
pub struct LedgersView {
    version: u32,
    trees: &'static [Tree],
    index: fn(&AggregateId, &State) -> Vec<IndexEntry>,
    withhold: fn(&mut State),
}

impl LedgersView {
    /// States and commands, without indexes. Raise `version` whenever the same events would give other states or
    /// entries: the domain folds otherwise, the index or what is withheld changes. At most 9,999.
    #[must_use]
    pub fn new(version: u32) -> Self {
        Self { version, trees: &[], index: |_, _| Vec::new(), withhold: |_| {} }
    }

    /// Keeps in `trees` the entries that `index` gives for each state. They follow the state: what it gave for the
    /// state before and does not give for the state after is removed. Its keys name the ledger, so that two ledgers
    /// never give the same one.
    #[must_use]
    pub fn indexed(self, trees: &'static [Tree], index: fn(&AggregateId, &State) -> Vec<IndexEntry>) -> Self {
        Self { trees, index, ..self }
    }

    /// Takes out of each state what the service may not keep, before it is stored, indexed or shown to anybody.
    #[must_use]
    pub fn withholding(self, withhold: fn(&mut State)) -> Self {
        Self { withhold, ..self }
    }

    /// Adds one event to its ledger; gives the entries to remove and to write.
    fn fold(&self, entry: &Entry, folded: &mut Folded) -> index::Difference {
        let Folded { version, state, entries } = folded;
        let before = entries.take().unwrap_or_else(|| index::sorted((self.index)(&entry.ledger, state)));
        state.evolve(entry.fact(), &entry.stamp);
        (self.withhold)(state);
        *version = entry.position;
        let after = index::sorted((self.index)(&entry.ledger, state));
        let difference = index::difference(before, &after);
        *entries = Some(after);
        difference
    }
}

impl View for LedgersView {
    fn name(&self) -> &'static str {
        "ledgers"
    }

    fn version(&self) -> u32 {
        FORMAT * 10_000 + self.version
    }

    fn trees(&self) -> Vec<Tree> {
        [STATES, commands::COMMANDS, commands::WEEKS].iter().chain(self.trees).copied().collect()
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        let key = key::of(&entry.ledger);
        let new = || Folded { version: 0, state: State::empty(&entry.ledger), entries: Some(Vec::new()) };
        let difference = rows.change(STATES, &key, new, |folded| self.fold(entry, folded))?;
        difference.write(rows)?;
        commands::remember(entry, rows)?;
        Ok(())
    }
}

/// The state of a ledger, shared with whoever reads it too; `None` if nothing is written on it.
///
/// # Errors
/// [`StoreError`], as every read of a page.
pub fn state(page: &crate::Page, ledger: &AggregateId) -> Result<Option<std::sync::Arc<Folded>>, StoreError> {
    page.load(STATES, &key::of(ledger))
}
