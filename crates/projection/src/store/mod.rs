//! One sled database: rows, their fingerprints and the checkpoint. The only module that knows sled.
//!
//! All trees live in one sled tree, their number before the key: a batch over one tree is atomic in sled and was as
//! fast as a transaction over several (25,700 and 25,300 events/s of 2.3 rows), without its closure that may run twice.

mod check;
mod commit;
mod seal;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{ArcRwLockReadGuard, Mutex, RawRwLock, RwLock};

use crate::cache::Cache;
use crate::row::{Decoded, KeyValue, Row};
use crate::tree::{Tree, Trees};
pub(crate) use seal::Checkpoint;
use seal::{CHECKPOINT, unsealed};

/// How much of the store sled keeps in memory, bytes. Its own default, 1 GB a service, would starve a small server; at
/// 16 MiB writing is half as fast.
const SLED_CACHE: u64 = 64 << 20;

/// How long a database that was closed may still be held before it counts as in use.
const LET_GO_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether it was let go.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The name of the one sled tree.
const ROWS: &str = "rows";

/// Why rows could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database said no; the rows that are there are right. Free the disk and start again.
    #[error("the store cannot be used: {0}")]
    Unusable(String),
    /// Something stored is not what was written: the store is put aside and rebuilt at the next start.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A view used a tree it does not declare: correct the program.
    #[error("the tree {0} is not declared by any view of this service")]
    Undeclared(&'static str),
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(..) => Self::Unusable(error.to_string()),
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Corruption { .. } => Self::Damaged(error.to_string()),
        }
    }
}

/// A page's hold on the store: no batch is written while it lives.
pub(crate) type Hold = ArcRwLockReadGuard<RawRwLock, ()>;

/// One sled database, open.
pub(crate) struct Store {
    directory: PathBuf,
    trees: Trees,
    db: sled::Db,
    rows: sled::Tree,
    /// Held shared by pages, alone by a commit: a page sees the rows of one position.
    gate: Arc<RwLock<()>>,
    checkpoint: Mutex<Checkpoint>,
    cache: Cache,
    /// Whether anything was written since the last [`Store::sync`].
    dirty: AtomicBool,
}

/// Opens or makes the database in `directory`. sled's own threads hold one that was closed for a moment longer, and so does
/// a program between its start and its first instruction: that is waited for. No other process works there, for the
/// projection's directory is locked (see [`crate::home`]).
fn database(directory: &Path) -> sled::Result<sled::Db> {
    let config = config(directory);
    let deadline = Instant::now() + LET_GO_WITHIN;
    loop {
        match config.open() {
            Err(error) if is_held(&error) && Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
            opened => return opened,
        }
    }
}

fn config(directory: &Path) -> sled::Config {
    sled::Config::new().path(directory).cache_capacity(SLED_CACHE).flush_every_ms(None)
}

/// Whether sled says that somebody holds the database. It has no kind of its own for it.
fn is_held(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(e) if e.to_string().starts_with("could not acquire lock"))
}

impl Store {
    /// Opens or makes the database in `directory`, without any check of what is in it.
    ///
    /// sled may panic or hang on a damaged directory: see [`crate::opening`] for the way to call this.
    pub(crate) fn open(directory: &Path, trees: Trees) -> Result<Self, StoreError> {
        let db = database(directory)?;
        let rows = db.open_tree(ROWS)?;
        let checkpoint = match rows.get(CHECKPOINT)? {
            Some(stored) => Checkpoint::from_bytes(&stored)
                .ok_or_else(|| StoreError::Damaged("the checkpoint cannot be read".to_owned()))?,
            None => Checkpoint::default(),
        };
        Ok(Self {
            directory: directory.to_owned(),
            trees,
            db,
            rows,
            gate: Arc::default(),
            checkpoint: Mutex::new(checkpoint),
            cache: Cache::default(),
            dirty: AtomicBool::new(false),
        })
    }

    /// Where the store stands.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        *self.checkpoint.lock()
    }

    /// The rows' cache of decoded values.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Keeps batches from being written for as long as the answer lives. One thread may hold several.
    pub(crate) fn hold(&self) -> Hold {
        RwLock::read_arc_recursive(&self.gate)
    }

    /// As [`Store::hold`]; `None` if a batch is being written.
    pub(crate) fn try_hold(&self) -> Option<Hold> {
        RwLock::try_read_arc(&self.gate)
    }

    /// The number of `tree`.
    pub(crate) fn number(&self, tree: Tree) -> Result<u8, StoreError> {
        self.trees.number(tree).ok_or_else(|| StoreError::Undeclared(tree.name()))
    }

    /// The value under `key`.
    pub(crate) fn get(&self, tree: u8, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = stored_key(tree, key);
        match self.rows.get(&key)? {
            Some(stored) => self.value(&key, &stored).map(|value| Some(value.to_vec())),
            None => Ok(None),
        }
    }

    /// The decoded value under `key`. The caller holds the store, or is the one that writes it: a value that a commit
    /// replaces meanwhile would otherwise stay in the cache.
    pub(crate) fn load<T: Row>(&self, tree: u8, key: &[u8]) -> Result<Option<Arc<T>>, StoreError> {
        if let Some(cached) = self.cache.get(tree, key) {
            return Ok(Some(self.typed(tree, cached)?));
        }
        let Some((row, weight)) = self.decode::<T>(tree, key)? else { return Ok(None) };
        let row = Arc::new(row);
        self.cache.put(tree, key, Arc::clone(&row) as Arc<dyn Decoded>, weight);
        Ok(Some(row))
    }

    /// Reads and decodes the value under `key`, beside the cache; with its length in bytes.
    pub(crate) fn decode<T: Row>(&self, tree: u8, key: &[u8]) -> Result<Option<(T, usize)>, StoreError> {
        let key = stored_key(tree, key);
        let Some(stored) = self.rows.get(&key)? else { return Ok(None) };
        let value = self.value(&key, &stored)?;
        match crate::row::decode(value) {
            Ok(row) => Ok(Some((row, value.len()))),
            Err(why) => Err(self.unreadable(tree, &why)),
        }
    }

    /// A decoded value as the type it was written as.
    pub(crate) fn typed<T: Row>(&self, tree: u8, row: Arc<dyn Decoded>) -> Result<Arc<T>, StoreError> {
        row.into_any().downcast::<T>().map_err(|_| self.unreadable(tree, "it was written as another type"))
    }

    /// A row that this program wrote and cannot read: most likely its view changed without a new version.
    pub(crate) fn unreadable(&self, tree: u8, why: &str) -> StoreError {
        let name = self.trees.numbered(tree).map_or("?", Tree::name);
        StoreError::Damaged(format!(
            "a row of {name} cannot be read ({why}); did its view change without a new version?"
        ))
    }

    /// The rows whose keys are in `from..until`, in order.
    pub(crate) fn range(
        &self,
        tree: u8,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = Result<KeyValue, StoreError>> + use<'_> {
        let until = until.map_or_else(|| vec![tree + 1], |until| stored_key(tree, until));
        let from = stored_key(tree, from).min(until.clone());
        self.rows.range(from..until).map(move |row| {
            let (key, stored) = row?;
            let value = self.value(&key, &stored)?.to_vec();
            Ok((key[1..].to_vec(), value))
        })
    }

    /// Makes what was written so far survive a loss of power. Slow (milliseconds): never on the way of an event.
    ///
    /// sled's own flush does not reach the disk; flushing, then syncing `db` and `conf` lost nothing in 220 simulated
    /// power cuts.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let synced = self.db.flush().map_err(StoreError::from).and_then(|_| sync_files(&self.directory));
        if synced.is_err() {
            self.dirty.store(true, Ordering::Release);
        }
        synced
    }

    fn value<'a>(&self, key: &[u8], stored: &'a [u8]) -> Result<&'a [u8], StoreError> {
        unsealed(key, stored).map(|(_, value)| value).ok_or_else(|| {
            let name = key.first().and_then(|number| self.trees.numbered(*number)).map_or("?", Tree::name);
            StoreError::Damaged(format!("a row of {name} does not match its fingerprint"))
        })
    }
}

/// Makes what sled has written to its files survive a loss of power.
pub(crate) fn sync_files(directory: &Path) -> Result<(), StoreError> {
    ["db", "conf"].into_iter().try_for_each(|file| {
        std::fs::File::open(directory.join(file))
            .and_then(|file| file.sync_all())
            .map_err(|e| StoreError::Unusable(format!("cannot sync {file} of the store: {e}")))
    })
}

/// The key of a row in the one sled tree.
fn stored_key(tree: u8, key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(1 + key.len());
    stored.push(tree);
    stored.extend_from_slice(key);
    stored
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn a_database_that_is_still_being_let_go_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        drop(database(directory.path()).unwrap());
        let held = File::open(directory.path().join("db")).unwrap();
        held.lock().unwrap();
        assert!(config(directory.path()).open().is_err_and(|error| is_held(&error)));
        let asked = Barrier::new(2);
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| {
                asked.wait();
                database(directory.path())
            });
            asked.wait();
            drop(held);
            assert!(opening.join().unwrap().is_ok());
        });
    }
}
