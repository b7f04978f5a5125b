//! The erasure ledger: who was erased, kept apart from the broker and from backups.
//!
//! **Invariant.** A line is on disk before the key is removed: no restored backup brings back what it lists.
//!
//! It holds no personal data: a number, who decided, when, and the command. One JSON object a line, only ever added to:
//! `{"holder":"33-0192…","by":"agent-12","at":"…","command":"…"}`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use domain::event::Actor;
use domain::id::CommandId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Holder;
use crate::disk;

/// Why the erasure ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ErasuresError {
    /// The operating system refused something. Nothing is erased without its line.
    #[error("{what} the erasure ledger {}: {source}", path.display())]
    Io {
        /// What was attempted: `cannot read`…
        what: &'static str,
        /// The ledger.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line is none of ours: restore the ledger from its copy; without it a restore brings back who was erased.
    #[error("line {line} of the erasure ledger {} is damaged: restore it from its copy", path.display())]
    Malformed {
        /// The ledger.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// One line: somebody was erased.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Whose key was removed.
    pub holder: Holder,
    /// Who decided it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The command that did it.
    pub command: CommandId,
}

/// The erasure ledger at a path; it may not be there yet.
#[derive(Debug, Clone)]
pub struct Erasures {
    path: PathBuf,
}

impl Erasures {
    /// The ledger kept at `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every line, in the order of writing. Empty if there is no file. A last line that a crash cut short is left out:
    /// its key was not removed yet.
    ///
    /// # Errors
    /// [`ErasuresError`].
    pub fn read(&self) -> Result<Vec<Erasure>, ErasuresError> {
        match fs::read(&self.path) {
            Ok(text) => self.parse(&text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(self.io("cannot read", source)),
        }
    }

    /// Writes one line. On disk when it returns; a line that is there already is not written again.
    ///
    /// # Errors
    /// [`ErasuresError`]: the key must not be removed then.
    pub fn record(&self, erasure: &Erasure) -> Result<(), ErasuresError> {
        self.merge(std::slice::from_ref(erasure)).map(drop)
    }

    /// Writes those of `erasures` that are not there yet, and says how many: to bring the ledgers of two machines, or of
    /// a machine and its copy, together.
    ///
    /// # Errors
    /// [`ErasuresError`].
    pub fn merge(&self, erasures: &[Erasure]) -> Result<usize, ErasuresError> {
        let write = |source| self.io("cannot write", source);
        fs::create_dir_all(disk::directory(&self.path)).map_err(write)?;
        let open = || File::options().read(true).append(true).create(true).mode(0o600).open(&self.path);
        let mut file = open().map_err(write)?;
        file.lock().map_err(write)?;
        let text = fs::read(&self.path).map_err(write)?;
        let there: BTreeSet<Erasure> = self.parse(&text)?.into_iter().collect();
        let mut lines = Vec::new();
        if !text.is_empty() && !text.ends_with(b"\n") {
            // A line that a crash cut short is given up; the next one begins on its own.
            let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            file.set_len(u64::try_from(whole).unwrap_or(u64::MAX)).map_err(write)?;
        }
        let mut added = 0;
        let mut now = BTreeSet::new();
        for erasure in erasures {
            if !there.contains(erasure) && now.insert(erasure) {
                // A plain struct of strings: serde_json cannot refuse it.
                lines.extend(serde_json::to_vec(erasure).unwrap_or_default());
                lines.push(b'\n');
                added += 1;
            }
        }
        file.write_all(&lines).and_then(|()| file.sync_all()).map_err(write)?;
        disk::sync_directory(&self.path).map_err(write)?;
        Ok(added)
    }

    fn parse(&self, text: &[u8]) -> Result<Vec<Erasure>, ErasuresError> {
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut erasures = Vec::new();
        for (line, text) in (1..).zip(text[..whole].split(|byte| *byte == b'\n')) {
            if !text.is_empty() {
                let malformed = |_| ErasuresError::Malformed { path: self.path.clone(), line };
                erasures.push(serde_json::from_slice(text).map_err(malformed)?);
            }
        }
        Ok(erasures)
    }

    fn io(&self, what: &'static str, source: io::Error) -> ErasuresError {
        ErasuresError::Io { what, path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn erasure(n: u128) -> Erasure {
        Erasure {
            holder: Holder::new("33".parse().unwrap(), Uuid::from_u128(n)),
            by: "agent-12".parse().unwrap(),
            at: "2026-03-15T10:00:00Z".parse().unwrap(),
            command: CommandId(Uuid::from_u128(n)),
        }
    }

    #[test]
    fn lines_are_only_added_once_each_and_ledgers_are_brought_together() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (Erasures::at(dir.path().join("a/ledger")), Erasures::at(dir.path().join("b")));
        assert_eq!(here.read().unwrap(), []);
        here.record(&erasure(1)).unwrap();
        here.record(&erasure(1)).unwrap();
        there.record(&erasure(2)).unwrap();
        there.record(&erasure(1)).unwrap();
        assert_eq!(here.merge(&there.read().unwrap()).unwrap(), 1);
        assert_eq!(here.read().unwrap(), [erasure(1), erasure(2)]);
    }

    #[test]
    fn a_line_cut_short_is_given_up_and_a_damaged_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Erasures::at(dir.path().join("ledger"));
        ledger.record(&erasure(1)).unwrap();
        let whole = fs::read(ledger.path()).unwrap();
        fs::write(ledger.path(), [&whole[..], &whole[..20]].concat()).unwrap();
        assert_eq!(ledger.read().unwrap(), [erasure(1)]);
        ledger.record(&erasure(2)).unwrap();
        assert_eq!(ledger.read().unwrap(), [erasure(1), erasure(2)]);
        fs::write(ledger.path(), [&whole[..20], b"\n", &whole[..]].concat()).unwrap();
        assert!(matches!(ledger.read(), Err(ErasuresError::Malformed { line: 1, .. })));
    }
}
