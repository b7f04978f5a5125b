//! How often a caller may ask: a bucket of requests that fills up again, one for each caller, in this process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// How many buckets are kept before the full ones are forgotten.
const KEPT: usize = 20_000;

/// Buckets by caller.
pub struct Rates<K> {
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Requests left, in thousandths.
    left: i64,
    at: Timestamp,
    per_minute: u32,
}

impl Bucket {
    /// The bucket at `now`: it fills up within a minute, and never beyond.
    fn filled(self, now: Timestamp) -> Self {
        let most = i64::from(self.per_minute) * 1_000;
        let passed = i64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(i64::MAX).max(0);
        let gained = i64::from(self.per_minute).saturating_mul(passed) / 60;
        Self { left: self.left.saturating_add(gained).min(most), at: now, ..self }
    }

    fn is_full(self) -> bool {
        self.left >= i64::from(self.per_minute) * 1_000
    }
}

impl<K: Hash + Eq> Default for Rates<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Hash + Eq> Rates<K> {
    /// Full buckets for everybody.
    #[must_use]
    pub fn new() -> Self {
        Self { buckets: Mutex::default() }
    }

    /// Takes one request of `caller`, who may make so many in a minute; false if none is left.
    pub fn take(&self, caller: K, per_minute: u32, now: Timestamp) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT {
            buckets.retain(|_, bucket| !bucket.filled(now).is_full());
        }
        let full = Bucket { left: i64::from(per_minute) * 1_000, at: now, per_minute };
        let bucket = buckets.entry(caller).or_insert(full);
        *bucket = Bucket { per_minute, ..*bucket }.filled(now);
        if bucket.left < 1_000 {
            return false;
        }
        bucket.left -= 1_000;
        true
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn as_many_as_allowed_and_then_as_they_come_back() {
        let rates = Rates::new();
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        assert!((0..60).all(|_| rates.take("a", 60, now)));
        assert!(!rates.take("a", 60, now) && rates.take("b", 60, now), "each has their own");
        let later = now + 3.seconds();
        assert_eq!((0..10).filter(|_| rates.take("a", 60, later)).count(), 3);
        let earlier = now - 1.hour();
        assert!(!rates.take("a", 60, earlier), "a clock that goes back gives nothing");
    }
}
