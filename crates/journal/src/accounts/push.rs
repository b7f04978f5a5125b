//! Telling a running cluster of an account: admission and revocation without touching a server.

use bytes::Bytes;
use serde::Deserialize;

use super::AccountsError;
use crate::config::JournalConfig;
use crate::link::Link;

/// Where the broker takes account tokens.
const UPDATE: &str = "$SYS.REQ.CLAIMS.UPDATE";

/// The broker's answer.
#[derive(Deserialize)]
struct Answer {
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    description: String,
}

/// Gives an account's token to the broker. `config` holds the credentials of the broker's own account. When this returns,
/// a server has stored it and cut off whoever it revokes; the others of a cluster follow at once.
///
/// # Errors
/// [`AccountsError::Refused`] when the broker cannot be reached or does not take the token.
pub async fn push(config: &JournalConfig, token: &str) -> Result<(), AccountsError> {
    let link = Link::connect(config).await.map_err(|why| AccountsError::Refused(why.to_string()))?;
    let body = Bytes::copy_from_slice(token.as_bytes());
    let answer = link.request(UPDATE.to_owned(), None, body).await;
    let answer = answer.map_err(|why| AccountsError::Refused(why.to_string()))?;
    let answer: Answer =
        serde_json::from_slice(&answer.payload).map_err(|why| AccountsError::Refused(why.to_string()))?;
    match answer.error {
        None => Ok(()),
        Some(refusal) => Err(AccountsError::Refused(refusal.description)),
    }
}
