//! The directory of a projection: generations of rows side by side, a file that names the one in use, a lock.
//!
//! ```text
//! current        the number of the generation in use
//! lock           held by the one process that works here
//! rows-7/        marker.json and the store
//! quarantined/   the last generation that could not be trusted, and why.txt
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a generation says of itself, beside its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// The views its rows are of.
    pub(crate) fingerprint: String,
    /// The program that wrote it last.
    pub(crate) build: String,
    /// The start of the machine it was written under; unknown on some systems.
    pub(crate) boot: Option<String>,
    /// Whether everything written is known to be on the disk.
    pub(crate) clean: bool,
    /// Why its rows are not to be trusted, if something was noticed.
    pub(crate) doubt: Option<String>,
    /// A position that was safe on the disk once: rows of an earlier one have lost something.
    #[serde(default)]
    pub(crate) position: u64,
}

/// Why the directory cannot be worked in.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Another process, or another projection of this one, works there.
    #[error("{} is in use by another process: stop it first", .directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The disk says no.
    #[error("cannot {action} in {}", .directory.display())]
    Disk {
        /// What was being done.
        action: &'static str,
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A directory that is ours until this is dropped.
pub(crate) struct Home {
    directory: PathBuf,
    _lock: File,
}

impl Home {
    /// Makes the directory if need be and takes its lock.
    pub(crate) fn enter(directory: &Path) -> Result<Self, HomeError> {
        let disk = |action| move |source| disk_error(action, directory, source);
        fs::create_dir_all(directory).map_err(disk("make the directory"))?;
        let lock = File::options().create(true).truncate(false).write(true).open(directory.join("lock"));
        let lock = lock.map_err(disk("make the lock file"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory: directory.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(HomeError::InUse { directory: directory.to_owned() }),
            Err(TryLockError::Error(e)) => Err(disk_error("take the lock", directory, e)),
        }
    }

    /// The generation in use, if there is one.
    pub(crate) fn current(&self) -> Option<u64> {
        fs::read_to_string(self.directory.join("current")).ok()?.trim().parse().ok()
    }

    /// Names the generation in use.
    pub(crate) fn set_current(&self, generation: u64) -> Result<(), HomeError> {
        replace(&self.directory.join("current"), format!("{generation}\n").as_bytes())
            .map_err(|e| disk_error("name the rows in use", &self.directory, e))
    }

    /// All generations there are, in order.
    pub(crate) fn generations(&self) -> Result<Vec<u64>, HomeError> {
        let entries = fs::read_dir(&self.directory);
        let entries = entries.map_err(|e| disk_error("list the rows", &self.directory, e))?;
        let number = |name: &str| name.strip_prefix("rows-").and_then(|number| number.parse().ok());
        let mut found: Vec<u64> =
            entries.filter_map(|entry| number(entry.ok()?.file_name().to_str()?)).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// Makes an empty generation after all others.
    pub(crate) fn make(&self, marker: &Marker) -> Result<u64, HomeError> {
        let generation = self.generations()?.last().copied().max(self.current()).map_or(1, |last| last + 1);
        fs::create_dir_all(self.path(generation))
            .map_err(|e| disk_error("make a directory for rows", &self.directory, e))?;
        self.mark(generation, marker)?;
        Ok(generation)
    }

    /// Removes a generation.
    pub(crate) fn remove(&self, generation: u64) -> Result<(), HomeError> {
        gone(fs::remove_dir_all(self.path(generation)))
            .map_err(|e| disk_error("remove old rows", &self.directory, e))
    }

    /// Puts a generation aside that cannot be trusted, in the place of the one before.
    pub(crate) fn quarantine(&self, generation: u64, why: &str) -> Result<(), HomeError> {
        let aside = self.directory.join("quarantined");
        let put = gone(fs::remove_dir_all(&aside))
            .and_then(|()| gone(fs::rename(self.path(generation), &aside)))
            .and_then(|()| gone(fs::write(aside.join("why.txt"), format!("rows-{generation}: {why}\n"))));
        put.map_err(|e| disk_error("put doubtful rows aside", &self.directory, e))
    }

    /// Removes the generation that was put aside, if there is one.
    pub(crate) fn forget_quarantined(&self) -> Result<(), HomeError> {
        gone(fs::remove_dir_all(self.directory.join("quarantined")))
            .map_err(|e| disk_error("remove rows that were put aside", &self.directory, e))
    }

    /// Where the store of a generation is.
    pub(crate) fn store(&self, generation: u64) -> PathBuf {
        self.path(generation).join("store")
    }

    /// What a generation says of itself; `None` if it cannot be read.
    pub(crate) fn marker(&self, generation: u64) -> Option<Marker> {
        serde_json::from_slice(&fs::read(self.path(generation).join("marker.json")).ok()?).ok()
    }

    /// Writes what a generation says of itself.
    pub(crate) fn mark(&self, generation: u64, marker: &Marker) -> Result<(), HomeError> {
        serde_json::to_vec_pretty(marker)
            .map_err(io::Error::from)
            .and_then(|text| replace(&self.path(generation).join("marker.json"), &text))
            .map_err(|e| disk_error("mark rows", &self.directory, e))
    }

    fn path(&self, generation: u64) -> PathBuf {
        self.directory.join(format!("rows-{generation}"))
    }
}

/// Which start of the machine this is: what was not synced before another one may be lost.
pub(crate) fn this_boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// Replaces a file so that a loss of power leaves the old one or the new one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// What is not there need not be removed.
fn gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn disk_error(action: &'static str, directory: &Path, source: io::Error) -> HomeError {
    HomeError::Disk { action, directory: directory.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_projections_never_share_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let first = Home::enter(directory.path()).unwrap();
        assert!(matches!(Home::enter(directory.path()), Err(HomeError::InUse { .. })));
        drop(first);
        assert!(Home::enter(directory.path()).is_ok());
    }

    #[test]
    fn only_the_last_doubtful_generation_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::enter(directory.path()).unwrap();
        let marker = Marker {
            fingerprint: String::new(),
            build: String::new(),
            boot: None,
            clean: false,
            doubt: None,
            position: 0,
        };
        for why in ["first", "second"] {
            let generation = home.make(&marker).unwrap();
            home.set_current(generation).unwrap();
            assert_eq!(home.marker(generation), Some(marker.clone()));
            home.quarantine(generation, why).unwrap();
        }
        assert!(home.generations().unwrap().is_empty());
        let why = fs::read_to_string(directory.path().join("quarantined/why.txt")).unwrap();
        assert_eq!(why, "rows-2: second\n");
        assert_eq!(home.make(&marker).unwrap(), 3);
    }
}
