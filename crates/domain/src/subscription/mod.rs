//! The subscription ledger: what an organisation wants to be told of what is available, and whether it wants to be told now.

mod delivery;
mod event;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Stamp;
use crate::id::OrganisationId;
use crate::placement::Wants;

pub use delivery::{Delivery, QuietHours, Replay, Restart, Rhythm, Signing, TURNING, URL_MAX, Way};
pub use event::{
    FollowingEvent, SubscriptionAcknowledged, SubscriptionChanged, SubscriptionClosed,
    SubscriptionDeliveryEnded, SubscriptionDeliveryResumed, SubscriptionDeliverySet, SubscriptionEvent,
    SubscriptionOpened, SubscriptionPaused, SubscriptionReplayAsked, SubscriptionResumed,
    SubscriptionSecretRotated,
};

/// What a subscription goes on with after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resumption {
    /// With everything that it missed, from its cursor on.
    CatchUp,
    /// With what is available now, and what becomes of it.
    OnlyWhatIsOpen,
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
    /// How its events are brought to its owner, if they are.
    pub delivery: Option<Delivery>,
    /// How often a way was set or resumed: no round has the number of an earlier one, even after an end.
    pub rounds: u32,
    /// What is sent is signed with.
    pub secret: Signing,
    /// What was asked to be sent again last.
    pub replay: Option<Replay>,
    /// Up to which position its owner said that it has taken what it was told; 0 for nothing.
    pub acknowledged: u64,
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
                    delivery: None,
                    rounds: 0,
                    secret: Signing::FIRST,
                    replay: None,
                    acknowledged: 0,
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
            (FollowingEvent::SubscriptionDeliverySet(e), Self::Open(is)) => {
                is.rounds = is.rounds.saturating_add(1);
                is.delivery = Some(Delivery {
                    way: e.way.clone(),
                    role: e.role,
                    rhythm: e.rhythm,
                    quiet: e.quiet,
                    round: is.rounds,
                    restart: Restart::WithIt,
                });
            }
            (FollowingEvent::SubscriptionDeliveryResumed(e), Self::Open(is)) => {
                is.rounds = is.rounds.saturating_add(1);
                if let Some(delivery) = &mut is.delivery {
                    (delivery.round, delivery.restart) = (is.rounds, e.restart);
                }
            }
            (FollowingEvent::SubscriptionReplayAsked(e), Self::Open(is)) => {
                is.replay = Some(Replay { number: e.number, after: e.after, until: e.until });
            }
            (FollowingEvent::SubscriptionAcknowledged(e), Self::Open(is)) => is.acknowledged = e.upto,
            (FollowingEvent::SubscriptionDeliveryEnded(_), Self::Open(is)) => is.delivery = None,
            (FollowingEvent::SubscriptionSecretRotated(e), Self::Open(is)) => {
                is.secret = Signing { generation: e.generation, rotated: Some(stamp.effective) };
            }
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
                | FollowingEvent::SubscriptionClosed(_)
                | FollowingEvent::SubscriptionDeliverySet(_)
                | FollowingEvent::SubscriptionDeliveryResumed(_)
                | FollowingEvent::SubscriptionDeliveryEnded(_)
                | FollowingEvent::SubscriptionReplayAsked(_)
                | FollowingEvent::SubscriptionAcknowledged(_)
                | FollowingEvent::SubscriptionSecretRotated(_),
                Self::Unknown | Self::Open(_) | Self::Closed { .. },
            ) => {}
        }
    }
}
