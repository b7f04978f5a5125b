//! Reading a store through before it is trusted, and writing it out for comparison.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use super::seal::{CHECKPOINT, Checkpoint, unsealed};
use super::{Store, StoreError};

/// Up to how many rows a store is read through completely when it is opened: a second or two. In a larger one,
/// [`SAMPLE`] rows are looked at, and every other when it is read.
const READ_THROUGH: u64 = 2_000_000;

/// How many rows of a larger store are looked at.
const SAMPLE: usize = 100;

impl Store {
    /// Whether what is stored is what was written.
    ///
    /// A store that is read through has every row right, none missing, none too many and none of an older time, but for
    /// one chance in 2^64.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let stated = self.checkpoint();
        if stated.unfinished {
            return Err(StoreError::Damaged("it was being filled when the process ended".to_owned()));
        }
        if stated.rows > READ_THROUGH { self.check_some() } else { self.check_all(stated) }
    }

    fn check_all(&self, stated: Checkpoint) -> Result<(), StoreError> {
        let mut found = Checkpoint { position: stated.position, ..Checkpoint::default() };
        for row in &self.rows {
            let (key, stored) = row?;
            if *key == CHECKPOINT {
                continue;
            }
            found.replace(None, Some(self.sound(&key, &stored)?));
        }
        if found == stated {
            Ok(())
        } else {
            let (rows, expected) = (found.rows, stated.rows);
            Err(StoreError::Damaged(format!("{rows} rows are not the {expected} that were written")))
        }
    }

    /// Walks from row to row at random: each step keeps a part of the last key and draws the rest, so that crowded
    /// and sparse trees are both met.
    fn check_some(&self) -> Result<(), StoreError> {
        // The only thing asked of these numbers is to differ from one start to the next.
        let random = RandomState::new();
        let mut last = Vec::new();
        for nth in 0..SAMPLE {
            let drawn = random.hash_one(nth);
            let kept = usize::try_from(drawn % 64).unwrap_or(0).min(last.len());
            last.truncate(kept);
            last.extend_from_slice(&random.hash_one(drawn).to_be_bytes());
            let next = match self.rows.range(last.as_slice()..).next() {
                Some(row) => Some(row),
                None => self.rows.iter().find(|row| row.as_ref().map_or(true, |(key, _)| *key != CHECKPOINT)),
            };
            let Some(row) = next else { return Ok(()) };
            let (key, stored) = row?;
            if *key != CHECKPOINT {
                self.sound(&key, &stored)?;
            }
            last = key.to_vec();
        }
        Ok(())
    }

    /// The fingerprint of a row that is what was written.
    fn sound(&self, key: &[u8], stored: &[u8]) -> Result<u64, StoreError> {
        self.value(key, stored)?;
        let known = key.first().and_then(|number| self.trees.numbered(*number)).is_some();
        match unsealed(key, stored) {
            Some((fingerprint, _)) if known => Ok(fingerprint),
            Some(_) | None => Err(StoreError::Damaged("a row belongs to no tree".to_owned())),
        }
    }

    /// Every row in order and the position, as text: two stores that agree give the same text.
    pub(crate) fn dump(&self) -> Result<String, StoreError> {
        let mut text = format!("position {}\n", self.checkpoint().position);
        for tree in self.trees.iter() {
            for row in self.range(self.number(tree)?, &[], None) {
                let (key, value) = row?;
                let hex = key.iter().fold(String::new(), |mut hex, byte| {
                    // Writing to a string cannot fail.
                    let _ = write!(hex, "{byte:02x}");
                    hex
                });
                let _ = writeln!(text, "{} {hex} {}", tree.name(), value.escape_ascii());
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::stored_key;
    use super::*;
    use crate::overlay::{Overlay, Slot};
    use crate::tree::{Tree, Trees};

    fn store(directory: &std::path::Path) -> Store {
        let store = Store::open(directory, Trees::of([Tree::named("tree")]).unwrap()).unwrap();
        let mut overlay = Overlay::default();
        for position in 1..=3_u8 {
            for key in 0..=100_u8 {
                overlay.put(2, vec![key], Slot::Raw([key, position].into()));
            }
            store.commit(&mut overlay, u64::from(position)).unwrap();
        }
        assert_eq!(store.check(), Ok(()));
        store
    }

    #[test]
    fn a_row_that_is_lost_old_or_too_many_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        let key = stored_key(2, &[7]);
        let right = store.rows.get(&key).unwrap().unwrap();
        store.rows.remove(&key).unwrap();
        assert!(store.check().is_err(), "lost");
        let old = super::super::seal::sealed(super::super::seal::fingerprint(&key, &[7, 1]), &[7, 1]);
        store.rows.insert(&key, old.clone()).unwrap();
        assert_eq!(store.get(2, &[7]), Ok(Some(vec![7, 1])), "by itself it looks right");
        assert!(store.check().is_err(), "old");
        store.rows.insert(&key, right).unwrap();
        assert_eq!(store.check(), Ok(()));
        let other = stored_key(2, &[200]);
        let more = super::super::seal::sealed(super::super::seal::fingerprint(&other, &[]), &[]);
        store.rows.insert(other, more).unwrap();
        assert!(store.check().is_err(), "too many");
    }

    #[test]
    fn a_store_that_was_being_filled_is_never_used() {
        let directory = tempfile::tempdir().unwrap();
        let unfinished = Checkpoint { unfinished: true, ..store(directory.path()).checkpoint() };
        let store = Store::open(directory.path(), Trees::of([Tree::named("tree")]).unwrap()).unwrap();
        store.rows.insert(CHECKPOINT, unfinished.to_bytes()).unwrap();
        drop(store);
        let store = Store::open(directory.path(), Trees::of([Tree::named("tree")]).unwrap()).unwrap();
        assert!(matches!(store.check(), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn rows_of_a_large_store_are_looked_at_here_and_there() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        assert_eq!(store.check_some(), Ok(()));
        for key in 0..=100_u8 {
            store.rows.insert(stored_key(2, &[key]), b"neither a fingerprint nor a row").unwrap();
        }
        assert!(store.check_some().is_err());
    }
}
