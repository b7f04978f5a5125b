//! When is tried again, and who is left alone.

use std::time::Duration;

use feed::sending::breaker::{Breaker, Leave, Limits};
use feed::sending::retry::{self, ASKED_MAX, Next, SHORTEST, STEPS, Share};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn noon() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn at(now: Timestamp, span: Duration) -> Timestamp {
    now + SignedDuration::try_from(span).unwrap()
}

/// How long until the next attempt.
fn delay(failures: u32, drawn: u32, asked: Option<Duration>) -> Option<Duration> {
    match retry::next(failures, Share(drawn), asked, noon()) {
        Next::At(due) => Some(Duration::try_from(due.duration_since(noon())).unwrap()),
        Next::GiveUp => None,
    }
}

#[test]
fn a_message_is_tried_thirteen_times_in_at_most_three_days() {
    let most = |nth| delay(nth, u32::MAX, None);
    let total: Duration = (1..=12).map(|nth| most(nth).unwrap()).sum();
    assert!(total > Duration::from_hours(70) && total <= Duration::from_hours(72), "{total:?}");
    assert_eq!((most(13), most(u32::MAX)), (None, None));
    assert_eq!(delay(1, 0, None), Some(SHORTEST));
    assert_eq!(delay(5, 1 << 31, None), Some(Duration::from_millis(1_800_500)), "half of an hour");
}

#[test]
fn an_endpoint_that_asks_for_time_gets_it_within_bounds() {
    let hours = Duration::from_hours;
    assert_eq!(delay(1, 0, Some(hours(2))), Some(hours(2)));
    assert_eq!(delay(1, 0, Some(hours(1000))), Some(ASKED_MAX));
    assert_eq!(delay(1, 0, Some(Duration::ZERO)), Some(SHORTEST), "it cannot ask to be flooded");
    assert_eq!(delay(13, 0, Some(hours(2))), None, "nor for another attempt");
}

proptest! {
    #[test]
    fn a_delay_lies_within_its_step(failures in 1..=12_u32, drawn: u32, asked in proptest::option::of(0..1_000_000_u64)) {
        let step = STEPS[usize::try_from(failures - 1).unwrap()];
        let free = delay(failures, drawn, None).unwrap();
        prop_assert!(free >= SHORTEST && free <= step);
        let granted = delay(failures, drawn, asked.map(Duration::from_secs)).unwrap();
        prop_assert!(granted >= free && granted <= step.max(ASKED_MAX));
        let asked = Duration::from_secs(asked.unwrap_or_default());
        prop_assert!(granted >= asked.min(ASKED_MAX));
    }

    #[test]
    fn the_bounds_grow_with_every_failure_and_the_delay_with_what_is_drawn(failures in 1..12_u32, one: u32, two: u32) {
        prop_assert!(delay(failures, one, None) <= delay(failures + 1, one, None));
        prop_assert!(delay(failures, one.min(two), None) <= delay(failures, one.max(two), None));
    }

    #[test]
    fn whatever_is_drawn_and_asked_a_message_is_given_up_in_time(draws in proptest::collection::vec((any::<u32>(), any::<u32>()), 12)) {
        let spans = |asked: bool| -> Duration {
            let nth = (1..).zip(&draws);
            nth.map(|(nth, (drawn, seconds))| {
                delay(nth, *drawn, asked.then(|| Duration::from_secs(u64::from(*seconds)))).unwrap()
            }).sum()
        };
        prop_assert!(spans(false) <= Duration::from_hours(72));
        prop_assert!(spans(true) <= ASKED_MAX * 12);
    }

    #[test]
    fn the_end_of_time_is_no_failure(failures in 0..20_u32, drawn: u32) {
        let _ = retry::next(failures, Share(drawn), Some(Duration::MAX), Timestamp::MAX);
    }
}

/// What may happen to a breaker.
#[derive(Debug, Clone, Copy)]
enum Step {
    Ask,
    Succeed,
    Fail,
    Pass(u32),
    SetBack(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Ask),
        1 => Just(Step::Succeed),
        4 => Just(Step::Fail),
        2 => (0..200_u32).prop_map(Step::Pass),
        1 => (0..10_000_u32).prop_map(Step::SetBack),
    ]
}

/// What is known of an endpoint without a breaker: what happened since it last succeeded.
#[derive(Debug, Default)]
struct Model {
    failures: u32,
    asked_since_open: u32,
    under_way: bool,
}

proptest! {
    #[test]
    fn a_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through(
        steps in proptest::collection::vec(step(), 1..80),
        failures in 1..6_u32,
    ) {
        let limits = Limits { failures, rest: Duration::from_secs(100) };
        let (mut breaker, mut model, mut now) = (Breaker::default(), Model::default(), noon());
        for step in steps {
            match step {
                Step::Pass(seconds) => now = at(now, Duration::from_secs(seconds.into())),
                Step::SetBack(seconds) => now -= SignedDuration::from_secs(seconds.into()),
                Step::Ask => {
                    let open = model.failures >= failures;
                    let (next, leave) = breaker.ask(&limits, now);
                    match leave {
                        Leave::Granted => {
                            model.asked_since_open += 1;
                            // Closed, or the one probe of an open breaker.
                            prop_assert!(!open || model.asked_since_open == 1);
                            model.under_way = true;
                        }
                        Leave::Rest { until } => {
                            prop_assert!(open && until > now && until <= at(now, limits.rest));
                        }
                        Leave::Wait => prop_assert!(open && model.under_way && model.asked_since_open == 1),
                    }
                    breaker = next;
                }
                // Only what was granted comes to an end.
                Step::Succeed if model.under_way => {
                    breaker = breaker.succeeded();
                    model = Model::default();
                    prop_assert_eq!(breaker, Breaker::Closed { failures: 0 });
                }
                Step::Fail if model.under_way => {
                    breaker = breaker.failed(&limits, now);
                    model = Model { failures: model.failures + 1, ..Model::default() };
                    let open = matches!(breaker, Breaker::Open { .. });
                    prop_assert_eq!(open, model.failures >= failures);
                }
                Step::Succeed | Step::Fail => {}
            }
        }
        // Whatever happened, nobody is left alone for longer than a rest.
        if let (next, Leave::Rest { .. }) = breaker.ask(&limits, now) {
            prop_assert_eq!(next.ask(&limits, at(now, limits.rest)), (Breaker::Probing, Leave::Granted));
        }
    }
}
