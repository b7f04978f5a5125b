//! Out of the waiting list, back, and over to another SIAO.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_wishes, contact_due, not_now, request, update_due};
use crate::calendar::months_after;
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, household, living, referral};
use crate::household::request::{
    FileRecord, RequestCancelled, RequestReactivated, RequestSituation as Situation, RequestTransferred,
    RequestUpdated,
};
use crate::id::{HouseholdId, RequestId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::reference::{Area, CancellationReason, WithdrawalReason};
use crate::refusal::Refusal;

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
        referral::withdraw(id, is, &own, WithdrawalReason::request_closed(), ctx, ledgers, draft)?;
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
        let is = living(ledgers, id)?;
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
        if is.open_request(asked.list()).is_some() {
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
        if is.open_request((asked.file.stream, self.to)).is_some() {
            let sentence = "Une demande de ce volet est déjà ouverte auprès de ce SIAO.";
            return Err(Refusal::conflict("request-already-open", "request", sentence).into());
        }
        let own: BTreeSet<_> =
            is.live_referrals().filter(|(_, r)| r.request == self.request).map(|(id, _)| id).collect();
        referral::withdraw(id, is, &own, WithdrawalReason::household_moved(), ctx, ledgers, draft)?;
        draft.household(id, ctx.at, RequestTransferred { request: self.request, to: self.to });
        check_wishes(&self.wishes)?;
        let file = FileRecord { wishes: self.wishes.clone(), ..asked.file.carried() };
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
