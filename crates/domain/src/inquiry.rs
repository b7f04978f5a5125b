//! The inquiry ledger (*question de capacité*): a SIAO asks who could take a household of such a composition, without naming
//! anybody; those who have places answer. The household comes later, with a referral.
//!
//! **Invariant.** Nothing here says who it is for: no id of a household, no free text, numbers and closed lists only.
//!
//! **Invariant.** An organisation has one answer, its last; once the question is over nobody answers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::event::{Stamp, events, families};
use crate::id::{OrganisationId, PlaceId};
use crate::reference::{Animal, CommuneCode, ProviderRefusalReason};
use crate::structure_kind::StructureKind;

/// Who is to be housed and where, without saying who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// How many adults, from 1.
    pub adults: u8,
    /// How many minors.
    #[serde(default)]
    pub children: u8,
    /// Whether two of the adults are a couple.
    #[serde(default)]
    pub couple: bool,
    /// A wheelchair must enter and turn.
    #[serde(default)]
    pub wheelchair: bool,
    /// Ground floor or lift.
    #[serde(default)]
    pub step_free: bool,
    /// Animals that come along.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub animals: BTreeSet<Animal>,
    /// In one of these kinds of structures; any if none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<StructureKind>,
    /// In one of these communes, by their INSEE codes; anywhere in the département if none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub communes: BTreeSet<CommuneCode>,
    /// On this day at the latest.
    pub by: Day,
}

/// What an organisation answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It could.
    Available {
        /// In how many of its places, from 1.
        places: u8,
        /// From this day.
        from: Day,
        /// In this one, if it says which: a referral can be proposed to it at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<PlaceId>,
    },
    /// It could not.
    Unavailable {
        /// Why, if it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<ProviderRefusalReason>,
    },
}

/// How a question ended for who asked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InquiryOutcome {
    /// A place was found among the answers.
    Met,
    /// It is no longer asked: another solution, or the need is gone.
    NoLongerNeeded,
}

/// `inquiry.opened`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InquiryOpened {
    /// Who asks.
    pub owner: OrganisationId,
    /// What for.
    pub sought: Sought,
    /// Until when it may be answered.
    pub until: Instant,
}

/// `inquiry.answered`: in the place of what the organisation answered before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InquiryAnswered {
    /// Who answers.
    pub by: OrganisationId,
    /// What.
    #[serde(flatten)]
    pub answer: Answer,
}

/// `inquiry.closed`: who asked needs no more answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InquiryClosed {
    /// Why.
    pub outcome: InquiryOutcome,
}

/// `inquiry.expired`: its time was over. Only the clock says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InquiryExpired {}

events! {
    /// What can happen to an inquiry.
    pub enum CapacityEvent in InquiryEvent::Capacity {
        "inquiry.opened" v 1 => InquiryOpened(InquiryOpened),
        "inquiry.answered" v 1 => InquiryAnswered(InquiryAnswered),
        "inquiry.closed" v 1 => InquiryClosed(InquiryClosed),
        "inquiry.expired" v 1 => InquiryExpired(InquiryExpired),
    }
}

families! {
    /// What can happen to an inquiry.
    pub enum InquiryEvent {
        Capacity(CapacityEvent),
    }
}

/// An inquiry: the fold of its ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Inquiry {
    /// Nothing is written on this ledger.
    #[default]
    Unknown,
    /// It was asked.
    Asked(Asked),
}

/// A question that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Who asks.
    pub owner: OrganisationId,
    /// What for.
    pub sought: Sought,
    /// Since when.
    pub since: Timestamp,
    /// Until when it may be answered.
    pub until: Timestamp,
    /// The last answer of each who answered.
    pub answers: BTreeMap<OrganisationId, Answered>,
    /// Whether it still may be.
    pub situation: InquirySituation,
}

/// An answer, with its date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub answer: Answer,
}

/// Whether a question still may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum InquirySituation {
    /// It may.
    Open,
    /// Who asked ended it.
    Closed {
        /// When.
        at: Timestamp,
        /// Why.
        outcome: InquiryOutcome,
    },
    /// Its time was over.
    Expired {
        /// When.
        at: Timestamp,
    },
}

impl Inquiry {
    /// The question, if it was asked.
    #[must_use]
    pub fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Asked(asked) => Some(asked),
            Self::Unknown => None,
        }
    }

    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &InquiryEvent, stamp: &Stamp) {
        let InquiryEvent::Capacity(event) = event;
        match (event, self) {
            (CapacityEvent::InquiryOpened(e), is @ Self::Unknown) => {
                *is = Self::Asked(Asked {
                    owner: e.owner,
                    sought: e.sought.clone(),
                    since: stamp.effective,
                    until: e.until.0,
                    answers: BTreeMap::new(),
                    situation: InquirySituation::Open,
                });
            }
            (CapacityEvent::InquiryAnswered(e), Self::Asked(is)) => {
                is.answers.insert(e.by, Answered { at: stamp.effective, answer: e.answer.clone() });
            }
            (CapacityEvent::InquiryClosed(e), Self::Asked(is)) => {
                is.situation = InquirySituation::Closed { at: stamp.effective, outcome: e.outcome };
            }
            (CapacityEvent::InquiryExpired(_), Self::Asked(is)) => {
                is.situation = InquirySituation::Expired { at: stamp.effective };
            }
            (
                CapacityEvent::InquiryOpened(_)
                | CapacityEvent::InquiryAnswered(_)
                | CapacityEvent::InquiryClosed(_)
                | CapacityEvent::InquiryExpired(_),
                Self::Unknown | Self::Asked(_),
            ) => {}
        }
    }
}

impl Asked {
    /// Whether it may be answered.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.situation == InquirySituation::Open
    }
}
