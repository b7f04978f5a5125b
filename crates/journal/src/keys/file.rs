//! The key file: the keys that open all others, kept outside the broker and outside its backups.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::sealing::{NoRandomness, random};

/// The version of the file's form that this program writes, and the only one so far.
const VERSION: u16 = 1;

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The operating system refused something.
    #[error("{what} the key file {}: {source}", path.display())]
    Io {
        /// What was attempted: `cannot read`…
        what: &'static str,
        /// The key file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Others than its owner may read or change it. Its keys may be known: when in doubt, rotate them.
    #[error("the key file {} is open to others (mode {mode:04o}): run `chmod 600` on it", path.display())]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A copy of the broker's directory would carry the keys along with what they seal.
    #[error("the key file {} lies inside the broker's directory {}: keep it elsewhere", path.display(), broker.display())]
    InsideBroker {
        /// The key file.
        path: PathBuf,
        /// The broker's directory.
        broker: PathBuf,
    },
    /// It is not a key file, or is cut short. Restore it from the escrow: without it no sealed value can be read.
    #[error("{} is not a key file of Continuum, or is damaged: restore it", path.display())]
    Malformed {
        /// The key file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("the key file {} has form {found}, this program knows {VERSION}: upgrade it", path.display())]
    Newer {
        /// The key file.
        path: PathBuf,
        /// The form found.
        found: u16,
    },
    /// No fresh key could be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// One key-encryption key. It is replaced by that of the next epoch when keys are rotated.
pub(super) struct Epoch {
    /// Counted from 1.
    pub(super) number: u32,
    /// The key-encryption key of this epoch.
    pub(super) key: Zeroizing<[u8; 32]>,
}

/// The keys of a deployment: the key-encryption keys of the epochs in use, and the index key, which never changes.
///
/// On disk it is JSON: `{"continuum_key_file": 1, "epochs": [{"epoch": 1, "key": "…"}], "index": "…"}`, keys in
/// base64 without padding. More than one epoch stands there only while a rotation is under way.
pub struct KeyFile {
    /// In the order of their numbers; never empty.
    epochs: Vec<Epoch>,
    index: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for KeyFile {
    /// Never shows a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFile").field("epoch", &self.current().number).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    continuum_key_file: u16,
    epochs: Vec<WrittenEpoch>,
    index: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEpoch {
    epoch: u32,
    key: String,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.index.zeroize();
        self.epochs.iter_mut().for_each(|epoch| epoch.key.zeroize());
    }
}

impl KeyFile {
    /// Reads the key file at `path`, after making it with fresh keys and mode 0600 if there is none: for `up`, which
    /// prepares an empty machine. `broker` is the broker's data directory, in which the file must not lie.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open_or_create(path: &Path, broker: Option<&Path>) -> Result<Self, KeyFileError> {
        match Self::open(path, broker) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Self::create(path, broker)?;
                Self::open(path, broker)
            }
            opened => opened,
        }
    }

    /// Reads the key file at `path`: for services of an installation that has one. Never makes one, since fresh keys
    /// would open nothing of what is sealed.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(path: &Path, broker: Option<&Path>) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io { what: "cannot read", path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        keep_apart(path, broker)?;
        let mode = file.metadata().map_err(io)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(Vec::new());
        file.read_to_end(&mut text).map_err(io)?;
        Self::parse(&text, path)
    }

    /// Writes fresh keys to `path`, unless somebody else has just done so.
    fn create(path: &Path, broker: Option<&Path>) -> Result<(), KeyFileError> {
        let io = |source| KeyFileError::Io { what: "cannot create", path: path.to_owned(), source };
        let dir = directory(path);
        fs::create_dir_all(dir).map_err(io)?;
        keep_apart(path, broker)?;
        let text = Self::draw()?.text();
        // Readable by its owner only from its first moment, whole when it gets its name, never put in another's place.
        let mut file = tempfile::Builder::new().prefix(".key-file-").tempfile_in(dir).map_err(io)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(io)?;
        match file.persist_noclobber(path) {
            Ok(_) => {
                File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)?;
                tracing::info!(path = %path.display(), "a key file was made: keep a copy in a safe, outside the backups");
                Ok(())
            }
            Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(io(e.error)),
        }
    }

    /// Fresh keys that are on no disk.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn draw() -> Result<Self, NoRandomness> {
        let first = Epoch { number: 1, key: Zeroizing::new(random()?) };
        Ok(Self { epochs: vec![first], index: Zeroizing::new(random()?) })
    }

    fn text(&self) -> Zeroizing<Vec<u8>> {
        let written = Written {
            continuum_key_file: VERSION,
            epochs: self
                .epochs
                .iter()
                .map(|epoch| WrittenEpoch { epoch: epoch.number, key: BASE64.encode(*epoch.key) })
                .collect(),
            index: BASE64.encode(*self.index),
        };
        // A plain struct of numbers and strings: serde_json cannot refuse it.
        let mut text = Zeroizing::new(serde_json::to_vec_pretty(&written).unwrap_or_default());
        text.push(b'\n');
        text
    }

    fn parse(text: &[u8], path: &Path) -> Result<Self, KeyFileError> {
        #[derive(Deserialize)]
        struct Form {
            continuum_key_file: u16,
        }
        let malformed = || KeyFileError::Malformed { path: path.to_owned() };
        let form: Form = serde_json::from_slice(text).map_err(|_| malformed())?;
        if form.continuum_key_file > VERSION {
            return Err(KeyFileError::Newer { path: path.to_owned(), found: form.continuum_key_file });
        }
        let written: Written = serde_json::from_slice(text).map_err(|_| malformed())?;
        let index = key(&written.index).ok_or_else(malformed)?;
        let mut epochs = Vec::with_capacity(written.epochs.len());
        for epoch in &written.epochs {
            epochs.push(Epoch { number: epoch.epoch, key: key(&epoch.key).ok_or_else(malformed)? });
        }
        epochs.sort_by_key(|epoch| epoch.number);
        let distinct = epochs.windows(2).all(|pair| pair[0].number < pair[1].number);
        if epochs.is_empty() || !distinct {
            return Err(malformed());
        }
        Ok(Self { epochs, index })
    }

    /// The epoch under which keys are wrapped now.
    pub(super) fn current(&self) -> &Epoch {
        // There is at least one: `draw` makes it, `parse` demands it.
        &self.epochs[self.epochs.len() - 1]
    }

    /// The epoch of this number, if its key is still here.
    pub(super) fn epoch(&self, number: u32) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.number == number)
    }

    /// The key of digests and search tokens. It outlives all epochs.
    pub(super) fn index(&self) -> &[u8; 32] {
        &self.index
    }
}

/// The 32 bytes of a key as written.
fn key(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

/// The directory that holds `path`.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    }
}

/// Refuses a key file inside the broker's directory, whatever links lead there. The file's directory exists.
fn keep_apart(path: &Path, broker: Option<&Path>) -> Result<(), KeyFileError> {
    let Some(broker) = broker else { return Ok(()) };
    let dir = directory(path);
    let io = |source| KeyFileError::Io { what: "cannot reach", path: path.to_owned(), source };
    let named = fs::canonicalize(dir).map_err(io)?;
    // The file itself may be a link, or not be there yet.
    let real = fs::canonicalize(path).unwrap_or_else(|_| named.clone());
    // A broker's directory that does not exist yet holds nothing; what has its name still must not hold the keys.
    let broker = fs::canonicalize(broker).or_else(|_| std::path::absolute(broker)).map_err(io)?;
    if named.starts_with(&broker) || real.starts_with(&broker) {
        return Err(KeyFileError::InsideBroker { path: path.to_owned(), broker });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_read_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets/continuum.key");
        let made = KeyFile::open_or_create(&path, None).unwrap();
        let read = KeyFile::open_or_create(&path, None).unwrap();
        assert_eq!((made.index(), &*made.current().key), (read.index(), &*read.current().key));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn processes_that_start_together_agree_on_one_key_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("continuum.key");
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| *KeyFile::open_or_create(&path, None).unwrap().index()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("continuum.key");
        KeyFile::open_or_create(&path, None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = KeyFile::open(&path, None).unwrap_err();
        assert!(matches!(refused, KeyFileError::Exposed { mode: 0o640, .. }), "{refused}");
        assert!(refused.to_string().contains("chmod 600"));
    }

    #[test]
    fn a_key_file_inside_the_brokers_directory_is_refused_whatever_links_lead_there() {
        let dir = tempfile::tempdir().unwrap();
        let broker = dir.path().join("broker");
        fs::create_dir(&broker).unwrap();
        let inside = broker.join("continuum.key");
        let refused = KeyFile::open_or_create(&inside, Some(&broker)).unwrap_err();
        assert!(matches!(refused, KeyFileError::InsideBroker { .. }), "{refused}");
        assert!(!inside.exists());

        KeyFile::open_or_create(&inside, None).unwrap();
        let link = dir.path().join("link.key");
        std::os::unix::fs::symlink(&inside, &link).unwrap();
        let refused = KeyFile::open(&link, Some(&broker)).unwrap_err();
        assert!(matches!(refused, KeyFileError::InsideBroker { .. }), "{refused}");

        let beside = dir.path().join("continuum.key");
        KeyFile::open_or_create(&beside, Some(&broker)).unwrap();
    }

    #[test]
    fn a_damaged_or_newer_key_file_is_told_apart_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("continuum.key");
        KeyFile::open_or_create(&path, None).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for (text, newer) in [
            (good[..good.len() / 2].to_owned(), false),
            (String::new(), false),
            (good.replace("\"epoch\": 1", "\"epoch\": -1"), false),
            (good.replace("continuum_key_file\": 1", "continuum_key_file\": 2"), true),
        ] {
            fs::write(&path, &text).unwrap();
            let refused = KeyFile::open_or_create(&path, None).unwrap_err();
            assert_eq!(matches!(refused, KeyFileError::Newer { .. }), newer, "{refused}");
            assert_eq!(matches!(refused, KeyFileError::Malformed { .. }), !newer, "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
