//! The journal on real brokers, each test with its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod access;
mod accounts;
mod append;
mod backup;
mod broker;
mod bulk;
mod deliveries;
mod execute;
mod follow;
mod keys;
mod open;
mod partner_feed;
mod partners;
mod read;
mod rotation;
mod sealing;
mod seals;
mod seals_content;
mod seals_damaged_files;
mod seals_forged;
mod support;
mod tls;
