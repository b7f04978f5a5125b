//! Where the next page of a list goes on: after a row that the caller may know nothing of, so that nobody reads a cursor.

use projection::StoreError;
use service::Problem;
use service::extract::{Cursor, Page};
use service::problem::Kind;

use crate::answer::{Failure, keys};
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

    /// One page of a list: what `shown` makes of the rows, at most `limit` of them, and where the next page goes on, if there
    /// may be one. However few are shown, no more than `most` rows are looked at.
    ///
    /// # Errors
    /// [`Problem`] when the rows cannot be read, `shown` cannot tell, or nothing can be veiled.
    pub fn page_of<R, T>(
        &self,
        rows: impl Iterator<Item = Result<(Vec<u8>, R), StoreError>>,
        (limit, most): (usize, usize),
        mut shown: impl FnMut(&[u8], R) -> Result<Option<T>, Problem>,
    ) -> Result<(Vec<T>, Option<Cursor>), Problem> {
        let mut page = Vec::new();
        for (n, row) in rows.enumerate() {
            let (at, row) = row.map_err(Failure)?;
            page.extend(shown(&at, row)?);
            if page.len() == limit || n + 1 == most {
                return Ok((page, Some(self.cursor_after(&at)?)));
            }
        }
        Ok((page, None))
    }

    /// The row at which a page begins: the one after its cursor, else the `first`.
    ///
    /// # Errors
    /// As [`Desk::row_after`].
    pub fn row_of(&self, page: &Page, first: Vec<u8>) -> Result<Vec<u8>, Problem> {
        page.cursor.as_ref().map_or(Ok(first), |cursor| self.row_after(cursor))
    }
}
