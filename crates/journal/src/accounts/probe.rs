//! What credentials of a partner open, tried as its software would.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::grants::PARTNER_PREFIX;
use super::key::AccountKey;
use crate::config::{FEED, JournalConfig};
use crate::link::Link;

/// What a partner's credentials open at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// No connection: the broker does not take them, or is not there.
    Nothing,
    /// A connection, and no feed yet.
    Connection,
    /// The partner's feed.
    Feed,
}

#[derive(Deserialize)]
struct Answer {
    error: Option<Value>,
}

/// Connects with the partner's credentials that `config` names, and looks at its feed.
pub async fn probe(config: &JournalConfig, account: &AccountKey) -> Opens {
    let Ok(link) = Link::connect(config).await else { return Opens::Nothing };
    let subject = format!("{PARTNER_PREFIX}.CONSUMER.INFO.{FEED}.{account}");
    let Ok(answer) = link.request(subject, None, Bytes::new()).await else { return Opens::Connection };
    match serde_json::from_slice(&answer.payload) {
        Ok(Answer { error: None }) => Opens::Feed,
        Ok(Answer { error: Some(_) }) | Err(_) => Opens::Connection,
    }
}
