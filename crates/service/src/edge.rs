//! The edge of a process: the only place that reads the clock and draws identifiers.
//!
//! Everything behind it takes time and ids as arguments. That is what makes a decision repeatable, a deadline
//! testable to the second, and a whole year simulable in a minute.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

/// The longest single sleep of the system clock before it looks at the wall clock again, so that a clock that is
/// set forward (or a machine that wakes from suspension) is noticed within this time.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// What a process takes from the world besides its inputs: the time, and new identifiers.
///
/// Cheap to clone; clones share the same clock and the same sequence of ids.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The clock of this process.
    pub clock: Clock,
    /// The mint of identifiers of this process.
    pub ids: Ids,
}

impl Edge {
    /// The real clock and unpredictable ids: what a deployed process uses.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Clock::System, ids: Ids::Random }
    }

    /// A clock that stands at `at` until the test moves it, and ids that are the same in every run.
    #[must_use]
    pub fn manual(at: Timestamp) -> (Self, ManualClock) {
        let clock = ManualClock::at(at);
        let edge = Self { clock: Clock::Manual(clock.clone()), ids: Ids::counted() };
        (edge, clock)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new identifier that sorts by the time it was minted at (UUIDv7).
    #[must_use]
    pub fn mint(&self) -> Uuid {
        self.ids.mint(self.now())
    }
}

/// Where a process reads the time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The clock of the machine.
    System,
    /// A clock that a test moves.
    Manual(ManualClock),
}

impl Clock {
    /// The time now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the edge: the one reader of the wall clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// Returns once the clock has reached `due`; at once if it already has.
    pub async fn reached(&self, due: Timestamp) {
        match self {
            Self::System => loop {
                let left = self.now().duration_until(due);
                match Duration::try_from(left) {
                    Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(SLEEP_MAX)).await,
                    Ok(_) | Err(_) => return,
                }
            },
            Self::Manual(clock) => {
                let mut times = clock.time.subscribe();
                // The sender lives in `clock`, which is borrowed for the whole wait: the channel cannot close.
                let _ = times.wait_for(|now| *now >= due).await;
            }
        }
    }

    /// Returns once `span` has passed on this clock.
    pub async fn passed(&self, span: Duration) {
        self.reached(after(self.now(), span)).await;
    }
}

/// `span` after `at`, or the end of time when that does not exist.
pub(crate) fn after(at: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span).ok().and_then(|span| at.checked_add(span).ok()).unwrap_or(Timestamp::MAX)
}

/// A clock that moves only when told to. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    time: Arc<watch::Sender<Timestamp>>,
}

impl ManualClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { time: Arc::new(watch::Sender::new(at)) }
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.time.borrow()
    }

    /// Moves it forward by `span` and wakes whoever waits for a time that is now reached.
    pub fn advance(&self, span: Duration) {
        self.time.send_modify(|now| *now = after(*now, span));
    }

    /// Sets it to `at`, backwards too: a machine's clock can be set back, and nothing may break.
    pub fn set(&self, at: Timestamp) {
        self.time.send_replace(at);
    }
}

/// Where new identifiers come from.
#[derive(Debug, Clone)]
pub enum Ids {
    /// Unpredictable, from the operating system.
    Random,
    /// Counted from 1, so that a test sees the same ids in every run.
    Counted(Arc<AtomicU64>),
}

impl Ids {
    /// Ids counted from 1.
    #[must_use]
    pub fn counted() -> Self {
        Self::Counted(Arc::new(AtomicU64::new(0)))
    }

    /// A UUIDv7. Random ids carry the machine's time and never go back within a process; counted ids carry `at`.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the edge: the one mint of ids")]
    pub fn mint(&self, at: Timestamp) -> Uuid {
        match self {
            Self::Random => Uuid::now_v7(),
            Self::Counted(count) => {
                let nth = count.fetch_add(1, Ordering::Relaxed) + 1;
                let mut random = [0; 10];
                random[2..].copy_from_slice(&nth.to_be_bytes());
                let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
                uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
            }
        }
    }
}

/// Sixteen unpredictable bytes, never all zero in either half: trace ids need no order and no repeatability.
pub(crate) fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    // A system without randomness still serves: its traces are then told apart by time alone.
    if getrandom::fill(&mut bytes).is_err() {
        bytes = [0x55; 16];
    }
    bytes[7] |= 1;
    bytes[15] |= 1;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-15T12:00:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_those_whose_time_has_come_and_no_others() {
        let (edge, clock) = Edge::manual(noon());
        let (one, two) = (edge.clock.clone(), edge.clock.clone());
        let soon = tokio::spawn(async move { one.passed(Duration::from_secs(60)).await });
        let later = tokio::spawn(async move { two.reached(after(noon(), Duration::from_secs(3600))).await });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(61));
        soon.await.unwrap();
        assert!(!later.is_finished());
        clock.set(after(noon(), Duration::from_secs(3600)));
        later.await.unwrap();
    }

    #[test]
    fn ids_of_a_test_are_the_same_in_every_run_and_carry_its_time() {
        let ids = |_| {
            let (edge, _) = Edge::manual(noon());
            (edge.mint(), edge.mint())
        };
        let (first, second) = ids(());
        assert_eq!((first, second), ids(()));
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
        assert_eq!(first.get_timestamp().unwrap().to_unix().0, u64::try_from(noon().as_second()).unwrap());
    }

    #[test]
    fn ids_of_a_process_never_go_back() {
        let edge = Edge::system();
        let ids: Vec<_> = (0..1000).map(|_| edge.mint()).collect();
        assert!(ids.is_sorted());
    }
}
