//! Refusals: a rule that says no, with its id, a stable code and a sentence for the person who asked.

use jiff::Timestamp;

/// A rule that says no.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// Stable, for software: `place-taken`.
    pub code: &'static str,
    /// The rule that was broken: `INV-2`, `CASF R345-4`…
    pub rule: &'static str,
    /// What kind of no this is.
    pub class: RefusalClass,
    /// What happened and what to do next, in French.
    pub sentence: String,
    /// Since when it has been so, where that helps: when a place was taken, when a referral expired.
    pub since: Option<Timestamp>,
}

/// What kind of no a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// Nothing bears this id.
    Unknown,
    /// The situation does not allow it now.
    Conflict,
    /// The command itself breaks a rule, whatever the situation.
    Invalid,
}

impl Refusal {
    /// Nothing bears this id.
    #[must_use]
    pub fn unknown(what: &str) -> Self {
        Self {
            code: "unknown-id",
            rule: "existence",
            class: RefusalClass::Unknown,
            sentence: format!("{what} : introuvable. Vérifiez l'identifiant."),
            since: None,
        }
    }

    /// The situation does not allow it.
    pub(crate) fn conflict(code: &'static str, rule: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, rule, class: RefusalClass::Conflict, sentence: sentence.into(), since: None }
    }

    /// The command breaks a rule by itself.
    pub(crate) fn invalid(code: &'static str, rule: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, rule, class: RefusalClass::Invalid, sentence: sentence.into(), since: None }
    }

    /// Says since when.
    pub(crate) fn since(mut self, at: Timestamp) -> Self {
        self.since = Some(at);
        self
    }
}
