//! The allocation of a social dwelling: candidates, committee (CALEOL), ranks, offers.

mod event;
mod notification;

pub use event::{
    CandidateClosed, CandidatesDesignated, CommitteeConvened, CommitteeDecided, CommitteeEvent, ConditionMet,
    DecisionOn, Designation, DocumentsChecked, OfferAccepted, OfferMade, OfferNotified,
};
pub use notification::{Fingerprint, NotificationMeans};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::household::candidacy::CandidacyOutcome;
use crate::id::{CandidacyId, CommitteeId, HouseholdId};
use crate::reference::{ConditionalDocument, NonAwardReason};

/// What a committee decides on one candidate: exactly one of a to e (CCH R441-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum CommitteeDecision {
    /// a) Attribution.
    Award,
    /// b) Attribution by rank: after a refusal the next one is offered.
    AwardRanked {
        /// 1 first; ranks have no gap.
        #[schemars(range(min = 1))]
        rank: u8,
    },
    /// c) Attribution under a suspensive condition: a document of the limited list is missing.
    AwardConditional {
        /// What is missing.
        document: ConditionalDocument,
        /// Until when it must come.
        by: Day,
    },
    /// d) Non-attribution, with its written reason (CCH L441-2-2).
    Reject {
        /// Why.
        reason: NonAwardReason,
    },
    /// e) Irreceivable (CCH R441-2-8 d).
    Inadmissible {
        /// Why.
        reason: NonAwardReason,
    },
}

impl CommitteeDecision {
    /// In which order the dwelling is offered: a or c first, then b by rank; never for d and e.
    #[must_use]
    pub fn offer_rank(&self) -> Option<u8> {
        match self {
            Self::Award | Self::AwardConditional { .. } => Some(0),
            Self::AwardRanked { rank } => Some(*rank),
            Self::Reject { .. } | Self::Inadmissible { .. } => None,
        }
    }
}

/// Why fewer than three candidates may be examined (CCH R441-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommitteeException {
    /// Not enough candidates.
    InsufficientCandidates,
    /// Households designated by the préfet under DALO (CCH L441-2-3 II).
    DaloDesignation,
    /// The dwelling received the PLAI-adapté subsidy (CCH D331-25-1).
    PlaiAdapte,
}

/// Where a candidate stands on the dwelling's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum CandidateSituation {
    /// Designated.
    Designated,
    /// Decided, and waiting for its turn if it has a rank.
    Decided,
    /// The dwelling is offered to it.
    Offered {
        /// The last instant of an answer.
        answer_by: Timestamp,
    },
    /// It accepted.
    Accepted {
        /// When.
        at: Timestamp,
    },
    /// Out.
    Closed {
        /// Why.
        outcome: CandidacyOutcome,
    },
}

/// A candidate for the dwelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Whose candidacy.
    pub household: HouseholdId,
    /// Whether the préfet designated it under DALO.
    pub dalo: bool,
    /// What the committee decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<CommitteeDecision>,
    /// Its rank in what the holder designated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u8>,
    /// The documents that were found missing when its file was checked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<BTreeSet<ConditionalDocument>>,
    /// Whether the condition of a decision c is met.
    #[serde(default)]
    pub condition_met: bool,
    /// When it was designated.
    #[serde(default)]
    pub designated: Timestamp,
    /// When it was out, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Timestamp>,
    /// Where it stands.
    pub situation: CandidateSituation,
}

impl Candidate {
    /// Whether something can still come of it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.situation {
            CandidateSituation::Designated
            | CandidateSituation::Decided
            | CandidateSituation::Offered { .. }
            | CandidateSituation::Accepted { .. } => true,
            CandidateSituation::Closed { .. } => false,
        }
    }

    /// Whether the decision still lacks a document.
    #[must_use]
    pub fn condition_pending(&self) -> Option<Day> {
        match &self.decision {
            Some(CommitteeDecision::AwardConditional { by, .. }) if !self.condition_met => Some(*by),
            Some(
                CommitteeDecision::AwardConditional { .. }
                | CommitteeDecision::Award
                | CommitteeDecision::AwardRanked { .. }
                | CommitteeDecision::Reject { .. }
                | CommitteeDecision::Inadmissible { .. },
            )
            | None => None,
        }
    }
}

/// Candidates and committee of one vacancy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Allocation {
    /// Candidates by candidacy.
    pub candidates: BTreeMap<CandidacyId, Candidate>,
    /// The committee that is convened or has decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committee: Option<Committee>,
}

/// A session of the committee on one vacancy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Committee {
    /// Its id.
    pub id: CommitteeId,
    /// Its day.
    pub on: Day,
    /// Whether it has decided.
    pub decided: bool,
}

impl Allocation {
    /// The candidates of whom something can still come.
    pub fn live(&self) -> impl Iterator<Item = (CandidacyId, &Candidate)> {
        self.candidates.iter().filter(|(_, candidate)| candidate.is_live()).map(|(id, is)| (*id, is))
    }

    /// Whether nobody is a candidate, or no longer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.live().next().is_none()
    }

    /// When the last candidate was out, if there has been one and none is left.
    #[must_use]
    pub fn idle_since(&self) -> Option<Timestamp> {
        if self.is_idle() { self.candidates.values().filter_map(|is| is.closed).max() } else { None }
    }

    /// The candidate to whom the dwelling is offered, or who accepted it.
    #[must_use]
    pub fn at_stake(&self) -> Option<(CandidacyId, &Candidate)> {
        let at_stake = |candidate: &Candidate| match candidate.situation {
            CandidateSituation::Offered { .. } | CandidateSituation::Accepted { .. } => true,
            CandidateSituation::Designated
            | CandidateSituation::Decided
            | CandidateSituation::Closed { .. } => false,
        };
        self.candidates.iter().find(|(_, candidate)| at_stake(candidate)).map(|(id, is)| (*id, is))
    }

    /// The candidate whose turn comes next: the lowest rank that still waits, other than `except`.
    #[must_use]
    pub fn next(&self, except: &[CandidacyId]) -> Option<(CandidacyId, &Candidate)> {
        let waits = |candidate: &Candidate| matches!(candidate.situation, CandidateSituation::Decided);
        self.candidates
            .iter()
            .filter(|(id, candidate)| waits(candidate) && !except.contains(id))
            .filter_map(|(id, candidate)| Some((candidate.decision.as_ref()?.offer_rank()?, *id, candidate)))
            .min_by_key(|(rank, id, _)| (*rank, *id))
            .map(|(_, id, candidate)| (id, candidate))
    }
}
