//! What a request signs in with: a token of software, the cookie of a person's session. Their form, and nothing else.
//!
//! A token is `ctm_<département><organisation>_<token>_<secret>`: it begins with a word that scanners of leaked secrets
//! can look for, and says where to look it up. The secret is 256 random bits, of which a digest alone is kept.

use domain::id::{OrganisationId, SessionId, Territory, TokenId, UserId};
use service::Problem;
use service::axum::http::{HeaderMap, header};
use service::problem::Kind;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What tokens of software begin with.
const TOKEN: &str = "ctm_";
/// What invitations begin with.
const INVITATION: &str = "cti_";
/// The cookie of a session. Its prefix binds it to this very host, to HTTPS and to all paths (RFC 6265bis).
pub const COOKIE: &str = "__Host-session";

/// Something that is shown once and of which a digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    /// Never shows it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A secret of these random bytes.
    #[must_use]
    pub fn of(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// What is kept of it: SHA-256, in hexadecimal. 256 random bits need no salt, and nobody can guess what to hash.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.0))
    }

    fn text(&self) -> String {
        hex(&self.0)
    }

    fn read(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }
}

/// A token as software sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenText {
    /// Whose.
    pub organisation: OrganisationId,
    /// Which.
    pub token: TokenId,
    /// Its secret.
    pub secret: Secret,
}

impl TokenText {
    /// As it is shown, once.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { organisation, token, secret } = self;
        format!(
            "{TOKEN}{}{}_{}_{}",
            organisation.territory(),
            organisation.uuid().simple(),
            token.0.simple(),
            secret.text()
        )
    }

    fn read(text: &str) -> Option<Self> {
        let (home, number, rest) = homed(text.strip_prefix(TOKEN)?)?;
        let (token, secret) = rest.split_once('_')?;
        Some(Self {
            organisation: OrganisationId::new(home, number),
            token: TokenId(simple(token)?),
            secret: Secret::read(secret)?,
        })
    }
}

/// An invitation as it is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationText {
    /// Whose.
    pub user: UserId,
    /// Its secret.
    pub secret: Secret,
}

impl InvitationText {
    /// As it is shown, once.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{INVITATION}{}{}_{}", self.user.territory(), self.user.uuid().simple(), self.secret.text())
    }

    /// Reads it; nothing if it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (home, number, secret) = homed(text.strip_prefix(INVITATION)?)?;
        Some(Self { user: UserId::new(home, number), secret: Secret::read(secret)? })
    }
}

/// The cookie of a session: which, its secret, and when it was seen last, which nobody but us can write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionText {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
    /// Its secret.
    pub secret: Secret,
    /// When it was used last, in seconds since 1970, to the minute.
    pub seen: i64,
    /// The keyed digest of session and moment.
    pub proof: [u8; 16],
}

impl SessionText {
    /// The value of the cookie.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { user, session, secret, seen, proof } = self;
        format!(
            "{}{}_{}_{}_{seen}_{}",
            user.territory(),
            user.uuid().simple(),
            session.0.simple(),
            secret.text(),
            hex(proof)
        )
    }

    fn read(text: &str) -> Option<Self> {
        let (home, number, rest) = homed(text)?;
        let mut parts = rest.split('_');
        let session = SessionId(simple(parts.next()?)?);
        let secret = Secret::read(parts.next()?)?;
        let seen = parts.next()?.parse().ok()?;
        let proof = unhex(parts.next()?)?;
        parts.next().is_none().then_some(Self {
            user: UserId::new(home, number),
            session,
            secret,
            seen,
            proof,
        })
    }
}

/// What a request signs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// A token.
    Token(TokenText),
    /// A session.
    Session(SessionText),
}

impl Credentials {
    /// Those of a request. One that sends both, or something that is neither, has signed in with nothing: what was sent is
    /// not repeated.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let refused =
            || Problem::new(Kind::SignInNeeded).detail("what the request signs in with is not good");
        let mut bearers = headers.get_all(header::AUTHORIZATION).iter();
        let bearer = bearers.next();
        if bearers.next().is_some() {
            return Err(refused());
        }
        let cookie = cookie(headers);
        match (bearer, cookie) {
            (None, None) => Ok(Self::None),
            (Some(_), Some(_)) => Err(refused()),
            (Some(bearer), None) => {
                let text = bearer.to_str().ok().and_then(|text| text.split_once(' '));
                let token = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
                token
                    .and_then(|(_, token)| TokenText::read(token.trim()))
                    .map(Self::Token)
                    .ok_or_else(refused)
            }
            (None, Some(cookie)) => SessionText::read(&cookie).map(Self::Session).ok_or_else(refused),
        }
    }
}

/// The session's cookie, if one is sent.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// A département, 32 digits, `_`, and the rest.
fn homed(text: &str) -> Option<(Territory, Uuid, &str)> {
    let (id, rest) = text.split_once('_')?;
    let at = id.len().checked_sub(32).filter(|at| id.is_char_boundary(*at))?;
    let (home, number) = id.split_at(at);
    Some((home.parse().ok()?, simple(number)?, rest))
}

fn simple(text: &str) -> Option<Uuid> {
    (text.len() == 32).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// Bytes in hexadecimal, in small letters.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use service::axum::http::HeaderValue;

    use super::*;

    fn token() -> TokenText {
        TokenText {
            organisation: "2A-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap(),
            token: TokenId(Uuid::from_u128(7)),
            secret: Secret::of([9; 32]),
        }
    }

    fn session() -> SessionText {
        SessionText {
            user: "974-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap(),
            session: SessionId(Uuid::from_u128(7)),
            secret: Secret::of([3; 32]),
            seen: 1_770_000_000,
            proof: [5; 16],
        }
    }

    fn sent(all: &[(header::HeaderName, String)]) -> Result<Credentials, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        Credentials::of(&headers)
    }

    #[test]
    fn what_is_shown_once_reads_as_it_was_written() {
        let bearer = |text: &str| (header::AUTHORIZATION, format!("Bearer {text}"));
        assert_eq!(sent(&[bearer(&token().text())]).unwrap(), Credentials::Token(token()));
        let cookies = (header::COOKIE, format!("lang=fr; {COOKIE}={}; x=y", session().text()));
        assert_eq!(sent(&[cookies]).unwrap(), Credentials::Session(session()));
        let invitation = InvitationText { user: session().user, secret: Secret::of([1; 32]) };
        assert_eq!(InvitationText::read(&invitation.text()), Some(invitation));
        assert_eq!(sent(&[]).unwrap(), Credentials::None);
    }

    #[test]
    fn what_is_no_credential_is_refused_and_not_repeated() {
        let bearer = |text: &str| (header::AUTHORIZATION, text.to_owned());
        let (token, session) = (token().text(), session().text());
        for text in ["", "Bearer", "Bearer x", "Basic dTpw", &token, &format!("Bearer {}", &token[..130])] {
            let refused = sent(&[bearer(text)]).unwrap_err();
            assert_eq!(refused.kind(), Kind::SignInNeeded, "{text}");
            assert!(text.len() < 8 || !refused.to_json().to_string().contains(text));
        }
        let cookie = (header::COOKIE, format!("{COOKIE}={session}"));
        assert!(sent(&[bearer(&format!("Bearer {token}")), cookie.clone()]).is_err(), "both at once");
        assert!(sent(&[bearer(&format!("Bearer {token}")), bearer(&format!("Bearer {token}"))]).is_err());
        for broken in [format!("{session}_1"), session.replace("_1770", "_x770"), "é".repeat(40)] {
            assert!(SessionText::read(&broken).is_none(), "{broken}");
        }
    }
}
