//! Webhooks: what partners' servers are told over HTTP, after Standard Webhooks: one attempt, its signature, and where it may go.
//!
//! **Invariant.** Nothing is sent to an address that was not looked at: who may register an endpoint cannot reach the network
//! that this process stands in.
//!
//! **Invariant.** No log, error or `Debug` names a URL, a secret, a body or anything that a receiver said.

mod address;
pub mod attempt;
pub mod sign;
pub mod target;

pub use address::is_public;
pub use attempt::Client;
pub use sign::{Keys, MessageId, Secret};
pub use target::{Policy, Target};
