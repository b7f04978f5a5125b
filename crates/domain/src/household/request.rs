//! The request addressed to the SIAO (*demande*): from draft to admission.

use crate::event::events;
use crate::household::dated::FactDates;
use crate::household::{Household, HouseholdEvent};
use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::event::Stamp;
use crate::id::{EventId, ReferralId, RequestId, StayId, Territory};
use crate::personal::Personal;
use crate::reference::{
    Animal, Area, AssessmentReturnReason, CancellationReason, DeferralReason, RequestReason,
    RequestRejectionReason, ResidentialSituation,
};
use crate::structure_kind::StructureKind;

/// Which desk of the SIAO a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestStream {
    /// Volet urgence: the 115.
    #[serde(rename = "115")]
    Emergency115,
    /// Volet insertion.
    Insertion,
}

/// What the household needs of a place. Functional needs only: nothing of health is ever recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NeedProfile {
    /// A place that a wheelchair can enter and turn in.
    pub wheelchair: bool,
    /// Ground floor or lift.
    pub step_free: bool,
    /// Animals that come along.
    pub animals: BTreeSet<Animal>,
    /// A place reserved for victims of violence.
    pub violence_dedicated: bool,
    /// Under a measure of justice that the place must accept.
    pub justice_measure: bool,
    /// Monthly resources of the household, as a bracket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceBracket>,
}

/// Monthly resources of a household, as a bracket: enough for matching, too little to tell who earns what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceBracket {
    /// No income.
    None,
    /// Under 600 €.
    Under600,
    /// 600 to 1,199 €.
    From600,
    /// 1,200 to 1,799 €.
    From1200,
    /// 1,800 € and more.
    From1800,
}

/// What a request says, whatever its stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    /// Urgence or insertion.
    pub stream: RequestStream,
    /// Where the household lives now (SI-SIAO 20…57).
    pub situation: ResidentialSituation,
    /// Why it asks (SI-SIAO 201…225).
    pub reason: RequestReason,
    /// Where it would live; anywhere in the territory if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wishes: Vec<Area>,
    /// What it needs.
    #[serde(default)]
    pub need: NeedProfile,
    /// What the referrer recommends (*préconisations*).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub recommended: BTreeSet<StructureKind>,
}

/// What the SIAO decided the household can be proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Qualification {
    /// The kinds of housing that fit, at least one.
    pub kinds: BTreeSet<StructureKind>,
    /// The SIAO's priority class: 1 comes first, 5 last.
    pub priority_class: PriorityClass,
    /// Imminent danger: comes before every class.
    #[serde(default)]
    pub imminent_danger: bool,
}

/// A SIAO priority class, 1 (first) to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
pub struct PriorityClass(#[schemars(range(min = 1, max = 5))] u8);

impl TryFrom<u8> for PriorityClass {
    type Error = &'static str;

    fn try_from(class: u8) -> Result<Self, Self::Error> {
        if (1..=5).contains(&class) {
            Ok(Self(class))
        } else {
            Err("a priority class is a number from 1 to 5")
        }
    }
}

impl From<PriorityClass> for u8 {
    fn from(class: PriorityClass) -> Self {
        class.0
    }
}

/// Where a request stands. That a proposal is open is told by the live referrals, not here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RequestSituation {
    /// Brouillon, à compléter.
    Draft,
    /// Transmise.
    Submitted,
    /// À compléter: the SIAO asked for more.
    UnderAssessment {
        /// What is missing.
        reasons: Vec<AssessmentReturnReason>,
    },
    /// En commission.
    InCommittee {
        /// The day of the orientation committee.
        on: Day,
    },
    /// Ajournée.
    Deferred {
        /// Why.
        reason: DeferralReason,
        /// When it is examined again.
        until: Day,
    },
    /// Orientation validée (liste d'attente).
    Qualified(Qualification),
    /// Admise: a stay started from it.
    Fulfilled {
        /// The stay.
        stay: StayId,
        /// The qualification it had: who leaves the others in the stay waits with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        qualification: Option<Qualification>,
    },
    /// À mettre à jour: not matchable until updated.
    Stale {
        /// The qualification it had, restored by an update.
        qualification: Option<Qualification>,
    },
    /// Annulée.
    Cancelled {
        /// Why.
        reason: CancellationReason,
        /// When.
        at: Timestamp,
        /// The qualification it had, restored by a re-activation.
        qualification: Option<Qualification>,
    },
    /// Refusée by the SIAO.
    Rejected {
        /// Why.
        reason: RequestRejectionReason,
    },
    /// Passed to another household by a merge.
    Absorbed,
}

impl RequestSituation {
    /// Whether the SIAO still has something to do or to propose.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Draft
            | Self::Submitted
            | Self::UnderAssessment { .. }
            | Self::InCommittee { .. }
            | Self::Deferred { .. }
            | Self::Qualified(_)
            | Self::Stale { .. } => true,
            Self::Fulfilled { .. } | Self::Cancelled { .. } | Self::Rejected { .. } | Self::Absorbed => false,
        }
    }

    /// The word of the field for this situation, for sentences and lists.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Draft => "à compléter",
            Self::Submitted => "transmise",
            Self::UnderAssessment { .. } => "retournée à compléter",
            Self::InCommittee { .. } => "en commission",
            Self::Deferred { .. } => "ajournée",
            Self::Qualified(_) => "sur liste d'attente",
            Self::Fulfilled { .. } => "admise",
            Self::Stale { .. } => "à mettre à jour",
            Self::Cancelled { .. } => "annulée",
            Self::Rejected { .. } => "refusée",
            Self::Absorbed => "reprise par un autre ménage",
        }
    }

    /// The stay that started from it, if one did.
    #[must_use]
    pub fn fulfilled_by(&self) -> Option<StayId> {
        match self {
            Self::Fulfilled { stay, .. } => Some(*stay),
            Self::Draft
            | Self::Submitted
            | Self::UnderAssessment { .. }
            | Self::InCommittee { .. }
            | Self::Deferred { .. }
            | Self::Qualified(_)
            | Self::Stale { .. }
            | Self::Cancelled { .. }
            | Self::Rejected { .. }
            | Self::Absorbed => None,
        }
    }

    pub(crate) fn qualification(&self) -> Option<&Qualification> {
        match self {
            Self::Qualified(qualification) => Some(qualification),
            Self::Stale { qualification }
            | Self::Cancelled { qualification, .. }
            | Self::Fulfilled { qualification, .. } => qualification.as_ref(),
            Self::Draft
            | Self::Submitted
            | Self::UnderAssessment { .. }
            | Self::InCommittee { .. }
            | Self::Deferred { .. }
            | Self::Rejected { .. }
            | Self::Absorbed => None,
        }
    }
}

/// A request of the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What it says.
    pub file: RequestFile,
    /// Where it stands.
    pub situation: RequestSituation,
    /// The SIAO that treats it; it changes when the request is transferred.
    pub siao: Territory,
    /// First transmission: what seniority counts from. Only an explicit reset moves it later (INV-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seniority: Option<Timestamp>,
    /// The event of that transmission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<EventId>,
    /// When it goes stale if nobody confirms or updates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_due: Option<Timestamp>,
    /// When it lapses if the household has not been in touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Timestamp>,
    /// When the need was last established: the date of the facts that matching uses.
    pub need_since: Timestamp,
    /// Since when each fact of it has been what it is.
    #[serde(default, skip_serializing_if = "FactDates::is_empty")]
    pub dates: FactDates,
}

/// A loss of seniority: no later transmission to the SIAO claims an earlier date in this volet (INV-10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeniorityLoss {
    /// The volet.
    pub stream: RequestStream,
    /// The SIAO.
    pub siao: Territory,
    /// When.
    pub at: Timestamp,
}

/// `request.created`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCreated {
    /// The request.
    pub request: RequestId,
    /// The SIAO it is addressed to.
    pub siao: Territory,
    /// What it says.
    pub file: RequestFile,
    /// The referrer's free note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
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
    pub file: Option<RequestFile>,
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

/// `request.assessed`: the social assessment, narrative sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestAssessed {
    /// The request.
    pub request: RequestId,
    /// The need as assessed.
    pub need: NeedProfile,
    /// How much the household does by itself, 1 (alone) to 5 (with constant help).
    pub autonomy: u8,
    /// The support that is needed, 1 (none) to 5 (daily).
    pub support: u8,
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

impl Request {
    pub(crate) fn created(created: &RequestCreated, stamp: &Stamp) -> Self {
        Self {
            file: created.file.clone(),
            situation: RequestSituation::Draft,
            siao: created.siao,
            seniority: None,
            submitted_by: None,
            update_due: None,
            contact_due: None,
            need_since: stamp.effective,
            dates: FactDates::default(),
        }
    }

    pub(crate) fn submitted(&mut self, event: &RequestSubmitted, stamp: &Stamp) {
        if self.seniority.is_none() {
            self.seniority = Some(stamp.effective);
            self.submitted_by = Some(stamp.event);
        }
        self.update_due = Some(event.update_due.0);
        self.situation = if let RequestSituation::Stale { qualification: Some(qualification) }
        | RequestSituation::Qualified(qualification) = &self.situation
        {
            RequestSituation::Qualified(qualification.clone())
        } else {
            RequestSituation::Submitted
        };
    }

    pub(crate) fn updated(&mut self, event: &RequestUpdated, stamp: &Stamp) {
        if let Some(file) = &event.file {
            self.file = file.clone();
            self.need_since = stamp.effective;
        }
        self.update_due = Some(event.update_due.0);
        self.contact_due = event.contact_due.map(|at| at.0);
        if let RequestSituation::Stale { qualification } = &self.situation {
            // After a reset the household re-transmits: that is a submission, which sets the new date.
            self.situation = match qualification {
                Some(qualification) if self.seniority.is_some() => {
                    RequestSituation::Qualified(qualification.clone())
                }
                Some(_) => self.situation.clone(),
                None if self.seniority.is_some() => RequestSituation::Submitted,
                None => RequestSituation::Draft,
            };
        }
    }

    pub(crate) fn assessed(&mut self, event: &RequestAssessed, stamp: &Stamp) {
        self.file.need = event.need.clone();
        self.need_since = stamp.effective;
        if matches!(self.situation, RequestSituation::UnderAssessment { .. }) {
            self.situation = RequestSituation::Submitted;
        }
    }

    pub(crate) fn cancelled(&mut self, event: &RequestCancelled, stamp: &Stamp) {
        let qualification = self.situation.qualification().cloned();
        self.situation =
            RequestSituation::Cancelled { reason: event.reason, at: stamp.effective, qualification };
        self.update_due = None;
        self.contact_due = None;
    }

    pub(crate) fn reactivated(&mut self, event: &RequestReactivated) {
        self.update_due = Some(event.update_due.0);
        self.contact_due = Some(event.contact_due.0);
        self.situation = match (self.situation.qualification(), self.seniority) {
            (Some(qualification), Some(_)) => RequestSituation::Qualified(qualification.clone()),
            // Its seniority was lost before it was cancelled: it comes back as it was, to be transmitted again.
            (Some(qualification), None) => {
                self.update_due = None;
                RequestSituation::Stale { qualification: Some(qualification.clone()) }
            }
            (None, Some(_)) => RequestSituation::Submitted,
            (None, None) => RequestSituation::Draft,
        };
    }

    pub(crate) fn went_stale(&mut self) {
        let qualification = self.situation.qualification().cloned();
        self.situation = RequestSituation::Stale { qualification };
        self.update_due = None;
    }
}

events! {
    /// What can happen to a request.
    pub enum RequestEvent in HouseholdEvent::Request {
        "request.created" v 1 => RequestCreated(RequestCreated),
        "request.submitted" v 1 => RequestSubmitted(RequestSubmitted),
        "request.updated" v 1 => RequestUpdated(RequestUpdated),
        "assessment.requested" v 1 => AssessmentRequested(AssessmentRequested),
        "request.assessed" v 1 => RequestAssessed(RequestAssessed),
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

impl Household {
    fn on_request(&mut self, id: RequestId, change: impl FnOnce(&mut Request)) {
        if let Some(request) = self.requests.get_mut(&id) {
            change(request);
        }
    }

    /// When the household last lost its seniority in this volet of this SIAO.
    #[must_use]
    pub fn seniority_lost(&self, stream: RequestStream, siao: Territory) -> Option<Timestamp> {
        let of = |loss: &&SeniorityLoss| loss.stream == stream && loss.siao == siao;
        self.seniority_losses.iter().find(of).map(|loss| loss.at)
    }

    /// Keeps the last loss of each volet and SIAO.
    fn lose_seniority(&mut self, stream: RequestStream, siao: Territory, at: Timestamp) {
        let of = |loss: &&mut SeniorityLoss| loss.stream == stream && loss.siao == siao;
        match self.seniority_losses.iter_mut().find(of) {
            Some(loss) => loss.at = loss.at.max(at),
            None => self.seniority_losses.push(SeniorityLoss { stream, siao, at }),
        }
    }

    /// Takes over a request of another household, with the loss of its seniority if it has none left.
    /// Of a request that it had already, it keeps the dates of what does not change.
    pub(super) fn take_request(&mut self, id: RequestId, mut request: Request, at: Timestamp) {
        if let Some(known) = self.requests.get(&id) {
            request.dates.clone_from(&known.dates);
        }
        if request.seniority.is_none() && matches!(request.situation, RequestSituation::Stale { .. }) {
            self.lose_seniority(request.file.stream, request.siao, at);
        }
        self.requests.insert(id, request);
    }

    fn reset_seniority(&mut self, id: RequestId, at: Timestamp) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        (request.seniority, request.submitted_by) = (None, None);
        let (stream, siao) = (request.file.stream, request.siao);
        self.lose_seniority(stream, siao, at);
    }

    fn transfer(&mut self, event: &RequestTransferred) {
        let Some(request) = self.requests.get_mut(&event.request) else { return };
        let (stream, from) = (request.file.stream, request.siao);
        request.siao = event.to;
        if let Some(at) = self.seniority_lost(stream, from) {
            self.lose_seniority(stream, event.to, at);
        }
    }

    pub(super) fn fold_request(&mut self, event: &RequestEvent, stamp: &Stamp) {
        use RequestEvent as E;
        match event {
            E::RequestCreated(e) => {
                self.requests.entry(e.request).or_insert_with(|| Request::created(e, stamp));
            }
            E::RequestSubmitted(e) => self.on_request(e.request, |r| r.submitted(e, stamp)),
            E::RequestUpdated(e) => self.on_request(e.request, |r| r.updated(e, stamp)),
            E::AssessmentRequested(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::UnderAssessment { reasons: e.reasons.clone() };
            }),
            E::RequestAssessed(e) => self.on_request(e.request, |r| r.assessed(e, stamp)),
            E::CommitteeScheduled(e) => {
                self.on_request(e.request, |r| r.situation = RequestSituation::InCommittee { on: e.on });
            }
            E::RequestQualified(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::Qualified(e.qualification.clone());
                r.contact_due = Some(e.contact_due.0);
            }),
            E::RequestDeferred(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::Deferred { reason: e.reason, until: e.until };
            }),
            E::RequestRejected(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::Rejected { reason: e.reason };
                (r.update_due, r.contact_due) = (None, None);
            }),
            E::RequestCancelled(e) => self.on_request(e.request, |r| r.cancelled(e, stamp)),
            E::RequestReactivated(e) => self.on_request(e.request, |r| r.reactivated(e)),
            E::RequestTransferred(e) => self.transfer(e),
            E::RequestWentStale(e) => self.on_request(e.request, |r| r.went_stale()),
            E::SeniorityReset(e) => self.reset_seniority(e.request, stamp.effective),
            E::RequestFulfilled(e) => self.on_request(e.request, |r| {
                let qualification = r.situation.qualification().cloned();
                r.situation = RequestSituation::Fulfilled { stay: e.stay, qualification };
                (r.update_due, r.contact_due) = (None, None);
            }),
        }
    }
}
