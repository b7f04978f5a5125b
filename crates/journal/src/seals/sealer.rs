//! The sealer: reads what is new in each stream and appends seals.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use async_nats::header::{HeaderMap, HeaderValue, NATS_EXPECTED_LAST_SEQUENCE};
use jiff::{SignedDuration, Timestamp};

use super::chain::Chain;
use super::entry::{Entry, PublicKey, Says, Seal};
use super::hash::Hash;
use super::key::{SealKey, SealKeyError};
use super::stretch;
use super::tree::{mark, root};
use crate::append::wire::{self, Outbound, Outcome};
use crate::config::{ACCESS, SEALS};
use crate::journal::Journal;
use crate::link::Unreachable;
use crate::read::direct::{self, Question};
use crate::read::{ReadError, ends};

/// The most messages one seal covers: the marks of its messages and of whose they are must fit a message of the broker.
pub const MAX_STRETCH: u64 = 1500;

/// How often others may get in the way of one entry.
const TRIES: usize = 5;

/// When a seal is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// As soon as so many messages are not sealed; at least 1 and at most [`MAX_STRETCH`], whatever is asked for.
    pub messages: u64,
    /// As soon as a message has waited for so long.
    pub within: Duration,
}

impl Default for Cadence {
    /// Every 1,000 messages, or 60 s.
    fn default() -> Self {
        Self { messages: 1000, within: Duration::from_secs(60) }
    }
}

/// Why nothing could be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The broker does not answer, or refuses.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file of the signing key cannot be used.
    #[error(transparent)]
    Key(#[from] SealKeyError),
    /// The chain has entries, but the file of its key is missing. None is made: the chain would not know it.
    #[error("the integrity chain has entries, but its signing key {path} is missing: restore it")]
    KeyMissing {
        /// Where it should lie.
        path: String,
    },
    /// The chain knows another key.
    #[error(
        "the integrity chain is signed with another key than the one in {path}: restore the one or the other"
    )]
    StrangerKey {
        /// The file of the key.
        path: String,
    },
    /// The chain no longer holds the entry that was noted beside the key.
    #[error(
        "the integrity chain was cut off: entry {position} is not what was noted; verify, and restore the broker"
    )]
    CutOff {
        /// The entry that was noted.
        position: u64,
    },
    /// What lies in a stream is not what it was: nothing more of it is sealed.
    #[error("{stream} at {position}: {what}; verify the journal")]
    Damaged {
        /// The stream.
        stream: String,
        /// The position.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The stream of seals takes nothing more.
    #[error(
        "the broker takes no seal: {why}; raise the limit of {SEALS}, or check the rights of this service"
    )]
    Refused {
        /// The broker's words.
        why: String,
    },
    /// Others kept appending. Try again.
    #[error("another sealer is at work: try again")]
    Contended,
}

/// Appends to the chain. Several may run: each entry is guarded, so that they never fork it.
#[derive(Debug)]
pub struct Sealer {
    journal: Journal,
    key: SealKey,
    cadence: Cadence,
    chain: Chain,
    /// Whether the chain in memory may not be the one in the stream.
    stale: bool,
    /// Since when something is not sealed, by stream.
    waiting: HashMap<String, Timestamp>,
    /// Whether nothing was sealed since it was opened: what waits has waited long enough.
    fresh: bool,
}

impl Sealer {
    /// Opens the chain with the key at `path`, which must not lie in the broker's directory; begins one, with a key that
    /// is made if it is missing, where there is none.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn open(
        journal: Journal,
        path: &Path,
        broker: Option<&Path>,
        cadence: Cadence,
        now: Timestamp,
    ) -> Result<Self, SealError> {
        let noted = SealKey::noted_head(path)?;
        let last = ends(journal.link(), SEALS).await?.last;
        let key = match (last, noted) {
            (0, Some((position, _))) => return Err(SealError::CutOff { position }),
            (0, None) => SealKey::open_or_create(path, broker)?,
            (_, _) => match SealKey::open(path, broker) {
                Err(SealKeyError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    return Err(SealError::KeyMissing { path: path.display().to_string() });
                }
                opened => opened?,
            },
        };
        let cadence = Cadence { messages: cadence.messages.clamp(1, MAX_STRETCH), ..cadence };
        let (chain, waiting) = (Chain::default(), HashMap::new());
        let mut sealer = Self { journal, key, cadence, chain, stale: true, waiting, fresh: true };
        sealer.load().await?;
        if let Some((position, hash)) = noted {
            sealer.compare(position, hash).await?;
        }
        let mut tries = 0;
        while sealer.chain.position() == 0 && !sealer.append(Says::Begun, now).await? {
            tries += 1;
            if tries == TRIES {
                return Err(SealError::Contended);
            }
        }
        Ok(sealer)
    }

    /// The position and hash of the chain's last entry, as this sealer knows it.
    #[must_use]
    pub fn head(&self) -> Option<(u64, Hash)> {
        self.chain.head().map(|head| (self.chain.position(), head))
    }

    /// Seals what is due. How many seals were appended.
    ///
    /// The call can be dropped at any time: an entry is there whole or not at all.
    ///
    /// # Errors
    /// [`SealError`]; what was appended before stays.
    pub async fn step(&mut self, now: Timestamp) -> Result<u64, SealError> {
        let all = self.fresh;
        let count = self.seal_streams(now, all).await?;
        self.fresh = false;
        Ok(count)
    }

    /// Seals everything that is not sealed, whether or not it is due.
    ///
    /// # Errors
    /// As [`Sealer::step`].
    pub async fn seal_all(&mut self, now: Timestamp) -> Result<u64, SealError> {
        self.seal_streams(now, true).await
    }

    /// Draws a new key, which the old one brings into use by its last signature. By one process at a time: others that
    /// seal learn of it by themselves.
    ///
    /// # Errors
    /// [`SealError`]. Whether the new key is in use is then seen at the next entry; no key is lost.
    pub async fn rotate_key(&mut self, now: Timestamp) -> Result<PublicKey, SealError> {
        self.refresh().await?;
        let next = self.key.prepare_next()?;
        for _ in 0..TRIES {
            if self.append(Says::Rotated { next }, now).await? {
                self.key.settle(next)?;
                return Ok(next);
            }
        }
        Err(SealError::Contended)
    }

    async fn seal_streams(&mut self, now: Timestamp, all: bool) -> Result<u64, SealError> {
        self.refresh().await?;
        let mut streams: Vec<String> =
            self.journal.config().partitions.streams().into_iter().map(|(name, _)| name).collect();
        streams.push(ACCESS.to_owned());
        let mut count = 0;
        for stream in streams {
            while let Some((from, to)) = self.due(&stream, now, all).await? {
                if self.seal(&stream, from, to, now).await? {
                    count += 1;
                    self.waiting.remove(&stream);
                }
            }
        }
        Ok(count)
    }

    /// The stretch of a stream that is to be sealed now.
    async fn due(
        &mut self,
        stream: &str,
        now: Timestamp,
        all: bool,
    ) -> Result<Option<(u64, u64)>, SealError> {
        let sealed = self.chain.reach(stream).to;
        let ends = ends(self.journal.link(), stream).await?;
        if ends.last < sealed {
            let what = "the stream ends before this message, which was sealed";
            return Err(SealError::Damaged { stream: stream.to_owned(), position: ends.last + 1, what });
        }
        let from = if stream == ACCESS { ends.first.max(sealed + 1) } else { sealed + 1 };
        if from > ends.last {
            self.waiting.remove(stream);
            return Ok(None);
        }
        let unsealed = ends.last - from + 1;
        let within = SignedDuration::try_from(self.cadence.within).unwrap_or(SignedDuration::MAX);
        let since = *self.waiting.entry(stream.to_owned()).or_insert(now);
        let due = all || unsealed >= self.cadence.messages || now.duration_since(since) >= within;
        Ok(due.then(|| (from, from + unsealed.min(self.cadence.messages) - 1)))
    }

    /// Seals one stretch; `false` if somebody else appended first.
    async fn seal(&mut self, stream: &str, from: u64, to: u64, now: Timestamp) -> Result<bool, SealError> {
        let read = stretch::read(self.journal.link(), stream, from, to).await?;
        let from = match read.leaves.first() {
            // Its time may have come since the stream was looked at; nothing is left in front of it then.
            Some((first, _)) if stream == ACCESS && *first > from => {
                from.max(ends(self.journal.link(), stream).await?.first.min(*first))
            }
            Some(_) | None => from,
        };
        let mut found = read.leaves.iter().map(|(position, _)| *position);
        if let Some(position) = (from..=to).find(|position| found.next() != Some(*position)) {
            if self.journal.config().replicas > 1 {
                return Err(
                    ReadError::from(Unreachable::new("seal", "the replica that answers is behind")).into()
                );
            }
            return Err(SealError::Damaged {
                stream: stream.to_owned(),
                position,
                what: "a message is missing",
            });
        }
        let leaves: Vec<Hash> = read.leaves.iter().map(|(_, leaf)| *leaf).collect();
        let (Some(root), Some(since), Some(until)) = (root(&leaves), read.since, read.until) else {
            let what = "the broker does not say when it was stored";
            return Err(SealError::Damaged { stream: stream.to_owned(), position: from, what });
        };
        let marks = leaves.iter().map(mark).collect();
        // Whoever is told who read their file is told so without a gap.
        let whose = if stream == ACCESS { read.whose } else { Vec::new() };
        let stream = stream.to_owned();
        self.append(Says::Sealed(Seal { stream, from, to, since, until, root, marks, whose }), now).await
    }

    /// Appends an entry behind the last one; `false` if somebody else did so first, which is known then.
    async fn append(&mut self, says: Says, now: Timestamp) -> Result<bool, SealError> {
        let entry = Entry::sign(self.key.signing(), self.chain.head().unwrap_or(Hash::NONE), now, says);
        let (subject, body) = (entry.subject(), entry.to_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(self.chain.position()));
        let outbound = Outbound { subject: subject.clone(), headers, body: body.clone().into() };
        // Until the answer is there, and if the call is dropped before.
        self.stale = true;
        match wire::publish(self.journal.link(), outbound).await {
            Outcome::Stored { first } => {
                if self.chain.accept(first, &subject, true, &body, ACCESS).is_err() {
                    let what = "the entry was not stored behind the last one";
                    return Err(SealError::Damaged { stream: SEALS.to_owned(), position: first, what });
                }
                self.stale = false;
                self.key.note_head(first, entry.hash())?;
                Ok(true)
            }
            Outcome::Lost { .. } => {
                self.load().await?;
                Ok(false)
            }
            Outcome::Full { why } | Outcome::Refused { why } => Err(SealError::Refused { why }),
            Outcome::Absent { why } | Outcome::Unknown { why } => {
                Err(ReadError::from(Unreachable::new("append a seal", why)).into())
            }
        }
    }

    async fn refresh(&mut self) -> Result<(), SealError> {
        if self.stale { self.load().await } else { Ok(()) }
    }

    /// Reads the last entries of the chain.
    async fn load(&mut self) -> Result<(), SealError> {
        let damaged = |position, what| SealError::Damaged { stream: SEALS.to_owned(), position, what };
        let link = self.journal.link();
        let last = ends(link, SEALS).await?.last;
        let mut entries = Vec::new();
        if last > 0 {
            let all = ["seal.>".to_owned()];
            let question = Question { multi_last: Some(&all), ..Question::default() };
            for message in direct::ask(link, SEALS, "read the last seals", &question).await?.messages {
                let position = direct::place(&message).map_or(0, |(_, position)| position);
                let entry = Entry::of_bytes(&message.payload);
                entries
                    .push((position, entry.ok_or_else(|| damaged(position, "it is no entry of the chain"))?));
            }
        }
        let chain =
            Chain::resume(&entries).map_err(|position| damaged(position, "its signature is wrong"))?;
        if chain.position() < last {
            // A replica that is behind, or an entry that was appended just now.
            let why = "the end of the chain is not there yet";
            return Err(ReadError::from(Unreachable::new("read the last seals", why)).into());
        }
        if let Some(public) = chain.key()
            && !self.key.settle(public)?
        {
            // Another process may have rotated it.
            self.key = SealKey::open(self.key.path(), None)?;
            if !self.key.settle(public)? {
                return Err(SealError::StrangerKey { path: self.key.path().display().to_string() });
            }
        }
        (self.chain, self.stale) = (chain, false);
        Ok(())
    }

    /// Whether an entry is the one that was noted.
    async fn compare(&self, position: u64, noted: Hash) -> Result<(), SealError> {
        let found = stretch::lying(self.journal.link(), SEALS, position, position).await?;
        let entry = found.first().and_then(|lying| Entry::of_bytes(&lying.body));
        match entry {
            Some(entry) if entry.hash() == noted => Ok(()),
            Some(_) | None => Err(SealError::CutOff { position }),
        }
    }
}
