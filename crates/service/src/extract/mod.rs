//! What handlers take from a request, each refused as a problem that names the bound or the form.
//!
//! **Invariant.** Nothing is read without a bound: bytes, depth, rows, waits. The bound is named in the answer.
//!
//! **Invariant.** A refusal never repeats a value of the request: it says where it was and what was expected.

mod bounds;
mod conditional;
mod json;
mod page;
mod parameters;
mod redaction;

pub use bounds::Bounds;
pub use conditional::{IDEMPOTENCY_KEY, IdempotencyKey, IfMatch, etag};
pub use json::{Body, Json, from_value};
pub use page::{AtLeast, Cursor, Page};
pub(crate) use parameters::unknown_parameter;
pub use parameters::{Path, Query};

use axum::http::{HeaderMap, HeaderName};

use crate::problem::{Kind, Problem};

/// The value of a header that may be sent once; `form` says what it must be.
fn header<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    form: &'static str,
) -> Result<Option<&'h str>, Problem> {
    let mut given = headers.get_all(name).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.to_str().map(Some).map_err(|_| malformed_header(name, form)),
        (Some(_), Some(_)) => Err(malformed_header(name, form)),
    }
}

fn malformed_header(name: &HeaderName, form: &'static str) -> Problem {
    Problem::new(Kind::MalformedHeader)
        .detail(format!("{name} must be sent once, as {form}"))
        .member("header", name.as_str())
        .member("expected", form)
}
