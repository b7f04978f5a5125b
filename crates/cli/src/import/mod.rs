//! `continuum import`: files that an organisation already has, into a running instance.
//!
//! A file is read as a table, its lines become commands, and the commands are asked for; every line gets a verdict. Good
//! lines are taken although others are refused, and those come back in a file with line, column and reason.
//!
//! **Invariant.** A second run of the same file changes nothing: the key of a command is a function of what the source
//! calls the thing, never of the line it stands on, and the instance records a key once.
//!
//! **Invariant.** Ids of what is created are a function of the key: a file refers to what another file created without
//! asking the instance.
//!
//! **Invariant.** Verdicts do not repeat the cells that hold personal data; the file of refused lines, which holds them
//! all, is readable by its owner alone.

mod areas;
mod arguments;
mod cells;
mod choices;
pub mod columns;
pub mod http;
mod kinds;
mod moments;
mod names;
pub mod origin;
pub mod plan;
pub mod refused;
mod review;
pub mod send;
pub mod table;
pub mod target;
pub mod template;
pub mod verdict;
mod words;

pub use arguments::Import;
pub use kinds::{BadFile, BadXml, Kind, Planned, Requests};
pub use origin::Origin;
pub(crate) use review::POSSIBLE_DUPLICATE;
pub(crate) use send::ask;
pub use send::{Stopped, send};
pub use target::{Answer, Problem, Target, Unreachable};
pub use verdict::{Report, Verdict};
