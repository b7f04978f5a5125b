//! Slow hashes: argon2id, a few at once, off the threads that serve.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::random::drawn;
use super::super::{NoRandomness, Random, Secret};
use super::password::{AdmittedPassword, normalised};

/// How many hashes are made at once: each takes a core and [`Cost::memory_kib`] of memory.
pub const HASHES_AT_ONCE: usize = 2;

/// How many more may wait for their turn: a few seconds of work. Who comes then is told to come back.
pub const HASHES_WAITING_MAX: usize = 30;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// 46 MiB, one pass, one lane: OWASP's first choice for argon2id (ASVS 5.0, appendix C).
    pub const CURRENT: Self = Self { memory_kib: 47_104, passes: 1, lanes: 1 };

    fn argon2(self) -> Result<Argon2<'static>, HashError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None);
        let params = params.map_err(|_| HashError::Unusable)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// A slow hash as it is kept: algorithm, cost, salt and hash in one text (PHC). Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredHash(String);

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredHash(…)")
    }
}

/// Whether a password is right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is not, or there is no such account.
    Wrong,
    /// It is.
    Right,
    /// It is, and what is kept of it is out of date: keep this instead.
    RightKeepInstead(StoredHash),
}

/// Too many hashes are under way already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy;

/// Why a hash was not made or not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Come back in a second.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// There are no unpredictable bytes for a salt.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// What is kept is not a hash of ours, or the cost is not one that can be had.
    #[error("the hash that is kept or its cost cannot be used")]
    Unusable,
}

/// Makes and checks slow hashes. Clones share the bound on how many are under way.
#[derive(Debug, Clone)]
pub struct Hasher {
    cost: Cost,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new(Cost::CURRENT)
    }
}

impl Hasher {
    /// One that makes hashes of this cost.
    #[must_use]
    pub fn new(cost: Cost) -> Self {
        Self {
            cost,
            places: Arc::new(Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING_MAX)),
            turns: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
        }
    }

    /// What is to be kept of a password.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub async fn hash(
        &self,
        password: &AdmittedPassword,
        random: &dyn Random,
    ) -> Result<StoredHash, HashError> {
        let salt = drawn::<16>(random)?;
        let (cost, text) = (self.cost, password.text().clone());
        self.in_turn(move || made(cost, &text, &salt)).await
    }

    /// Whether `given` is the password that `stored` was kept of; `stored` is none when there is no such account, which takes
    /// as long. `random` is for the salt of a hash to keep instead.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub async fn verify(
        &self,
        given: &Secret,
        stored: Option<&StoredHash>,
        random: &dyn Random,
    ) -> Result<Verdict, HashError> {
        // What could not have been set cannot be right, whoever it is: no hash is spent on it.
        let Some(given) = normalised(given.reveal()) else { return Ok(Verdict::Wrong) };
        let exists = stored.is_some();
        let stored = stored.cloned().unwrap_or_else(|| self.nobodys());
        let salt = drawn::<16>(random)?;
        let cost = self.cost;
        self.in_turn(move || {
            let kept = PasswordHash::new(&stored.0).map_err(|_| HashError::Unusable)?;
            let argon2 = cost.argon2()?;
            let right = argon2.verify_password(given.reveal().as_bytes(), &kept).is_ok();
            if !(right && exists) {
                return Ok(Verdict::Wrong);
            }
            let params = Params::try_from(&kept).map_err(|_| HashError::Unusable)?;
            let cheaper = params.m_cost() < cost.memory_kib
                || params.t_cost() < cost.passes
                || params.p_cost() < cost.lanes;
            if cheaper {
                made(cost, &given, &salt).map(Verdict::RightKeepInstead)
            } else {
                Ok(Verdict::Right)
            }
        })
        .await
    }

    /// Does slow work when its turn has come, on a thread for such work. Work whose asker went away keeps its turn to the end:
    /// it cannot be stopped, and the memory is in use.
    pub(super) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Busy)?;
        let held: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (turn, place);
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(held);
            done
        });
        // A panic in there is a fault of a library: nobody gets in by it.
        done.await.map_err(|_| HashError::Unusable)?
    }

    pub(super) fn cost(&self) -> Cost {
        self.cost
    }

    /// What stands for the hash of somebody who has no account: of the same cost, and of no password.
    fn nobodys(&self) -> StoredHash {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, hash) = ("bm9ib2R5J3Mgc2FsdCEhIQ", "bm8gcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXMgdGV4dCE");
        StoredHash(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}"))
    }
}

/// The hash of `text` with `salt`.
pub(super) fn made(cost: Cost, text: &Secret, salt: &[u8]) -> Result<StoredHash, HashError> {
    let hash = cost.argon2()?.hash_password_with_salt(text.reveal().as_bytes(), salt);
    hash.map(|hash| StoredHash(hash.to_string())).map_err(|_| HashError::Unusable)
}

/// Which of `kept` is the hash of `text`. Those with the salt and the cost of the first one, which those made together have, are
/// checked with a single hash.
pub(super) fn found(text: &Secret, kept: &[StoredHash]) -> Result<Option<usize>, HashError> {
    let read = |stored: &StoredHash| PasswordHash::new(&stored.0).map_err(|_| HashError::Unusable);
    let Some(first) = kept.first() else { return Ok(None) };
    let first = read(first)?;
    let salt = first.salt.ok_or(HashError::Unusable)?;
    let params = Params::try_from(&first).map_err(|_| HashError::Unusable)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let made = argon2.hash_password_with_salt(text.reveal().as_bytes(), &salt);
    let made = Secret::new(made.map_err(|_| HashError::Unusable)?.to_string());
    let mut found = None;
    for (index, stored) in kept.iter().enumerate() {
        if made.is(&stored.0) {
            found = Some(index);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::super::SystemRandom;
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    const WORDS: &str = "quatre mots choisis au hasard";

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    async fn kept(hasher: &Hasher) -> StoredHash {
        let password = AdmittedPassword::new(&secret(WORDS), "agente").unwrap();
        hasher.hash(&password, &SystemRandom).await.unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_no_other_is() {
        let hasher = Hasher::default();
        let stored = kept(&hasher).await;
        assert!(stored.0.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{}", stored.0);
        assert!(!stored.0.contains("mots") && !format!("{stored:?}").contains("argon2"));
        let right = hasher.verify(&secret(WORDS), Some(&stored), &SystemRandom).await;
        assert_eq!(right, Ok(Verdict::Right));
        for wrong in ["quatre mots choisis au hasarD", "", &"a".repeat(5_000)] {
            let wrong = hasher.verify(&secret(wrong), Some(&stored), &SystemRandom).await;
            assert_eq!(wrong, Ok(Verdict::Wrong));
        }
    }

    #[tokio::test]
    async fn the_same_letters_typed_otherwise_are_the_same_password() {
        let hasher = Hasher::new(CHEAP);
        let password = AdmittedPassword::new(&secret("un été à la réunion"), "agente").unwrap();
        let stored = hasher.hash(&password, &SystemRandom).await.unwrap();
        let decomposed = secret("un e\u{301}te\u{301} a\u{300} la re\u{301}union");
        assert_eq!(hasher.verify(&decomposed, Some(&stored), &SystemRandom).await, Ok(Verdict::Right));
    }

    #[tokio::test]
    async fn somebody_without_an_account_costs_a_hash_like_anybody_and_is_wrong() {
        let hasher = Hasher::new(CHEAP);
        let nobody = hasher.nobodys();
        let read = PasswordHash::new(&nobody.0).unwrap();
        let cost = Params::try_from(&read).unwrap();
        assert_eq!((cost.m_cost(), cost.t_cost(), cost.p_cost()), (64, 1, 1));
        assert_eq!(read.hash.unwrap().len(), 32);
        assert_eq!(hasher.verify(&secret(WORDS), None, &SystemRandom).await, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_hash_that_was_made_cheaper_is_made_again_when_its_password_is_given() {
        let stored = kept(&Hasher::new(CHEAP)).await;
        let dearer = Hasher::new(Cost { memory_kib: 128, ..CHEAP });
        let verdict = dearer.verify(&secret(WORDS), Some(&stored), &SystemRandom).await.unwrap();
        let Verdict::RightKeepInstead(instead) = verdict else { panic!("{verdict:?}") };
        assert!(instead.0.contains("m=128,"));
        assert_eq!(dearer.verify(&secret(WORDS), Some(&instead), &SystemRandom).await, Ok(Verdict::Right));
        // And one that was made dearer is left alone.
        let cheap = Hasher::new(CHEAP);
        assert_eq!(cheap.verify(&secret(WORDS), Some(&instead), &SystemRandom).await, Ok(Verdict::Right));
        let wrong = dearer.verify(&secret("another one of them"), Some(&stored), &SystemRandom).await;
        assert_eq!(wrong, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn what_is_not_a_hash_lets_nobody_in() {
        let stored = StoredHash("$argon2id$nonsense".to_owned());
        let verdict = Hasher::new(CHEAP).verify(&secret(WORDS), Some(&stored), &SystemRandom).await;
        assert_eq!(verdict, Err(HashError::Unusable));
    }

    #[tokio::test]
    async fn two_hash_at_once_a_few_wait_and_the_next_is_told_to_come_back() {
        let hasher = Hasher::new(CHEAP);
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let (release, held) = tokio::sync::watch::channel(false);
        let work = |hasher: Hasher| {
            let (started, mut held) = (started.clone(), held.clone());
            async move {
                let wait = move || {
                    started.send(()).unwrap();
                    let released = held.wait_for(|released| *released);
                    tokio::runtime::Handle::current().block_on(released).unwrap();
                    Ok(())
                };
                hasher.in_turn(wait).await
            }
        };
        let all: Vec<_> =
            (0..HASHES_AT_ONCE + HASHES_WAITING_MAX).map(|_| tokio::spawn(work(hasher.clone()))).collect();
        for _ in 0..HASHES_AT_ONCE {
            starts.recv().await.unwrap();
        }
        // Every task has run up to where it waits once this one is polled again with all places taken.
        while hasher.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.turns.available_permits(), 0);
        assert!(starts.try_recv().is_err(), "a third one was started");
        assert_eq!(hasher.in_turn(|| Ok(())).await, Err(HashError::Busy(Busy)));
        release.send(true).unwrap();
        for one in all {
            assert_eq!(one.await.unwrap(), Ok(()));
        }
        assert_eq!(hasher.in_turn(|| Ok(7)).await, Ok(7));
    }
}
