//! Asking once, and only if nothing changed: `Idempotency-Key`, `If-Match` and the `ETag` they go with.

use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header as names};

use super::{header, malformed_header};
use crate::problem::Problem;

/// The header that makes a command one command however often it is sent.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in characters.
const KEY_MAX: usize = 128;

const KEY_FORM: &str = "1 to 128 visible ASCII characters";
const VERSION_FORM: &str = "one version, such as \"42\"";

/// The `Idempotency-Key` of a command: the same key is the same command. Taken as `Option<IdempotencyKey>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

impl<S: Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        match header(&parts.headers, &IDEMPOTENCY_KEY, KEY_FORM)? {
            None => Ok(None),
            Some(key)
                if (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                Ok(Some(Self(key.to_owned())))
            }
            Some(_) => Err(malformed_header(&IDEMPOTENCY_KEY, KEY_FORM)),
        }
    }
}

/// The version of `If-Match`: the command is for this version only. Taken as `Option<IfMatch>`.
///
/// Read as `"42"`, `42` and `W/"42"`: a version is a whole number, so weak and strong mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch {
    /// The version that was read.
    pub version: u64,
}

impl<S: Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let Some(given) = header(&parts.headers, &names::IF_MATCH, VERSION_FORM)? else { return Ok(None) };
        version(given.trim()).map(Some).ok_or_else(|| malformed_header(&names::IF_MATCH, VERSION_FORM))
    }
}

fn version(given: &str) -> Option<IfMatch> {
    let tag = given.strip_prefix("W/").unwrap_or(given);
    let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let digits = match quoted {
        Some(digits) => digits,
        None if tag.len() == given.len() => tag,
        None => return None,
    };
    // `parse` alone would take "+42".
    let version = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some(IfMatch { version })
}

/// The `ETag` of a version.
#[must_use]
pub fn etag(version: u64) -> (HeaderName, HeaderValue) {
    // Digits between quotes are always a header value.
    let value =
        HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""));
    (names::ETAG, value)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::problem::Kind;

    fn parts(name: &HeaderName, value: &str) -> Parts {
        Request::builder().header(name, value).body(()).unwrap().into_parts().0
    }

    async fn if_match(value: &str) -> Result<Option<IfMatch>, Problem> {
        IfMatch::from_request_parts(&mut parts(&names::IF_MATCH, value), &()).await
    }

    async fn key(value: &str) -> Result<Option<IdempotencyKey>, Problem> {
        IdempotencyKey::from_request_parts(&mut parts(&IDEMPOTENCY_KEY, value), &()).await
    }

    #[tokio::test]
    async fn a_version_is_read_as_it_is_given_in_the_etag() {
        for good in ["\"42\"", "42", "W/\"42\"", etag(42).1.to_str().unwrap()] {
            assert_eq!(if_match(good).await.unwrap(), Some(IfMatch { version: 42 }), "{good}");
        }
        for bad in
            ["", "*", "\"42", "42\"", "W/42", "+42", "-1", "\"a\"", "\"1\", \"2\"", "99999999999999999999"]
        {
            assert_eq!(if_match(bad).await.unwrap_err().kind(), Kind::MalformedHeader, "{bad}");
        }
        let mut without = Request::new(()).into_parts().0;
        assert_eq!(IfMatch::from_request_parts(&mut without, &()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_key_is_visible_and_bounded() {
        assert_eq!(key("order-12#!").await.unwrap(), Some(IdempotencyKey("order-12#!".to_owned())));
        assert!(key(&"k".repeat(128)).await.is_ok());
        for bad in ["", "two words", &"k".repeat(129)] {
            assert_eq!(key(bad).await.unwrap_err().kind(), Kind::MalformedHeader, "{bad}");
        }
    }
}
