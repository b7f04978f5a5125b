//! Why an account could not be minted or written.

use std::path::{Path, PathBuf};

use super::key::BadKey;
use super::name::BadName;

/// Why an account or a user could not be made, written or told to the broker.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The name would be more than a name in a subject.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A public key is none.
    #[error(transparent)]
    PublicKey(#[from] BadKey),
    /// A key could not be made, read or used.
    #[error("a key cannot be used: {0}")]
    Key(String),
    /// A user would be valid for ever, or not at all.
    #[error("a user is valid for a time that ends later than now and within {} days: nothing was minted", longest.as_secs() / 86_400)]
    Expiry {
        /// The longest validity.
        longest: std::time::Duration,
    },
    /// The partner is known already.
    #[error("the partner {0} is admitted already")]
    Admitted(String),
    /// No such partner.
    #[error("no partner is called so: {0}")]
    Unknown(String),
    /// A file of the directory cannot be read or written.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the directory says something that this program did not write.
    #[error("{} cannot be understood: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The broker does not take an account.
    #[error("the broker does not take the account: {0}")]
    Refused(String),
}

impl AccountsError {
    /// For `map_err`: what was attempted on which file.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
