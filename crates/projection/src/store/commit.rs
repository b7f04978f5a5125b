//! Writing: rows and checkpoint together, or in bulk where nobody reads and nothing may be kept half done.

use std::sync::atomic::Ordering;

use super::seal::{CHECKPOINT, Checkpoint, fingerprint, sealed};
use super::{Store, StoreError, stored_key};
use crate::overlay::{Overlay, Slot};

/// A pending write: the tree, the key, what will be there.
type Pending = (u8, Vec<u8>, Slot);

/// What a commit does to the cache once it is written.
type Cached = (u8, Vec<u8>, Slot, usize);

/// A pending write, serialised.
struct Write {
    key: Vec<u8>,
    /// Its fingerprint and the value as stored; `None` removes the row.
    sealed: Option<(u64, Vec<u8>)>,
    cached: Cached,
}

impl Store {
    /// Writes what is pending and the new position in one atomic batch.
    ///
    /// After an error the store is to be left alone: what is on disk is the state before or after, but the cache may
    /// have lost rows that this batch changed.
    pub(crate) fn commit(&self, overlay: &mut Overlay, position: u64) -> Result<(), StoreError> {
        let mut checkpoint = Checkpoint { position, unfinished: false, ..self.checkpoint() };
        let mut batch = sled::Batch::default();
        let mut cached = Vec::new();
        for pending in overlay.drain() {
            let write = self.serialised(pending)?;
            cached.push(write.cached);
            let old = self.rows.get(&write.key)?.as_deref().and_then(stated);
            let new = write.sealed.as_ref().map(|(fingerprint, _)| *fingerprint);
            checkpoint.replace(old, new);
            match write.sealed {
                Some(_) if old == new => {}
                Some((_, value)) => batch.insert(write.key, value),
                None if old.is_some() => batch.remove(write.key),
                None => {}
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
        let before = self.checkpoint();
        self.rows.insert(CHECKPOINT, Checkpoint { unfinished: true, ..before }.to_bytes())?;
        let _alone = self.gate.write();
        let mut pending: Vec<Pending> = overlay.drain().collect();
        let second = pending.split_off(pending.len() / 2);
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| self.fill(second));
            (self.fill(pending), second.join())
        });
        let second = second.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let checkpoint = Checkpoint { position, unfinished: false, ..before }.plus(first?).plus(second?);
        self.rows.insert(CHECKPOINT, checkpoint.to_bytes())?;
        self.written(checkpoint, Vec::new());
        Ok(())
    }

    /// Writes rows one by one; gives what they add to the checkpoint. Two threads do so at once, on two halves of the
    /// keys: most of the work is in the processor, in sled's nodes.
    fn fill(&self, pending: Vec<Pending>) -> Result<Checkpoint, StoreError> {
        let mut added = Checkpoint::default();
        for pending in pending {
            let write = self.serialised(pending)?;
            let new = write.sealed.as_ref().map(|(fingerprint, _)| *fingerprint);
            let old = match write.sealed {
                Some((_, value)) => self.rows.insert(write.key, value)?,
                None => self.rows.remove(write.key)?,
            };
            added.replace(old.as_deref().and_then(stated), new);
            self.keep_decoded(write.cached);
        }
        Ok(added)
    }

    fn serialised(&self, (tree, key, slot): Pending) -> Result<Write, StoreError> {
        let stored = stored_key(tree, &key);
        let seal = |value: &[u8]| {
            let fingerprint = fingerprint(&stored, value);
            (fingerprint, sealed(fingerprint, value))
        };
        let sealed = match &slot {
            Slot::Gone => None,
            Slot::Raw(value) => Some(seal(value)),
            Slot::Decoded(row) => Some(seal(&row.encode().map_err(|why| self.unreadable(tree, &why))?)),
        };
        let bytes = sealed.as_ref().map_or(0, |(_, value)| value.len());
        Ok(Write { key: stored, sealed, cached: (tree, key, slot, bytes) })
    }

    /// Makes memory agree with what was written. The caller holds the gate alone.
    fn written(&self, checkpoint: Checkpoint, cached: Vec<Cached>) {
        for row in cached {
            self.keep_decoded(row);
        }
        *self.checkpoint.lock() = checkpoint;
        self.dirty.store(true, Ordering::Release);
    }

    fn keep_decoded(&self, (tree, key, slot, bytes): Cached) {
        match slot {
            Slot::Decoded(row) => self.cache.put(tree, &key, row, bytes),
            Slot::Gone | Slot::Raw(_) => drop(self.cache.take(tree, &key)),
        }
    }
}

/// The fingerprint that a stored value states.
fn stated(stored: &[u8]) -> Option<u64> {
    stored.first_chunk().map(|head| u64::from_be_bytes(*head))
}
