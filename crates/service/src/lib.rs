//! How a service is configured, started, watched and stopped; what its surface does for every request.
//!
//! **Invariant.** Nothing is unbounded: bodies, depths, lists, waits, requests and streams at once, the time of a request,
//! of a check and of a stop. The bound that was met is named in the answer.
//!
//! **Invariant.** Every no has a stable code and its own status ([`problem`]), and loses nothing. No answer and no log
//! line repeats a value of a request.
//!
//! **Invariant.** The tasks of a service live and die together ([`lifecycle`]); nothing is restarted within a process.
//!
//! **Invariant.** The clock is read and ids are drawn in [`edge`] and nowhere else.
//!
//! This crate does not know households, places, events, the journal, views, NATS, sled, pages, nor who may see what. It
//! is the only one that touches the configuration library, the log's subscriber and the HTTP stack; the five services
//! reach axum and utoipa through it.

pub mod config;
pub mod edge;
pub mod extract;
pub mod http;
pub mod lifecycle;
pub mod metrics;
pub mod openapi;
pub mod outgoing;
pub mod problem;
pub mod rate;
pub mod sign_in;
pub mod sse;
pub mod telemetry;
pub mod ticker;

pub use axum;
pub use utoipa;

pub use edge::{Clock, Edge, Ids, ManualClock};
pub use http::{Check, Gate, Needs, Server, Site, Verb};
pub use lifecycle::{Handle, Stop, Tasks};
pub use problem::Problem;
pub use telemetry::TraceContext;
