//! What a view is: a name, a version, its trees, and how an event changes them.

use std::borrow::Cow;

use crate::entry::Entry;
use crate::rows::Rows;
use crate::store::StoreError;
use crate::tree::Tree;

/// One way of looking at the journal.
///
/// A view keeps nothing of its own between events: all it knows is in its rows and in the event. That is what makes a
/// rebuild equal the live view byte for byte, however the events were split into batches.
pub trait View: Send + Sync + 'static {
    /// Its name, unique in the service, stable: `worklist`.
    fn name(&self) -> &'static str;

    /// Raise it whenever the same events would give other rows: the rows are then built anew and swapped in.
    fn version(&self) -> u32;

    /// The trees it writes. It may read those of the views before it, as they are before this event or after it.
    fn trees(&self) -> Vec<Tree>;

    /// Applies one event, from the rows and the event alone: no clock, no randomness, no memory.
    ///
    /// # Errors
    /// [`ApplyError::Contradicts`] takes back what all views of the service wrote for this event and halts its ledger,
    /// loudly; [`ApplyError::Store`] stops the projection.
    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError>;

    /// Brings up to date what need not be between events: called before rows are written, after one event or after
    /// many, whose rows are [`Rows::touched`]. What it writes is a function of the rows alone, the same whichever events
    /// it was called after; no other view reads it while it applies events.
    ///
    /// # Errors
    /// As [`View::apply`]; the ledger that halts is that of the event without which it would not have failed.
    fn settle(&self, _rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        Ok(())
    }
}

/// Why a view did not apply an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The event cannot be true of what the rows say. Its ledger is halted.
    #[error("{0}")]
    Contradicts(
        /// What contradicts what, for the log: never a value from the event, which may be personal.
        Cow<'static, str>,
    ),
    /// The rows cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The views of a service as one text: another text means other rows.
pub(crate) fn fingerprint(views: &[Box<dyn View>]) -> String {
    let mut text = format!("rows/{FORMAT}");
    for view in views {
        let trees: Vec<_> = view.trees().iter().map(|tree| tree.name()).collect();
        text.push_str(&format!(" {}/{}({})", view.name(), view.version(), trees.join(",")));
    }
    text
}

/// The version of the way rows are written by this crate.
const FORMAT: u32 = 1;
