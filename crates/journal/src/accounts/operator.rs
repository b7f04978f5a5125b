//! The accounts of a shared installation: tokens that an operator signs and a running cluster takes.
//!
//! The operator's identity key signs its own token once and is then kept offline; a signing key in this directory signs
//! accounts. Each account has a signing key of its own, which signs its users.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::claims;
use super::key::{AccountKey, KeyKind, Pair, UserKey};
use super::name::Name;
use super::rights::{self, CoreUser, Rights, Subjects};
use super::roll::{self, Partner, Roll};
use super::{AccountsError, Admitted, files};

/// The operator of one installation: what signs, and who is admitted.
#[derive(Debug)]
pub struct Operator {
    dir: PathBuf,
    streams: Vec<String>,
    token: String,
    signing: Pair,
    system: Account,
    core: Account,
    roll: Roll,
}

/// An account of the operator's own, with the key that signs its users.
#[derive(Debug)]
struct Account {
    key: AccountKey,
    signing: Pair,
}

impl Account {
    fn at(dir: &Path, name: &str) -> Result<Self, AccountsError> {
        let key = files::pair_at(&files::at(dir, name, "account.nk"), KeyKind::Account)?;
        let signing = files::pair_at(&files::at(dir, name, "signing.nk"), KeyKind::Account)?;
        Ok(Self { key: AccountKey::of(&key)?, signing })
    }
}

impl Operator {
    /// The operator in `dir`, made if there is none: its identity key is then written to `offline`, to be kept where
    /// no program reads it. Events lie on `streams`.
    ///
    /// # Errors
    /// [`AccountsError::Io`], [`AccountsError::Key`] or [`AccountsError::Unreadable`].
    pub fn open_or_create(
        dir: &Path,
        name: &Name,
        offline: &Path,
        streams: Vec<String>,
        now: Timestamp,
    ) -> Result<Self, AccountsError> {
        files::make_dir(dir)?;
        files::make_dir(&dir.join("partners"))?;
        let signing = files::pair_at(&dir.join("operator.signing.nk"), KeyKind::Operator)?;
        let (system, core) = (Account::at(dir, "system")?, Account::at(dir, "core")?);
        let file = dir.join("operator.jwt");
        let token = match files::read(&file)? {
            Some(token) => token.trim().to_owned(),
            None => {
                let identity = files::pair_at(offline, KeyKind::Operator)?;
                let token = claims::operator(name, &identity, &signing, &system.key, now)?;
                files::write(&file, &token)?;
                token
            }
        };
        let roll = Roll::open(roll::file(dir))?;
        Ok(Self { dir: dir.to_owned(), streams, token, signing, system, core, roll })
    }

    /// The account with the streams.
    #[must_use]
    pub fn core(&self) -> &AccountKey {
        &self.core.key
    }

    /// What a partner signs in with, whether or not it is good.
    #[must_use]
    pub fn partner_credentials(&self, name: &Name) -> PathBuf {
        files::at(&self.dir.join("partners"), name.as_str(), "creds")
    }

    /// All partners by name.
    #[must_use]
    pub fn partners(&self) -> &BTreeMap<Name, Partner> {
        self.roll.partners()
    }

    /// The credentials of a user of the core account, valid until `expires`: a file of mode 0600, written anew.
    ///
    /// # Errors
    /// [`AccountsError::Expiry`]; [`AccountsError::Io`]; [`AccountsError::Key`].
    pub fn credentials(
        &self,
        user: CoreUser,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<PathBuf, AccountsError> {
        let rights = user.rights(&self.streams);
        let path = files::at(&self.dir, user.name(), "creds");
        self.write_user(&path, &Name::trusted(user.name()), &self.core, &rights, (now, expires))?;
        Ok(path)
    }

    /// The credentials of the broker's own account, valid until `expires`: what [`super::push`] connects with.
    ///
    /// # Errors
    /// As [`Self::credentials`].
    pub fn system_credentials(&self, now: Timestamp, expires: Timestamp) -> Result<PathBuf, AccountsError> {
        let allow = |subjects: &[&str]| Subjects {
            allow: subjects.iter().map(|s| (*s).to_owned()).collect(),
            deny: Vec::new(),
        };
        let rights =
            Rights { publish: allow(&["$SYS.REQ.>"]), subscribe: allow(&["_INBOX.>"]), answers: false };
        let path = files::at(&self.dir, "system", "creds");
        self.write_user(&path, &Name::trusted("system"), &self.system, &rights, (now, expires))?;
        Ok(path)
    }

    fn write_user(
        &self,
        path: &Path,
        name: &Name,
        account: &Account,
        rights: &Rights,
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<UserKey, AccountsError> {
        let pair = Pair::generate(KeyKind::User)?;
        let key = UserKey::of(&pair)?;
        let token = claims::user(&key, name, &account.key, &account.signing, rights, now, expires)?;
        files::write(path, &files::credentials(&token, &pair)?)?;
        Ok(key)
    }

    /// Admits a partner until `expires`: makes its account and its credentials. A partner whose user was revoked keeps
    /// its account and gets a new user. The broker knows when [`Self::partner_token`] is pushed.
    ///
    /// # Errors
    /// [`AccountsError::Admitted`] when it may connect already; as [`Self::credentials`].
    pub fn admit(
        &mut self,
        name: &Name,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Admitted, AccountsError> {
        self.roll.check_new(name)?;
        let now = self.roll.valid_from(name, now);
        let dir = self.dir.join("partners");
        let account = Account::at(&dir, name.as_str())?;
        let credentials = self.partner_credentials(name);
        let rights = rights::partner(&account.key);
        let user = self.write_user(&credentials, name, &account, &rights, (now, expires))?;
        let partner = self.roll.admit(name, account.key, user, now)?;
        Ok(Admitted { partner, credentials })
    }

    /// Makes void what was minted for a partner until now. The broker cuts its connections off when
    /// [`Self::partner_token`] is pushed.
    ///
    /// # Errors
    /// [`AccountsError::Unknown`]; [`AccountsError::Io`].
    pub fn revoke(&mut self, name: &Name, now: Timestamp) -> Result<Partner, AccountsError> {
        self.roll.revoke(name, now)
    }

    /// The token of a partner's account as it is now.
    ///
    /// # Errors
    /// [`AccountsError::Unknown`]; [`AccountsError::Key`].
    pub fn partner_token(&self, name: &Name, now: Timestamp) -> Result<String, AccountsError> {
        let partner = self.roll.get(name)?;
        let account = Account::at(&self.dir.join("partners"), name.as_str())?;
        let signing = account.signing.public();
        claims::partner_account(
            &partner.account,
            name,
            &signing,
            &self.core.key,
            partner.revoked,
            &self.signing,
            now,
        )
    }

    /// The part of the servers' configuration that says whom they trust; tokens are kept in `resolver_dir`.
    ///
    /// Partners are pushed, not written here: what stands in the file would, at each start, replace what was revoked since.
    ///
    /// # Errors
    /// [`AccountsError::Key`].
    pub fn configuration(&self, resolver_dir: &Path, now: Timestamp) -> Result<String, AccountsError> {
        let system =
            claims::system_account(&self.system.key, &self.system.signing.public(), &self.signing, now)?;
        let core =
            claims::core_account(&self.core.key, &self.core.signing.public(), None, &self.signing, now)?;
        let dir = crate::broker::quoted(resolver_dir);
        Ok(format!(
            "operator: {}\nsystem_account: {}\n\
             resolver {{ type: full, dir: {dir}, allow_delete: false, interval: \"2m\", limit: 2000 }}\n\
             resolver_preload {{\n  {}: {system}\n  {}: {core}\n}}\n",
            self.token, self.system.key, self.system.key, self.core.key,
        ))
    }
}
