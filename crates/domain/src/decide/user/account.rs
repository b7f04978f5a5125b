//! Invitations, profiles, credentials, and the end of an account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_profile, user};
use crate::calendar::Instant;
use crate::decide::command::Decide;
use crate::decide::{Context, Draft};
use crate::id::UserId;
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::refusal::Refusal;
use crate::user::{
    Account, Agent, DisabledBecause, IdentityLinked, InvitationRenewed, PasswordChanged, Profile,
    ProfileGranted, ProfileWithdrawn, UserDisabled, UserEnabled, UserEnrolled, UserInvited,
};

/// Longest name or address, in characters.
const TEXT_MAX: usize = 200;
/// Most profiles of one user.
const PROFILES_MAX: usize = 20;

fn check_agent(agent: &Agent) -> Result<(), Refusal> {
    let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= TEXT_MAX;
    if !fits(&agent.name) || !fits(&agent.email) || !agent.email.contains('@') {
        let sentence = "Indiquez le nom de la personne et son adresse de courriel professionnelle.";
        return Err(Refusal::invalid("agent-incomplete", "user", sentence));
    }
    Ok(())
}

/// Invites somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteUser {
    /// The keyed digest of the address they sign in with.
    pub login: String,
    /// Who it is.
    pub agent: Agent,
    /// What they may act as, at least one.
    pub profiles: Vec<Profile>,
    /// Whether the account is for emergencies alone.
    #[serde(default)]
    pub emergency: bool,
    /// SHA-256 of the invitation's secret, in hexadecimal.
    pub invitation: String,
    /// The last instant of the invitation.
    pub until: Instant,
}

impl Decide<UserId> for InviteUser {
    const CREATES: bool = true;

    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if ledgers.user(id)?.account != Account::Unknown {
            return Err(Refusal::conflict("already-invited", "INV-16", "Ce compte existe déjà.").into());
        }
        check_agent(&self.agent)?;
        if self.profiles.is_empty() || self.profiles.len() > PROFILES_MAX {
            let sentence = format!("Un compte a de 1 à {PROFILES_MAX} profils.");
            return Err(Refusal::invalid("profiles-count", "user", sentence).into());
        }
        self.profiles.iter().try_for_each(|profile| check_profile(*profile, ledgers))?;
        let invited = UserInvited {
            login: self.login.clone(),
            agent: Personal::Known(self.agent.clone()),
            profiles: self.profiles.clone(),
            emergency: self.emergency,
            invitation: self.invitation.clone(),
            invited_until: self.until,
        };
        draft.user(id, ctx.at, invited);
        Ok(())
    }
}

/// Invites somebody again: the first invitation was lost, or the device of the second factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewInvitation {
    /// SHA-256 of the new secret, in hexadecimal.
    pub invitation: String,
    /// The last instant of the invitation.
    pub until: Instant,
}

impl Decide<UserId> for RenewInvitation {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if let Account::Disabled { .. } = user(ledgers, id)?.account {
            let sentence = "Ce compte est désactivé : réactivez-le d'abord.";
            return Err(Refusal::conflict("user-disabled", "user", sentence).into());
        }
        let renewed = InvitationRenewed { invitation: self.invitation.clone(), invited_until: self.until };
        draft.user(id, ctx.at, renewed);
        Ok(())
    }
}

/// Lets somebody act in one more role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantProfile {
    /// The organisation and the role.
    pub profile: Profile,
}

impl Decide<UserId> for GrantProfile {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = user(ledgers, id)?;
        if is.profiles.contains(&self.profile) {
            return Ok(());
        }
        if is.profiles.len() >= PROFILES_MAX {
            let sentence = format!("Un compte a de 1 à {PROFILES_MAX} profils.");
            return Err(Refusal::invalid("profiles-count", "user", sentence).into());
        }
        check_profile(self.profile, ledgers)?;
        draft.user(id, ctx.at, ProfileGranted { profile: self.profile });
        Ok(())
    }
}

/// Takes a role back; sessions in it end at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawProfile {
    /// The organisation and the role.
    pub profile: Profile,
}

impl Decide<UserId> for WithdrawProfile {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = user(ledgers, id)?;
        if !is.profiles.contains(&self.profile) {
            return Ok(());
        }
        if is.profiles.len() == 1 {
            let sentence = "C'est son dernier profil : désactivez plutôt le compte.";
            return Err(Refusal::conflict("last-profile", "user", sentence).into());
        }
        draft.user(id, ctx.at, ProfileWithdrawn { profile: self.profile });
        Ok(())
    }
}

/// Takes up an invitation: the password, the second factor and the recovery codes are set together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// SHA-256 of the invitation's secret, in hexadecimal.
    pub invitation: String,
    /// The password's hash.
    pub password: String,
    /// The secret of the one-time passwords.
    pub totp: String,
    /// The hash of each recovery code (argon2id, PHC form).
    pub recovery: Vec<String>,
    /// The time step of the one-time password that proved the second factor.
    #[serde(default)]
    pub step: u64,
}

impl Decide<UserId> for Enrol {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        invited(&self.invitation, id, ctx, ledgers)?;
        let enrolled = UserEnrolled {
            password: Personal::Known(self.password.clone()),
            totp: Personal::Known(self.totp.clone()),
            recovery: Personal::Known(self.recovery.clone()),
            step: self.step,
        };
        draft.user(id, ctx.at, enrolled);
        Ok(())
    }
}

/// Takes up an invitation with an identity provider's account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkIdentity {
    /// SHA-256 of the invitation's secret, in hexadecimal.
    pub invitation: String,
    /// The keyed digest of issuer and subject.
    pub identity: String,
}

impl Decide<UserId> for LinkIdentity {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        invited(&self.invitation, id, ctx, ledgers)?;
        draft.user(id, ctx.at, IdentityLinked { identity: self.identity.clone() });
        Ok(())
    }
}

/// Changes the password of who proved to know the one before. Every session ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The new password's hash.
    pub password: String,
}

impl Decide<UserId> for ChangePassword {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if user(ledgers, id)?.credentials.is_none() {
            let sentence =
                "Ce compte n'a pas de mot de passe : il se connecte par un fournisseur d'identité.";
            return Err(Refusal::conflict("no-password", "user", sentence).into());
        }
        draft.user(id, ctx.at, PasswordChanged { password: Personal::Known(self.password.clone()) });
        Ok(())
    }
}

/// Refuses what does not take up the invitation that waits. The three ways to be wrong have one answer.
fn invited(digest: &str, id: UserId, ctx: &Context<'_>, ledgers: &Ledgers) -> Result<(), Halt> {
    let waits = user(ledgers, id)?.invitation.as_ref();
    if waits.is_some_and(|invitation| invitation.digest == digest && ctx.at <= invitation.until) {
        return Ok(());
    }
    let sentence = "Cette invitation n'est plus valable : demandez-en une autre à votre responsable.";
    Err(Refusal::conflict("invitation-over", "user", sentence).into())
}

/// Disables an account: sessions end at once, past actions keep their author.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableUser {
    /// Why.
    pub reason: DisabledBecause,
}

impl Decide<UserId> for DisableUser {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if let Account::Disabled { .. } = user(ledgers, id)?.account {
            return Ok(());
        }
        draft.user(id, ctx.at, UserDisabled { reason: self.reason });
        Ok(())
    }
}

/// Enables an account again: what it signed in with is forgotten, an invitation begins anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnableUser {
    /// SHA-256 of the invitation's secret, in hexadecimal.
    pub invitation: String,
    /// The last instant of the invitation.
    pub until: Instant,
}

impl Decide<UserId> for EnableUser {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        match user(ledgers, id)?.account {
            Account::Disabled { .. } => {
                let enabled = UserEnabled { invitation: self.invitation.clone(), invited_until: self.until };
                draft.user(id, ctx.at, enabled);
                Ok(())
            }
            Account::Unknown | Account::Invited | Account::Active => {
                Err(Refusal::conflict("user-not-disabled", "user", "Ce compte n'est pas désactivé.").into())
            }
        }
    }
}
