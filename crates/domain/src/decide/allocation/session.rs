//! The committee (CALEOL): its session, and exactly one decision on each candidacy that it examined.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::offer::{close, offer};
use super::{dalo_label, dwelling, numbered, settled};
use crate::calendar::{Day, day};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, day_words, household, place};
use crate::household::candidacy::{CandidacyDecided, CandidacyOutcome};
use crate::id::{CandidacyId, CommitteeId, PlaceId};
use crate::ledger::{Halt, Ledgers};
use crate::place::committee::{
    Candidate, Committee, CommitteeConvened, CommitteeDecided, CommitteeDecision as Decision,
    CommitteeException, DecisionOn, DocumentsChecked,
};
use crate::place::vacancy::Vacancy;
use crate::reference::ConditionalDocument;
use crate::refusal::Refusal;

/// The candidacies that a session examined, live or not.
type Examined<'a> = BTreeMap<CandidacyId, &'a Candidate>;

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
        let is = place(ledgers, id)?;
        let committee = CommitteeId::created_by(ctx.command);
        if is.committees.contains(&committee) {
            return Ok(());
        }
        let vacancy = dwelling(is, id, ctx)?;
        if settled(vacancy) {
            let sentence = "La commission a déjà décidé de ce logement.";
            return Err(Refusal::conflict("committee-decided", "INV-7", sentence).into());
        }
        if self.on.0 < ctx.today(id.territory()) {
            let sentence = format!("La séance du {} est passée.", day_words(self.on.0));
            return Err(Refusal::invalid("date-in-past", "CCH L441-2", sentence).into());
        }
        draft.place(id, ctx.at, CommitteeConvened { vacancy: vacancy.id, committee, on: self.on });
        Ok(())
    }
}

/// Records that a candidate's file was compared with the documents that the law lets the landlord ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckDocuments {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// What is missing; nothing if the file is complete.
    #[serde(default)]
    pub missing: BTreeSet<ConditionalDocument>,
}

impl Decide<PlaceId> for CheckDocuments {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let vacancy = dwelling(place(ledgers, id)?, id, ctx)?;
        let candidate = vacancy.allocation.candidates.get(&self.candidacy);
        let candidate = candidate.ok_or_else(|| Refusal::unknown("Candidature"))?;
        if !candidate.is_live() {
            let sentence = "Cette candidature est close.";
            return Err(Refusal::conflict("candidacy-closed", "CCH R441-2-4-1", sentence).into());
        }
        let (candidacy, missing) = (self.candidacy, self.missing.clone());
        draft.place(id, ctx.at, DocumentsChecked { vacancy: vacancy.id, candidacy, missing });
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
        let vacancy = dwelling(is, id, ctx)?;
        let session = session(vacancy, id, ctx)?;
        let examined = examined(vacancy, session, id)?;
        self.check_each_once(&examined)?;
        self.check_ranks()?;
        self.check_conditions(id, ctx)?;
        let mut all_dalo = true;
        for one in &self.decisions {
            let Some(candidate) = examined.get(&one.candidacy) else { continue };
            let whose = if candidate.is_live() {
                household(ledgers, candidate.household)?
            } else {
                ledgers.household(candidate.household)?
            };
            numbered(candidate.household, whose, session.on.0, id.territory())?;
            all_dalo &= candidate.dalo && dalo_label(whose, session.on.0).is_some();
            let decided = CandidacyDecided { candidacy: one.candidacy, decision: one.decision.clone() };
            draft.household(candidate.household, ctx.at, decided);
        }
        let plai_adapte = is.inventory.description().is_some_and(|d| d.plai_adapte);
        self.check_count(ctx.rules(id.territory()).committee_candidates_min, all_dalo, plai_adapte)?;
        let decisions = self
            .decisions
            .iter()
            .map(|one| DecisionOn { candidacy: one.candidacy, decision: one.decision.clone() })
            .collect();
        let exception = self.exception;
        draft.place(
            id,
            ctx.at,
            CommitteeDecided { vacancy: vacancy.id, committee: session.id, decisions, exception },
        );
        self.follow(id, vacancy, &examined, ctx, ledgers, draft)
    }
}

/// The session whose decisions can be recorded: it was held, and nothing of it is recorded yet.
fn session<'a>(vacancy: &'a Vacancy, id: PlaceId, ctx: &Context<'_>) -> Result<&'a Committee, Refusal> {
    let Some(session) = vacancy.allocation.committee.as_ref() else {
        let sentence = "Inscrivez d'abord ce logement à une séance de la commission.";
        return Err(Refusal::conflict("committee-missing", "CCH L441-2", sentence));
    };
    if session.decided {
        let sentence = "La commission a déjà décidé de ce logement.";
        return Err(Refusal::conflict("committee-decided", "INV-7", sentence));
    }
    if ctx.today(id.territory()) < session.on.0 {
        let sentence = format!("La séance n'a lieu que le {}.", day_words(session.on.0));
        return Err(Refusal::conflict("committee-not-held", "CCH L441-2", sentence));
    }
    Ok(session)
}

/// The candidacies that the session had before it: those that are live, and those that were until after its day.
/// Nobody is decided in a session that took place before they were designated.
fn examined<'a>(vacancy: &'a Vacancy, session: &Committee, id: PlaceId) -> Result<Examined<'a>, Refusal> {
    let local = |at| day(id.territory(), at);
    let mut examined = Examined::new();
    for (candidacy, candidate) in &vacancy.allocation.candidates {
        let in_time = local(candidate.designated) <= session.on.0;
        if candidate.is_live() && !in_time {
            let sentence = format!(
                "Le ménage {} a été désigné après la séance du {} : inscrivez le logement à une autre séance.",
                candidate.household,
                day_words(session.on.0)
            );
            return Err(Refusal::conflict("designated-after-session", "CCH R441-3", sentence));
        }
        let was_live = candidate.closed.is_some_and(|closed| local(closed) > session.on.0);
        let undecided = candidate.decision.is_none();
        if candidate.is_live() || (in_time && was_live && undecided) {
            examined.insert(*candidacy, candidate);
        }
    }
    Ok(examined)
}

impl DecideCommittee {
    /// INV-7: each candidate gets exactly one decision. Those who left after the session may have theirs recorded.
    fn check_each_once(&self, examined: &Examined<'_>) -> Result<(), Refusal> {
        let decided: BTreeSet<_> = self.decisions.iter().map(|one| one.candidacy).collect();
        let live = examined.iter().filter(|(_, candidate)| candidate.is_live());
        let expected: BTreeSet<_> = live.map(|(candidacy, _)| *candidacy).collect();
        let known = decided.iter().all(|candidacy| examined.contains_key(candidacy));
        if decided.len() == self.decisions.len() && known && decided.is_superset(&expected) {
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

    /// A missing document is waited for from now on, never until a day that is over.
    fn check_conditions(&self, id: PlaceId, ctx: &Context<'_>) -> Result<(), Refusal> {
        for one in &self.decisions {
            if let Decision::AwardConditional { by, .. } = &one.decision
                && by.0 < ctx.today(id.territory())
            {
                let sentence =
                    format!("La pièce ne peut plus arriver le {} : donnez un jour à venir.", day_words(by.0));
                return Err(Refusal::invalid("date-in-past", "CCH R441-3 c", sentence));
            }
        }
        Ok(())
    }

    /// INV-6: at least three candidacies, or one of the three exceptions of the law, which must be true.
    fn check_count(&self, least: usize, all_dalo: bool, plai_adapte: bool) -> Result<(), Refusal> {
        let count = self.decisions.len();
        if count == 0 {
            let sentence = "Aucun candidat n'est désigné sur ce logement.";
            return Err(Refusal::invalid("three-candidates", "INV-6", sentence));
        }
        let holds = match self.exception {
            None => false,
            Some(CommitteeException::InsufficientCandidates) => true,
            Some(CommitteeException::DaloDesignation) => all_dalo,
            Some(CommitteeException::PlaiAdapte) => plai_adapte,
        };
        if count >= least || holds {
            return Ok(());
        }
        let sentence = format!(
            "La commission examine au moins {least} candidatures, sauf insuffisance de candidats, désignation DALO ou PLAI adapté : {count} ici."
        );
        Err(Refusal::invalid("three-candidates", "INV-6", sentence))
    }

    /// What follows at once: those who are not awarded the dwelling are out, the first of the others is offered it.
    fn follow(
        &self,
        id: PlaceId,
        vacancy: &Vacancy,
        examined: &Examined<'_>,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let live = |one: &CandidateDecision| {
            examined.get(&one.candidacy).copied().filter(|candidate| candidate.is_live())
        };
        for one in self.decisions.iter().filter(|one| one.decision.offer_rank().is_none()) {
            if let Some(candidate) = live(one) {
                let outcome = CandidacyOutcome::NotAwarded;
                close(id, vacancy.id, one.candidacy, candidate, &outcome, ctx.at, ledgers, draft)?;
            }
        }
        let ranked = self.decisions.iter().filter_map(|one| {
            let rank = one.decision.offer_rank()?;
            live(one).map(|candidate| (rank, one.candidacy, candidate.household))
        });
        match ranked.min_by_key(|(rank, ..)| *rank) {
            Some((_, candidacy, whose)) => {
                offer(id, vacancy.id, candidacy, whose, ctx.at, ctx, ledgers, draft)
            }
            None => Ok(()),
        }
    }
}
