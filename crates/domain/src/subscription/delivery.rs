//! How what a subscription is told is brought to its owner: by which way, when, under which role and signature.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{TimeOfDay, day, days_after};
use crate::id::{Territory, UserId};
use crate::rights::Role;

/// How a subscription's events are brought to its owner, besides being asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Sent to a server of the owner's, signed after Standard Webhooks.
    Webhook {
        /// Where it listens. It may hold a secret: the owner alone is shown it, and no log is.
        url: String,
    },
    /// Sent by mail to one of the owner's users, without saying what is available: how much, until when, and where to look.
    Mail {
        /// Whose address, that of their account: it is written nowhere else, and is theirs to change.
        to: UserId,
    },
    /// Written to the feed of each of the owner's accounts of the broker that stands for the role.
    Broker {},
}

/// What a URL of a webhook must not be longer than, in bytes.
pub const URL_MAX: usize = 2_048;

impl fmt::Debug for Way {
    /// Never shows the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { .. } => f.write_str("Webhook(…)"),
            Self::Mail { to } => write!(f, "Mail({to})"),
            Self::Broker {} => f.write_str("Broker"),
        }
    }
}

impl Way {
    /// Its word in records and answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Mail { .. } => "mail",
            Self::Broker {} => "broker",
        }
    }

    /// Whether it has the form of one. Where it leads to, and whether a deployment allows that, is looked at when something is
    /// sent.
    #[must_use]
    pub fn has_the_form(&self) -> bool {
        match self {
            Self::Webhook { url } => is_url(url),
            Self::Mail { .. } | Self::Broker {} => true,
        }
    }
}

fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next());
    url.len() <= URL_MAX
        && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        && host.is_some_and(|host| !host.is_empty() && !host.starts_with(':') && !host.contains('@'))
}

/// Whether what is new is brought at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// At once.
    #[default]
    Immediate,
    /// Gathered, once a day.
    Daily {
        /// When, by the clocks of the subscription's département.
        at: TimeOfDay,
    },
}

impl Rhythm {
    /// Whether it is the one that is meant where none is written.
    pub(super) fn is_immediate(&self) -> bool {
        *self == Self::Immediate
    }

    /// What was recorded up to then may be brought at `now`.
    #[must_use]
    pub fn upto(self, territory: Territory, now: Timestamp) -> Timestamp {
        let Self::Daily { at } = self else { return now };
        let today = day(territory, now);
        let last = at.on(territory, today);
        if last <= now { last } else { at.on(territory, days_after(today, -1)) }
    }
}

/// When nothing is sent, every day: what happens meanwhile is sent afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Its first minute, by the clocks of the subscription's département.
    pub from: TimeOfDay,
    /// The first minute after it; before `from`, it is that of the next day.
    pub until: TimeOfDay,
}

impl QuietHours {
    /// Whether it lasts at `now`.
    #[must_use]
    pub fn last(self, territory: Territory, now: Timestamp) -> bool {
        let (Self { from, until }, now) = (self, TimeOfDay::at(territory, now));
        if from <= until { from <= now && now < until } else { from <= now || now < until }
    }
}

/// With what sending goes on that had stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// With what it stopped at.
    #[default]
    WithIt,
    /// After it: it is set aside, and may be asked for again.
    PastIt,
}

impl Restart {
    /// Whether it is the one that is meant where none is written.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(super) fn is_with_it(&self) -> bool {
        *self == Self::WithIt
    }
}

/// What was told between two positions, to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The how manieth of the subscription, from 1.
    pub number: u32,
    /// After which position.
    pub after: u64,
    /// Up to which position, that one included.
    pub until: u64,
}

/// How a subscription's events are brought to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// By which way.
    pub way: Way,
    /// Under which role the owner is told.
    pub role: Role,
    /// Whether at once or gathered.
    pub rhythm: Rhythm,
    /// When nothing is sent.
    pub quiet: Option<QuietHours>,
    /// Raised whenever the way is set or resumed: what stopped in an earlier round does not hold it up.
    pub round: u32,
    /// With what this round began, if the one before had stopped.
    pub restart: Restart,
}

impl Delivery {
    /// Whether nothing is sent at `now`, by the clocks of the subscription's `territory`.
    #[must_use]
    pub fn is_quiet(&self, territory: Territory, now: Timestamp) -> bool {
        self.quiet.is_some_and(|quiet| quiet.last(territory, now))
    }
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
