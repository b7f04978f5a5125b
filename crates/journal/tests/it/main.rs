//! The journal on real brokers, each test with its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod accounts;
mod append;
mod broker;
mod bulk;
mod execute;
mod follow;
mod keys;
mod open;
mod partner_feed;
mod partners;
mod read;
mod sealing;
mod support;
mod tls;
