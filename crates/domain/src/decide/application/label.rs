//! Priority labels: granted by those who may, withdrawn for a reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant, days_after, months_after, start_of_day};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, household, living};
use crate::household::priority::{
    DocumentReference, LabelEnd, LabelSource, PriorityGranted, PriorityWithdrawn,
};
use crate::id::{HouseholdId, LabelId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::reference::PriorityGround;
use crate::refusal::Refusal;

/// Records a priority label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantPriority {
    /// The ground.
    pub ground: PriorityGround,
    /// Who granted it.
    pub source: LabelSource,
    /// The day of the decision; today if absent.
    #[serde(default)]
    pub decided_on: Option<Day>,
    /// The reference of the decision, if it is known.
    #[serde(default)]
    pub document: Option<DocumentReference>,
}

impl Decide<HouseholdId> for GrantPriority {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = living(ledgers, id)?;
        let label = LabelId::created_by(ctx.command);
        if is.labels.contains_key(&label) {
            return Ok(());
        }
        let territory = id.territory();
        if is.labels.values().any(|label| label.ended.is_none() && label.ground == self.ground) {
            let sentence = "Ce ménage a déjà ce label.";
            return Err(Refusal::conflict("label-exists", "CCH L441-1", sentence).into());
        }
        let (dalo, daho) = (PriorityGround::dalo(), PriorityGround::daho());
        let by_board = self.ground == dalo || self.ground == daho;
        if by_board != (self.source == LabelSource::MediationBoard) {
            let sentence = "DALO et DAHO sont reconnus par la commission de médiation, et par elle seule.";
            return Err(Refusal::invalid("label-source", "CCH L441-2-3", sentence).into());
        }
        let decided_on = self.decided_on.unwrap_or_else(|| Day(ctx.today(territory)));
        let at = ctx.past(territory, Some(Instant(start_of_day(territory, decided_on.0))))?;
        let proposal_due = proposal_due(self.ground, decided_on, ctx, id);
        let granted = PriorityGranted {
            label,
            ground: self.ground,
            source: self.source,
            decided_on,
            proposal_due,
            document: self.document.clone().map(Personal::Known),
        };
        draft.household(id, at, granted);
        Ok(())
    }
}

/// When the préfet must have proposed a place or a dwelling (CCH R441-16-1, R441-18), for DALO and DAHO.
pub(in crate::decide) fn proposal_due(
    ground: PriorityGround,
    decided_on: Day,
    ctx: &Context<'_>,
    id: HouseholdId,
) -> Option<Day> {
    let rules = ctx.rules(id.territory());
    if ground == PriorityGround::dalo() {
        Some(Day(months_after(decided_on.0, rules.dalo_proposal_months)))
    } else if ground == PriorityGround::daho() {
        Some(Day(days_after(decided_on.0, 7 * rules.daho_proposal_weeks)))
    } else {
        None
    }
}

/// Withdraws a priority label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawPriority {
    /// The label.
    pub label: LabelId,
    /// Why.
    pub why: LabelEnd,
}

impl Decide<HouseholdId> for WithdrawPriority {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let label = is.labels.get(&self.label).ok_or_else(|| Refusal::unknown("Label"))?;
        if label.ended.is_some() {
            let sentence = "Ce label est déjà terminé.";
            return Err(Refusal::conflict("label-ended", "CCH L441-1", sentence).into());
        }
        if self.why == LabelEnd::Housed {
            let sentence = "Le relogement se constate par un bail : signez le bail, le label se terminera.";
            return Err(Refusal::invalid("lease-required", "INV-8", sentence).into());
        }
        draft.household(id, ctx.at, PriorityWithdrawn { label: self.label, why: self.why });
        Ok(())
    }
}
