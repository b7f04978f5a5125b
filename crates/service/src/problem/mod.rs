//! How this surface says no: RFC 9457 problems with a stable code, the same for HTTP, logs and documentation.
//!
//! A problem is addressed to the person or the program that asked. It says what was not done and what to do next,
//! names the bound that was met, and holds nothing that the caller did not already know: no value of a body, nothing
//! of the inside of the service. `instance` is the trace, to be quoted to those who can look inside.

mod constructors;
mod document;
mod kind;

use std::fmt;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::metrics;
use crate::telemetry::TraceContext;

pub use document::{component_name, components, markdown};
pub use kind::{Entry, Kind};

/// The media type of problems.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What the `type` of every problem begins with; its `code` follows.
pub const TYPE_PREFIX: &str = "urn:continuum:problem:";

/// What the `instance` of every problem begins with; the trace id follows.
pub const INSTANCE_PREFIX: &str = "urn:continuum:trace:";

/// A bound that was met, as it is named in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The configuration key: `http.body_bytes_max`.
    pub name: &'static str,
    /// The largest value that is accepted.
    pub value: u64,
    /// What it counts: `bytes`, `levels`, `rows`, `ms`, `s`, `requests`, `streams`.
    pub unit: &'static str,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.name, self.value, self.unit)
    }
}

/// A problem: the answer when something was not done.
///
/// As an error of a handler it becomes the response. [`Problem::internal`] is the only one that is logged, once, then.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    code: &'static str,
    detail: Option<String>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<anyhow::Error>,
}

impl Problem {
    /// A problem of this kind, without detail.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let entry = kind.entry();
        Self(Box::new(Inner {
            kind,
            code: entry.code,
            detail: None,
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// With a sentence about this occurrence. It must hold no value of the request and no personal data.
    #[must_use]
    pub fn detail(mut self, sentence: impl Into<String>) -> Self {
        self.0.detail = Some(sentence.into());
        self
    }

    /// With a member of its own, one of those its kind declares.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(self.0.kind.entry().members.contains(&name), "{:?} declares no {name}", self.0.kind);
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// With a header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Which kind of problem this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The stable code: of the kind, or of the rule that says no.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.kind.entry().status
    }

    /// The body, with the trace of the request that is being served.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let entry = self.0.kind.entry();
        let mut body = self.0.members.clone();
        body.insert("type".to_owned(), format!("{TYPE_PREFIX}{}", self.0.code).into());
        body.insert("title".to_owned(), entry.title.into());
        body.insert("status".to_owned(), entry.status.as_u16().into());
        body.insert("code".to_owned(), self.0.code.into());
        if let Some(detail) = &self.0.detail {
            body.insert("detail".to_owned(), detail.as_str().into());
        }
        if let Some(trace) = TraceContext::current() {
            body.insert("instance".to_owned(), format!("{INSTANCE_PREFIX}{}", trace.trace_id()).into());
        }
        Value::Object(body)
    }
}

impl Problem {
    /// Counts it, and logs its cause if it is a fault of ours: done once, where it becomes an answer.
    pub fn note(&self) {
        if let Some(cause) = &self.0.cause {
            tracing::error!(problem.code = self.0.code, error = %format!("{cause:#}"), "a request failed: {cause:#}");
        }
        metrics::problem(self.0.code, self.0.kind);
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.kind.entry().title, self.0.code)?;
        self.0.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| &**cause as _)
    }
}

/// Whatever a handler did not turn into an answer is a fault of ours.
impl From<anyhow::Error> for Problem {
    fn from(cause: anyhow::Error) -> Self {
        Self::internal(cause)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let entry = self.0.kind.entry();
        self.note();
        let content_type = [(header::CONTENT_TYPE, CONTENT_TYPE)];
        let mut response = (entry.status, content_type, self.to_json().to_string()).into_response();
        // A problem that knows better says so itself.
        let says_when = self.0.headers.iter().any(|(name, _)| name == header::RETRY_AFTER);
        if let Some(seconds) = entry.retry_after_s.filter(|_| !says_when) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.headers_mut().extend(self.0.headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_broken_rule_answers_with_the_rules_own_code_and_its_sentence() {
        let trace = TraceContext::root();
        let problem = Problem::refused_now("place-taken", "INV-2", "Cette place est déjà occupée.");
        let body = trace.scope(async { problem.to_json() }).await;
        assert_eq!(
            body,
            json!({
                "type": "urn:continuum:problem:place-taken",
                "title": "a rule says no in the present situation",
                "status": 409,
                "code": "place-taken",
                "rule": "INV-2",
                "detail": "Cette place est déjà occupée.",
                "instance": format!("urn:continuum:trace:{}", trace.trace_id()),
            })
        );
    }

    #[test]
    fn a_fault_of_ours_says_nothing_of_its_cause() {
        let problem = Problem::internal(anyhow::anyhow!("secret").context("cannot read /var/lib/x"));
        assert!(!problem.to_json().to_string().contains("secret"));
        assert!(!problem.to_json().to_string().contains("/var"));
        assert_eq!(problem.into_response().status(), 500);
    }

    #[test]
    fn a_broker_that_is_down_says_when_to_ask_again() {
        let response = Problem::broker_unreachable().into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
    }

    #[test]
    fn each_kind_has_a_code_of_its_own() {
        let mut codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.entry().code).collect();
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.entry().status));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
    }
}
