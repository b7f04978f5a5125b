//! How often somebody may ask: a bucket of requests that fills up again, one for each of those who ask, in this process.
//!
//! **Invariant.** However many ask, no more than `KEPT` buckets are kept: when all of them are in use, newcomers share one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderValue, header};
use jiff::{SignedDuration, Timestamp};

use crate::problem::{Bound, Kind, Problem};

/// How many buckets are kept; those that are full again are forgotten first.
const KEPT: usize = 20_000;
/// How often full buckets are looked for at most, in milliseconds: that costs a walk through all of them.
const SWEPT_EVERY_MS: i64 = 1_000;
/// What one request takes from a bucket: thousandths, so that it fills up smoothly.
const ONE: i64 = 1_000;

/// How much somebody may ask: so many at once, and as many again in the course of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What is bounded, as the answer names it: `requests`, `exports`, or the configuration key.
    pub name: &'static str,
    /// How many.
    pub most: u32,
    /// In what time.
    pub per: Per,
}

/// The time in which a bucket fills up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Per {
    fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Minute => "a minute",
            Self::Hour => "an hour",
        }
    }
}

/// There is nothing left in the bucket for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// What was met.
    pub quota: Quota,
    /// When there is something in it again, in seconds: at least 1.
    pub again_in_s: u32,
}

impl From<Exhausted> for Problem {
    fn from(Exhausted { quota, again_in_s }: Exhausted) -> Self {
        let bound = Bound { name: quota.name, value: quota.most.into(), unit: quota.per.words() };
        Self::bound(Kind::TooManyRequests, bound).header(header::RETRY_AFTER, HeaderValue::from(again_in_s))
    }
}

/// Buckets by who asks.
pub struct Rates<K> {
    kept: usize,
    all: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    by: HashMap<K, Bucket>,
    /// That of all who came when no other was left.
    shared: Option<Bucket>,
    swept: Timestamp,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: i64,
    at: Timestamp,
    most: i64,
    seconds: i64,
}

impl Bucket {
    fn full(quota: Quota, now: Timestamp) -> Self {
        let most = i64::from(quota.most) * ONE;
        Self { left: most, at: now, most, seconds: quota.per.seconds() }
    }

    /// The bucket at `now`, never beyond full. A clock that goes back gives nothing. The time that has not yet given a whole
    /// unit counts the next time: who asks often fills up as fast as who waits.
    fn filled(self, now: Timestamp) -> Self {
        let passed = i64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(i64::MAX).max(0);
        let gained = self.most.saturating_mul(passed) / (self.seconds * 1_000);
        let left = self.left.saturating_add(gained).min(self.most);
        if left == self.most {
            return Self { left, at: now.max(self.at), ..self };
        }
        let given = (gained.saturating_mul(self.seconds * 1_000) + self.most - 1) / self.most;
        Self { left, at: self.at + SignedDuration::from_millis(given), ..self }
    }

    /// Takes one; else in how many seconds there is one.
    fn take(&mut self) -> Result<(), u32> {
        if self.left >= ONE {
            self.left -= ONE;
            return Ok(());
        }
        let most = self.most.max(1);
        let wait = ((ONE - self.left).saturating_mul(self.seconds) + most - 1) / most;
        Err(u32::try_from(wait.max(1)).unwrap_or(u32::MAX))
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
        Self::keeping(KEPT)
    }

    fn keeping(kept: usize) -> Self {
        let all = Buckets { by: HashMap::new(), shared: None, swept: Timestamp::MIN };
        Self { kept, all: Mutex::new(all) }
    }

    /// Takes one request of `who`, who may make so many.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] when none is left: nothing was taken.
    pub fn take(&self, who: K, quota: Quota, now: Timestamp) -> Result<(), Exhausted> {
        self.of(who, quota, now, Bucket::take).map_err(|again_in_s| Exhausted { quota, again_in_s })
    }

    /// Whether `who` has a request left; nothing is taken.
    pub fn has_left(&self, who: K, quota: Quota, now: Timestamp) -> bool {
        self.of(who, quota, now, |bucket| bucket.left >= ONE)
    }

    fn of<T>(&self, who: K, quota: Quota, now: Timestamp, what: impl FnOnce(&mut Bucket) -> T) -> T {
        let full = Bucket::full(quota, now);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.by.len() >= self.kept {
            all.sweep(now);
        }
        let Buckets { by, shared, .. } = &mut *all;
        let bucket = if by.len() < self.kept || by.contains_key(&who) {
            by.entry(who).or_insert(full)
        } else {
            shared.get_or_insert(full)
        };
        let same = bucket.most == full.most && bucket.seconds == full.seconds;
        if !same {
            // A quota that was changed counts at once.
            *bucket = Bucket { left: bucket.left.min(full.most), at: bucket.at, ..full };
        }
        *bucket = bucket.filled(now);
        what(bucket)
    }
}

impl<K> Buckets<K> {
    /// Forgets those that are full again, now and then.
    fn sweep(&mut self, now: Timestamp) {
        if now.duration_since(self.swept).as_millis() < i128::from(SWEPT_EVERY_MS) && now >= self.swept {
            return;
        }
        self.swept = now;
        self.by.retain(|_, bucket| bucket.filled(now).left < bucket.most);
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use jiff::ToSpan as _;

    use super::*;

    const SIXTY: Quota = Quota { name: "requests", most: 60, per: Per::Minute };

    fn noon() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn as_many_as_allowed_and_then_as_they_come_back() {
        let (rates, now) = (Rates::new(), noon());
        assert!((0..60).all(|_| rates.take("a", SIXTY, now).is_ok()));
        assert_eq!(rates.take("a", SIXTY, now), Err(Exhausted { quota: SIXTY, again_in_s: 1 }));
        assert_eq!(rates.take("b", SIXTY, now), Ok(()), "each has their own");
        let later = now + 3.seconds();
        assert_eq!((0..10).filter(|_| rates.take("a", SIXTY, later).is_ok()).count(), 3);
        let earlier = now - 1.hour();
        assert!(rates.take("a", SIXTY, earlier).is_err(), "a clock that goes back gives nothing");
        assert_eq!((0..10).filter(|_| rates.take("a", SIXTY, later + 1.second()).is_ok()).count(), 1);
    }

    #[test]
    fn who_has_to_wait_is_told_how_long_and_need_not_wait_longer() {
        let (rates, five) = (Rates::new(), Quota { name: "exports", most: 5, per: Per::Hour });
        assert_eq!((0..9).filter(|_| rates.take(1, five, noon()).is_ok()).count(), 5);
        assert!(!rates.has_left(1, five, noon()) && rates.has_left(2, five, noon()));
        let Err(Exhausted { again_in_s, .. }) = rates.take(1, five, noon()) else { panic!("six in an hour") };
        assert_eq!(again_in_s, 720, "a fifth of an hour");
        assert!(rates.take(1, five, noon() + (i64::from(again_in_s) - 1).seconds()).is_err());
        assert!(rates.take(1, five, noon() + i64::from(again_in_s).seconds()).is_ok());
        let problem = Problem::from(Exhausted { quota: five, again_in_s });
        let told = problem.to_json();
        let response = problem.into_response();
        let said: Vec<_> = response.headers().get_all(header::RETRY_AFTER).iter().collect();
        assert_eq!(said, ["720"], "once");
        assert_eq!(told["bound"], serde_json::json!({ "name": "exports", "value": 5, "unit": "an hour" }));
    }

    #[test]
    fn who_asks_again_and_again_gets_as_much_as_who_waits() {
        let (rates, five) = (Rates::new(), Quota { name: "exports", most: 5, per: Per::Hour });
        let taken = (0..36_000).filter(|n| rates.take(1, five, noon() + (n * 100).milliseconds()).is_ok());
        assert_eq!(taken.count(), 5 + 4, "those at once, and one each fifth of the hour");
    }

    #[test]
    fn a_quota_that_is_changed_counts_at_once() {
        let rates = Rates::new();
        assert_eq!(rates.take("a", SIXTY, noon()), Ok(()));
        let two = Quota { most: 2, ..SIXTY };
        assert_eq!((0..9).filter(|_| rates.take("a", two, noon()).is_ok()).count(), 2);
    }

    #[test]
    fn however_many_ask_no_more_buckets_are_kept_and_newcomers_share_one() {
        let rates = Rates::keeping(100);
        let one = Quota { most: 1, ..SIXTY };
        assert!((0..100).all(|who| rates.take(who, one, noon()).is_ok()));
        assert!(rates.take(100, one, noon()).is_ok());
        assert!(
            (101..10_000).all(|who| rates.take(who, one, noon()).is_err()),
            "all of them share one bucket"
        );
        assert_eq!(rates.all.lock().unwrap().by.len(), 100);
        let later = noon() + 1.minute();
        assert!(
            (10_000..10_100).all(|who| rates.take(who, one, later).is_ok()),
            "those that are full again give way"
        );
        assert_eq!(rates.all.lock().unwrap().by.len(), 100);
    }
}
