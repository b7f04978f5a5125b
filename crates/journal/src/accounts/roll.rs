//! Who is admitted: the partners of an installation, with their keys. No secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::{AccountKey, UserKey};
use super::name::Name;
use super::{AccountsError, files};

/// One external organisation as the broker knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// Its account: its identity in subjects, for as long as it is a partner.
    pub account: AccountKey,
    /// The user that may connect for it, unless revoked.
    pub user: UserKey,
    /// When it was admitted last.
    pub admitted: Timestamp,
    /// What was minted for it up to this moment is void.
    pub revoked: Option<Timestamp>,
}

impl Partner {
    /// Whether nobody may connect for it.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked.is_some_and(|until| until >= self.admitted)
    }
}

/// All partners by name, kept in one file.
#[derive(Debug)]
pub(super) struct Roll {
    path: PathBuf,
    partners: BTreeMap<Name, Partner>,
}

impl Roll {
    pub(super) fn open(path: PathBuf) -> Result<Self, AccountsError> {
        let partners = match files::read(&path)? {
            None => BTreeMap::new(),
            Some(text) => serde_json::from_str(&text)
                .map_err(|why| AccountsError::Unreadable { path: path.clone(), why: why.to_string() })?,
        };
        Ok(Self { path, partners })
    }

    pub(super) fn partners(&self) -> &BTreeMap<Name, Partner> {
        &self.partners
    }

    pub(super) fn get(&self, name: &Name) -> Result<&Partner, AccountsError> {
        self.partners.get(name).ok_or_else(|| AccountsError::Unknown(name.to_string()))
    }

    /// From when something minted now is valid: later than what is void, to the second, which is what tokens hold.
    pub(super) fn valid_from(&self, name: &Name, now: Timestamp) -> Timestamp {
        let revoked = self.partners.get(name).and_then(|partner| partner.revoked);
        let after = revoked.and_then(|until| Timestamp::from_second(until.as_second() + 1).ok());
        after.map_or(now, |after| now.max(after))
    }

    /// Enters a partner, or a new user of one whose users were revoked.
    pub(super) fn admit(
        &mut self,
        name: &Name,
        account: AccountKey,
        user: UserKey,
        now: Timestamp,
    ) -> Result<Partner, AccountsError> {
        let revoked = self.partners.get(name).and_then(|partner| partner.revoked);
        let partner = Partner { account, user, admitted: now, revoked };
        self.partners.insert(name.clone(), partner.clone());
        self.save()?;
        Ok(partner)
    }

    /// Refused before anything is made for a partner that may connect already.
    pub(super) fn check_new(&self, name: &Name) -> Result<(), AccountsError> {
        match self.partners.get(name) {
            Some(partner) if !partner.is_revoked() => Err(AccountsError::Admitted(name.to_string())),
            Some(_) | None => Ok(()),
        }
    }

    /// Enters that nobody may connect for a partner any more.
    pub(super) fn revoke(&mut self, name: &Name, now: Timestamp) -> Result<Partner, AccountsError> {
        let partner = self.partners.get_mut(name).ok_or_else(|| AccountsError::Unknown(name.to_string()))?;
        // Not before it was admitted, whatever the clock says meanwhile.
        partner.revoked = Some(now.max(partner.admitted));
        let partner = partner.clone();
        self.save()?;
        Ok(partner)
    }

    fn save(&self) -> Result<(), AccountsError> {
        let unreadable = |why: serde_json::Error| AccountsError::Unreadable {
            path: self.path.clone(),
            why: why.to_string(),
        };
        files::write(&self.path, &serde_json::to_string_pretty(&self.partners).map_err(unreadable)?)
    }
}

/// Where the roll is kept in a directory of accounts: who watches it learns that somebody was admitted or revoked.
#[must_use]
pub fn file(dir: &Path) -> PathBuf {
    dir.join("partners.json")
}
