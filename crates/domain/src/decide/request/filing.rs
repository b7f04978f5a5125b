//! A request is opened, transmitted, kept up to date.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_wishes, contact_due, not_before_loss, not_now, request, update_due};
use crate::calendar::Instant;
use crate::decide::command::Decide;
use crate::decide::registration::{NOTE_MAX, check_note};
use crate::decide::{Context, Draft, household, living};
use crate::household::request::{
    FileRecord, RequestCreated, RequestFile, RequestSituation as Situation, RequestSubmitted, RequestUpdated,
};
use crate::id::{HouseholdId, RequestId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::refusal::Refusal;

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
        let is = living(ledgers, id)?;
        let request = RequestId::created_by(ctx.command);
        if is.requests.contains_key(&request) {
            return Ok(());
        }
        check_note(self.note.as_ref(), NOTE_MAX)?;
        check_wishes(&self.file.wishes)?;
        let siao = self.siao.unwrap_or_else(|| id.territory());
        if let Some(twin) = is.open_request((self.file.stream, siao)) {
            let sentence = format!(
                "Une demande de ce volet est déjà ouverte ({}) : mettez-la à jour.",
                twin.situation.word()
            );
            return Err(Refusal::conflict("request-already-open", "request", sentence).into());
        }
        let at = ctx.past(id.territory(), self.at)?;
        let created = RequestCreated {
            request,
            siao,
            file: FileRecord::of(&self.file, None, at),
            note: self.note.clone().map(Personal::Known),
            follower: ctx.follower(),
        };
        draft.household(id, at, created);
        Ok(())
    }
}

/// Sends a request to the SIAO, for the first time or again: after it was returned to complete, or went stale.
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
            Situation::Draft | Situation::UnderAssessment { .. } | Situation::Stale { .. } => {}
            Situation::Submitted
            | Situation::InCommittee { .. }
            | Situation::Deferred { .. }
            | Situation::Qualified(_)
            | Situation::Fulfilled { .. }
            | Situation::Cancelled { .. }
            | Situation::Rejected { .. }
            | Situation::Absorbed => return Err(not_now(&asked.situation, "la transmettre")),
        }
        if !matches!(asked.situation, Situation::Draft) && self.at.is_some() {
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
        not_before_loss(is, asked, at)?;
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
            check_wishes(&file.wishes)?;
            if file.stream != asked.file.stream {
                let sentence = "Le volet d'une demande ne change pas : ouvrez une autre demande.";
                return Err(Refusal::invalid("request-stream", "request", sentence).into());
            }
        }
        let updated = RequestUpdated {
            request: self.request,
            file: self.file.as_ref().map(|file| FileRecord::of(file, Some(asked.need()), ctx.at)),
            update_due: update_due(ctx, asked.siao),
            contact_due: asked.contact_due.map(|_| contact_due(ctx, asked.siao)),
        };
        draft.household(id, ctx.at, updated);
        Ok(())
    }
}
