//! What is recorded of an allocation, and what it amounts to.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Allocation, Candidate, CandidateSituation, Committee, CommitteeDecision, CommitteeException, Fingerprint,
    NotificationMeans,
};
use crate::calendar::{Day, Instant};
use crate::event::{Stamp, events};
use crate::household::candidacy::CandidacyOutcome;
use crate::id::{CandidacyId, CommitteeId, HouseholdId, VacancyId};
use crate::place::{Place, PlaceEvent};
use crate::reference::ConditionalDocument;

/// One candidate as designated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Designation {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// Whose.
    pub household: HouseholdId,
    /// Whether the préfet designates it under DALO.
    #[serde(default)]
    pub dalo: bool,
    /// Its rank in what the holder designated, 1 first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u8>,
}

/// `candidates.designated`: all have a numéro unique that is valid on that day (INV-5), which their own ledgers keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidatesDesignated {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// Who is designated.
    pub candidates: Vec<Designation>,
}

/// `documents.checked`: the landlord compared the candidate's file with the documents that the law lets it ask for (CCH
/// R441-2-4-1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentsChecked {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// What is missing; nothing if the file is complete.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<ConditionalDocument>,
}

/// `committee.convened`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommitteeConvened {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The session.
    pub committee: CommitteeId,
    /// Its day.
    pub on: Day,
}

/// What was decided on one candidacy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionOn {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The decision.
    #[serde(flatten)]
    pub decision: CommitteeDecision,
}

/// `committee.decided`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommitteeDecided {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The session.
    pub committee: CommitteeId,
    /// One decision for each examined candidacy.
    pub decisions: Vec<DecisionOn>,
    /// Why fewer than three were examined, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<CommitteeException>,
}

/// `offer.made`: to the candidate whose turn it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OfferMade {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The last instant of an answer: ten days at least (CCH R441-10).
    pub answer_by: Instant,
}

/// `offer.notified`: the household has the offer; its days to answer run from then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OfferNotified {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The day it was received.
    pub received: Day,
    /// By which means.
    pub means: NotificationMeans,
    /// What proves it: a receipt, the scan of an acknowledgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Fingerprint>,
    /// The last instant of an answer, never earlier than it was (CCH R441-10).
    pub answer_by: Instant,
}

/// `offer.accepted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OfferAccepted {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The candidacy.
    pub candidacy: CandidacyId,
}

/// `condition.met`: the missing document came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConditionMet {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The candidacy.
    pub candidacy: CandidacyId,
}

/// `candidate.closed`: the candidate is out, by refusal, silence, or because it was housed elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateClosed {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// Why.
    pub outcome: CandidacyOutcome,
}

/// Version 1 repeated the number of each candidate in the clear.
fn without_numbers(version: u16, mut body: Value) -> Value {
    if version == 1
        && let Some(candidates) = body.get_mut("candidates").and_then(Value::as_array_mut)
    {
        for candidate in candidates.iter_mut().filter_map(Value::as_object_mut) {
            candidate.remove("number");
        }
    }
    body
}

events! {
    /// What can happen in the allocation of a dwelling.
    pub enum CommitteeEvent in PlaceEvent::Committee {
        "candidates.designated" v 2 by without_numbers => CandidatesDesignated(CandidatesDesignated),
        "documents.checked" v 1 => DocumentsChecked(DocumentsChecked),
        "committee.convened" v 1 => CommitteeConvened(CommitteeConvened),
        "committee.decided" v 1 => CommitteeDecided(CommitteeDecided),
        "offer.made" v 1 => OfferMade(OfferMade),
        "offer.notified" v 1 => OfferNotified(OfferNotified),
        "offer.accepted" v 1 => OfferAccepted(OfferAccepted),
        "condition.met" v 1 => ConditionMet(ConditionMet),
        "candidate.closed" v 1 => CandidateClosed(CandidateClosed),
    }
}

impl Place {
    pub(in crate::place) fn fold_committee(&mut self, event: &CommitteeEvent, stamp: &Stamp) {
        use CommitteeEvent as E;
        match event {
            E::CandidatesDesignated(e) => self.on_vacancy(e.vacancy, |v| {
                // Everybody whom the committee examined is out: this is another round, for another session.
                v.allocation.committee.take_if(|committee| committee.decided);
                for designation in &e.candidates {
                    let candidate = Candidate {
                        household: designation.household,
                        dalo: designation.dalo,
                        rank: designation.rank,
                        missing: None,
                        decision: None,
                        condition_met: false,
                        designated: stamp.effective,
                        closed: None,
                        situation: CandidateSituation::Designated,
                    };
                    v.allocation.candidates.insert(designation.candidacy, candidate);
                }
            }),
            E::DocumentsChecked(e) => self.on_candidate(e.vacancy, e.candidacy, |c| {
                c.missing = Some(e.missing.clone());
            }),
            E::CommitteeConvened(e) => {
                self.committees.insert(e.committee);
                self.on_vacancy(e.vacancy, |v| {
                    v.allocation.committee = Some(Committee { id: e.committee, on: e.on, decided: false });
                });
            }
            E::CommitteeDecided(e) => self.on_vacancy(e.vacancy, |v| v.allocation.decided(e)),
            E::OfferMade(e) => self.on_candidate(e.vacancy, e.candidacy, |c| {
                c.situation = CandidateSituation::Offered { answer_by: e.answer_by.0 };
            }),
            E::OfferNotified(e) => self.on_candidate(e.vacancy, e.candidacy, |c| {
                c.situation = CandidateSituation::Offered { answer_by: e.answer_by.0 };
            }),
            E::OfferAccepted(e) => self.on_candidate(e.vacancy, e.candidacy, |c| {
                c.situation = CandidateSituation::Accepted { at: stamp.effective };
            }),
            E::ConditionMet(e) => self.on_candidate(e.vacancy, e.candidacy, |c| c.condition_met = true),
            E::CandidateClosed(e) => self.on_candidate(e.vacancy, e.candidacy, |c| {
                c.situation = CandidateSituation::Closed { outcome: e.outcome.clone() };
                c.closed = Some(stamp.effective);
            }),
        }
    }

    fn on_candidate(&mut self, vacancy: VacancyId, id: CandidacyId, change: impl FnOnce(&mut Candidate)) {
        self.on_vacancy(vacancy, |vacancy| {
            if let Some(candidate) = vacancy.allocation.candidates.get_mut(&id) {
                change(candidate);
            }
        });
    }
}

impl Allocation {
    fn decided(&mut self, event: &CommitteeDecided) {
        if let Some(committee) = &mut self.committee {
            committee.decided = true;
        }
        for on in &event.decisions {
            if let Some(candidate) = self.candidates.get_mut(&on.candidacy) {
                candidate.decision = Some(on.decision.clone());
                // Who left after the session was decided there all the same, and stays out.
                if candidate.is_live() {
                    candidate.situation = CandidateSituation::Decided;
                }
            }
        }
    }
}
