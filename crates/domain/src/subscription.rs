//! The subscription ledger: what an organisation wants to be told of what is available, and whether it wants to be told now.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Stamp, events, families};
use crate::id::OrganisationId;
use crate::placement::Wants;
use crate::rights::Role;

/// What a subscription goes on with after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resumption {
    /// With everything that it missed, from its cursor on.
    CatchUp,
    /// With what is available now, and what becomes of it.
    OnlyWhatIsOpen,
}

/// How a subscription's events are brought to its owner, besides being asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Sent to a server of the owner's, signed after Standard Webhooks.
    Webhook {
        /// Where it listens. It may hold a secret: the owner alone is shown it, and no log is.
        url: String,
    },
}

/// What a URL of a webhook must not be longer than, in bytes.
pub const URL_MAX: usize = 2_048;

impl std::fmt::Debug for Way {
    /// Never shows the URL.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Webhook { .. } => f.write_str("Webhook(…)"),
        }
    }
}

impl Way {
    /// Whether it has the form of one. Where it leads to, and whether a deployment allows that, is looked at when something is
    /// sent.
    #[must_use]
    pub fn has_the_form(&self) -> bool {
        let Self::Webhook { url } = self;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?']).next());
        url.len() <= URL_MAX
            && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
            && host.is_some_and(|host| !host.is_empty() && !host.starts_with(':') && !host.contains('@'))
    }
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

/// `subscription.delivery_set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDeliverySet {
    /// How its events are brought to its owner from now on.
    pub way: Way,
    /// The role under which the owner is told: that of whoever set it.
    pub role: Role,
}

/// `subscription.delivery_resumed`: what had stopped being sent to is tried again, from where it stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDeliveryResumed {}

/// `subscription.delivery_ended`: its events are only asked for from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionDeliveryEnded {}

/// `subscription.secret_rotated`: what is sent is signed with another secret. Only its number is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionSecretRotated {
    /// The how manieth secret of the subscription it is, from 1; nothing was rotated before 2.
    pub generation: u32,
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
        "subscription.secret_rotated" v 1 => SubscriptionSecretRotated(SubscriptionSecretRotated),
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
    /// How its events are brought to its owner, if they are.
    pub delivery: Option<Delivery>,
    /// How often a way was set or resumed: no round has the number of an earlier one, even after an end.
    pub rounds: u32,
    /// What is sent is signed with.
    pub secret: Signing,
}

/// How a subscription's events are brought to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// By which way.
    pub way: Way,
    /// Under which role the owner is told.
    pub role: Role,
    /// Raised whenever the way is set or resumed: what stopped in an earlier round does not hold it up.
    pub round: u32,
}

/// Which secret of a subscription signs. The secrets themselves are recorded nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// The how manieth, from 1.
    pub generation: u32,
    /// Since when, if there was one before.
    pub rotated: Option<Timestamp>,
}

/// How long the secret before the last rotation signs beside the new one.
pub const TURNING: SignedDuration = SignedDuration::from_hours(24);

impl Signing {
    /// The first secret.
    pub const FIRST: Self = Self { generation: 1, rotated: None };

    /// The generation that still signs beside the current one at `now`, if any.
    #[must_use]
    pub fn beside(&self, now: Timestamp) -> Option<u32> {
        let turning = self.rotated.is_some_and(|at| now.duration_since(at) < TURNING);
        if turning { self.generation.checked_sub(1) } else { None }
    }
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
                let (way, role) = (e.way.clone(), e.role);
                is.rounds = is.rounds.saturating_add(1);
                is.delivery = Some(Delivery { way, role, round: is.rounds });
            }
            (FollowingEvent::SubscriptionDeliveryResumed(_), Self::Open(is)) => {
                is.rounds = is.rounds.saturating_add(1);
                if let Some(delivery) = &mut is.delivery {
                    delivery.round = is.rounds;
                }
            }
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
                | FollowingEvent::SubscriptionSecretRotated(_),
                Self::Unknown | Self::Open(_) | Self::Closed { .. },
            ) => {}
        }
    }
}
