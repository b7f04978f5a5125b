//! Why a projection goes no further.

use crate::source::SourceError;
use crate::store::StoreError;

/// Why a projection goes no further. Its rows stay as they are; readiness fails until the cause is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// An event of a newer program: upgrade this one, it then goes on by itself.
    #[error(
        "the event at position {position}, {kind} version {version}, is newer than this program: upgrade it"
    )]
    Newer {
        /// Where it is.
        position: u64,
        /// Its kind.
        kind: String,
        /// The version of its body.
        version: u16,
    },
    /// The journal has lost, repeated or exchanged events: verify it before anything else.
    #[error("position {found} came after position {after}: verify the journal")]
    OutOfOrder {
        /// The last position applied.
        after: u64,
        /// The one that came.
        found: u64,
    },
    /// What comes from the journal cannot be trusted.
    #[error(transparent)]
    Source(SourceError),
    /// The rows cannot be read or written.
    #[error(transparent)]
    Store(StoreError),
    /// A part of the projection panicked; the rows are put aside at the next start.
    #[error("the projection failed inside: {0}")]
    Failed(&'static str),
}

impl Stop {
    /// Whether nobody may read the rows as they are in memory: after a write that failed they may be half of a batch.
    pub(crate) fn hides_rows(&self) -> bool {
        match self {
            Self::Store(_) | Self::Failed(_) => true,
            Self::Newer { .. } | Self::OutOfOrder { .. } | Self::Source(_) => false,
        }
    }

    /// Whether the rows on the disk can no longer be trusted.
    pub(crate) fn doubts_rows(&self) -> bool {
        match self {
            Self::Store(StoreError::Damaged(_)) | Self::Failed(_) => true,
            Self::Store(StoreError::Unusable(_) | StoreError::Undeclared(_))
            | Self::Newer { .. }
            | Self::OutOfOrder { .. }
            | Self::Source(_) => false,
        }
    }
}
