//! Who asks.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header as names};

use super::{header, malformed_header};
use crate::problem::{Kind, Problem};
use crate::telemetry::TraceContext;

/// The header that names the agent or the software that asks.
pub const ACTOR: HeaderName = HeaderName::from_static("continuum-actor");

/// The header that names the organisation on whose behalf it asks.
pub const ORGANISATION: HeaderName = HeaderName::from_static("continuum-organisation");

/// The longest code of an actor, in characters.
const ACTOR_MAX: usize = 64;

const ACTOR_FORM: &str = "a code of 1 to 64 letters, digits, '-', '_', '.' or ':'";
const ORGANISATION_FORM: &str = "an organisation such as 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";

/// Who asks, as the one in front of this service vouches for it. Only the form is checked here; every call needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The agent or the software: an opaque code, never a name.
    pub actor: String,
    /// The organisation on whose behalf it asks: a département and a UUID.
    pub organisation: String,
    /// The trace of the request, to be written beside what it causes.
    pub trace: TraceContext,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(trace) = TraceContext::from_request_parts(parts, state).await;
        let actor = required(&parts.headers, &ACTOR, ACTOR_FORM, is_actor)?;
        let organisation = required(&parts.headers, &ORGANISATION, ORGANISATION_FORM, is_organisation)?;
        Ok(Self { actor, organisation, trace })
    }
}

fn required(
    headers: &HeaderMap,
    name: &HeaderName,
    form: &'static str,
    fits: fn(&str) -> bool,
) -> Result<String, Problem> {
    match header(headers, name, form)? {
        Some(given) if fits(given) => Ok(given.to_owned()),
        Some(_) => Err(malformed_header(name, form)),
        None => Err(Problem::new(Kind::CallerUnnamed)
            .detail(format!("{name} is missing: send {form}"))
            .member("header", name.as_str())
            // RFC 9110 asks every 401 to name a scheme.
            .header(names::WWW_AUTHENTICATE, HeaderValue::from_static("Continuum realm=\"api\""))),
    }
}

fn is_actor(text: &str) -> bool {
    (1..=ACTOR_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// The form alone: whether the organisation exists is for those who know organisations.
fn is_organisation(text: &str) -> bool {
    text.split_once('-').is_some_and(|(département, number)| {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let home = match département.len() {
            2 => digits(département) || matches!(département, "2A" | "2B"),
            3 => digits(département),
            _ => false,
        };
        // Hyphenated lower-case only: an organisation has one spelling.
        home && uuid::Uuid::try_parse(number).is_ok_and(|uuid| uuid.to_string() == number)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn caller(headers: &[(&str, &str)]) -> Result<Caller, Problem> {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        Caller::from_request_parts(&mut parts, &()).await
    }

    const ORG: &str = "2A-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";

    #[tokio::test]
    async fn a_caller_says_who_asks_and_for_whom() {
        let caller =
            caller(&[("Continuum-Actor", "agent-12"), ("Continuum-Organisation", ORG)]).await.unwrap();
        assert_eq!((caller.actor.as_str(), caller.organisation.as_str()), ("agent-12", ORG));
    }

    #[tokio::test]
    async fn a_caller_who_leaves_something_out_is_told_which_header() {
        let problem = caller(&[("Continuum-Organisation", ORG)]).await.unwrap_err();
        assert_eq!(
            (problem.kind(), problem.to_json()["header"].as_str()),
            (Kind::CallerUnnamed, Some("continuum-actor"))
        );
        let problem = caller(&[("Continuum-Actor", "a")]).await.unwrap_err();
        assert_eq!(problem.to_json()["header"], "continuum-organisation");
    }

    #[tokio::test]
    async fn only_codes_are_accepted() {
        let long = "a".repeat(65);
        for bad in ["", "Jean Dupont", "a/b", long.as_str()] {
            let problem =
                caller(&[("Continuum-Actor", bad), ("Continuum-Organisation", ORG)]).await.unwrap_err();
            assert_eq!(problem.kind(), Kind::MalformedHeader, "{bad}");
            assert!(bad.is_empty() || !problem.to_json().to_string().contains(bad));
        }
        for bad in [
            "33",
            "0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90",
            "3-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90",
            "33-0192F1C2-7d5e-7c3a-9b1f-2f6d0c1e8a90",
            "33-{0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90}",
        ] {
            let problem =
                caller(&[("Continuum-Actor", "a"), ("Continuum-Organisation", bad)]).await.unwrap_err();
            assert_eq!(problem.kind(), Kind::MalformedHeader, "{bad}");
        }
        let twice = [("Continuum-Actor", "a"), ("Continuum-Actor", "b"), ("Continuum-Organisation", ORG)];
        assert_eq!(caller(&twice).await.unwrap_err().kind(), Kind::MalformedHeader);
    }
}
