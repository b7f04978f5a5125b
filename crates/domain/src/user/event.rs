//! What can happen to a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Agent, Factor, Profile};
use crate::calendar::Instant;
use crate::event::{events, families};
use crate::id::SessionId;
use crate::personal::Personal;

/// `user.invited`: membership is by invitation of one's organisation, never by what an identity provider says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserInvited {
    /// A keyed digest of the address they sign in with, in hexadecimal: it finds the user and tells nothing.
    pub login: String,
    /// Who it is.
    pub agent: Personal<Agent>,
    /// What they may act as, at least one.
    pub profiles: Vec<Profile>,
    /// Whether the account is for emergencies alone: every use of it raises an alert.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// SHA-256 of the invitation's secret, in hexadecimal.
    pub invitation: String,
    /// The last instant of the invitation.
    pub invited_until: Instant,
}

/// `user.invitation_renewed`: lost, expired, or the second factor has to be set up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationRenewed {
    /// SHA-256 of the new secret, in hexadecimal.
    pub invitation: String,
    /// The last instant of the invitation.
    pub invited_until: Instant,
}

/// `user.profile_granted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileGranted {
    /// The organisation and the role.
    pub profile: Profile,
}

/// `user.profile_withdrawn`: sessions in it end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileWithdrawn {
    /// The organisation and the role.
    pub profile: Profile,
}

/// `user.enrolled`: a password and a second factor are set, on an invitation or by the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserEnrolled {
    /// The password's hash (argon2id, PHC form).
    pub password: Personal<String>,
    /// The secret of the one-time passwords (RFC 6238), base32.
    pub totp: Personal<String>,
    /// The hash of each recovery code (argon2id, PHC form).
    pub recovery: Personal<Vec<String>>,
    /// The time step of the one-time password that proved the second factor: it is not taken again.
    #[serde(default, skip_serializing_if = "crate::user::is_zero")]
    pub step: u64,
}

/// `user.password_changed`: every session ends, the one it was changed in too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    /// The password's hash (argon2id, PHC form).
    pub password: Personal<String>,
}

/// `user.identity_linked`: an identity provider's account signs in as this user from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityLinked {
    /// A keyed digest of issuer and subject, in hexadecimal.
    pub identity: String,
}

/// `user.signed_in`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// SHA-256 of the session's secret, in hexadecimal.
    pub digest: String,
    /// What they act as.
    pub profile: Profile,
    /// How they proved who they are.
    pub factor: Factor,
}

/// `user.profile_switched`: within a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileSwitched {
    /// The session.
    pub session: SessionId,
    /// What they act as from now on.
    pub profile: Profile,
}

/// `user.signed_out`: by themselves, or because somebody ended the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedOut {
    /// The session.
    pub session: SessionId,
}

/// `user.disabled`: every session ends at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDisabled {
    /// Why.
    pub reason: DisabledBecause,
}

/// Why an account was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBecause {
    /// They left the organisation.
    Left,
    /// Somebody else may know their password or hold their device.
    Compromised,
    /// Thirteen months without signing in.
    Unused,
}

/// `user.enabled`: again, by an invitation that has to be taken up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserEnabled {
    /// SHA-256 of the invitation's secret, in hexadecimal.
    pub invitation: String,
    /// The last instant of the invitation.
    pub invited_until: Instant,
}

events! {
    /// What can happen to an account.
    pub enum AccountEvent in UserEvent::Account {
        "user.invited" v 1 => UserInvited(UserInvited),
        "user.invitation_renewed" v 1 => InvitationRenewed(InvitationRenewed),
        "user.profile_granted" v 1 => ProfileGranted(ProfileGranted),
        "user.profile_withdrawn" v 1 => ProfileWithdrawn(ProfileWithdrawn),
        "user.enrolled" v 1 => UserEnrolled(UserEnrolled),
        "user.password_changed" v 1 => PasswordChanged(PasswordChanged),
        "user.identity_linked" v 1 => IdentityLinked(IdentityLinked),
        "user.disabled" v 1 => UserDisabled(UserDisabled),
        "user.enabled" v 1 => UserEnabled(UserEnabled),
    }
}

events! {
    /// What can happen to the sessions of a user.
    pub enum SessionEvent in UserEvent::Session {
        "user.signed_in" v 1 => SignedIn(SignedIn),
        "user.profile_switched" v 1 => ProfileSwitched(ProfileSwitched),
        "user.signed_out" v 1 => SignedOut(SignedOut),
    }
}

families! {
    /// What can happen to a user.
    pub enum UserEvent {
        Account(AccountEvent),
        Session(SessionEvent),
    }
}
