//! The keys of holders (households, for one): drawn when first needed, kept wrapped in the stream `KEYS`, removed to erase.
//!
//! **Invariant.** A holder has one key at a time: it is written only where nothing stands, so of two processes that
//! draw one at the same moment both use the winner's.
//!
//! **Invariant.** A holder that was forgotten never has a key again: a mark stands where its key was.
//!
//! **Invariant.** The key-encryption key comes from a file and never reaches the broker in the clear; without the file, a
//! copy of the broker's files or of a backup opens nothing. Where a rotation has put it on the stream, it is wrapped under
//! the one before: see [`rotation`].
//!
//! **Invariant.** A key that is gone yields erased values, never an error; a key file that does not fit is an error,
//! never erased values.
//!
//! **Invariant.** No key is ever left under an epoch that nobody holds: see [`rotation`].
//!
//! **Invariant.** Who is erased for good stands in the erasure ledger first: see [`KeyRing::erase`].

mod align;
mod cache;
pub(crate) mod control;
mod erasures;
mod error;
mod escrow;
mod file;
mod forgetting;
mod holder;
mod references;
mod restoring;
mod ring;
pub mod rotation;
pub(crate) mod store;
mod wrapping;

pub use erasures::{Erasure, Erasures, ErasuresError};
pub use error::KeyError;
pub use escrow::Escrow;
pub use file::{KeyFile, KeyFileError, KeyPlaces};
pub use forgetting::Destroyed;
pub use holder::Holder;
pub use references::{NotVeiled, References};
pub(crate) use restoring::{destroyed, epoch_in_force, epoch_of};
pub use ring::{KeyRing, Opener};
pub use rotation::{Rotated, Rotation, RotationRecord, Step};
