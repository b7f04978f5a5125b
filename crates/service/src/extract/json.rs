//! Bodies: read up to a bound, declared as what they are, nested no deeper than a bound, and then parsed.

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Bounds;
use super::redaction::without_values;
use crate::problem::{Kind, Problem};

/// How much of a body that is too large is read and thrown away, so that a caller who is still sending gets to read the
/// answer that names the bound. In bytes.
const THROWN_AWAY_MAX: u64 = 8 * 1_024 * 1_024;

/// A JSON body, in and out.
///
/// In: refused with 415, 413 or 400, naming the media type, the bound, or the JSON pointer, line and column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Kind::UnsupportedMediaType)
                .detail("the body must be declared as application/json, in UTF-8")
                .member("expected", "application/json"));
        }
        let bounds = Bounds::of(request.extensions());
        let bytes = read(request, &bounds).await?;
        parse(&bytes, &bounds).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(error) => {
                Problem::internal(anyhow::Error::new(error).context("cannot write an answer as JSON"))
                    .into_response()
            }
        }
    }
}

/// The bytes of a body of any type, up to the bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(pub Bytes);

impl<S: Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bounds = Bounds::of(request.extensions());
        read(request, &bounds).await.map(Self)
    }
}

/// `application/json` or a type built on it, in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(declared) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = declared.split(';').map(str::trim);
    let essence = parts.next().unwrap_or("").to_ascii_lowercase();
    let is_json = essence == "application/json"
        || essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
    is_json
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

async fn read(request: Request, bounds: &Bounds) -> Result<Bytes, Problem> {
    let (parts, mut body) = request.into_parts();
    let too_large = || Problem::bound(Kind::BodyTooLarge, bounds.body());
    let announced = body.size_hint().lower();
    // A caller that waits for "100 Continue" has sent nothing yet and reads the answer instead.
    if announced > bounds.body_bytes_max
        && (parts.headers.contains_key(header::EXPECT) || announced > THROWN_AWAY_MAX)
    {
        return Err(too_large());
    }
    let mut kept = Vec::with_capacity(usize::try_from(announced.min(bounds.body_bytes_max)).unwrap_or(0));
    let mut read = 0_u64;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::new(Kind::MalformedBody).detail("the body ended before its announced end")
        })?;
        let Ok(data) = frame.into_data() else { continue };
        read = read.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if read > THROWN_AWAY_MAX.max(bounds.body_bytes_max) {
            return Err(too_large());
        }
        if read > bounds.body_bytes_max {
            kept = Vec::new();
        } else {
            kept.extend_from_slice(&data);
        }
    }
    if read > bounds.body_bytes_max { Err(too_large()) } else { Ok(kept.into()) }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], bounds: &Bounds) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Problem::new(Kind::MalformedBody).detail("the body is empty"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Problem::new(Kind::MalformedBody).detail("the body is not UTF-8").member("line", line)
    })?;
    if deeper_than(bounds.json_depth_max, bytes) {
        return Err(Problem::bound(Kind::TooDeep, bounds.depth()));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    T::deserialize(serde_path_to_error::Deserializer::new(&mut deserializer, &mut track))
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| malformed(&error, &track.path()))
}

/// Reads a body that came as JSON by another way than HTTP: refused with the same problem.
///
/// # Errors
/// [`Problem`] `malformed-body`, with the JSON pointer.
pub fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    let mut track = serde_path_to_error::Track::new();
    T::deserialize(serde_path_to_error::Deserializer::new(value, &mut track))
        .map_err(|error| malformed(&error, &track.path()))
}

fn malformed(error: &serde_json::Error, path: &serde_path_to_error::Path) -> Problem {
    let problem = Problem::new(Kind::MalformedBody)
        .detail(without_values(&error.to_string()))
        .member("pointer", pointer(path));
    // What is parsed from a buffered value (a tagged enum) no longer knows its line.
    if error.line() == 0 {
        return problem;
    }
    problem.member("line", error.line()).member("column", error.column().max(1))
}

/// The JSON pointer (RFC 6901) of a path; up to where it is known.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => break,
        }
    }
    pointer
}

/// Whether arrays and objects are nested more than `levels` deep. Does not care whether it is JSON otherwise.
fn deeper_than(levels: u32, bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_u32, false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (_, _) => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Register {
        persons: Vec<Person>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Person {
        birth_year: u16,
    }

    fn check_refused(body: &str, expected: &Value) {
        let problem = parse::<Register>(body.as_bytes(), &Bounds::default()).unwrap_err().to_json();
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&problem[member], value, "{member} of {problem}");
        }
        assert!(!problem.to_string().contains("Dupont"), "{problem}");
    }

    #[test]
    fn a_malformed_body_is_refused_with_the_place_and_without_the_value() {
        check_refused("", &json!({ "code": "malformed-body", "detail": "the body is empty" }));
        check_refused(
            "{\"persons\":[{\"birth_year\":1980},\n{\"birth_year\":\"Dupont\"}]}",
            &json!({
                "code": "malformed-body",
                "pointer": "/persons/1/birth_year",
                "line": 2,
                "column": 22,
                "detail": "a value of another type, where u16 is expected"
            }),
        );
        check_refused(
            "{\"persons\":[{}]}",
            &json!({ "pointer": "/persons/0", "detail": "missing field `birth_year`" }),
        );
        check_refused("{\"persons\":[{\"a/b\":\"Dupont\"}]}", &json!({ "pointer": "/persons/0/a~1b" }));
        check_refused("{\"persons\":[]} Dupont", &json!({ "detail": "trailing characters", "line": 1 }));
        check_refused("{\"persons\":[", &json!({ "detail": "EOF while parsing a list" }));
    }

    #[test]
    fn a_body_that_is_not_utf_8_is_refused_with_its_line() {
        let problem = parse::<Value>(b"{\n\"\xff\"}", &Bounds::default()).unwrap_err().to_json();
        assert_eq!((&problem["detail"], &problem["line"]), (&json!("the body is not UTF-8"), &json!(2)));
    }

    #[test]
    fn json_is_nested_no_deeper_than_the_bound() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let bounds = Bounds::default();
        assert!(parse::<Value>(nested(32).as_bytes(), &bounds).is_ok());
        let problem = parse::<Value>(nested(33).as_bytes(), &bounds).unwrap_err().to_json();
        assert_eq!(problem["code"], "too-deep");
        assert_eq!(problem["bound"], json!({ "name": "http.json_depth_max", "value": 32, "unit": "levels" }));
        // A million levels are refused before they are parsed.
        assert!(deeper_than(32, nested(1_000_000).as_bytes()));
        assert!(!deeper_than(1, br#"["[[[[", "\"[[", "\\", {}]"#.split_at(18).0));
        assert!(!deeper_than(2, br#"[{"a[":"]\"[[{"},{"b":"\\"}]"#));
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        let declared = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/cloudevents+json;charset=\"utf-8\"",
        ] {
            assert!(declared(good), "{good}");
        }
        for bad in ["text/plain", "application/json; charset=latin1", "text/json", "application/jsonp"] {
            assert!(!declared(bad), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
