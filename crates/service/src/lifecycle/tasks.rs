//! The tasks of a service, which live and die together.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::{Handle, Stop};

/// How long the tasks behind may go on once those in front have ended: a last batch, a last checkpoint.
pub const BEHIND_GRACE: Duration = Duration::from_secs(5);

/// How much longer than its grace a task in front is waited for, so that one that takes all of it and then says so is not
/// mistaken for one that hangs.
const MARGIN: Duration = Duration::from_secs(1);

/// Why a service ended although nobody asked it to, or not when it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A task failed.
    #[error("{service} ended because {task} failed")]
    Failed {
        /// The service.
        service: &'static str,
        /// The task.
        task: &'static str,
        /// Why.
        source: anyhow::Error,
    },
    /// A task returned although it was not asked to stop.
    #[error("{service} ended because {task} ended early")]
    EndedEarly {
        /// The service.
        service: &'static str,
        /// The task.
        task: &'static str,
    },
    /// A task panicked; the log says where.
    #[error("{service} ended because {task} panicked")]
    Panicked {
        /// The service.
        service: &'static str,
        /// The task.
        task: &'static str,
    },
    /// Tasks were still running at the end of the grace period and were dropped.
    #[error("{service} was stopped, but {tasks} did not end in time and what was under way was dropped")]
    Overran {
        /// The service.
        service: &'static str,
        /// The tasks, separated by commas.
        tasks: String,
    },
}

/// The tasks of one service.
///
/// Those *in front* take on work (the surface, the ticker): they are asked to stop first. Those *behind* carry it (the
/// appender, the views): they are asked once the others have ended, so that a request under way still finds them.
#[derive(Debug)]
pub struct Tasks {
    service: &'static str,
    grace: Duration,
    stop: Stop,
    front: Group,
    behind: Group,
}

#[derive(Debug)]
struct Group {
    stop: Stop,
    set: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, &'static str>,
}

impl Group {
    fn new(stop: Stop) -> Self {
        Self { stop, set: JoinSet::new(), names: HashMap::new() }
    }

    fn spawn<F>(&mut self, service: &'static str, task: &'static str, work: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let span = tracing::error_span!("task", service, task);
        let id = self.set.spawn(work.instrument(span)).id();
        self.names.insert(id, task);
    }

    /// The next task that ends, and how; none once all have.
    async fn next(&mut self) -> Option<(&'static str, Result<anyhow::Result<()>, JoinError>)> {
        let (id, ended) = match self.set.join_next_with_id().await? {
            Ok((id, returned)) => (id, Ok(returned)),
            Err(error) => (error.id(), Err(error)),
        };
        Some((self.names.remove(&id).unwrap_or("an unnamed task"), ended))
    }

    /// Asks all to stop, waits for them until `deadline`, drops the rest. The first failure, if any.
    async fn drain(&mut self, service: &'static str, deadline: Instant) -> Result<(), TaskError> {
        let stop = self.stop.clone();
        stop.stop();
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                next = timeout_at(deadline, self.next()) => match next {
                    Ok(Some((task, ended))) => outcome = outcome.and_then(|()| after_stop(service, task, ended)),
                    Ok(None) => return outcome,
                    Err(_) => break,
                },
                () = stop.killed() => break,
            }
        }
        let mut tasks: Vec<_> = self.names.values().copied().collect();
        tasks.sort_unstable();
        stop.kill();
        self.set.shutdown().await;
        outcome.and(Err(TaskError::Overran { service, tasks: tasks.join(", ") }))
    }
}

impl Tasks {
    /// No tasks yet. Those in front may go on for `grace` when `stop` is asked for.
    #[must_use]
    pub fn new(service: &'static str, stop: &Stop, grace: Duration) -> Self {
        let stop = stop.child();
        let (front, behind) = (Group::new(stop.clone()), Group::new(stop.later()));
        Self { service, grace, stop, front, behind }
    }

    /// What stops this service; the tasks in front see it at once.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// What stops the tasks behind, for what is made before it is spawned.
    #[must_use]
    pub fn stop_behind(&self) -> Stop {
        self.behind.stop.clone()
    }

    /// Starts a task that takes on work. It is stopped first.
    pub fn front<F>(&mut self, task: &'static str, work: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let work = work(self.front.stop.clone());
        self.front.spawn(self.service, task, work);
    }

    /// Starts a task that carries the work of others. It is stopped when those in front have ended.
    pub fn behind<F>(&mut self, task: &'static str, work: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let work = work(self.behind.stop.clone());
        self.behind.spawn(self.service, task, work);
    }

    /// Watches the tasks from now on. `address` is where the service listens, if it does.
    #[must_use]
    pub fn into_handle(self, address: Option<SocketAddr>) -> Handle {
        let (service, stop) = (self.service, self.stop.clone());
        let span = tracing::error_span!("service", service);
        Handle::new(service, address, stop, tokio::spawn(self.run().instrument(span)))
    }

    /// Runs until asked to stop or until a task ends, then stops all. Without tasks, until asked to stop.
    ///
    /// # Errors
    ///
    /// The first [`TaskError`].
    pub async fn run(mut self) -> Result<(), TaskError> {
        let service = self.service;
        let mut outcome = tokio::select! {
            // First: a task that ended because it was asked to did not end early.
            biased;
            () = self.stop.stopping() => Ok(()),
            Some((task, ended)) = self.front.next() => early(service, task, ended),
            Some((task, ended)) = self.behind.next() => early(service, task, ended),
        };
        if let Err(error) = &outcome {
            tracing::error!(service, error = %chain(error), "stopping {service}: {}", chain(error));
        }
        outcome = outcome.and(self.front.drain(service, Instant::now() + self.grace + MARGIN).await);
        outcome = outcome.and(self.behind.drain(service, Instant::now() + BEHIND_GRACE).await);
        match &outcome {
            Ok(()) => tracing::info!(service, "{service} has stopped"),
            Err(error) => {
                tracing::error!(service, error = %chain(error), "{service} has stopped: {}", chain(error))
            }
        }
        outcome
    }
}

/// An end that nobody asked for.
fn early(
    service: &'static str,
    task: &'static str,
    ended: Result<anyhow::Result<()>, JoinError>,
) -> Result<(), TaskError> {
    after_stop(service, task, ended)?;
    Err(TaskError::EndedEarly { service, task })
}

/// An end that was asked for: failing then is still a failure.
fn after_stop(
    service: &'static str,
    task: &'static str,
    ended: Result<anyhow::Result<()>, JoinError>,
) -> Result<(), TaskError> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(source)) => Err(TaskError::Failed { service, task, source }),
        Err(_) => Err(TaskError::Panicked { service, task }),
    }
}

/// The error and its causes, in one line.
fn chain(error: &TaskError) -> String {
    match error {
        TaskError::Failed { source, .. } => format!("{error}: {source:#}"),
        TaskError::EndedEarly { .. } | TaskError::Panicked { .. } | TaskError::Overran { .. } => {
            error.to_string()
        }
    }
}

#[cfg(test)]
mod tests;
