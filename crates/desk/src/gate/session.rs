//! The cookie of a session, the moment it was seen last, and the token against forged requests.

use domain::id::SessionId;
use jiff::Timestamp;
use journal::Journal;
use service::axum::http::request::Parts;
use service::axum::http::{HeaderMap, HeaderValue, Method};
use service::problem::Kind;
use service::{Needs, Problem, Verb};

use super::credentials::{COOKIE, SessionText, hex};
use super::{BY_ITSELF, CSRF, sign_in_needed};
use crate::answer::keys;

/// How long a session may go unused, in seconds: half an hour, as in SI SIAO.
pub const IDLE_S: i64 = 30 * 60;
/// How old the moment in the cookie may grow before a new cookie is sent, in seconds.
const RENEWED_S: i64 = 60;

/// A keyed digest for one use; without keys, nobody has a session.
fn proof(journal: &Journal, parts: &[&[u8]]) -> Result<[u8; 16], Problem> {
    Ok(keys(journal)?.digest(parts))
}

fn seen_at(journal: &Journal, session: SessionId, seen: i64) -> Result<[u8; 16], Problem> {
    proof(journal, &[b"session seen", session.0.as_bytes(), &seen.to_be_bytes()])
}

/// The token that a page repeats in [`CSRF`]: a function of the session that only we can compute.
///
/// # Errors
/// [`Problem`] `internal` when the journal has no keys.
pub fn csrf_token(journal: &Journal, session: SessionId) -> Result<String, Problem> {
    Ok(hex(&proof(journal, &[b"session csrf", session.0.as_bytes()])?))
}

/// The session's cookie, seen now.
///
/// # Errors
/// [`Problem`] `internal` when the journal has no keys.
pub fn fresh_cookie(text: &SessionText, journal: &Journal, now: Timestamp) -> Result<HeaderValue, Problem> {
    let seen = now.as_second();
    let text = SessionText { seen, proof: seen_at(journal, text.session, seen)?, ..text.clone() };
    let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", text.text());
    let mut value = HeaderValue::try_from(cookie).map_err(Problem::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What takes the cookie away.
#[must_use]
pub fn no_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// What is told to whoever asks in a session that is over, whatever ended it. The request was not read: what was typed is
/// where it was typed.
pub(super) fn over() -> Problem {
    sign_in_needed().detail(
        "Votre session est terminée. Ce que vous avez saisi reste à l'écran : reconnectez-vous, puis envoyez-le de nouveau.",
    )
}

/// Whether a request is somebody's doing. A live stream is not, nor is what a page asks by itself and marks as such: a page
/// that is left open keeps no session alive. Whoever marks what they did shortens their own session, and no other.
pub(super) fn is_somebody_s_doing(headers: &HeaderMap, needs: Needs) -> bool {
    let live = match needs {
        Needs::Right { verb: Verb::Follow, .. } => true,
        Needs::Right { verb: Verb::Read | Verb::Command, .. }
        | Needs::SignedIn
        | Needs::Nothing
        | Needs::Unstated => false,
    };
    !live && !headers.contains_key(BY_ITSELF)
}

/// Refuses a session that was not used for too long; a new cookie, if it is `used` now and the one that was sent has grown
/// old.
pub(super) fn seen(
    text: &SessionText,
    used: bool,
    journal: &Journal,
    now: Timestamp,
) -> Result<Option<HeaderValue>, Problem> {
    let idle = now.as_second() - text.seen;
    if seen_at(journal, text.session, text.seen)? != text.proof || idle >= IDLE_S {
        return Err(over());
    }
    if !used || idle < RENEWED_S { Ok(None) } else { fresh_cookie(text, journal, now).map(Some) }
}

/// Whether a request comes from a page of this site, as the browser says (Fetch Metadata, or *Origin*); nothing if it does not
/// say, as software does not.
#[must_use]
pub fn is_from_here(headers: &HeaderMap) -> Option<bool> {
    // What cannot be read is said, and is not ours.
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => Some(site == "same-origin"),
        (None, Some(origin)) => {
            let from = origin.split_once("://").map(|(_, from)| from);
            Some(from.is_some() && from == text("host"))
        }
        (None, None) => None,
    }
}

/// Refuses a request that changes something and does not come from a page of ours, or does not repeat the session's token.
pub(super) fn refuse_forged(head: &Parts, journal: &Journal, session: SessionId) -> Result<(), Problem> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(&head.method) {
        return Ok(());
    }
    let repeated = head.headers.get(CSRF).and_then(|value| value.to_str().ok());
    let token = csrf_token(journal, session)?;
    if is_from_here(&head.headers) == Some(true) && repeated == Some(token.as_str()) {
        Ok(())
    } else {
        Err(Problem::new(Kind::RequestForged))
    }
}
