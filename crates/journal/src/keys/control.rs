//! Which epoch is in force, said on the stream itself, and how the next one gets to other machines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use domain::event::Actor;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KeyError;
use super::file::Epoch;
use crate::sealing::{Nonce, length_prefixed, random};

/// The version of the forms that this program writes.
const VERSION: u8 = 1;

/// The subject that says which epoch is in force.
pub(crate) const CONTROL: &str = "key.epoch";

/// The subject that every draw writes to, guarded by the sequence of [`CONTROL`].
pub(super) const FENCE: &str = "key.drawn";

/// The subject of the key-encryption key in force, wrapped under the one before it. Never backed up.
pub(crate) const HANDOVER: &str = "key.handover";

/// The subject of the record of the rotation that put `epoch` in force.
pub(super) fn history(epoch: u32) -> String {
    format!("key.rotation.{epoch}")
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Control {
    pub(super) v: u8,
    /// The epoch that keys are wrapped under.
    pub(super) epoch: u32,
    /// What tells its key from another of the same number, without revealing it.
    pub(super) check: String,
    /// Whether no key is wrapped under an older epoch any more.
    pub(super) finished: bool,
    /// Who put it in force; nobody did so for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<Actor>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
}

impl Control {
    /// `epoch` is in force; nobody put it there.
    pub(super) fn first(epoch: &Epoch) -> Self {
        Self { v: VERSION, epoch: epoch.number, check: check(epoch), finished: true, by: None, at: None }
    }

    /// `epoch` is put in force by a rotation.
    pub(super) fn begun(epoch: &Epoch, by: &Actor, at: Timestamp) -> Self {
        Self { finished: false, by: Some(by.clone()), at: Some(at), ..Self::first(epoch) }
    }

    /// Whether `epoch` is the one meant.
    pub(super) fn means(&self, epoch: &Epoch) -> bool {
        self.epoch == epoch.number && self.check == check(epoch)
    }

    pub(super) fn message(&self) -> Vec<u8> {
        // A plain struct of numbers and strings: serde_json cannot refuse it.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn read(message: &[u8]) -> Result<Self, KeyError> {
        match serde_json::from_slice::<Self>(message) {
            Ok(control) if control.v == VERSION => Ok(control),
            Ok(_) | Err(_) => Err(KeyError::broker("read which epoch is in force", "the message is damaged")),
        }
    }
}

/// Sixteen bytes that stand for a key-encryption key, in hexadecimal digits.
fn check(epoch: &Epoch) -> String {
    // A key shorter than the hash's block is filled up with zeros: so says the definition of HMAC.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(&*epoch.key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(&length_prefixed(&[b"epoch", &epoch.number.to_be_bytes()]));
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    whole[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key-encryption key on its way to other machines.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Handover {
    v: u8,
    from: u32,
    to: u32,
    nonce: String,
    wrapped: String,
}

fn bound(from: u32, to: u32) -> Vec<u8> {
    length_prefixed(&[b"kek", &from.to_be_bytes(), &to.to_be_bytes()])
}

/// The message that brings `to` to whoever holds `from`.
pub(super) fn hand_over(from: &Epoch, to: &Epoch) -> Result<Vec<u8>, KeyError> {
    let nonce: Nonce = random()?;
    let mut wrapped = Zeroizing::new(to.key.to_vec());
    XChaCha20Poly1305::new((&*from.key).into())
        .encrypt_in_place(&nonce.into(), &bound(from.number, to.number), &mut *wrapped)
        .map_err(|_| KeyError::UnknownEpoch { epoch: to.number })?;
    let message = Handover {
        v: VERSION,
        from: from.number,
        to: to.number,
        nonce: BASE64.encode(nonce),
        wrapped: BASE64.encode(&*wrapped),
    };
    // A plain struct of numbers and strings: serde_json cannot refuse it.
    Ok(serde_json::to_vec(&message).unwrap_or_default())
}

/// The key-encryption key in `message`, if one of `held` opens it.
pub(super) fn take_over(message: &[u8], held: &[&Epoch]) -> Option<Epoch> {
    let message: Handover = serde_json::from_slice(message).ok()?;
    let nonce: Nonce = BASE64.decode(&message.nonce).ok()?.try_into().ok()?;
    let wrapped = BASE64.decode(&message.wrapped).ok()?;
    held.iter().filter(|epoch| epoch.number == message.from).find_map(|from| {
        let mut bytes = Zeroizing::new(wrapped.clone());
        XChaCha20Poly1305::new((&*from.key).into())
            .decrypt_in_place(&nonce.into(), &bound(message.from, message.to), &mut *bytes)
            .ok()?;
        let key = bytes.as_slice().try_into().ok()?;
        Some(Epoch { number: message.to, key: Zeroizing::new(key) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_epoch_is_handed_over_to_whoever_holds_the_one_before_and_to_nobody_else() {
        let [one, two, other] = [1, 2, 1].map(|number| Epoch::draw(number).unwrap());
        let message = hand_over(&one, &two).unwrap();
        let taken = take_over(&message, &[&other, &one]).unwrap();
        assert_eq!((taken.number, &*taken.key), (2, &*two.key));
        assert!(take_over(&message, &[&other, &two]).is_none());
        assert!(Control::first(&two).means(&taken));
        assert!(!Control::first(&one).means(&other), "the number alone does not make it the same");
    }
}
