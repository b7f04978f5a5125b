//! What the provider and the household answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{answerable, in_touch, moot, referral, withdraw};
use crate::calendar::Day;
use crate::decide::command::Decide;
use crate::decide::registration::{REFUSAL_NOTE_MAX, check_note};
use crate::decide::{Context, Draft, household, place, words};
use crate::household::referral::{
    DeclinedByHousehold, DeclinedByProvider, ReferralAccepted, ReferralSituation as Situation, ReferralViewed,
};
use crate::id::{HouseholdId, ReferralId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::place::occupancy::{Released, Reserved};
use crate::reference::{HouseholdRefusalReason, ProviderRefusalReason, WithdrawalReason};
use crate::refusal::Refusal;

/// Records that the provider opened the referral.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewReferral {
    /// The referral.
    pub referral: ReferralId,
}

impl Decide<HouseholdId> for ViewReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = answerable(is, self.referral, ctx, id.territory())?;
        if let Situation::Proposed { viewed: Some(at), .. } = asked.situation {
            let sentence = format!("Déjà ouverte le {}.", words(id.territory(), at));
            return Err(Refusal::conflict("already-viewed", "referral", sentence).since(at).into());
        }
        draft.household(id, ctx.at, ReferralViewed { referral: self.referral });
        Ok(())
    }
}

/// The provider accepts; the other open referrals of the same persons in the same volet are withdrawn and their places
/// freed at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptReferral {
    /// The referral.
    pub referral: ReferralId,
    /// The day of arrival, if agreed.
    #[serde(default)]
    pub arrival: Option<Day>,
}

impl Decide<HouseholdId> for AcceptReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = answerable(is, self.referral, ctx, id.territory())?;
        place(ledgers, asked.place)?;
        if self.arrival.is_some_and(|arrival| arrival.0 < ctx.today(asked.place.territory())) {
            let sentence = "Le jour d'arrivée est passé : donnez un jour à venir.";
            return Err(Refusal::invalid("date-in-past", "referral", sentence).into());
        }
        let accepted = ReferralAccepted {
            referral: self.referral,
            arrival: self.arrival,
            contact_due: in_touch(is, asked, ctx),
        };
        draft.household(id, ctx.at, accepted);
        draft.place(asked.place, ctx.at, Reserved { referral: self.referral });
        let mut others = moot(is, &is.referred(asked), is.stream_of(asked));
        others.remove(&self.referral);
        withdraw(id, is, &others, WithdrawalReason::placed_elsewhere(), ctx, ledgers, draft)
    }
}

/// The provider declines, with a reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineReferral {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: ProviderRefusalReason,
    /// In words, 280 characters at most; asked for with the reason `other`.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for DeclineReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = answerable(is, self.referral, ctx, id.territory())?;
        place(ledgers, asked.place)?;
        explained(self.reason == ProviderRefusalReason::other(), self.note.as_ref())?;
        let note = self.note.clone().map(Personal::Known);
        draft.household(
            id,
            ctx.at,
            DeclinedByProvider { referral: self.referral, reason: self.reason, note },
        );
        draft.place(asked.place, ctx.at, Released { referral: self.referral });
        Ok(())
    }
}

/// A reason « other » says which (CASF R345-4: refusals are expressly reasoned).
fn explained(other: bool, note: Option<&String>) -> Result<(), Refusal> {
    check_note(note, REFUSAL_NOTE_MAX)?;
    if other && note.is_none_or(|note| note.trim().is_empty()) {
        let sentence = "Motif « autre » : dites lequel en quelques mots.";
        return Err(Refusal::invalid("reason-unexplained", "INV-9", sentence));
    }
    Ok(())
}

/// The household refuses. Until the SIAO has judged the motive, the rank is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseReferral {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: HouseholdRefusalReason,
    /// In words, 280 characters at most; asked for with the reason `other`.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for RefuseReferral {
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
            answerable(is, self.referral, ctx, id.territory())?;
        }
        place(ledgers, asked.place)?;
        explained(self.reason == HouseholdRefusalReason::other(), self.note.as_ref())?;
        let note = self.note.clone().map(Personal::Known);
        draft.household(
            id,
            ctx.at,
            DeclinedByHousehold {
                referral: self.referral,
                reason: self.reason,
                note,
                contact_due: in_touch(is, asked, ctx),
            },
        );
        draft.place(asked.place, ctx.at, Released { referral: self.referral });
        Ok(())
    }
}
