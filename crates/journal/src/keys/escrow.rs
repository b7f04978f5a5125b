//! The escrow: retired key-encryption keys, kept for as long as backups made under them are.
//!
//! A backup of yesterday holds keys wrapped under yesterday's epoch, which the key file does not hold any more. Only a
//! restore reads the escrow. It belongs on a medium of its own, never into the broker's directory or into a backup:
//! whoever has a backup and the escrow opens what was erased since.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::file::{Epoch, KeyFileError, key};
use crate::disk;

/// The version of the file's form.
const VERSION: u16 = 1;

/// The escrow file at a path; it may not be there yet.
#[derive(Debug, Clone)]
pub struct Escrow {
    path: PathBuf,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Written {
    continuum_escrow: u16,
    epochs: Vec<Retired>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retired {
    epoch: u32,
    retired_at: Timestamp,
    key: String,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.epochs.iter_mut().for_each(|epoch| epoch.key.zeroize());
    }
}

impl Escrow {
    /// The escrow kept at `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The numbers of the epochs it holds with the dates of their retirement, in order. Empty if there is no file.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn list(&self) -> Result<Vec<(u32, Timestamp)>, KeyFileError> {
        match disk::read(&self.path) {
            Ok(held) => {
                let written = self.parse(&held.text)?;
                Ok(written.epochs.iter().map(|e| (e.epoch, e.retired_at)).collect())
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(self.io("cannot read", source)),
        }
    }

    /// Every key it holds under the number of `epoch`.
    pub(super) fn keys(&self, epoch: u32) -> Result<Vec<Epoch>, KeyFileError> {
        let held = disk::read(&self.path).map_err(|source| self.io("cannot read", source))?;
        if held.mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: self.path.clone(), mode: held.mode });
        }
        let written = self.parse(&held.text)?;
        let found = written.epochs.iter().filter(|e| e.epoch == epoch);
        found
            .map(|e| Ok(Epoch { number: e.epoch, key: key(&e.key).ok_or_else(|| self.malformed())? }))
            .collect()
    }

    /// Takes over `epochs` as retired at `at` and removes what was retired before `keep_from`. Whoever is there already
    /// keeps the date it has. On disk when it returns.
    pub(super) fn take(
        &self,
        epochs: &[&Epoch],
        at: Timestamp,
        keep_from: Timestamp,
    ) -> Result<(), KeyFileError> {
        let write = |source| self.io("cannot write", source);
        std::fs::create_dir_all(disk::directory(&self.path)).map_err(write)?;
        disk::create(&self.path, &text(&Written { continuum_escrow: VERSION, epochs: Vec::new() }))
            .map_err(write)?;
        let locked = disk::lock(&self.path).map_err(write)?;
        let mut written = self.parse(&locked.held.text)?;
        written.epochs.retain(|old| old.retired_at >= keep_from);
        for epoch in epochs {
            let key = BASE64.encode(*epoch.key);
            if !written.epochs.iter().any(|old| old.key == key) {
                written.epochs.push(Retired { epoch: epoch.number, retired_at: at, key });
            }
        }
        let text = text(&written);
        if *text == *locked.held.text {
            return Ok(());
        }
        locked.replace(&self.path, &text).map_err(write)
    }

    fn parse(&self, text: &[u8]) -> Result<Written, KeyFileError> {
        let written: Written = serde_json::from_slice(text).map_err(|_| self.malformed())?;
        if written.continuum_escrow > VERSION {
            return Err(KeyFileError::Newer { path: self.path.clone(), found: written.continuum_escrow });
        }
        Ok(written)
    }

    fn malformed(&self) -> KeyFileError {
        KeyFileError::Malformed { path: self.path.clone() }
    }

    fn io(&self, what: &'static str, source: std::io::Error) -> KeyFileError {
        KeyFileError::Io { what, path: self.path.clone(), source }
    }
}

fn text(written: &Written) -> Zeroizing<Vec<u8>> {
    // A plain struct of numbers and strings: serde_json cannot refuse it.
    let mut text = Zeroizing::new(serde_json::to_vec_pretty(written).unwrap_or_default());
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_retired_epoch_is_kept_until_no_backup_needs_it_and_read_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let escrow = Escrow::at(dir.path().join("apart/escrow"));
        assert_eq!(escrow.list().unwrap(), []);
        let epoch = |number: u32| Epoch { number, key: Zeroizing::new([u8::try_from(number).unwrap(); 32]) };
        let day = |n: i64| Timestamp::from_second(n * 86_400).unwrap();
        for n in 1..=40 {
            let retired = epoch(u32::try_from(n).unwrap());
            escrow.take(&[&retired], day(n), day(n - 35)).unwrap();
            escrow.take(&[&retired], day(n + 1), day(n - 35)).unwrap();
        }
        let kept = escrow.list().unwrap();
        assert_eq!((kept.first(), kept.last(), kept.len()), (Some(&(5, day(5))), Some(&(40, day(40))), 36));
        assert_eq!(*escrow.keys(7).unwrap()[0].key, [7; 32]);
        assert!(escrow.keys(4).unwrap().is_empty());
        let mode = std::fs::metadata(escrow.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
