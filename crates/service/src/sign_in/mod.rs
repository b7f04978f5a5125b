//! How a person proves who they are: by a provider of identities ([`oidc`]: ProConnect and its like) or by an account of
//! this deployment ([`local`]: a password and a one-time code).
//!
//! These are the mechanics alone. Who has an account, what it may do, the session that follows and the pages in between
//! are for the callers: nothing here keeps an account, sets a cookie or answers a request.
//!
//! **Invariant.** Time and chance are arguments: a `now` from [`edge`](crate::edge), bytes from a [`Random`]. Nothing here
//! reads a clock or draws by itself.
//!
//! **Invariant.** No error text and no `Debug` holds a secret, a token, a claim or anything of a person.

pub mod local;
pub mod oidc;
mod random;
mod secret;

pub use random::{NoRandomness, Random, SystemRandom};
pub use secret::Secret;
