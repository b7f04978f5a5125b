//! Writing: rows and checkpoint together, or in bulk where nobody reads and nothing may be kept half done.

use std::sync::atomic::Ordering;

use super::seal::{CHECKPOINT, Checkpoint, fingerprint, sealed};
use super::{Store, StoreError, stored_key};
use crate::overlay::{Overlay, Slot};

/// What a commit does to the cache once it is written.
type Cached = (u8, Vec<u8>, Slot, usize);

/// One row to write.
struct Write {
    key: Vec<u8>,
    /// As stored; `None` removes the row.
    value: Option<Vec<u8>>,
}

impl Store {
    /// Writes what is pending and the new position in one atomic batch.
    ///
    /// After an error the store is to be left alone: what is on disk is the state before or after, but the cache may
    /// have lost rows that this batch changed.
    pub(crate) fn commit(&self, overlay: &mut Overlay, position: u64) -> Result<(), StoreError> {
        let (checkpoint, writes, cached) = self.prepare(overlay, position)?;
        let mut batch = sled::Batch::default();
        for write in writes {
            match write.value {
                Some(value) => batch.insert(write.key, value),
                None => batch.remove(write.key),
            }
        }
        batch.insert(&CHECKPOINT, checkpoint.to_bytes());
        let _alone = self.gate.write();
        self.rows.apply_batch(batch)?;
        self.written(checkpoint, cached);
        Ok(())
    }

    /// Writes what is pending row by row in the order of keys, several times faster than [`Store::commit`] for many
    /// rows. A process that ends in between leaves a store that says so and can only be thrown away: for stores that
    /// are being built and that nobody reads.
    pub(crate) fn spill(&self, overlay: &mut Overlay, position: u64) -> Result<(), StoreError> {
        let before = Checkpoint { unfinished: true, ..self.checkpoint() };
        self.rows.insert(CHECKPOINT, before.to_bytes())?;
        let (checkpoint, writes, cached) = self.prepare(overlay, position)?;
        for write in writes {
            match write.value {
                Some(value) => self.rows.insert(write.key, value)?,
                None => self.rows.remove(write.key)?,
            };
        }
        self.rows.insert(CHECKPOINT, checkpoint.to_bytes())?;
        let _alone = self.gate.write();
        self.written(checkpoint, cached);
        Ok(())
    }

    /// Serialises what is pending, leaves out what is stored already, and counts the rest into the checkpoint.
    fn prepare(
        &self,
        overlay: &mut Overlay,
        position: u64,
    ) -> Result<(Checkpoint, Vec<Write>, Vec<Cached>), StoreError> {
        let mut checkpoint = Checkpoint { position, unfinished: false, ..self.checkpoint() };
        let was_empty = checkpoint.rows == 0;
        let (mut writes, mut cached) = (Vec::new(), Vec::new());
        for (tree, key, slot) in overlay.drain() {
            let value = match &slot {
                Slot::Gone => None,
                Slot::Raw(value) => Some(value.to_vec()),
                Slot::Decoded(row) => Some(row.encode().map_err(|why| self.unreadable(tree, &why))?),
            };
            let stored = stored_key(tree, &key);
            let old = if was_empty { None } else { self.rows.get(&stored)? };
            let old = old.and_then(|old| old.first_chunk().map(|head| u64::from_be_bytes(*head)));
            let new = value.as_ref().map(|value| fingerprint(&stored, value));
            cached.push((tree, key, slot, value.as_ref().map_or(0, Vec::len)));
            if old == new {
                continue;
            }
            checkpoint.replace(old, new);
            let value = new.zip(value).map(|(fingerprint, value)| sealed(fingerprint, &value));
            writes.push(Write { key: stored, value });
        }
        Ok((checkpoint, writes, cached))
    }

    /// Makes memory agree with what was written. The caller holds the gate alone.
    fn written(&self, checkpoint: Checkpoint, cached: Vec<Cached>) {
        for (tree, key, slot, bytes) in cached {
            match slot {
                Slot::Decoded(row) => self.cache.put(tree, &key, row, bytes),
                Slot::Gone | Slot::Raw(_) => drop(self.cache.take(tree, &key)),
            }
        }
        *self.checkpoint.lock() = checkpoint;
        self.dirty.store(true, Ordering::Release);
    }
}
