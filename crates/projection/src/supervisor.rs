//! What happens to the generations of rows while a projection runs: built, taken into use, replaced, closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::handle::{Handle, Progress, RebuildError};
use crate::home::{Home, HomeError, Marker};
use crate::line::{Line, Status};
use crate::opening::{Expected, Shut};
use crate::pipeline;
use crate::projection::{Lines, Rebuilds};
use crate::source::Source;
use crate::stop::Stop;
use crate::store::Store;
use crate::turns::Turns;
use crate::view::View;

/// How long a page may still be read after its rows were replaced or closed.
const LAST_PAGES: Duration = Duration::from_secs(10);

type Asked = oneshot::Sender<Result<(), RebuildError>>;

/// A line and the task that keeps it up.
struct Running {
    line: Arc<Line>,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Whether it was written down that its rows are not to be trusted.
    doubted: bool,
}

/// Owns the directory, the line in use and the one being built beside it.
pub(crate) struct Supervisor<S> {
    home: Arc<Home>,
    expected: Arc<Expected>,
    source: S,
    views: Arc<[Box<dyn View>]>,
    turns: Turns,
    lines: Lines,
    rebuilds: Rebuilds,
    progress: watch::Sender<Option<Progress>>,
}

impl<S: Source> Supervisor<S> {
    pub(crate) fn new(
        home: Home,
        expected: Expected,
        source: S,
        views: Arc<[Box<dyn View>]>,
        turns: Turns,
        line: Arc<Line>,
    ) -> (Handle, Self) {
        let lines = watch::Sender::new(line);
        let (ask, rebuilds) = mpsc::channel(1);
        let progress = watch::Sender::new(None);
        let handle = Handle::new(lines.subscribe(), ask, progress.subscribe());
        let (home, expected) = (Arc::new(home), Arc::new(expected));
        (handle, Self { home, expected, source, views, turns, lines, rebuilds, progress })
    }

    /// Until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let line = Arc::clone(&self.lines.borrow());
        let mut main = self.keep_up(line);
        let mut beside: Option<(Running, Asked)> = None;
        self.take_into_use_if_level(&main).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                changed = main.status.changed() => {
                    if changed.is_err() { break }
                    self.note_doubt(&mut main).await;
                    self.take_into_use_if_level(&main).await;
                }
                Some(asked) = self.rebuilds.recv() => beside = self.begin_rebuild(&main, beside, asked).await,
                () = changed(&mut beside) => {}
            }
            (main, beside) = self.look_at_rebuild(main, beside).await;
            let progress = beside.as_ref().map(|(running, _)| Progress::of(&running.line.status()));
            self.progress.send_replace(progress);
        }
        if let Some((running, asked)) = beside {
            self.end(running, false).await;
            let _ = asked.send(Err(RebuildError::Closed));
        }
        self.end(main, true).await;
    }

    fn keep_up(&self, line: Arc<Line>) -> Running {
        let stop = CancellationToken::new();
        let (views, source, turns) = (Arc::clone(&self.views), self.source.clone(), self.turns.clone());
        let task = tokio::spawn(pipeline::keep_up(Arc::clone(&line), views, source, turns, stop.clone()));
        Running { status: line.watch(), line, stop, task, doubted: false }
    }

    /// Rows that were being built and have caught up are served from now on; older ones are removed.
    async fn take_into_use_if_level(&self, running: &Running) {
        let status = running.line.status();
        if status.served || !status.caught_up || status.stopped.is_some() {
            return;
        }
        let (home, generation) = (Arc::clone(&self.home), running.line.generation);
        let (marker, store) = (self.expected.marker(), running.line.store());
        let named = tokio::task::spawn_blocking(move || {
            mark_position(&home, generation, marker, store.as_deref())?;
            drop(store);
            home.set_current(generation)?;
            home.generations()?
                .into_iter()
                .filter(|other| *other != generation)
                .try_for_each(|old| home.remove(old))
        });
        match named.await {
            Ok(Ok(())) => {
                tracing::info!(generation, position = status.position, "rows are built and in use");
                running.line.note(|status| status.served = true);
                running.line.measure();
            }
            // The next change of its status tries again.
            Ok(Err(e)) => tracing::error!(generation, error = %e, "built rows cannot be taken into use: {e}"),
            Err(_) => {}
        }
    }

    async fn begin_rebuild(
        &self,
        main: &Running,
        beside: Option<(Running, Asked)>,
        asked: Asked,
    ) -> Option<(Running, Asked)> {
        if beside.is_some() || !main.line.status().served {
            let _ = asked.send(Err(RebuildError::Already));
            return beside;
        }
        match self.empty_line(main).await {
            Ok(line) => Some((self.keep_up(line), asked)),
            Err(why) => {
                let _ = asked.send(Err(RebuildError::Failed(why)));
                None
            }
        }
    }

    async fn empty_line(&self, main: &Running) -> Result<Arc<Line>, String> {
        let (home, expected) = (Arc::clone(&self.home), Arc::clone(&self.expected));
        let made = tokio::task::spawn_blocking(move || expected.make(&home)).await;
        let made: Result<(u64, Store), Shut> = made.map_err(|e| e.to_string())?;
        let (generation, store) = made.map_err(|e| e.to_string())?;
        let status = main.line.status();
        Ok(Line::new(self.expected.name, generation, store, false, status.seen + status.pending))
    }

    /// Takes the rows built beside into use once they know all that those in use know; gives them up if they stop.
    async fn look_at_rebuild(
        &self,
        main: Running,
        beside: Option<(Running, Asked)>,
    ) -> (Running, Option<(Running, Asked)>) {
        let Some((new, asked)) = beside else { return (main, None) };
        if let Some(why) = new.line.status().stopped {
            let generation = new.line.generation;
            self.end(new, false).await;
            self.remove(generation).await;
            let _ = asked.send(Err(RebuildError::Failed(why.to_string())));
            return (main, None);
        }
        if !self.swapped(&main, &new) {
            return (main, Some((new, asked)));
        }
        let (home, generation) = (Arc::clone(&self.home), new.line.generation);
        let named = tokio::task::spawn_blocking(move || home.set_current(generation)).await;
        let old = main.line.generation;
        self.end(main, false).await;
        let answer = match named {
            Ok(Ok(())) => {
                tracing::info!(generation, "rebuilt rows are in use");
                self.remove(old).await;
                self.forget_quarantined().await;
                Ok(())
            }
            // They are served all the same; the next start opens the old ones, which are in order.
            Ok(Err(e)) => Err(RebuildError::Failed(e.to_string())),
            Err(_) => Err(RebuildError::Closed),
        };
        let _ = asked.send(answer);
        (new, None)
    }

    /// Shows the new rows instead of the old ones, in a moment when they know all that the old ones know: what a reader
    /// has seen once, it sees ever after.
    fn swapped(&self, main: &Running, new: &Running) -> bool {
        let Some(old_store) = main.line.store() else { return false };
        let Some(_no_commit) = old_store.try_hold() else { return false };
        let (known, reached) = (old_store.checkpoint().position, new.line.status());
        if !reached.caught_up || reached.position < known {
            return false;
        }
        new.line.note(|status| status.served = true);
        self.lines.send_replace(Arc::clone(&new.line));
        true
    }

    /// Stops a line, makes it safe on the disk and closes it; `mark` says so for the next start.
    async fn end(&self, running: Running, mark: bool) {
        running.stop.cancel();
        let panicked = running.task.await.is_err();
        let (home, expected) = (Arc::clone(&self.home), Arc::clone(&self.expected));
        let line = running.line;
        let closing = tokio::task::spawn_blocking(move || {
            let Some(store) = line.close() else { return };
            let position = store.checkpoint().position;
            let directory = home.store(line.generation);
            let safe = store.sync().and_then(|()| closed(store, &directory)).is_ok();
            let stopped = line.status().stopped;
            let doubt = stopped.filter(Stop::doubts_rows).map(|why| why.to_string());
            if mark {
                let position = if safe { position } else { 0 };
                let marker = Marker { clean: safe && !panicked, doubt, position, ..expected.marker() };
                if let Err(e) = home.mark(line.generation, &marker) {
                    tracing::warn!(error = %e, "the rows cannot be marked: {e}; they may be rebuilt at the next start");
                }
            }
        });
        // Nothing is lost if the runtime is gone: the rows are then as after a crash.
        let _ = closing.await;
    }

    /// What was put aside holds what the rebuilt rows may no longer hold, and has been looked at by whoever asked for them.
    async fn forget_quarantined(&self) {
        let home = Arc::clone(&self.home);
        let removed = tokio::task::spawn_blocking(move || home.forget_quarantined()).await;
        if let Ok(Err(e)) = removed {
            tracing::warn!(error = %e, "rows that were put aside cannot be removed: {e}; the next rebuild tries again");
        }
    }

    async fn remove(&self, generation: u64) {
        let home = Arc::clone(&self.home);
        let removed = tokio::task::spawn_blocking(move || home.remove(generation)).await;
        if let Ok(Err(e)) = removed {
            tracing::warn!(generation, error = %e, "old rows cannot be removed: {e}; the next start tries again");
        }
    }

    /// Writes down at once that rows are not to be trusted, should the process end in another way than by closing them.
    async fn note_doubt(&self, running: &mut Running) {
        let doubt = running.line.status().stopped.filter(Stop::doubts_rows).map(|why| why.to_string());
        if running.doubted || doubt.is_none() {
            return;
        }
        running.doubted = true;
        let (home, generation) = (Arc::clone(&self.home), running.line.generation);
        let marker = Marker { doubt, ..self.expected.marker() };
        let marked = tokio::task::spawn_blocking(move || home.mark(generation, &marker)).await;
        if let Ok(Err(e)) = marked {
            tracing::error!(generation, error = %e, "doubtful rows cannot be marked: {e}");
        }
    }
}

/// Writes down a position that the rows know from now on, once it is safe on the disk.
fn mark_position(
    home: &Home,
    generation: u64,
    marker: Marker,
    store: Option<&Store>,
) -> Result<(), HomeError> {
    let Some(store) = store else { return Ok(()) };
    let position = store.checkpoint().position;
    match store.sync() {
        Ok(()) => home.mark(generation, &Marker { position, ..marker }),
        // Nothing is promised then; whoever writes the rows meets the same disk.
        Err(_) => Ok(()),
    }
}

/// Waits for a change of the line being built; for ever if there is none.
async fn changed(beside: &mut Option<(Running, Asked)>) {
    match beside {
        Some((running, _)) => {
            // The sender lives in the line, which we hold.
            let _ = running.status.changed().await;
        }
        None => std::future::pending().await,
    }
}

/// Waits for the last page to be dropped, then closes the store and syncs what closing wrote.
fn closed(store: Arc<Store>, directory: &std::path::Path) -> Result<(), crate::store::StoreError> {
    let mut store = Some(store);
    let waited = std::time::Instant::now();
    while let Some(shared) = store.take() {
        match Arc::try_unwrap(shared) {
            Ok(alone) => drop(alone),
            Err(shared) if waited.elapsed() < LAST_PAGES => {
                store = Some(shared);
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(_) => return Err(crate::store::StoreError::Unusable("a page is still open".to_owned())),
        }
    }
    crate::store::sync_files(directory)
}
