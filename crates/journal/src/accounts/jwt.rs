//! Signing: claims become tokens in the form the broker reads (JWT with `ed25519-nkey`, version 2 of its claims).

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::AccountsError;
use super::key::Pair;
use super::name::Name;

/// The claims common to all tokens.
pub(super) struct Claims<'a> {
    /// Who or what the token is about: a public key.
    pub(super) subject: &'a str,
    /// What it is called.
    pub(super) name: &'a Name,
    pub(super) issued: Timestamp,
    /// When it ends to be valid; accounts and operators are valid until replaced.
    pub(super) expires: Option<Timestamp>,
    /// What it allows.
    pub(super) nats: Value,
}

/// The token that `issuer` signs.
pub(super) fn sign(claims: &Claims<'_>, issuer: &Pair) -> Result<String, AccountsError> {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let mut body = Map::new();
    body.insert("iat".into(), claims.issued.as_second().into());
    if let Some(expires) = claims.expires {
        body.insert("exp".into(), expires.as_second().into());
    }
    body.insert("iss".into(), issuer.public().into());
    body.insert("name".into(), claims.name.as_str().into());
    body.insert("sub".into(), claims.subject.into());
    body.insert("nats".into(), claims.nats.clone());
    let hash = Sha256::digest(encode(&body)?.as_bytes());
    body.insert("jti".into(), BASE32_NOPAD.encode(&hash).into());
    let signed = format!("{}.{}", encode(&header)?, encode(&body)?);
    let signature = BASE64URL_NOPAD.encode(&issuer.sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

fn encode(part: &impl Serialize) -> Result<String, AccountsError> {
    let json = serde_json::to_vec(part).map_err(|why| AccountsError::Key(why.to_string()))?;
    Ok(BASE64URL_NOPAD.encode(&json))
}

/// The claims of a token, its signature not looked at: to see what was minted.
#[must_use]
pub fn claims(token: &str) -> Option<Value> {
    let body = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(body.as_bytes()).ok()?).ok()
}
