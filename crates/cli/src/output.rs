//! Where an export goes: standard output, or a file that appears once it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// What is being written. Dropped before its end, it leaves a file of this name as it was.
pub(crate) enum Output {
    /// Standard output.
    Stdout(BufWriter<std::io::Stdout>),
    /// A file.
    File {
        /// Written beside it, then renamed.
        beside: Part,
        /// The file.
        path: PathBuf,
    },
}

/// A file that is not whole yet: gone when it is dropped.
pub(crate) struct Part {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is nothing of this name; a file that stays is no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Output {
    /// The file at `path`; standard output if there is none.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(crate) fn to(path: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout(BufWriter::new(std::io::stdout()))) };
        let mut name = path.clone().into_os_string();
        name.push(".part");
        let name = PathBuf::from(name);
        let file = File::create(&name).with_context(|| cannot(&path))?;
        Ok(Self::File { beside: Part { file: BufWriter::new(file), path: name }, path })
    }

    /// Ends it: the file is there, whole and on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(mut stdout) => Ok(stdout.flush()?),
            Self::File { mut beside, path } => {
                let whole = |beside: &mut Part| {
                    beside.file.flush()?;
                    beside.file.get_ref().sync_all()?;
                    std::fs::rename(&beside.path, &path)
                };
                whole(&mut beside).with_context(|| cannot(&path))
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File { beside, .. } => beside.file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File { beside, .. } => beside.file.flush(),
        }
    }
}

fn cannot(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_fails_leaves_the_one_before_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let write = |text: &str| {
            let mut output = Output::to(Some(path.clone())).unwrap();
            output.write_all(text.as_bytes()).unwrap();
            output
        };
        write("first").finish().unwrap();
        drop(write("cut short"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
        write("second").finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
