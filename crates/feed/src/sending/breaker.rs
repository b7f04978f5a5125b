//! A breaker: who failed too often in a row is left alone for a while, then tried once.
//!
//! It counts across messages, where [`retry`](super::retry) counts attempts at one.

use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// After how many failures in a row, at least one.
    pub failures: u32,
    /// For how long.
    pub rest: Duration,
}

impl Default for Limits {
    /// Five failures, five minutes.
    fn default() -> Self {
        Self { failures: 5, rest: Duration::from_mins(5) }
    }
}

/// The situation of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// It is sent to.
    Closed {
        /// How many attempts in a row have failed, fewer than the limit.
        failures: u32,
    },
    /// It is left alone.
    Open {
        /// Until then.
        until: Timestamp,
    },
    /// One attempt is under way, to see whether it is well again.
    Probing,
}

/// What a breaker answers to whoever wants to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It may be sent to, once: then the breaker must be told what came of it.
    Granted,
    /// Not before then.
    Rest {
        /// When to ask again.
        until: Timestamp,
    },
    /// Not before the attempt that is under way has ended.
    Wait,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Asks whether the endpoint may be sent to at `now`. An open breaker whose time has come lets one attempt through. A
    /// clock that was set back keeps nobody waiting longer than a whole rest.
    #[must_use]
    pub fn ask(self, limits: &Limits, now: Timestamp) -> (Self, Leave) {
        match self {
            Self::Closed { .. } => (self, Leave::Granted),
            Self::Open { until } if now >= until => (Self::Probing, Leave::Granted),
            Self::Open { until } => {
                let until = until.min(later(now, limits.rest));
                (Self::Open { until }, Leave::Rest { until })
            }
            Self::Probing => (self, Leave::Wait),
        }
    }

    /// After an attempt that succeeded: whatever was, the endpoint is well.
    #[must_use]
    pub fn succeeded(self) -> Self {
        Self::default()
    }

    /// After an attempt that failed at `now`.
    #[must_use]
    pub fn failed(self, limits: &Limits, now: Timestamp) -> Self {
        let open = Self::Open { until: later(now, limits.rest) };
        match self {
            Self::Closed { failures } if failures.saturating_add(1) < limits.failures => {
                Self::Closed { failures: failures + 1 }
            }
            // An open one was not asked; what failed all the same is no reason to wait less.
            Self::Closed { .. } | Self::Open { .. } | Self::Probing => open,
        }
    }
}
