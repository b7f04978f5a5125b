//! How a referral ends otherwise: judged, withdrawn, nobody came.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{closed, in_touch, referral, withdraw};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, household, place};
use crate::household::Household;
use crate::household::referral::{NoShow, Referral, ReferralSituation as Situation, RefusalJudged};
use crate::household::request::{Request, RequestSituation, RequestWentStale, SeniorityReset};
use crate::id::{HouseholdId, ReferralId, RequestId};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::Released;
use crate::reference::WithdrawalReason;
use crate::refusal::Refusal;

/// The SIAO judges the household's motive; not receivable, the request goes stale and loses its seniority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeRefusal {
    /// The referral that was refused.
    pub referral: ReferralId,
    /// Whether it was a good reason.
    pub receivable: bool,
}

impl Decide<HouseholdId> for JudgeRefusal {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = referral(is, self.referral)?;
        let Situation::DeclinedByHousehold { receivable, .. } = asked.situation else {
            let sentence = format!(
                "Cette orientation est {} : il n'y a pas de refus du ménage à juger.",
                asked.situation.word()
            );
            return Err(Refusal::conflict("no-refusal", "referral", sentence).into());
        };
        if receivable.is_some() {
            let sentence = "Ce refus a déjà été jugé.";
            return Err(Refusal::conflict("already-judged", "referral", sentence).into());
        }
        draft.household(id, ctx.at, RefusalJudged { referral: self.referral, receivable: self.receivable });
        if self.receivable {
            return Ok(());
        }
        for (request, losing) in losing_seniority(is, asked) {
            let own = is.live_referrals().filter(|(_, r)| r.request == request).map(|(id, _)| id).collect();
            withdraw(id, is, &own, WithdrawalReason::request_closed(), ctx, ledgers, draft)?;
            if losing.situation.is_open() && !matches!(losing.situation, RequestSituation::Stale { .. }) {
                draft.household(id, ctx.at, RequestWentStale { request });
            }
            draft.household(id, ctx.at, SeniorityReset { request, referral: self.referral });
        }
        Ok(())
    }
}

/// The requests whose date a refusal that is not receivable costs: the one that was referred, cancelled or not, and
/// any that was opened since under a date from before the referral.
fn losing_seniority<'a>(
    is: &'a Household,
    refused: &Referral,
) -> impl Iterator<Item = (RequestId, &'a Request)> {
    let (which, proposed) = (refused.request, refused.proposed);
    let of = is.requests.get(&which).filter(|request| match request.situation {
        RequestSituation::Draft
        | RequestSituation::Submitted
        | RequestSituation::UnderAssessment { .. }
        | RequestSituation::InCommittee { .. }
        | RequestSituation::Deferred { .. }
        | RequestSituation::Qualified(_)
        | RequestSituation::Stale { .. }
        | RequestSituation::Cancelled { .. }
        | RequestSituation::Rejected { .. } => true,
        RequestSituation::Fulfilled { .. } | RequestSituation::Absorbed => false,
    });
    let since = move |request: &Request| {
        of.is_some_and(|of| of.list() == request.list())
            && request.situation.is_open()
            && request.seniority.is_some_and(|at| at <= proposed)
    };
    is.requests
        .iter()
        .map(|(id, request)| (*id, request))
        .filter(move |(id, request)| if *id == which { of.is_some() } else { since(request) })
}

/// The SIAO takes a referral back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawReferral {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: WithdrawalReason,
}

impl Decide<HouseholdId> for WithdrawReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = referral(is, self.referral)?;
        if !asked.situation.holds() {
            return Err(closed(&asked.situation));
        }
        withdraw(id, is, &BTreeSet::from([self.referral]), self.reason, ctx, ledgers, draft)
    }
}

/// Accepted, but nobody came. The rank is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordNoShow {
    /// The referral.
    pub referral: ReferralId,
}

impl Decide<HouseholdId> for RecordNoShow {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = referral(is, self.referral)?;
        if !matches!(asked.situation, Situation::Accepted { .. }) {
            return Err(closed(&asked.situation));
        }
        place(ledgers, asked.place)?;
        draft.household(
            id,
            ctx.at,
            NoShow { referral: self.referral, contact_due: in_touch(is, asked, ctx) },
        );
        draft.place(asked.place, ctx.at, Released { referral: self.referral });
        Ok(())
    }
}
