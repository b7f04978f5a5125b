//! Rows as a view sees them while it applies events: what is stored, under what it wrote in this batch.

use std::iter::Peekable;
use std::sync::Arc;

use crate::key;
use crate::overlay::{Overlay, Slot};
use crate::row::{Decoded, KeyValue, Row};
use crate::store::{Store, StoreError};
use crate::tree::Tree;

/// The rows of a service, to be read and written. Every read sees every write before it; all writes of a batch and the
/// checkpoint reach the store together or not at all.
///
/// A tree holds either bytes ([`insert`](Self::insert)) or values ([`save`](Self::save)); reading one as the other works
/// but costs a conversion.
pub struct Rows<'a> {
    store: &'a Store,
    overlay: &'a mut Overlay,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(store: &'a Store, overlay: &'a mut Overlay) -> Self {
        Self { store, overlay }
    }

    /// The bytes under `key`.
    ///
    /// # Errors
    /// [`StoreError`]: hand it on; the view stops.
    pub fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let tree = self.store.number(tree)?;
        match self.overlay.get(tree, key) {
            Some(slot) => self.bytes(tree, slot),
            None => self.store.get(tree, key),
        }
    }

    /// Puts bytes under `key`, whatever was there.
    ///
    /// # Errors
    /// [`StoreError::Undeclared`]: the view does not declare this tree.
    pub fn insert(&mut self, tree: Tree, key: impl Into<Vec<u8>>, value: &[u8]) -> Result<(), StoreError> {
        let tree = self.store.number(tree)?;
        self.overlay.put(tree, key.into(), Slot::Raw(value.into()));
        Ok(())
    }

    /// Removes what is under `key`, if anything.
    ///
    /// # Errors
    /// [`StoreError::Undeclared`]: the view does not declare this tree.
    pub fn remove(&mut self, tree: Tree, key: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        let tree = self.store.number(tree)?;
        self.overlay.put(tree, key.into(), Slot::Gone);
        Ok(())
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// [`StoreError`]: hand it on; the view stops.
    pub fn load<T: Row>(&self, tree: Tree, key: &[u8]) -> Result<Option<Arc<T>>, StoreError> {
        let tree = self.store.number(tree)?;
        match self.overlay.get(tree, key) {
            Some(Slot::Gone) => Ok(None),
            Some(Slot::Decoded(row)) => self.store.typed(tree, Arc::clone(row)).map(Some),
            Some(Slot::Raw(value)) => {
                let row = crate::row::decode(value).map_err(|why| self.store.unreadable(tree, &why))?;
                Ok(Some(Arc::new(row)))
            }
            None => self.store.load(tree, key),
        }
    }

    /// Puts a value under `key`, whatever was there.
    ///
    /// # Errors
    /// [`StoreError::Undeclared`]: the view does not declare this tree.
    pub fn save<T: Row>(&mut self, tree: Tree, key: impl Into<Vec<u8>>, value: T) -> Result<(), StoreError> {
        let tree = self.store.number(tree)?;
        self.overlay.put(tree, key.into(), Slot::Decoded(Arc::new(value)));
        Ok(())
    }

    /// Changes the value under `key` in place, after making it with `new` if there is none. This is the cheapest way to
    /// change a value that changes often: it is read, copied and serialised at most once a batch.
    ///
    /// # Errors
    /// [`StoreError`]: hand it on; the view stops.
    pub fn change<T: Row, R>(
        &mut self,
        tree: Tree,
        key: &[u8],
        new: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, StoreError> {
        let number = self.store.number(tree)?;
        if !matches!(self.overlay.get(number, key), Some(Slot::Decoded(_))) {
            let row = match self.overlay.get(number, key) {
                Some(_) => self.load::<T>(tree, key)?.map(|row| row as Arc<dyn Decoded>),
                None => self.take::<T>(number, key)?,
            };
            let row = row.unwrap_or_else(|| Arc::new(new()));
            self.overlay.put(number, key.to_vec(), Slot::Decoded(row));
        }
        match self.overlay.get_mut(number, key) {
            Some(Slot::Decoded(row)) => changed(row, change)
                .ok_or_else(|| self.store.unreadable(number, "it was written as another type")),
            // Put there three lines above.
            Some(Slot::Gone | Slot::Raw(_)) | None => Err(self.store.unreadable(number, "it is not decoded")),
        }
    }

    /// The rows whose keys begin with `prefix`, in order.
    ///
    /// # Errors
    /// [`StoreError`], also from each row: hand it on; the view stops.
    pub fn prefix(&self, tree: Tree, prefix: &[u8]) -> Result<Scan<'_>, StoreError> {
        self.range(tree, prefix, key::after_prefix(prefix).as_deref())
    }

    /// The rows whose keys are in `from..until`, in order; to the last one if `until` is `None`.
    ///
    /// # Errors
    /// [`StoreError`], also from each row: hand it on; the view stops.
    pub fn range(&self, tree: Tree, from: &[u8], until: Option<&[u8]>) -> Result<Scan<'_>, StoreError> {
        let number = self.store.number(tree)?;
        let stored: Stored<'_> = Box::new(self.store.range(number, from, until));
        let pending: Pending<'_> = Box::new(self.overlay.range(number, from, until));
        Ok(Scan { rows: self, tree: number, stored: stored.peekable(), pending: pending.peekable() })
    }

    /// The keys of `tree` that were written to since views were last told to settle, in order.
    ///
    /// # Errors
    /// [`StoreError::Undeclared`]: the view does not declare this tree.
    pub fn touched(&self, tree: Tree) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(self.overlay.touched(self.store.number(tree)?))
    }

    /// Removes the first rows whose keys are in `from..until`, at most so many; gives the key of the last one if there
    /// were so many. A row that was written in this batch only never reaches the store.
    pub(crate) fn remove_first(
        &mut self,
        tree: Tree,
        from: &[u8],
        until: &[u8],
        most: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let number = self.store.number(tree)?;
        let keys = self.range(tree, from, Some(until))?.take(most).map(|row| row.map(|(key, _)| key));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let stored = self.store.range(number, from, Some(until));
        let mut stored = stored.map(|row| row.map(|(key, _)| key)).peekable();
        let last = if keys.len() == most { keys.last().cloned() } else { None };
        for key in keys {
            while stored.next_if(|stored| stored.as_ref().is_ok_and(|stored| *stored < key)).is_some() {}
            match stored.peek() {
                Some(Ok(stored)) if *stored != key => self.overlay.discard(number, key),
                Some(_) => self.overlay.put(number, key, Slot::Gone),
                None => self.overlay.discard(number, key),
            }
        }
        Ok(last)
    }

    /// The decoded value of a stored row, taken out of the cache: the batch will put it back when it is written.
    fn take<T: Row>(&self, tree: u8, key: &[u8]) -> Result<Option<Arc<dyn Decoded>>, StoreError> {
        if let Some(cached) = self.store.cache().take(tree, key) {
            return Ok(Some(cached));
        }
        Ok(self.store.decode::<T>(tree, key)?.map(|(row, _)| Arc::new(row) as Arc<dyn Decoded>))
    }

    fn bytes(&self, tree: u8, slot: &Slot) -> Result<Option<Vec<u8>>, StoreError> {
        match slot {
            Slot::Gone => Ok(None),
            Slot::Raw(value) => Ok(Some(value.to_vec())),
            Slot::Decoded(row) => row.encode().map(Some).map_err(|why| self.store.unreadable(tree, &why)),
        }
    }
}

/// Changes a decoded row, after copying it if somebody else looks at it; `None` if it is not a `T`.
fn changed<T: Row, R>(row: &mut Arc<dyn Decoded>, change: impl FnOnce(&mut T) -> R) -> Option<R> {
    if Arc::get_mut(row).is_none() {
        let copy = (**row).as_any().downcast_ref::<T>()?.clone();
        *row = Arc::new(copy);
    }
    Arc::get_mut(row)?.as_any_mut().downcast_mut::<T>().map(change)
}

type Stored<'a> = Box<dyn Iterator<Item = Result<KeyValue, StoreError>> + 'a>;
type Pending<'a> = Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Slot)> + 'a>;

/// Rows in the order of their keys.
pub struct Scan<'a> {
    rows: &'a Rows<'a>,
    tree: u8,
    stored: Peekable<Stored<'a>>,
    pending: Peekable<Pending<'a>>,
}

impl Iterator for Scan<'_> {
    type Item = Result<KeyValue, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let overridden = match (self.stored.peek(), self.pending.peek()) {
                (_, None) | (Some(Err(_)), Some(_)) => return self.stored.next(),
                (None, Some(_)) => false,
                (Some(Ok((stored, _))), Some((pending, _))) if stored < *pending => {
                    return self.stored.next();
                }
                (Some(Ok((stored, _))), Some((pending, _))) => stored == *pending,
            };
            if overridden {
                self.stored.next();
            }
            let (key, slot) = self.pending.next()?;
            match self.rows.bytes(self.tree, slot) {
                Ok(None) => {}
                Ok(Some(value)) => return Some(Ok((key.clone(), value))),
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::tree::Trees;

    const TREE: Tree = Tree::named("tree");
    const OTHER: Tree = Tree::named("other");

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Vec<u8>, u8),
        Save(Vec<u8>, u8),
        Change(Vec<u8>, u8),
        Remove(Vec<u8>),
        RemoveFirst(Vec<u8>, Vec<u8>, usize),
        Commit,
        Spill,
        Reopen,
    }

    fn a_key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(255)], 0..4)
    }

    fn a_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (a_key(), 0..10_u8).prop_map(|(key, value)| Step::Insert(key, value)),
            4 => (a_key(), 0..10_u8).prop_map(|(key, value)| Step::Save(key, value)),
            4 => (a_key(), 0..10_u8).prop_map(|(key, value)| Step::Change(key, value)),
            3 => a_key().prop_map(Step::Remove),
            2 => (a_key(), a_key(), 1..4_usize).prop_map(|(from, until, most)| Step::RemoveFirst(from, until, most)),
            2 => Just(Step::Commit),
            1 => Just(Step::Spill),
            1 => Just(Step::Reopen),
        ]
    }

    fn open(directory: &std::path::Path) -> Store {
        let store = Store::open(directory, Trees::of([TREE, OTHER]).unwrap()).unwrap();
        store.check().unwrap();
        store
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rows_read_as_an_ordered_map_whatever_is_written_already(
            steps in prop::collection::vec(a_step(), 1..40),
            bounds in (a_key(), a_key()),
        ) {
            let directory = tempfile::tempdir().unwrap();
            let (mut store, mut overlay, mut position) = (open(directory.path()), Overlay::default(), 0);
            let mut model: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            let mut written = model.clone();
            for step in steps {
                let mut rows = Rows::new(&store, &mut overlay);
                match step {
                    Step::Insert(key, value) => {
                        rows.insert(TREE, key.clone(), value.to_string().as_bytes()).unwrap();
                        model.insert(key, u64::from(value));
                    }
                    Step::Save(key, value) => {
                        rows.save(TREE, key.clone(), u64::from(value)).unwrap();
                        model.insert(key, u64::from(value));
                    }
                    Step::Change(key, value) => {
                        rows.change(TREE, &key, || 100_u64, |number| *number += u64::from(value)).unwrap();
                        *model.entry(key).or_insert(100) += u64::from(value);
                    }
                    Step::Remove(key) => {
                        rows.remove(TREE, key.clone()).unwrap();
                        model.remove(&key);
                    }
                    Step::RemoveFirst(from, until, most) => {
                        let last = rows.remove_first(TREE, &from, &until, most).unwrap();
                        let within = |key: &&Vec<u8>| **key >= from && **key < until;
                        let first: Vec<_> = model.keys().filter(within).take(most).cloned().collect();
                        prop_assert_eq!(last.as_ref(), first.get(most - 1));
                        model.retain(|key, _| !first.contains(key));
                    }
                    Step::Commit | Step::Spill => {
                        position += 1;
                        let bulk = matches!(step, Step::Spill);
                        if bulk { store.spill(&mut overlay, position) } else { store.commit(&mut overlay, position) }.unwrap();
                        written.clone_from(&model);
                    }
                    Step::Reopen => {
                        drop(store);
                        store = open(directory.path());
                        overlay = Overlay::default();
                        model.clone_from(&written);
                        prop_assert_eq!(store.checkpoint().position, position);
                    }
                }
                let rows = Rows::new(&store, &mut overlay);
                let expected = |range: &mut dyn Iterator<Item = (&Vec<u8>, &u64)>| -> Vec<KeyValue> {
                    range.map(|(key, value)| (key.clone(), value.to_string().into_bytes())).collect()
                };
                let (from, until) = &bounds;
                let prefixed = rows.prefix(TREE, from).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
                prop_assert_eq!(prefixed, expected(&mut model.iter().filter(|(key, _)| key.starts_with(from))));
                let ranged = rows.range(TREE, from, Some(until)).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
                prop_assert_eq!(ranged, expected(&mut model.iter().filter(|(key, _)| *key >= from && *key < until)));
                prop_assert_eq!(rows.load::<u64>(TREE, from).unwrap().map(|number| *number), model.get(from).copied());
                prop_assert!(rows.prefix(OTHER, &[]).unwrap().next().is_none());
            }
        }
    }
}
