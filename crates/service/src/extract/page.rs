//! Reading a list page by page, and reading at least as far as what one wrote.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::Bounds;
use super::parameters::{malformed, parameter};
use crate::problem::{Kind, Problem};

/// How many rows a page has when the caller does not say, if the bound allows as many.
const LIMIT_DEFAULT: u32 = 50;

/// The longest cursor, in characters.
const CURSOR_MAX: usize = 1_024;

/// Where to read on: made by this service, meaningless to the caller, safe in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// The cursor of a place in a list. The place is not secret: it is encoded, not sealed.
    ///
    /// # Errors
    ///
    /// When `place` cannot be written as JSON, or is longer than a cursor may be.
    pub fn of(place: &impl Serialize) -> anyhow::Result<Self> {
        let cursor = Self(serde_json::to_vec(place)?);
        anyhow::ensure!(
            cursor.to_string().len() <= CURSOR_MAX,
            "a cursor is longer than {CURSOR_MAX} characters"
        );
        Ok(cursor)
    }

    /// The place it was made of.
    ///
    /// # Errors
    ///
    /// A [`Problem`] when it was not made by [`Cursor::of`] of the same type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.0).map_err(|_| NotACursor.into())
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this service")]
pub struct NotACursor;

impl From<NotACursor> for Problem {
    fn from(_: NotACursor) -> Self {
        Self::new(Kind::MalformedCursor).member("parameter", "cursor")
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        if text.is_empty() || text.len() > CURSOR_MAX {
            return Err(NotACursor);
        }
        BASE64_URL_SAFE_NO_PAD.decode(text).map(Self).map_err(|_| NotACursor)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which page of a list: `?limit=&cursor=`. More rows than `limits.list_max` are refused, not cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most; at least 1.
    pub limit: usize,
    /// Where to read on; none for the first page.
    pub cursor: Option<Cursor>,
}

impl<S: Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let bounds = Bounds::of(&parts.extensions);
        let limit = match number(parts, "limit")? {
            None => u64::from(LIMIT_DEFAULT.min(bounds.list_max)),
            Some(0) => return Err(malformed("limit", "a whole number from 1")),
            Some(limit) if limit > bounds.list_max.into() => {
                return Err(Problem::bound(Kind::ListTooLong, bounds.list()).member("found", limit));
            }
            Some(limit) => limit,
        };
        let cursor = parameter(parts, "cursor")?.map(|text| text.parse()).transpose()?;
        // The bound is a u32.
        Ok(Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), cursor })
    }
}

/// How far the view must have read before it answers: `?at_least=&wait_ms=`. So that a caller reads what it wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtLeast {
    /// The position of the journal, as answered by a command; none for what is known now.
    pub position: Option<u64>,
    /// How long to wait for it: as asked, or `limits.wait_ms_max`.
    pub wait: Duration,
}

impl<S: Sync> FromRequestParts<S> for AtLeast {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let bounds = Bounds::of(&parts.extensions);
        let position = number(parts, "at_least")?;
        let wait = match number(parts, "wait_ms")? {
            None => bounds.wait_max(),
            Some(wait_ms) if wait_ms > bounds.wait_ms_max.into() => {
                return Err(Problem::bound(Kind::WaitTooLong, bounds.wait()).member("found", json!(wait_ms)));
            }
            Some(wait_ms) => Duration::from_millis(wait_ms),
        };
        Ok(Self { position, wait })
    }
}

fn number(parts: &Parts, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = parameter(parts, name)? else { return Ok(None) };
    // `parse` alone would take "+5".
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| malformed(name, "a whole number"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(query: &str) -> Parts {
        Request::builder().uri(format!("/households?{query}")).body(()).unwrap().into_parts().0
    }

    async fn page(query: &str) -> Result<Page, Problem> {
        Page::from_request_parts(&mut parts(query), &()).await
    }

    async fn at_least(query: &str) -> Result<AtLeast, Problem> {
        AtLeast::from_request_parts(&mut parts(query), &()).await
    }

    #[tokio::test]
    async fn a_page_is_bounded_and_the_bound_is_named() {
        assert_eq!(page("").await.unwrap(), Page { limit: 50, cursor: None });
        assert_eq!(page("limit=200").await.unwrap().limit, 200);
        let problem = page("limit=201").await.unwrap_err().to_json();
        assert_eq!(problem["code"], "list-too-long");
        assert_eq!(problem["bound"], json!({ "name": "limits.list_max", "value": 200, "unit": "rows" }));
        for bad in ["limit=0", "limit=-1", "limit=+5", "limit=", "limit=all", "limit=5&limit=6"] {
            let problem = page(bad).await.unwrap_err().to_json();
            assert_eq!(
                (&problem["code"], &problem["parameter"]),
                (&json!("malformed-query"), &json!("limit")),
                "{bad}"
            );
        }
    }

    #[tokio::test]
    async fn a_cursor_comes_back_as_it_was_given() {
        let cursor = Cursor::of(&("33-x", 17_u64)).unwrap();
        let page = page(&format!("cursor={cursor}")).await.unwrap();
        assert_eq!(page.cursor.as_ref(), Some(&cursor));
        assert_eq!(page.cursor.unwrap().read::<(String, u64)>().unwrap(), ("33-x".to_owned(), 17));
        assert_eq!(cursor.read::<bool>().unwrap_err().kind(), Kind::MalformedCursor);
        assert_eq!(serde_json::to_value(&cursor).unwrap(), json!(cursor.to_string()));
        for bad in ["", "****", &"A".repeat(1_025)] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
        assert!(Cursor::of(&"x".repeat(2_000)).is_err());
    }

    #[tokio::test]
    async fn a_wait_is_bounded_and_the_bound_is_named() {
        let asked = at_least("at_least=12&wait_ms=0").await.unwrap();
        assert_eq!(asked, AtLeast { position: Some(12), wait: Duration::ZERO });
        assert_eq!(at_least("").await.unwrap(), AtLeast { position: None, wait: Duration::from_secs(5) });
        let problem = at_least("wait_ms=5001").await.unwrap_err().to_json();
        assert_eq!(problem["code"], "wait-too-long");
        assert_eq!(problem["bound"]["name"], "limits.wait_ms_max");
        assert_eq!(at_least("at_least=last").await.unwrap_err().kind(), Kind::MalformedQuery);
    }
}
