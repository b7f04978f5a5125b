//! Who is a candidate: the reservation holder that designates, and the households that it designates.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{dalo_label, dwelling, numbered_today, settled};
use crate::calendar::{Day, Instant, days_after, end_of_day};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, day_words, household, place};
use crate::household::Household;
use crate::household::candidacy::CandidacyDesignated;
use crate::id::{CandidacyId, HouseholdId, OrganisationId, PlaceId, VacancyId};
use crate::ledger::{Halt, Ledgers};
use crate::matching::tenancy;
use crate::place::Place;
use crate::place::committee::{CandidatesDesignated, Designation};
use crate::place::vacancy::{AssignedToHolder, Holder, ReturnedToLandlord, Vacancy};
use crate::reference::ReservationHolderKind;
use crate::refusal::Refusal;

/// Most candidates that one committee examines for one dwelling.
const CANDIDATES_MAX: usize = 20;

/// Gives a vacancy to a reservation holder (CCH R441-5: gestion en flux).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignVacancy {
    /// What kind of holder.
    pub kind: ReservationHolderKind,
    /// Which organisation, if it is known here.
    #[serde(default)]
    pub organisation: Option<OrganisationId>,
    /// Last day to designate; the convention's usual time if absent.
    #[serde(default)]
    pub designate_by: Option<Day>,
    /// Which one it is of the dwellings that the holder's flow gave it this year (CCH R441-5), as the landlord counts.
    #[serde(default)]
    pub flow: Option<u32>,
}

impl Decide<PlaceId> for AssignVacancy {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let vacancy = dwelling(place(ledgers, id)?, id, ctx)?;
        if !vacancy.allocation.is_idle() {
            let sentence = "Des candidats sont déjà désignés sur ce logement.";
            return Err(Refusal::conflict("already-designated", "CCH R441-5", sentence).into());
        }
        let (territory, today) = (id.territory(), ctx.today(id.territory()));
        let last = self
            .designate_by
            .map_or_else(|| days_after(today, ctx.rules(territory).designation_days), |day| day.0);
        if last < today {
            let sentence = format!("Le {} est passé.", day_words(last));
            return Err(Refusal::invalid("date-in-past", "CCH R441-5", sentence).into());
        }
        let designate_by = Instant(end_of_day(territory, last));
        let holder = Holder { kind: self.kind, organisation: self.organisation, designate_by };
        draft.place(id, ctx.at, AssignedToHolder { vacancy: vacancy.id, holder, flow: self.flow });
        Ok(())
    }
}

/// A household to designate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Designated {
    /// The household.
    pub household: HouseholdId,
    /// Whether the préfet designates it under DALO.
    #[serde(default)]
    pub dalo: bool,
}

/// Designates candidates for a dwelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DesignateCandidates {
    /// Who is designated, at least one, in the holder's order.
    pub candidates: Vec<Designated>,
}

impl Decide<PlaceId> for DesignateCandidates {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        let done = CandidacyId::nth_created_by(ctx.command, 0);
        if is.vacancy.as_ref().is_some_and(|vacancy| vacancy.allocation.candidates.contains_key(&done)) {
            return Ok(());
        }
        let vacancy = dwelling(is, id, ctx)?;
        still_open(vacancy, id, ctx)?;
        let live = || vacancy.allocation.live();
        let distinct: BTreeSet<_> = self.candidates.iter().map(|one| one.household).collect();
        if self.candidates.is_empty()
            || distinct.len() != self.candidates.len()
            || live().count() + distinct.len() > CANDIDATES_MAX
        {
            let sentence = format!("Désignez de 1 à {CANDIDATES_MAX} ménages, chacun une fois.");
            return Err(Refusal::invalid("candidates-count", "INV-6", sentence).into());
        }
        let mut designations = Vec::new();
        for (n, one) in self.candidates.iter().enumerate() {
            if live().any(|(_, candidate)| candidate.household == one.household) {
                let sentence = format!("Le ménage {} est déjà candidat sur ce logement.", one.household);
                return Err(Refusal::conflict("already-candidate", "INV-7", sentence).into());
            }
            let whose = household(ledgers, one.household)?;
            let candidacy = CandidacyId::nth_created_by(ctx.command, n);
            if whose.candidacies.contains_key(&candidacy) {
                return Ok(());
            }
            let number = numbered_today(one.household, whose, ctx, id.territory())?;
            one.check(whose, is, id, ctx)?;
            let designated = CandidacyDesignated { candidacy, place: id, vacancy: vacancy.id, number };
            draft.household(one.household, ctx.at, designated);
            // In the order of the holder, after those whom it designated before.
            let rank = u8::try_from(live().count() + n + 1).ok();
            let (household, dalo) = (one.household, one.dalo);
            designations.push(Designation { candidacy, household, dalo, rank });
        }
        draft.place(id, ctx.at, CandidatesDesignated { vacancy: vacancy.id, candidates: designations });
        Ok(())
    }
}

/// Candidates can be added while the committee has not decided, for a session that is not over; or, when everybody
/// whom it examined is out, for another round.
fn still_open(vacancy: &Vacancy, id: PlaceId, ctx: &Context<'_>) -> Result<(), Refusal> {
    if settled(vacancy) {
        let sentence = "La commission a décidé : on ne désigne plus de candidat sur ce logement.";
        return Err(Refusal::conflict("committee-decided", "INV-7", sentence));
    }
    match &vacancy.allocation.committee {
        Some(session)
            if !session.decided
                && session.on.0 < ctx.today(id.territory())
                && !vacancy.allocation.is_idle() =>
        {
            let sentence = format!(
                "La séance du {} a eu lieu : enregistrez ses décisions, ou inscrivez le logement à une autre.",
                day_words(session.on.0)
            );
            Err(Refusal::conflict("session-held", "CCH R441-3", sentence))
        }
        Some(_) | None => Ok(()),
    }
}

impl Designated {
    /// What is claimed of the household is true, and the dwelling can be let to it.
    fn check(&self, is: &Household, at: &Place, id: PlaceId, ctx: &Context<'_>) -> Result<(), Refusal> {
        let today = ctx.today(id.territory());
        if self.dalo && dalo_label(is, today).is_none() {
            let sentence = format!(
                "Le ménage {} n'est pas reconnu DALO : le préfet ne peut pas le désigner à ce titre.",
                self.household
            );
            return Err(Refusal::conflict("dalo-label-missing", "CCH L441-2-3", sentence));
        }
        let Some(description) = at.description_on(today) else { return Ok(()) };
        match tenancy(is, description, today, id.territory()) {
            None => Ok(()),
            Some(verdict) => {
                let sentence = format!(
                    "Le ménage {} ne peut pas être candidat : {} ({}).",
                    self.household,
                    verdict.rule.label_fr(),
                    verdict.fact
                );
                Err(Refusal::conflict("not-eligible", verdict.rule.id(), sentence))
            }
        }
    }
}

/// The clock: the holder did not designate in time, or all that it designated are out; the dwelling returns to the
/// landlord.
pub(in crate::decide) fn return_to_landlord(
    id: PlaceId,
    which: VacancyId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = place(ledgers, id)?;
    if let Some(vacancy) = is.open_vacancy()
        && vacancy.id == which
        && let Some(due) = vacancy.returns_at()
        && ctx.at > due
    {
        draft.place(id, due, ReturnedToLandlord { vacancy: which });
    }
    Ok(())
}
