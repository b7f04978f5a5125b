//! Shared custody: a child is counted in two households, and belongs to one (INV-11).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::recheck::recheck;
use super::{Context, Draft, household, living};
use crate::calendar::Instant;
use crate::household::custody::{CustodyEnded, CustodyShared, SharedChild};
use crate::id::{HouseholdId, PersonId};
use crate::ledger::{Halt, Ledgers};
use crate::reference::MemberLink;
use crate::refusal::Refusal;

/// Counts a child of another household in this one too, as one parent of two who share custody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareCustody {
    /// The household that the child belongs to.
    pub of: HouseholdId,
    /// The child.
    pub person: PersonId,
    /// Since when, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for ShareCustody {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = living(ledgers, id)?;
        if is.composition.members.contains_key(&self.person) {
            let sentence = "Cet enfant fait déjà partie du ménage.";
            return Err(Refusal::conflict("already-a-member", "INV-11", sentence).into());
        }
        if is.composition.shared.contains_key(&self.person) {
            let sentence = "Cet enfant est déjà compté en garde alternée.";
            return Err(Refusal::conflict("already-counted", "INV-11", sentence).into());
        }
        let other = household(ledgers, self.of)?;
        let child =
            other.composition.members.get(&self.person).ok_or_else(|| Refusal::unknown("Personne"))?;
        let applies =
            child.link == MemberLink::main_applicant() || child.link == MemberLink::spouse_or_partner();
        if applies || child.born.age_on(ctx.today(id.territory())) >= 18 {
            let sentence = "La garde alternée ne concerne qu'un enfant mineur.";
            return Err(Refusal::invalid("not-a-minor", "INV-11", sentence).into());
        }
        let at = ctx.past(id.territory(), self.at)?;
        let child = SharedChild { person: self.person, born: child.born };
        draft.household(id, at, CustodyShared { child });
        recheck(id, is, ctx, ledgers, draft)
    }
}

/// Stops counting a child in shared custody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndSharedCustody {
    /// The child.
    pub person: PersonId,
    /// Since when, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for EndSharedCustody {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        if !is.composition.shared.contains_key(&self.person) {
            return Err(Refusal::unknown("Enfant en garde alternée").into());
        }
        draft.household(id, ctx.past(id.territory(), self.at)?, CustodyEnded { person: self.person });
        recheck(id, is, ctx, ledgers, draft)
    }
}
