//! The account of the broker by which an organisation's software is known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::organisation::taking_part;
use super::{Context, Draft};
use crate::id::{OrganisationId, TokenId};
use crate::ledger::{Halt, Ledgers};
use crate::organisation::{Account, AccountBound, AccountRevoked, AccountSituation, BrokerAccount};
use crate::refusal::Refusal;

/// Binds an account of the broker to the organisation: what comes from it is the organisation's, and it may do what one of
/// the organisation's tokens may, as often and as long. An organisation has one account at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BindAccount {
    /// The account.
    pub account: BrokerAccount,
    /// The token it acts under.
    pub token: TokenId,
}

impl Decide<OrganisationId> for BindAccount {
    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let ledger = taking_part(ledgers, id)?;
        let token = ledger.tokens.get(&self.token).ok_or_else(|| Refusal::unknown("Jeton"))?;
        if !token.is_good(ctx.at) {
            let sentence = "Ce jeton est retiré ou échu : délivrez-en un autre.";
            return Err(Refusal::conflict("token-not-good", "organisation", sentence).into());
        }
        let bound = |account: &Account| account.situation == AccountSituation::Bound;
        if ledger.accounts.iter().any(|(other, account)| *other != self.account && bound(account)) {
            let sentence = "Cet organisme a déjà un compte : retirez-le d'abord.";
            return Err(Refusal::conflict("account-bound", "organisation", sentence).into());
        }
        let same = |account: &Account| bound(account) && account.token == self.token;
        if ledger.accounts.get(&self.account).is_some_and(same) {
            return Ok(());
        }
        draft.organisation(id, ctx.at, AccountBound { account: self.account.clone(), token: self.token });
        Ok(())
    }
}

/// Takes an account back: commands that come from it are refused and nothing more is told to it from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeAccount {
    /// The account.
    pub account: BrokerAccount,
}

impl Decide<OrganisationId> for RevokeAccount {
    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        match ledgers.organisation(id)?.accounts.get(&self.account).map(|account| account.situation) {
            None => Err(Refusal::unknown("Compte").into()),
            Some(AccountSituation::Revoked) => Ok(()),
            Some(AccountSituation::Bound) => {
                draft.organisation(id, ctx.at, AccountRevoked { account: self.account.clone() });
                Ok(())
            }
        }
    }
}
