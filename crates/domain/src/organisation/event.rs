//! What can happen to an organisation.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BrokerAccount, Organisation, Verb};
use crate::calendar::Instant;
use crate::event::{Actor, events, families};
use crate::id::{SubscriptionId, TokenId};
use crate::rights::Role;

/// `organisation.registered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationRegistered {
    /// What it is.
    pub organisation: Organisation,
}

/// `organisation.changed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationChanged {
    /// What it is now.
    pub organisation: Organisation,
}

/// `organisation.closed`: nobody of it may do anything from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationClosed {}

/// `token.issued`: to software of the organisation. The token itself is shown once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenIssued {
    /// The token.
    pub token: TokenId,
    /// What it is for, in the organisation's words; names nobody.
    pub label: String,
    /// SHA-256 of its secret (256 random bits, so that no salt is needed), in hexadecimal.
    pub digest: String,
    /// The role it acts in.
    pub role: Role,
    /// What it may do at all.
    pub verbs: BTreeSet<Verb>,
    /// The one subscription it is for, if it is for one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscriptionId>,
    /// The last instant it is good.
    pub expires_at: Instant,
    /// The most requests in a minute.
    pub per_minute: u32,
}

/// `token.revoked`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenRevoked {
    /// The token.
    pub token: TokenId,
}

/// `account.bound`: what comes from this account of the broker is the organisation's, under one of its tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountBound {
    /// The account.
    pub account: BrokerAccount,
    /// The token it acts under.
    pub token: TokenId,
}

/// `account.revoked`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRevoked {
    /// The account.
    pub account: BrokerAccount,
}

/// `organisation.bulk_reading_noticed`: one of its people, or its software, opened more files in a short time than their work
/// asks for. Others look at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkReadingNoticed {
    /// Who: the code of a person or of a token.
    pub actor: Actor,
    /// The files of how many households they had opened by then.
    pub households: u32,
    /// The beginning of the time that was looked at.
    pub since: Instant,
    /// When it was noticed.
    pub until: Instant,
}

/// `token.issued` as it was when subscriptions had no home: there were none, so that such a token is for nothing, whichever
/// home its number is given.
fn homed(version: u16, mut body: Value) -> Value {
    if version == 1
        && let Some(subscription) = body.get_mut("subscription")
        && let Some(number) = subscription.as_str()
    {
        *subscription = format!("75-{number}").into();
    }
    body
}

events! {
    /// What can happen to an organisation, the tokens of its software and its account.
    pub enum PartyEvent in OrganisationEvent::Party {
        "organisation.registered" v 1 => OrganisationRegistered(OrganisationRegistered),
        "organisation.changed" v 1 => OrganisationChanged(OrganisationChanged),
        "organisation.closed" v 1 => OrganisationClosed(OrganisationClosed),
        "token.issued" v 2 by homed => TokenIssued(TokenIssued),
        "token.revoked" v 1 => TokenRevoked(TokenRevoked),
        "account.bound" v 1 => AccountBound(AccountBound),
        "account.revoked" v 1 => AccountRevoked(AccountRevoked),
        "organisation.bulk_reading_noticed" v 1 => BulkReadingNoticed(BulkReadingNoticed),
    }
}

families! {
    /// What can happen to an organisation.
    pub enum OrganisationEvent {
        Party(PartyEvent),
    }
}
