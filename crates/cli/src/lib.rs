//! The one program, `continuum`: everything on one machine, one service, simulation, import, reading, upkeep.
//!
//! **Invariant.** What a program may read (`ready http://…`, a table, JSON) is on standard output; everything else is on
//! standard error.
//!
//! **Invariant.** Bad usage or a bad configuration ends with 64, any other failure with 1, a partly refused import with 2.

pub mod backup;
pub mod client;
pub mod completions;
pub mod credentials;
pub mod demo;
pub mod doctor;
pub mod erase;
pub mod export;
pub mod import;
pub mod key;
mod output;
pub mod partner;
pub mod progress;
pub mod rebuild;
pub mod receipt;
pub mod restore;
pub mod serve;
pub mod services;
pub mod simulate;
mod stopped;
pub mod timeline;
pub mod token;
pub mod up;
mod verify;
