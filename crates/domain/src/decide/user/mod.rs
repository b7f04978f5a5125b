//! Those who sign in: invited by their organisation, enrolled by themselves, disabled at once.
//!
//! Passwords, codes and invitations never reach these commands: the surface hands over hashes and digests.

mod account;
mod session;

pub use account::{
    ChangePassword, DisableUser, EnableUser, Enrol, GrantProfile, InviteUser, LinkIdentity, RenewInvitation,
    WithdrawProfile,
};
pub use session::{SignIn, SignOut, SwitchProfile};

use crate::id::UserId;
use crate::ledger::{Halt, Ledgers};
use crate::refusal::Refusal;
use crate::user::{Account, Profile, User};

/// The user, if they are known.
fn user(ledgers: &Ledgers, id: UserId) -> Result<&User, Halt> {
    let user = ledgers.user(id)?;
    match user.account {
        Account::Unknown => Err(Refusal::unknown("Compte").into()),
        Account::Invited | Account::Active | Account::Disabled { .. } => Ok(user),
    }
}

/// Refuses a role that the profile's organisation does not have.
fn check_profile(profile: Profile, ledgers: &Ledgers) -> Result<(), Halt> {
    let organisation = super::organisation::taking_part(ledgers, profile.organisation)?;
    if organisation.open().is_some_and(|is| profile.role.fits(is.kind)) {
        return Ok(());
    }
    let sentence = "Ce rôle n'existe pas dans un organisme de cette nature.";
    Err(Refusal::invalid("role-of-organisation", "user", sentence).into())
}
