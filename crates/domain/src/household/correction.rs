//! Corrections: a new event names the one it corrects. A date that was wrong stays beside the right one; a stay that
//! never was leaves the situation, not the ledger.

use crate::event::events;
use crate::household::referral::ReferralSituation;
use crate::household::request::RequestSituation;
use crate::household::stay::StaySituation;
use crate::household::{Household, HouseholdEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::id::{ApplicationId, EventId, LabelId, LeaseId, RequestId, StayId};
use crate::reference::{CorrectionReason, WithdrawalReason};

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
    /// The signature of a lease.
    LeaseSignature {
        /// The lease.
        lease: LeaseId,
    },
    /// The end of a lease.
    LeaseEnd {
        /// The lease.
        lease: LeaseId,
    },
    /// The filing of a social-housing application.
    ApplicationFiling {
        /// The application.
        application: ApplicationId,
    },
    /// The decision that granted a priority label.
    LabelDecision {
        /// The label.
        label: LabelId,
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
    /// When the first review of the stay is due, if its start moved and no review had taken place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Day>,
    /// The day it was true, for a fact that is known by its day: a filing, a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The last day the application is valid, if its filing moved and it was never renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Day>,
    /// When the préfet must have proposed, if the decision on a DALO or DAHO label moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_due: Option<Day>,
}

/// `stay.voided`: the stay never was; it was recorded on the wrong household or place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayVoided {
    /// The event that recorded its start.
    pub corrects: EventId,
    /// The stay.
    pub stay: StayId,
    /// Why.
    pub reason: CorrectionReason,
    /// The request that it had fulfilled, which waits on at its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopens: Option<Reopened>,
}

/// A request that waits on, because the stay that had fulfilled it never was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reopened {
    /// The request.
    pub request: RequestId,
    /// When it goes stale without an update.
    pub update_due: Instant,
    /// When it lapses without contact, if it was on the waiting list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
}

events! {
    /// Corrections.
    pub enum CorrectionEvent in HouseholdEvent::Correction {
        "fact.corrected" v 1 => FactCorrected(FactCorrected),
        "stay.voided" v 1 => StayVoided(StayVoided),
    }
}

impl Household {
    pub(super) fn fold_correction(&mut self, event: &CorrectionEvent) {
        match event {
            CorrectionEvent::FactCorrected(e) => self.date_corrected(e),
            CorrectionEvent::StayVoided(e) => self.stay_voided(e),
        }
    }

    /// The stay is gone; the referral that led to it counts as withdrawn, for it was an error too.
    fn stay_voided(&mut self, e: &StayVoided) {
        self.stays.remove(&e.stay);
        self.former_stays.insert(e.stay);
        let led_here = ReferralSituation::Admitted { stay: e.stay };
        for referral in self.referrals.values_mut().filter(|referral| referral.situation == led_here) {
            referral.situation = ReferralSituation::Withdrawn { reason: WithdrawalReason::error() };
        }
        let Some(reopened) = &e.reopens else { return };
        if let Some(request) = self.requests.get_mut(&reopened.request)
            && request.situation.fulfilled_by() == Some(e.stay)
        {
            request.situation = match request.situation.qualification() {
                Some(qualification) => RequestSituation::Qualified(qualification.clone()),
                None => RequestSituation::Submitted,
            };
            request.update_due = Some(reopened.update_due.0);
            request.contact_due = reopened.contact_due.map(|due| due.0);
        }
    }

    fn date_corrected(&mut self, e: &FactCorrected) {
        match e.fact {
            DatedFact::StayStart { stay } => {
                if let Some(stay) = self.stays.get_mut(&stay) {
                    stay.from = e.is.0;
                    if e.review_due.is_some() {
                        stay.review_due = e.review_due;
                    }
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
            DatedFact::LeaseSignature { lease } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.from = e.is.0;
                }
            }
            DatedFact::LeaseEnd { lease } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.ended = Some(e.is.0);
                }
            }
            DatedFact::ApplicationFiling { application } => {
                if let Some(application) = self.applications.get_mut(&application) {
                    application.filed_on = e.day.unwrap_or(application.filed_on);
                    application.valid_until = e.valid_until.unwrap_or(application.valid_until);
                }
            }
            DatedFact::LabelDecision { label } => {
                if let Some(label) = self.labels.get_mut(&label) {
                    label.decided_on = e.day.unwrap_or(label.decided_on);
                    label.proposal_due = e.proposal_due.or(label.proposal_due);
                }
            }
        }
    }
}
