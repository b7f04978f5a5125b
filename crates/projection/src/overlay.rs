//! Writes that are not in the store yet.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::row::Decoded;

/// What a decoded row is taken to occupy in memory, bytes: its true size is known only once it is serialised.
const DECODED_WEIGHT: usize = 3 << 10;

/// What any pending write occupies beside its key and value, bytes.
const OVERHEAD: usize = 96;

/// What will be under a key.
#[derive(Clone)]
pub(crate) enum Slot {
    /// Nothing.
    Gone,
    /// These bytes.
    Raw(Arc<[u8]>),
    /// This value, serialised when the batch is written.
    Decoded(Arc<dyn Decoded>),
}

/// One write that can be taken back: what was pending under that key before.
struct Undo {
    tree: u8,
    key: Vec<u8>,
    before: Option<Slot>,
}

/// Pending writes by tree and key.
#[derive(Default)]
pub(crate) struct Overlay {
    trees: Vec<BTreeMap<Vec<u8>, Slot>>,
    weight: usize,
    undo: Option<Vec<Undo>>,
}

impl Overlay {
    /// How much memory the pending writes take, roughly, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// What is pending under a key.
    pub(crate) fn get(&self, tree: u8, key: &[u8]) -> Option<&Slot> {
        self.trees.get(usize::from(tree))?.get(key)
    }

    /// What is pending under a key, to be changed in place. While writes may be taken back, the value is shared with
    /// the one before, so that changing it copies it first.
    pub(crate) fn get_mut(&mut self, tree: u8, key: &[u8]) -> Option<&mut Slot> {
        let slot = self.trees.get_mut(usize::from(tree))?.get_mut(key)?;
        if let Some(undo) = &mut self.undo {
            undo.push(Undo { tree, key: key.to_vec(), before: Some(slot.clone()) });
        }
        Some(slot)
    }

    /// Puts a write in the place of what was pending.
    pub(crate) fn put(&mut self, tree: u8, key: Vec<u8>, slot: Slot) {
        let index = usize::from(tree);
        if self.trees.len() <= index {
            self.trees.resize_with(index + 1, BTreeMap::new);
        }
        let weight = key.len() + OVERHEAD + slot.weight();
        let undone = self.undo.is_some().then(|| key.clone());
        let before = match self.trees[index].entry(key) {
            Place::Occupied(mut place) => Some(place.insert(slot)),
            Place::Vacant(place) => {
                self.weight += weight;
                place.insert(slot);
                None
            }
        };
        if let (Some(undo), Some(key)) = (&mut self.undo, undone) {
            undo.push(Undo { tree, key, before });
        }
    }

    /// Forgets a pending write, as if it had never been: for a row that is not stored.
    pub(crate) fn discard(&mut self, tree: u8, key: Vec<u8>) {
        let pending = self.trees.get_mut(usize::from(tree));
        let Some(slot) = pending.and_then(|pending| pending.remove(&key)) else { return };
        self.weight = self.weight.saturating_sub(key.len() + OVERHEAD + slot.weight());
        if let Some(undo) = &mut self.undo {
            undo.push(Undo { tree, key, before: Some(slot) });
        }
    }

    /// The pending writes whose keys are in `from..until`, in order.
    pub(crate) fn range<'a>(
        &'a self,
        tree: u8,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> impl Iterator<Item = (&'a Vec<u8>, &'a Slot)> + use<'a> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let bounds = (Included(from), until.map_or(Unbounded, Excluded));
        let is_empty = until.is_some_and(|until| until <= from);
        let pending = self.trees.get(usize::from(tree)).filter(|_| !is_empty);
        pending.map(|pending| pending.range::<[u8], _>(bounds)).into_iter().flatten()
    }

    /// The keys of `tree` that were written to since the last [`Overlay::drain`]; while writes can be taken back, since
    /// the last [`Overlay::keep`].
    pub(crate) fn touched(&self, tree: u8) -> Vec<Vec<u8>> {
        match &self.undo {
            Some(undo) => {
                let of_tree = undo.iter().filter(|undo| undo.tree == tree);
                let keys: BTreeSet<_> = of_tree.map(|undo| undo.key.clone()).collect();
                keys.into_iter().collect()
            }
            None => self.range(tree, &[], None).map(|(key, _)| key.clone()).collect(),
        }
    }

    /// From here on, writes can be taken back to the last [`Overlay::keep`].
    pub(crate) fn be_careful(&mut self) {
        self.undo = Some(Vec::new());
    }

    /// What was written stays.
    pub(crate) fn keep(&mut self) {
        if let Some(undo) = &mut self.undo {
            undo.clear();
        }
    }

    /// Takes back what was written since the last [`Overlay::keep`].
    pub(crate) fn take_back(&mut self) {
        for Undo { tree, key, before } in self.undo.iter_mut().flat_map(|undo| undo.drain(..).rev()) {
            let Some(pending) = self.trees.get_mut(usize::from(tree)) else { continue };
            match before {
                Some(slot) => pending.insert(key, slot),
                None => pending.remove(&key),
            };
        }
    }

    /// All pending writes, in the order of trees and keys. What is left pends nothing and remembers whether to be
    /// careful.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (u8, Vec<u8>, Slot)> + use<> {
        self.weight = 0;
        self.keep();
        std::mem::take(&mut self.trees)
            .into_iter()
            .zip(0_u8..)
            .flat_map(|(pending, tree)| pending.into_iter().map(move |(key, slot)| (tree, key, slot)))
    }

    /// Whether nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.trees.iter().all(BTreeMap::is_empty)
    }
}

impl Slot {
    fn weight(&self) -> usize {
        match self {
            Self::Gone => 0,
            Self::Raw(value) => value.len(),
            Self::Decoded(_) => DECODED_WEIGHT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Slot {
        Slot::Raw(text.as_bytes().into())
    }

    fn pending(overlay: &Overlay) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let written = |slot: &Slot| match slot {
            Slot::Gone => None,
            Slot::Raw(value) => Some(value.to_vec()),
            Slot::Decoded(row) => Some(row.encode().unwrap()),
        };
        overlay.range(1, b"", None).map(|(key, slot)| (key.clone(), written(slot))).collect()
    }

    #[test]
    fn what_is_taken_back_was_never_written() {
        let mut overlay = Overlay::default();
        overlay.be_careful();
        overlay.put(1, b"a".to_vec(), raw("1"));
        overlay.put(1, b"n".to_vec(), Slot::Decoded(Arc::new(7_u32)));
        overlay.keep();
        let before = pending(&overlay);
        overlay.put(1, b"a".to_vec(), Slot::Gone);
        overlay.put(1, b"a".to_vec(), raw("2"));
        overlay.put(1, b"b".to_vec(), raw("3"));
        overlay.discard(1, b"a".to_vec());
        if let Some(Slot::Decoded(row)) = overlay.get_mut(1, b"n") {
            assert!(Arc::get_mut(row).is_none(), "shared with what it was");
            *row = Arc::new(8_u32);
        }
        overlay.take_back();
        assert_eq!(pending(&overlay), before);
        overlay.take_back();
        assert_eq!(pending(&overlay), before);
    }
}
