//! Periodic work: what is due is looked for at fixed times, when something says that it may be, and no more often.
//!
//! The work takes no input: it looks at the state of things and does what is due, so that a run that was missed, doubled
//! or late changes nothing. Runs never overlap. A run that fails is logged and the next one tries again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::edge::{Clock, after};
use crate::lifecycle::Stop;
use crate::metrics;

/// Runs work at a fixed rhythm, and earlier when woken.
#[derive(Debug)]
pub struct Ticker {
    name: &'static str,
    every: Duration,
    run_max: Duration,
    clock: Clock,
    wake: Arc<Notify>,
}

/// Wakes a [`Ticker`] before its time: what it looks at has changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// One more run, now or as soon as the present one ends; many wishes before it begins are one.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// When a run wants to be followed by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At the next tick.
    Tick,
    /// When something falls due, if that is before the next tick.
    Due(Timestamp),
    /// At once: this run did as much as one run does, and there is more.
    Now,
}

impl Ticker {
    /// A ticker named `name` in logs and metrics. A run that takes longer than `run_max` is dropped.
    #[must_use]
    pub fn new(name: &'static str, every: Duration, run_max: Duration, clock: Clock) -> Self {
        Self { name, every, run_max, clock, wake: Arc::new(Notify::new()) }
    }

    /// What wakes it.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Runs `work` at the start, at each tick, when woken and when it says so, until asked to stop. Ticks are at the
    /// start and whole multiples of `every` after it; those missed are not made up for. The run under way when asked to
    /// stop may end.
    ///
    /// # Errors
    ///
    /// None: a run that fails is logged, counted and tried again at the next tick.
    pub async fn run<F, W>(self, stop: Stop, mut work: W) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<Next>> + Send,
        W: FnMut() -> F + Send,
    {
        let mut tick = self.clock.now();
        while !stop.is_stopping() {
            // Counted from the beginning of the run: if the next tick comes while it lasts, it is not lost.
            tick = following(tick, self.every, self.clock.now());
            let next = tokio::select! {
                next = self.once(work()) => next,
                () = stop.killed() => return Ok(()),
            };
            let due = match next {
                Next::Tick => tick,
                Next::Due(due) => due.min(tick),
                Next::Now => continue,
            };
            tokio::select! {
                () = stop.stopping() => {}
                () = self.clock.reached(due) => {}
                () = self.wake.notified() => {}
            }
        }
        Ok(())
    }

    /// One run, bounded, logged if it fails.
    async fn once(&self, work: impl Future<Output = anyhow::Result<Next>> + Send) -> Next {
        let (name, begun) = (self.name, Instant::now());
        let (next, outcome) = match tokio::time::timeout(self.run_max, work).await {
            Ok(Ok(next)) => (next, "done"),
            Ok(Err(error)) => {
                tracing::error!(ticker = name, error = %format!("{error:#}"), "{name} failed, to be tried again: {error:#}");
                (Next::Tick, "failed")
            }
            Err(_) => {
                tracing::error!(ticker = name, "{name} took longer than {:?} and was dropped", self.run_max);
                (Next::Tick, "overran")
            }
        };
        metrics::ticker(name, outcome, begun.elapsed());
        next
    }
}

/// The first tick after `now`: `tick` if it is still to come, else counted on from it. A clock that was set back ticks `every` from now at the latest.
fn following(tick: Timestamp, every: Duration, now: Timestamp) -> Timestamp {
    let latest = after(now, every);
    let Ok(since) = Duration::try_from(tick.duration_until(now)) else { return tick.min(latest) };
    let missed = since.as_nanos() / every.as_nanos().max(1);
    let steps = u32::try_from(missed + 1).unwrap_or(u32::MAX);
    every.checked_mul(steps).map_or(latest, |span| after(tick, span)).min(latest)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::edge::{Edge, ManualClock};

    const EVERY: Duration = Duration::from_secs(60);

    fn noon() -> Timestamp {
        "2026-03-15T12:00:00Z".parse().unwrap()
    }

    struct Running {
        clock: ManualClock,
        waker: Waker,
        stop: Stop,
        runs: mpsc::UnboundedReceiver<Timestamp>,
        ended: tokio::task::JoinHandle<anyhow::Result<()>>,
    }

    /// A ticker whose nth run ends with the nth of `answers`, then with [`Next::Tick`].
    fn running(answers: Vec<anyhow::Result<Next>>) -> Running {
        let (edge, clock) = Edge::manual(noon());
        let ticker = Ticker::new("test", EVERY, Duration::from_secs(5), edge.clock.clone());
        let (waker, stop) = (ticker.waker(), Stop::new());
        let (sender, runs) = mpsc::unbounded_channel();
        let mut answers = answers.into_iter();
        let work = move || {
            sender.send(edge.now()).unwrap();
            let answer = answers.next().unwrap_or(Ok(Next::Tick));
            async move { answer }
        };
        let ended = tokio::spawn(ticker.run(stop.clone(), work));
        Running { clock, waker, stop, runs, ended }
    }

    impl Running {
        async fn run_at(&mut self, seconds: u64) {
            assert_eq!(self.runs.recv().await, Some(after(noon(), Duration::from_secs(seconds))));
        }
    }

    #[tokio::test]
    async fn it_runs_at_the_start_at_each_tick_and_when_woken() {
        let mut ticker = running(vec![]);
        ticker.run_at(0).await;
        ticker.clock.advance(EVERY);
        ticker.run_at(60).await;
        ticker.clock.advance(Duration::from_secs(10));
        ticker.waker.wake();
        ticker.run_at(70).await;
        // The rhythm is not shifted by having been woken.
        ticker.clock.advance(Duration::from_secs(50));
        ticker.run_at(120).await;
        ticker.stop.stop();
        ticker.ended.await.unwrap().unwrap();
        assert!(ticker.runs.try_recv().is_err());
    }

    #[tokio::test]
    async fn it_runs_when_something_falls_due_before_the_tick() {
        let due = |seconds| Ok(Next::Due(after(noon(), Duration::from_secs(seconds))));
        let mut ticker = running(vec![due(15), due(3600)]);
        ticker.run_at(0).await;
        ticker.clock.advance(Duration::from_secs(15));
        ticker.run_at(15).await;
        ticker.clock.advance(Duration::from_secs(45));
        ticker.run_at(60).await;
        ticker.stop.stop();
        ticker.ended.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_run_that_fails_is_tried_again_and_more_work_is_done_at_once() {
        let mut ticker = running(vec![Ok(Next::Now), Err(anyhow::anyhow!("broker away"))]);
        ticker.run_at(0).await;
        ticker.run_at(0).await;
        ticker.clock.advance(EVERY);
        ticker.run_at(60).await;
        ticker.stop.stop();
        ticker.ended.await.unwrap().unwrap();
    }

    #[test]
    fn ticks_missed_are_not_made_up_for() {
        let at = |seconds| after(noon(), Duration::from_secs(seconds));
        assert_eq!(following(at(0), EVERY, at(0)), at(60));
        assert_eq!(following(at(0), EVERY, at(59)), at(60));
        assert_eq!(following(at(0), EVERY, at(60)), at(120));
        assert_eq!(following(at(0), EVERY, at(3601)), at(3660));
        assert_eq!(following(at(60), EVERY, at(10)), at(60));
        // A clock that was set back by an hour does not sleep an hour.
        assert_eq!(following(at(3600), EVERY, at(0)), at(60));
    }
}
