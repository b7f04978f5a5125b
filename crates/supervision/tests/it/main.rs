//! Supervision as a process that people sign in to: real broker, real sockets, a clock that the test moves.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod accounts;
mod browser;
mod sessions;
mod world;
