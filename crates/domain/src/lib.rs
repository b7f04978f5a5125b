//! The rules of Continuum: what a household, a place and a structure may live through, and what may not happen.
//!
//! **Invariant.** Pure and synchronous: no I/O, no clock, no randomness. Time and ids are arguments.
//!
//! **Invariant.** A rule that says no writes nothing: a decision yields all of its changes or a [`refusal::Refusal`].
//!
//! **Invariant.** Folding cannot fail: a recorded fact already happened.
//!
//! This crate does not know NATS, sled, HTTP, files, nor who may see what.

pub mod calendar;
pub mod decide;
pub mod event;
pub mod history;
pub mod household;
pub mod id;
pub mod inquiry;
pub mod ledger;
pub mod likeness;
pub mod matching;
pub mod money;
pub mod organisation;
pub mod personal;
pub mod place;
pub mod placement;
pub mod reference;
pub mod refusal;
pub mod rights;
pub mod rules;
pub mod schema;
pub mod structure;
pub mod structure_kind;
pub mod subscription;
pub mod user;
pub mod worklist;
