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

use std::collections::HashMap;

use domain::event::Actor;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::align::InForce;
use super::control::{CONTROL, Control, HANDOVER, hand_over, history};
use super::file::Epoch;
use super::ring::{AT_ONCE, KeyRing, TRIES};
use super::store::{self, BATCH, Writing, Written};
use super::wrapping::{self, Unwrapped, epoch_of};
use super::{Holder, KeyError, KeyFileError};
use crate::sealing::KeyId;

/// How often others may rewrite the same keys at the same moment before it is given up.
const REWRITES: usize = 50;

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

/// The record of one rotation, as it stays in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationRecord {
    /// The epoch it put in force.
    pub epoch: u32,
    /// Who did it.
    pub by: Actor,
    /// When, by the clock of the process.
    pub at: Timestamp,
    /// How many keys there were.
    pub keys: u64,
}

/// A key under an older epoch: whose, where it stands, and its message.
type Old = (Holder, u64, Vec<u8>);

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

    /// When the last rotation was begun, or the keys first used; `None` while a rotation waits to be finished.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn last_rotation(&self) -> Result<Option<Timestamp>, KeyError> {
        self.check().await?;
        let force = self.align().await?;
        Ok(force.control.finished.then(|| force.control.at.unwrap_or(force.stored)))
    }

    /// The epoch in force, and the records of all rotations in order.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn rotations(&self) -> Result<(u32, Vec<RotationRecord>), KeyError> {
        self.check().await?;
        let force = self.align().await?;
        let mut records = Vec::new();
        let mut scan = self.inner.store.scan().await?;
        loop {
            let found = scan.next().await.map_err(|e| KeyError::broker("read all keys", e))?;
            if found.is_empty() {
                break;
            }
            let told = found.iter().filter(|one| one.message.subject.starts_with("key.rotation."));
            records.extend(told.filter_map(|one| serde_json::from_slice(&one.message.payload).ok()));
        }
        records.sort_by_key(|record: &RotationRecord| record.epoch);
        Ok((force.control.epoch, records))
    }

    /// How many holders have a key under each epoch, in order; under `None` those who were forgotten.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn census(&self) -> Result<Vec<(Option<u32>, u64)>, KeyError> {
        self.check().await?;
        let mut counts = std::collections::BTreeMap::new();
        let mut scan = self.inner.store.scan().await?;
        loop {
            let found = scan.next().await.map_err(|e| KeyError::broker("read all keys", e))?;
            if found.is_empty() {
                return Ok(counts.into_iter().collect());
            }
            for one in found.iter().filter(|one| store::holder(&one.message.subject).is_some()) {
                *counts.entry(epoch_of(&one.message.payload)).or_insert(0) += 1;
            }
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

    /// One pass: re-wraps what it finds under older epochs, and opens the rest.
    async fn pass(&mut self, progress: &mut impl FnMut(u64)) -> Result<Step, KeyError> {
        self.phase = Phase::Pass;
        let force = self.ring.align().await?;
        if force.control.epoch != self.to || force.control.finished {
            return self.followed(&force);
        }
        let file = self.ring.inner.file();
        let mut scan = self.ring.inner.store.scan().await?;
        let (mut came_to, mut opened, mut old) = (0, 0, 0_u64);
        let mut rewrapped = 0;
        let mut waiting: Vec<Old> = Vec::with_capacity(BATCH);
        let mut seen: HashMap<Holder, KeyId> = HashMap::new();
        loop {
            let found = scan.next().await.map_err(|e| KeyError::broker("read all keys", e))?;
            if found.is_empty() {
                break;
            }
            for one in &found {
                let Some(holder) = store::holder(&one.message.subject) else { continue };
                let message = &one.message.payload;
                match epoch_of(message) {
                    Some(epoch) if epoch < self.to => {
                        old += 1;
                        waiting.push((holder, one.sequence, message.to_vec()));
                        if waiting.len() == BATCH {
                            let Some(keys) = self.rewrap(&force, std::mem::take(&mut waiting)).await? else {
                                return Ok(Step::Rewrapped { keys: rewrapped });
                            };
                            rewrapped += keys;
                        }
                    }
                    Some(_) => {
                        if let Unwrapped::Key(key) = wrapping::unwrap(&file, holder, message)? {
                            seen.insert(holder, key.id());
                            opened += 1;
                        }
                    }
                    // A mark; or something damaged, which must be looked at before anything is destroyed.
                    None => drop(wrapping::unwrap(&file, holder, message)?),
                }
            }
            came_to += u64::try_from(found.len()).unwrap_or(0);
            progress(came_to.min(scan.messages()));
        }
        if !waiting.is_empty() {
            let Some(keys) = self.rewrap(&force, waiting).await? else {
                return Ok(Step::Rewrapped { keys: rewrapped });
            };
            rewrapped += keys;
        }
        if old > 0 {
            return Ok(Step::Rewrapped { keys: rewrapped });
        }
        self.compare(&seen).await?;
        self.keys = opened;
        self.phase = Phase::Escrow;
        Ok(Step::Verified { keys: opened })
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

    /// Writes these keys again under the new epoch. Those that were erased or written anew meanwhile are left alone.
    /// `None` if another epoch is in force by now: the next pass sees which.
    async fn rewrap(&mut self, force: &InForce, mut keys: Vec<Old>) -> Result<Option<u64>, KeyError> {
        let file = self.ring.inner.file();
        let to = file.epoch(self.to).ok_or(KeyError::UnknownEpoch { epoch: self.to })?;
        for _ in 0..REWRITES {
            let mut writings = Vec::with_capacity(keys.len());
            let mut ids = Vec::with_capacity(keys.len());
            for (holder, sequence, message) in &keys {
                let Unwrapped::Key(key) = wrapping::unwrap(&file, *holder, message)? else { continue };
                ids.push((*holder, key.id()));
                writings.push(Writing {
                    subject: store::subject(*holder),
                    message: wrapping::wrap(to, *holder, &key)?,
                    expected: Some(*sequence),
                });
            }
            if writings.is_empty() {
                return Ok(Some(0));
            }
            match self.ring.inner.store.write_keys(writings, force.sequence).await? {
                Written::Done => {
                    let written = u64::try_from(ids.len()).unwrap_or(0);
                    self.rewrapped.extend(ids);
                    return Ok(Some(written));
                }
                Written::Look => {
                    if self.ring.align().await?.sequence != force.sequence {
                        return Ok(None);
                    }
                    keys = self.look_again(&keys).await?;
                }
            }
        }
        Err(KeyError::Overtaken)
    }

    /// What stands under older epochs now where these keys stood.
    async fn look_again(&self, keys: &[Old]) -> Result<Vec<Old>, KeyError> {
        let holders: Vec<Holder> = keys.iter().map(|(holder, _, _)| *holder).collect();
        let each = holders.into_iter().map(|holder| async move {
            let found = self.ring.inner.store.read(&store::subject(holder)).await?;
            let old = found.filter(|found| epoch_of(&found.message).is_some_and(|epoch| epoch < self.to));
            Ok::<_, KeyError>(old.map(|found| (holder, found.sequence, found.message.to_vec())))
        });
        stream::iter(each)
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|one| async { Ok(one) })
            .try_collect()
            .await
    }

    /// Every key that was re-wrapped is still there and the same, unless its holder was forgotten since.
    async fn compare(&self, seen: &HashMap<Holder, KeyId>) -> Result<(), KeyError> {
        for (holder, id) in &self.rewrapped {
            match seen.get(holder) {
                Some(found) if found == id => {}
                Some(_) => return Err(KeyError::Damaged { holder: *holder }),
                None => {
                    let found = self.ring.inner.store.read(&store::subject(*holder)).await?;
                    // Nothing at all stands there for the moment between the removal of a key and its mark.
                    if found
                        .is_some_and(|found| epoch_of(&found.message).is_some_and(|epoch| epoch < self.to))
                    {
                        return Err(KeyError::Damaged { holder: *holder });
                    }
                }
            }
        }
        Ok(())
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
