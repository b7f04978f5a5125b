//! Why there is no key.

use domain::ledger::AggregateId;

use super::{ErasuresError, Holder, KeyFileError};
use crate::sealing::{NoRandomness, OpenError, SealError};

/// Why a body could not be sealed or opened, or a key not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not every ledger has a key: a personal value on another ledger is a fault of the program that decided it.
    #[error("{0} has no key: personal values belong on the ledger of whom they are about")]
    NoKeyFor(AggregateId),
    /// The holder was erased: nothing personal is recorded about them any more.
    #[error("{0} was erased: nothing personal can be recorded about them any more")]
    Forgotten(Holder),
    /// The stream was made with another key file. Restore that one: this one opens nothing.
    #[error("the key file is not the one that the stream KEYS was made with: restore that one")]
    WrongKeyFile,
    /// The stream has no keys, but the journal beside it has events: what they hold of persons would read as erased.
    #[error("the stream KEYS is empty beside a journal that is not: restore it from a backup")]
    KeysLost,
    /// The key file does not hold the key-encryption key of this epoch, and it was not handed over on the stream: the file
    /// is older or newer than the stream.
    #[error(
        "a key is wrapped under epoch {epoch}, which the key file does not hold: restore the key file of that epoch"
    )]
    UnknownEpoch {
        /// The epoch that is missing.
        epoch: u32,
    },
    /// The wrapped key was changed in the stream: the broker's files are damaged or forged.
    #[error("the key of {holder} is damaged in the stream KEYS: restore it from a backup")]
    Damaged {
        /// Whose key.
        holder: Holder,
    },
    /// Others kept writing at the same place. Try again.
    #[error("the key of {0} is being changed by others: try again")]
    Contended(Holder),
    /// The broker does not answer, or refuses. Try again; if it lasts, look at the broker.
    #[error("cannot {what}: {source}")]
    Broker {
        /// What was attempted.
        what: &'static str,
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process keeps putting epochs in force. Try again.
    #[error("other processes rotate the keys at the same time: try again")]
    Overtaken,
    /// See [`KeyFileError`].
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// See [`ErasuresError`].
    #[error(transparent)]
    Erasures(#[from] ErasuresError),
    /// See [`SealError`].
    #[error(transparent)]
    Seal(#[from] SealError),
    /// See [`OpenError`].
    #[error(transparent)]
    Open(#[from] OpenError),
    /// See [`NoRandomness`].
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl KeyError {
    /// Whether it may pass by itself: trying again later may do.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Broker { .. } | Self::Contended(_) | Self::Overtaken => true,
            Self::NoKeyFor(_)
            | Self::Forgotten(_)
            | Self::WrongKeyFile
            | Self::KeysLost
            | Self::UnknownEpoch { .. }
            | Self::Damaged { .. }
            | Self::File(_)
            | Self::Erasures(_)
            | Self::Seal(_)
            | Self::Open(_)
            | Self::Randomness(_) => false,
        }
    }

    /// The broker failed at `what`.
    pub(crate) fn broker(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Broker { what, source: source.into() }
    }
}
