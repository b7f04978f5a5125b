//! Decoded rows kept in memory, so that folding and deciding do not read the same state from its bytes again and again.
//!
//! **Invariant.** What is in the cache equals what is stored: a commit replaces or removes the rows it writes while
//! nobody reads, and a reader fills the cache only while nothing is written.

use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;

use crate::row::Decoded;

/// How much the cache keeps, counted in stored bytes; decoded values take three to five times as much memory.
const CAPACITY: usize = 16 << 20;

/// What a row weighs beside its stored bytes: its key and the cache's own.
const OVERHEAD: usize = 128;

struct Cached {
    row: Arc<dyn Decoded>,
    weight: usize,
}

struct Inner {
    rows: LruCache<Box<[u8]>, Cached>,
    weight: usize,
}

/// Decoded rows by tree and key, the least recently used dropped first.
pub(crate) struct Cache(Mutex<Inner>);

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(Inner { rows: LruCache::unbounded(), weight: 0 }))
    }
}

impl Cache {
    /// The row, if it is at hand.
    pub(crate) fn get(&self, tree: u8, key: &[u8]) -> Option<Arc<dyn Decoded>> {
        self.0.lock().rows.get(&*name(tree, key)).map(|cached| Arc::clone(&cached.row))
    }

    /// Takes the row out, so that whoever changes it need not copy it first.
    pub(crate) fn take(&self, tree: u8, key: &[u8]) -> Option<Arc<dyn Decoded>> {
        let mut inner = self.0.lock();
        let cached = inner.rows.pop(&*name(tree, key))?;
        inner.weight -= cached.weight;
        Some(cached.row)
    }

    /// Keeps a row of `bytes` stored bytes.
    pub(crate) fn put(&self, tree: u8, key: &[u8], row: Arc<dyn Decoded>, bytes: usize) {
        let weight = bytes + key.len() + OVERHEAD;
        let mut inner = self.0.lock();
        inner.weight += weight;
        if let Some(replaced) = inner.rows.put(name(tree, key), Cached { row, weight }) {
            inner.weight -= replaced.weight;
        }
        while inner.weight > CAPACITY {
            let Some((_, dropped)) = inner.rows.pop_lru() else { break };
            inner.weight -= dropped.weight;
        }
    }
}

fn name(tree: u8, key: &[u8]) -> Box<[u8]> {
    let mut name = Vec::with_capacity(1 + key.len());
    name.push(tree);
    name.extend_from_slice(key);
    name.into_boxed_slice()
}
