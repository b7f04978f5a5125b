//! The keys that a provider publishes, and the documents signed with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::Algorithm;
use super::error::{Document, Fault, OidcError, TokenFault};
use super::fetch::Http;
use super::metadata::Metadata;
use super::signature;

/// The most keys of a provider that are kept: those published have two or three.
const KEYS_MAX: usize = 32;

/// The keys of a provider with which something can be checked.
#[derive(Default)]
pub(super) struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// The header of a signed document.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood: none is.
    crit: Option<Value>,
}

impl Keys {
    pub(super) async fn fetch(metadata: &Metadata, http: &Http) -> Result<Self, OidcError> {
        let accept = "application/json, application/jwk-set+json";
        let body = http.get(Document::Keys, &metadata.keys, accept, None).await?;
        let published: Published = serde_json::from_slice(&body)
            .map_err(|_| OidcError::Fetch { document: Document::Keys, fault: Fault::Malformed })?;
        Ok(Self::of(published.keys))
    }

    /// What is not a key to check signatures with by our algorithms is passed over: a provider publishes for others too.
    fn of(published: Vec<Value>) -> Self {
        let keys = published.into_iter().filter_map(|key| Key::of(&serde_json::from_value(key).ok()?));
        Self(keys.take(KEYS_MAX).collect())
    }

    /// What `token` says, once its signature is found to be by one of `accepted` and with one of these keys.
    pub(super) fn opened<T: DeserializeOwned + Clone>(
        &self,
        token: &str,
        accepted: &[Algorithm],
    ) -> Result<T, TokenFault> {
        signature::install();
        let header = token.split('.').next().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenFault::Malformed)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| TokenFault::Malformed)?;
        if header.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let algorithm = accepted.iter().find(|accepted| accepted.name() == header.alg);
        let algorithm = *algorithm.ok_or(TokenFault::Algorithm)?;
        let key = self.named(header.kid.as_deref(), algorithm).ok_or(TokenFault::UnknownKey)?;
        // Times and audiences are looked at by those who know the time and the client.
        let mut validation = Validation::new(algorithm.known());
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let opened = jsonwebtoken::decode(token, key, &validation).map_err(|error| {
            if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::InvalidSignature) {
                TokenFault::Signature
            } else {
                TokenFault::Malformed
            }
        })?;
        Ok(opened.claims)
    }

    /// The key of this name; without a name, the only one there is for the algorithm.
    fn named(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fit = self
            .0
            .iter()
            .filter(|key| key.algorithm == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id)));
        let first = fit.next()?;
        (id.is_some() || fit.next().is_none()).then_some(&first.key)
    }
}

impl Key {
    fn of(published: &Jwk) -> Option<Self> {
        let algorithm = if matches!(published.algorithm, AlgorithmParameters::RSA(_)) {
            Algorithm::Rs256
        } else if let AlgorithmParameters::EllipticCurve(point) = &published.algorithm
            && point.curve == EllipticCurve::P256
        {
            Algorithm::Es256
        } else {
            return None;
        };
        let common = &published.common;
        let signs = common.public_key_use.as_ref().is_none_or(|key_use| *key_use == PublicKeyUse::Signature);
        let named = common.key_algorithm.is_none_or(|named| named == algorithm.published());
        let key = DecodingKey::from_jwk(published).ok()?;
        (signs && named).then(|| Self { id: common.key_id.clone(), algorithm, key })
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    fn known(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }

    fn published(self) -> KeyAlgorithm {
        match self {
            Self::Rs256 => KeyAlgorithm::RS256,
            Self::Es256 => KeyAlgorithm::ES256,
        }
    }
}
