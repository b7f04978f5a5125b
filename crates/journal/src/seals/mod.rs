//! The integrity chain: what lies in the journal and in `ACCESS`, signed, so that nobody changes, removes, moves or cuts
//! off anything without its being found out. The broker itself skips or truncates damaged files without a word.
//!
//! **Invariant.** The stream `SEALS` holds one chain over all streams. Each entry names the one before it by its hash and
//! is signed (Ed25519) by the one key that the chain knows then; another key comes into use by an entry that the old one
//! signed. So the hash of the last entry, the *head*, stands for everything.
//!
//! **Invariant.** An entry is appended only behind the one it names: two sealers never fork the chain, and a sealer that
//! dies between reading and appending has done nothing.
//!
//! **Invariant.** Sealed is what lies there: ciphertexts and the hash of each payload. A household that is erased changes
//! nothing of it.
//!
//! A seal covers a stretch of one stream: the root of a Merkle tree over its messages, and of each leaf the first 128
//! bits, so that the message that was changed can be named, and so that those that are left of a stretch are still
//! proven when the age of the others has removed them.
//!
//! Seals of `ACCESS` also keep whose each entry is, in a word that only whoever knows the subject understands: an excerpt of
//! all entries about one household is checked by itself, without the others, and none can be left out of it unnoticed.
//!
//! `tree.rs`, `entry.rs`, `chain.rs` and `excerpt.rs` are pure; `sealer.rs` appends, `verify.rs` reads everything again.

mod chain;
mod entry;
mod excerpt;
mod hash;
mod keep;
mod key;
mod report;
mod sealer;
mod stretch;
mod tree;
mod verify;

pub use chain::{Chain, Fault, Reach};
pub use entry::{Entry, NotAKey, PublicKey, Says, Seal};
pub(crate) use entry::{KEY_SUBJECT, subject_of as subject_of_seals};
pub use excerpt::{Excerpt, Flaw, Line, Proven};
pub use hash::{Hash, NotAHash};
pub use keep::keep;
pub use key::{SealKey, SealKeyError};
pub use report::{Damage, KeySince, Report, StreamReport, What};
pub use sealer::{Cadence, MAX_STRETCH, SealError, Sealer};
pub use tree::{MARK_BYTES, Mark, WHOSE_BYTES, Whose, leaf, mark, root, whose};
pub use verify::{Checked, Known, VerifyError, verify};
