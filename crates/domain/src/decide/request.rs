//! The request: from draft to waiting list, and out of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::registration::{NOTE_MAX, check_note};
use super::{Context, Draft, day_words, household};
use crate::calendar::{Day, Instant, end_of_day, months_after};
use crate::household::Household;
use crate::household::request::{
    AssessmentRequested, CommitteeScheduled, NeedProfile, Qualification, Request, RequestAssessed,
    RequestCancelled, RequestCreated, RequestDeferred, RequestFile, RequestQualified, RequestReactivated,
    RequestRejected, RequestSituation as Situation, RequestSubmitted, RequestTransferred, RequestUpdated,
};
use crate::id::{HouseholdId, RequestId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::reference::{
    Area, AssessmentReturnReason, CancellationReason, DeferralReason, RequestRejectionReason,
    WithdrawalReason,
};
use crate::refusal::Refusal;

/// Most areas a household can wish for.
const WISHES_MAX: usize = 30;

/// The request, with its household.
pub(super) fn request(is: &Household, id: RequestId) -> Result<&Request, Halt> {
    is.requests.get(&id).ok_or_else(|| Refusal::unknown("Demande").into())
}

fn not_now(situation: &Situation, what: &str) -> Halt {
    let sentence = format!("La demande est {} : on ne peut pas {what}.", situation.word());
    Refusal::conflict("request-situation", "request", sentence).into()
}

pub(super) fn update_due(ctx: &Context<'_>, siao: Territory) -> Instant {
    let months = ctx.rules(siao).request_update_months;
    Instant(end_of_day(siao, months_after(ctx.today(siao), months)))
}

pub(super) fn contact_due(ctx: &Context<'_>, siao: Territory) -> Instant {
    let months = ctx.rules(siao).request_contact_months;
    Instant(end_of_day(siao, months_after(ctx.today(siao), months)))
}

fn check_file(file: &RequestFile) -> Result<(), Refusal> {
    if file.wishes.len() > WISHES_MAX {
        let sentence =
            format!("Au plus {WISHES_MAX} secteurs souhaités : choisissez des secteurs plus larges.");
        return Err(Refusal::invalid("wishes-count", "request", sentence));
    }
    Ok(())
}

/// Opens a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    /// The SIAO it is addressed to; the household's home if absent.
    #[serde(default)]
    pub siao: Option<Territory>,
    /// What it says.
    pub file: RequestFile,
    /// Free note.
    #[serde(default)]
    pub note: Option<String>,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for CreateRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        check_note(self.note.as_ref(), NOTE_MAX)?;
        check_file(&self.file)?;
        let siao = self.siao.unwrap_or_else(|| id.territory());
        let twin =
            |r: &&Request| r.situation.is_open() && r.file.stream == self.file.stream && r.siao == siao;
        if let Some(twin) = is.requests.values().find(twin) {
            let sentence = format!(
                "Une demande de ce volet est déjà ouverte ({}) : mettez-la à jour.",
                twin.situation.word()
            );
            return Err(Refusal::conflict("request-already-open", "request", sentence).into());
        }
        let created = RequestCreated {
            request: RequestId::created_by(ctx.command),
            siao,
            file: self.file.clone(),
            note: self.note.clone().map(Personal::Known),
        };
        draft.household(id, ctx.past(id.territory(), self.at)?, created);
        Ok(())
    }
}

/// Sends a request to the SIAO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The request.
    pub request: RequestId,
    /// When it was first transmitted, if not now (a request taken over from an earlier file).
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for SubmitRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        match &asked.situation {
            Situation::Draft | Situation::Stale { .. } => {}
            Situation::Submitted
            | Situation::UnderAssessment { .. }
            | Situation::InCommittee { .. }
            | Situation::Deferred { .. }
            | Situation::Qualified(_)
            | Situation::Fulfilled { .. }
            | Situation::Cancelled { .. }
            | Situation::Rejected { .. }
            | Situation::Absorbed => return Err(not_now(&asked.situation, "la transmettre")),
        }
        if matches!(asked.situation, Situation::Stale { .. }) && self.at.is_some() {
            let sentence =
                "Une demande transmise de nouveau l'est à la date du jour : ne donnez pas de date.";
            return Err(Refusal::invalid("resubmission-dated", "INV-10", sentence).into());
        }
        let mut missing = Vec::new();
        if !is.reachable {
            missing.push("un moyen de joindre le ménage (téléphone, courriel ou structure)");
        }
        if asked.file.recommended.is_empty() && asked.file.wishes.is_empty() {
            missing.push("un souhait (secteur) ou une préconisation");
        }
        if !missing.is_empty() {
            let sentence = format!("La demande est incomplète. Il manque {}.", missing.join(" et "));
            return Err(Refusal::invalid("request-incomplete", "request", sentence).into());
        }
        let at = ctx.past(asked.siao, self.at)?;
        draft.household(
            id,
            at,
            RequestSubmitted { request: self.request, update_due: update_due(ctx, asked.siao) },
        );
        Ok(())
    }
}

/// Updates a request, or confirms that nothing changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRequest {
    /// The request.
    pub request: RequestId,
    /// What it says now; unchanged if absent.
    #[serde(default)]
    pub file: Option<RequestFile>,
}

impl Decide<HouseholdId> for UpdateRequest {
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
            return Err(not_now(&asked.situation, "la mettre à jour"));
        }
        if matches!(asked.situation, Situation::Stale { .. }) && asked.seniority.is_none() {
            let sentence = "L'ancienneté de cette demande a été remise à zéro : transmettez-la de nouveau.";
            return Err(Refusal::conflict("request-resubmit", "INV-10", sentence).into());
        }
        if let Some(file) = &self.file {
            check_file(file)?;
            if file.stream != asked.file.stream {
                let sentence = "Le volet d'une demande ne change pas : ouvrez une autre demande.";
                return Err(Refusal::invalid("request-stream", "request", sentence).into());
            }
        }
        let updated = RequestUpdated {
            request: self.request,
            file: self.file.clone(),
            update_due: update_due(ctx, asked.siao),
            contact_due: asked.contact_due.map(|_| contact_due(ctx, asked.siao)),
        };
        draft.household(id, ctx.at, updated);
        Ok(())
    }
}

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
        let assessed = RequestAssessed {
            request: self.request,
            need: self.need.clone(),
            autonomy: self.autonomy,
            support: self.support,
            narrative: self.narrative.clone().map(Personal::Known),
        };
        draft.household(id, ctx.past(asked.siao, self.at)?, assessed);
        Ok(())
    }
}

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

/// Cancels a request; its open referrals are withdrawn and their places freed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// The request.
    pub request: RequestId,
    /// Why.
    pub reason: CancellationReason,
}

impl Decide<HouseholdId> for CancelRequest {
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
            return Err(not_now(&asked.situation, "l'annuler"));
        }
        let own: BTreeSet<_> =
            is.live_referrals().filter(|(_, r)| r.request == self.request).map(|(id, _)| id).collect();
        super::referral::withdraw(id, is, &own, WithdrawalReason::request_closed(), ctx, ledgers, draft)?;
        draft.household(id, ctx.at, RequestCancelled { request: self.request, reason: self.reason });
        Ok(())
    }
}

/// Brings a cancelled request back, at its first date, within the time the SIAO allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateRequest {
    /// The request.
    pub request: RequestId,
}

impl Decide<HouseholdId> for ReactivateRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        let Situation::Cancelled { at, .. } = asked.situation else {
            return Err(not_now(&asked.situation, "la réactiver"));
        };
        let months = ctx.rules(asked.siao).request_reactivation_months;
        let last = months_after(crate::calendar::day(asked.siao, at), months);
        if ctx.today(asked.siao) > last {
            let sentence = format!("Annulée depuis plus de {months} mois : ouvrez une nouvelle demande.");
            return Err(Refusal::conflict("reactivation-too-late", "request", sentence).since(at).into());
        }
        let twin =
            |r: &Request| r.situation.is_open() && r.file.stream == asked.file.stream && r.siao == asked.siao;
        if is.requests.values().any(twin) {
            let sentence = "Une autre demande de ce volet est ouverte.";
            return Err(Refusal::conflict("request-already-open", "request", sentence).into());
        }
        let reactivated = RequestReactivated {
            request: self.request,
            update_due: update_due(ctx, asked.siao),
            contact_due: contact_due(ctx, asked.siao),
        };
        draft.household(id, ctx.at, reactivated);
        Ok(())
    }
}

/// Passes a request to another SIAO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// The request.
    pub request: RequestId,
    /// The SIAO that takes it over.
    pub to: Territory,
    /// Where the household would live there; its wishes are emptied otherwise.
    #[serde(default)]
    pub wishes: Vec<Area>,
}

impl Decide<HouseholdId> for TransferRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = request(is, self.request)?;
        if !asked.situation.is_open() || asked.seniority.is_none() {
            return Err(not_now(&asked.situation, "la transférer"));
        }
        if asked.siao == self.to {
            let sentence = "La demande est déjà suivie par ce SIAO.";
            return Err(Refusal::invalid("same-siao", "request", sentence).into());
        }
        let twin =
            |r: &Request| r.situation.is_open() && r.file.stream == asked.file.stream && r.siao == self.to;
        if is.requests.values().any(twin) {
            let sentence = "Une demande de ce volet est déjà ouverte auprès de ce SIAO.";
            return Err(Refusal::conflict("request-already-open", "request", sentence).into());
        }
        let own: BTreeSet<_> =
            is.live_referrals().filter(|(_, r)| r.request == self.request).map(|(id, _)| id).collect();
        super::referral::withdraw(id, is, &own, WithdrawalReason::household_moved(), ctx, ledgers, draft)?;
        draft.household(id, ctx.at, RequestTransferred { request: self.request, to: self.to });
        let file = RequestFile { wishes: self.wishes.clone(), ..asked.file.clone() };
        check_file(&file)?;
        let updated = RequestUpdated {
            request: self.request,
            file: Some(file),
            update_due: update_due(ctx, self.to),
            contact_due: asked.contact_due.map(|_| contact_due(ctx, self.to)),
        };
        draft.household(id, ctx.at, updated);
        Ok(())
    }
}
