//! The social assessment, and the return of a request that lacks something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{not_now, request};
use crate::calendar::Instant;
use crate::decide::command::Decide;
use crate::decide::registration::{NOTE_MAX, check_note};
use crate::decide::{Context, Draft, household};
use crate::household::request::{
    AssessmentRequested, NeedProfile, NeedRecord, RequestAssessed, RequestSituation as Situation,
};
use crate::id::{HouseholdId, RequestId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::reference::AssessmentReturnReason;
use crate::refusal::Refusal;

/// Returns a request to complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnRequest {
    /// The request.
    pub request: RequestId,
    /// What is missing, at least one.
    pub reasons: Vec<AssessmentReturnReason>,
}

impl Decide<HouseholdId> for ReturnRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        let Situation::Submitted = asked.situation else {
            return Err(not_now(&asked.situation, "la retourner"));
        };
        if self.reasons.is_empty() {
            let sentence = "Dites ce qui manque : choisissez au moins un motif.";
            return Err(Refusal::invalid("reason-missing", "request", sentence).into());
        }
        draft.household(
            id,
            ctx.at,
            AssessmentRequested { request: self.request, reasons: self.reasons.clone() },
        );
        Ok(())
    }
}

/// Adds the social assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessRequest {
    /// The request.
    pub request: RequestId,
    /// The need as assessed.
    pub need: NeedProfile,
    /// 1 (alone) to 5 (with constant help).
    pub autonomy: u8,
    /// 1 (none) to 5 (daily).
    pub support: u8,
    /// The assessment in words; never of health.
    #[serde(default)]
    pub narrative: Option<String>,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for AssessRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        if !asked.situation.is_open() {
            return Err(not_now(&asked.situation, "y joindre une évaluation"));
        }
        if !(1..=5).contains(&self.autonomy) || !(1..=5).contains(&self.support) {
            let sentence = "L'autonomie et le besoin d'accompagnement se notent de 1 à 5.";
            return Err(Refusal::invalid("scale", "request", sentence).into());
        }
        check_note(self.narrative.as_ref(), 4 * NOTE_MAX)?;
        let at = ctx.past(asked.siao, self.at)?;
        let assessed = RequestAssessed {
            request: self.request,
            need: NeedRecord::of(&self.need, Some(asked.need()), at),
            autonomy: Personal::Known(self.autonomy),
            support: Personal::Known(self.support),
            narrative: self.narrative.clone().map(Personal::Known),
        };
        draft.household(id, at, assessed);
        Ok(())
    }
}
