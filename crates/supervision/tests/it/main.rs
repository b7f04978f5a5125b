//! Supervision as a process that people sign in to: real broker, real sockets, a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod accounts;
mod alerts;
mod browser;
mod bulk;
mod limits;
mod logged;
#[path = "../../../service/tests/it/oidc_fake.rs"]
#[expect(dead_code, reason = "those who try the relying party alone ask more of it")]
mod oidc_fake;
mod provider;
mod sessions;
mod world;
