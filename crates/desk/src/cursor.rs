//! Where the next page of a list goes on: after a row that the caller may know nothing of, so that nobody reads a cursor.

use service::Problem;
use service::extract::Cursor;
use service::problem::Kind;

use crate::answer::keys;
use crate::take::Desk;

/// What cursors are veiled for: a cursor of one instance means nothing to another.
const PURPOSE: &str = "cursor";

impl Desk {
    /// The cursor of the page that begins after the row `at`.
    ///
    /// # Errors
    /// [`Problem`] `internal` when nothing can be veiled.
    pub fn cursor_after(&self, at: &[u8]) -> Result<Cursor, Problem> {
        let veiled = keys(self.journal())?.veiled(PURPOSE, at).map_err(Problem::internal)?;
        Cursor::of(&veiled).map_err(Problem::internal)
    }

    /// The first key that may come after the row that the cursor was made at.
    ///
    /// # Errors
    /// [`Problem`] `malformed-cursor` when the cursor is none of this instance's.
    pub fn row_after(&self, cursor: &Cursor) -> Result<Vec<u8>, Problem> {
        let none = |_| Problem::new(Kind::MalformedCursor).member("parameter", "cursor");
        let mut at = keys(self.journal())?.unveiled(PURPOSE, &cursor.read::<Vec<u8>>()?).map_err(none)?;
        at.push(0);
        Ok(at)
    }
}
