//! What the provider says of a person, and whether it was said to us, now, for this sign-in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::config::Config;
use super::error::{Document, OidcError, TokenFault};
use super::pending::Pending;

/// The longest name of a person at a provider, in characters (OpenID Connect Core, 2).
const SUBJECT_MAX: usize = 255;
/// The longest e-mail address that is taken over, in bytes (RFC 5321).
const EMAIL_MAX: usize = 254;
/// The longest claim of an organisation that is taken over, in bytes.
const ORGANISATION_MAX: usize = 255;
/// The most factors that are taken over.
const FACTORS_MAX: usize = 16;

/// The claims of an ID token, or of userinfo, signed or not.
#[derive(Clone, Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    pub(super) sub: Option<String>,
    aud: Option<Audience>,
    azp: Option<String>,
    exp: Option<i64>,
    iat: Option<i64>,
    nonce: Option<String>,
    pub(super) auth_time: Option<i64>,
    pub(super) acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    at_hash: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Several(several) => several.iter().any(|one| one == client),
        }
    }

    fn is_several(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Several(several) => several.len() > 1,
        }
    }
}

impl Claims {
    /// Checks an ID token (OpenID Connect Core, 3.1.3.7), the signature apart.
    pub(super) fn check_id_token(
        &self,
        config: &Config,
        pending: &Pending,
        access_token: &str,
        now: Timestamp,
    ) -> Result<(), OidcError> {
        let check = || {
            self.check_addressed(config)?;
            self.check_party(config)?;
            let (now, skew) = (now.as_second(), config.clock_skew());
            let (expires, issued) =
                (self.exp.ok_or(TokenFault::Malformed)?, self.iat.ok_or(TokenFault::Malformed)?);
            if expires.saturating_add(skew) <= now {
                return Err(TokenFault::Expired);
            }
            if issued > now.saturating_add(skew) {
                return Err(TokenFault::IssuedInFuture);
            }
            if issued.saturating_add(skew) < pending.begun_at().as_second() {
                return Err(TokenFault::IssuedBefore);
            }
            match &self.nonce {
                None => return Err(TokenFault::NonceMissing),
                Some(nonce) if !pending.nonce().is(nonce) => return Err(TokenFault::NonceWrong),
                Some(_) => {}
            }
            if self.at_hash.as_ref().is_some_and(|hash| *hash != access_token_hash(access_token)) {
                return Err(TokenFault::AccessToken);
            }
            let fits = |sub: &String| (1..=SUBJECT_MAX).contains(&sub.len()) && sub.is_ascii();
            if self.sub.as_ref().is_some_and(fits) { Ok(()) } else { Err(TokenFault::Subject) }
        };
        check().map_err(|fault| OidcError::Token { document: Document::IdToken, fault })?;
        self.check_assurance(config)
    }

    /// Checks signed userinfo, the signature apart: it says whose it is and for whom, or a token made for something else
    /// would do.
    pub(super) fn check_userinfo(&self, config: &Config, now: Timestamp) -> Result<(), TokenFault> {
        self.check_addressed(config)?;
        let now = now.as_second();
        if self.exp.is_some_and(|expires| expires.saturating_add(config.clock_skew()) <= now) {
            return Err(TokenFault::Expired);
        }
        if self.iat.is_some_and(|issued| issued > now.saturating_add(config.clock_skew())) {
            return Err(TokenFault::IssuedInFuture);
        }
        Ok(())
    }

    fn check_addressed(&self, config: &Config) -> Result<(), TokenFault> {
        if self.iss.as_ref() != Some(&config.issuer) {
            return Err(TokenFault::Issuer);
        }
        let audience = self.aud.as_ref().ok_or(TokenFault::Audience)?;
        if audience.has(&config.client_id) { Ok(()) } else { Err(TokenFault::Audience) }
    }

    fn check_party(&self, config: &Config) -> Result<(), TokenFault> {
        let several = self.aud.as_ref().is_some_and(Audience::is_several);
        match &self.azp {
            Some(party) if *party != config.client_id => Err(TokenFault::AuthorizedParty),
            None if several => Err(TokenFault::AuthorizedParty),
            Some(_) | None => Ok(()),
        }
    }

    fn check_assurance(&self, config: &Config) -> Result<(), OidcError> {
        let accepted = config.accepted_levels();
        match &self.acr {
            _ if accepted.is_empty() => Ok(()),
            None => Err(OidcError::AcrMissing),
            Some(level) if accepted.contains(level) => Ok(()),
            Some(_) => Err(OidcError::AcrTooLow),
        }
    }

    pub(super) fn factors(&self) -> Vec<String> {
        self.amr.iter().take(FACTORS_MAX).cloned().collect()
    }

    pub(super) fn email(&self) -> Option<String> {
        self.email.clone().filter(|email| !email.is_empty() && email.len() <= EMAIL_MAX)
    }

    /// Whether the provider vouches for the e-mail address. Some send the word instead of the value.
    pub(super) fn email_is_verified(&self) -> bool {
        match &self.email_verified {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(word)) => word == "true",
            Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
        }
    }

    pub(super) fn organisation(&self, config: &Config) -> Option<String> {
        let claim = self.others.get(&config.organisation_claim)?.as_str()?;
        (!claim.is_empty() && claim.len() <= ORGANISATION_MAX).then(|| claim.to_owned())
    }
}

/// The left half of the hash of an access token, as an ID token repeats it (OpenID Connect Core, 3.1.3.6).
fn access_token_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token.as_bytes())[..16])
}
