//! Who asks, as the gate has established it: what handlers take.

use domain::id::{OrganisationId, SessionId, TokenId, UserId};
use domain::organisation::Verb;
use domain::rights::{self, Action};
use jiff::Timestamp;
use service::axum::extract::FromRequestParts;
use service::axum::http::request::Parts;
use service::problem::Kind;
use service::{Problem, TraceContext};

use super::Names;

/// What a caller signed in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignedIn {
    /// A token of an organisation's software.
    Token(OrganisationId, TokenId),
    /// A person's session.
    Session(UserId, SessionId),
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What has been proven of them, for the decision.
    pub rights: rights::Caller,
    /// What they signed in with.
    pub by: SignedIn,
    /// What they ask: the right that the operation stated.
    pub action: Action,
    /// What for, if they said.
    pub purpose: Option<journal::access::Code>,
    /// The trace of the request, to be written beside what it causes.
    pub trace: TraceContext,
    /// When their session is over if they do nothing more until then; software has none.
    pub idle_at: Option<Timestamp>,
    /// What they call households.
    pub names: Names,
}

impl Caller {
    /// On whose behalf.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.rights.organisation
    }

    /// Whether their session has gone unused for too long, as far as they said when they asked: whoever used it since then
    /// asks again, with the cookie that says so.
    #[must_use]
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.idle_at.is_some_and(|idle_at| idle_at <= now)
    }

    /// The person, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.rights.user
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The gate stands before every operation that needs something of its caller.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::new(Kind::SignInNeeded))
    }
}

/// The domain's word for a verb.
pub(super) fn verb(verb: service::Verb) -> Verb {
    match verb {
        service::Verb::Read => Verb::Read,
        service::Verb::Follow => Verb::Follow,
        service::Verb::Command => Verb::Command,
    }
}
