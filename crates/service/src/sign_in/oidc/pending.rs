//! A sign-in that was begun: what the browser takes along, what this service keeps, what the browser brings back.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::random::drawn;
use super::super::{NoRandomness, Random, Secret};
use super::error::OidcError;
use crate::edge::after;

/// How long a sign-in may last from its beginning to its end.
pub const PENDING_MAX: Duration = Duration::from_secs(600);

/// The longest parameter of an answer that is looked at, in bytes.
const PARAMETER_MAX: usize = 4_096;

/// A sign-in that was begun. Its `Debug` does not show the address: it has the state in it.
pub struct Begun {
    /// Where the browser is sent to.
    pub url: String,
    /// What is kept until it comes back, bound to this very browser.
    pub pending: Pending,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("pending", &self.pending).finish_non_exhaustive()
    }
}

/// What is kept between the two halves of a sign-in, in the browser's session and out of the browser's sight. Good for one
/// [`finish`](super::Provider::finish), within [`PENDING_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    issuer: String,
    state: Secret,
    nonce: Secret,
    verifier: Secret,
    begun_at: Timestamp,
}

impl Pending {
    pub(super) fn draw(issuer: &str, now: Timestamp, random: &dyn Random) -> Result<Self, NoRandomness> {
        // 32 bytes are 43 characters: ProConnect asks for 32 at least, a PKCE verifier has 43 at least.
        let secret = || Ok::<_, NoRandomness>(Secret::new(URL_SAFE_NO_PAD.encode(drawn::<32>(random)?)));
        Ok(Self {
            issuer: issuer.to_owned(),
            state: secret()?,
            nonce: secret()?,
            verifier: secret()?,
            begun_at: now,
        })
    }

    /// The provider it was begun with: which one to finish it with, where there are several.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Until when it can be finished.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        after(self.begun_at, PENDING_MAX)
    }

    pub(super) fn begun_at(&self) -> Timestamp {
        self.begun_at
    }

    pub(super) fn state(&self) -> &Secret {
        &self.state
    }

    pub(super) fn nonce(&self) -> &Secret {
        &self.nonce
    }

    pub(super) fn verifier(&self) -> &Secret {
        &self.verifier
    }

    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.reveal().as_bytes()))
    }
}

/// The answer of the provider, as the browser brings it in its query. Its `Debug` says which parameters it has and no value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callback {
    pub(super) code: Option<Secret>,
    pub(super) state: Option<Secret>,
    pub(super) issuer: Option<Secret>,
    pub(super) error: Option<Secret>,
}

impl Callback {
    /// Reads the query of the request to the redirect URI, without its question mark. Other parameters are passed over.
    ///
    /// # Errors
    ///
    /// [`OidcError::CallbackMalformed`] for a parameter that is there twice or too long.
    pub fn from_query(query: &str) -> Result<Self, OidcError> {
        let mut callback = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.as_ref() {
                "code" => &mut callback.code,
                "state" => &mut callback.state,
                "iss" => &mut callback.issuer,
                "error" => &mut callback.error,
                _ => continue,
            };
            if value.len() > PARAMETER_MAX || slot.replace(Secret::new(value.into_owned())).is_some() {
                return Err(OidcError::CallbackMalformed);
            }
        }
        Ok(callback)
    }
}
