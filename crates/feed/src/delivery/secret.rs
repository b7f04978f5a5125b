//! The secrets that webhooks are signed with: each a function of the key file, the subscription and its generation. They are
//! kept nowhere.

use domain::id::SubscriptionId;
use domain::subscription::Signing;
use jiff::Timestamp;
use journal::keys::KeyRing;
use zeroize::Zeroizing;

use crate::webhook::sign::{Keys, NotASecret, Secret};

/// The secret of a generation of a subscription.
///
/// # Errors
/// None: it has the length of a secret.
pub(super) fn of(keys: &KeyRing, id: SubscriptionId, generation: u32) -> Result<Secret, NotASecret> {
    let (territory, uuid) = (id.territory().to_string(), id.uuid());
    let mut bytes = Zeroizing::new([0; 32]);
    let halves = [b"webhook secret, first half".as_slice(), b"webhook secret, second half"];
    for (part, half) in bytes.chunks_exact_mut(16).zip(halves) {
        let parts = [half, territory.as_bytes(), uuid.as_bytes(), &generation.to_be_bytes()];
        part.copy_from_slice(&keys.digest(&parts));
    }
    Secret::of(&*bytes)
}

/// What signs at `now`: the current secret, and the one before for as long as it does.
///
/// # Errors
/// As [`of`].
pub(super) fn signing(
    keys: &KeyRing,
    id: SubscriptionId,
    signing: Signing,
    now: Timestamp,
) -> Result<Keys, NotASecret> {
    let new = of(keys, id, signing.generation)?;
    Ok(match signing.beside(now) {
        Some(old) => Keys::Turning { new, old: of(keys, id, old)? },
        None => Keys::One(new),
    })
}
