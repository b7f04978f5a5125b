//! A receipt: some records of a subscription's chain, one behind the other, signed with the key of the seals. It proves, without
//! the instance it came from, what was delivered, when, and that nothing between its first and last record is missing.

use domain::id::SubscriptionId;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::read::Lying;
use super::record::{Outcome, Written, hash};
use crate::seals::{Hash, PublicKey, SealKey};

/// The form of a receipt that this program writes and reads.
const VERSION: u16 = 1;
/// What sets what is signed apart from everything else that this key signs.
const SIGNED: &[u8] = b"continuum delivery receipt";

/// Records of one subscription, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The form.
    pub continuum_receipt: u16,
    /// Whose records they are.
    pub subscription: SubscriptionId,
    /// The records as they lie in the stream, byte by byte.
    pub records: Vec<String>,
    /// The public key that signed, in hexadecimal digits.
    pub key: String,
    /// The Ed25519 signature, in hexadecimal digits.
    pub signature: String,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Whose.
    pub subscription: SubscriptionId,
    /// The number of the first record.
    pub first: u64,
    /// The number of the last record.
    pub last: u64,
    /// How many messages were delivered, or handed to a mail relay.
    pub delivered: u64,
    /// Up to which position the owner has acknowledged; 0 for nothing.
    pub acknowledged: u64,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It is of another form.
    #[error("the receipt is of a form that this program does not know")]
    Form,
    /// It holds no record.
    #[error("the receipt holds no record")]
    Empty,
    /// A line is no record.
    #[error("line {line} is no record of a delivery")]
    Record {
        /// Which, from 1.
        line: usize,
    },
    /// A line was changed, removed, added or moved: this one does not follow the one before.
    #[error("line {line} does not follow the one before: something was changed, removed or moved")]
    Broken {
        /// Which, from 1.
        line: usize,
    },
    /// The key is none of those that are trusted.
    #[error("the receipt is signed with a key that is not among those given")]
    Stranger,
    /// The signature does not match.
    #[error("the signature does not match what the receipt says")]
    Unsigned,
}

/// What is signed: every field that the hashes do not cover, each preceded by its length.
fn statement(subscription: SubscriptionId, before: Hash, last: Hash, count: usize) -> Hash {
    let (subscription, count) = (subscription.to_string(), count.to_string());
    Hash::of(&[SIGNED, subscription.as_bytes(), &before.0, &last.0, count.as_bytes()])
}

impl Receipt {
    /// The receipt of records that lie one behind the other; none of none.
    #[must_use]
    pub fn sign(key: &SealKey, subscription: SubscriptionId, records: &[Lying]) -> Option<Self> {
        let (first, last) = (records.first()?, records.last()?);
        let texts = records.iter().map(|lying| String::from_utf8(lying.body.clone()));
        let texts: Vec<String> = texts.collect::<Result<_, _>>().ok()?;
        let statement = statement(subscription, first.previous, last.tip.hash, texts.len());
        let signature = key.signing().sign(&statement.0).to_bytes();
        Some(Self {
            continuum_receipt: VERSION,
            subscription,
            records: texts,
            key: key.public().to_string(),
            signature: data_encoding::HEXLOWER.encode(&signature),
        })
    }

    /// Checks every line and the signature, by one of the `known` keys.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, known: &[PublicKey]) -> Result<Proven, Unproven> {
        if self.continuum_receipt != VERSION {
            return Err(Unproven::Form);
        }
        let mut read: Vec<(Written, Hash)> = Vec::with_capacity(self.records.len());
        for (text, line) in self.records.iter().zip(1..) {
            let written = Written::read(text.as_bytes()).ok_or(Unproven::Record { line })?;
            let follows = |(before, hash): &(Written, Hash)| {
                *hash == written.previous && before.number.checked_add(1) == Some(written.number)
            };
            if !read.last().is_none_or(follows) {
                return Err(Unproven::Broken { line });
            }
            read.push((written, hash(text.as_bytes())));
        }
        let (Some((first, _)), Some((last, head))) = (read.first(), read.last()) else {
            return Err(Unproven::Empty);
        };
        let key: PublicKey = self.key.parse().map_err(|_| Unproven::Form)?;
        if !known.contains(&key) {
            return Err(Unproven::Stranger);
        }
        let statement = statement(self.subscription, first.previous, *head, self.records.len());
        let signature = data_encoding::HEXLOWER.decode(self.signature.as_bytes());
        let signature = signature.ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        let signed = VerifyingKey::from_bytes(&key.0).ok().zip(signature);
        if signed.is_none_or(|(key, signature)| key.verify_strict(&statement.0, &signature).is_err()) {
            return Err(Unproven::Unsigned);
        }
        let delivered = read
            .iter()
            .filter(|(is, _)| matches!(is.record.outcome, Outcome::Delivered | Outcome::Sent))
            .count();
        Ok(Proven {
            subscription: self.subscription,
            first: first.number,
            last: last.number,
            delivered: u64::try_from(delivered).unwrap_or(u64::MAX),
            acknowledged: last.record.reach.acknowledged,
        })
    }
}
