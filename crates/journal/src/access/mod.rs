//! The access journal: who read what of which household or colleague, and why. The stream `ACCESS`, one subject a
//! household, one a colleague.
//!
//! **Invariant.** [`Journal::record_access`] returns only once every entry is on disk: whoever shows a household records
//! first and answers afterwards, so that nothing is shown without a trace.
//!
//! **Invariant.** Only its age removes an entry: the stream refuses deletion and purge.
//!
//! **Invariant.** An entry names no person but by the code of whoever read: ids, codes and dates in clear, a free reason
//! sealed under the key of whom it is about.
//!
//! [`Journal::record_access`]: crate::Journal::record_access

mod bulk;
mod code;
mod entry;
mod excerpt;
mod follow;
mod read;
mod record;
mod watch;

/// The schema under which the reason of an entry is sealed.
const KIND: &str = "access";

/// The version of that schema.
const VERSION: u16 = 1;

pub use bulk::{Bulk, Crossing};
pub use code::{Code, NotACode};
pub use entry::{About, AccessEntry, MAX_FIELDS, MAX_REASON, Outcome, subject_of};
pub use excerpt::{Lines, Period, Seals};
pub use follow::AccessFollower;
pub use read::{Access, AccessPage, AccessReadError, Withheld};
pub use record::{AccessError, MAX_ENTRIES};
pub use watch::{BulkWatch, Watched};
