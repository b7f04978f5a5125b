//! Signatures of what is sent, after Standard Webhooks: HMAC-SHA-256 over id, time and body (`v1`).
//!
//! **Invariant.** A secret leaves this module by [`Secret::reveal`] and no other way: not by `Debug`, not in an error.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The header that names the message: the same in every attempt, so that the receiver knows what it has already.
pub const ID: &str = "webhook-id";
/// The header that tells when this attempt was made, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signatures, separated by a space.
pub const SIGNATURE: &str = "webhook-signature";

/// How far the time of an attempt may be off, in seconds, either way.
pub const TOLERANCE_S: i64 = 300;

/// What secrets begin with when they are shown: scanners of leaked secrets look for it.
const SHOWN: &str = "whsec_";
/// The version of the signatures that are made and known here.
const VERSION: &str = "v1";
/// How many signatures of one message are looked at.
const SIGNATURES_MAX: usize = 16;
/// How long a message's id may be.
const ID_MAX: usize = 128;

/// What a sender and a receiver share: 24 to 64 bytes that nobody can guess. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// The text or the bytes are no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ and the base64 form of 24 to 64 bytes")]
pub struct NotASecret;

impl Secret {
    /// The secret of these bytes, which the caller drew at random.
    ///
    /// # Errors
    /// They are fewer than 24 or more than 64.
    pub fn of(random: &[u8]) -> Result<Self, NotASecret> {
        let fits = (24..=64).contains(&random.len());
        if fits { Ok(Self(Zeroizing::new(random.to_vec()))) } else { Err(NotASecret) }
    }

    /// `whsec_…`, to be told once to whoever receives. Wherever it goes, it must not reach a log.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        // Of one length from the start: a text that grows leaves copies behind that nobody wipes.
        let mut shown = Zeroizing::new(String::with_capacity(SHOWN.len() + 4 * self.0.len().div_ceil(3)));
        shown.push_str(SHOWN);
        BASE64.encode_string(&*self.0, &mut shown);
        shown
    }

    /// The authentication code of `id`, `at` and `body`, before it is finished.
    fn mac(&self, id: &str, at: i64, body: &[u8]) -> Hmac<Sha256> {
        // A key up to the hash's block is filled up with zeros: so says the definition of HMAC.
        let mut block = Zeroizing::new([0; 64]);
        for (place, byte) in block.iter_mut().zip(self.0.iter()) {
            *place = *byte;
        }
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        for part in [id.as_bytes(), b".", at.to_string().as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl FromStr for Secret {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let bytes = text.strip_prefix(SHOWN).ok_or(NotASecret)?;
        let bytes = Zeroizing::new(BASE64.decode(bytes).map_err(|_| NotASecret)?);
        Self::of(&bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secrets that an endpoint's messages are signed with.
#[derive(Debug, Clone)]
pub enum Keys {
    /// One, as a rule.
    One(Secret),
    /// Two while the receiver turns from one to the other: both sign.
    Turning {
        /// The one that will stay.
        new: Secret,
        /// The one that will go.
        old: Secret,
    },
}

impl Keys {
    /// The value of [`SIGNATURE`]: a signature by each secret, the one that stays first.
    #[must_use]
    pub fn sign(&self, id: &MessageId, at: Timestamp, body: &[u8]) -> String {
        let by = |secret: &Secret| {
            let mac = secret.mac(id.as_str(), at.as_second(), body).finalize().into_bytes();
            format!("{VERSION},{}", BASE64.encode(mac))
        };
        match self {
            Self::One(secret) => by(secret),
            Self::Turning { new, old } => format!("{} {}", by(new), by(old)),
        }
    }
}

/// What names a message, the same in every attempt: a receiver that has it already forgets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

/// The text cannot name a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message's id is 1 to 128 letters, digits, hyphens and underscores")]
pub struct NotAMessageId;

impl MessageId {
    /// The text of the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = NotAMessageId;

    fn from_str(text: &str) -> Result<Self, NotAMessageId> {
        // No full stop: it is what separates id, time and body where they are signed.
        let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        let fits = fits && (1..=ID_MAX).contains(&text.len());
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAMessageId) }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The three headers of a message as they were received.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The value of [`ID`].
    pub id: &'a str,
    /// The value of [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// The value of [`SIGNATURE`].
    pub signature: &'a str,
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// Its time is no number of seconds.
    #[error("the timestamp is not a number of seconds since 1970")]
    Timeless,
    /// It was sent more than five minutes ago: somebody may be repeating it.
    #[error("the timestamp is more than five minutes ago")]
    Old,
    /// It says that it will be sent in more than five minutes.
    #[error("the timestamp is more than five minutes ahead")]
    Ahead,
    /// No signature of a known version is by this secret over this message.
    #[error("no signature of a known version matches")]
    Unsigned,
}

impl Received<'_> {
    /// Whether these headers and `body` come, at `now`, from whoever shares `secret`. Takes as long whichever bytes of a
    /// signature are wrong. Signatures of versions that are not known here are passed over.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(&self, secret: &Secret, body: &[u8], now: Timestamp) -> Result<(), Disbelief> {
        let at: i64 = self.timestamp.parse().map_err(|_| Disbelief::Timeless)?;
        let ago = now.as_second().saturating_sub(at);
        if ago > TOLERANCE_S {
            return Err(Disbelief::Old);
        }
        if ago < -TOLERANCE_S {
            return Err(Disbelief::Ahead);
        }
        let mac = secret.mac(self.id, at, body);
        let signed = self.signature.split(' ').take(SIGNATURES_MAX).any(|signature| {
            let Some((VERSION, bytes)) = signature.split_once(',') else { return false };
            BASE64.decode(bytes).is_ok_and(|bytes| mac.clone().verify_slice(&bytes).is_ok())
        });
        if signed { Ok(()) } else { Err(Disbelief::Unsigned) }
    }
}
