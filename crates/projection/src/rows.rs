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
