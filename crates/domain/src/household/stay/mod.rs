//! The stay (*prise en charge*): admission, reviews, extensions, absences, notices, exit.

mod event;
mod fold;

pub use event::{
    AbsenceRecorded, AdmissionDecided, AdmissionDeemedAccepted, Arrears, DepositReturned, ExtensionRefused,
    ExtensionRequested, NoticeGiven, NoticeMotive, NoticeWithdrawn, NotifiedGround, PersonsLeft,
    ReadinessLapsed, StayDeemedExtended, StayEnded, StayEvent, StayExtended, StayResumed, StayReviewed,
    StayStarted, TerminationGround, TerminationNotified,
};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant, spans_meet};
use crate::household::presence::Left;
use crate::id::{EventId, PersonId, PlaceId, ReferralId};
use crate::reference::ExitDestination;
use crate::structure_kind::StructureKind;

/// How the household came to the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Admission {
    /// On the SIAO's proposal.
    Referral {
        /// The referral.
        referral: ReferralId,
    },
    /// By the head of the structure in an emergency, who then informs the SIAO (CASF R345-4, L345-2-7).
    Direct,
    /// Taken over from an earlier file.
    TakenOver,
}

/// Where an extension of the stay stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Extension {
    /// Asked for.
    Requested {
        /// The end that is asked for.
        until: Day,
        /// When silence becomes acceptance, where a text says that it does (CASF R345-4: in a CHRS).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tacit_at: Option<Timestamp>,
    },
    /// Refused by the prefecture.
    Refused,
}

/// Where the social-aid request sent with a CHRS admission stands (CASF R345-4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SocialAid {
    /// Sent to the préfet; silence for `tacit_at` means yes.
    Sent {
        /// When silence becomes acceptance.
        tacit_at: Timestamp,
    },
    /// Accepted, expressly or by silence.
    Accepted {
        /// Whether by silence.
        tacit: bool,
    },
    /// Refused by the préfet.
    Refused,
}

/// Where a stay stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StaySituation {
    /// The household is there.
    Present,
    /// Momentarily away; the place stays theirs.
    Absent {
        /// First day away.
        from: Day,
        /// Expected return.
        to: Day,
    },
    /// A notice is running.
    Leaving {
        /// The day the contract ends.
        ends_on: Day,
    },
    /// Over.
    Ended {
        /// When.
        at: Timestamp,
        /// Where to.
        destination: ExitDestination,
        /// The event that says so.
        by: EventId,
    },
}

/// That a household was found ready for a lease of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    /// When.
    pub since: Instant,
    /// Until when that holds without another review; for those who were found ready before this was asked, nothing says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
}

/// A stay of some or all members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stay {
    /// The place.
    pub place: PlaceId,
    /// What kind of structure it is in.
    pub kind: StructureKind,
    /// Who stays.
    pub persons: BTreeSet<PersonId>,
    /// Who joined it later, and when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub joined: BTreeMap<PersonId, Timestamp>,
    /// Who left it while the others stayed, in the order of the journal; who came back is among its persons too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
    /// Since when.
    pub from: Timestamp,
    /// The event that says so.
    pub started_by: EventId,
    /// Planned end, where the term is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_end: Option<Day>,
    /// How they came.
    pub admission: Admission,
    /// Where it stands.
    pub situation: StaySituation,
    /// When the next review is due, where the law asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Day>,
    /// The day the manager's termination ends the contract, if one was notified: a sooner notice may run before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination: Option<Day>,
    /// The running extension, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// The social-aid request, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub social_aid: Option<SocialAid>,
    /// That the last review found the household ready for a lease of its own, while that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// When the deposit must have been returned, after an exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit_due: Option<Day>,
}

impl Stay {
    /// Whether the household still has the place; absence does not free it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.ended().is_none()
    }

    /// When it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<Timestamp> {
        match self.situation {
            StaySituation::Present | StaySituation::Absent { .. } | StaySituation::Leaving { .. } => None,
            StaySituation::Ended { at, .. } => Some(at),
        }
    }

    /// Whether the stay covers some instant of `[from, to)`; an open end is the end of time.
    #[must_use]
    pub fn overlaps(&self, from: Timestamp, to: Option<Timestamp>) -> bool {
        spans_meet((self.from, self.ended()), (from, to))
    }
}
