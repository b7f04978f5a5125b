//! The key file: the keys that open all others, kept outside the broker and outside its backups.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Erasures, Escrow};
use crate::disk::{self, Identity};
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
    /// The keys are in memory only: there is nothing to rotate, and no ledger to write an erasure to.
    #[error("these keys are kept in no file: nothing can be rotated or erased for good")]
    NowhereKept,
    /// Neither the key file nor the escrow holds the epoch that a backup needs. Without it its names stay sealed.
    #[error(
        "neither the key file nor the escrow holds epoch {epoch}: find the escrow of the time of the backup"
    )]
    Irretrievable {
        /// The epoch that is missing.
        epoch: u32,
    },
    /// No fresh key could be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Where the secrets of a deployment are kept, besides the key file itself.
#[derive(Debug, Clone)]
pub struct KeyPlaces {
    /// Where retired epochs go. By default beside the key file; better on a medium of its own.
    pub escrow: PathBuf,
    /// For how many days they stay there: as long as backups are kept.
    pub escrow_days: u32,
    /// The erasure ledger.
    pub erasures: PathBuf,
}

impl KeyPlaces {
    /// For how many days retired epochs are kept unless said otherwise: the promise for backups.
    pub const ESCROW_DAYS: u32 = 35;

    /// Beside the key file `file`, named after it.
    #[must_use]
    pub fn beside(file: &Path) -> Self {
        let named = |ending: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Self { escrow: named(".escrow"), escrow_days: Self::ESCROW_DAYS, erasures: named(".erasures") }
    }
}

/// One key-encryption key. It is replaced by that of the next epoch when keys are rotated.
#[derive(Clone)]
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
#[derive(Clone)]
pub struct KeyFile {
    /// In the order of their numbers; never empty.
    epochs: Vec<Epoch>,
    index: Zeroizing<[u8; 32]>,
    /// Where it was read; nowhere for keys that are in memory only.
    kept: Option<Kept>,
}

/// Where a key file was read, and what belongs to it.
#[derive(Clone)]
struct Kept {
    path: PathBuf,
    broker: Option<PathBuf>,
    identity: Identity,
    places: KeyPlaces,
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
                Self::draw()?.create(path, broker)?;
                Self::open(path, broker)
            }
            opened => opened,
        }
    }

    /// Reads the key file at `path`: for services of an installation that has one. Never makes one, since fresh keys
    /// would open nothing of what is sealed. Escrow and erasure ledger are beside it, see [`Self::with_places`].
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(path: &Path, broker: Option<&Path>) -> Result<Self, KeyFileError> {
        let broker = broker.map(Path::to_owned);
        Self::read(path, broker, KeyPlaces::beside(path))
    }

    /// The same keys, with escrow and erasure ledger at these places.
    ///
    /// # Errors
    /// [`KeyFileError::InsideBroker`] if one of them lies in the broker's directory.
    pub fn with_places(mut self, places: KeyPlaces) -> Result<Self, KeyFileError> {
        if let Some(kept) = &mut self.kept {
            for path in [&places.escrow, &places.erasures] {
                fs::create_dir_all(disk::directory(path))
                    .map_err(|source| io("cannot make room for", path, source))?;
                keep_apart(path, kept.broker.as_deref())?;
            }
            kept.places = places;
        }
        Ok(self)
    }

    fn read(path: &Path, broker: Option<PathBuf>, places: KeyPlaces) -> Result<Self, KeyFileError> {
        let held = disk::read(path).map_err(|source| io("cannot read", path, source))?;
        keep_apart(path, broker.as_deref())?;
        if held.mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode: held.mode });
        }
        let kept = Kept { path: path.to_owned(), broker, identity: held.identity, places };
        Ok(Self { kept: Some(kept), ..Self::parse(&held.text, path)? })
    }

    /// Writes these keys to `path`, unless somebody else has just written some there.
    pub(super) fn create(&self, path: &Path, broker: Option<&Path>) -> Result<(), KeyFileError> {
        let refused = |source| io("cannot create", path, source);
        fs::create_dir_all(disk::directory(path)).map_err(refused)?;
        keep_apart(path, broker)?;
        if disk::create(path, &self.text()).map_err(refused)? {
            tracing::info!(path = %path.display(), "a key file was made: keep a copy in a safe, outside the backups");
        }
        Ok(())
    }

    /// Fresh keys that are on no disk.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn draw() -> Result<Self, NoRandomness> {
        Ok(Self { epochs: vec![Epoch::draw(1)?], index: Zeroizing::new(random()?), kept: None })
    }

    /// Puts `epochs` in the place of all epochs: for a restore.
    pub(super) fn of_epochs(&self, mut epochs: Vec<Epoch>) -> Self {
        epochs.sort_by_key(|epoch| epoch.number);
        Self { epochs, index: self.index.clone(), kept: None }
    }

    /// The same file as it stands on the disk now; nothing if it has not changed, or is in memory only.
    pub(super) fn reread(&self) -> Result<Option<Self>, KeyFileError> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let now = Identity::at(&kept.path).map_err(|source| io("cannot read", &kept.path, source))?;
        if now == kept.identity {
            return Ok(None);
        }
        Self::read(&kept.path, kept.broker.clone(), kept.places.clone()).map(Some)
    }

    /// Changes the epochs on the disk, nobody else changing them meanwhile, and reads the file again. The change sees
    /// what stands there now. On disk when it returns.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Epoch>) -> Result<T, KeyFileError>,
    ) -> Result<(Self, T), KeyFileError> {
        let kept = self.kept.as_ref().ok_or(KeyFileError::NowhereKept)?;
        let write = |source| io("cannot change", &kept.path, source);
        let locked = disk::lock(&kept.path).map_err(write)?;
        let mut file = Self::parse(&locked.held.text, &kept.path)?;
        let changed = change(&mut file.epochs)?;
        file.epochs.sort_by_key(|epoch| epoch.number);
        let text = file.text();
        if *text == *locked.held.text {
            drop(locked);
        } else {
            locked.replace(&kept.path, &text).map_err(write)?;
        }
        Ok((Self::read(&kept.path, kept.broker.clone(), kept.places.clone())?, changed))
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
        Ok(Self { epochs, index, kept: None })
    }

    /// The newest epoch. Which one is in force, the stream says.
    pub(super) fn current(&self) -> &Epoch {
        // There is at least one: `draw` makes it, `parse` demands it.
        &self.epochs[self.epochs.len() - 1]
    }

    /// The epoch of this number, if its key is still here.
    pub(super) fn epoch(&self, number: u32) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.number == number)
    }

    /// The numbers of its epochs, in order: one, or two while a rotation is under way.
    #[must_use]
    pub fn epochs(&self) -> Vec<u32> {
        self.epochs.iter().map(|epoch| epoch.number).collect()
    }

    /// All its epochs, in the order of their numbers.
    pub(super) fn all(&self) -> Vec<&Epoch> {
        self.epochs.iter().collect()
    }

    /// Its epochs older than `number`.
    pub(super) fn older_than(&self, number: u32) -> Vec<&Epoch> {
        self.epochs.iter().filter(|epoch| epoch.number < number).collect()
    }

    /// The erasure ledger that belongs to it; none for keys that are in memory only.
    #[must_use]
    pub fn erasures(&self) -> Option<Erasures> {
        self.kept.as_ref().map(|kept| Erasures::at(&kept.places.erasures))
    }

    /// The escrow that belongs to it; none for keys that are in memory only.
    #[must_use]
    pub fn escrow(&self) -> Option<Escrow> {
        self.kept.as_ref().map(|kept| Escrow::at(&kept.places.escrow))
    }

    /// For how many days retired epochs stay in the escrow.
    pub(super) fn escrow_days(&self) -> u32 {
        self.kept.as_ref().map_or(KeyPlaces::ESCROW_DAYS, |kept| kept.places.escrow_days)
    }

    /// The key of digests and search tokens. It outlives all epochs.
    pub(super) fn index(&self) -> &[u8; 32] {
        &self.index
    }
}

/// The 32 bytes of a key as written.
pub(super) fn key(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

impl Epoch {
    /// A fresh key.
    pub(super) fn draw(number: u32) -> Result<Self, NoRandomness> {
        Ok(Self { number, key: Zeroizing::new(random()?) })
    }
}

fn io(what: &'static str, path: &Path, source: std::io::Error) -> KeyFileError {
    KeyFileError::Io { what, path: path.to_owned(), source }
}

/// Refuses a key file inside the broker's directory. The file's directory exists.
fn keep_apart(path: &Path, broker: Option<&Path>) -> Result<(), KeyFileError> {
    let Some(broker) = broker else { return Ok(()) };
    match disk::inside(path, broker).map_err(|source| io("cannot reach", path, source))? {
        Some(broker) => Err(KeyFileError::InsideBroker { path: path.to_owned(), broker }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

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
