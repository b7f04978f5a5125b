//! Files of secrets: whole or not there, readable by their owner only.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::AccountsError;
use super::jwt::claims;
use super::key::{KeyKind, Pair};

/// Makes a directory that its owner alone may enter.
pub(super) fn make_dir(dir: &Path) -> Result<(), AccountsError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(AccountsError::io("cannot make", dir))
}

/// Writes a file of mode 0600 that appears whole and survives a power cut.
pub(super) fn write(path: &Path, text: &str) -> Result<(), AccountsError> {
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    let write = || -> io::Result<()> {
        // Made with mode 0600 by the library.
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        fs::File::open(dir)?.sync_all()
    };
    write().map_err(AccountsError::io("cannot write", path))
}

/// What a file says; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, AccountsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(AccountsError::io("cannot read", path)(why)),
    }
}

/// The pair whose seed is in a file, made and written if there is none.
pub(super) fn pair_at(path: &Path, kind: KeyKind) -> Result<Pair, AccountsError> {
    match read(path)? {
        Some(seed) => Pair::from_seed(kind, &seed),
        None => new_pair_at(path, kind),
    }
}

/// A new pair, its seed written over whatever the file held.
pub(super) fn new_pair_at(path: &Path, kind: KeyKind) -> Result<Pair, AccountsError> {
    let pair = Pair::generate(kind)?;
    write(path, &format!("{}\n", *pair.seed()?))?;
    Ok(pair)
}

/// A `.creds` file, in the form every NATS client reads: the token, then the seed that proves it.
pub(super) fn credentials(token: &str, user: &Pair) -> Result<Zeroizing<String>, AccountsError> {
    let seed = user.seed()?;
    Ok(Zeroizing::new(format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         ************************* IMPORTANT *************************\n\
         NKEY Seed printed below can be used to sign and prove identity.\n\
         NKEYs are sensitive and should be treated as secrets.\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n\n\
         *************************************************************\n",
        *seed
    )))
}

/// The prefix of the reply subjects that whoever signs in with a file of credentials of the house may listen to: that of the
/// user whom its token names, or, where it holds a seed alone, its own name. None if it cannot be read.
#[must_use]
pub fn inbox_of(credentials: &Path) -> Option<String> {
    let said = read(credentials).ok()??;
    let token = said.lines().skip_while(|line| !line.contains("BEGIN NATS USER JWT")).nth(1);
    let user = match token {
        Some(token) => claims(token.trim())?["name"].as_str()?.to_owned(),
        None => credentials.file_stem()?.to_str()?.to_owned(),
    };
    Some(format!("_INBOX_{user}"))
}

/// `dir/name.ending`.
pub(super) fn at(dir: &Path, name: &str, ending: &str) -> PathBuf {
    dir.join(format!("{name}.{ending}"))
}
