//! What became of everything that was sent for a subscription: the stream `DELIVERIES`, one subject a subscription.
//!
//! **Invariant.** The records of one subscription form a chain: each is numbered and names the one before by its hash. Two who
//! write at once do not both succeed.
//!
//! **Invariant.** Nothing removes a record: the stream refuses deletion, purge and expiry.
//!
//! **Invariant.** A record names no address, no secret, no content and no person: positions, ids, hashes, dates and codes.

mod append;
mod read;
mod receipt;
mod record;

pub use append::DeliveryError;
pub use read::{DeliveryPage, Lying};
pub use receipt::{Proven, Receipt, Unproven};
pub use record::{ASIDE_MAX, DeliveryRecord, Outcome, Reach, ReplayReach, Stopped, Tip, subject_of};
