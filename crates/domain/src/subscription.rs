//! The subscription ledger: what an organisation wants to be told of what is available, and whether it wants to be told now.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Stamp, events, families};
use crate::id::OrganisationId;
use crate::placement::Wants;

/// What a subscription goes on with after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resumption {
    /// With everything that it missed, from its cursor on.
    CatchUp,
    /// With what is available now, and what becomes of it.
    OnlyWhatIsOpen,
}

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

events! {
    /// What can happen to a subscription.
    pub enum FollowingEvent in SubscriptionEvent::Following {
        "subscription.opened" v 1 => SubscriptionOpened(SubscriptionOpened),
        "subscription.changed" v 1 => SubscriptionChanged(SubscriptionChanged),
        "subscription.paused" v 1 => SubscriptionPaused(SubscriptionPaused),
        "subscription.resumed" v 1 => SubscriptionResumed(SubscriptionResumed),
        "subscription.closed" v 1 => SubscriptionClosed(SubscriptionClosed),
    }
}

families! {
    /// What can happen to a subscription.
    pub enum SubscriptionEvent {
        Following(FollowingEvent),
    }
}

/// A subscription: the fold of its ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Subscription {
    /// Nothing is written on this ledger.
    #[default]
    Unknown,
    /// It stands.
    Open(Standing),
    /// It is over: nothing is told any more.
    Closed {
        /// Whose it was.
        owner: OrganisationId,
    },
}

/// A subscription that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Whose it is.
    pub owner: OrganisationId,
    /// What it is for.
    pub label: String,
    /// What it is told of.
    pub wants: Wants,
    /// Since when.
    pub since: Timestamp,
    /// Whether it is told now.
    pub flow: Flow,
}

/// Whether a subscription is told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Flow {
    /// It is.
    Running,
    /// It is not, since then.
    Paused {
        /// Since when.
        since: Timestamp,
    },
}

impl Subscription {
    /// It, while it stands.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        match self {
            Self::Open(standing) => Some(standing),
            Self::Unknown | Self::Closed { .. } => None,
        }
    }

    /// Whose it is or was.
    #[must_use]
    pub fn owner(&self) -> Option<OrganisationId> {
        match self {
            Self::Unknown => None,
            Self::Open(Standing { owner, .. }) | Self::Closed { owner } => Some(*owner),
        }
    }

    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &SubscriptionEvent, stamp: &Stamp) {
        let SubscriptionEvent::Following(event) = event;
        match (event, self) {
            (FollowingEvent::SubscriptionOpened(e), is @ Self::Unknown) => {
                *is = Self::Open(Standing {
                    owner: e.owner,
                    label: e.label.clone(),
                    wants: e.wants.clone(),
                    since: stamp.effective,
                    flow: Flow::Running,
                });
            }
            (FollowingEvent::SubscriptionChanged(e), Self::Open(is)) => {
                is.label.clone_from(&e.label);
                is.wants.clone_from(&e.wants);
            }
            (FollowingEvent::SubscriptionPaused(_), Self::Open(is)) => {
                is.flow = Flow::Paused { since: stamp.effective };
            }
            (FollowingEvent::SubscriptionResumed(_), Self::Open(is)) => is.flow = Flow::Running,
            (FollowingEvent::SubscriptionClosed(_), is @ Self::Open(_)) => {
                if let Some(owner) = is.owner() {
                    *is = Self::Closed { owner };
                }
            }
            (
                FollowingEvent::SubscriptionOpened(_)
                | FollowingEvent::SubscriptionChanged(_)
                | FollowingEvent::SubscriptionPaused(_)
                | FollowingEvent::SubscriptionResumed(_)
                | FollowingEvent::SubscriptionClosed(_),
                Self::Unknown | Self::Open(_) | Self::Closed { .. },
            ) => {}
        }
    }
}
