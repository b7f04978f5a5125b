//! The rules as sentences, the laws over random lives, and every shape of event that was ever written.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by panicking")]

mod history;
mod rights;
mod rules;
mod scenario;
mod schemas;
