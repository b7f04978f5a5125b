//! What can happen to a subscription.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{QuietHours, Restart, Resumption, Rhythm, Way};
use crate::event::{events, families};
use crate::id::OrganisationId;
use crate::placement::Wants;
use crate::rights::Role;

/// `subscription.opened`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionOpened {
    /// Whose it is.
    pub owner: OrganisationId,
    /// What it is for, in the owner's words; names nobody.
    pub label: String,
    /// What it is told of.
    pub wants: Wants,
}

/// `subscription.changed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionChanged {
    /// What it is for now.
    pub label: String,
    /// What it is told of now.
    pub wants: Wants,
}

/// `subscription.paused`: nothing is told until it is resumed, and nothing is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionPaused {}

/// `subscription.resumed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionResumed {
    /// With what.
    pub with: Resumption,
}

/// `subscription.closed`: nothing is told any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionClosed {}

/// `subscription.delivery_set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDeliverySet {
    /// How its events are brought to its owner from now on.
    pub way: Way,
    /// The role under which the owner is told: that of whoever set it.
    pub role: Role,
    /// Whether at once or gathered.
    #[serde(default, skip_serializing_if = "Rhythm::is_immediate")]
    pub rhythm: Rhythm,
    /// When nothing is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
}

/// `subscription.delivery_resumed`: what had stopped being sent to is tried again, from where it stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDeliveryResumed {
    /// With what it stopped at, or after it.
    #[serde(default, skip_serializing_if = "Restart::is_with_it")]
    pub restart: Restart,
}

/// `subscription.delivery_ended`: its events are only asked for from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDeliveryEnded {}

/// `subscription.secret_rotated`: what is sent is signed with another secret. Only its number is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionSecretRotated {
    /// The how manieth secret of the subscription it is, from 1; nothing was rotated before 2.
    pub generation: u32,
}

/// `subscription.replay_asked`: what was told between two positions is sent again, as much of it as may be told by then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionReplayAsked {
    /// The how manieth replay of the subscription it is, from 1.
    pub number: u32,
    /// After which position.
    pub after: u64,
    /// Up to which position, that one included.
    pub until: u64,
}

/// `subscription.acknowledged`: its owner has taken what it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionAcknowledged {
    /// Up to which position, that one included.
    pub upto: u64,
}

events! {
    /// What can happen to a subscription.
    pub enum FollowingEvent in SubscriptionEvent::Following {
        "subscription.opened" v 1 => SubscriptionOpened(SubscriptionOpened),
        "subscription.changed" v 1 => SubscriptionChanged(SubscriptionChanged),
        "subscription.paused" v 1 => SubscriptionPaused(SubscriptionPaused),
        "subscription.resumed" v 1 => SubscriptionResumed(SubscriptionResumed),
        "subscription.closed" v 1 => SubscriptionClosed(SubscriptionClosed),
        "subscription.delivery_set" v 1 => SubscriptionDeliverySet(SubscriptionDeliverySet),
        "subscription.delivery_resumed" v 1 => SubscriptionDeliveryResumed(SubscriptionDeliveryResumed),
        "subscription.delivery_ended" v 1 => SubscriptionDeliveryEnded(SubscriptionDeliveryEnded),
        "subscription.replay_asked" v 1 => SubscriptionReplayAsked(SubscriptionReplayAsked),
        "subscription.acknowledged" v 1 => SubscriptionAcknowledged(SubscriptionAcknowledged),
        "subscription.secret_rotated" v 1 => SubscriptionSecretRotated(SubscriptionSecretRotated),
    }
}

families! {
    /// What can happen to a subscription.
    pub enum SubscriptionEvent {
        Following(FollowingEvent),
    }
}
