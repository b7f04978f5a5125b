//! Refusals: a rule that says no, with its id, a stable code and a sentence for the person who asked.

/// A rule that says no.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Stable, for software: `place-taken`.
    pub code: &'static str,
    /// The rule that was broken: `INV-2`, `R345-4`…
    pub rule: &'static str,
    /// Whether the state of things forbids it, or the command itself.
    pub class: RefusalClass,
    /// What happened and what to do next, in French.
    pub sentence: String,
}

/// What kind of no this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// Nothing bears this id.
    Unknown,
    /// The situation does not allow it now.
    Conflict,
    /// The command itself breaks a rule, whatever the situation.
    Invalid,
}
