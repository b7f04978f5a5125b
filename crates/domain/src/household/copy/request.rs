//! A request that goes to another household.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::household::dated::FactDates;
use crate::household::request::{FileRecord, Qualification, Request, RequestSituation};
use crate::id::{RequestId, StayId, Territory};
use crate::personal::SealedIn;
use crate::reference::{AssessmentReturnReason, DeferralReason};

/// What the SIAO was doing with a request that is neither new nor on the waiting list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Stage {
    /// Returned to complete.
    UnderAssessment {
        /// What is missing.
        reasons: Vec<AssessmentReturnReason>,
    },
    /// On the agenda of the orientation committee.
    InCommittee {
        /// The day.
        on: Day,
    },
    /// Put off.
    Deferred {
        /// Why.
        reason: DeferralReason,
        /// When it is examined again.
        until: Day,
    },
    /// It led to a stay that still runs.
    Fulfilled {
        /// The stay.
        stay: StayId,
    },
}

impl Stage {
    fn of(situation: &RequestSituation) -> Option<Self> {
        match situation {
            RequestSituation::UnderAssessment { reasons } => {
                Some(Self::UnderAssessment { reasons: reasons.clone() })
            }
            RequestSituation::InCommittee { on } => Some(Self::InCommittee { on: *on }),
            RequestSituation::Deferred { reason, until } => {
                Some(Self::Deferred { reason: *reason, until: *until })
            }
            RequestSituation::Fulfilled { stay, .. } => Some(Self::Fulfilled { stay: *stay }),
            RequestSituation::Draft
            | RequestSituation::Submitted
            | RequestSituation::Qualified(_)
            | RequestSituation::Stale { .. }
            | RequestSituation::Cancelled { .. }
            | RequestSituation::Rejected { .. }
            | RequestSituation::Absorbed => None,
        }
    }

    fn situation(&self, qualification: Option<&Qualification>) -> RequestSituation {
        match self {
            Self::Fulfilled { stay } => {
                RequestSituation::Fulfilled { stay: *stay, qualification: qualification.cloned() }
            }
            Self::UnderAssessment { reasons } => {
                RequestSituation::UnderAssessment { reasons: reasons.clone() }
            }
            Self::InCommittee { on } => RequestSituation::InCommittee { on: *on },
            Self::Deferred { reason, until } => RequestSituation::Deferred { reason: *reason, until: *until },
        }
    }
}

/// A request as it goes to another household, with its seniority: one that is open, or led to a stay that goes along.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCopy {
    /// Its id there.
    pub request: RequestId,
    /// What it says.
    pub file: FileRecord,
    /// The SIAO that treats it.
    pub siao: Territory,
    /// First transmission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seniority: Option<Instant>,
    /// Its qualification, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualification: Option<Qualification>,
    /// When it goes stale without an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_due: Option<Instant>,
    /// When it lapses without contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
    /// When its need was established.
    pub need_since: Instant,
    /// Whether it must be updated, or transmitted again, before anything can be proposed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// What the SIAO was doing with it, if it was not simply new or on the waiting list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Since when each fact that matching reads of it has been what it is.
    #[serde(default, skip_serializing_if = "FactDates::is_empty")]
    pub dates: FactDates,
}

impl RequestCopy {
    /// A copy of `request` under the id `copy`.
    #[must_use]
    pub fn of(request: &Request, copy: RequestId) -> Self {
        Self {
            request: copy,
            file: request.file.carried(),
            siao: request.siao,
            seniority: request.seniority.map(Instant),
            qualification: request.situation.qualification().cloned(),
            update_due: request.update_due.map(Instant),
            contact_due: request.contact_due.map(Instant),
            need_since: Instant(request.need_since),
            stale: matches!(request.situation, RequestSituation::Stale { .. }),
            stage: Stage::of(&request.situation),
            dates: request.dates.clone(),
        }
    }

    /// The request on the ledger that it goes to, as written in the event `sealed_in`.
    pub(crate) fn to_request(&self, sealed_in: &SealedIn) -> Request {
        let situation = match (&self.stage, &self.qualification, self.seniority) {
            (_, qualification, _) if self.stale => {
                RequestSituation::Stale { qualification: qualification.clone() }
            }
            (Some(stage), qualification, _) => stage.situation(qualification.as_ref()),
            (None, Some(qualification), _) => RequestSituation::Qualified(qualification.clone()),
            (None, None, Some(_)) => RequestSituation::Submitted,
            (None, None, None) => RequestSituation::Draft,
        };
        Request {
            file: self.file.clone(),
            reason_in: sealed_in.clone(),
            need_in: sealed_in.clone(),
            situation,
            siao: self.siao,
            seniority: self.seniority.map(|at| at.0),
            submitted_by: self.seniority.map(|_| sealed_in.event),
            update_due: self.update_due.map(|at| at.0),
            contact_due: self.contact_due.map(|at| at.0),
            need_since: self.need_since.0,
            dates: self.dates.clone(),
        }
    }
}
