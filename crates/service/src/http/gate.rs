//! The gate: who asks is established, and whether they may, before any handler runs.
//!
//! **Invariant.** An operation that does not state what it needs of its caller cannot be served: the program says so before
//! it listens. What an operation needs is decided by whoever knows callers and rights, not here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::wording::{Wording, worded};
use crate::problem::Problem;

/// What a token must be allowed for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// To read.
    Read,
    /// To follow what happens, live.
    Follow,
    /// To ask commands.
    Command,
}

/// What an operation needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It does not say: it cannot be served.
    Unstated,
    /// Nothing: anybody may ask, and learns nothing of anybody.
    Nothing,
    /// To have signed in, in whatever role.
    SignedIn,
    /// A right, by the words of the file of rights: `household`, `propose-referral`.
    Right {
        /// What it is done to.
        on: &'static str,
        /// What is done.
        name: &'static str,
        /// What a token must be allowed.
        verb: Verb,
    },
}

/// What an operation is besides a request, and is bounded as, for each person and each program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Nothing besides.
    Request,
    /// The beginning of an export: `limits.exports_max` an hour. Its further pages, which name a cursor, are requests.
    Export,
}

/// A request that goes on.
pub struct Admission {
    /// Its head, with who asks in its extensions.
    pub head: Parts,
    /// A cookie to send along with the answer.
    pub cookie: Option<HeaderValue>,
    /// How the answer is worded, where the caller calls things otherwise than the service does.
    pub wording: Option<Arc<dyn Wording>>,
}

/// A request that goes on, or why it does not.
pub type Admitted<'a> = Pin<Box<dyn Future<Output = Result<Admission, Problem>> + Send + 'a>>;

/// Whoever establishes who asks and whether they may.
pub trait Gate: Send + Sync + 'static {
    /// Admits the request of this head, or refuses it. It is counted as a request, and as what it is `counted` besides.
    fn admit(&self, head: Parts, needs: Needs, counted: Counted) -> Admitted<'_>;
}

/// The gate of a site before one operation.
#[derive(Clone)]
pub(super) struct Before {
    pub(super) gate: Arc<dyn Gate>,
    pub(super) needs: Needs,
    pub(super) counted: Counted,
}

pub(super) async fn admitted(
    State(before): State<Before>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let Admission { head, cookie, wording } = before.gate.admit(head, before.needs, before.counted).await?;
    let mut response = next.run(Request::from_parts(head, body)).await;
    if let Some(wording) = wording {
        response = worded(response, &wording)?;
    }
    if let Some(cookie) = cookie {
        // Signing in and out send their own.
        response.headers_mut().entry(header::SET_COOKIE).or_insert(cookie);
    }
    Ok(response)
}
