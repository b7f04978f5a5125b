//! The tokens that an organisation's software signs in with.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TokenIssued;
use crate::id::SubscriptionId;
use crate::rights::Role;

/// What a token may do at all, whatever its role allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Read.
    Read,
    /// Follow what happens, live.
    Follow,
    /// Ask commands.
    Command,
}

/// Whether a token was taken back. That it has expired is told by its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSituation {
    /// It was not.
    Issued,
    /// It was.
    Revoked,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// What it is for.
    pub label: String,
    /// SHA-256 of its secret, in hexadecimal.
    pub digest: String,
    /// The role it acts in.
    pub role: Role,
    /// What it may do at all.
    pub verbs: BTreeSet<Verb>,
    /// The one subscription it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscriptionId>,
    /// The last instant it is good.
    pub expires_at: Timestamp,
    /// The most requests in a minute.
    pub per_minute: u32,
    /// Whether it was taken back.
    pub situation: TokenSituation,
}

impl Token {
    pub(super) fn issued(e: &TokenIssued) -> Self {
        Self {
            label: e.label.clone(),
            digest: e.digest.clone(),
            role: e.role,
            verbs: e.verbs.clone(),
            subscription: e.subscription,
            expires_at: e.expires_at.0,
            per_minute: e.per_minute,
            situation: TokenSituation::Issued,
        }
    }

    /// Whether it is good at this instant.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.situation == TokenSituation::Issued && now <= self.expires_at
    }
}
