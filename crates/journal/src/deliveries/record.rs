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
            Self::Delivered | Self::Again { .. } => false,
            Self::GivenUp { .. } | Self::Gone | Self::NotSent { .. } => true,
        }
    }
}

/// What is recorded of one attempt, beside its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// By which way: `webhook`.
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
    /// Everything up to this position was delivered or was not the subscription's to know.
    pub cursor: u64,
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
