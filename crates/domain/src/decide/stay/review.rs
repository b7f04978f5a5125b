//! Reviews and absences: what happens while the stay goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::notice::without_notice;
use super::running;
use crate::calendar::{Day, Instant, day, end_of_day, months_after};
use crate::decide::command::Decide;
use crate::decide::registration::{NOTE_MAX, check_note};
use crate::decide::{Context, Draft, household};
use crate::household::stay::{AbsenceRecorded, ReadinessLapsed, StayResumed, StayReviewed, StaySituation};
use crate::id::{HouseholdId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::refusal::Refusal;

/// Records the review of a stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewStay {
    /// The stay.
    pub stay: StayId,
    /// Whether the household is ready for a lease of its own.
    pub housing_ready: bool,
    /// In words.
    #[serde(default)]
    pub note: Option<String>,
    /// When it took place, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for ReviewStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        check_note(self.note.as_ref(), NOTE_MAX)?;
        let at = ctx.past(id.territory(), self.at)?;
        if at < staying.from {
            let sentence = "Le bilan précède l'entrée : corrigez la date.";
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        let (rules, today) = (ctx.rules(id.territory()), day(staying.place.territory(), at));
        let next_due = staying.review_due.map(|_| Day(months_after(today, rules.stay_review_months)));
        let last = months_after(today, rules.readiness_months);
        let ready_until = self.housing_ready.then(|| Instant(end_of_day(id.territory(), last)));
        let note = self.note.clone().map(Personal::Known);
        draft.household(
            id,
            at,
            StayReviewed { stay: self.stay, housing_ready: self.housing_ready, ready_until, next_due, note },
        );
        Ok(())
    }
}

/// Nobody said again in time that the household is ready.
pub(in crate::decide) fn lapse_readiness(
    id: HouseholdId,
    which: StayId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    if let Some(stay) = is.stays.get(&which)
        && stay.is_active()
        && let Some(until) = stay.ready.and_then(|ready| ready.until)
        && ctx.at > until.0
    {
        draft.household(id, until.0, ReadinessLapsed { stay: which });
    }
    Ok(())
}

/// Records a planned absence: the place stays theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAbsence {
    /// The stay.
    pub stay: StayId,
    /// First day away.
    pub from: Day,
    /// Expected return.
    pub to: Day,
}

impl Decide<HouseholdId> for RecordAbsence {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        without_notice(running(is, self.stay)?)?;
        if self.to < self.from {
            let sentence = "Le retour précède le départ.";
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        draft.household(id, ctx.at, AbsenceRecorded { stay: self.stay, from: self.from, to: self.to });
        Ok(())
    }
}

/// Records the return from an absence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordReturn {
    /// The stay.
    pub stay: StayId,
}

impl Decide<HouseholdId> for RecordReturn {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        if !matches!(staying.situation, StaySituation::Absent { .. }) {
            let sentence = "Aucune absence n'est en cours.";
            return Err(Refusal::conflict("not-absent", "stay", sentence).into());
        }
        draft.household(id, ctx.at, StayResumed { stay: self.stay });
        Ok(())
    }
}
