//! From the journal into the rows: one task fetches, one thread reads bodies, one thread applies and writes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc as sync;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::apply::{Applier, Fault, Read};
use crate::entry::Entry;
use crate::line::Line;
use crate::source::{Batch, Follow, Source, SourceError};
use crate::stop::Stop;
use crate::store::{Store, StoreError};
use crate::turns::{Turn, Turns};
use crate::view::View;

/// How many events are asked for at once.
const FETCH: usize = 1000;

/// How many fetched batches wait for each of the two threads.
const WAITING: usize = 2;

/// How many batches that already wait are written together: a projection that is behind writes less often.
const TOGETHER: usize = 5;

/// How much memory the pending writes of a store that nobody reads may take before they are written, bytes.
const BULK: usize = 128 << 20;

/// How long a follower may be silent before we look whether the journal can be reached at all.
const LOOK: Duration = Duration::from_millis(500);

/// How long nothing may come from a journal that is connected before it counts as out of reach.
const SILENCE: Duration = Duration::from_secs(5);

/// How long to wait before asking again for a journal that could not be reached.
const AGAIN: Duration = Duration::from_millis(250);

/// How long a written row may be lost by a failure of power.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How the thread that applies events ended.
enum End {
    /// There were no more events to apply.
    Drained,
    /// The rows go no further.
    Stopped(Stop),
    /// What was pending is to be applied again, carefully.
    Replay,
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Stop(why) => Self::Stopped(why),
            Fault::Replay => Self::Replay,
        }
    }
}

/// A batch on its way.
struct Fetched<T> {
    events: Vec<T>,
    pending: u64,
}

/// Keeps the rows of `line` up with `source` until `stop`, or until they go no further; then everything that was
/// applied is written and synced.
pub(crate) async fn keep_up<S: Source>(
    line: Arc<Line>,
    views: Arc<[Box<dyn View>]>,
    source: S,
    turns: Turns,
    stop: CancellationToken,
) {
    let Some(store) = line.store() else { return };
    let (syncing, stop_syncing) = sync::channel::<()>();
    let for_sync = Arc::clone(&store);
    let syncer = thread("view-sync", move || sync_until(&for_sync, &stop_syncing));
    let mut careful = false;
    let Some(turn) = turn(&line, &turns, &stop).await else { return };
    let given_back = tokio::spawn(give_back(Arc::clone(&line), turn));
    loop {
        line.nothing_arrived();
        match run_once(&line, &store, &views, &source, &stop, careful).await {
            End::Drained if stop.is_cancelled() => break,
            End::Drained => {
                line.stop(Stop::Failed("the thread that reads events panicked"));
                break;
            }
            End::Replay => careful = true,
            End::Stopped(why) => {
                line.stop(why);
                break;
            }
        }
    }
    given_back.abort();
    drop((syncing, store));
    if let Ok(syncer) = syncer {
        // The thread only logs: whether it panicked does not matter here.
        let _ = tokio::task::spawn_blocking(move || syncer.join()).await;
    }
}

/// Waits for a turn, if the rows are to be built; `None` if it is not worth waiting any more.
async fn turn(line: &Line, turns: &Turns, stop: &CancellationToken) -> Option<Option<Turn>> {
    if !line.status().is_being_built() {
        return Some(None);
    }
    tokio::select! {
        turn = turns.take() => Some(turn),
        () = stop.cancelled() => None,
    }
}

/// Lets others build as soon as these rows are level with the journal, or go no further.
async fn give_back(line: Arc<Line>, turn: Option<Turn>) {
    let mut status = line.watch();
    // The line holds what tells of its status: there is no other end than one of these.
    let _ = status.wait_for(|status| !status.is_being_built() || status.stopped.is_some()).await;
    drop(turn);
}

async fn run_once<S: Source>(
    line: &Arc<Line>,
    store: &Arc<Store>,
    views: &Arc<[Box<dyn View>]>,
    source: &S,
    stop: &CancellationToken,
    careful: bool,
) -> End {
    let (to_read, unread) = mpsc::channel(WAITING);
    let (to_apply, read) = sync::sync_channel(WAITING);
    let (ended, end) = oneshot::channel();
    let started = thread("view-read", move || read_bodies(unread, &to_apply)).and_then(|_| {
        let (line, store, views) = (Arc::clone(line), Arc::clone(store), Arc::clone(views));
        thread("view-apply", move || {
            let applied = catch_unwind(AssertUnwindSafe(|| apply_all(&line, store, views, &read, careful)));
            // Nobody to tell if the task was aborted with its runtime.
            let _ = ended
                .send(applied.unwrap_or(End::Stopped(Stop::Failed("the thread that writes rows panicked"))));
        })
    });
    if started.is_err() {
        return End::Stopped(Stop::Store(StoreError::Unusable("no thread can be started".to_owned())));
    }
    let after = store.checkpoint().position;
    let gone = End::Stopped(Stop::Failed("the thread that writes rows is gone"));
    let mut end = std::pin::pin!(end);
    let fetched = tokio::select! {
        fetched = fetch(line, source, after, to_read) => fetched,
        ended = &mut end => return ended.unwrap_or(gone),
        () = stop.cancelled() => Ok(()),
    };
    // Nothing is sent any more: the threads finish what they have been given.
    match (end.await.unwrap_or(gone), fetched) {
        (End::Drained, Err(broken)) => End::Stopped(Stop::Source(broken)),
        (end, _) => end,
    }
}

/// Fetches until nobody takes the events any more, or what comes cannot be trusted. While nobody answers it asks again.
async fn fetch<S: Source>(
    line: &Line,
    source: &S,
    mut after: u64,
    to_read: mpsc::Sender<Batch>,
) -> Result<(), SourceError> {
    let mut follower = source.follow(after);
    loop {
        match next_batch(line, source, &mut follower).await {
            Ok(batch) => {
                reached_again(line);
                if let (Some(first), Some(last)) = (batch.events.first(), batch.events.last()) {
                    after = last.position;
                    line.batch_arrived(first.stamp.recorded);
                }
                if to_read.send(batch).await.is_err() {
                    return Ok(());
                }
            }
            Err(SourceError::Unreachable(why)) => {
                unreachable(line, &why);
                tokio::time::sleep(AGAIN).await;
                follower = source.follow(after);
            }
            Err(broken @ SourceError::Broken(_)) => return Err(broken),
        }
    }
}

/// Waits for the next batch, looking now and then whether the journal can be reached.
async fn next_batch<S: Source>(
    line: &Line,
    source: &S,
    follower: &mut S::Follower,
) -> Result<Batch, SourceError> {
    let trouble = follower.trouble();
    let mut next = std::pin::pin!(follower.next_batch(FETCH));
    loop {
        tokio::select! {
            batch = &mut next => return batch,
            () = tokio::time::sleep(LOOK) => {}
        }
        match trouble.borrow().as_ref() {
            _ if !source.connected() => unreachable(line, "the connection is down"),
            Some(trouble) if trouble.since.elapsed() >= SILENCE => unreachable(line, &trouble.why),
            // Not for long enough to say so, nor to take back what was said.
            Some(_) => {}
            None => reached_again(line),
        }
    }
}

fn unreachable(line: &Line, why: &str) {
    if line.status().unreachable.is_none() {
        tracing::warn!(generation = line.generation, why, "the journal cannot be reached: {why}");
        line.note(|status| status.unreachable = Some(why.to_owned()));
    }
}

fn reached_again(line: &Line) {
    if line.status().unreachable.is_some() {
        tracing::info!(generation = line.generation, "the journal is reached again");
        line.note(|status| status.unreachable = None);
    }
}

fn read_bodies(mut unread: mpsc::Receiver<Batch>, to_apply: &sync::SyncSender<Fetched<Read>>) {
    while let Some(batch) = unread.blocking_recv() {
        let events = batch.events.into_iter().map(Entry::read).collect();
        if to_apply.send(Fetched { events, pending: batch.pending }).is_err() {
            return;
        }
    }
}

fn apply_all(
    line: &Line,
    store: Arc<Store>,
    views: Arc<[Box<dyn View>]>,
    read: &sync::Receiver<Fetched<Read>>,
    careful: bool,
) -> End {
    let mut applier = match Applier::new(views, store, careful) {
        Ok(applier) => applier,
        Err(e) => return End::Stopped(Stop::Store(e)),
    };
    while let Ok(first) = read.recv() {
        let (mut batches, mut counted, mut next) = (0, 0, Some(first));
        while let Some(Fetched { events, pending }) = next {
            batches += 1;
            counted += usize::from(!events.is_empty());
            match apply_batch(line, &mut applier, events, pending) {
                Ok(()) => {}
                Err(Fault::Replay) => return End::Replay,
                Err(Fault::Stop(why)) => return stopped(line, &mut applier, why),
            }
            next = if batches < TOGETHER { read.try_recv().ok() } else { None };
        }
        if let Err(fault) = write(line, &mut applier, counted, false) {
            return fault.into();
        }
    }
    match write(line, &mut applier, 0, true) {
        Ok(()) => End::Drained,
        Err(fault) => fault.into(),
    }
}

fn apply_batch(line: &Line, applier: &mut Applier, events: Vec<Read>, pending: u64) -> Result<(), Fault> {
    let recorded = events.last().map(|event| match event {
        Ok(entry) => entry.stamp.recorded,
        Err(unread) => unread.0.stamp.recorded,
    });
    applier.apply(events)?;
    line.note(|status| {
        status.seen = applier.position();
        status.pending = pending;
        status.recorded = recorded.or(status.recorded);
        status.halted = applier.halted();
    });
    Ok(())
}

/// Writes what came before the event that stops the rows.
fn stopped(line: &Line, applier: &mut Applier, why: Stop) -> End {
    let rows_are_right = match why {
        Stop::Newer { .. } | Stop::OutOfOrder { .. } => true,
        Stop::Source(_) | Stop::Store(_) | Stop::Failed(_) => false,
    };
    if rows_are_right && let Err(fault) = write(line, applier, 0, true) {
        return fault.into();
    }
    End::Stopped(why)
}

/// Writes what is pending, which came in so many batches; while a store is built that nobody reads, only when it is
/// much, or `now`.
fn write(line: &Line, applier: &mut Applier, batches: usize, now: bool) -> Result<(), Fault> {
    let status = line.status();
    let building = status.is_being_built() && !applier.is_careful();
    if building && !now && !status.is_level() && applier.weight() < BULK {
        line.batches_applied(batches);
        return Ok(());
    }
    if building {
        applier.spill()?
    } else {
        applier.commit()?
    }
    // Before whoever waits for these events is told: they do not wait any more.
    line.batches_applied(batches);
    line.note(|status| {
        status.seen = applier.position();
        status.written();
        status.halted = applier.halted();
    });
    line.measure();
    Ok(())
}

fn sync_until(store: &Store, stop: &sync::Receiver<()>) {
    loop {
        let asked = stop.recv_timeout(SYNC_EVERY);
        if let Err(e) = store.sync() {
            tracing::error!(error = %e, "rows may be lost by a failure of power: {e}");
        }
        if asked == Err(sync::RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}
