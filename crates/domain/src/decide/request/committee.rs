//! What the SIAO decides on a request: on the agenda, on the waiting list, later, or no.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{contact_due, not_now, request};
use crate::calendar::Day;
use crate::decide::command::Decide;
use crate::decide::registration::{NOTE_MAX, check_note};
use crate::decide::{Context, Draft, day_words, household};
use crate::household::request::{
    CommitteeScheduled, Qualification, RequestDeferred, RequestQualified, RequestRejected,
    RequestSituation as Situation,
};
use crate::id::{HouseholdId, RequestId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::reference::{DeferralReason, RequestRejectionReason};
use crate::refusal::Refusal;

/// Puts a request on the agenda of the orientation committee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleCommittee {
    /// The request.
    pub request: RequestId,
    /// The day.
    pub on: Day,
}

impl Decide<HouseholdId> for ScheduleCommittee {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        if !before_decision(&asked.situation) {
            return Err(not_now(&asked.situation, "l'inscrire en commission"));
        }
        if self.on.0 < ctx.today(asked.siao) {
            let sentence = format!("La commission du {} est passée.", day_words(self.on.0));
            return Err(Refusal::invalid("date-in-past", "request", sentence).into());
        }
        draft.household(id, ctx.at, CommitteeScheduled { request: self.request, on: self.on });
        Ok(())
    }
}

/// Whether the SIAO still has to decide on the request.
fn before_decision(situation: &Situation) -> bool {
    match situation {
        Situation::Submitted | Situation::InCommittee { .. } | Situation::Deferred { .. } => true,
        Situation::Draft
        | Situation::UnderAssessment { .. }
        | Situation::Qualified(_)
        | Situation::Fulfilled { .. }
        | Situation::Stale { .. }
        | Situation::Cancelled { .. }
        | Situation::Rejected { .. }
        | Situation::Absorbed => false,
    }
}

/// Puts a request on the waiting list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QualifyRequest {
    /// The request.
    pub request: RequestId,
    /// What may be proposed, and with which priority.
    pub qualification: Qualification,
}

impl Decide<HouseholdId> for QualifyRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        let again = matches!(asked.situation, Situation::Qualified(_));
        if !before_decision(&asked.situation) && !again {
            return Err(not_now(&asked.situation, "la valider"));
        }
        if self.qualification.kinds.is_empty() {
            let sentence = "Dites vers quels types d'hébergement ou de logement : choisissez-en au moins un.";
            return Err(Refusal::invalid("kinds-missing", "request", sentence).into());
        }
        let qualified = RequestQualified {
            request: self.request,
            qualification: self.qualification.clone(),
            contact_due: contact_due(ctx, asked.siao),
        };
        draft.household(id, ctx.at, qualified);
        Ok(())
    }
}

/// Puts a decision off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeferRequest {
    /// The request.
    pub request: RequestId,
    /// Why.
    pub reason: DeferralReason,
    /// When it is examined again.
    pub until: Day,
}

impl Decide<HouseholdId> for DeferRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        if !before_decision(&asked.situation) {
            return Err(not_now(&asked.situation, "l'ajourner"));
        }
        if self.until.0 <= ctx.today(asked.siao) {
            let sentence = "Donnez une date de réexamen à venir.";
            return Err(Refusal::invalid("date-in-past", "request", sentence).into());
        }
        let deferred = RequestDeferred { request: self.request, reason: self.reason, until: self.until };
        draft.household(id, ctx.at, deferred);
        Ok(())
    }
}

/// Refuses a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectRequest {
    /// The request.
    pub request: RequestId,
    /// Why.
    pub reason: RequestRejectionReason,
    /// In words.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for RejectRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        if !before_decision(&asked.situation) {
            return Err(not_now(&asked.situation, "la refuser"));
        }
        check_note(self.note.as_ref(), NOTE_MAX)?;
        let note = self.note.clone().map(Personal::Known);
        draft.household(id, ctx.at, RequestRejected { request: self.request, reason: self.reason, note });
        Ok(())
    }
}
