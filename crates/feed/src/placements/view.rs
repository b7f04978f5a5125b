//! The view: what is available now, and how it came to be so, position by position.

use domain::event::Stamp;
use domain::ledger::AggregateId;
use domain::placement::{Placement, PlacementId, offered};
use projection::{ApplyError, Entry, Page, Rows, StoreError, Tree, View, key, ledgers};
use serde::{Deserialize, Serialize};

/// `position` → [`Passage`].
const PASSAGES: Tree = Tree::named("feed/passages");
/// `ledger` → [`Available`].
const AVAILABLE: Tree = Tree::named("feed/available");

/// Raised whenever the same events would give other rows.
const VERSION: u32 = 1;

/// What an event of the journal made of a placement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Passage {
    /// Whose.
    pub(crate) ledger: AggregateId,
    /// What was available before.
    pub(crate) before: Option<Placement>,
    /// What is since.
    pub(crate) after: Option<Placement>,
    /// The kind of the event that made it so: `vacancy.expired`.
    pub(crate) because: String,
    /// That event's stamp.
    pub(crate) stamp: Stamp,
}

/// What is available.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Available {
    /// What.
    pub(crate) placement: Placement,
    /// The position of the event that told it last.
    pub(crate) told_at: u64,
}

/// The view. It comes after that of the ledgers, whose states it reads.
pub(crate) struct Placements;

impl View for Placements {
    fn name(&self) -> &'static str {
        "placements"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn trees(&self) -> Vec<Tree> {
        vec![PASSAGES, AVAILABLE]
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        let ledger = entry.ledger;
        if PlacementId::of(&ledger).is_none() {
            return Ok(());
        }
        let state = ledgers::state_in(rows, &ledger)?;
        let after = state.and_then(|folded| offered(&ledger, &folded.state));
        let at = key::of(&ledger);
        let before = rows.load::<Available>(AVAILABLE, &at)?.map(|is| is.placement.clone());
        if before == after {
            return Ok(());
        }
        match after.clone() {
            Some(placement) => {
                rows.save(AVAILABLE, at, Available { placement, told_at: entry.position })?;
            }
            None => rows.remove(AVAILABLE, at)?,
        }
        let (because, stamp) = (entry.kind.clone(), entry.stamp);
        rows.save(PASSAGES, key::of(&entry.position), Passage { ledger, before, after, because, stamp })?;
        Ok(())
    }
}

/// A row of what is available: its key, whose it is, what it says.
pub(super) type Row = (Vec<u8>, AggregateId, Available);

/// What is available now, in the order of the ledgers, from the row `from` on.
pub(super) fn available(
    page: &Page,
    from: &[u8],
) -> Result<impl Iterator<Item = Result<Row, StoreError>>, StoreError> {
    let rows = page.range(AVAILABLE, from, None)?;
    Ok(rows.filter_map(|row| {
        let read = |(at, value): (Vec<u8>, Vec<u8>)| {
            let ledger = key::read::<AggregateId>(&at)?;
            Some(page.decoded(AVAILABLE, &value).map(|is| (at, ledger, is)))
        };
        row.map(read).transpose().map(Result::flatten)
    }))
}

/// What became of placements after the position `after`, in order.
pub(super) fn passages(
    page: &Page,
    after: u64,
) -> Result<impl Iterator<Item = Result<(u64, Passage), StoreError>>, StoreError> {
    let rows = page.range(PASSAGES, &key::of(&after.saturating_add(1)), None)?;
    Ok(rows.filter_map(|row| {
        let read = |(at, value): (Vec<u8>, Vec<u8>)| {
            let position = key::read::<u64>(&at)?;
            Some(page.decoded(PASSAGES, &value).map(|passage| (position, passage)))
        };
        row.map(read).transpose().map(Result::flatten)
    }))
}
