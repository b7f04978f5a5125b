//! One entry of the chain: what it says, its signature, its form in the stream. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hash::{Hash, hex, unhex};
use super::tree::{MARK_BYTES, Mark, WHOSE_BYTES, Whose};
use crate::sealing::length_prefixed;

/// The version of the form that this program writes, and the only one so far.
const VERSION: u16 = 1;

/// What a signature is about, so that nothing else that the key may sign one day passes for an entry.
const SIGNED: &[u8] = b"continuum/seal/1";

/// What the hash of an entry is about.
const HASHED: &[u8] = b"continuum/seal-entry/1";

/// The public half of a key that signs entries (Ed25519), written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    pub(super) fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key().to_bytes())
    }
}

/// The text is not the 64 lowercase hexadecimal digits of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 64 lowercase hexadecimal digits")]
pub struct NotAKey;

impl std::str::FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        unhex(text).map(Self).ok_or(NotAKey)
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A stretch of messages of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The stream.
    pub stream: String,
    /// The position of the first message.
    pub from: u64,
    /// The position of the last message.
    pub to: u64,
    /// When the broker stored the first of them.
    pub since: Timestamp,
    /// When the broker stored the last of them.
    pub until: Timestamp,
    /// The root of the tree over their leaves.
    pub root: Hash,
    /// The mark of each leaf, in order.
    pub marks: Vec<Mark>,
    /// Whose each message is, in order; empty where nobody is owed a proof that none of theirs was left out.
    pub whose: Vec<Whose>,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The chain begins, with the key of this entry.
    Begun,
    /// From the next entry on another key signs.
    Rotated {
        /// That key.
        next: PublicKey,
    },
    /// These messages are what they are.
    Sealed(Seal),
}

/// One entry of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The hash of the entry before; [`Hash::NONE`] in the first.
    pub previous: Hash,
    /// When it was signed.
    pub at: Timestamp,
    /// Who signed it.
    pub key: PublicKey,
    /// What it says.
    pub says: Says,
    /// The signature over all of this.
    pub signature: [u8; 64],
}

impl Entry {
    /// Signs an entry.
    pub(super) fn sign(key: &SigningKey, previous: Hash, at: Timestamp, says: Says) -> Self {
        let mut entry = Self { previous, at, key: PublicKey::of(key), says, signature: [0; 64] };
        entry.signature = key.sign(&entry.statement()).to_bytes();
        entry
    }

    /// What is signed: every field, each preceded by its length.
    fn statement(&self) -> Vec<u8> {
        let (kind, next, seal) = match &self.says {
            Says::Begun => ("begun", None, None),
            Says::Rotated { next } => ("rotated", Some(next), None),
            Says::Sealed(seal) => ("sealed", None, Some(seal)),
        };
        let at = self.at.to_string();
        let mut bytes =
            length_prefixed(&[SIGNED, kind.as_bytes(), &self.previous.0, at.as_bytes(), &self.key.0]);
        if let Some(next) = next {
            bytes.extend(length_prefixed(&[&next.0]));
        }
        if let Some(seal) = seal {
            let (since, until) = (seal.since.to_string(), seal.until.to_string());
            bytes.extend(length_prefixed(&[
                seal.stream.as_bytes(),
                &seal.from.to_be_bytes(),
                &seal.to.to_be_bytes(),
                since.as_bytes(),
                until.as_bytes(),
                &seal.root.0,
                seal.marks.as_flattened(),
            ]));
            // Seals were without it at first: what they signed stays what it was.
            if !seal.whose.is_empty() {
                bytes.extend(length_prefixed(&[seal.whose.as_flattened()]));
            }
        }
        bytes
    }

    /// Whether its own key signed it.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        VerifyingKey::from_bytes(&self.key.0).is_ok_and(|key| {
            key.verify_strict(&self.statement(), &Signature::from_bytes(&self.signature)).is_ok()
        })
    }

    /// What the next entry names as the one before it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&[HASHED, &self.statement(), &self.signature])
    }

    /// The subject it stands on.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.says {
            Says::Begun | Says::Rotated { .. } => KEY_SUBJECT.to_owned(),
            Says::Sealed(seal) => subject_of(&seal.stream),
        }
    }

    /// Its form in the stream.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let written = Written {
            v: VERSION,
            says: match &self.says {
                Says::Begun => Word::Begun,
                Says::Rotated { .. } => Word::Rotated,
                Says::Sealed(_) => Word::Sealed,
            },
            next: match &self.says {
                Says::Rotated { next } => Some(next.to_string()),
                Says::Begun | Says::Sealed(_) => None,
            },
            seal: match &self.says {
                Says::Sealed(seal) => Some(WrittenSeal {
                    stream: seal.stream.clone(),
                    from: seal.from,
                    to: seal.to,
                    since: seal.since,
                    until: seal.until,
                    root: seal.root,
                    marks: BASE64.encode(seal.marks.as_flattened()),
                    whose: (!seal.whose.is_empty()).then(|| BASE64.encode(seal.whose.as_flattened())),
                }),
                Says::Begun | Says::Rotated { .. } => None,
            },
            previous: self.previous,
            at: self.at,
            key: self.key.to_string(),
            signature: hex(&self.signature),
        };
        // A struct of numbers and texts always has a JSON form.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// The entry in these bytes, if they are exactly what [`Entry::to_bytes`] makes of it: so no byte can change without
    /// being noticed, not even one that means nothing.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let says = match (written.says, written.next, written.seal) {
            (Word::Begun, None, None) => Says::Begun,
            (Word::Rotated, Some(next), None) => Says::Rotated { next: PublicKey(unhex(&next)?) },
            (Word::Sealed, None, Some(seal)) => {
                let marks = BASE64.decode(&seal.marks).ok()?;
                let (marks, []) = marks.as_chunks::<MARK_BYTES>() else { return None };
                let whose = BASE64.decode(seal.whose.as_deref().unwrap_or_default()).ok()?;
                let (whose, []) = whose.as_chunks::<WHOSE_BYTES>() else { return None };
                if !whose.is_empty() && whose.len() != marks.len() {
                    return None;
                }
                let WrittenSeal { stream, from, to, since, until, root, .. } = seal;
                let counted = to.checked_sub(from).and_then(|more| more.checked_add(1));
                if from == 0 || counted != Some(marks.len() as u64) {
                    return None;
                }
                let (marks, whose) = (marks.to_vec(), whose.to_vec());
                Says::Sealed(Seal { stream, from, to, since, until, root, marks, whose })
            }
            (Word::Begun | Word::Rotated | Word::Sealed, _, _) => return None,
        };
        let entry = Self {
            previous: written.previous,
            at: written.at,
            key: PublicKey(unhex(&written.key)?),
            says,
            signature: unhex(&written.signature)?,
        };
        (written.v == VERSION && entry.to_bytes() == bytes).then_some(entry)
    }
}

/// The subject of entries about keys. No stream has a name with a dot.
pub(crate) const KEY_SUBJECT: &str = "seal.chain.key";

/// The subject of the seals of one stream.
pub(crate) fn subject_of(stream: &str) -> String {
    format!("seal.{stream}")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u16,
    says: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<WrittenSeal>,
    previous: Hash,
    at: Timestamp,
    key: String,
    signature: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Begun,
    Rotated,
    Sealed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSeal {
    stream: String,
    from: u64,
    to: u64,
    since: Timestamp,
    until: Timestamp,
    root: Hash,
    marks: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whose: Option<String>,
}
