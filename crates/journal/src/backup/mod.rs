//! Backups: what the broker's streams hold, copied as it is, sealed as it is, and put back elsewhere.
//!
//! **Invariant.** A backup holds no key that opens anything: never the key file, the escrow or the erasure ledger, nor
//! the handover of a rotation. Without the key file of its time its personal values stay sealed.
//!
//! **Invariant.** Every event of a backup finds its key in it: keys are read after the journal. Every seal finds its
//! events: seals are read before.
//!
//! **Invariant.** What is restored stands at the same positions, and nothing opens it before it is whole: the mark by which
//! a key file recognises its stream is written last.
//!
//! **Invariant.** Who was erased since the backup is not restored: where the key was, the mark of an erasure is written,
//! and the key itself never reaches the new broker's disk.
//!
//! A backup is a directory: `manifest.json`, written last, and a file for each stream with one record a message (see
//! `record.rs`). The manifest names the streams, where they begin and end, and the SHA-256 of each file.

mod record;
mod restore;
mod take;
mod verify;

use std::path::{Path, PathBuf};

use async_nats::jetstream::stream::Config;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{ACCESS, DELIVERIES, FEED, KEYS, SEALS};
use crate::keys::KeyError;
use crate::link::Unreachable;
use crate::scan;

pub use restore::{Restored, restore};
pub use take::take;
pub use verify::Backup;

/// The version of the form that this program writes, and the only one so far.
const VERSION: u16 = 1;

/// The name of the manifest in a backup.
const MANIFEST: &str = "manifest.json";

/// Streams besides the journal's and the keys', if there are any: seals of the journal, who read what, what became of
/// what was sent, what leaves.
const OTHERS: [&str; 4] = [SEALS, ACCESS, DELIVERIES, FEED];

/// Told how far a backup or a restore is: the stream, how many of its messages are done, and how many there are.
pub type Told<'a> = dyn FnMut(&str, u64, u64) + Send + 'a;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of the backup.
    pub continuum_backup: u16,
    /// The program that made it: `0.1.0`.
    pub program: String,
    /// When it was begun.
    pub made_at: Timestamp,
    /// The epoch its keys are wrapped under: which key file, or which entry of the escrow, a restore needs.
    pub epoch: Option<u32>,
    /// Its streams, in the order of their restoration.
    pub streams: Vec<Stored>,
}

/// One stream of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Its file in the backup.
    pub file: String,
    /// The position of its first message, 0 if it is empty.
    pub first: u64,
    /// The position of its last message, 0 if it is empty.
    pub last: u64,
    /// How many messages there are.
    pub messages: u64,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// How the broker kept it.
    pub stream: Config,
}

impl Stored {
    /// Whether its messages stand at the same positions once restored: all but the keys, which nobody refers to by
    /// position, and of which most positions are empty.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.stream.name != KEYS
    }
}

impl Manifest {
    /// The position of the last event of the stream `JOURNAL`.
    #[must_use]
    pub fn last_event(&self) -> u64 {
        let journal = self.streams.iter().find(|stored| stored.stream.name == crate::config::JOURNAL);
        journal.map_or(0, |stored| stored.last)
    }
}

/// Why a backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The operating system refused something.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was attempted: `cannot read`…
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The directory has something in it: a backup is made into an empty one.
    #[error("{} is not empty: a backup is made into an empty directory", .0.display())]
    Occupied(PathBuf),
    /// There is no backup, or one that was never finished.
    #[error("{} holds no whole backup: there is no manifest", .0.display())]
    NoBackup(PathBuf),
    /// A file of the backup is not what the manifest says: take another backup.
    #[error("{} is damaged ({what}): use another backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A newer program made it.
    #[error("the backup has form {found}, this program knows {VERSION}: upgrade it")]
    Newer {
        /// The form found.
        found: u16,
    },
    /// The broker's stream has a hole: what is to be backed up is damaged already.
    #[error(
        "the stream {stream} has nothing at position {position}: it is damaged; restore an earlier backup"
    )]
    Gap {
        /// The stream.
        stream: String,
        /// The first position where nothing is.
        position: u64,
    },
    /// A restore goes onto an empty broker only.
    #[error("the broker has a stream {stream} already: restore onto an empty one")]
    NotEmpty {
        /// The stream.
        stream: String,
    },
    /// A message was stored elsewhere than it was: somebody else writes to the broker. Begin again with an empty one.
    #[error(
        "position {position} of the stream {stream} was taken by another writer: begin again with an empty broker"
    )]
    Displaced {
        /// The stream.
        stream: String,
        /// The position.
        position: u64,
    },
    /// The broker cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The broker refuses, or does not answer.
    #[error("the broker does not {what}: {source}")]
    Broker {
        /// What was asked.
        what: &'static str,
        /// What the client says.
        source: scan::Refused,
    },
    /// See [`KeyError`].
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl BackupError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    fn broker<E: Into<scan::Refused>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Broker { what, source: source.into() }
    }
}
