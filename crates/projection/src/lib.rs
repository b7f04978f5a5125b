//! Views of the journal: rows kept up with every event, to be read by pages and decisions.
//!
//! **Invariant.** Rows and checkpoint are written together: rows always are those of one position.
//!
//! **Invariant.** Rows are a pure function of the events up to their position: a rebuild equals the live rows byte for
//! byte, whatever the batches were.
//!
//! **Invariant.** Nothing doubtful is served: every row carries a fingerprint that is checked when it is read, and a
//! store is read through before it is used (of one with more than two million rows, a sample). What does not match is put aside and built anew.
//!
//! **Invariant.** Nothing is skipped silently: an event that cannot be applied halts its ledger, an event of a newer
//! program or out of order stops the projection; both are marked, logged and counted.
//!
//! This crate does not know NATS, HTTP, nor what the rows mean. It is the only one that knows sled. It needs panics to
//! unwind: sled may panic on damaged files, a view on an event it did not expect.

mod apply;
mod cache;
mod entry;
mod halted;
mod handle;
mod home;
pub mod key;
pub mod ledgers;
mod line;
mod opening;
mod overlay;
mod pipeline;
mod projection;
mod reader;
mod row;
mod rows;
mod source;
mod stop;
mod store;
mod supervisor;
mod tree;
mod turns;
mod view;

pub use entry::Entry;
pub use halted::Halted;
pub use handle::{Handle, Progress, Readiness, RebuildError};
pub use home::HomeError;
pub use opening::Opened;
pub use projection::{Options, Projection, StartError};
pub use reader::{Page, Reader, Unserved};
pub use row::{KeyValue, Row};
pub use rows::{Rows, Scan};
pub use source::{Batch, Follow, Source, SourceError};
pub use stop::Stop;
pub use store::StoreError;
pub use tree::{Tree, TreeError};
pub use turns::Turns;
pub use view::{ApplyError, View};
