//! What is known of rotations and of keys, without showing any.

use std::collections::BTreeMap;

use domain::event::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::ring::KeyRing;
use crate::keys::wrapping::epoch_of;
use crate::keys::{KeyError, store};

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

impl KeyRing {
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
        let mut counts = BTreeMap::new();
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
