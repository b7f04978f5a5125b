//! The answers: a dwelling is offered rank by rank, accepted, refused, or lapses.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dwelling;
use crate::calendar::{Day, Instant, day, days_after, end_of_day};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, day_words, household, place, words};
use crate::household::Household;
use crate::household::candidacy::{
    CandidacyAccepted, CandidacyClosed, CandidacyNotified, CandidacyOffered, CandidacyOutcome,
};
use crate::id::{CandidacyId, HouseholdId, PlaceId, VacancyId};
use crate::ledger::{Halt, Ledgers};
use crate::place::committee::{
    Candidate, CandidateClosed, CandidateSituation, ConditionMet, Fingerprint, NotificationMeans,
    OfferAccepted, OfferMade, OfferNotified,
};
use crate::place::vacancy::Vacancy;
use crate::reference::OfferRefusalReason;
use crate::refusal::Refusal;

/// Offers the dwelling to one candidate, within the decision that is being taken.
#[expect(clippy::too_many_arguments, reason = "a step of a decision names all that it concerns")]
pub(super) fn offer(
    id: PlaceId,
    vacancy: VacancyId,
    candidacy: CandidacyId,
    whose: HouseholdId,
    at: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    household(ledgers, whose)?;
    let territory = id.territory();
    // The ten days run from when the household is told, which is now: a late clock never shortens them.
    let from = day(territory, ctx.at.max(at));
    let answer_by = Instant(end_of_day(territory, days_after(from, ctx.rules(territory).offer_answer_days)));
    draft.place(id, ctx.at, OfferMade { vacancy, candidacy, answer_by });
    draft.household(whose, ctx.at, CandidacyOffered { candidacy, answer_by });
    Ok(())
}

/// Closes one candidacy on both ledgers, within the decision that is being taken.
#[expect(clippy::too_many_arguments, reason = "a step of a decision names all that it concerns")]
pub(in crate::decide) fn close(
    id: PlaceId,
    vacancy: VacancyId,
    candidacy: CandidacyId,
    candidate: &Candidate,
    outcome: &CandidacyOutcome,
    at: Timestamp,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    ledgers.household(candidate.household)?;
    draft.place(id, at, CandidateClosed { vacancy, candidacy, outcome: outcome.clone() });
    draft.household(candidate.household, at, CandidacyClosed { candidacy, outcome: outcome.clone() });
    Ok(())
}

/// Closes the household's live candidacies other than `except`; where the dwelling was at stake, the next rank is
/// offered, in the same append.
pub(in crate::decide) fn close_candidacies(
    id: HouseholdId,
    is: &Household,
    outcome: &CandidacyOutcome,
    except: Option<CandidacyId>,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let open = is.candidacies.iter().filter(|(candidacy, is)| is.is_live() && Some(**candidacy) != except);
    for (candidacy, candidate_of) in open {
        let dwelling = place(ledgers, candidate_of.place)?;
        draft.household(id, ctx.at, CandidacyClosed { candidacy: *candidacy, outcome: outcome.clone() });
        let vacancy = dwelling.open_vacancy().filter(|vacancy| vacancy.id == candidate_of.vacancy);
        let Some(vacancy) = vacancy else { continue };
        let closed = CandidateClosed { vacancy: vacancy.id, candidacy: *candidacy, outcome: outcome.clone() };
        draft.place(candidate_of.place, ctx.at, closed);
        if vacancy.allocation.at_stake().is_some_and(|(at_stake, _)| at_stake == *candidacy) {
            next_rank(candidate_of.place, vacancy, &[*candidacy], ctx, ledgers, draft)?;
        }
    }
    Ok(())
}

/// Offers the dwelling to the next rank, if one waits.
fn next_rank(
    id: PlaceId,
    vacancy: &Vacancy,
    gone: &[CandidacyId],
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    match vacancy.allocation.next(gone) {
        Some((next, candidate)) => {
            offer(id, vacancy.id, next, candidate.household, ctx.at, ctx, ledgers, draft)
        }
        None => Ok(()),
    }
}

/// The dwelling, vacancy and candidate behind a candidacy of the household, while it is offered or accepted.
fn offered<'l>(
    is: &Household,
    candidacy: CandidacyId,
    ledgers: &'l Ledgers,
) -> Result<(PlaceId, &'l Vacancy, &'l Candidate), Halt> {
    let of = is.candidacies.get(&candidacy).ok_or_else(|| Refusal::unknown("Candidature"))?;
    let dwelling = place(ledgers, of.place)?;
    let vacancy = dwelling.open_vacancy().filter(|vacancy| vacancy.id == of.vacancy);
    let candidate =
        vacancy.and_then(|vacancy| Some((vacancy, vacancy.allocation.candidates.get(&candidacy)?)));
    match candidate {
        Some((vacancy, candidate)) => Ok((of.place, vacancy, candidate)),
        None => {
            let sentence = "Ce logement n'est plus proposé.";
            Err(Refusal::conflict("offer-closed", "INV-2", sentence).into())
        }
    }
}

fn in_time(candidate: &Candidate, id: PlaceId, ctx: &Context<'_>) -> Result<(), Refusal> {
    match &candidate.situation {
        CandidateSituation::Offered { answer_by } if ctx.at > *answer_by => {
            let sentence = format!(
                "Le délai de réponse a pris fin le {} : le silence vaut refus.",
                words(id.territory(), *answer_by)
            );
            Err(Refusal::conflict("offer-lapsed", "CCH R441-10", sentence).since(*answer_by))
        }
        CandidateSituation::Offered { .. } => Ok(()),
        CandidateSituation::Accepted { at } => {
            let sentence = format!("Ce logement a déjà été accepté le {}.", words(id.territory(), *at));
            Err(Refusal::conflict("offer-already-answered", "INV-2", sentence).since(*at))
        }
        CandidateSituation::Designated | CandidateSituation::Decided => {
            let sentence = "Ce logement n'est pas encore proposé à ce ménage.";
            Err(Refusal::conflict("not-offered", "INV-2", sentence))
        }
        CandidateSituation::Closed { .. } => {
            let sentence = "Cette candidature est close.";
            Err(Refusal::conflict("offer-closed", "INV-2", sentence))
        }
    }
}

/// The household accepts the dwelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptOffer {
    /// The candidacy.
    pub candidacy: CandidacyId,
}

impl Decide<HouseholdId> for AcceptOffer {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let (dwelling, vacancy, candidate) = offered(is, self.candidacy, ledgers)?;
        in_time(candidate, dwelling, ctx)?;
        draft.household(id, ctx.at, CandidacyAccepted { candidacy: self.candidacy });
        draft.place(dwelling, ctx.at, OfferAccepted { vacancy: vacancy.id, candidacy: self.candidacy });
        Ok(())
    }
}

/// The household refuses the dwelling; the next rank is offered at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseOffer {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// Why.
    pub reason: OfferRefusalReason,
}

impl Decide<HouseholdId> for RefuseOffer {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let (dwelling, vacancy, candidate) = offered(is, self.candidacy, ledgers)?;
        if !matches!(candidate.situation, CandidateSituation::Accepted { .. }) {
            in_time(candidate, dwelling, ctx)?;
        }
        let outcome = CandidacyOutcome::Refused { reason: self.reason };
        close(dwelling, vacancy.id, self.candidacy, candidate, &outcome, ctx.at, ledgers, draft)?;
        next_rank(dwelling, vacancy, &[self.candidacy], ctx, ledgers, draft)
    }
}

/// Notes when the household received the offer, and what proves it: its days to answer run from that day (CCH R441-10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyOffer {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The day it was received.
    pub received: Day,
    /// By which means.
    pub means: NotificationMeans,
    /// What proves it: a receipt of deliveries, the scan of an acknowledgement.
    #[serde(default)]
    pub proof: Option<Fingerprint>,
}

impl Decide<PlaceId> for NotifyOffer {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let vacancy = dwelling(place(ledgers, id)?, id, ctx)?;
        let candidacy = self.candidacy;
        let candidate = vacancy.allocation.candidates.get(&candidacy);
        let candidate = candidate.ok_or_else(|| Refusal::unknown("Candidature"))?;
        in_time(candidate, id, ctx)?;
        let territory = id.territory();
        if self.received.0 > ctx.today(territory) {
            let sentence = "La proposition ne peut pas avoir été reçue un jour à venir.";
            return Err(Refusal::invalid("received-later", "received", sentence).into());
        }
        let CandidateSituation::Offered { answer_by } = candidate.situation else { return Ok(()) };
        let days = ctx.rules(territory).offer_answer_days;
        let counted = end_of_day(territory, days_after(self.received.0, days));
        let answer_by = Instant(answer_by.max(counted));
        let (received, means, proof) = (self.received, self.means, self.proof.clone());
        household(ledgers, candidate.household)?;
        draft.place(
            id,
            ctx.at,
            OfferNotified { vacancy: vacancy.id, candidacy, received, means, proof, answer_by },
        );
        draft.household(
            candidate.household,
            ctx.at,
            CandidacyNotified { candidacy, received, means, answer_by },
        );
        Ok(())
    }
}

/// The missing document of a conditional award came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetCondition {
    /// The candidacy.
    pub candidacy: CandidacyId,
}

impl Decide<PlaceId> for MeetCondition {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let vacancy = dwelling(place(ledgers, id)?, id, ctx)?;
        let candidate = vacancy
            .allocation
            .candidates
            .get(&self.candidacy)
            .ok_or_else(|| Refusal::unknown("Candidature"))?;
        match candidate.condition_pending().filter(|_| candidate.is_live()) {
            None => {
                let sentence = "Aucune pièce n'est attendue pour cette candidature.";
                Err(Refusal::conflict("no-condition", "CCH R441-3 c", sentence).into())
            }
            Some(by) if ctx.today(id.territory()) > by.0 => {
                let sentence = format!("La pièce devait arriver au plus tard le {}.", day_words(by.0));
                Err(Refusal::conflict("condition-lapsed", "CCH R441-3 c", sentence).into())
            }
            Some(_) => {
                draft.place(id, ctx.at, ConditionMet { vacancy: vacancy.id, candidacy: self.candidacy });
                Ok(())
            }
        }
    }
}

/// The clock: silence is refusal (CCH R441-10), or the missing document did not come (CCH R441-3 c).
pub(in crate::decide) fn lapse(
    id: PlaceId,
    candidacy: CandidacyId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = place(ledgers, id)?;
    let Some(vacancy) = is.open_vacancy() else { return Ok(()) };
    let Some(candidate) = vacancy.allocation.candidates.get(&candidacy) else { return Ok(()) };
    let territory = id.territory();
    let silent = match candidate.situation {
        CandidateSituation::Offered { answer_by } if ctx.at > answer_by => {
            Some((answer_by, CandidacyOutcome::Lapsed))
        }
        CandidateSituation::Offered { .. }
        | CandidateSituation::Accepted { .. }
        | CandidateSituation::Designated
        | CandidateSituation::Decided
        | CandidateSituation::Closed { .. } => None,
    };
    let late = candidate
        .condition_pending()
        .filter(|by| candidate.is_live() && ctx.today(territory) > by.0)
        .map(|by| (end_of_day(territory, by.0), CandidacyOutcome::ConditionLapsed));
    if let Some((at, outcome)) = silent.or(late) {
        close(id, vacancy.id, candidacy, candidate, &outcome, at, ledgers, draft)?;
        next_rank(id, vacancy, &[candidacy], ctx, ledgers, draft)?;
    }
    Ok(())
}
