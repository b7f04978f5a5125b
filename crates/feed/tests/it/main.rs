//! The promises of this crate, tried with real sockets.
#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod attempt;
mod course;
mod memory;
mod pace;
mod receiver;
mod sender;
mod sign;
mod target;
mod work;
