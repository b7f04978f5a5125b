//! What an organisation calls households whose true ids are not its to know, and places in lists that say nothing of what
//! lies there.

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::AeadInOut as _;
use domain::id::{HouseholdId, OrganisationId};
use uuid::{Uuid, Variant};
use zeroize::Zeroizing;

use super::KeyRing;
use crate::sealing::{NoRandomness, Nonce, random};

/// The references of one organisation: another number for each household, which nobody without the key file can tell from a
/// random one nor join to what another organisation calls the same household. Nothing is kept: a reference is a function
/// of the household, and the household of its reference.
///
/// AES-128 under a key of the organisation's own permutes all numbers of 128 bits. It is applied again until what comes out
/// has the form of a UUID (*cycle walking*: Black and Rogaway, *Ciphers with arbitrary finite domains*, 2002), eight times
/// on average, so that a reference passes wherever an id does. The département stays in sight: it is part of every id's form.
#[derive(Clone)]
pub struct References(Aes128);

impl std::fmt::Debug for References {
    /// Never shows the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("References").finish_non_exhaustive()
    }
}

impl References {
    /// What the organisation calls the household.
    #[must_use]
    pub fn of(&self, household: HouseholdId) -> HouseholdId {
        walked(household, |block| self.0.encrypt_block(block))
    }

    /// Which household the organisation means. Whatever is no reference of its own means one that does not exist.
    #[must_use]
    pub fn meant(&self, reference: HouseholdId) -> HouseholdId {
        walked(reference, |block| self.0.decrypt_block(block))
    }
}

/// The number that `step` leads to, taken as often as it takes to come to one that has the form of a UUID if the first has
/// it, and not if not. A permutation leads back to where it began: it comes to an end.
fn walked(from: HouseholdId, step: impl Fn(&mut aes::Block)) -> HouseholdId {
    let mut block = aes::Block::from(from.uuid().into_bytes());
    loop {
        step(&mut block);
        let uuid = Uuid::from_bytes(block.into());
        if has_the_form(uuid) == has_the_form(from.uuid()) {
            return HouseholdId::new(from.territory(), uuid);
        }
    }
}

/// Whether it is a UUID as RFC 9562 writes them, of any version.
fn has_the_form(uuid: Uuid) -> bool {
    uuid.get_variant() == Variant::RFC4122 && (1..=8).contains(&uuid.get_version_num())
}

/// The text is none that was veiled here, or not for this use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was given was not veiled here")]
pub struct NotVeiled;

impl KeyRing {
    /// The references of an organisation.
    #[must_use]
    pub fn references(&self, organisation: OrganisationId) -> References {
        let key = Zeroizing::new(self.digest(&[b"household reference", organisation.uuid().as_bytes()]));
        References(Aes128::new((&*key).into()))
    }

    /// `bytes` so that only who has the key file reads them, to be handed out and taken back: [`KeyRing::unveiled`]. They
    /// are no personal values, which are sealed under a key of their holder.
    ///
    /// # Errors
    /// [`NoRandomness`] when no nonce can be drawn.
    pub fn veiled(&self, purpose: &str, bytes: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce: Nonce = random()?;
        let mut veiled = bytes.to_vec();
        // The cipher refuses nothing below 256 GiB.
        self.veil(purpose)
            .encrypt_in_place(&nonce.into(), purpose.as_bytes(), &mut veiled)
            .map_err(|_| NoRandomness)?;
        veiled.extend_from_slice(&nonce);
        Ok(veiled)
    }

    /// What was veiled for this purpose, here or wherever the same key file is.
    ///
    /// # Errors
    /// [`NotVeiled`]
    pub fn unveiled(&self, purpose: &str, veiled: &[u8]) -> Result<Vec<u8>, NotVeiled> {
        let (text, nonce) = veiled.split_last_chunk::<24>().ok_or(NotVeiled)?;
        let mut bytes = text.to_vec();
        self.veil(purpose)
            .decrypt_in_place(&(*nonce).into(), purpose.as_bytes(), &mut bytes)
            .map_err(|_| NotVeiled)?;
        Ok(bytes)
    }

    fn veil(&self, purpose: &str) -> XChaCha20Poly1305 {
        let mut key = Zeroizing::new([0; 32]);
        let halves = [b"veil, first half".as_slice(), b"veil, second half"];
        for (part, name) in key.chunks_exact_mut(16).zip(halves) {
            part.copy_from_slice(&self.digest(&[name, purpose.as_bytes()]));
        }
        XChaCha20Poly1305::new((&*key).into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn references(n: u8) -> References {
        References(Aes128::new(&[n; 16].into()))
    }

    fn household(uuid: Uuid) -> HouseholdId {
        HouseholdId::new("33".parse().unwrap(), uuid)
    }

    #[test]
    fn a_reference_means_the_household_it_was_made_of_and_to_nobody_else() {
        let (one, other) = (references(1), references(2));
        let mut met = HashSet::new();
        for n in 0..2_000_u128 {
            for id in [household(Uuid::new_v5(&Uuid::nil(), &n.to_be_bytes())), household(Uuid::from_u128(n))]
            {
                let reference = one.of(id);
                assert_eq!(one.meant(reference), id);
                assert_ne!(other.of(id), reference);
                assert_ne!(other.meant(reference), id);
                assert_eq!(reference.territory(), id.territory());
                assert!(met.insert(reference), "{reference} stands for two households");
            }
        }
    }

    #[test]
    fn a_reference_has_the_form_of_an_id_and_nothing_of_the_id_it_stands_for() {
        let references = references(1);
        let (mut same, mut ones) = (0, [0_u32; 128]);
        for n in 0..4_096_u64 {
            // Ids that were drawn one after the other: they share all of their time and more.
            let id = Uuid::from_u128(0x0192_f1c2_7d5e_7c3a_9b1f_0000_0000_0000 | u128::from(n));
            let reference = references.of(household(id)).uuid();
            assert!(has_the_form(reference), "{reference}");
            same += (reference.as_u128() ^ id.as_u128()).count_zeros();
            for (bit, ones) in ones.iter_mut().enumerate() {
                *ones += u32::from(reference.as_u128() >> bit & 1 == 1);
            }
        }
        // Half of the bits agree, give or take: as with any other number.
        assert!((60..=70).contains(&(same / 4_096)), "{}", same / 4_096);
        // No bit leans to one side but those that make the form: four of the version, two of the variant.
        let leaning = ones.iter().filter(|ones| !(1_800..=2_300).contains(*ones)).count();
        assert!(leaning <= 6, "{leaning} bits tell something");
    }
}
