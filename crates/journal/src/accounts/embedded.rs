//! The accounts of the supervised broker: a fixed list in its configuration, made here.
//!
//! Each account and each user is a key; the broker's file holds public keys only. The seeds are files in a directory of
//! their own, never in the broker's: whoever copies the broker's directory cannot connect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::grants::{Answers, BOUNDS, GRANTS};
use super::key::{AccountKey, KeyKind, Pair, UserKey};
use super::name::Name;
use super::rights::{self, ANSWER_WITHIN, CoreUser, Rights};
use super::roll::{Partner, Roll};
use super::{AccountsError, Admitted, files, roll};

/// What the account with the streams is called in the broker's file.
const CORE: &str = "CORE";

/// What the broker's own account is called.
const SYSTEM: &str = "SYS";

/// The accounts and users of one supervised broker.
#[derive(Debug)]
pub struct Embedded {
    dir: PathBuf,
    streams: Vec<String>,
    system: UserKey,
    users: BTreeMap<CoreUser, UserKey>,
    roll: Roll,
}

impl Embedded {
    /// The accounts in `dir`, made where they are missing; events lie on `streams`.
    ///
    /// # Errors
    /// [`AccountsError::Io`], [`AccountsError::Key`] or [`AccountsError::Unreadable`] when the directory does not hold
    /// what was written to it.
    pub fn open_or_create(dir: &Path, streams: Vec<String>) -> Result<Self, AccountsError> {
        files::make_dir(dir)?;
        files::make_dir(&partners_dir(dir))?;
        let public = |name: &str| {
            let pair = files::pair_at(&files::at(dir, name, "nk"), KeyKind::User)?;
            Ok::<_, AccountsError>(UserKey::of(&pair)?)
        };
        let system = public("system")?;
        let mut users = BTreeMap::new();
        for user in CoreUser::ALL {
            users.insert(user, public(user.name())?);
        }
        let roll = Roll::open(roll::file(dir))?;
        Ok(Self { dir: dir.to_owned(), streams, system, users, roll })
    }

    /// The file with the seed of a user of the core account: what [`crate::JournalConfig::credentials`] takes.
    #[must_use]
    pub fn credentials(&self, user: CoreUser) -> PathBuf {
        files::at(&self.dir, user.name(), "nk")
    }

    /// What a partner signs in with, whether or not it is good.
    #[must_use]
    pub fn partner_credentials(&self, name: &Name) -> PathBuf {
        files::at(&partners_dir(&self.dir), name.as_str(), "nk")
    }

    /// All partners by name.
    #[must_use]
    pub fn partners(&self) -> &BTreeMap<Name, Partner> {
        self.roll.partners()
    }

    /// Admits a partner: makes its account, and a user whose seed is in the file that is returned. A partner whose user
    /// was revoked keeps its account and gets a new user. The broker knows when it is restarted with
    /// [`Self::configuration`].
    ///
    /// # Errors
    /// [`AccountsError::Admitted`] when it may connect already; as [`Self::open_or_create`].
    pub fn admit(&mut self, name: &Name, now: Timestamp) -> Result<Admitted, AccountsError> {
        self.roll.check_new(name)?;
        let now = self.roll.valid_from(name, now);
        let dir = partners_dir(&self.dir);
        // Its seed is not needed here; an installation that moves to signed tokens keeps its partners' identities.
        let account = files::pair_at(&files::at(&dir, name.as_str(), "account.nk"), KeyKind::Account)?;
        let credentials = self.partner_credentials(name);
        let user: Pair = files::new_pair_at(&credentials, KeyKind::User)?;
        let partner = self.roll.admit(name, AccountKey::of(&account)?, UserKey::of(&user)?, now)?;
        Ok(Admitted { partner, credentials })
    }

    /// Lets nobody connect for a partner any more, once the broker is restarted with [`Self::configuration`].
    ///
    /// # Errors
    /// [`AccountsError::Unknown`]; [`AccountsError::Io`].
    pub fn revoke(&mut self, name: &Name, now: Timestamp) -> Result<Partner, AccountsError> {
        self.roll.revoke(name, now)
    }

    /// The part of the broker's configuration that says who may connect and what crosses between accounts.
    #[must_use]
    pub fn configuration(&self) -> String {
        let mut accounts = serde_json::Map::new();
        accounts.insert(SYSTEM.to_owned(), json!({ "users": [{ "nkey": self.system }] }));
        accounts.insert(CORE.to_owned(), self.core());
        for partner in self.roll.partners().values() {
            accounts.insert(partner.account.to_string(), tenant(partner));
        }
        // The broker's language takes JSON.
        format!("accounts: {:#}\nsystem_account: {SYSTEM}\n", Value::Object(accounts))
    }

    fn core(&self) -> Value {
        let users: Vec<Value> =
            self.users.iter().map(|(user, key)| user_entry(key, &user.rights(&self.streams))).collect();
        let exports: Vec<Value> = GRANTS
            .iter()
            .map(|grant| {
                json!({
                    "service": grant.subject,
                    "account_token_position": grant.position,
                    "response_type": match grant.answers { Answers::One => "singleton", Answers::Many => "stream" },
                })
            })
            .collect();
        json!({ "jetstream": "enabled", "users": users, "exports": exports })
    }
}

/// The account of one partner: its own share of what the core account exports, and bounds.
fn tenant(partner: &Partner) -> Value {
    let imports: Vec<Value> = GRANTS
        .iter()
        .map(|grant| {
            json!({
                "service": { "account": CORE, "subject": grant.subject_of(&partner.account) },
                "to": grant.local_to(&partner.account),
            })
        })
        .collect();
    let users = if partner.is_revoked() {
        Vec::new()
    } else {
        vec![user_entry(&partner.user, &rights::partner(&partner.account))]
    };
    json!({
        "users": users,
        "imports": imports,
        "limits": {
            "max_connections": BOUNDS.connections,
            "max_subscriptions": BOUNDS.subscriptions,
            "max_payload": BOUNDS.payload,
            "max_leafnodes": 0,
        },
    })
}

fn user_entry(key: &UserKey, rights: &Rights) -> Value {
    let mut permissions =
        json!({ "publish": rights.publish.to_json(), "subscribe": rights.subscribe.to_json() });
    if rights.answers {
        permissions["allow_responses"] =
            json!({ "max": 1, "expires": format!("{}s", ANSWER_WITHIN.as_secs()) });
    }
    json!({ "nkey": key, "permissions": permissions, "allowed_connection_types": ["STANDARD"] })
}

fn partners_dir(dir: &Path) -> PathBuf {
    dir.join("partners")
}
