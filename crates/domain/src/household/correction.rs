//! Corrections of dates: a new event names the one it corrects, and both dates stay.

use crate::event::events;
use crate::household::stay::StaySituation;
use crate::household::{Household, HouseholdEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Instant;
use crate::id::{EventId, RequestId, StayId};
use crate::reference::CorrectionReason;

/// The fact whose date was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum DatedFact {
    /// The start of a stay.
    StayStart {
        /// The stay.
        stay: StayId,
    },
    /// The end of a stay.
    StayEnd {
        /// The stay.
        stay: StayId,
    },
    /// The first transmission of a request: its seniority.
    RequestSubmission {
        /// The request.
        request: RequestId,
    },
}

/// `fact.corrected`: what was recorded with one date was true at another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactCorrected {
    /// The event that is corrected.
    pub corrects: EventId,
    /// The fact it recorded.
    pub fact: DatedFact,
    /// The date that was recorded.
    pub was: Instant,
    /// The date it was true.
    pub is: Instant,
    /// Why.
    pub reason: CorrectionReason,
}

events! {
    /// Corrections of dates.
    pub enum CorrectionEvent in HouseholdEvent::Correction {
        "fact.corrected" v 1 => FactCorrected(FactCorrected),
    }
}

impl Household {
    pub(super) fn fold_correction(&mut self, event: &CorrectionEvent) {
        let CorrectionEvent::FactCorrected(e) = event;
        match e.fact {
            DatedFact::StayStart { stay } => {
                if let Some(stay) = self.stays.get_mut(&stay) {
                    stay.from = e.is.0;
                }
            }
            DatedFact::StayEnd { stay } => {
                if let Some(stay) = self.stays.get_mut(&stay)
                    && let StaySituation::Ended { at, .. } = &mut stay.situation
                {
                    *at = e.is.0;
                }
            }
            DatedFact::RequestSubmission { request } => {
                if let Some(request) = self.requests.get_mut(&request) {
                    request.seniority = Some(e.is.0);
                }
            }
        }
    }
}
