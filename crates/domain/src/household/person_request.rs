//! Requests of persons on their data (*exercice des droits*, GDPR art. 15 to 21), each under a clock of one month.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, months_after};
use crate::event::events;
use crate::household::consent::ConsentChannel;
use crate::household::{Household, HouseholdEvent};
use crate::id::{PersonId, PersonRequestId};
use crate::personal::Personal;
use crate::reference::{PersonRequestExtensionReason, PersonRequestRefusalGround};

/// How many months the law gives for an answer (GDPR art. 12(3)).
const ANSWER_MONTHS: i64 = 1;
/// By how many further months at most it can be extended, once (GDPR art. 12(3)).
pub(crate) const EXTENSION_MONTHS_MAX: u8 = 2;

/// The right that a person exercises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonRequestKind {
    /// To know and to receive what is held on them (art. 15).
    Access,
    /// To have what is wrong corrected (art. 16).
    Rectification,
    /// To have it erased (art. 17).
    Erasure,
    /// To have its use limited while something is disputed (art. 18).
    Limitation,
    /// To receive what they gave, for use elsewhere (art. 20).
    Portability,
    /// To object to a use or to a recipient (art. 21).
    Opposition,
}

impl PersonRequestKind {
    /// Every kind, in the order of the articles.
    pub const ALL: [Self; 6] = [
        Self::Access,
        Self::Rectification,
        Self::Erasure,
        Self::Limitation,
        Self::Portability,
        Self::Opposition,
    ];
}

/// What a person was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonRequestOutcome {
    /// All of what was asked.
    Granted,
    /// A part of it, with the grounds for the rest.
    Partly,
    /// Nothing of it, with the grounds.
    Refused,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PersonRequestSituation {
    /// Within its time.
    Open,
    /// Its time is over, and it still waits for an answer.
    Overdue,
    /// Answered.
    Answered {
        /// What.
        outcome: PersonRequestOutcome,
        /// The day the person was told.
        on: Day,
    },
}

/// A request of one person. What they wrote stays in the journal, sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonRequest {
    /// Whose.
    pub person: PersonId,
    /// Which right.
    pub kind: PersonRequestKind,
    /// The day it reached one of those who take part.
    pub received_on: Day,
    /// How.
    pub channel: ConsentChannel,
    /// The last day for the answer.
    pub due: Day,
    /// Whether its time was extended: never twice.
    pub extended: bool,
    /// Where it stands.
    pub situation: PersonRequestSituation,
}

impl PersonRequest {
    /// Whether it waits for an answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.situation {
            PersonRequestSituation::Open | PersonRequestSituation::Overdue => true,
            PersonRequestSituation::Answered { .. } => false,
        }
    }

    /// Whether it was answered in full.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        matches!(
            self.situation,
            PersonRequestSituation::Answered { outcome: PersonRequestOutcome::Granted, .. }
        )
    }
}

/// The last day for the answer to what was received on a day: the same day of the next month, or the last of that month
/// if it has no such day (Regulation 1182/71, art. 3). That a period which ends on a Sunday ends later is not used: who
/// answers before is never late.
#[must_use]
pub fn answer_due(received_on: Day) -> Day {
    extended_due(received_on, 0)
}

/// The last day after an extension by so many months. It is counted from the reception: what came on 31 January and is
/// extended by two months is due on 30 April, not on the 28th because February is short.
#[must_use]
pub fn extended_due(received_on: Day, months: u8) -> Day {
    Day(months_after(received_on.0, ANSWER_MONTHS + i64::from(months)))
}

/// `person_request.recorded`: a person exercises a right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonRequestRecorded {
    /// The request.
    pub person_request: PersonRequestId,
    /// Whose.
    pub person: PersonId,
    /// Which right.
    pub right: PersonRequestKind,
    /// The day it was received.
    pub received_on: Day,
    /// How.
    pub channel: ConsentChannel,
    /// The last day for the answer.
    pub due: Day,
    /// What is asked, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// `person_request.extended`: the person was told in time that the answer takes longer, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonRequestExtended {
    /// The request.
    pub person_request: PersonRequestId,
    /// Why.
    pub reason: PersonRequestExtensionReason,
    /// The day the person was told.
    pub told_on: Day,
    /// How.
    pub channel: ConsentChannel,
    /// The last day for the answer from now on.
    pub due: Day,
    /// What they were told, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// `person_request.overdue`: the last day is over without an answer; written by the clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonRequestOverdue {
    /// The request.
    pub person_request: PersonRequestId,
}

/// `person_request.answered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonRequestAnswered {
    /// The request.
    pub person_request: PersonRequestId,
    /// What was answered.
    pub outcome: PersonRequestOutcome,
    /// Why not, or not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grounds: Vec<PersonRequestRefusalGround>,
    /// The day the person was told.
    pub answered_on: Day,
    /// How.
    pub channel: ConsentChannel,
    /// What they were told, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

events! {
    /// What can happen to the request of a person.
    pub enum PersonRequestEvent in HouseholdEvent::PersonRequest {
        "person_request.recorded" v 1 => PersonRequestRecorded(PersonRequestRecorded),
        "person_request.extended" v 1 => PersonRequestExtended(PersonRequestExtended),
        "person_request.overdue" v 1 => PersonRequestOverdue(PersonRequestOverdue),
        "person_request.answered" v 1 => PersonRequestAnswered(PersonRequestAnswered),
    }
}

impl Household {
    /// Whether a request of a person waits for an answer.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        self.person_requests.values().any(PersonRequest::is_open)
    }

    pub(super) fn fold_person_request(&mut self, event: &PersonRequestEvent) {
        match event {
            PersonRequestEvent::PersonRequestRecorded(e) => {
                let request = PersonRequest {
                    person: e.person,
                    kind: e.right,
                    received_on: e.received_on,
                    channel: e.channel,
                    due: e.due,
                    extended: false,
                    situation: PersonRequestSituation::Open,
                };
                self.person_requests.insert(e.person_request, request);
            }
            PersonRequestEvent::PersonRequestExtended(e) => {
                if let Some(request) = self.person_requests.get_mut(&e.person_request) {
                    request.due = e.due;
                    request.extended = true;
                    request.situation = PersonRequestSituation::Open;
                }
            }
            PersonRequestEvent::PersonRequestOverdue(e) => {
                if let Some(request) = self.person_requests.get_mut(&e.person_request) {
                    request.situation = PersonRequestSituation::Overdue;
                }
            }
            PersonRequestEvent::PersonRequestAnswered(e) => {
                if let Some(request) = self.person_requests.get_mut(&e.person_request) {
                    request.situation =
                        PersonRequestSituation::Answered { outcome: e.outcome, on: e.answered_on };
                }
            }
        }
    }
}
