//! Parameters of the path and of the query.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path as AxumPath, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::redaction::without_values;
use crate::problem::{Kind, Problem};

/// The parameters that every query understands, whatever the operation's own.
const COMMON: [&str; 4] = ["at_least", "wait_ms", "limit", "cursor"];

/// How much of a parameter's name is repeated, in characters.
const NAME_SHOWN: usize = 64;

/// The parameters of the path: one id, a tuple, or a struct by name. An id that is none is 400 `malformed-id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match AxumPath::<T>::from_request_parts(parts, state).await {
            Ok(AxumPath(found)) => Ok(Self(found)),
            Err(PathRejection::FailedToDeserializePathParams(failed)) => {
                let names = RawPathParams::from_request_parts(parts, state).await.ok();
                Err(refused(failed.into_kind(), names.as_ref()))
            }
            Err(other) => {
                Err(Problem::internal(anyhow::Error::new(other).context("a route without its parameters")))
            }
        }
    }
}

fn refused(kind: ErrorKind, names: Option<&RawPathParams>) -> Problem {
    // Of a single parameter the library does not say the name.
    let only = || {
        let mut names = names.into_iter().flatten().map(|(name, _)| name);
        match (names.next(), names.next()) {
            (Some(name), None) => name.to_owned(),
            (_, _) => "the parameter".to_owned(),
        }
    };
    let (parameter, expected) = match kind {
        ErrorKind::DeserializeError { key, message, .. } => (key, without_values(&message)),
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => (key, format!("a {expected_type}")),
        ErrorKind::ParseErrorAtIndex { index, expected_type, .. } => {
            (format!("parameter {}", index + 1), format!("a {expected_type}"))
        }
        ErrorKind::ParseError { expected_type, .. } => (only(), format!("a {expected_type}")),
        ErrorKind::InvalidUtf8InPathParam { key } => (key, "UTF-8".to_owned()),
        ErrorKind::Message(message) => (only(), without_values(&message)),
        // These say that the handler and its route do not fit together; the library may add kinds.
        other @ (ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. } | _) => {
            return Problem::internal(anyhow::anyhow!("a route does not fit its handler: {other}"));
        }
    };
    // Our ids say what they are not: "the value is not a HouseholdId such as …".
    Problem::malformed_id(parameter, expected.strip_prefix("the value is not ").unwrap_or(&expected))
}

/// The operation's own parameters of the query. Those common to all (`at_least`, `wait_ms`, `limit`, `cursor`) are taken
/// out first, so that `T` can and should refuse unknown ones: a filter misspelt must not return everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let own = pairs(&parts.uri)?.into_iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
        let encoded: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(own).finish();
        let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(encoded.as_bytes()));
        serde_path_to_error::deserialize(deserializer).map(Self).map_err(|error| {
            let said = without_values(&error.inner().to_string());
            let problem = Problem::new(Kind::MalformedQuery);
            match error.path().iter().next() {
                Some(_) => {
                    let parameter = error.path().to_string();
                    problem.detail(format!("{parameter}: {said}")).member("parameter", parameter)
                }
                None => problem.detail(said),
            }
        })
    }
}

/// The refusal of the first parameter of the query that is not one of `known`, if there is one. Its name is repeated,
/// never its value.
///
/// # Errors
/// A [`Problem`] when the query is not URL-encoded UTF-8.
pub(crate) fn unknown_parameter(uri: &Uri, known: &[&'static str]) -> Result<Option<Problem>, Problem> {
    let Some((name, _)) = pairs(uri)?.into_iter().find(|(name, _)| !known.contains(&name.as_str())) else {
        return Ok(None);
    };
    let name: String = name.chars().take(NAME_SHOWN).collect();
    let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let detail = format!("{name} is no parameter of this operation, which has: {has}");
    Ok(Some(Problem::new(Kind::MalformedQuery).detail(detail).member("parameter", name)))
}

/// One parameter of the query, if it is there; twice is refused.
pub(super) fn parameter(parts: &Parts, name: &'static str) -> Result<Option<String>, Problem> {
    let mut found = pairs(&parts.uri)?.into_iter().filter(|(given, _)| given == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(malformed(name, "given once")),
    }
}

pub(super) fn malformed(name: &'static str, expected: &str) -> Problem {
    Problem::new(Kind::MalformedQuery).detail(format!("{name} must be {expected}")).member("parameter", name)
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    serde_urlencoded::from_str(uri.query().unwrap_or(""))
        .map_err(|_| Problem::new(Kind::MalformedQuery).detail("the query is not URL-encoded UTF-8"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        territory: Option<String>,
        free: Option<bool>,
        capacity_min: Option<u8>,
    }

    async fn filter(query: &str) -> Result<Filter, Problem> {
        let mut parts = Request::builder().uri(format!("/places?{query}")).body(()).unwrap().into_parts().0;
        Query::from_request_parts(&mut parts, &()).await.map(|Query(filter)| filter)
    }

    #[tokio::test]
    async fn a_query_is_read_beside_the_parameters_common_to_all() {
        let read = filter("territory=2A&free=true&capacity_min=3&limit=5&at_least=9").await.unwrap();
        assert_eq!(
            read,
            Filter { territory: Some("2A".to_owned()), free: Some(true), capacity_min: Some(3) }
        );
        assert!(filter("").await.is_ok());
    }

    #[tokio::test]
    async fn a_query_that_is_misspelt_or_malformed_is_refused_without_its_value() {
        for (query, parameter) in
            [("teritory=33", "teritory"), ("capacity_min=Dupont", "capacity_min"), ("free=Dupont", "free")]
        {
            let problem = filter(query).await.unwrap_err().to_json();
            assert_eq!(
                (&problem["code"], &problem["parameter"]),
                (&"malformed-query".into(), &parameter.into())
            );
            assert!(!problem.to_string().contains("Dupont"), "{problem}");
        }
        assert_eq!(filter("free=true&free=false").await.unwrap_err().kind(), Kind::MalformedQuery);
    }
}
