//! Who may connect to the broker: one account per external organisation, one user per service.
//!
//! **Invariant.** A partner shares no account with anybody. Rights to publish inside a shared account do not bound what a
//! client can make the broker write: it answers wherever the client asks it to. Between accounts it answers nowhere else.
//!
//! **Invariant.** What a partner may ask of the core account is the list in `grants.rs` and nothing else; each subject holds the
//! partner's account key, and the broker checks that it is the asker's.
//!
//! **Invariant.** Every user of an installation with signed tokens expires; every name is one literal token of a subject.
//!
//! Two forms of the same: [`Embedded`] writes a fixed list into the configuration of the supervised broker, where a
//! change means a restart; [`Operator`] signs tokens that a running cluster takes.

mod claims;
mod embedded;
mod error;
mod files;
mod grants;
pub mod jwt;
mod key;
mod name;
mod operator;
mod probe;
mod push;
mod rights;
mod roll;
mod server;

use std::path::PathBuf;

pub use claims::{LONGEST_VALIDITY, core_account, operator, partner_account, system_account, user};
pub use embedded::Embedded;
pub use error::AccountsError;
pub use files::inbox_of;
pub use grants::PARTNER_PREFIX;
pub use key::{AccountKey, BadKey, KeyKind, Pair, UserKey};
pub use name::{BadName, Name};
pub use operator::Operator;
pub use probe::{Opens, probe};
pub use push::push;
pub use rights::{CoreUser, Rights, Subjects, subjects};
pub use roll::{Partner, file as roll_file};
pub use server::{Cluster, Server, Tls};

/// A partner that was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// What is known of it.
    pub partner: Partner,
    /// The file it connects with: hand it over on a safe way, then remove it. Mode 0600.
    pub credentials: PathBuf,
}
