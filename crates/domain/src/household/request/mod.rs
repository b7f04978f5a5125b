//! The request addressed to the SIAO (*demande*): from draft to admission.

mod event;
mod fold;
mod record;

pub use event::{
    AssessmentRequested, CommitteeScheduled, RequestAssessed, RequestCancelled, RequestCreated,
    RequestDeferred, RequestEvent, RequestFulfilled, RequestQualified, RequestReactivated, RequestRejected,
    RequestSubmitted, RequestTransferred, RequestUpdated, RequestWentStale, SeniorityReset,
};

pub use record::{FileRecord, NeedRecord, Since};

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calendar::Day;
use crate::household::Household;
use crate::household::dated::FactDates;
use crate::id::{EventId, StayId, Territory};
use crate::personal::SealedIn;
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

/// What the household needs of a place, as it is stated. Functional needs only: nothing of health is ever recorded.
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

/// What a request says, as it is stated, whatever its stage.
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
    pub file: FileRecord,
    /// Where its reason was sealed.
    pub reason_in: SealedIn,
    /// Where the sealed part of its need was.
    pub need_in: SealedIn,
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

impl Request {
    /// The waiting list it is on, or would be: a volet of a SIAO.
    #[must_use]
    pub fn list(&self) -> (RequestStream, Territory) {
        (self.file.stream, self.siao)
    }

    /// The need, with the date of the facts whose own is not recorded.
    pub(crate) fn need(&self) -> record::Known<'_> {
        (&self.file.need, self.need_since)
    }

    /// Makes the sealed values it keeps readable; see [`crate::personal`].
    pub(super) fn open(&mut self, open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>) {
        self.file.open(&self.reason_in, &self.need_in, open);
    }
}

impl Household {
    /// The open request on this list: there is one at most.
    #[must_use]
    pub fn open_request(&self, list: (RequestStream, Territory)) -> Option<&Request> {
        self.requests.values().find(|request| request.situation.is_open() && request.list() == list)
    }
}
