//! What goes to another household when one becomes two or two become one, as the events carry it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::household::application::{
    Application, ApplicationSituation, Deregistration, UniqueRegistrationNumber,
};
use crate::household::consent::Consent;
use crate::household::priority::{Label, LabelSource};
use crate::household::request::{Qualification, Request, RequestFile, RequestSituation};
use crate::household::stay::{Admission, Extension, SocialAid, Stay, StaySituation};
use crate::id::{
    ApplicationId, ConsentId, EventId, LabelId, OrganisationId, PersonId, PlaceId, RequestId, StayId,
    Territory,
};
use crate::reference::{AssessmentReturnReason, CommuneCode, ConsentPurpose, DeferralReason, PriorityGround};
use crate::structure_kind::StructureKind;

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
            RequestSituation::Draft
            | RequestSituation::Submitted
            | RequestSituation::Qualified(_)
            | RequestSituation::Fulfilled { .. }
            | RequestSituation::Stale { .. }
            | RequestSituation::Cancelled { .. }
            | RequestSituation::Rejected { .. }
            | RequestSituation::Absorbed => None,
        }
    }

    fn situation(&self) -> RequestSituation {
        match self {
            Self::UnderAssessment { reasons } => {
                RequestSituation::UnderAssessment { reasons: reasons.clone() }
            }
            Self::InCommittee { on } => RequestSituation::InCommittee { on: *on },
            Self::Deferred { reason, until } => RequestSituation::Deferred { reason: *reason, until: *until },
        }
    }
}

/// An open request as it goes to another household, with its seniority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCopy {
    /// Its id there.
    pub request: RequestId,
    /// What it says.
    pub file: RequestFile,
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
}

impl RequestCopy {
    /// A copy of `request` under the id `copy`.
    #[must_use]
    pub fn of(request: &Request, copy: RequestId) -> Self {
        Self {
            request: copy,
            file: request.file.clone(),
            siao: request.siao,
            seniority: request.seniority.map(Instant),
            qualification: request.situation.qualification().cloned(),
            update_due: request.update_due.map(Instant),
            contact_due: request.contact_due.map(Instant),
            need_since: Instant(request.need_since),
            stale: matches!(request.situation, RequestSituation::Stale { .. }),
            stage: Stage::of(&request.situation),
        }
    }

    pub(crate) fn to_request(&self, by: EventId) -> Request {
        let situation = match (&self.stage, &self.qualification, self.seniority) {
            (_, qualification, _) if self.stale => {
                RequestSituation::Stale { qualification: qualification.clone() }
            }
            (Some(stage), _, _) => stage.situation(),
            (None, Some(qualification), _) => RequestSituation::Qualified(qualification.clone()),
            (None, None, Some(_)) => RequestSituation::Submitted,
            (None, None, None) => RequestSituation::Draft,
        };
        Request {
            file: self.file.clone(),
            situation,
            siao: self.siao,
            seniority: self.seniority.map(|at| at.0),
            submitted_by: self.seniority.map(|_| by),
            update_due: self.update_due.map(|at| at.0),
            contact_due: self.contact_due.map(|at| at.0),
            need_since: self.need_since.0,
        }
    }
}

/// An application as it goes to another household: number and date of filing stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationCopy {
    /// Its id there.
    pub application: ApplicationId,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<UniqueRegistrationNumber>,
    /// The day of filing.
    pub filed_on: Day,
    /// The last day it is valid.
    pub valid_until: Day,
    /// Wished communes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub communes: Vec<CommuneCode>,
    /// A warning that it will be struck off, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<WarningCopy>,
}

/// A warning before an application is struck off, which still runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarningCopy {
    /// The ground.
    pub ground: Deregistration,
    /// When it is struck off without an answer.
    pub strikes_at: Instant,
}

impl ApplicationCopy {
    /// A copy of an application in the register under the id `copy`.
    #[must_use]
    pub fn of(is: &Application, copy: ApplicationId) -> Self {
        Self {
            application: copy,
            number: is.number,
            filed_on: is.filed_on,
            valid_until: is.valid_until,
            communes: is.communes.clone(),
            warned: match is.situation {
                ApplicationSituation::Warned { ground, strikes_at } => {
                    Some(WarningCopy { ground, strikes_at: Instant(strikes_at) })
                }
                ApplicationSituation::Registered | ApplicationSituation::Deregistered { .. } => None,
            },
        }
    }

    pub(crate) fn to_application(&self) -> Application {
        let situation = self.warned.as_ref().map_or(ApplicationSituation::Registered, |warned| {
            ApplicationSituation::Warned { ground: warned.ground, strikes_at: warned.strikes_at.0 }
        });
        Application {
            number: self.number,
            filed_on: self.filed_on,
            valid_until: self.valid_until,
            communes: self.communes.clone(),
            situation,
        }
    }
}

/// A priority label as it goes to another household: its id is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelCopy {
    /// The label.
    pub label: LabelId,
    /// The ground.
    pub ground: PriorityGround,
    /// Who granted it.
    pub source: LabelSource,
    /// The day of the decision.
    pub decided_on: Day,
    /// When the préfet must have proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_due: Option<Day>,
}

impl LabelCopy {
    /// A copy of a label that holds.
    #[must_use]
    pub fn of(label: LabelId, is: &Label) -> Self {
        let (ground, source, decided_on) = (is.ground, is.source, is.decided_on);
        Self { label, ground, source, decided_on, proposal_due: is.proposal_due }
    }

    pub(crate) fn to_label(&self) -> Label {
        Label {
            ground: self.ground,
            source: self.source,
            decided_on: self.decided_on,
            proposal_due: self.proposal_due,
            ended: None,
        }
    }
}

/// A consent as it goes with the person who gave it: its id is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentCopy {
    /// The consent.
    pub consent: ConsentId,
    /// Who gave it.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Towards whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<OrganisationId>,
    /// The last day it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Whether it still holds, or was taken back.
    pub given: bool,
}

impl ConsentCopy {
    /// A copy of a consent.
    #[must_use]
    pub fn of(consent: ConsentId, is: &Consent) -> Self {
        let (person, purpose, recipient) = (is.person, is.purpose, is.recipient);
        Self { consent, person, purpose, recipient, until: is.until, given: is.given }
    }

    pub(crate) fn to_consent(&self) -> Consent {
        Consent {
            person: self.person,
            purpose: self.purpose,
            recipient: self.recipient,
            until: self.until,
            given: self.given,
        }
    }
}

/// Where an extension stands, as it goes along with a stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ExtensionCopy {
    /// Asked for.
    Requested {
        /// The end that is asked for.
        until: Day,
        /// When silence becomes acceptance.
        tacit_at: Instant,
    },
    /// Refused.
    Refused,
}

/// Where the social aid stands, as it goes along with a stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SocialAidCopy {
    /// Sent to the préfet.
    Sent {
        /// When silence becomes acceptance.
        tacit_at: Instant,
    },
    /// Accepted.
    Accepted {
        /// Whether by silence.
        tacit: bool,
    },
    /// Refused.
    Refused,
}

/// A running stay as it goes to another household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayCopy {
    /// The stay: its id is kept.
    pub stay: StayId,
    /// The place.
    pub place: PlaceId,
    /// What kind of structure it is in.
    pub kind: StructureKind,
    /// Who stays.
    pub persons: BTreeSet<PersonId>,
    /// Who joined it later, and when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub joined: BTreeMap<PersonId, Instant>,
    /// Since when.
    pub from: Instant,
    /// How they came.
    pub admission: Admission,
    /// Planned end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_end: Option<Day>,
    /// When the next review is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Day>,
    /// Whether the household was found ready for a lease.
    pub housing_ready: bool,
    /// The day the contract ends, if a notice runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Day>,
    /// First and last day of the absence, if they are away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<(Day, Day)>,
    /// Where its extension stands, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<ExtensionCopy>,
    /// Where its social aid stands, if there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub social_aid: Option<SocialAidCopy>,
}

impl StayCopy {
    /// A copy of a running stay.
    #[must_use]
    pub fn of(stay: StayId, is: &Stay) -> Self {
        Self {
            stay,
            place: is.place,
            kind: is.kind,
            persons: is.persons.clone(),
            joined: is.joined.iter().map(|(person, at)| (*person, Instant(*at))).collect(),
            from: Instant(is.from),
            admission: is.admission.clone(),
            planned_end: is.planned_end,
            review_due: is.review_due,
            housing_ready: is.housing_ready,
            leaving: match is.situation {
                StaySituation::Leaving { ends_on } => Some(ends_on),
                StaySituation::Present | StaySituation::Absent { .. } | StaySituation::Ended { .. } => None,
            },
            absent: match is.situation {
                StaySituation::Absent { from, to } => Some((from, to)),
                StaySituation::Present | StaySituation::Leaving { .. } | StaySituation::Ended { .. } => None,
            },
            extension: is.extension.as_ref().map(|extension| match extension {
                Extension::Requested { until, tacit_at } => {
                    ExtensionCopy::Requested { until: *until, tacit_at: Instant(*tacit_at) }
                }
                Extension::Refused => ExtensionCopy::Refused,
            }),
            social_aid: is.social_aid.as_ref().map(|aid| match aid {
                SocialAid::Sent { tacit_at } => SocialAidCopy::Sent { tacit_at: Instant(*tacit_at) },
                SocialAid::Accepted { tacit } => SocialAidCopy::Accepted { tacit: *tacit },
                SocialAid::Refused => SocialAidCopy::Refused,
            }),
        }
    }

    pub(crate) fn to_stay(&self, by: EventId) -> Stay {
        Stay {
            place: self.place,
            kind: self.kind,
            persons: self.persons.clone(),
            joined: self.joined.iter().map(|(person, at)| (*person, at.0)).collect(),
            apart: BTreeSet::new(),
            from: self.from.0,
            started_by: by,
            planned_end: self.planned_end,
            admission: self.admission.clone(),
            situation: match (self.leaving, self.absent) {
                (Some(ends_on), _) => StaySituation::Leaving { ends_on },
                (None, Some((from, to))) => StaySituation::Absent { from, to },
                (None, None) => StaySituation::Present,
            },
            review_due: self.review_due,
            extension: self.extension.map(|extension| match extension {
                ExtensionCopy::Requested { until, tacit_at } => {
                    Extension::Requested { until, tacit_at: tacit_at.0 }
                }
                ExtensionCopy::Refused => Extension::Refused,
            }),
            social_aid: self.social_aid.map(|aid| match aid {
                SocialAidCopy::Sent { tacit_at } => SocialAid::Sent { tacit_at: tacit_at.0 },
                SocialAidCopy::Accepted { tacit } => SocialAid::Accepted { tacit },
                SocialAidCopy::Refused => SocialAid::Refused,
            }),
            housing_ready: self.housing_ready,
            deposit_due: None,
        }
    }
}
