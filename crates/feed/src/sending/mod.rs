//! Sending to many endpoints at once, each in order and at its own pace, whatever carries the messages.
//!
//! **Invariant.** Each endpoint is told its messages in order, each at least once and under the same id, one at a time; its
//! cursor moves only after what became of a message is noted.
//!
//! **Invariant.** An endpoint that does not answer, answers slowly or answers no delays nobody but itself.
//!
//! **Invariant.** No log, error or `Debug` names an address, a secret, a body or anything that a receiver said.
//!
//! Who subscribes to what, and what messages say, is not known here: [`Outbox`] is where they come from. Time, randomness and
//! secrets are arguments.

pub mod breaker;
mod carrier;
mod drive;
pub mod outbox;
pub mod retry;
pub mod sender;
pub mod verdict;

pub use carrier::{Carriers, Route};
pub use drive::{Endpoint, EndpointId};
pub use outbox::{Message, Note, Outbox, Outcome, Position, Pulled};
pub use sender::{Rounds, Sender, Settings, sender};
pub use verdict::{Failure, Verdict};
