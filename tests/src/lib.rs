//! A world to test in: the real program, its real nats-server, real sockets.
//!
//! **Invariant.** A world has a directory of its own, and every process it started is gone when it is dropped: each is
//! ended by its own number.
//!
//! **Invariant.** The same journey is walked in a world of one process and in a world of five: requests find their
//! service by the tag of their operation in the OpenAPI document, as a gateway would route them.
//!
//! **Invariant.** Nothing here sleeps to be lucky: what must have happened is waited for, within a bound.
//!
//! This crate knows the surface only — paths, bodies, status codes, files on disk — and nothing of how it is made.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails says so by panicking, and so do those who help it"
)]

mod accounts;
mod answer;
pub mod bodies;
mod caller;
mod house;
mod live;
mod names;
mod people;
mod process;
mod program;
mod routes;
mod steps;
mod world;

pub use accounts::{KINDS, Parties, Party};
pub use answer::{Answer, Receipt};
pub use caller::{Ask, Caller};
pub use live::{Live, Told};
pub use people::Person;
pub use process::{Process, alive, broker_of, kill_broker_of};
pub use program::{example, program, root};
pub use routes::{Route, Routes};
pub use steps::{Candidate, Waiting};
pub use world::{Shape, World, until};

/// How long a condition may take to come true before the test fails: far more than it needs on a busy machine.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
