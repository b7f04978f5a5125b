//! One store being kept up with the journal: what its writer, its readers and its supervisor share.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::stop::Stop;
use crate::store::{Store, StoreError};

/// Fewer waiting events than this are those of a busy moment.
const CAUGHT_UP: u64 = 1000;

/// Where a line stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    /// The position of the rows that can be read.
    pub(crate) position: u64,
    /// The position of the last event applied: ahead of `position` while rows are written in bulk.
    pub(crate) seen: u64,
    /// How many events wait behind `seen`, as far as is known.
    pub(crate) pending: u64,
    /// When the last event applied was recorded.
    pub(crate) recorded: Option<Timestamp>,
    /// Where the journal ended when the line began.
    target: u64,
    /// Whether it has once been level with the journal.
    pub(crate) caught_up: bool,
    /// Whether its rows may be read.
    pub(crate) served: bool,
    /// Why the journal cannot be reached at the moment.
    pub(crate) unreachable: Option<String>,
    /// Why it goes no further.
    pub(crate) stopped: Option<Stop>,
    /// How many ledgers stand still.
    pub(crate) halted: usize,
}

impl Status {
    /// Notes that the rows of all events applied can be read.
    pub(crate) fn written(&mut self) {
        self.position = self.seen;
        self.caught_up |= self.is_level();
    }

    /// Whether nobody reads the rows, and they were never level with the journal.
    pub(crate) fn is_being_built(&self) -> bool {
        !self.served && !self.caught_up
    }

    /// Whether everything is known that there was at the start, and so little waits that the rows are as good as those
    /// of a projection that never stopped.
    pub(crate) fn is_level(&self) -> bool {
        self.seen >= self.target && self.pending < CAUGHT_UP
    }
}

/// One store and its state.
pub(crate) struct Line {
    /// Which generation of the directory it is.
    pub(crate) generation: u64,
    /// Taken out when the line is closed.
    store: RwLock<Option<Arc<Store>>>,
    status: watch::Sender<Status>,
    /// When the first event of each batch was recorded that arrived and is not applied yet.
    arrived: Mutex<VecDeque<Timestamp>>,
    gauges: Gauges,
}

/// What is measured of a line that is served.
struct Gauges {
    position: metrics::Gauge,
    pending: metrics::Gauge,
    halted: metrics::Gauge,
}

impl Line {
    /// The line of a store that was opened; `name` is the projection's, for its measures.
    pub(crate) fn new(
        name: &'static str,
        generation: u64,
        store: Store,
        served: bool,
        last: u64,
    ) -> Arc<Self> {
        let position = store.checkpoint().position;
        let pending = last.saturating_sub(position);
        let mut status = Status { seen: position, target: last, pending, served, ..Status::default() };
        status.written();
        Arc::new(Self {
            generation,
            store: RwLock::new(Some(Arc::new(store))),
            status: watch::Sender::new(status),
            arrived: Mutex::default(),
            gauges: Gauges {
                position: metrics::gauge!("projection_position", "projection" => name),
                pending: metrics::gauge!("projection_pending_events", "projection" => name),
                halted: metrics::gauge!("projection_halted_ledgers", "projection" => name),
            },
        })
    }

    /// Publishes where it stands.
    #[expect(
        clippy::cast_precision_loss,
        reason = "gauges are floating-point; positions stay far below 2^53"
    )]
    pub(crate) fn measure(&self) {
        let status = self.status.borrow();
        if status.served {
            self.gauges.position.set(status.position as f64);
            self.gauges.pending.set(status.pending as f64);
            self.gauges.halted.set(status.halted as f64);
        }
    }

    /// The store, unless the line is closed.
    pub(crate) fn store(&self) -> Option<Arc<Store>> {
        self.store.read().clone()
    }

    /// Takes the store out: nobody finds it here any more.
    pub(crate) fn close(&self) -> Option<Arc<Store>> {
        self.store.write().take()
    }

    /// Where it stands now.
    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Where it stands, and every change of it.
    pub(crate) fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Changes where it stands.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    /// A batch arrived whose first event was recorded then.
    pub(crate) fn batch_arrived(&self, recorded: Timestamp) {
        self.arrived.lock().push_back(recorded);
    }

    /// The oldest batches were applied.
    pub(crate) fn batches_applied(&self, count: usize) {
        let mut arrived = self.arrived.lock();
        let count = count.min(arrived.len());
        arrived.drain(..count);
    }

    /// Nothing that arrived counts any more: the journal is followed anew.
    pub(crate) fn nothing_arrived(&self) {
        self.arrived.lock().clear();
    }

    /// When the oldest event was recorded that is not applied yet; `None` if none is known to wait.
    pub(crate) fn waiting_since(&self) -> Option<Timestamp> {
        let oldest = self.arrived.lock().front().copied();
        oldest.or_else(|| {
            let status = self.status.borrow();
            // The next event follows the last one closely, or it would not be waiting.
            (status.pending > 0).then_some(status.recorded).flatten()
        })
    }

    /// Goes no further, loudly.
    pub(crate) fn stop(&self, why: Stop) {
        tracing::error!(generation = self.generation, why = %why, "the projection stops: {why}");
        self.note(|status| {
            status.stopped.get_or_insert(why);
        });
    }

    /// Hands an error of the store on; if it says that the rows are damaged, nobody reads them any more.
    pub(crate) fn suspect(&self, error: StoreError) -> StoreError {
        if let StoreError::Damaged(_) = error
            && !self.status.borrow().stopped.as_ref().is_some_and(Stop::hides_rows)
        {
            tracing::error!(generation = self.generation, why = %error, "a page met damage: {error}");
            self.note(|status| status.stopped = Some(Stop::Store(error.clone())));
        }
        error
    }
}
