//! Sessions: begun by who proved who they are, ended by themselves, by somebody else, or by time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::user;
use crate::decide::command::Decide;
use crate::decide::{Context, Draft};
use crate::id::{SessionId, UserId};
use crate::ledger::{Halt, Ledgers};
use crate::refusal::Refusal;
use crate::user::{Account, Factor, Profile, ProfileSwitched, SignedIn, SignedOut, User};

/// The one answer to a sign-in that cannot be: it does not say what was wrong.
fn refused() -> Halt {
    let sentence = "Identifiant, mot de passe ou code incorrect.";
    Refusal::conflict("sign-in-refused", "user", sentence).into()
}

/// Begins a session. Whoever asks has checked the password or the identity provider's answer; what a factor may be used
/// for is ruled here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// SHA-256 of the session's secret, in hexadecimal.
    pub digest: String,
    /// What they act as; the first of their profiles if they do not say.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// How they proved who they are.
    pub factor: Factor,
}

impl SignIn {
    /// A one-time password and a recovery code are taken once.
    fn is_fresh(&self, is: &User) -> bool {
        match (self.factor, &is.credentials) {
            (Factor::Totp { step }, Some(credentials)) => step > credentials.step,
            (Factor::Recovery { code }, Some(credentials)) => !credentials.used.contains(&code),
            (Factor::Totp { .. } | Factor::Recovery { .. }, None) => false,
            (Factor::Provider, _) => !is.identities.is_empty(),
        }
    }
}

impl Decide<UserId> for SignIn {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = user(ledgers, id)?;
        let session = SessionId::created_by(ctx.command);
        if is.sessions.contains_key(&session) {
            return Ok(());
        }
        if is.account != Account::Active || !self.is_fresh(is) {
            return Err(refused());
        }
        let profile = match self.profile {
            Some(profile) => Some(profile).filter(|profile| is.profiles.contains(profile)),
            None => is.profiles.first().copied(),
        };
        let profile = profile.ok_or_else(refused)?;
        super::super::organisation::taking_part(ledgers, profile.organisation)?;
        let signed_in = SignedIn { session, digest: self.digest.clone(), profile, factor: self.factor };
        draft.user(id, ctx.at, signed_in);
        Ok(())
    }
}

/// Acts as another of one's profiles from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchProfile {
    /// The session.
    pub session: SessionId,
    /// What they act as.
    pub profile: Profile,
}

impl Decide<UserId> for SwitchProfile {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = user(ledgers, id)?;
        let Some(session) = is.session(self.session, ctx.at) else {
            return Err(Refusal::unknown("Session").into());
        };
        if session.profile == self.profile {
            return Ok(());
        }
        if !is.profiles.contains(&self.profile) {
            let sentence = "Ce profil n'est pas l'un des vôtres.";
            return Err(Refusal::conflict("profile-not-held", "user", sentence).into());
        }
        draft.user(id, ctx.at, ProfileSwitched { session: self.session, profile: self.profile });
        Ok(())
    }
}

/// Ends a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOut {
    /// The session.
    pub session: SessionId,
}

impl Decide<UserId> for SignOut {
    fn decide(
        &self,
        id: UserId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if user(ledgers, id)?.sessions.contains_key(&self.session) {
            draft.user(id, ctx.at, SignedOut { session: self.session });
        }
        Ok(())
    }
}
