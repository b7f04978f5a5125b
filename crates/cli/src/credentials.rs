//! What this program signs in with: a token, from a file or from the environment, never on the command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

/// What the program signs in with.
#[derive(Debug, Clone, Default, Args)]
pub struct Credentials {
    /// A file that holds the bearer token; else the environment variable CONTINUUM_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Credentials {
    /// The token, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn token(&self) -> anyhow::Result<Option<String>> {
        let token = match &self.token_file {
            Some(path) => Some(
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            ),
            None => std::env::var("CONTINUUM_TOKEN").ok(),
        };
        Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
    }
}

/// Writes what only its owner may read, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_secret(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let dir = path.parent().context("a file has a directory").with_context(cannot)?;
    // A temporary file is its owner's alone from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(dir).with_context(cannot)?;
    file.write_all(text).with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}
