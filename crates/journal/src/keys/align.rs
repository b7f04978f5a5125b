//! Staying in step: the key file as it is now, and the epoch that the stream says is in force.

use std::sync::{Arc, PoisonError};

use super::control::{CONTROL, Control, HANDOVER, take_over};
use super::file::Epoch;
use super::ring::{Inner, KeyRing, TRIES};
use super::store::Written;
use super::{KeyError, KeyFile};

/// What the stream last said.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    pub(super) control: Control,
    /// Where its message stands: what the fence is guarded by.
    pub(super) sequence: u64,
    /// When the broker stored it.
    pub(super) stored: jiff::Timestamp,
}

impl Inner {
    /// The key file as it was last read.
    pub(super) fn file(&self) -> Arc<KeyFile> {
        Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on the file is this one.
    pub(super) fn hold(&self, file: KeyFile) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file);
    }

    /// Reads the file again if it was changed. One that cannot be read stays as it was: what is needed is in memory, and
    /// what is not is asked for again.
    pub(super) fn reread(&self) {
        match self.file().reread() {
            Ok(Some(file)) => self.hold(file),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = %error, "the key file was changed and cannot be read: {error}")
            }
        }
    }

    /// What is in force has to be asked before the next key is written.
    pub(super) fn ask_again(&self) {
        *self.force.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn remembered(&self) -> Option<InForce> {
        self.force.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl KeyRing {
    /// The epoch to wrap keys under, and where the message stands that says so.
    pub(super) async fn in_force(&self) -> Result<(Epoch, u64), KeyError> {
        let force = match self.inner.remembered() {
            Some(force) => force,
            None => self.align().await?,
        };
        let number = force.control.epoch;
        let epoch =
            self.inner.file().epoch(number).cloned().ok_or(KeyError::UnknownEpoch { epoch: number })?;
        Ok((epoch, force.sequence))
    }

    /// Asks the stream which epoch is in force and sees to it that the key file holds it: reads the file again if it was
    /// changed, takes the epoch from the handover if it was not; drops from it what a finished rotation has retired.
    pub(super) async fn align(&self) -> Result<InForce, KeyError> {
        let force = self.ask_control().await?;
        let control = &force.control;
        let holds = |file: &KeyFile| file.epoch(control.epoch).is_some_and(|epoch| control.means(epoch));
        self.inner.reread();
        if !holds(&self.inner.file()) {
            let unknown = || KeyError::UnknownEpoch { epoch: control.epoch };
            let handover = self.inner.store.read(HANDOVER).await?.ok_or_else(unknown)?;
            let file = self.inner.file();
            let held: Vec<&Epoch> = file.all();
            let taken = take_over(&handover.message, &held).filter(|epoch| control.means(epoch));
            let taken = taken.ok_or_else(unknown)?;
            let (file, ()) = file.change(|epochs| {
                // Another key of this number was proposed here and not put in force: nothing is wrapped under it.
                epochs.retain(|epoch| epoch.number != taken.number);
                epochs.push(taken);
                Ok(())
            })?;
            tracing::info!(
                epoch = control.epoch,
                "epoch {} was taken over from another machine",
                control.epoch
            );
            self.inner.hold(file);
        }
        let file = self.inner.file();
        if control.finished && !file.older_than(control.epoch).is_empty() {
            // A file that this process may only read is no reason to stop working: whoever may write to it retires.
            if let Err(error) = self.retire_below(control.epoch, control.at.unwrap_or(force.stored)) {
                tracing::warn!(error = %error, "old epochs stay in the key file: {error}");
            }
        }
        *self.inner.force.lock().unwrap_or_else(PoisonError::into_inner) = Some(force.clone());
        Ok(force)
    }

    /// What the stream says; on a stream that says nothing yet, the newest epoch of the file is put in force.
    async fn ask_control(&self) -> Result<InForce, KeyError> {
        let store = &self.inner.store;
        for _ in 0..TRIES {
            if let Some(found) = store.read(CONTROL).await? {
                let control = Control::read(&found.message)?;
                return Ok(InForce { control, sequence: found.sequence, stored: found.stored });
            }
            let first = Control::first(self.inner.file().current());
            match store.write_first(CONTROL.to_owned(), first.message()).await? {
                Written::Done | Written::Look => {}
            }
        }
        Err(KeyError::Overtaken)
    }

    /// Takes the epochs below `number` out of the file, after they are in the escrow.
    pub(super) fn retire_below(&self, number: u32, at: jiff::Timestamp) -> Result<Vec<u32>, KeyError> {
        let file = self.inner.file();
        self.escrow_below(number, at)?;
        let (file, retired) = file.change(|epochs| {
            let retired = epochs.iter().map(|epoch| epoch.number).filter(|n| *n < number).collect();
            epochs.retain(|epoch| epoch.number >= number);
            Ok(retired)
        })?;
        self.inner.hold(file);
        Ok(retired)
    }

    /// Puts the epochs below `number` in the escrow, and removes from it what no backup needs any more.
    pub(super) fn escrow_below(&self, number: u32, at: jiff::Timestamp) -> Result<(), KeyError> {
        let file = self.inner.file();
        let escrow = file.escrow().ok_or(super::KeyFileError::NowhereKept)?;
        let days = jiff::SignedDuration::from_hours(24 * i64::from(file.escrow_days()));
        let keep_from = at.checked_sub(days).unwrap_or(jiff::Timestamp::MIN);
        escrow.take(&file.older_than(number), at, keep_from)?;
        Ok(())
    }
}
