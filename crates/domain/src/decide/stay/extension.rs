//! The extension of a fixed term, and what silence on it means (CASF R345-4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::social_aid::before_silence;
use super::{running, stay_of};
use crate::calendar::{Day, Instant, end_of_day, months_after};
use crate::decide::command::Decide;
use crate::decide::registration::{NOTE_MAX, check_note};
use crate::decide::{Context, Draft, day_words, household};
use crate::household::stay::{
    Extension, ExtensionRefused, ExtensionRequested, StayDeemedExtended, StayExtended,
};
use crate::id::{HouseholdId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::refusal::Refusal;

/// Asks for an extension, with its motive. In a CHRS a month of silence grants it (CASF R345-4); elsewhere somebody answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestExtension {
    /// The stay.
    pub stay: StayId,
    /// The end that is asked for.
    pub until: Day,
    /// Why, in words.
    pub motive: String,
}

impl Decide<HouseholdId> for RequestExtension {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        check_note(Some(&self.motive), NOTE_MAX)?;
        let Some(planned_end) = staying.planned_end else {
            let sentence = "Cette prise en charge n'a pas de fin prévue : il n'y a rien à prolonger.";
            return Err(Refusal::conflict("no-planned-end", "CASF R345-4", sentence).into());
        };
        if let Some(Extension::Requested { .. }) = staying.extension {
            let sentence = "Une demande de prolongation est déjà en cours.";
            return Err(Refusal::conflict("extension-pending", "CASF R345-4", sentence).into());
        }
        if self.until <= planned_end {
            let sentence =
                format!("La fin demandée doit suivre la fin prévue ({}).", day_words(planned_end.0));
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        if self.motive.trim().is_empty() {
            let sentence = "Une demande de prolongation est motivée : dites pourquoi.";
            return Err(Refusal::invalid("reason-missing", "CASF R345-4", sentence).into());
        }
        let territory = staying.place.territory();
        let (rules, today) = (ctx.rules(territory), ctx.today(territory));
        let requested = ExtensionRequested {
            stay: self.stay,
            until: self.until,
            tacit_at: staying
                .kind
                .under_social_aid()
                .then(|| Instant(end_of_day(territory, months_after(today, rules.extension_tacit_months)))),
            late: today > months_after(planned_end.0, -rules.extension_request_before_end_months),
            motive: Personal::Known(self.motive.clone()),
        };
        draft.household(id, ctx.at, requested);
        Ok(())
    }
}

/// The prefecture answers an extension, or whoever decides on one outside a CHRS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideExtension {
    /// The stay.
    pub stay: StayId,
    /// Yes or no.
    pub granted: bool,
    /// The end that is granted, if not the one asked for.
    #[serde(default)]
    pub until: Option<Day>,
    /// The motive of a refusal.
    #[serde(default)]
    pub motive: Option<String>,
}

impl Decide<HouseholdId> for DecideExtension {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        check_note(self.motive.as_ref(), NOTE_MAX)?;
        let Some(Extension::Requested { until, tacit_at }) = staying.extension else {
            let sentence = "Aucune demande de prolongation n'attend de réponse.";
            return Err(Refusal::conflict("no-extension-pending", "CASF R345-4", sentence).into());
        };
        if let Some(tacit_at) = tacit_at {
            before_silence(tacit_at, staying, ctx)?;
        }
        if self.granted {
            let until = self.until.unwrap_or(until);
            if let Some(planned_end) = staying.planned_end.filter(|planned_end| until <= *planned_end) {
                let sentence =
                    format!("La fin accordée doit suivre la fin prévue ({}).", day_words(planned_end.0));
                return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
            }
            draft.household(id, ctx.at, StayExtended { stay: self.stay, until });
        } else {
            let motive = self.motive.clone().map(Personal::Known);
            draft.household(id, ctx.at, ExtensionRefused { stay: self.stay, motive });
        }
        Ok(())
    }
}

/// The clock: one month of silence on the extension is acceptance (INV-12).
pub(in crate::decide) fn deem_extended(
    id: HouseholdId,
    stay: StayId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    let staying = stay_of(is, stay)?;
    if let Some(Extension::Requested { until, tacit_at: Some(tacit_at) }) = staying.extension
        && staying.is_active()
        && ctx.at > tacit_at
    {
        draft.household(id, tacit_at, StayDeemedExtended { stay, until });
    }
    Ok(())
}
