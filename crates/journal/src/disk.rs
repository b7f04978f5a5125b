//! Small secret files: whole on the disk, readable by their owner alone, their former bytes overwritten where that matters.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// How often a file is opened again that was replaced at the same moment.
const TRIES: usize = 100;

/// Which file it is: another one has another identity, and so has the same one after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Of what stands at `path` now.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::metadata(path)?))
    }
}

/// What a file held at one moment.
pub(crate) struct Held {
    /// Its bytes.
    pub(crate) text: Zeroizing<Vec<u8>>,
    /// Which file it was.
    pub(crate) identity: Identity,
    /// Its permission bits.
    pub(crate) mode: u32,
}

/// Reads the file at `path`. Whoever replaces it overwrites the former bytes, so what was read counts only if it still
/// has its name afterwards.
pub(crate) fn read(path: &Path) -> io::Result<Held> {
    for _ in 0..TRIES {
        let mut file = File::open(path)?;
        let held = held(&mut file)?;
        if Identity::at(path)? == held.identity {
            return Ok(held);
        }
    }
    Err(replaced_again_and_again())
}

fn held(file: &mut File) -> io::Result<Held> {
    let metadata = file.metadata()?;
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1));
    file.read_to_end(&mut text)?;
    Ok(Held { text, identity: Identity::of(&metadata), mode: metadata.mode() & 0o7777 })
}

/// A file that nobody else replaces while this lives.
pub(crate) struct Locked {
    file: File,
    /// What it holds.
    pub(crate) held: Held,
}

/// Waits until no other process is replacing the file, and keeps others from it.
pub(crate) fn lock(path: &Path) -> io::Result<Locked> {
    for _ in 0..TRIES {
        // Open for writing too: network file systems lock nothing else.
        let mut file = File::options().read(true).write(true).open(path)?;
        file.lock()?;
        // Somebody may have replaced it while this one waited for the former file.
        let held = held(&mut file)?;
        if Identity::at(path)? == held.identity {
            sweep(path)?;
            return Ok(Locked { file, held });
        }
    }
    Err(replaced_again_and_again())
}

/// The beginning of the names of files that are to take the place of `path`.
fn next(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".next-");
    name
}

/// Overwrites and removes what processes left behind that were killed while they replaced `path`, which is locked.
fn sweep(path: &Path) -> io::Result<()> {
    let next = next(path);
    for entry in fs::read_dir(directory(path))? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(next.as_encoded_bytes()) {
            let left = File::options().write(true).open(entry.path())?;
            overwrite(left)?;
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes zeros over all of a file.
fn overwrite(mut file: File) -> io::Result<()> {
    let bytes = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&vec![0; bytes])?;
    file.sync_all()
}

impl Locked {
    /// Puts `text` in its place, for the same owner, and overwrites the former bytes as far as the disk does as it is
    /// told.
    pub(crate) fn replace(self, path: &Path, text: &[u8]) -> io::Result<()> {
        let old = self.file.metadata()?;
        let mut new = tempfile::Builder::new().prefix(&next(path)).tempfile_in(directory(path))?;
        let made = new.as_file().metadata()?;
        if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
            // An administrator rotates the keys of a service that runs as somebody else.
            fchown(new.as_file(), Some(old.uid()), Some(old.gid()))?;
        }
        new.write_all(text)?;
        new.as_file().sync_all()?;
        new.persist(path).map_err(|e| e.error)?;
        sync_directory(path)?;
        overwrite(self.file)
    }
}

/// Writes a new file that only its owner reads, unless there is one already; says whether it did.
pub(crate) fn create(path: &Path, text: &[u8]) -> io::Result<bool> {
    // Readable by its owner only from its first moment, whole when it gets its name, never put in another's place.
    let mut file = tempfile::Builder::new().prefix(".key-file-").tempfile_in(directory(path))?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_directory(path).map(|()| true),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e.error),
    }
}

/// Makes what was renamed in the directory of `path` last.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

/// The directory that holds `path`.
pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    }
}

/// Writes a file that only its owner reads, whole when it gets its name, in the place of what is there: for one process that
/// alone writes it.
pub(crate) fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(&next(path)).tempfile_in(directory(path))?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    sync_directory(path)
}

/// The broker's directory, if `path` lies in it, whatever links lead there: a copy of it would carry secrets along with what
/// they protect. The file's directory exists.
pub(crate) fn inside(path: &Path, broker: &Path) -> io::Result<Option<PathBuf>> {
    let named = fs::canonicalize(directory(path))?;
    // The file itself may be a link, or not be there yet.
    let real = fs::canonicalize(path).unwrap_or_else(|_| named.clone());
    // A broker's directory that does not exist yet holds nothing; what has its name still must not hold secrets.
    let broker = fs::canonicalize(broker).or_else(|_| std::path::absolute(broker))?;
    Ok((named.starts_with(&broker) || real.starts_with(&broker)).then_some(broker))
}

fn replaced_again_and_again() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "it is being replaced again and again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_by_many_is_always_read_whole_and_loses_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(create(&path, &[b'x'; 100]).unwrap());
        assert!(!create(&path, b"other").unwrap());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let locked = lock(&path).unwrap();
                        let text = [&locked.held.text[..], b"x"].concat();
                        locked.replace(&path, &text).unwrap();
                    }
                });
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert!(read(&path).unwrap().text.iter().all(|byte| *byte == b'x'));
                    }
                });
            }
        });
        let last = read(&path).unwrap();
        assert_eq!((last.text.len(), last.mode), (140, 0o600));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn what_a_killed_process_left_behind_is_overwritten_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, left) = (dir.path().join("key"), dir.path().join(".key.next-x1y2z3"));
        create(&path, b"key").unwrap();
        fs::write(dir.path().join("key.escrow"), b"escrow").unwrap();
        fs::write(&left, b"a key that was never in force").unwrap();
        let mut open = File::open(&left).unwrap();
        drop(lock(&path).unwrap());
        assert!(!left.exists());
        let mut text = Vec::new();
        open.read_to_end(&mut text).unwrap();
        assert!(text.iter().all(|byte| *byte == 0));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_was_replaced_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create(&path, b"the former key").unwrap();
        let mut former = File::open(&path).unwrap();
        lock(&path).unwrap().replace(&path, b"the next key").unwrap();
        let mut text = Vec::new();
        former.read_to_end(&mut text).unwrap();
        assert_eq!(text, [0; 14]);
    }
}
