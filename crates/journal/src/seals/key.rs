//! The file of the signing key, and beside it the head of the chain as it was seen last. Both lie outside of the broker:
//! who can write to the broker alone can neither sign nor cut the chain off unnoticed.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::entry::PublicKey;
use super::hash::Hash;
use crate::disk;
use crate::sealing::{NoRandomness, random};

/// The version of the file's form that this program writes, and the only one so far.
const VERSION: u16 = 1;

/// What the name of the file of the head ends in.
const HEAD: &str = "head";

/// Why the file of the signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
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
    /// Others than its owner may read or change it: they may have signed, too.
    #[error("the signing key {} is open to others (mode {mode:04o}): run `chmod 600` on it, then rotate it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Who writes to the broker's directory could sign what they wrote.
    #[error("the signing key {} lies inside the broker's directory {}: keep it elsewhere", path.display(), broker.display())]
    InsideBroker {
        /// The file.
        path: PathBuf,
        /// The broker's directory.
        broker: PathBuf,
    },
    /// It is not such a file, is cut short, or a newer program wrote it.
    #[error("{} is not a signing key of this program, or is damaged: restore it", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// No fresh key could be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The signing key, and the one that comes after it while it is being rotated.
///
/// On disk it is JSON, readable by its owner alone: `{"continuum_seal_key": 1, "seed": "…", "next": "…"}`, seeds in
/// base64 without padding.
pub struct SealKey {
    path: PathBuf,
    current: SigningKey,
    next: Option<SigningKey>,
}

impl std::fmt::Debug for SealKey {
    /// Never shows a seed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    continuum_seal_key: u16,
    seed: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.next.zeroize();
    }
}

impl SealKey {
    /// Where it lies when nothing else is said: beside the key file of personal data, outside of the broker.
    #[must_use]
    pub fn beside(key_file: &Path) -> PathBuf {
        key_file.with_file_name("seal-key")
    }

    /// Reads the file at `path`. `broker` is the broker's directory, in which it must not lie.
    ///
    /// # Errors
    /// [`SealKeyError`].
    pub fn open(path: &Path, broker: Option<&Path>) -> Result<Self, SealKeyError> {
        let io =
            |source| SealKeyError::Io { what: "cannot read the signing key", path: path.to_owned(), source };
        let held = disk::read(path).map_err(io)?;
        keep_apart(path, broker)?;
        if held.mode & 0o077 != 0 {
            return Err(SealKeyError::Exposed { path: path.to_owned(), mode: held.mode });
        }
        let malformed = || SealKeyError::Malformed { path: path.to_owned() };
        let written: Written = serde_json::from_slice(&held.text).map_err(|_| malformed())?;
        if written.continuum_seal_key != VERSION {
            return Err(malformed());
        }
        let current = key(&written.seed).ok_or_else(malformed)?;
        let next = match &written.next {
            Some(seed) => Some(key(seed).ok_or_else(malformed)?),
            None => None,
        };
        Ok(Self { path: path.to_owned(), current, next })
    }

    /// Reads the file at `path` after making it with a fresh key: for a chain that has no entry yet. Of processes that
    /// start together, all use the file of the first.
    ///
    /// # Errors
    /// [`SealKeyError`].
    pub fn open_or_create(path: &Path, broker: Option<&Path>) -> Result<Self, SealKeyError> {
        match Self::open(path, broker) {
            Err(SealKeyError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(disk::directory(path)).map_err(|source| cannot_write(path, source))?;
                keep_apart(path, broker)?;
                let drawn = Self { path: path.to_owned(), current: draw()?, next: None };
                if disk::create(path, &drawn.text()).map_err(|source| cannot_write(path, source))? {
                    tracing::info!(path = %path.display(), "a signing key was made: keep a copy in a safe");
                }
                Self::open(path, broker)
            }
            opened => opened,
        }
    }

    /// The public half of the key that signs now.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::of(&self.current)
    }

    /// The public half of the key that comes next, while it is being rotated.
    #[must_use]
    pub fn next_public(&self) -> Option<PublicKey> {
        self.next.as_ref().map(PublicKey::of)
    }

    pub(crate) fn signing(&self) -> &SigningKey {
        &self.current
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the chain's key is one of these; the one after a rotation takes the place of the one before.
    pub(super) fn settle(&mut self, chain: PublicKey) -> Result<bool, SealKeyError> {
        if self.next.as_ref().map(PublicKey::of) == Some(chain)
            && let Some(next) = self.next.take()
        {
            self.current = next;
            self.save()?;
        }
        Ok(self.public() == chain)
    }

    /// Draws the key that comes next and keeps it beside the one that signs, on disk before anybody learns of it.
    pub(super) fn prepare_next(&mut self) -> Result<PublicKey, SealKeyError> {
        let next = draw()?;
        let public = PublicKey::of(&next);
        self.next = Some(next);
        self.save()?;
        Ok(public)
    }

    fn save(&self) -> Result<(), SealKeyError> {
        disk::put(&self.path, &self.text()).map_err(|source| cannot_write(&self.path, source))
    }

    fn text(&self) -> Zeroizing<Vec<u8>> {
        let written = Written {
            continuum_seal_key: VERSION,
            seed: BASE64.encode(self.current.as_bytes()),
            next: self.next.as_ref().map(|next| BASE64.encode(next.as_bytes())),
        };
        // A plain struct of numbers and texts: serde_json cannot refuse it.
        let mut text = Zeroizing::new(serde_json::to_vec_pretty(&written).unwrap_or_default());
        text.push(b'\n');
        text
    }

    /// The head of the chain as it was noted last beside the key at `path`: the position and hash of an entry. None if
    /// nothing was noted.
    ///
    /// # Errors
    /// [`SealKeyError`]: the note cannot be read. Whoever removes it removes the proof that the chain was longer.
    pub fn noted_head(path: &Path) -> Result<Option<(u64, Hash)>, SealKeyError> {
        let path = head_path(path);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SealKeyError::Io { what: "cannot read", path, source }),
        };
        let noted = text.trim_end().split_once(' ');
        let noted = noted.and_then(|(position, hash)| Some((position.parse().ok()?, hash.parse().ok()?)));
        noted.map(Some).ok_or(SealKeyError::Malformed { path })
    }

    /// Notes the head of the chain.
    pub(super) fn note_head(&self, position: u64, head: Hash) -> Result<(), SealKeyError> {
        let path = head_path(&self.path);
        let text = format!("{position} {head}\n");
        disk::put(&path, text.as_bytes()).map_err(|source| cannot_write(&path, source))
    }
}

fn head_path(path: &Path) -> PathBuf {
    path.with_added_extension(HEAD)
}

fn draw() -> Result<SigningKey, NoRandomness> {
    Ok(SigningKey::from_bytes(&Zeroizing::new(random()?)))
}

fn key(seed: &str) -> Option<SigningKey> {
    let bytes = Zeroizing::new(BASE64.decode(seed).ok()?);
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.as_slice().try_into().ok()?);
    Some(SigningKey::from_bytes(&seed))
}

fn cannot_write(path: &Path, source: std::io::Error) -> SealKeyError {
    SealKeyError::Io { what: "cannot write", path: path.to_owned(), source }
}

/// Refuses a file inside the broker's directory. The file's directory exists.
fn keep_apart(path: &Path, broker: Option<&Path>) -> Result<(), SealKeyError> {
    let Some(broker) = broker else { return Ok(()) };
    let found = disk::inside(path, broker);
    match found.map_err(|source| SealKeyError::Io { what: "cannot reach", path: path.to_owned(), source })? {
        Some(broker) => Err(SealKeyError::InsideBroker { path: path.to_owned(), broker }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn a_signing_key_is_made_once_for_its_owner_alone_and_outlives_a_rotation_cut_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets/seal-key");
        let mut made = SealKey::open_or_create(&path, None).unwrap();
        assert_eq!(SealKey::open_or_create(&path, None).unwrap().public(), made.public());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

        let next = made.prepare_next().unwrap();
        let mut cut_short = SealKey::open(&path, None).unwrap();
        assert!(cut_short.settle(made.public()).unwrap(), "the chain never learned of the next one");
        assert!(cut_short.settle(next).unwrap(), "the chain did learn of it");
        assert_eq!(SealKey::open(&path, None).unwrap().public(), next);
        assert!(!cut_short.settle(made.public()).unwrap(), "the old one is gone");
    }

    #[test]
    fn a_signing_key_that_others_may_read_or_that_lies_with_the_broker_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seal-key");
        SealKey::open_or_create(&path, None).unwrap();
        assert!(matches!(SealKey::open(&path, Some(dir.path())), Err(SealKeyError::InsideBroker { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SealKey::open(&path, None), Err(SealKeyError::Exposed { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "{\"continuum_seal_key\": 2}").unwrap();
        assert!(matches!(SealKey::open_or_create(&path, None), Err(SealKeyError::Malformed { .. })));
    }

    #[test]
    fn the_head_is_noted_beside_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seal-key");
        let key = SealKey::open_or_create(&path, None).unwrap();
        assert_eq!(SealKey::noted_head(&path).unwrap(), None);
        key.note_head(7, Hash::of(&[b"x"])).unwrap();
        assert_eq!(SealKey::noted_head(&path).unwrap(), Some((7, Hash::of(&[b"x"]))));
        fs::write(head_path(&path), "7").unwrap();
        assert!(SealKey::noted_head(&path).is_err());
    }
}
