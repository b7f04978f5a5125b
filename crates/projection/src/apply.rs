//! Events into rows: one by one through all views, what cannot be applied set aside with its ledger.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use domain::event::Undecodable;
use journal::recorded::Recorded;

use crate::entry::Entry;
use crate::halted::{Halted, HaltedLedgers};
use crate::overlay::Overlay;
use crate::rows::Rows;
use crate::stop::Stop;
use crate::store::{Store, StoreError};
use crate::view::{ApplyError, View};

/// An event whose body was read, or not.
pub(crate) type Read = Result<Entry, Box<(Recorded, Undecodable)>>;

/// Why the rows do not go on.
pub(crate) enum Fault {
    /// They stop here; what came before is to be written.
    Stop(Stop),
    /// An event could not be applied and its writes cannot be told from those before it: what is pending is thrown
    /// away and applied again, carefully.
    Replay,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Stop(Stop::Store(error))
    }
}

/// The one that writes the rows of a store.
pub(crate) struct Applier {
    views: Arc<[Box<dyn View>]>,
    store: Arc<Store>,
    halted: HaltedLedgers,
    overlay: Overlay,
    position: u64,
    careful: bool,
}

impl Applier {
    /// Goes on where the store stands. A `careful` one can take back the writes of one event; it copies every value
    /// that an event changes.
    pub(crate) fn new(
        views: Arc<[Box<dyn View>]>,
        store: Arc<Store>,
        careful: bool,
    ) -> Result<Self, StoreError> {
        let halted = HaltedLedgers::of(&store)?;
        let position = store.checkpoint().position;
        let mut overlay = Overlay::default();
        if careful {
            overlay.be_careful();
        }
        Ok(Self { views, store, halted, overlay, position, careful })
    }

    /// The position of the last event applied, written or not.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// How many ledgers are halted.
    pub(crate) fn halted(&self) -> usize {
        self.halted.count()
    }

    /// Roughly how much memory the pending writes take, bytes.
    pub(crate) fn weight(&self) -> usize {
        self.overlay.weight()
    }

    /// Whether it can take back the writes of one event.
    pub(crate) fn is_careful(&self) -> bool {
        self.careful
    }

    /// Applies events; their writes are pending until [`Applier::commit`].
    pub(crate) fn apply(&mut self, events: Vec<Read>) -> Result<(), Fault> {
        for event in events {
            let position = match &event {
                Ok(entry) => entry.position,
                Err(unread) => unread.0.position,
            };
            if position != self.position + 1 {
                return Err(Fault::Stop(Stop::OutOfOrder { after: self.position, found: position }));
            }
            match event {
                Ok(entry) => self.apply_one(&entry)?,
                Err(unread) => self.set_aside(&unread.0, &unread.1)?,
            }
            self.overlay.keep();
            self.position = position;
        }
        Ok(())
    }

    /// Writes what is pending in one atomic batch.
    pub(crate) fn commit(&mut self) -> Result<(), Fault> {
        if self.overlay.is_empty() && self.store.checkpoint().position == self.position {
            return Ok(());
        }
        self.settle()?;
        Ok(self.store.commit(&mut self.overlay, self.position)?)
    }

    /// Writes what is pending in bulk: for a store that nobody reads.
    pub(crate) fn spill(&mut self) -> Result<(), Fault> {
        self.settle()?;
        Ok(self.store.spill(&mut self.overlay, self.position)?)
    }

    /// Lets views finish what is pending. A careful one did so after each event.
    fn settle(&mut self) -> Result<(), Fault> {
        if self.careful {
            return Ok(());
        }
        match self.in_views(|view, rows| view.settle(rows))? {
            Ok(()) => Ok(()),
            Err(_) => Err(Fault::Replay),
        }
    }

    fn apply_one(&mut self, entry: &Entry) -> Result<(), Fault> {
        if self.passed_over(entry)? {
            return Ok(());
        }
        let applied = self.in_views(|view, rows| view.apply(entry, rows))?;
        let done = match applied {
            Ok(()) if self.careful => self.in_views(|view, rows| view.settle(rows))?,
            Ok(()) | Err(_) => applied,
        };
        let Err(why) = done else { return Ok(()) };
        if !self.careful {
            return Err(Fault::Replay);
        }
        self.overlay.take_back();
        self.halt(entry, why)
    }

    /// Has each view do something with the rows; gives why one of them did not.
    fn in_views(
        &mut self,
        work: impl Fn(&dyn View, &mut Rows<'_>) -> Result<(), ApplyError>,
    ) -> Result<Result<(), String>, Fault> {
        let Self { views, store, overlay, .. } = self;
        let mut rows = Rows::new(store, overlay);
        let done = catch_unwind(AssertUnwindSafe(|| {
            views.iter().try_for_each(|view| work(&**view, &mut rows).map_err(|e| (view.name(), e)))
        }));
        match done {
            Ok(Ok(())) => Ok(Ok(())),
            Ok(Err((_, ApplyError::Store(e)))) => Err(e.into()),
            Ok(Err((view, ApplyError::Contradicts(why)))) => Ok(Err(format!("{view}: {why}"))),
            // What the panic said may quote the event: it is on standard error, not in the rows.
            Err(_) => Ok(Err("a view panicked".to_owned())),
        }
    }

    /// An event whose body cannot be read: of a newer program, and everything stops; or damaged, and its ledger halts.
    fn set_aside(&mut self, recorded: &Recorded, why: &Undecodable) -> Result<(), Fault> {
        match why {
            Undecodable::Newer { .. } | Undecodable::UnknownKind { .. } => Err(Fault::Stop(Stop::Newer {
                position: recorded.position,
                kind: recorded.kind.clone(),
                version: recorded.stamp.version,
            })),
            Undecodable::Shape { .. } => {
                if self.passed_over(recorded)? {
                    return Ok(());
                }
                self.halt(recorded, why.to_string())
            }
        }
    }

    fn passed_over(&mut self, event: &Recorded) -> Result<bool, Fault> {
        self.halted
            .pass_over(&self.store, &mut self.overlay, &event.ledger, event.position)
            .map_err(Fault::from)
    }

    fn halt(&mut self, event: &Recorded, why: String) -> Result<(), Fault> {
        let halted = Halted {
            ledger: event.ledger,
            position: event.position,
            kind: event.kind.clone(),
            why,
            last: event.position,
            unapplied: 1,
        };
        self.halted.halt(&self.store, &mut self.overlay, halted).map_err(Fault::from)
    }
}
