//! What can happen to a stay.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::event::events;
use crate::household::stay::Admission;
use crate::household::{HouseholdEvent, lift};
use crate::id::{PersonId, PlaceId, StayId};
use crate::money::Money;
use crate::personal::Personal;
use crate::reference::{ExitDestination, ExitReason};
use crate::structure_kind::StructureKind;

/// `stay.started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayStarted {
    /// The stay.
    pub stay: StayId,
    /// The place.
    pub place: PlaceId,
    /// What kind of structure it is in.
    pub kind: StructureKind,
    /// Who stays.
    pub persons: BTreeSet<PersonId>,
    /// Planned end, where the term is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_end: Option<Day>,
    /// How they came.
    pub admission: Admission,
    /// When the first review is due, where the law asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Day>,
    /// When silence of the préfet becomes acceptance, where social aid is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub social_aid_tacit_at: Option<Instant>,
}

/// `stay.reviewed`: the bilan (CASF R345-4: at least every six months).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayReviewed {
    /// The stay.
    pub stay: StayId,
    /// Whether the household is ready for a lease of its own.
    pub housing_ready: bool,
    /// Until when the household counts as ready without another review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_until: Option<Instant>,
    /// When the next review is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<Day>,
    /// In words, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// `stay.readiness_lapsed`: nobody said again that the household is ready for a lease of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadinessLapsed {
    /// The stay.
    pub stay: StayId,
}

/// `stay.absence_recorded`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AbsenceRecorded {
    /// The stay.
    pub stay: StayId,
    /// First day away.
    pub from: Day,
    /// Expected return.
    pub to: Day,
}

/// `stay.resumed`: back from an absence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayResumed {
    /// The stay.
    pub stay: StayId,
}

/// `stay.extension_requested`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExtensionRequested {
    /// The stay.
    pub stay: StayId,
    /// The end that is asked for.
    pub until: Day,
    /// When silence becomes acceptance, where a text says that it does (CASF R345-4: in a CHRS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tacit_at: Option<Instant>,
    /// Whether it was asked later than the rule wants (one month before the planned end).
    pub late: bool,
    /// The motive, sealed.
    pub motive: Personal<String>,
}

/// `stay.extended`: by express decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayExtended {
    /// The stay.
    pub stay: StayId,
    /// The new planned end.
    pub until: Day,
}

/// `stay.deemed_extended`: by silence of one month, produced by the clock (INV-12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayDeemedExtended {
    /// The stay.
    pub stay: StayId,
    /// The new planned end.
    pub until: Day,
}

/// `stay.extension_refused`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExtensionRefused {
    /// The stay.
    pub stay: StayId,
    /// The motive, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motive: Option<Personal<String>>,
}

/// `admission.decided`: the préfet's express answer on social aid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdmissionDecided {
    /// The stay.
    pub stay: StayId,
    /// Yes or no.
    pub accepted: bool,
}

/// `admission.deemed_accepted`: by silence of one month, produced by the clock (INV-12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdmissionDeemedAccepted {
    /// The stay.
    pub stay: StayId,
}

/// Why a resident of a résidence sociale gives notice; three motives shorten it to eight days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeMotive {
    /// Leaving for housing (offre d'accès à un logement): eight days.
    Housing,
    /// A job obtained or a transfer: eight days.
    Job,
    /// Loss of job: eight days.
    JobLoss,
    /// Any other: one month.
    Other,
}

/// Why the manager of a résidence sociale ends a contract, as it is stated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum TerminationGround {
    /// The resident no longer meets the conditions of admission: three clear months and a relocation proposal.
    ConditionsLost {
        /// The day of the relocation proposal.
        relocation_proposed_on: Day,
    },
    /// Unpaid fees: three months in a row wholly unpaid, or a debt of at least twice the monthly amount.
    Unpaid {
        /// Months in a row wholly unpaid.
        months: u8,
        /// What is owed, in cents.
        debt: Money,
        /// The monthly amount, in cents.
        monthly: Money,
    },
    /// Serious or repeated breach of the house rules: one month after the registered letter.
    Breach,
}

/// What is owed. Always sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrears {
    /// Months in a row wholly unpaid.
    pub months: u8,
    /// What is owed, in cents.
    pub debt: Money,
    /// The monthly amount, in cents.
    pub monthly: Money,
}

/// Why a contract ends, as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum NotifiedGround {
    /// The resident no longer meets the conditions of admission.
    ConditionsLost {
        /// The day of the relocation proposal.
        relocation_proposed_on: Day,
    },
    /// Unpaid fees.
    Unpaid {
        /// What is owed, sealed.
        arrears: Personal<Arrears>,
    },
    /// Serious or repeated breach of the house rules.
    Breach,
}

impl From<&TerminationGround> for NotifiedGround {
    fn from(stated: &TerminationGround) -> Self {
        match *stated {
            TerminationGround::ConditionsLost { relocation_proposed_on } => {
                Self::ConditionsLost { relocation_proposed_on }
            }
            TerminationGround::Unpaid { months, debt, monthly } => {
                Self::Unpaid { arrears: Personal::Known(Arrears { months, debt, monthly }) }
            }
            TerminationGround::Breach => Self::Breach,
        }
    }
}

/// `stay.notice_given`: by the resident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeGiven {
    /// The stay.
    pub stay: StayId,
    /// Why, which decides how long the notice is, sealed.
    pub motive: Personal<NoticeMotive>,
    /// The day the contract ends.
    pub ends_on: Day,
}

/// `stay.termination_notified`: by the manager.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TerminationNotified {
    /// The stay.
    pub stay: StayId,
    /// Why.
    pub ground: NotifiedGround,
    /// The day the contract ends.
    pub ends_on: Day,
}

/// `stay.notice_withdrawn`: the notice that ran is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeWithdrawn {
    /// The stay.
    pub stay: StayId,
    /// The day the contract ends all the same: the manager's termination, which stands again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Day>,
}

/// `stay.persons_left`: some moved out, the stay of the others goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonsLeft {
    /// The stay.
    pub stay: StayId,
    /// Who left.
    pub persons: BTreeSet<PersonId>,
    /// Where to.
    pub destination: ExitDestination,
    /// Why.
    pub reason: ExitReason,
}

/// `stay.ended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayEnded {
    /// The stay.
    pub stay: StayId,
    /// Where to.
    pub destination: ExitDestination,
    /// Why.
    pub reason: ExitReason,
    /// When a deposit must have been returned, where one was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit_due: Option<Day>,
}

/// `stay.deposit_returned`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepositReturned {
    /// The stay.
    pub stay: StayId,
}

events! {
    /// What can happen to a stay.
    pub enum StayEvent in HouseholdEvent::Stay {
        "stay.started" v 1 => StayStarted(StayStarted),
        "stay.reviewed" v 1 => StayReviewed(StayReviewed),
        "stay.readiness_lapsed" v 1 => ReadinessLapsed(ReadinessLapsed),
        "stay.absence_recorded" v 1 => AbsenceRecorded(AbsenceRecorded),
        "stay.resumed" v 1 => StayResumed(StayResumed),
        "stay.extension_requested" v 1 => ExtensionRequested(ExtensionRequested),
        "stay.extended" v 1 => StayExtended(StayExtended),
        "stay.deemed_extended" v 1 => StayDeemedExtended(StayDeemedExtended),
        "stay.extension_refused" v 1 => ExtensionRefused(ExtensionRefused),
        "admission.decided" v 1 => AdmissionDecided(AdmissionDecided),
        "admission.deemed_accepted" v 1 => AdmissionDeemedAccepted(AdmissionDeemedAccepted),
        "stay.notice_given" v 2 by lift::motive => NoticeGiven(NoticeGiven),
        "stay.termination_notified" v 2 by lift::termination => TerminationNotified(TerminationNotified),
        "stay.notice_withdrawn" v 1 => NoticeWithdrawn(NoticeWithdrawn),
        "stay.persons_left" v 1 => PersonsLeft(PersonsLeft),
        "stay.ended" v 1 => StayEnded(StayEnded),
        "stay.deposit_returned" v 1 => DepositReturned(DepositReturned),
    }
}
