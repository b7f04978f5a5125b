//! The social aid asked for with an admission in a CHRS, and what silence on it means (CASF R345-4).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{running, stay_of};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, household, words};
use crate::household::stay::{AdmissionDecided, AdmissionDeemedAccepted, SocialAid, Stay};
use crate::id::{HouseholdId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::refusal::Refusal;

/// The préfet answers the social-aid request of a CHRS admission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideAdmission {
    /// The stay.
    pub stay: StayId,
    /// Yes or no.
    pub accepted: bool,
}

impl Decide<HouseholdId> for DecideAdmission {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        let Some(SocialAid::Sent { tacit_at }) = staying.social_aid else {
            let sentence = "Aucune demande d'aide sociale n'attend de réponse.";
            return Err(Refusal::conflict("no-social-aid-pending", "CASF R345-4", sentence).into());
        };
        before_silence(tacit_at, staying, ctx)?;
        draft.household(id, ctx.at, AdmissionDecided { stay: self.stay, accepted: self.accepted });
        Ok(())
    }
}

/// Silence was acceptance from `tacit_at` on, whether or not the clock has written it down yet (INV-12).
pub(super) fn before_silence(tacit_at: Timestamp, staying: &Stay, ctx: &Context<'_>) -> Result<(), Refusal> {
    if ctx.at <= tacit_at {
        return Ok(());
    }
    let since = words(staying.place.territory(), tacit_at);
    let sentence = format!("Réponse tardive : le silence vaut acceptation depuis le {since}.");
    Err(Refusal::conflict("tacitly-accepted", "CASF R345-4", sentence).since(tacit_at))
}

/// The clock: one month of silence on the social aid is acceptance (INV-12).
pub(in crate::decide) fn deem_admitted(
    id: HouseholdId,
    stay: StayId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    let staying = stay_of(is, stay)?;
    if let Some(SocialAid::Sent { tacit_at }) = staying.social_aid
        && staying.is_active()
        && ctx.at > tacit_at
    {
        draft.household(id, tacit_at, AdmissionDeemedAccepted { stay });
    }
    Ok(())
}
