//! The deposit of a résidence sociale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stay_of;
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, household};
use crate::household::stay::DepositReturned;
use crate::id::{HouseholdId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::refusal::Refusal;

/// The deposit was returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnDeposit {
    /// The stay.
    pub stay: StayId,
}

impl Decide<HouseholdId> for ReturnDeposit {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        if stay_of(is, self.stay)?.deposit_due.is_none() {
            let sentence = "Aucun dépôt de garantie n'est à restituer.";
            return Err(Refusal::conflict("no-deposit", "stay", sentence).into());
        }
        draft.household(id, ctx.at, DepositReturned { stay: self.stay });
        Ok(())
    }
}
