//! Supervision as a process that people sign in to: real broker, real sockets, a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod accounts;
mod alerts;
mod browser;
mod logged;
mod sessions;
mod world;
