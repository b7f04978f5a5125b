//! Webhooks: what partners' servers are told over HTTP, after Standard Webhooks.
//!
//! **Invariant.** Each endpoint is told its messages in order, each at least once and under the same id, one at a time; its
//! cursor moves only after what became of a message is noted.
//!
//! **Invariant.** An endpoint that does not answer, answers slowly or answers no delays nobody but itself.
//!
//! **Invariant.** Nothing is sent to an address that was not looked at: who may register an endpoint cannot reach the network
//! that this process stands in.
//!
//! **Invariant.** No log, error or `Debug` names a URL, a secret, a body or anything that a receiver said.
//!
//! Who subscribes to what, and what messages say, is not known here: [`Outbox`] is where they come from. Time, randomness and
//! secrets are arguments.

mod address;
pub mod attempt;
pub mod breaker;
mod drive;
pub mod outbox;
pub mod retry;
pub mod sender;
pub mod sign;
pub mod target;

pub use address::is_public;
pub use attempt::{Client, Failure, Verdict};
pub use drive::{Endpoint, EndpointId};
pub use outbox::{Message, Note, Outbox, Outcome, Position, Pulled};
pub use sender::{Rounds, Sender, Settings, sender};
pub use sign::{Keys, MessageId, Secret};
pub use target::{Policy, Target};
