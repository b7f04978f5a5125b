//! What subscriptions are told is brought to their owners, by the way that they set.
//!
//! **Invariant.** What is sent is what the owner would be shown if it asked at that moment, in the role of whoever set the way.
//!
//! **Invariant.** What became of each attempt is on disk before the next is made; a process that comes back goes on from there.
//!
//! **Invariant.** A way that stopped stays stopped, visibly, until its owner resumes it.

mod chain;
mod health;
mod letter;
mod outbox;
mod owner;
mod recipients;
mod route;
mod routes;
mod schemas;
mod secret;
mod steps;

pub(crate) use owner::FOLLOW;
pub(crate) use recipients::routes as recipient_routes;
pub(crate) use route::Routes;
pub(crate) use routes::{routes, way_shown};
pub(crate) use steps::{allowed, bring};
