//! A backup that is there: read, and checked against its manifest.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::record::Record;
use super::{BackupError, MANIFEST, Manifest, Stored, Told, VERSION};

/// A whole backup: every file was found to be what the manifest says.
#[derive(Debug)]
pub struct Backup {
    manifest: Manifest,
    dir: PathBuf,
}

impl Backup {
    /// Opens the backup in `dir` and reads all of it through.
    ///
    /// # Errors
    /// [`BackupError::NoBackup`], [`BackupError::Newer`], [`BackupError::Damaged`], [`BackupError::Io`].
    pub fn open(dir: &Path, told: &mut Told<'_>) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Form {
            continuum_backup: u16,
        }
        let path = dir.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::NoBackup(dir.to_owned()));
            }
            Err(e) => return Err(BackupError::io("cannot read", &path)(e)),
        };
        let damaged = || BackupError::Damaged { path: path.clone(), what: "it is no manifest" };
        let form: Form = serde_json::from_slice(&text).map_err(|_| damaged())?;
        if form.continuum_backup > VERSION {
            return Err(BackupError::Newer { found: form.continuum_backup });
        }
        let manifest = serde_json::from_slice(&text).map_err(|_| damaged())?;
        let backup = Self { manifest, dir: dir.to_owned() };
        for stored in &backup.manifest.streams {
            backup.verify(stored, told)?;
        }
        Ok(backup)
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn verify(&self, stored: &Stored, told: &mut Told<'_>) -> Result<(), BackupError> {
        let damaged = |what| BackupError::Damaged { path: self.path(stored), what };
        let mut hash = Sha256::new();
        let mut file =
            File::open(self.path(stored)).map_err(BackupError::io("cannot read", &self.path(stored)))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer).map_err(BackupError::io("cannot read", &self.path(stored)))?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
        }
        if hexadecimal(&hash.finalize()) != stored.sha256 {
            return Err(damaged("its SHA-256 is not that of the manifest"));
        }
        let (mut count, mut last) = (0, 0);
        for record in self.records(stored)? {
            let record = record?;
            let begins = count > 0 || record.position == stored.first;
            let follows = !stored.is_exact() || last == 0 || record.position == last + 1;
            if !begins || !follows || record.position <= last {
                return Err(damaged("its positions do not follow each other"));
            }
            last = record.position;
            count += 1;
            if u64::is_multiple_of(count, 10_000) {
                told(&stored.stream.name, count, stored.messages);
            }
        }
        if (count, last) != (stored.messages, stored.last) {
            return Err(damaged("it ends elsewhere than the manifest says"));
        }
        told(&stored.stream.name, count, stored.messages);
        Ok(())
    }

    fn path(&self, stored: &Stored) -> PathBuf {
        self.dir.join(&stored.file)
    }

    /// The messages of one stream, in order.
    pub(super) fn records(
        &self,
        stored: &Stored,
    ) -> Result<impl Iterator<Item = Result<Record, BackupError>> + use<>, BackupError> {
        let path = self.path(stored);
        let file = File::open(&path).map_err(BackupError::io("cannot read", &path))?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let next = move || match Record::read(&mut file) {
            Ok(record) => record.map(Ok),
            Err(_) => Some(Err(BackupError::Damaged { path: path.clone(), what: "a record is none" })),
        };
        Ok(std::iter::from_fn(next))
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
