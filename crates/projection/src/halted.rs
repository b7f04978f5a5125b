//! Ledgers that could not be followed any further, and why.

use std::collections::HashMap;

use domain::ledger::AggregateId;
use serde::{Deserialize, Serialize};

use crate::key;
use crate::overlay::Overlay;
use crate::rows::Rows;
use crate::store::{Store, StoreError};
use crate::tree::HALTED;

/// A ledger whose rows stand still since an event that could not be read or applied.
///
/// It moves again when the rows are rebuilt by a program that understands the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// The ledger.
    pub ledger: AggregateId,
    /// The position of the event.
    pub position: u64,
    /// Its kind.
    pub kind: String,
    /// Why, without personal data.
    pub why: String,
    /// The position of the ledger's last event since, none of which was applied.
    pub last: u64,
    /// How many events were not applied, the first included.
    pub unapplied: u64,
}

/// The halted ledgers of one store: as stored, and at hand for every event.
pub(crate) struct HaltedLedgers(HashMap<AggregateId, Halted>);

impl HaltedLedgers {
    /// Those of a store that was just opened.
    pub(crate) fn of(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(all(store)?.into_iter().map(|halted| (halted.ledger, halted)).collect()))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether the ledger stands still; if so, the event at `position` is counted as not applied.
    pub(crate) fn pass_over(
        &mut self,
        store: &Store,
        overlay: &mut Overlay,
        ledger: &AggregateId,
        position: u64,
    ) -> Result<bool, StoreError> {
        let Some(halted) = self.0.get_mut(ledger) else { return Ok(false) };
        halted.last = position;
        halted.unapplied += 1;
        save(store, overlay, halted)?;
        Ok(true)
    }

    /// Stops a ledger, loudly.
    pub(crate) fn halt(
        &mut self,
        store: &Store,
        overlay: &mut Overlay,
        halted: Halted,
    ) -> Result<(), StoreError> {
        tracing::error!(
            ledger = %halted.ledger, position = halted.position, kind = %halted.kind, why = %halted.why,
            "ledger {} is halted at position {}: {}; correct the program, then rebuild",
            halted.ledger, halted.position, halted.why
        );
        save(store, overlay, &halted)?;
        self.0.insert(halted.ledger, halted);
        Ok(())
    }
}

/// The halted ledgers of a store, by ledger.
pub(crate) fn all(store: &Store) -> Result<Vec<Halted>, StoreError> {
    let tree = store.number(HALTED)?;
    store
        .range(tree, &[], None)
        .map(|row| crate::row::decode(&row?.1).map_err(|why| store.unreadable(tree, &why)))
        .collect()
}

/// Whether a ledger of this store stands still.
pub(crate) fn one(store: &Store, ledger: &AggregateId) -> Result<Option<Halted>, StoreError> {
    let tree = store.number(HALTED)?;
    let Some(value) = store.get(tree, &key::of(ledger))? else { return Ok(None) };
    crate::row::decode(&value).map(Some).map_err(|why| store.unreadable(tree, &why))
}

fn save(store: &Store, overlay: &mut Overlay, halted: &Halted) -> Result<(), StoreError> {
    Rows::new(store, overlay).save(HALTED, key::of(&halted.ledger), halted.clone())
}
