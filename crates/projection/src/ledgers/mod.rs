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
    #[serde(skip)]
    indexed: Indexed,
}

/// The entries that the rows hold for a ledger, as far as they are known: a function of a state, computed from it at
/// most twice however many events are written together.
#[derive(Debug, Clone, Default)]
enum Indexed {
    /// They are those of the state, which has just been read.
    #[default]
    Unknown,
    /// They are these, those of the state.
    Settled(Vec<IndexEntry>),
    /// They are these, those of a state before.
    Behind(Vec<IndexEntry>),
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
    /// never give the same one. They are brought up to date when rows are written, for the states that are written:
    /// views that come after this one cannot rely on them.
    #[must_use]
    pub fn indexed(self, trees: &'static [Tree], index: fn(&AggregateId, &State) -> Vec<IndexEntry>) -> Self {
        Self { trees, index, ..self }
    }

    /// Takes out of each state what the service may not keep, before it is stored, indexed or shown to anybody.
    #[must_use]
    pub fn withholding(self, withhold: fn(&mut State)) -> Self {
        Self { withhold, ..self }
    }

    /// Adds one event to its ledger. Its entries stay behind.
    fn fold(&self, entry: &Entry, folded: &mut Folded) {
        let Folded { version, state, indexed } = folded;
        *indexed = Indexed::Behind(match std::mem::take(indexed) {
            Indexed::Unknown => index::sorted((self.index)(&entry.ledger, state)),
            Indexed::Settled(entries) | Indexed::Behind(entries) => entries,
        });
        state.evolve(entry.fact(), &entry.stamp);
        (self.withhold)(state);
        *version = entry.position;
    }

    /// Gives the entries to remove and to write, so that they are those of the state.
    fn catch_up(&self, ledger: &AggregateId, folded: &mut Folded) -> Option<index::Difference> {
        let Folded { state, indexed, .. } = folded;
        let Indexed::Behind(before) = indexed else { return None };
        let after = index::sorted((self.index)(ledger, state));
        let difference = index::difference(std::mem::take(before), &after);
        *indexed = Indexed::Settled(after);
        Some(difference)
    }
}

/// A ledger on which nothing is written yet.
fn nothing(ledger: &AggregateId) -> Folded {
    Folded { version: 0, state: State::empty(ledger), indexed: Indexed::Settled(Vec::new()) }
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
        let (key, new) = (key::of(&entry.ledger), || nothing(&entry.ledger));
        rows.change(STATES, &key, new, |folded| self.fold(entry, folded))?;
        commands::remember(entry, rows)?;
        Ok(())
    }

    /// Indexes follow the states when they are written: in between, they would be computed for states nobody sees.
    fn settle(&self, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        for key in rows.touched(STATES)? {
            // All keys of this tree are ledgers.
            let Some(ledger) = key::read::<AggregateId>(&key) else { continue };
            let difference =
                rows.change(STATES, &key, || nothing(&ledger), |folded| self.catch_up(&ledger, folded))?;
            if let Some(difference) = difference {
                difference.write(rows)?;
            }
        }
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

/// As [`state`], for a view that comes after this one: the state after the event that is being applied.
///
/// # Errors
/// [`StoreError`]: hand it on; the view stops.
pub fn state_in(rows: &Rows<'_>, ledger: &AggregateId) -> Result<Option<std::sync::Arc<Folded>>, StoreError> {
    rows.load(STATES, &key::of(ledger))
}
