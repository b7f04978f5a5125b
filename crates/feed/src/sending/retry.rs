//! When a message that was not taken is sent again: later and later, at a moment drawn at random, for three days.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long at most until the next attempt, after the first failure, the second, and so on: three days in all.
pub const STEPS: [Duration; 12] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(6),
    Duration::from_hours(12),
    Duration::from_hours(12),
    Duration::from_hours(12),
    Duration::from_hours(12),
    Duration::from_hours(12),
];

/// How long at least until the next attempt.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// How long an endpoint may ask to be left alone, at most.
pub const ASKED_MAX: Duration = Duration::from_hours(12);

/// A share of something, drawn at random: so many 2³²ths of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub u32);

impl Share {
    /// This share of `whole`, to the millisecond.
    fn of(self, whole: Duration) -> Duration {
        let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(
            u64::try_from((u128::from(millis) * u128::from(self.0)) >> 32).unwrap_or(u64::MAX),
        )
    }
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The message is sent again, not before.
    At(Timestamp),
    /// It was tried often enough.
    GiveUp,
}

/// What follows when `failures` attempts at one message have failed, the last of them at `now`. `drawn` spreads the attempts of
/// many endpoints over the whole of a step; `asked` is how long the endpoint asked to be left alone, which is granted up to
/// [`ASKED_MAX`].
#[must_use]
pub fn next(failures: u32, drawn: Share, asked: Option<Duration>, now: Timestamp) -> Next {
    // The first failure is followed by the first step; none at all is taken for one.
    let nth = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(step) = STEPS.get(nth) else { return Next::GiveUp };
    let own = SHORTEST + drawn.of(step.saturating_sub(SHORTEST));
    let asked = asked.unwrap_or_default().min(ASKED_MAX);
    Next::At(later(now, own.max(asked)))
}

/// `span` after `at`, or the end of time when that does not exist.
pub(super) fn later(at: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).ok();
    span.and_then(|span| at.checked_add(span).ok()).unwrap_or(Timestamp::MAX)
}
