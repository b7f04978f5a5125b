//! Keeping the broker running: whenever it ends by itself it is started again on the same port.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, waitpid};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::BrokerError;
use super::child::{Child, signal};

/// After how long a broker that ends had settled: starting it again repaired what was wrong before.
const SETTLED: Duration = Duration::from_secs(1);

/// How often the broker may fail before it is given up: end within a second of its start, or not come up. One that
/// had settled is started again however often it is killed.
#[derive(Debug, Clone, Copy)]
pub struct Restarts {
    /// Failures that are followed by another start, within [`Self::window`].
    pub at_most: usize,
    /// The time in which they are counted.
    pub window: Duration,
}

impl Default for Restarts {
    /// Five in a minute: more often than that, something is wrong that starting again does not repair.
    fn default() -> Self {
        Self { at_most: 5, window: Duration::from_secs(60) }
    }
}

/// What is known of the broker at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Situation {
    /// It is being started, for the first time or again.
    Starting,
    /// It accepts connections.
    Running {
        /// Its process number.
        pid: i32,
    },
    /// It was stopped on purpose.
    Stopped,
    /// It ended too often.
    GivenUp {
        /// What was seen last.
        last: String,
    },
}

/// What the supervisor and the owner of the broker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) situation: watch::Sender<Situation>,
    /// The process that lives now. Emptied as soon as it was waited for, so that no signal meets a stranger.
    process: Mutex<Option<Pid>>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { situation: watch::Sender::new(Situation::Starting), process: Mutex::new(None) }
    }

    fn set_process(&self, pid: Option<Pid>) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = pid;
    }

    /// Kills the process that lives now, if one does.
    pub(super) fn kill(&self) -> Option<Pid> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pid) = *process {
            signal(pid, Signal::KILL);
        }
        *process
    }

    /// Kills the process and waits, blocking, until it is gone: for destructors, which cannot await.
    pub(super) fn kill_and_wait(&self) {
        let Some(pid) = self.kill() else { return };
        // Half a second at most: the end of a killed process takes milliseconds, and whoever else waits for it (the
        // runtime that is being shut down) makes this answer with an error.
        for _ in 0..500 {
            match waitpid(Some(pid), WaitOptions::NOHANG) {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(_) => break,
            }
        }
        self.set_process(None);
    }
}

/// What the owner of the broker asks of the supervisor. An owner that is gone asks for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// End it for good.
    Stop,
    /// End it in good order and start it again: it reads its configuration anew.
    Restart,
}

/// How to start the broker once more.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) binary: PathBuf,
    pub(super) config: PathBuf,
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) ready_within: Duration,
}

impl Launch {
    /// Starts the broker and waits until it can be used.
    pub(super) async fn start(&self, shared: &Shared) -> Result<Child, BrokerError> {
        let mut child = Child::start(&self.binary, &self.config)?;
        shared.set_process(child.pid());
        match child.ready(&self.name, self.port, self.ready_within).await {
            Ok(()) => {
                let pid = child.pid().map_or(0, Pid::as_raw_pid);
                shared.situation.send_replace(Situation::Running { pid });
                Ok(child)
            }
            Err(why) => {
                child.stop().await;
                shared.set_process(None);
                Err(why)
            }
        }
    }
}

/// Watches over `child` until its end is asked for or its owner is gone.
pub(super) async fn supervise(
    mut child: Child,
    launch: Launch,
    restarts: Restarts,
    shared: Arc<Shared>,
    mut orders: mpsc::Receiver<Order>,
) {
    let mut failures = VecDeque::new();
    loop {
        let ready = Instant::now();
        let gone = tokio::select! {
            status = child.ended() => Err(status),
            order = orders.recv() => Ok(order.unwrap_or(Order::Stop)),
        };
        let (mut last, mut settled) = match gone {
            Ok(order) => {
                child.stop().await;
                shared.set_process(None);
                if order == Order::Stop {
                    shared.situation.send_replace(Situation::Stopped);
                    return;
                }
                // Asked for, so no failure to count.
                ("it was asked to start again".to_owned(), true)
            }
            Err(status) => {
                shared.set_process(None);
                let last = format!("it ended ({status}); its last words: {}", child.last_words());
                tracing::error!(port = launch.port, "the broker is gone: {last}");
                (last, ready.elapsed() >= SETTLED)
            }
        };
        child = loop {
            let pause = if settled {
                Some(Duration::ZERO)
            } else {
                next_pause(&mut failures, restarts, Instant::now())
            };
            settled = false;
            let Some(pause) = pause else {
                tracing::error!(port = launch.port, "the broker is given up");
                shared.situation.send_replace(Situation::GivenUp { last });
                return;
            };
            shared.situation.send_replace(Situation::Starting);
            let started = async {
                sleep(pause).await;
                launch.start(&shared).await
            };
            tokio::select! {
                started = started => match started {
                    Ok(child) => break child,
                    Err(why) => {
                        last = why.to_string();
                        tracing::error!(port = launch.port, "the broker does not come back: {last}");
                    }
                },
                order = orders.recv() => {
                    // Whatever was starting was killed when its handle went.
                    shared.kill_and_wait();
                    if order == Some(Order::Restart) {
                        settled = true;
                        continue;
                    }
                    shared.situation.send_replace(Situation::Stopped);
                    return;
                }
            }
        };
        tracing::warn!(port = launch.port, "the broker runs again");
    }
}

/// How long to wait before the next start after a failure: not at all the first time, then doubling; `None` when it
/// failed too often.
fn next_pause(failures: &mut VecDeque<Instant>, restarts: Restarts, now: Instant) -> Option<Duration> {
    while failures.front().is_some_and(|failure| now.duration_since(*failure) > restarts.window) {
        failures.pop_front();
    }
    let before = failures.len();
    if before >= restarts.at_most {
        return None;
    }
    failures.push_back(now);
    let doublings = u32::try_from(before).unwrap_or(u32::MAX).min(6);
    Some(if before == 0 { Duration::ZERO } else { Duration::from_millis(50) * 2_u32.pow(doublings) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_fails_again_and_again_is_given_up_until_time_has_passed() {
        let restarts = Restarts { at_most: 3, window: Duration::from_secs(60) };
        let (mut failures, start) = (VecDeque::new(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(next_pause(&mut failures, restarts, after(0)), Some(Duration::ZERO));
        assert_eq!(next_pause(&mut failures, restarts, after(1)), Some(Duration::from_millis(100)));
        assert_eq!(next_pause(&mut failures, restarts, after(2)), Some(Duration::from_millis(200)));
        assert_eq!(next_pause(&mut failures, restarts, after(3)), None);
        assert_eq!(next_pause(&mut failures, restarts, after(100)), Some(Duration::ZERO));
    }
}
