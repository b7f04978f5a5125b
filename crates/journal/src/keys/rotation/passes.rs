//! Passes over the stream: what re-wraps the keys, and what makes sure of it.

use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Phase, Rotation, Step};
use crate::keys::align::InForce;
use crate::keys::ring::AT_ONCE;
use crate::keys::store::{self, BATCH, Writing, Written};
use crate::keys::wrapping::{self, Unwrapped, epoch_of};
use crate::keys::{Holder, KeyError};
use crate::sealing::KeyId;

/// How often others may rewrite the same keys at the same moment before it is given up.
const REWRITES: usize = 50;

/// A key under an older epoch: whose, where it stands, and its message.
type Old = (Holder, u64, Vec<u8>);

impl Rotation {
    /// One pass: re-wraps what it finds under older epochs, and opens the rest.
    pub(super) async fn pass(&mut self, progress: &mut impl FnMut(u64)) -> Result<Step, KeyError> {
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
}
