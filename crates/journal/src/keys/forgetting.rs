//! Forgetting: keys removed, so that what was sealed under them is erased.

use std::collections::BTreeSet;

use domain::event::Actor;
use domain::id::CommandId;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::cache::Known;
use super::control::HANDOVER;
use super::ring::{AT_ONCE, KeyRing, TRIES};
use super::{Erasure, Holder, KeyError, KeyFileError, store, wrapping};

/// What made the erasure of a holder irreversible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destroyed {
    /// The newest epoch that their key can have been wrapped under.
    pub epoch: u32,
    /// When the rotation was begun that destroyed it.
    pub at: Timestamp,
    /// Until when the escrow keeps it, for backups that are older than the erasure.
    pub escrow_until: Timestamp,
}

impl KeyRing {
    /// Removes the holder's key for good and leaves a mark in its place: everything sealed under it is erased, here
    /// at once, in other processes once they [`Self::evict`] it or after five minutes, on the broker's disks with the
    /// next rotation. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`KeyError::Broker`] and [`KeyError::Contended`]: call it again until it succeeds.
    pub async fn forget(&self, holder: impl Into<Holder>) -> Result<(), KeyError> {
        let holder = holder.into();
        self.check().await?;
        let store = &self.inner.store;
        let subject = store::subject(holder);
        for _ in 0..TRIES {
            self.evict(holder);
            let asked = self.inner.cache().moment();
            // A damaged key, or one of a lost epoch, must be erasable too: whatever is no mark is removed.
            match store.read(&subject).await? {
                Some(found) if found.message == wrapping::forgotten() => {
                    self.inner.cache().remember(holder, Known::Forgotten, asked);
                    return Ok(());
                }
                Some(found) => store.erase(found.sequence).await?,
                None => {
                    store.write_first(subject.clone(), wrapping::forgotten()).await?;
                }
            }
        }
        Err(KeyError::Contended(holder))
    }

    /// Erases the holder for good: writes a line to the erasure ledger, then removes the key as [`Self::forget`] does.
    /// Doing it again changes nothing. Other processes [`Self::evict`] what they remember once they learn of it.
    ///
    /// # Errors
    /// [`KeyError::Erasures`] if the line cannot be written, and then the key stays; [`KeyError::File`] if the keys are
    /// in memory only; those of [`Self::forget`]: call it again until it succeeds.
    pub async fn erase(
        &self,
        holder: impl Into<Holder>,
        by: &Actor,
        at: Timestamp,
        command: CommandId,
    ) -> Result<(), KeyError> {
        let holder = holder.into();
        let ledger = self.inner.file().erasures().ok_or(KeyFileError::NowhereKept)?;
        ledger.record(&Erasure { holder, by: by.clone(), at, command })?;
        self.forget(holder).await
    }

    /// Takes note that the holder is erased, by whichever process: from now on nothing of theirs is opened here, whether
    /// their key is removed already or in a moment.
    pub fn learn_erased(&self, holder: impl Into<Holder>) {
        let holder = holder.into();
        let mut cache = self.inner.cache();
        cache.evict(holder);
        let now = cache.moment();
        cache.remember(holder, Known::Forgotten, now);
    }

    /// Whether a mark stands where the holder's key stood: asked of the stream, not of memory.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn is_forgotten(&self, holder: impl Into<Holder>) -> Result<bool, KeyError> {
        Ok(self.mark_of(holder.into()).await?.is_some())
    }

    /// That nobody will open again what was sealed for a holder who was forgotten: the key-encryption keys that theirs can
    /// have been wrapped under are destroyed. `None` until a rotation that began after is finished.
    ///
    /// No clock is asked: a rotation that was announced behind the mark has re-wrapped nothing of what stood there before.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn destroyed(&self, holder: impl Into<Holder>) -> Result<Option<Destroyed>, KeyError> {
        let Some(mark) = self.mark_of(holder.into()).await? else { return Ok(None) };
        let force = self.align().await?;
        let Some(announced) = self.inner.store.read(HANDOVER).await? else { return Ok(None) };
        if !force.control.finished || announced.sequence < mark {
            return Ok(None);
        }
        let at = force.control.at.unwrap_or(force.stored);
        let escrowed = SignedDuration::from_hours(24 * i64::from(self.inner.file().escrow_days()));
        let escrow_until = at.checked_add(escrowed).unwrap_or(Timestamp::MAX);
        Ok(Some(Destroyed { epoch: force.control.epoch.saturating_sub(1), at, escrow_until }))
    }

    /// Where the mark stands that the holder was forgotten by.
    async fn mark_of(&self, holder: Holder) -> Result<Option<u64>, KeyError> {
        self.check().await?;
        let found = self.inner.store.read(&store::subject(holder)).await?;
        Ok(found.filter(|found| found.message == wrapping::forgotten()).map(|found| found.sequence))
    }

    /// Removes the keys of all whom the erasure ledger lists and whose key is there: after a restore from a backup that
    /// is older than their erasure. Gives back how many there were.
    ///
    /// # Errors
    /// As [`Self::erase`]. Nothing may be opened then.
    pub async fn forget_the_erased(&self) -> Result<usize, KeyError> {
        let Some(ledger) = self.inner.file().erasures() else { return Ok(0) };
        let holders: BTreeSet<Holder> = ledger.read()?.into_iter().map(|erasure| erasure.holder).collect();
        let each = stream::iter(holders.into_iter().map(|holder| async move {
            let found = self.inner.store.read(&store::subject(holder)).await?;
            match found {
                Some(found) if found.message == wrapping::forgotten() => Ok::<_, KeyError>(0),
                Some(_) => self.forget(holder).await.map(|()| 1),
                None => self.forget(holder).await.map(|()| 0),
            }
        }));
        let again =
            each.buffer_unordered(AT_ONCE).try_fold(0, |sum, n| std::future::ready(Ok(sum + n))).await?;
        if again > 0 {
            tracing::warn!(
                keys = again,
                "{again} keys were there of whom the erasure ledger lists: removed again"
            );
        }
        Ok(again)
    }
}
