//! The journal: every fact of every ledger in one order, durable before it is acknowledged.
//!
//! **Invariant.** What was acknowledged is on disk and stays: streams deny deletion, purge and expiry.
//!
//! **Invariant.** A decision is recorded whole or not at all, and only on the versions it was taken on.
//!
//! **Invariant.** A command asked twice is recorded once.
//!
//! **Invariant.** Nothing is skipped silently: a gap, a repetition or an end that went back is an error.
//!
//! **Invariant.** Personal values are sealed in bodies and appear nowhere else.
//!
//! **Invariant.** What was recorded cannot be changed, removed or cut off unnoticed.
//!
//! **Invariant.** A partner shares no account with anybody and says nowhere who it is: the broker does.
//!
//! This crate alone speaks to NATS.

pub mod access;
pub mod accounts;
pub mod append;
pub mod backup;
pub mod broker;
pub mod config;
pub mod decision;
pub mod deliveries;
pub mod digest;
mod disk;
mod envelope;
pub mod execute;
pub mod follow;
pub mod gateway;
mod journal;
pub mod keys;
mod link;
mod open;
pub mod partner_feed;
pub mod read;
pub mod recorded;
mod scan;
pub mod sealing;
pub mod seals;
pub mod subject;

pub use append::{AppendError, BulkError, Loaded, Progress};
pub use config::{JournalConfig, Partitions, Provision};
pub use decision::{Appended, Decision, Draft, Unwritable};
pub use digest::Digest;
pub use envelope::Malformed;
pub use execute::{Command, Done, DoneEvent, ExecuteError, Local, LocalError, Receipt};
pub use follow::{Batch, FollowError, Follower};
pub use journal::Journal;
pub use link::Unreachable;
pub use open::OpenError;
pub use read::{ReadError, fold};
pub use recorded::Recorded;
