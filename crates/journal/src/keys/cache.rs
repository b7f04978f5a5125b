//! Data keys at hand for a short while.
//!
//! **Invariant.** A key is forgotten at the latest two turns after it was remembered, however often it is used, and its
//! bytes are wiped with its last user: what another process erased is unreadable here soon after.

use std::collections::HashMap;
use std::sync::Arc;

use super::Holder;
use crate::sealing::DataKey;

/// What is known of a holder's key.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// Its key.
    Key(Arc<DataKey>),
    /// It was erased: it will never have a key again.
    Forgotten,
}

/// Two generations of keys: the younger one grows, the older one waits to be dropped.
#[derive(Debug)]
pub(super) struct Cache {
    young: HashMap<Holder, Known>,
    old: HashMap<Holder, Known>,
    /// The most keys of one generation.
    bound: usize,
    /// How often something was evicted.
    evictions: u64,
}

/// A moment before something was asked of the stream, see [`Cache::remember`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Cache {
    pub(super) fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bound, evictions: 0 }
    }

    pub(super) fn get(&self, holder: Holder) -> Option<Known> {
        self.young.get(&holder).or_else(|| self.old.get(&holder)).cloned()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment(self.evictions)
    }

    /// Remembers what was learned since `asked`, unless something was evicted since: the answer may be older than the
    /// erasure that caused it.
    pub(super) fn remember(&mut self, holder: Holder, known: Known, asked: Moment) {
        if asked != self.moment() {
            return;
        }
        if self.young.len() >= self.bound {
            self.turn();
        }
        self.young.insert(holder, known);
    }

    pub(super) fn evict(&mut self, holder: Holder) {
        self.young.remove(&holder);
        self.old.remove(&holder);
        self.evictions += 1;
    }

    /// Drops the older generation and begins a new one.
    pub(super) fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn holder(n: u128) -> Holder {
        Holder::new("33".parse().unwrap(), Uuid::from_u128(n))
    }

    fn held(cache: &Cache, n: u128) -> bool {
        cache.get(holder(n)).is_some()
    }

    #[test]
    fn a_key_is_gone_after_two_turns_however_often_it_was_used() {
        let mut cache = Cache::new(10);
        let key = Arc::new(DataKey::draw().unwrap());
        cache.remember(holder(1), Known::Key(Arc::clone(&key)), cache.moment());
        cache.turn();
        assert!(held(&cache, 1) && held(&cache, 1));
        cache.turn();
        assert!(!held(&cache, 1));
        assert_eq!(Arc::strong_count(&key), 1, "nobody else keeps its bytes");
    }

    #[test]
    fn the_cache_never_holds_more_than_two_generations() {
        let mut cache = Cache::new(10);
        for n in 0..1000 {
            cache.remember(holder(n), Known::Forgotten, cache.moment());
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert!(held(&cache, 999));
    }

    #[test]
    fn an_evicted_key_is_gone_from_both_generations() {
        let mut cache = Cache::new(10);
        cache.remember(holder(1), Known::Forgotten, cache.moment());
        cache.turn();
        cache.remember(holder(1), Known::Forgotten, cache.moment());
        cache.evict(holder(1));
        assert!(!held(&cache, 1));
    }

    #[test]
    fn an_answer_that_was_under_way_during_an_erasure_is_not_remembered() {
        let mut cache = Cache::new(10);
        let asked = cache.moment();
        cache.evict(holder(1));
        cache.remember(holder(1), Known::Key(Arc::new(DataKey::draw().unwrap())), asked);
        assert!(!held(&cache, 1));
    }
}
