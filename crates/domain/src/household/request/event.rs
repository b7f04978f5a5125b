//! What can happen to a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::event::events;
use crate::household::HouseholdEvent;
use crate::household::lift;
use crate::household::request::{FileRecord, NeedRecord, Qualification};
use crate::id::{ReferralId, RequestId, StayId, Territory};
use crate::personal::Personal;
use crate::reference::{AssessmentReturnReason, CancellationReason, DeferralReason, RequestRejectionReason};

/// `request.created`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCreated {
    /// The request.
    pub request: RequestId,
    /// The SIAO it is addressed to.
    pub siao: Territory,
    /// What it says.
    pub file: FileRecord,
    /// The referrer's free note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
    /// Who writes it follows the household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follower: Option<crate::household::follow_up::Follower>,
}

/// `request.submitted`: to the SIAO. The first one sets seniority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestSubmitted {
    /// The request.
    pub request: RequestId,
    /// When it goes stale without an update.
    pub update_due: Instant,
}

/// `request.updated`: something changed, or the household confirmed that nothing did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestUpdated {
    /// The request.
    pub request: RequestId,
    /// What it says now, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileRecord>,
    /// When it goes stale without the next update.
    pub update_due: Instant,
    /// When it lapses without contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
}

/// `assessment.requested`: the SIAO returns the request to complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssessmentRequested {
    /// The request.
    pub request: RequestId,
    /// What is missing, at least one.
    pub reasons: Vec<AssessmentReturnReason>,
}

/// `request.assessed`: the social assessment, sealed but for functional needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestAssessed {
    /// The request.
    pub request: RequestId,
    /// The need as assessed.
    pub need: NeedRecord,
    /// How much the household does by itself, 1 (alone) to 5 (with constant help), sealed.
    pub autonomy: Personal<u8>,
    /// The support that is needed, 1 (none) to 5 (daily), sealed.
    pub support: Personal<u8>,
    /// The assessment in words, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrative: Option<Personal<String>>,
}

/// `committee.scheduled`: the orientation committee will examine the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommitteeScheduled {
    /// The request.
    pub request: RequestId,
    /// The day.
    pub on: Day,
}

/// `request.qualified`: on the waiting list. It is not a proposal of a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestQualified {
    /// The request.
    pub request: RequestId,
    /// What may be proposed, and with which priority.
    pub qualification: Qualification,
    /// When the request lapses without contact.
    pub contact_due: Instant,
}

/// `request.deferred`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestDeferred {
    /// The request.
    pub request: RequestId,
    /// Why.
    pub reason: DeferralReason,
    /// When it is examined again.
    pub until: Day,
}

/// `request.rejected`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestRejected {
    /// The request.
    pub request: RequestId,
    /// Why.
    pub reason: RequestRejectionReason,
    /// In words, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// `request.cancelled`: by whoever follows it, or by the clock when nobody was in touch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCancelled {
    /// The request.
    pub request: RequestId,
    /// Why.
    pub reason: CancellationReason,
}

/// `request.reactivated`: the first date comes back with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestReactivated {
    /// The request.
    pub request: RequestId,
    /// When it goes stale without an update.
    pub update_due: Instant,
    /// When it lapses without contact.
    pub contact_due: Instant,
}

/// `request.transferred`: another SIAO treats it from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestTransferred {
    /// The request.
    pub request: RequestId,
    /// The SIAO that takes it over.
    pub to: Territory,
}

/// `request.went_stale`: not confirmed in time, or re-ranked after a refusal judged not receivable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestWentStale {
    /// The request.
    pub request: RequestId,
}

/// `request.seniority_reset`: the only event that moves seniority later (INV-10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeniorityReset {
    /// The request.
    pub request: RequestId,
    /// The refusal that was judged not receivable.
    pub referral: ReferralId,
}

/// `request.fulfilled`: a stay or a lease started from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestFulfilled {
    /// The request.
    pub request: RequestId,
    /// The stay.
    pub stay: StayId,
}

events! {
    /// What can happen to a request.
    pub enum RequestEvent in HouseholdEvent::Request {
        "request.created" v 2 by lift::file => RequestCreated(RequestCreated),
        "request.submitted" v 1 => RequestSubmitted(RequestSubmitted),
        "request.updated" v 2 by lift::file => RequestUpdated(RequestUpdated),
        "assessment.requested" v 1 => AssessmentRequested(AssessmentRequested),
        "request.assessed" v 2 by lift::assessment => RequestAssessed(RequestAssessed),
        "committee.scheduled" v 1 => CommitteeScheduled(CommitteeScheduled),
        "request.qualified" v 1 => RequestQualified(RequestQualified),
        "request.deferred" v 1 => RequestDeferred(RequestDeferred),
        "request.rejected" v 1 => RequestRejected(RequestRejected),
        "request.cancelled" v 1 => RequestCancelled(RequestCancelled),
        "request.reactivated" v 1 => RequestReactivated(RequestReactivated),
        "request.transferred" v 1 => RequestTransferred(RequestTransferred),
        "request.went_stale" v 1 => RequestWentStale(RequestWentStale),
        "request.seniority_reset" v 1 => SeniorityReset(SeniorityReset),
        "request.fulfilled" v 1 => RequestFulfilled(RequestFulfilled),
    }
}

impl RequestEvent {
    /// The request it is about.
    #[must_use]
    pub fn request(&self) -> RequestId {
        match self {
            Self::RequestCreated(e) => e.request,
            Self::RequestSubmitted(e) => e.request,
            Self::RequestUpdated(e) => e.request,
            Self::AssessmentRequested(e) => e.request,
            Self::RequestAssessed(e) => e.request,
            Self::CommitteeScheduled(e) => e.request,
            Self::RequestQualified(e) => e.request,
            Self::RequestDeferred(e) => e.request,
            Self::RequestRejected(e) => e.request,
            Self::RequestCancelled(e) => e.request,
            Self::RequestReactivated(e) => e.request,
            Self::RequestTransferred(e) => e.request,
            Self::RequestWentStale(e) => e.request,
            Self::SeniorityReset(e) => e.request,
            Self::RequestFulfilled(e) => e.request,
        }
    }
}
