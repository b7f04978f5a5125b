//! The user ledger: somebody who signs in, what they may act as, and their sessions.
//!
//! Names, addresses, hashes of passwords and secrets of second factors are sealed under the user's own key.

mod event;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use event::{
    AccountEvent, DisabledBecause, IdentityLinked, InvitationRenewed, PasswordChanged, ProfileGranted,
    ProfileSwitched, ProfileWithdrawn, SessionEvent, SignedIn, SignedOut, UserDisabled, UserEnabled,
    UserEnrolled, UserEvent, UserInvited,
};

use crate::event::{Event as _, Stamp};
use crate::id::{EventId, OrganisationId, SessionId};
use crate::personal::Kept;
use crate::rights::Role;

/// Who a user is. Always sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Name, as colleagues know it.
    pub name: String,
    /// The address they sign in with.
    pub email: String,
}

/// What somebody may act as: a role in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UserProfile")]
pub struct Profile {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The role.
    pub role: Role,
}

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Factor {
    /// Password and a one-time password.
    Totp {
        /// The time step of the one-time password: none is taken twice (RFC 6238 §5.2).
        step: u64,
    },
    /// Password and a recovery code.
    Recovery {
        /// Which of them, counted from 0: none is taken twice.
        code: u8,
    },
    /// An identity provider.
    Provider,
}

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Account {
    /// Nothing is written on this ledger.
    #[default]
    Unknown,
    /// Invited: no password yet.
    Invited,
    /// May sign in.
    Active,
    /// May not.
    Disabled {
        /// Why.
        because: DisabledBecause,
    },
}

/// An invitation that was not taken up yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// SHA-256 of its secret, in hexadecimal.
    pub digest: String,
    /// Its last instant.
    pub until: Timestamp,
}

/// What a user signs in with here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credentials {
    /// The password's hash.
    pub password: Kept<String>,
    /// The secret of the one-time passwords.
    pub totp: Kept<String>,
    /// The hash of each recovery code (argon2id, PHC form).
    pub recovery: Kept<Vec<String>>,
    /// Those that were used.
    pub used: BTreeSet<u8>,
    /// The last time step of a one-time password that was taken.
    pub step: u64,
}

/// A session that was not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// SHA-256 of its secret, in hexadecimal.
    pub digest: String,
    /// What the user acts as.
    pub profile: Profile,
    /// Since when.
    pub since: Timestamp,
}

/// Whether no step was taken yet.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_zero(step: &u64) -> bool {
    *step == 0
}

/// How long a session lasts at most, in hours (ASVS 7.3.2).
pub const SESSION_HOURS: i64 = 12;

/// A user: the fold of their ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// Where the account stands.
    pub account: Account,
    /// The keyed digest they are found by.
    pub login: String,
    /// Who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Kept<Agent>>,
    /// What they may act as.
    pub profiles: BTreeSet<Profile>,
    /// Whether the account is for emergencies alone.
    pub emergency: bool,
    /// The invitation that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
    /// What they sign in with here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Keyed digests of the identity providers' accounts that are theirs.
    pub identities: BTreeSet<String>,
    /// Sessions that were not ended, at most twelve hours old.
    pub sessions: BTreeMap<SessionId, Session>,
    /// When they signed in last, or were invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Timestamp>,
}

impl User {
    /// Whether they act as this, signed in or not: the account stands, and the profile is theirs.
    #[must_use]
    pub fn acts_as(&self, profile: Profile) -> bool {
        match self.account {
            Account::Invited | Account::Active => self.profiles.contains(&profile),
            Account::Unknown | Account::Disabled { .. } => false,
        }
    }

    /// The session, if it stands at this instant.
    #[must_use]
    pub fn session(&self, id: SessionId, now: Timestamp) -> Option<&Session> {
        let lasts = |session: &&Session| now.duration_since(session.since).as_hours() < SESSION_HOURS;
        match self.account {
            Account::Active => self.sessions.get(&id).filter(lasts),
            Account::Unknown | Account::Invited | Account::Disabled { .. } => None,
        }
    }

    /// Makes the sealed values it keeps readable; see [`Kept`].
    pub fn open(&mut self, open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>) {
        if let Some(agent) = &mut self.agent {
            agent.open(open);
        }
        if let Some(credentials) = &mut self.credentials {
            credentials.password.open(open);
            credentials.totp.open(open);
            credentials.recovery.open(open);
        }
    }

    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &UserEvent, stamp: &Stamp) {
        match event {
            UserEvent::Account(event) => self.fold_account(event, stamp),
            UserEvent::Session(event) => self.fold_session(event, stamp),
        }
    }

    fn fold_account(&mut self, event: &AccountEvent, stamp: &Stamp) {
        let kind = event.kind();
        let invitation =
            |digest: &String, until: Timestamp| Some(Invitation { digest: digest.clone(), until });
        match event {
            AccountEvent::UserInvited(e) => {
                self.account = Account::Invited;
                self.login.clone_from(&e.login);
                self.agent = Some(Kept::new(kind, stamp, e.agent.clone()));
                self.profiles = e.profiles.iter().copied().collect();
                self.emergency = e.emergency;
                self.invitation = invitation(&e.invitation, e.invited_until.0);
                self.seen = Some(stamp.effective);
            }
            AccountEvent::InvitationRenewed(e) => {
                self.invitation = invitation(&e.invitation, e.invited_until.0);
            }
            AccountEvent::ProfileGranted(e) => {
                self.profiles.insert(e.profile);
            }
            AccountEvent::ProfileWithdrawn(e) => {
                self.profiles.remove(&e.profile);
                self.sessions.retain(|_, session| session.profile != e.profile);
            }
            AccountEvent::UserEnrolled(e) => {
                self.account = Account::Active;
                self.invitation = None;
                self.sessions.clear();
                self.credentials = Some(Credentials {
                    password: Kept::new(kind, stamp, e.password.clone()),
                    totp: Kept::new(kind, stamp, e.totp.clone()),
                    recovery: Kept::new(kind, stamp, e.recovery.clone()),
                    used: BTreeSet::new(),
                    step: e.step,
                });
            }
            AccountEvent::PasswordChanged(e) => {
                if let Some(credentials) = &mut self.credentials {
                    credentials.password = Kept::new(kind, stamp, e.password.clone());
                }
                self.sessions.clear();
            }
            AccountEvent::IdentityLinked(e) => {
                self.account = Account::Active;
                self.invitation = None;
                self.identities.insert(e.identity.clone());
            }
            AccountEvent::UserDisabled(e) => {
                self.account = Account::Disabled { because: e.reason };
                self.invitation = None;
                self.sessions.clear();
            }
            AccountEvent::UserEnabled(e) => {
                self.account = Account::Invited;
                self.credentials = None;
                self.identities.clear();
                self.invitation = invitation(&e.invitation, e.invited_until.0);
            }
        }
    }

    fn fold_session(&mut self, event: &SessionEvent, stamp: &Stamp) {
        match event {
            SessionEvent::SignedIn(e) => {
                let stands = |session: &Session| {
                    stamp.effective.duration_since(session.since).as_hours() < SESSION_HOURS
                };
                self.sessions.retain(|_, session| stands(session));
                let session =
                    Session { digest: e.digest.clone(), profile: e.profile, since: stamp.effective };
                self.sessions.insert(e.session, session);
                self.seen = Some(stamp.effective);
                if let Some(credentials) = &mut self.credentials {
                    match e.factor {
                        Factor::Totp { step } => credentials.step = credentials.step.max(step),
                        Factor::Recovery { code } => {
                            credentials.used.insert(code);
                        }
                        Factor::Provider => {}
                    }
                }
            }
            SessionEvent::ProfileSwitched(e) => {
                if let Some(session) = self.sessions.get_mut(&e.session) {
                    session.profile = e.profile;
                }
            }
            SessionEvent::SignedOut(e) => {
                self.sessions.remove(&e.session);
            }
        }
    }
}
