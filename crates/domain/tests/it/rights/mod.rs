//! Who may do and see what: the data file, what it makes of a file, and the decision.

mod about;
pub(crate) mod decision;
mod document;
mod fields;
mod matrix;
mod role;
mod sealed;
mod told;

pub(crate) use fields::everything;
