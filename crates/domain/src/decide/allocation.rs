//! The allocation of a social dwelling: holder, candidates, committee (CALEOL), offers rank by rank.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, day_words, household, place, words};
use crate::calendar::{Day, Instant, day, days_after, end_of_day};
use crate::household::Household;
use crate::household::candidacy::{
    CandidacyAccepted, CandidacyClosed, CandidacyDecided, CandidacyDesignated, CandidacyOffered,
    CandidacyOutcome,
};
use crate::id::{CandidacyId, CommitteeId, HouseholdId, OrganisationId, PlaceId, VacancyId};
use crate::ledger::{Halt, Ledgers};
use crate::place::Place;
use crate::place::committee::{
    Candidate, CandidateClosed, CandidateSituation, CandidatesDesignated, CommitteeConvened,
    CommitteeDecided, CommitteeDecision as Decision, CommitteeException, ConditionMet, DecisionOn,
    Designation, OfferAccepted, OfferMade,
};
use crate::place::vacancy::{AssignedToHolder, Holder, ReturnedToLandlord, Vacancy};
use crate::reference::{OfferRefusalReason, ReservationHolderKind};
use crate::refusal::Refusal;

/// Most candidates that one committee examines for one dwelling.
const CANDIDATES_MAX: usize = 20;

/// The vacancy of a social dwelling, while it is on offer.
fn dwelling(is: &Place) -> Result<&Vacancy, Refusal> {
    match is.description() {
        Some(description) if description.kind.let_by_committee() => {}
        Some(_) => {
            let sentence = "Cette place n'est pas un logement social : elle se propose par orientation.";
            return Err(Refusal::invalid("not-a-dwelling", "CCH L441-2", sentence));
        }
        None => return Err(Refusal::unknown("Logement")),
    }
    is.open_vacancy()
        .ok_or_else(|| Refusal::conflict("no-vacancy", "vacancy", "Ce logement n'est pas déclaré libre."))
}

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
}

impl Decide<PlaceId> for AssignVacancy {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let vacancy = dwelling(place(ledgers, id)?)?;
        if !vacancy.allocation.candidates.is_empty() {
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
        draft.place(id, ctx.at, AssignedToHolder { vacancy: vacancy.id, holder });
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
    /// Who is designated, at least one.
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
        let vacancy = dwelling(place(ledgers, id)?)?;
        if vacancy.allocation.committee.as_ref().is_some_and(|committee| committee.decided) {
            let sentence = "La commission a décidé : on ne désigne plus de candidat sur ce logement.";
            return Err(Refusal::conflict("committee-decided", "INV-7", sentence).into());
        }
        let known = &vacancy.allocation.candidates;
        let distinct: BTreeSet<_> = self.candidates.iter().map(|one| one.household).collect();
        if self.candidates.is_empty()
            || distinct.len() != self.candidates.len()
            || known.len() + distinct.len() > CANDIDATES_MAX
        {
            let sentence = format!("Désignez de 1 à {CANDIDATES_MAX} ménages, chacun une fois.");
            return Err(Refusal::invalid("candidates-count", "INV-6", sentence).into());
        }
        let mut designations = Vec::new();
        for (n, one) in self.candidates.iter().enumerate() {
            if known.values().any(|candidate| candidate.household == one.household && candidate.is_live()) {
                let sentence = format!("Le ménage {} est déjà candidat sur ce logement.", one.household);
                return Err(Refusal::conflict("already-candidate", "INV-7", sentence).into());
            }
            let is = household(ledgers, one.household)?;
            let number = numbered(one.household, is, ctx.today(id.territory()))?;
            let candidacy = CandidacyId::nth_created_by(ctx.command, n);
            let designated = CandidacyDesignated { candidacy, place: id, vacancy: vacancy.id, number };
            draft.household(one.household, ctx.at, designated);
            designations.push(Designation { candidacy, household: one.household, number, dalo: one.dalo });
        }
        draft.place(id, ctx.at, CandidatesDesignated { vacancy: vacancy.id, candidates: designations });
        Ok(())
    }
}

/// The household's valid numéro unique on `on` (INV-5).
fn numbered(
    id: HouseholdId,
    is: &Household,
    on: jiff::civil::Date,
) -> Result<crate::household::application::UniqueRegistrationNumber, Refusal> {
    is.live_application().and_then(|(_, application)| application.valid_number(on)).ok_or_else(|| {
        let sentence = format!(
            "Le ménage {id} n'a pas de numéro unique valable le {} : enregistrez ou renouvelez sa demande.",
            day_words(on)
        );
        Refusal::conflict("no-valid-number", "INV-5", sentence)
    })
}

/// Puts a dwelling on the agenda of the committee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConveneCommittee {
    /// The day of the session.
    pub on: Day,
}

impl Decide<PlaceId> for ConveneCommittee {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let vacancy = dwelling(place(ledgers, id)?)?;
        if vacancy.allocation.committee.as_ref().is_some_and(|committee| committee.decided) {
            let sentence = "La commission a déjà décidé de ce logement.";
            return Err(Refusal::conflict("committee-decided", "INV-7", sentence).into());
        }
        if self.on.0 < ctx.today(id.territory()) {
            let sentence = format!("La séance du {} est passée.", day_words(self.on.0));
            return Err(Refusal::invalid("date-in-past", "CCH L441-2", sentence).into());
        }
        let committee = CommitteeId::created_by(ctx.command);
        draft.place(id, ctx.at, CommitteeConvened { vacancy: vacancy.id, committee, on: self.on });
        Ok(())
    }
}

/// Records what the committee decided: exactly one of a to e on each examined candidacy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideCommittee {
    /// The decisions.
    pub decisions: Vec<CandidateDecision>,
    /// Why fewer than three candidacies were examined, if so.
    #[serde(default)]
    pub exception: Option<CommitteeException>,
}

/// The decision on one candidacy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateDecision {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
}

impl Decide<PlaceId> for DecideCommittee {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        let vacancy = dwelling(is)?;
        let Some(committee) = vacancy.allocation.committee.as_ref() else {
            let sentence = "Inscrivez d'abord ce logement à une séance de la commission.";
            return Err(Refusal::conflict("committee-missing", "CCH L441-2", sentence).into());
        };
        if committee.decided {
            let sentence = "La commission a déjà décidé de ce logement.";
            return Err(Refusal::conflict("committee-decided", "INV-7", sentence).into());
        }
        if ctx.today(id.territory()) < committee.on.0 {
            let sentence = format!("La séance n'a lieu que le {}.", day_words(committee.on.0));
            return Err(Refusal::conflict("committee-not-held", "CCH L441-2", sentence).into());
        }
        let candidates: BTreeMap<_, _> =
            vacancy.allocation.candidates.iter().filter(|(_, candidate)| candidate.is_live()).collect();
        self.check_each_once(&candidates)?;
        self.check_ranks()?;
        self.check_count(candidates.len(), is, &candidates, ctx, id)?;
        for one in &self.decisions {
            let Some(candidate) = candidates.get(&one.candidacy) else { continue };
            let whose = household(ledgers, candidate.household)?;
            numbered(candidate.household, whose, committee.on.0)?;
            let decided = CandidacyDecided { candidacy: one.candidacy, decision: one.decision.clone() };
            draft.household(candidate.household, ctx.at, decided);
        }
        let decisions = self
            .decisions
            .iter()
            .map(|one| DecisionOn { candidacy: one.candidacy, decision: one.decision.clone() })
            .collect();
        let (vacancy, exception) = (vacancy.id, self.exception);
        draft.place(id, ctx.at, CommitteeDecided { vacancy, committee: committee.id, decisions, exception });
        for one in self.decisions.iter().filter(|one| one.decision.offer_rank().is_none()) {
            if let Some(candidate) = candidates.get(&one.candidacy) {
                let outcome = CandidacyOutcome::NotAwarded;
                close(id, vacancy, one.candidacy, candidate, &outcome, ctx.at, ledgers, draft)?;
            }
        }
        let ranked = |one: &&CandidateDecision| one.decision.offer_rank().is_some();
        let first = self.decisions.iter().filter(ranked).min_by_key(|one| one.decision.offer_rank());
        if let Some(first) = first
            && let Some(candidate) = candidates.get(&first.candidacy)
        {
            offer(id, vacancy, first.candidacy, candidate.household, ctx.at, ctx, ledgers, draft)?;
        }
        Ok(())
    }
}

impl DecideCommittee {
    /// INV-7: each candidate gets exactly one decision.
    fn check_each_once(&self, candidates: &BTreeMap<&CandidacyId, &Candidate>) -> Result<(), Refusal> {
        let decided: BTreeSet<_> = self.decisions.iter().map(|one| &one.candidacy).collect();
        let expected: BTreeSet<_> = candidates.keys().copied().collect();
        if decided.len() == self.decisions.len() && decided == expected {
            return Ok(());
        }
        let sentence = format!(
            "Chaque candidature reçoit une décision, et une seule : {} candidatures, {} décisions.",
            expected.len(),
            self.decisions.len()
        );
        Err(Refusal::invalid("one-decision-each", "INV-7", sentence))
    }

    /// INV-7: at most one award, ranks 1 to n without a gap.
    fn check_ranks(&self) -> Result<(), Refusal> {
        let (mut awards, mut ranks) = (0, BTreeSet::new());
        for one in &self.decisions {
            match &one.decision {
                Decision::Award | Decision::AwardConditional { .. } => awards += 1,
                Decision::AwardRanked { rank } => {
                    if !ranks.insert(*rank) {
                        let sentence = format!("Le rang {rank} est donné deux fois.");
                        return Err(Refusal::invalid("ranks", "INV-7", sentence));
                    }
                }
                Decision::Reject { .. } | Decision::Inadmissible { .. } => {}
            }
        }
        if awards > 1 {
            let sentence = "Un logement s'attribue à un seul ménage : donnez des rangs aux autres.";
            return Err(Refusal::invalid("one-award", "INV-7", sentence));
        }
        if ranks.iter().enumerate().any(|(n, rank)| usize::from(*rank) != n + 1) {
            let sentence = "Les rangs se suivent à partir de 1, sans trou.";
            return Err(Refusal::invalid("ranks", "INV-7", sentence));
        }
        Ok(())
    }

    /// INV-6: at least three candidacies, or one of the three exceptions of the law, which must be true.
    fn check_count(
        &self,
        count: usize,
        is: &Place,
        candidates: &BTreeMap<&CandidacyId, &Candidate>,
        ctx: &Context<'_>,
        id: PlaceId,
    ) -> Result<(), Refusal> {
        let least = ctx.rules(id.territory()).committee_candidates_min;
        if count == 0 {
            let sentence = "Aucun candidat n'est désigné sur ce logement.";
            return Err(Refusal::invalid("three-candidates", "INV-6", sentence));
        }
        if count >= least {
            return Ok(());
        }
        let holds = match self.exception {
            None => false,
            Some(CommitteeException::InsufficientCandidates) => true,
            Some(CommitteeException::DaloDesignation) => candidates.values().any(|candidate| candidate.dalo),
            Some(CommitteeException::PlaiAdapte) => is.description().is_some_and(|d| d.plai_adapte),
        };
        if holds {
            return Ok(());
        }
        let sentence = format!(
            "La commission examine au moins {least} candidatures, sauf insuffisance de candidats, désignation DALO ou PLAI adapté : {count} ici."
        );
        Err(Refusal::invalid("three-candidates", "INV-6", sentence))
    }
}

/// Offers the dwelling to one candidate, within the decision that is being taken.
#[expect(clippy::too_many_arguments, reason = "a step of a decision names all that it concerns")]
fn offer(
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
pub(super) fn close(
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
pub(super) fn close_candidacies(
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
        let vacancy = dwelling(place(ledgers, id)?)?;
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
pub(super) fn lapse(
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

/// The clock: the holder did not designate in time; the dwelling returns to the landlord.
pub(super) fn return_to_landlord(
    id: PlaceId,
    which: VacancyId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = place(ledgers, id)?;
    if let Some(vacancy) = is.open_vacancy()
        && vacancy.id == which
        && vacancy.allocation.candidates.is_empty()
        && let Some(holder) = &vacancy.holder
        && ctx.at > holder.designate_by.0
    {
        draft.place(id, holder.designate_by.0, ReturnedToLandlord { vacancy: which });
    }
    Ok(())
}
