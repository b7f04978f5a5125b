//! Recording: every entry on disk, or an error and nothing is shown.

use std::time::Duration;

use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::entry::{AccessEntry, MAX_FIELDS, MAX_REASON, Written, subject_of};
use super::{KIND, VERSION};
use crate::append::wire::{self, Outbound, Outcome};
use crate::journal::Journal;
use crate::keys::KeyError;

/// How many entries one call may record: as many as the broker takes in one atomic batch.
pub const MAX_ENTRIES: usize = 1000;

/// The pause before the broker is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// Why entries are not on disk for certain. Whoever wanted to show something shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// An entry breaks a rule; nothing was recorded.
    #[error("this access cannot be recorded: {what}")]
    Unwritable {
        /// The rule: `a reason has at most 1000 characters`.
        what: String,
    },
    /// An entry has a reason, but the journal was opened without keys: see [`Journal::with_keys`].
    #[error("an access with a reason cannot be recorded: this journal was opened without keys")]
    NoKeys,
    /// A reason cannot be sealed: the keys cannot be reached or used.
    #[error(transparent)]
    Unsealed(#[from] KeyError),
    /// No acknowledgement came in time: entries may be recorded or not. Recording them again does no harm.
    #[error("no acknowledgement came in time ({why}); show nothing, try again")]
    NoAnswer {
        /// What happened.
        why: String,
    },
    /// Nothing was recorded: the stream has reached its byte limit or the disk is full.
    #[error(
        "the access journal is full: {why}; nothing is shown until it has room: raise its limit or the disk"
    )]
    Full {
        /// The broker's words.
        why: String,
    },
    /// Nothing was recorded and trying again will not help.
    #[error("the broker refuses to record who read what: {why}; check the rights of this service")]
    Refused {
        /// The broker's words.
        why: String,
    },
}

/// An entry ready to be sent, as often as it takes.
struct Ready {
    id: String,
    subject: String,
    body: Bytes,
}

impl Ready {
    fn outbound(&self) -> Outbound {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, self.id.as_str());
        Outbound { subject: self.subject.clone(), headers, body: self.body.clone() }
    }
}

impl Journal {
    /// Records who read what. Returns once every entry is on disk; several are recorded together or not at all. Waits
    /// no longer than the journal's `ack_wait`.
    ///
    /// A reason about a household that was erased is recorded as erased: that somebody read stays, what they said of
    /// it does not.
    ///
    /// # Errors
    /// [`AccessError`]: show nothing then.
    pub async fn record_access(&self, entries: &[AccessEntry]) -> Result<(), AccessError> {
        check(entries)?;
        let deadline = Instant::now() + self.config().ack_wait;
        let late = |what: &str| AccessError::NoAnswer { why: format!("{what} took too long") };
        let mut ready = Vec::with_capacity(entries.len());
        for entry in entries {
            ready.push(timeout_at(deadline, self.ready(entry)).await.map_err(|_| late("sealing"))??);
        }
        if ready.is_empty() {
            return Ok(());
        }
        loop {
            let outcome = timeout_at(deadline, self.store(&ready)).await.map_err(|_| late("storing"))?;
            let why = match outcome {
                // None has a guard: what is lost is what was there before, by an attempt whose answer went astray.
                Outcome::Stored { .. } | Outcome::Lost { .. } => return Ok(()),
                Outcome::Full { why } => return Err(AccessError::Full { why }),
                Outcome::Refused { why } => return Err(AccessError::Refused { why }),
                Outcome::Absent { why } | Outcome::Unknown { why } => why,
            };
            if Instant::now() + PAUSE >= deadline {
                return Err(AccessError::NoAnswer { why });
            }
            sleep(PAUSE).await;
        }
    }

    async fn ready(&self, entry: &AccessEntry) -> Result<Ready, AccessError> {
        let reason = match &entry.reason {
            Some(reason) => Some(self.seal_reason(entry, reason).await?),
            None => None,
        };
        // Ids, codes, dates and a JSON value always have a text.
        let body = serde_json::to_vec(&Written::of(entry, reason)).unwrap_or_default();
        Ok(Ready { id: entry.id.to_string(), subject: subject_of(entry.about), body: body.into() })
    }

    async fn seal_reason(&self, entry: &AccessEntry, reason: &str) -> Result<Value, AccessError> {
        let keys = self.keys().ok_or(AccessError::NoKeys)?;
        let ledger = entry.about.ledger();
        match keys.seal(&ledger, entry.id, KIND, VERSION, json!({ "personal": reason })).await {
            Err(KeyError::Forgotten(_)) => Ok(json!({ "erased": true })),
            sealed => Ok(sealed?),
        }
    }

    async fn store(&self, ready: &[Ready]) -> Outcome {
        if let [one] = ready {
            return wire::publish(self.link(), one.outbound()).await;
        }
        let together = wire::publish_together(self.link(), ready.iter().map(Ready::outbound)).await;
        if !matches!(together, Outcome::Lost { .. }) {
            return together;
        }
        // Some were there before, perhaps not all: each for itself, then.
        let mut outcome = together;
        for one in ready {
            outcome = wire::publish(self.link(), one.outbound()).await;
            if !matches!(outcome, Outcome::Stored { .. } | Outcome::Lost { .. }) {
                break;
            }
        }
        outcome
    }
}

/// Whether all entries keep the rules.
fn check(entries: &[AccessEntry]) -> Result<(), AccessError> {
    let refuse = |what: String| Err(AccessError::Unwritable { what });
    if entries.len() > MAX_ENTRIES {
        return refuse(format!(
            "at most {MAX_ENTRIES} entries are recorded together, these are {}",
            entries.len()
        ));
    }
    for entry in entries {
        if entry.fields.len() > MAX_FIELDS {
            return refuse(format!("an entry names at most {MAX_FIELDS} field groups"));
        }
        if entry.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
            return refuse(format!("a reason has at most {MAX_REASON} characters"));
        }
    }
    Ok(())
}
