//! One constructor per way of saying no, so that the members of a kind are always there.

use std::fmt;

use serde_json::json;

use super::{Bound, Kind, Problem};

/// What the services say no with.
impl Problem {
    /// A rule says no in the present situation: 409, with the rule's code and id and its sentence for a person.
    #[must_use]
    pub fn refused_now(code: &'static str, rule: &'static str, sentence: impl Into<String>) -> Self {
        Self::refused(Kind::RefusedNow, code, rule, sentence.into())
    }

    /// A rule says no whatever the situation: 422, with the rule's code and id and its sentence for a person.
    #[must_use]
    pub fn refused_always(code: &'static str, rule: &'static str, sentence: impl Into<String>) -> Self {
        Self::refused(Kind::RefusedAlways, code, rule, sentence.into())
    }

    fn refused(kind: Kind, code: &'static str, rule: &'static str, sentence: String) -> Self {
        let mut refused = Self::new(kind).detail(sentence).member("rule", rule);
        refused.0.code = code;
        refused
    }

    /// Nothing bears this id. `aggregate` is the kind of thing looked for: `household`.
    #[must_use]
    pub fn unknown_id(aggregate: &'static str, id: impl fmt::Display) -> Self {
        Self::new(Kind::UnknownId)
            .detail(format!("no {aggregate} known here bears this id"))
            .member("aggregate", aggregate)
            .member("id", id.to_string())
    }

    /// The text is not an identifier; `expected` shows one. What was received is not repeated.
    #[must_use]
    pub fn malformed_id(parameter: impl Into<String>, expected: impl Into<String>) -> Self {
        let (parameter, expected) = (parameter.into(), expected.into());
        Self::new(Kind::MalformedId)
            .detail(format!("{parameter} must be {expected}"))
            .member("parameter", parameter)
            .member("expected", expected)
    }

    /// The version in `If-Match` is not the present one.
    #[must_use]
    pub fn stale_version(expected: u64, found: u64) -> Self {
        Self::new(Kind::StaleVersion)
            .detail(format!("version {expected} was expected, the present one is {found}"))
            .member("expected", expected)
            .member("found", found)
    }

    /// The idempotency key was used for another command.
    #[must_use]
    pub fn key_reused() -> Self {
        Self::new(Kind::KeyReused).detail("this Idempotency-Key was used for a command with another body")
    }

    /// Others changed the same thing each of the `attempts` times the command was decided.
    #[must_use]
    pub fn contended(attempts: u32) -> Self {
        Self::new(Kind::Contended)
            .detail(format!("it was decided {attempts} times, and each time others were first"))
    }

    /// The broker does not answer.
    #[must_use]
    pub fn broker_unreachable() -> Self {
        Self::new(Kind::BrokerUnreachable)
    }

    /// The view has applied the journal up to `found` and did not reach `expected` within the wait.
    #[must_use]
    pub fn view_behind(expected: u64, found: u64) -> Self {
        Self::new(Kind::ViewBehind)
            .detail(format!("position {expected} was asked for, this view is at {found}"))
            .member("expected", expected)
            .member("found", found)
    }

    /// The aggregate holds an event that this program cannot read.
    #[must_use]
    pub fn aggregate_stopped(aggregate: &'static str, id: impl fmt::Display) -> Self {
        Self::new(Kind::AggregateStopped).member("aggregate", aggregate).member("id", id.to_string())
    }

    /// The journal has no room left.
    #[must_use]
    pub fn journal_full() -> Self {
        Self::new(Kind::JournalFull)
    }

    /// A fault of ours. The answer says nothing of `cause`; it is logged once, with its chain, when answered.
    #[must_use]
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        let mut problem = Self::new(Kind::Internal);
        problem.0.cause = Some(cause.into());
        problem
    }

    /// A bound was met: `kind` says which way, `bound` is named in the answer.
    #[must_use]
    pub fn bound(kind: Kind, bound: Bound) -> Self {
        Self::new(kind)
            .detail(format!("the bound is {bound}"))
            .member("bound", json!({ "name": bound.name, "value": bound.value, "unit": bound.unit }))
    }
}
