//! Rotation: every key under a new key-encryption key, and the old one destroyed, while everybody goes on working.
//!
//! The broker's files keep what was removed from a stream: blocks not yet compacted, logs of replicas, backups. So removing
//! a holder's key erases for good only once the key-encryption key it was wrapped under is gone. That is what a rotation
//! is for, every night.
//!
//! # The protocol
//!
//! The message on `key.epoch` says which epoch is *in force*. Whoever writes a wrapped key does so in an atomic batch that
//! also writes to `key.drawn`, guarded by the sequence of `key.epoch`: the broker refuses the batch if another epoch was
//! put in force since. There is therefore a moment after which no key can be written under the old epoch any more, by
//! however slow a process, and one pass over the stream behind that moment finds them all. No clock and no list of
//! processes is needed.
//!
//! 1. *Propose*: a fresh epoch is written into the key file, beside the one in force. Nothing is wrapped under it.
//! 2. *Announce*: `key.epoch` says that it is in force; in the same batch `key.handover` carries it, wrapped under the one
//!    before, to machines that have a copy of the key file of their own. Readers meet keys of an epoch they do not know,
//!    read the file again or take the handover, and go on.
//! 3. *Re-wrap*: pass over the stream; each key under an older epoch is written again under the new one, guarded by its own
//!    sequence, so that an erasure that happens meanwhile wins.
//! 4. *Verify*: a whole pass finds no key under an older epoch, opens every one under the new epoch, and finds each key
//!    that was re-wrapped to be the same as before. Only such a pass lets the rotation go on.
//! 5. *Escrow*: the old epoch is kept apart for as long as backups are, which hold keys wrapped under it.
//! 6. *Retire*: the old epoch is overwritten and taken out of the key file. From here on what was removed is gone.
//! 7. *Record*: `key.epoch` says that the rotation is finished, upon which other machines retire the epoch in their files;
//!    `key.rotation.<epoch>` says who did it, when, and how many keys there are. These records stay in the stream, one a
//!    night: beside the keys they are about, backed up with them, and read without the key file.
//!
//! Each step can be done again, and is when a rotation was cut short: the next one finishes it first. Two that run at the
//! same time do the same work twice, and the one that is overtaken notices at its next guarded write.
//!
//! The handover lets whoever holds an epoch *and* reads the stream follow to the next one. They could read every key there
//! is anyway; it never leads back to an older epoch, which is what erasure rests on.

mod passes;
mod records;

use std::collections::HashMap;

use domain::event::Actor;
use jiff::Timestamp;

use super::align::InForce;
use super::control::{CONTROL, Control, HANDOVER, hand_over, history};
use super::file::Epoch;
use super::ring::{KeyRing, TRIES};
use super::store::{Writing, Written};
use super::{Holder, KeyError, KeyFileError};
use crate::sealing::KeyId;

pub use records::RotationRecord;

/// What a rotation has just done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One that was cut short is being finished.
    Resumed {
        /// The epoch that is in force already.
        epoch: u32,
    },
    /// A fresh epoch is in the key file.
    Proposed {
        /// Its number.
        epoch: u32,
    },
    /// It is in force.
    Announced,
    /// A pass has re-wrapped the keys it found under older epochs.
    Rewrapped {
        /// How many.
        keys: u64,
    },
    /// A pass has found no key under an older epoch and opened all of them.
    Verified {
        /// How many keys there are.
        keys: u64,
    },
    /// The old epochs are in the escrow.
    Escrowed,
    /// They are gone from the key file.
    Retired,
    /// Everybody knows. This was the last step.
    Recorded(Rotated),
}

/// What a rotation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The epoch in force.
    pub epoch: u32,
    /// How many keys there are, all under that epoch.
    pub keys: u64,
    /// How many of them this run has re-wrapped.
    pub rewrapped: u64,
    /// Whether it finished one that was cut short.
    pub resumed: bool,
}

/// What is to be done next.
enum Phase {
    Propose,
    Announce { from: InForce, to: u32 },
    Pass,
    Escrow,
    Retire,
    Record,
    Done,
}

/// A rotation under way. Dropping it leaves it cut short, for the next one to finish.
pub struct Rotation {
    ring: KeyRing,
    by: Actor,
    at: Timestamp,
    phase: Phase,
    resumed: bool,
    /// The epoch that is in force once it is announced.
    to: u32,
    /// Which keys this run has re-wrapped.
    rewrapped: HashMap<Holder, KeyId>,
    /// How many keys the last whole pass has found.
    keys: u64,
    overtaken: usize,
}

impl KeyRing {
    /// Rotates the key-encryption key: see [`Rotation`]. Asked for by `by` at `at`; `progress` is told each step and,
    /// during a pass, how many keys it has come to.
    ///
    /// # Errors
    /// [`KeyError`]: it is cut short then, nothing is lost, and the next one finishes it. [`KeyError::File`] with
    /// [`KeyFileError::NowhereKept`] for keys in memory only.
    pub async fn rotate(
        &self,
        by: &Actor,
        at: Timestamp,
        mut progress: impl FnMut(Option<&Step>, u64),
    ) -> Result<Rotated, KeyError> {
        let mut rotation = self.rotation(by, at);
        loop {
            let step = rotation.step(&mut |keys| progress(None, keys)).await?;
            progress(Some(&step), 0);
            if let Step::Recorded(rotated) = step {
                return Ok(rotated);
            }
        }
    }

    /// A rotation to be done step by step.
    #[must_use]
    pub fn rotation(&self, by: &Actor, at: Timestamp) -> Rotation {
        Rotation {
            ring: self.clone(),
            by: by.clone(),
            at,
            phase: Phase::Propose,
            resumed: false,
            to: 0,
            rewrapped: HashMap::new(),
            keys: 0,
            overtaken: 0,
        }
    }
}

impl Rotation {
    /// Does the next step; `progress` is told how many keys a pass has come to.
    ///
    /// # Errors
    /// [`KeyError`]: the step may be done or not. Do it again, or begin again: nothing is lost.
    pub async fn step(&mut self, progress: &mut impl FnMut(u64)) -> Result<Step, KeyError> {
        match std::mem::replace(&mut self.phase, Phase::Propose) {
            Phase::Propose => self.propose().await,
            Phase::Announce { from, to } => self.announce(from, to).await,
            Phase::Pass => self.pass(progress).await,
            Phase::Escrow => {
                self.ring.escrow_below(self.to, self.at)?;
                self.phase = Phase::Retire;
                Ok(Step::Escrowed)
            }
            Phase::Retire => {
                self.ring.retire_below(self.to, self.at)?;
                self.phase = Phase::Record;
                Ok(Step::Retired)
            }
            Phase::Record => self.record().await,
            Phase::Done => {
                self.phase = Phase::Done;
                Ok(Step::Recorded(self.rotated()))
            }
        }
    }

    async fn propose(&mut self) -> Result<Step, KeyError> {
        self.ring.check().await?;
        let force = self.ring.align().await?;
        if !force.control.finished {
            self.resumed |= self.to != force.control.epoch;
            self.to = force.control.epoch;
            self.phase = Phase::Pass;
            return Ok(Step::Resumed { epoch: self.to });
        }
        let file = self.ring.inner.file();
        let in_force = force.control.epoch;
        let escrowed = file.escrow().ok_or(KeyFileError::NowhereKept)?.list()?;
        // A number is never used twice, not even after a restore from a backup that does not know the last ones.
        let used = escrowed.iter().map(|(number, _)| *number).max().unwrap_or(0).max(in_force);
        let (file, to) = file.change(|epochs| {
            // One that was proposed and never announced serves as well: nothing was ever wrapped under it.
            match epochs.iter().map(|epoch| epoch.number).filter(|number| *number > in_force).max() {
                Some(proposed) => Ok(proposed),
                None => {
                    epochs.push(Epoch::draw(used + 1)?);
                    Ok(used + 1)
                }
            }
        })?;
        self.ring.inner.hold(file);
        self.phase = Phase::Announce { from: force, to };
        Ok(Step::Proposed { epoch: to })
    }

    async fn announce(&mut self, from: InForce, to: u32) -> Result<Step, KeyError> {
        let file = self.ring.inner.file();
        let epoch = |number| file.epoch(number).ok_or(KeyError::UnknownEpoch { epoch: number });
        let (old, new) = (epoch(from.control.epoch)?, epoch(to)?);
        let store = &self.ring.inner.store;
        if let Some(former) = store.read(HANDOVER).await? {
            store.erase(former.sequence).await?;
        }
        let control = Control::begun(new, &self.by, self.at);
        let writings = vec![
            Writing {
                subject: CONTROL.to_owned(),
                message: control.message(),
                expected: Some(from.sequence),
            },
            Writing { subject: HANDOVER.to_owned(), message: hand_over(old, new)?, expected: None },
        ];
        let written = store.write_all(writings).await?;
        self.ring.inner.ask_again();
        let force = self.ring.align().await?;
        let ours = force.control.means(new) && !force.control.finished;
        if written == Written::Look && !ours {
            return self.overtaken();
        }
        self.to = to;
        self.phase = Phase::Pass;
        Ok(Step::Announced)
    }

    /// Another process was quicker: whatever it has put in force is finished, or followed.
    fn overtaken(&mut self) -> Result<Step, KeyError> {
        self.overtaken += 1;
        if self.overtaken > TRIES {
            return Err(KeyError::Overtaken);
        }
        self.phase = Phase::Propose;
        Ok(Step::Rewrapped { keys: 0 })
    }

    /// Another process has finished this rotation, and may have begun one of its own.
    fn followed(&mut self, force: &InForce) -> Result<Step, KeyError> {
        if force.control.epoch == self.to && force.control.finished {
            self.keys = u64::try_from(self.rewrapped.len()).unwrap_or(0);
            self.phase = Phase::Done;
            return Ok(Step::Rewrapped { keys: 0 });
        }
        self.overtaken()
    }

    async fn record(&mut self) -> Result<Step, KeyError> {
        self.phase = Phase::Record;
        let force = self.ring.align().await?;
        if force.control.epoch != self.to || force.control.finished {
            return self.followed(&force);
        }
        let control = Control { finished: true, ..force.control.clone() };
        // A rotation that was cut short is the work of whoever began it.
        let by = force.control.by.clone().unwrap_or_else(|| self.by.clone());
        let at = force.control.at.unwrap_or(self.at);
        let record = RotationRecord { epoch: self.to, by, at, keys: self.keys };
        let writings = vec![
            Writing {
                subject: CONTROL.to_owned(),
                message: control.message(),
                expected: Some(force.sequence),
            },
            Writing {
                subject: history(self.to),
                // A plain struct of numbers and strings: serde_json cannot refuse it.
                message: serde_json::to_vec(&record).unwrap_or_default(),
                expected: None,
            },
        ];
        let written = self.ring.inner.store.write_all(writings).await?;
        self.ring.inner.ask_again();
        if written == Written::Look {
            return Ok(Step::Retired);
        }
        let rotated = self.rotated();
        tracing::info!(
            epoch = rotated.epoch, keys = rotated.keys, by = %record.by,
            "keys rotated by {}: {} keys under epoch {}", record.by, rotated.keys, rotated.epoch
        );
        self.phase = Phase::Done;
        Ok(Step::Recorded(rotated))
    }

    fn rotated(&self) -> Rotated {
        Rotated {
            epoch: self.to,
            keys: self.keys,
            rewrapped: u64::try_from(self.rewrapped.len()).unwrap_or(0),
            resumed: self.resumed,
        }
    }
}
