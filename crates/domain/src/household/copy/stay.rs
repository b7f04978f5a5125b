//! A running stay that goes to another household.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::household::presence::Left;
use crate::household::stay::{Admission, Extension, Ready, SocialAid, Stay, StaySituation};
use crate::id::{EventId, PersonId, PlaceId, StayId};
use crate::structure_kind::StructureKind;

/// Where an extension stands, as it goes along with a stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ExtensionCopy {
    /// Asked for.
    Requested {
        /// The end that is asked for.
        until: Day,
        /// When silence becomes acceptance, where the law says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tacit_at: Option<Instant>,
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
    /// Who left it while the others stayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
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
    /// Since when and until when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// The day the contract ends, if a notice runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Day>,
    /// The day the manager's termination ends the contract, if one was notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination: Option<Day>,
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
            left: is.left.clone(),
            from: Instant(is.from),
            admission: is.admission.clone(),
            planned_end: is.planned_end,
            review_due: is.review_due,
            housing_ready: is.ready.is_some(),
            ready: is.ready,
            leaving: match is.situation {
                StaySituation::Leaving { ends_on } => Some(ends_on),
                StaySituation::Present | StaySituation::Absent { .. } | StaySituation::Ended { .. } => None,
            },
            termination: is.termination,
            absent: match is.situation {
                StaySituation::Absent { from, to } => Some((from, to)),
                StaySituation::Present | StaySituation::Leaving { .. } | StaySituation::Ended { .. } => None,
            },
            extension: is.extension.as_ref().map(|extension| match extension {
                Extension::Requested { until, tacit_at } => {
                    ExtensionCopy::Requested { until: *until, tacit_at: tacit_at.map(Instant) }
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
            left: self.left.clone(),
            termination: self.termination,
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
                    Extension::Requested { until, tacit_at: tacit_at.map(|at| at.0) }
                }
                ExtensionCopy::Refused => Extension::Refused,
            }),
            social_aid: self.social_aid.map(|aid| match aid {
                SocialAidCopy::Sent { tacit_at } => SocialAid::Sent { tacit_at: tacit_at.0 },
                SocialAidCopy::Accepted { tacit } => SocialAid::Accepted { tacit },
                SocialAidCopy::Refused => SocialAid::Refused,
            }),
            // Copies of before say only whether.
            ready: self
                .ready
                .or_else(|| self.housing_ready.then_some(Ready { since: self.from, until: None })),
            deposit_due: None,
        }
    }
}
