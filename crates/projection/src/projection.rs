//! A projection: the views of one service over one directory, started, supervised, stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::handle::Handle;
use crate::home::{Home, HomeError, this_boot};
use crate::line::Line;
use crate::opening::{self, Expected, Opened, Shut};
use crate::source::{Source, SourceError};
use crate::supervisor::Supervisor;
use crate::tree::{TreeError, Trees};
use crate::turns::Turns;
use crate::view::{View, fingerprint};

/// How long a start waits for a journal that cannot be reached: as long as a broker may take to come back.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait before asking again.
const AGAIN: Duration = Duration::from_millis(250);

/// Where and under which circumstances a projection keeps its rows.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it is called in measures: the service's name.
    pub name: &'static str,
    /// The directory, made if it is not there. Nothing else may be in it.
    pub directory: PathBuf,
    /// The program, for whoever looks at the directory later.
    pub build: String,
    /// Which start of the machine this is; rows that were not safe on the disk before another one are not trusted.
    /// `None` if unknown: then only rows that were closed in good order are.
    pub boot: Option<String>,
    /// Shared by the projections of one process: two of them build their rows at once.
    pub turns: Turns,
}

impl Options {
    /// This directory, this program, this start of the machine.
    #[must_use]
    pub fn new(name: &'static str, directory: impl Into<PathBuf>) -> Self {
        Self {
            name,
            directory: directory.into(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            boot: this_boot(),
            turns: Turns::default(),
        }
    }
}

/// Why a projection did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The views do not fit together.
    #[error(transparent)]
    Trees(#[from] TreeError),
    /// The directory cannot be worked in.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Not even empty rows can be made.
    #[error("no rows can be made in {}: {why}", .directory.display())]
    NoRows {
        /// The directory.
        directory: PathBuf,
        /// What sled says.
        why: String,
    },
    /// The journal does not say where it ends: it cannot be trusted, or was out of reach for two minutes.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The journal has lost events that the rows know. Verify it before anything else; if an older copy was restored
    /// on purpose, remove the directory.
    #[error(
        "the journal went backwards: rows know position {known}, it ends at {last}; verify it, or remove {} if an \
         older copy was restored on purpose", .directory.display()
    )]
    WentBackwards {
        /// The last position the rows know.
        known: u64,
        /// The last position of the journal.
        last: u64,
        /// The directory.
        directory: PathBuf,
    },
    /// The runtime is shutting down.
    #[error("the process is stopping")]
    Stopping,
}

/// A projection that runs until it is stopped. Dropped, it stops too, but nobody waits for it.
pub struct Projection {
    handle: Handle,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Projection {
    /// Opens the rows, checks them, and begins to follow the journal.
    ///
    /// # Errors
    /// [`StartError`]. Rows that cannot be trusted are no error: see [`Opened::Quarantined`].
    pub async fn start<S: Source>(
        source: S,
        views: Vec<Box<dyn View>>,
        options: Options,
    ) -> Result<(Self, Opened), StartError> {
        let expected = Expected {
            fingerprint: fingerprint(&views),
            build: options.build,
            boot: options.boot,
            name: options.name,
            trees: Trees::of(views.iter().flat_map(|view| view.trees()))?,
        };
        let directory = options.directory;
        let entering = directory.clone();
        let opening = tokio::task::spawn_blocking(move || {
            let home = Home::enter(&entering)?;
            let rows = opening::open(&home, &expected)?;
            Ok::<_, Shut>((home, expected, rows))
        });
        let (home, expected, rows) = match opening.await.map_err(|_| StartError::Stopping)? {
            Ok(opened) => opened,
            Err(Shut::Home(e)) => return Err(e.into()),
            Err(Shut::New(why)) => return Err(StartError::NoRows { directory, why }),
        };
        let last = last_position(&source).await?;
        let known = rows.store.checkpoint().position;
        if known > last {
            return Err(StartError::WentBackwards { known, last, directory });
        }
        let opened = rows.opened;
        tracing::info!(?opened, position = known, last, "rows are open at position {known} of {last}");
        let line = Line::new(options.name, rows.generation, rows.store, rows.in_use, last);
        let (handle, supervisor) = Supervisor::new(home, expected, source, views.into(), options.turns, line);
        let stop = CancellationToken::new();
        let task = tokio::spawn(supervisor.run(stop.clone()));
        Ok((Self { handle, stop: stop.drop_guard(), task }, opened))
    }

    /// What others use of it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Applies what has arrived, writes it, makes it safe on the disk, and closes the rows.
    pub async fn stop(self) {
        drop(self.stop);
        // A panic in there was told on standard error; the rows are as after a crash.
        let _ = self.task.await;
    }
}

/// Where the journal ends. It may be out of reach for a moment: so it is asked again.
async fn last_position<S: Source>(source: &S) -> Result<u64, SourceError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match source.last_position().await {
            Err(SourceError::Unreachable(why)) if Instant::now() < deadline => {
                tracing::warn!(why, "the journal cannot be reached yet: {why}");
                sleep(AGAIN).await;
            }
            answer => return answer,
        }
    }
}

pub(crate) type Lines = watch::Sender<Arc<Line>>;
pub(crate) type Rebuilds =
    mpsc::Receiver<tokio::sync::oneshot::Sender<Result<(), crate::handle::RebuildError>>>;
