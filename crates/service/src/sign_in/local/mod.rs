//! Signing in with an account of this deployment: a password ([`AdmittedPassword`], [`Hasher`]) and a one-time code ([`TotpKey`]), or
//! one of the codes kept for the day the telephone is lost ([`recovery`]). The first account of all is made with a token that
//! is printed once ([`first_run`]): there is no default account.
//!
//! Nothing here knows accounts: callers keep what is to be kept, count attempts, and say the same to whoever does not get in,
//! whatever the reason.
//!
//! **Invariant.** Nothing that opens an account is kept as such: of passwords and recovery codes there is a slow salted hash, of
//! the first-run token a hash. The key of one-time codes must be kept itself, so it is for the caller to seal.
//!
//! **Invariant.** A password costs the same time whether the account exists or not, and no more than a few are hashed at
//! once ([`HASHES_AT_ONCE`]), each of them in [`Cost::memory_kib`] of memory.

mod common;
pub mod first_run;
mod hasher;
mod password;
pub mod recovery;
mod totp;

pub use hasher::{Busy, Cost, HASHES_AT_ONCE, HASHES_WAITING_MAX, HashError, Hasher, StoredHash, Verdict};
pub use password::{AdmittedPassword, PASSWORD_MAX, PASSWORD_MIN, Unfit};
pub use totp::{BadTotpKey, Step, TotpKey};
