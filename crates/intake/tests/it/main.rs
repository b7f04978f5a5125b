//! Intake as a process that people's software asks: real broker, real rows, real sockets, a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod look_alikes;
mod look_alikes_later;
mod world;
