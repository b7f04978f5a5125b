//! What a verification found.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::chain::Fault;
use super::hash::Hash;

/// What is wrong at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The message is not what was sealed: its payload, a header or its subject was changed.
    Changed,
    /// The message is gone, and not by its age.
    Missing,
    /// The stream ends before this message, which was sealed.
    Truncated,
    /// The stream is gone.
    StreamGone,
    /// The entry of the chain is not what was signed.
    SealChanged,
    /// The entry of the chain is gone.
    SealMissing,
    /// The entry does not name the one in front of it: the chain was forked, or a part of it replaced.
    Forked,
    /// A key signed the entry that the chain does not know.
    UnknownKey,
    /// The signature is not that of the key.
    WrongSignature,
    /// The seal does not begin where the one before it ended.
    WrongStretch,
    /// The chain does not hold an entry that it once held: it was cut off, begun anew, or restored from an older backup.
    CutOff,
    /// The chain's key is not the one in the file of the signing key: the chain is another one.
    Replaced,
}

impl From<Fault> for What {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Changed | Fault::Misplaced => Self::SealChanged,
            Fault::Missing => Self::SealMissing,
            Fault::Forked => Self::Forked,
            Fault::UnknownKey => Self::UnknownKey,
            Fault::WrongSignature => Self::WrongSignature,
            Fault::WrongStretch => Self::WrongStretch,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "the message is not what was sealed",
            Self::Missing => "the message is gone",
            Self::Truncated => "the stream was cut off before this message",
            Self::StreamGone => "the stream is gone",
            Self::SealChanged => "the seal is not what was signed",
            Self::SealMissing => "the seal is gone",
            Self::Forked => "the seal does not follow the one in front of it",
            Self::UnknownKey => "a key signed the seal that the chain does not know",
            Self::WrongSignature => "the signature of the seal is wrong",
            Self::WrongStretch => "the seal does not begin where the one before it ended",
            Self::CutOff => "the chain does not hold an entry that it once held",
            Self::Replaced => "the chain's key is not the one in the file of the signing key",
        })
    }
}

/// One place that is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The stream.
    pub stream: String,
    /// The position.
    pub sequence: u64,
    /// What is wrong there.
    pub what: What,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.stream, self.sequence, self.what)
    }
}

/// What was found in one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// The stream.
    pub stream: String,
    /// Every message up to this position is there and is what was sealed, or was sealed and is gone by its age.
    pub complete_up_to: u64,
    /// The position of the last message under a seal.
    pub sealed_up_to: u64,
    /// The position of the last message.
    pub last: u64,
    /// How many messages are not sealed yet: nothing can be said of them but that they are there.
    pub unsealed: u64,
    /// How many messages are gone because they were old enough.
    pub expired: u64,
    /// How many messages were compared with their seal.
    pub compared: u64,
    /// How many places are damaged.
    pub damages: u64,
}

/// A key that signs the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySince {
    /// The public half, in hexadecimal digits.
    pub key: String,
    /// The entry that brought it into use.
    pub entry: u64,
    /// When that was signed.
    pub at: Timestamp,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The hash of the chain's last entry: kept apart, it proves one day that the chain was this long.
    pub head: Option<Hash>,
    /// How many entries the chain has.
    pub entries: u64,
    /// The keys that have signed it, in order.
    pub keys: Vec<KeySince>,
    /// The streams.
    pub streams: Vec<StreamReport>,
    /// The damage that was found first.
    pub first: Option<Damage>,
    /// How many places are damaged, the chain's own among them.
    pub damages: u64,
}

impl Report {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damages == 0
    }

    /// How many messages were compared with their seal.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.streams.iter().map(|stream| stream.compared).sum()
    }

    /// Notes some damages that begin at a place.
    pub(super) fn damage(&mut self, stream: &str, sequence: u64, what: What, count: u64) {
        self.damages += count;
        self.first.get_or_insert_with(|| Damage { stream: stream.to_owned(), sequence, what });
    }
}
