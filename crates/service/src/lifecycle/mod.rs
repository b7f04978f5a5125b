//! How a service starts, stays and ends: parse (no socket), build (bind), spawn (run).
//!
//! **Invariant.** Tasks live and die together: when one ends before it was asked to, all are stopped and the process
//! ends with a failure that names it. Nothing is restarted within a process; its supervisor restarts the process.
//!
//! **Invariant.** Every stop is bounded: what is under way may go on for the grace period, then it is dropped.

mod notify;
mod signals;
mod stop;
mod tasks;

use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::task::JoinHandle;

use crate::config::{self, ConfigError};

pub use notify::{NotifyError, notify_ready, notify_stopping};
pub use signals::stop_on_signals;
pub use stop::Stop;
pub use tasks::{BEHIND_GRACE, TaskError, Tasks};

/// A service that runs.
///
/// Dropping it does not stop the service.
#[derive(Debug)]
pub struct Handle {
    /// The name of the service.
    pub name: &'static str,
    /// Where it listens; none for one without a surface.
    pub address: Option<SocketAddr>,
    stop: Stop,
    running: JoinHandle<Result<(), TaskError>>,
}

impl Handle {
    pub(crate) fn new(
        name: &'static str,
        address: Option<SocketAddr>,
        stop: Stop,
        running: JoinHandle<Result<(), TaskError>>,
    ) -> Self {
        Self { name, address, stop, running }
    }

    /// Asks it to stop; returns at once. [`Handle::join`] says when it has.
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// What asks it to stop.
    #[must_use]
    pub fn stop_token(&self) -> &Stop {
        &self.stop
    }

    /// Returns when it has ended.
    ///
    /// # Errors
    ///
    /// [`TaskError`] when it ended for another reason than being asked to, or not within its grace period.
    pub async fn join(self) -> Result<(), TaskError> {
        match self.running.await {
            Ok(ended) => ended,
            Err(_) => Err(TaskError::Panicked { service: self.name, task: "the watcher of the tasks" }),
        }
    }
}

/// What a program ends with: [`config::EXIT_CODE`] for a bad configuration, 1 for any other failure.
#[must_use]
pub fn exit_code(result: &anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.chain().any(|cause| cause.is::<ConfigError>()) => {
            ExitCode::from(config::EXIT_CODE)
        }
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;
    use crate::config::{Settings, Sources};

    #[test]
    fn a_bad_configuration_ends_with_64_however_it_is_wrapped() {
        let bad = config::load::<config::NothingOfItsOwn>("nothing", &Sources::default());
        let bad: anyhow::Result<Settings> = bad.context("cannot start nothing");
        assert_eq!(exit_code(&bad.map(|_| ())), ExitCode::from(64));
        assert_eq!(exit_code(&Err(anyhow::anyhow!("other"))), ExitCode::FAILURE);
        assert_eq!(exit_code(&Ok(())), ExitCode::SUCCESS);
    }
}
