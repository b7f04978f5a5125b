//! The form of a data key in the stream `KEYS`: sealed under the key-encryption key of one epoch.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::file::{Epoch, KeyFile};
use super::{Holder, KeyError};
use crate::sealing::{DataKey, Nonce, length_prefixed, random};

/// The version of the form that this program writes.
const VERSION: u8 = 1;

/// A message of the stream `KEYS`.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Message {
    /// A holder's key.
    Wrapped { v: u8, key: String, epoch: u32, nonce: String, wrapped: String },
    /// What stands where a key was.
    Forgotten { v: u8, forgotten: bool },
}

/// What a message says, once opened.
pub(super) enum Unwrapped {
    /// A holder's key.
    Key(DataKey),
    /// The holder was erased.
    Forgotten,
}

/// What a wrapped key is bound to: holder, name of the key, epoch.
fn associated_data(holder: Holder, key: &str, epoch: u32) -> Vec<u8> {
    length_prefixed(&[b"dek", holder.to_string().as_bytes(), key.as_bytes(), &epoch.to_be_bytes()])
}

fn cipher(epoch: &Epoch) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*epoch.key).into())
}

/// The message that keeps `key` for `holder` under `epoch`.
pub(super) fn wrap(epoch: &Epoch, holder: Holder, key: &DataKey) -> Result<Vec<u8>, KeyError> {
    let id = key.id().to_string();
    let nonce: Nonce = random()?;
    let mut wrapped = Zeroizing::new(key.bytes().to_vec());
    cipher(epoch)
        .encrypt_in_place(&nonce.into(), &associated_data(holder, &id, epoch.number), &mut *wrapped)
        .map_err(|_| KeyError::Damaged { holder })?;
    Ok(written(&Message::Wrapped {
        v: VERSION,
        key: id,
        epoch: epoch.number,
        nonce: BASE64.encode(nonce),
        wrapped: BASE64.encode(&*wrapped),
    }))
}

/// The message that keeps a holder from ever having a key again.
pub(super) fn forgotten() -> Vec<u8> {
    written(&Message::Forgotten { v: VERSION, forgotten: true })
}

fn written(message: &Message) -> Vec<u8> {
    // Plain structs of numbers and strings: serde_json cannot refuse them.
    serde_json::to_vec(message).unwrap_or_default()
}

/// The epoch a message is wrapped under; `None` if it keeps no key.
pub(super) fn epoch_of(message: &[u8]) -> Option<u32> {
    match serde_json::from_slice(message).ok()? {
        Message::Wrapped { epoch, .. } => Some(epoch),
        Message::Forgotten { .. } => None,
    }
}

/// Reads a message of `holder`.
pub(super) fn unwrap(file: &KeyFile, holder: Holder, message: &[u8]) -> Result<Unwrapped, KeyError> {
    let damaged = || KeyError::Damaged { holder };
    let (id, number, nonce, wrapped) = match serde_json::from_slice(message).map_err(|_| damaged())? {
        Message::Wrapped { v: VERSION, key, epoch, nonce, wrapped } => (key, epoch, nonce, wrapped),
        Message::Forgotten { v: VERSION, forgotten: true } => return Ok(Unwrapped::Forgotten),
        Message::Wrapped { .. } | Message::Forgotten { .. } => return Err(damaged()),
    };
    let epoch = file.epoch(number).ok_or(KeyError::UnknownEpoch { epoch: number })?;
    let nonce: Nonce =
        BASE64.decode(nonce).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)?;
    let mut bytes = Zeroizing::new(BASE64.decode(wrapped).map_err(|_| damaged())?);
    cipher(epoch)
        .decrypt_in_place(&nonce.into(), &associated_data(holder, &id, number), &mut *bytes)
        .map_err(|_| damaged())?;
    let bytes = bytes.as_slice().try_into().map_err(|_| damaged())?;
    Ok(Unwrapped::Key(DataKey::new(id.parse().map_err(|_| damaged())?, Zeroizing::new(bytes))))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn holder(n: u128) -> Holder {
        Holder::new("33".parse().unwrap(), Uuid::from_u128(n))
    }

    #[test]
    fn a_wrapped_key_opens_for_its_holder_under_its_key_file_only() {
        let (file, other) = (KeyFile::draw().unwrap(), KeyFile::draw().unwrap());
        let key = DataKey::draw().unwrap();
        let message = wrap(file.current(), holder(1), &key).unwrap();
        let Ok(Unwrapped::Key(read)) = unwrap(&file, holder(1), &message) else { panic!("it opens") };
        assert_eq!((read.id(), read.bytes()), (key.id(), key.bytes()));
        assert!(matches!(unwrap(&file, holder(2), &message), Err(KeyError::Damaged { .. })));
        assert!(matches!(unwrap(&other, holder(1), &message), Err(KeyError::Damaged { .. })));

        let text = String::from_utf8(message).unwrap();
        let aged = text.replace("\"epoch\":1", "\"epoch\":2");
        let refused = unwrap(&file, holder(1), aged.as_bytes());
        assert!(matches!(refused, Err(KeyError::UnknownEpoch { epoch: 2 })));
    }
}
