//! Reading: who opened the file of one household, and everything behind a position.

use async_nats::Message;
use jiff::Timestamp;
use serde_json::Value;

use super::entry::{About, AccessEntry, Written, subject_of};
use super::{KIND, VERSION};
use crate::config::ACCESS;
use crate::envelope::Malformed;
use crate::journal::Journal;
use crate::keys::KeyError;
use crate::read::ReadError;
use crate::read::direct::{self, BATCH, Question};

const ACTION: &str = "read who read what";

/// An entry as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Its place in the order of all entries, counted from 1.
    pub position: u64,
    /// What it says; the reason as far as it can be opened.
    pub entry: AccessEntry,
    /// Why a reason that was given is not shown.
    pub withheld: Option<Withheld>,
}

/// Why a reason is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// Whom it is about was erased.
    Erased,
    /// It was not opened: nobody asked for it, or the journal was opened without keys.
    Sealed,
    /// It was changed, or moved from another entry: verify the journal.
    Damaged,
}

/// Some entries, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPage {
    /// The entries.
    pub entries: Vec<Access>,
    /// Where the next page begins: behind this position.
    pub cursor: u64,
    /// Whether there is a next page.
    pub more: bool,
}

/// Why entries could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AccessReadError {
    /// The broker does not answer, or something there is not an entry.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The keys that open reasons cannot be reached or used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl Journal {
    /// Who read what of one household or of one colleague, behind a position (0 for all), in order, at most `limit` and at
    /// most 1,000. Reasons are opened, as far as the key of whom they are about is there.
    ///
    /// # Errors
    /// [`AccessReadError`].
    pub async fn accesses_of(
        &self,
        about: impl Into<About>,
        after: u64,
        limit: usize,
    ) -> Result<AccessPage, AccessReadError> {
        let subject = subject_of(about.into());
        let question = Question {
            seq: Some(after + 1),
            next_by_subj: Some(&subject),
            batch: Some(limit.clamp(1, BATCH)),
            ..Question::default()
        };
        let page = direct::ask(self.link(), ACCESS, ACTION, &question).await?;
        let mut entries = Vec::with_capacity(page.messages.len());
        for message in &page.messages {
            let (position, entry, reason) = entry(message).map_err(ReadError::from)?;
            entries.push(self.with_reason(position, entry, reason).await?);
        }
        let cursor = entries.last().map_or(after, |last| last.position);
        Ok(AccessPage { entries, cursor, more: page.pending > 0 })
    }

    /// Every entry behind a position, of all households, in order, at most `limit` and at most 1,000. Reasons stay
    /// sealed: whoever watches over readers need not know them.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer, or something there is not an entry.
    pub async fn accesses_after(&self, after: u64, limit: usize) -> Result<Vec<Access>, ReadError> {
        let question =
            Question { seq: Some(after + 1), batch: Some(limit.clamp(1, BATCH)), ..Question::default() };
        let page = direct::ask(self.link(), ACCESS, ACTION, &question).await?;
        page.messages.iter().map(|message| entry(message).map(sealed).map_err(ReadError::from)).collect()
    }

    /// The position in front of the first entry that was stored at `time` or later.
    ///
    /// # Errors
    /// As [`Journal::accesses_after`].
    pub async fn access_position_at(&self, time: Timestamp) -> Result<u64, ReadError> {
        let time = time.to_string();
        let question = Question { start_time: Some(&time), batch: Some(1), ..Question::default() };
        let page = direct::ask(self.link(), ACCESS, ACTION, &question).await?;
        match page.messages.first().and_then(direct::place) {
            Some((_, position)) => Ok(position - 1),
            None => crate::read::last_position(self.link(), ACCESS).await,
        }
    }

    async fn with_reason(
        &self,
        position: u64,
        mut entry: AccessEntry,
        reason: Option<Value>,
    ) -> Result<Access, KeyError> {
        let (Some(reason), Some(keys)) = (&reason, self.keys()) else {
            return Ok(sealed((position, entry, reason)));
        };
        let ledger = entry.about.ledger();
        let withheld = match keys.open(&ledger, entry.id, KIND, VERSION, reason.clone()).await {
            Ok(opened) => match opened.get("personal").and_then(Value::as_str) {
                Some(text) => {
                    entry.reason = Some(text.to_owned());
                    None
                }
                None if opened.get("erased").is_some() => Some(Withheld::Erased),
                None => Some(Withheld::Damaged),
            },
            Err(KeyError::Open(_)) => Some(Withheld::Damaged),
            Err(error) => return Err(error),
        };
        Ok(Access { position, entry, withheld })
    }
}

/// The entry, its reason left as it stands.
fn sealed((position, entry, reason): (u64, AccessEntry, Option<Value>)) -> Access {
    let withheld = reason.map(|reason| match reason.get("erased") {
        Some(_) => Withheld::Erased,
        None => Withheld::Sealed,
    });
    Access { position, entry, withheld }
}

/// The entry in an answer of the broker, with its reason as it stands.
fn entry(message: &Message) -> Result<(u64, AccessEntry, Option<Value>), Malformed> {
    let missing = Malformed { position: 0, what: "the broker's headers are missing" };
    let (subject, position) = direct::place(message).ok_or(missing)?;
    let (entry, reason) =
        Written::read(subject, &message.payload).map_err(|what| Malformed { position, what })?;
    Ok((position, entry, reason))
}
