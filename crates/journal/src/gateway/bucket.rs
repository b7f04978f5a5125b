//! How many commands one partner may send.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use crate::accounts::AccountKey;

/// A rate, with room for those who were quiet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Commands in a row after a quiet time.
    pub burst: u32,
    /// Commands per second, lastingly.
    pub per_second: u32,
}

impl Default for Rate {
    /// A burst of 100, then 20 a second: more than the software of one organisation has people to ask for.
    fn default() -> Self {
        Self { burst: 100, per_second: 20 }
    }
}

/// How many partners are remembered: one that is forgotten has been quiet the longest, and starts full again.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// One bucket per partner.
#[derive(Debug)]
pub(super) struct Buckets {
    rate: Rate,
    buckets: LruCache<AccountKey, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Commands that may be sent at `seen`.
    left: f64,
    seen: Instant,
}

impl Buckets {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, buckets: LruCache::new(REMEMBERED) }
    }

    /// Takes one command of `account`, or says after how long there is one.
    pub(super) fn take(&mut self, account: &AccountKey, now: Instant) -> Result<(), Duration> {
        let (burst, per_second) = (f64::from(self.rate.burst.max(1)), f64::from(self.rate.per_second.max(1)));
        let bucket = self.buckets.get_or_insert_mut(account.clone(), || Bucket { left: burst, seen: now });
        let grown = now.saturating_duration_since(bucket.seen).as_secs_f64() * per_second;
        bucket.left = (bucket.left + grown).min(burst);
        bucket.seen = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{KeyKind, Pair};

    #[test]
    fn a_partner_that_floods_waits_and_takes_nothing_from_the_others() {
        let account = || AccountKey::of(&Pair::generate(KeyKind::Account).unwrap()).unwrap();
        let (loud, quiet) = (account(), account());
        let mut buckets = Buckets::new(Rate { burst: 3, per_second: 2 });
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(buckets.take(&loud, start), Ok(()));
        }
        assert_eq!(buckets.take(&loud, start), Err(Duration::from_millis(500)));
        assert_eq!(buckets.take(&quiet, start), Ok(()));
        let later = start + Duration::from_millis(500);
        assert_eq!(buckets.take(&loud, later), Ok(()));
        assert!(buckets.take(&loud, later).is_err());
        let much_later = start + Duration::from_secs(3600);
        for _ in 0..3 {
            assert_eq!(buckets.take(&loud, much_later), Ok(()));
        }
        assert!(buckets.take(&loud, much_later).is_err());
    }
}
