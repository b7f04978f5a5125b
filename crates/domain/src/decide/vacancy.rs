//! The vacancy: declared with a date until which it is good, confirmed, or gone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, place};
use crate::calendar::{Day, Instant, days_after, end_of_day};
use crate::household::candidacy::CandidacyOutcome;
use crate::id::{PlaceId, VacancyId};
use crate::ledger::{Halt, Ledgers};
use crate::place::Place;
use crate::place::vacancy::{
    Vacancy, VacancyConfirmed, VacancyDeclared, VacancyExpired, VacancySituation, VacancyWithdrawn,
};
use crate::reference::VacancyWithdrawalReason;
use crate::refusal::Refusal;

/// Longest time a vacancy may be good without a confirmation, in days.
const GOOD_DAYS_MAX: i64 = 90;

/// Puts a place on offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareVacancy {
    /// First day the place is free; today if absent.
    #[serde(default)]
    pub available_from: Option<Day>,
    /// Until when the declaration holds without a confirmation; the territory's usual time if absent.
    #[serde(default)]
    pub good_until: Option<Day>,
}

impl Decide<PlaceId> for DeclareVacancy {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        let vacancy = VacancyId::created_by(ctx.command);
        if is.vacancies.contains(&vacancy) {
            return Ok(());
        }
        if is.description_on(ctx.today(id.territory())).is_none() {
            let sentence = "Cette place est fermée.";
            return Err(Refusal::conflict("place-closed", "inventory", sentence).into());
        }
        if is.current_occupancy().is_some() {
            let sentence = "Quelqu'un y vit encore : la place se déclare libre quand il est parti.";
            return Err(Refusal::conflict("place-in-use", "INV-2", sentence).into());
        }
        if is.open_vacancy().is_some() {
            let sentence = "Cette place est déjà déclarée libre : confirmez-la si elle l'est toujours.";
            return Err(Refusal::conflict("vacancy-open", "INV-2", sentence).into());
        }
        let today = ctx.today(id.territory());
        let available_from = self.available_from.unwrap_or(Day(today));
        let good_until = good_until(self.good_until, id, ctx)?;
        draft.place(id, ctx.at, VacancyDeclared { vacancy, available_from, good_until });
        Ok(())
    }
}

fn good_until(stated: Option<Day>, id: PlaceId, ctx: &Context<'_>) -> Result<Instant, Refusal> {
    let territory = id.territory();
    let today = ctx.today(territory);
    let usual = || Day(days_after(today, ctx.rules(territory).vacancy_good_days));
    let last = stated.unwrap_or_else(usual);
    if last.0 < today || last.0 > days_after(today, GOOD_DAYS_MAX) {
        let sentence = format!("La date de validité va d'aujourd'hui à {GOOD_DAYS_MAX} jours.");
        return Err(Refusal::invalid("good-until", "vacancy", sentence));
    }
    Ok(Instant(end_of_day(territory, last.0)))
}

/// The vacancy that is on offer or that expired and can be confirmed.
fn confirmable(is: &Place) -> Result<&Vacancy, Refusal> {
    let vacancy = is.vacancy.as_ref().filter(|vacancy| match vacancy.situation {
        VacancySituation::Open | VacancySituation::Expired => true,
        VacancySituation::Withdrawn { .. } | VacancySituation::Filled => false,
    });
    vacancy
        .filter(|_| is.current_occupancy().is_none())
        .ok_or_else(|| Refusal::conflict("no-vacancy", "vacancy", "Cette place n'est pas déclarée libre."))
}

/// Confirms that a place is still free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmVacancy {
    /// Until when it holds; the territory's usual time if absent.
    #[serde(default)]
    pub good_until: Option<Day>,
}

impl Decide<PlaceId> for ConfirmVacancy {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let vacancy = confirmable(place(ledgers, id)?)?.id;
        let good_until = good_until(self.good_until, id, ctx)?;
        draft.place(id, ctx.at, VacancyConfirmed { vacancy, good_until });
        Ok(())
    }
}

/// Takes a vacancy back; candidates keep their rank elsewhere and are told once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawVacancy {
    /// Why.
    pub reason: VacancyWithdrawalReason,
}

impl Decide<PlaceId> for WithdrawVacancy {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        let vacancy = confirmable(is)?;
        if is.hold.is_some() {
            let sentence = "Une orientation retient cette place : répondez-y d'abord.";
            return Err(Refusal::conflict("place-in-use", "INV-2", sentence).into());
        }
        for (candidacy, candidate) in vacancy.allocation.candidates.iter().filter(|(_, c)| c.is_live()) {
            let outcome = CandidacyOutcome::DwellingWithdrawn;
            super::allocation::close(
                id, vacancy.id, *candidacy, candidate, &outcome, ctx.at, ledgers, draft,
            )?;
        }
        draft.place(id, ctx.at, VacancyWithdrawn { vacancy: vacancy.id, reason: self.reason });
        Ok(())
    }
}

/// The clock: nobody confirmed in time. A place that a referral holds, or that has candidates, stays as it is.
pub(super) fn expire(
    id: PlaceId,
    which: VacancyId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = place(ledgers, id)?;
    if let Some(vacancy) = is.open_vacancy()
        && vacancy.id == which
        && let Some(due) = vacancy.expires_at()
        && ctx.at > due
        && is.hold.is_none()
    {
        draft.place(id, due, VacancyExpired { vacancy: which });
    }
    Ok(())
}
