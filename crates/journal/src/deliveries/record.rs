//! What one record says, and how it follows the one before.

use domain::id::SubscriptionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::seals::Hash;

/// The version of a record's form that this program reads and writes.
const VERSION: u16 = 1;
/// The first token of every record's subject.
const ROOT: &str = "dlv";

/// What became of an attempt, or why none was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// It was handed to a mail relay, which passes it on: that it arrived nobody says.
    Sent,
    /// Its owner had it set aside: what comes after it is sent, and it may be asked for again.
    SetAside,
    /// The owner says that everything up to this position was taken.
    Acknowledged,
    /// It was not taken, and is sent again.
    Again {
        /// Why, by a stable code: `timeout`.
        why: String,
        /// The status that the receiver answered, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Not before then.
        due: Timestamp,
    },
    /// It was not taken often enough: nothing more is sent until the owner resumes it.
    GivenUp {
        /// Why the last attempt failed.
        why: String,
        /// The status that the receiver answered, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// The receiver wants nothing more: nothing is sent until the owner resumes it.
    Gone,
    /// It was not sent at all, and nothing is until the owner sets it right.
    NotSent {
        /// Why, by a stable code: `refused-target`.
        why: String,
    },
}

impl Outcome {
    /// Whether nothing more is sent in this round.
    #[must_use]
    pub fn stops(&self) -> bool {
        match self {
            Self::Delivered | Self::Sent | Self::SetAside | Self::Acknowledged | Self::Again { .. } => false,
            Self::GivenUp { .. } | Self::Gone | Self::NotSent { .. } => true,
        }
    }
}

/// What is recorded of one attempt, beside its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// By which way: `webhook`, `mail`; `owner` where nothing was sent and the owner said something.
    pub way: String,
    /// In which round of the subscription's delivery.
    pub round: u32,
    /// Where the item stands in the journal; of what was not sent, after which position.
    pub position: u64,
    /// What names the item, the same in every attempt; none where nothing was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The SHA-256 of the body that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Hash>,
    /// The how manieth attempt at the item, from 1; 0 where none was made.
    pub attempt: u32,
    /// When it ended.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// How many items one message gathers; none where it is one item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<u32>,
    /// How far the subscription is since.
    #[serde(flatten)]
    pub reach: Reach,
}

/// How many items that were set aside are remembered of a subscription.
pub const ASIDE_MAX: usize = 100;

/// How far a subscription is: every record says it, so that the last one suffices to go on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reach {
    /// Everything up to this position was delivered, set aside, or was not the subscription's to know.
    pub cursor: u64,
    /// Where the items stand that were set aside and not delivered since, the last [`ASIDE_MAX`] of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<u64>,
    /// How far what was asked to be sent again is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayReach>,
    /// Up to which position the owner has acknowledged.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub acknowledged: u64,
    /// Where sending has stopped, until its owner resumes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// Where sending has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// In which round of the subscription's delivery.
    pub round: u32,
    /// At which item; of what was not sent at all, after which position.
    pub position: u64,
    /// What names that item, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayReach {
    /// The how manieth of the subscription.
    pub number: u32,
    /// Everything up to this position was sent again, set aside, or was not the subscription's to know.
    pub cursor: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_nothing(position: &u64) -> bool {
    *position == 0
}

impl Reach {
    /// Everything after `after` and up to `position` is done with: taken, or set aside.
    pub fn pass(&mut self, after: u64, position: u64, set_aside: bool) {
        if position > self.cursor {
            self.cursor = position;
        } else if let Some(replay) = &mut self.replay {
            replay.cursor = replay.cursor.max(position);
        }
        self.aside.retain(|aside| *aside <= after || position < *aside);
        if set_aside {
            self.aside.push(position);
            let old = self.aside.len().saturating_sub(ASIDE_MAX);
            self.aside.drain(..old);
        }
    }

    /// As far as `other`, which knows less of what is set aside and stopped.
    pub fn catch_up(&mut self, other: &Self) {
        self.cursor = self.cursor.max(other.cursor);
        self.acknowledged = self.acknowledged.max(other.acknowledged);
        let number = |reach: &Self| reach.replay.map_or((0, 0), |is| (is.number, is.cursor));
        if number(self) < number(other) {
            self.replay = other.replay;
        }
    }
}

/// A record as it lies in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    version: u16,
    pub(super) number: u64,
    pub(super) previous: Hash,
    #[serde(flatten)]
    pub(super) record: DeliveryRecord,
}

/// The end of a subscription's chain: what the next record follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// The place of the last record in the stream; 0 for none.
    pub sequence: u64,
    /// Its number in the chain; 0 for none.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Tip {
    /// Before the first record.
    pub const NONE: Self = Self { sequence: 0, number: 0, hash: Hash::NONE };

    /// The bytes of the record that follows.
    pub(super) fn follow(&self, record: &DeliveryRecord) -> Vec<u8> {
        let (number, previous) = (self.number + 1, self.hash);
        let written = Written { version: VERSION, number, previous, record: record.clone() };
        // Codes, numbers, hashes and dates always have a text.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// The end once these bytes lie at `sequence`.
    pub(super) fn after(&self, body: &[u8], sequence: u64) -> Self {
        Self { sequence, number: self.number + 1, hash: hash(body) }
    }
}

/// The hash by which the next record names this one.
pub(super) fn hash(body: &[u8]) -> Hash {
    Hash(Sha256::digest(body).into())
}

impl Written {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(body).ok().filter(|is| is.version == VERSION)
    }
}

/// The subject of a subscription's records.
#[must_use]
pub fn subject_of(id: SubscriptionId) -> String {
    format!("{ROOT}.{}.{}", id.territory(), id.uuid())
}
