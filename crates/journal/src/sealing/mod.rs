//! Sealing and opening of personal values inside an event's body. Pure: keys and nonces are arguments.
//!
//! **Invariant.** A `{"personal": …}` of the rules never reaches the broker: it is replaced, wherever it stands in the
//! body, by `{"sealed": {"v": 1, "key": "<key id>", "nonce": "…", "text": "…"}}` (base64 without padding).
//!
//! **Invariant.** A blob is bound to its holder, its event and its schema by the associated data of the cipher
//! (XChaCha20-Poly1305): moved anywhere else, or changed by one bit, it does not open. Each part of the associated data
//! is preceded by its length, so that no two meanings share one encoding.
//!
//! **Invariant.** The length of a blob tells the length of its value in steps only, each longer than any code: a yes and a no
//! look alike.
//!
//! **Invariant.** A blob whose key is gone opens as `{"erased": true}`: an erasure is a fact, not a fault.

mod data_key;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::AeadInOut as _;
use domain::id::EventId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::keys::Holder;
pub use data_key::{DataKey, KeyId, NoRandomness, random};

/// The version of the sealed form that this program writes, and the only one so far.
const VERSION: u8 = 1;

/// A sealed text is as long as the next multiple of this, in bytes: whether it says `true` or `false`, or which of a few
/// codes, cannot be told from its length. Longer than any code of a closed list beside the date of a need.
const BLOCK: usize = 64;

/// What distinguishes one encryption from all others under the same key. 192 random bits never meet again.
pub type Nonce = [u8; 24];

/// Where nonces come from: the operating system in service, a counter in tests.
pub type Nonces<'a> = dyn FnMut() -> Result<Nonce, NoRandomness> + 'a;

/// What a blob is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// The event's kind and version as written: `household.registered/1`.
    pub schema: &'a str,
    /// The event that holds it.
    pub event: EventId,
    /// Whose key seals it.
    pub holder: Holder,
}

impl Binding<'_> {
    fn associated_data(&self) -> Vec<u8> {
        let (event, holder) = (self.event.to_string(), self.holder.to_string());
        length_prefixed(&[b"evt", self.schema.as_bytes(), event.as_bytes(), holder.as_bytes()])
    }
}

/// The parts one after the other, each preceded by its length in bytes (32 bits, most significant first).
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        // No part comes near 4 GiB: they are names, ids and bodies below the broker's message size.
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Why a body could not be sealed. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The body holds a blob that was sealed for another event, which nobody could open there: open it first.
    #[error(
        "event {event} ({schema}) would copy a sealed value of another event: open it before recording it again"
    )]
    AlreadySealed {
        /// The event that was to be sealed.
        event: EventId,
        /// Its schema.
        schema: String,
    },
    /// No nonce could be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The cipher refused the value, which it does beyond 256 GiB only.
    #[error("a value of event {event} is too long to be sealed")]
    TooLong {
        /// The event that was to be sealed.
        event: EventId,
    },
}

/// Why a sealed value could not be opened, its key being there. An erased key is no error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The blob was changed, or moved from another event or holder: the journal is damaged or forged.
    #[error("a sealed value of event {event} ({schema}) was changed or moved: verify the journal")]
    Tampered {
        /// The event that holds it.
        event: EventId,
        /// Its schema.
        schema: String,
    },
    /// It does not have the form of a blob.
    #[error("a sealed value of event {event} ({schema}) has not the form of one: verify the journal")]
    Malformed {
        /// The event that holds it.
        event: EventId,
        /// Its schema.
        schema: String,
    },
    /// It was sealed by a newer program.
    #[error("a value of event {event} is sealed in form {found}, this program knows {VERSION}: upgrade it")]
    Newer {
        /// The event that holds it.
        event: EventId,
        /// The form found.
        found: u8,
    },
}

/// The sealed form as it stands in the journal.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Blob {
    v: u8,
    key: String,
    nonce: String,
    text: String,
}

/// Whether the body holds anything to seal.
#[must_use]
pub fn has_personal(body: &Value) -> bool {
    holds(body, "personal")
}

/// Whether the body holds anything sealed.
#[must_use]
pub fn has_sealed(body: &Value) -> bool {
    holds(body, "sealed")
}

fn holds(value: &Value, marker: &str) -> bool {
    match value {
        Value::Object(map) => sole(map, marker).is_some() || map.values().any(|v| holds(v, marker)),
        Value::Array(items) => items.iter().any(|v| holds(v, marker)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The value under `marker`, when it is the object's only key.
fn sole<'a>(map: &'a Map<String, Value>, marker: &str) -> Option<&'a Value> {
    if map.len() == 1 { map.get(marker) } else { None }
}

/// Seals every `{"personal": …}` in `body` under `key`, bound to `bound`. The rest stays as it is; values already
/// erased stay erased.
///
/// # Errors
/// [`SealError`]; the body is lost then, which is as well: it holds personal data in the clear.
pub fn seal_body(
    key: &DataKey,
    bound: &Binding<'_>,
    mut body: Value,
    nonces: &mut Nonces<'_>,
) -> Result<Value, SealError> {
    let sealing =
        Sealing { cipher: key.cipher(), key: key.id().to_string(), aad: bound.associated_data(), bound };
    sealing.walk(&mut body, nonces)?;
    Ok(body)
}

/// What stays the same for all values of one body.
struct Sealing<'a> {
    cipher: XChaCha20Poly1305,
    key: String,
    aad: Vec<u8>,
    bound: &'a Binding<'a>,
}

impl Sealing<'_> {
    fn walk(&self, value: &mut Value, nonces: &mut Nonces<'_>) -> Result<(), SealError> {
        match value {
            Value::Object(map) if sole(map, "sealed").is_some() => Err(SealError::AlreadySealed {
                event: self.bound.event,
                schema: self.bound.schema.to_owned(),
            }),
            Value::Object(map) => {
                if let Some(personal) = sole(map, "personal") {
                    let blob = self.seal(personal, nonces()?)?;
                    *map = Map::from_iter([("sealed".to_owned(), blob)]);
                    return Ok(());
                }
                map.values_mut().try_for_each(|v| self.walk(v, nonces))
            }
            Value::Array(items) => items.iter_mut().try_for_each(|v| self.walk(v, nonces)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn seal(&self, personal: &Value, nonce: Nonce) -> Result<Value, SealError> {
        let mut text = personal.to_string().into_bytes();
        // Blanks behind a value are no part of it in JSON: no program that ever read a blob minds them.
        text.resize(text.len().next_multiple_of(BLOCK), b' ');
        self.cipher
            .encrypt_in_place(&nonce.into(), &self.aad, &mut text)
            .map_err(|_| SealError::TooLong { event: self.bound.event })?;
        Ok(serde_json::json!({
            "v": VERSION, "key": self.key, "nonce": BASE64.encode(nonce), "text": BASE64.encode(&text),
        }))
    }
}

/// Opens every `{"sealed": …}` in `body` that was sealed under `key`; those sealed under a key that is not there any
/// more, or all of them when there is no key, become `{"erased": true}`. `body` may also be a single value that a view
/// has kept, with the event and schema it came in.
///
/// # Errors
/// [`OpenError`] when the journal is damaged or the program too old; never because a key is gone.
pub fn open_body(key: Option<&DataKey>, bound: &Binding<'_>, mut body: Value) -> Result<Value, OpenError> {
    let opening =
        Opening { held: key.map(|key| (key.id(), key.cipher())), aad: bound.associated_data(), bound };
    opening.walk(&mut body)?;
    Ok(body)
}

/// What stays the same for all blobs of one body.
struct Opening<'a> {
    held: Option<(KeyId, XChaCha20Poly1305)>,
    aad: Vec<u8>,
    bound: &'a Binding<'a>,
}

impl Opening<'_> {
    fn walk(&self, value: &mut Value) -> Result<(), OpenError> {
        match value {
            Value::Object(map) => {
                let Some(blob) = (if map.len() == 1 { map.get_mut("sealed") } else { None }) else {
                    return map.values_mut().try_for_each(|v| self.walk(v));
                };
                let blob = blob.take();
                *map = Map::from_iter([self.open(blob)?]);
                Ok(())
            }
            Value::Array(items) => items.iter_mut().try_for_each(|v| self.walk(v)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// The key and value that take the place of `sealed`.
    fn open(&self, blob: Value) -> Result<(String, Value), OpenError> {
        let blob: Blob = match blob.get("v").and_then(Value::as_u64) {
            Some(v) if v == u64::from(VERSION) => {
                serde_json::from_value(blob).map_err(|_| self.malformed())?
            }
            Some(v) => {
                let found = u8::try_from(v).unwrap_or(u8::MAX);
                return Err(OpenError::Newer { event: self.bound.event, found });
            }
            None => return Err(self.malformed()),
        };
        let id: KeyId = blob.key.parse().map_err(|_| self.malformed())?;
        let cipher = match &self.held {
            Some((held, cipher)) if *held == id => cipher,
            Some(_) | None => return Ok(("erased".to_owned(), Value::Bool(true))),
        };
        let nonce: Nonce = BASE64
            .decode(&blob.nonce)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| self.malformed())?;
        let mut text = Zeroizing::new(BASE64.decode(&blob.text).map_err(|_| self.malformed())?);
        cipher.decrypt_in_place(&nonce.into(), &self.aad, &mut *text).map_err(|_| self.tampered())?;
        let personal = serde_json::from_slice(&text).map_err(|_| self.malformed())?;
        Ok(("personal".to_owned(), personal))
    }

    fn malformed(&self) -> OpenError {
        OpenError::Malformed { event: self.bound.event, schema: self.bound.schema.to_owned() }
    }

    fn tampered(&self) -> OpenError {
        OpenError::Tampered { event: self.bound.event, schema: self.bound.schema.to_owned() }
    }
}
