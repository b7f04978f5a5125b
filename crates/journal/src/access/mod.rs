//! The access journal: who read what of which household, and why. The stream `ACCESS`, one subject a household.
//!
//! **Invariant.** [`Journal::record_access`] returns only once every entry is on disk: whoever shows a household records
//! first and answers afterwards, so that nothing is shown without a trace.
//!
//! **Invariant.** Only its age removes an entry: the stream refuses deletion and purge.
//!
//! **Invariant.** An entry names no person but by the code of whoever read: ids, codes and dates in clear, a free reason
//! sealed under the household's key.
//!
//! [`Journal::record_access`]: crate::Journal::record_access

mod bulk;
mod code;
mod entry;
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
pub use entry::{AccessEntry, MAX_FIELDS, MAX_REASON, Outcome};
pub use follow::AccessFollower;
pub use read::{Access, AccessPage, AccessReadError, Withheld};
pub use record::{AccessError, MAX_ENTRIES};
pub use watch::{BulkWatch, Watched};
