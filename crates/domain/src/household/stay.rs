//! The stay (*prise en charge*): admission, reviews, extensions, absences, notices, exit.

use crate::event::events;
use crate::household::presence::Left;
use crate::household::referral::ReferralSituation;
use crate::household::{Household, HouseholdEvent};
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::event::Stamp;
use crate::id::{EventId, PersonId, PlaceId, ReferralId, StayId};
use crate::money::Money;
use crate::personal::Personal;
use crate::reference::{ExitDestination, ExitReason};
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
    /// Whether the last review found the household ready for a lease of its own.
    #[serde(default)]
    pub housing_ready: bool,
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
        self.ended().is_none_or(|end| from < end) && to.is_none_or(|to| self.from < to)
    }
}

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
    /// When the next review is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<Day>,
    /// In words, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
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

/// Why the manager of a résidence sociale ends a contract.
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

/// `stay.notice_given`: by the resident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeGiven {
    /// The stay.
    pub stay: StayId,
    /// Why, which decides how long the notice is.
    pub motive: NoticeMotive,
    /// The day the contract ends.
    pub ends_on: Day,
}

/// `stay.termination_notified`: by the manager.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TerminationNotified {
    /// The stay.
    pub stay: StayId,
    /// Why.
    pub ground: TerminationGround,
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

impl Stay {
    pub(crate) fn started(event: &StayStarted, stamp: &Stamp) -> Self {
        Self {
            place: event.place,
            kind: event.kind,
            persons: event.persons.clone(),
            joined: BTreeMap::new(),
            left: Vec::new(),
            from: stamp.effective,
            started_by: stamp.event,
            planned_end: event.planned_end,
            admission: event.admission.clone(),
            situation: StaySituation::Present,
            review_due: event.review_due,
            termination: None,
            extension: None,
            social_aid: event.social_aid_tacit_at.map(|at| SocialAid::Sent { tacit_at: at.0 }),
            housing_ready: false,
            deposit_due: None,
        }
    }

    pub(crate) fn extended(&mut self, until: Day) {
        self.planned_end = Some(until);
        self.extension = None;
    }
}

events! {
    /// What can happen to a stay.
    pub enum StayEvent in HouseholdEvent::Stay {
        "stay.started" v 1 => StayStarted(StayStarted),
        "stay.reviewed" v 1 => StayReviewed(StayReviewed),
        "stay.absence_recorded" v 1 => AbsenceRecorded(AbsenceRecorded),
        "stay.resumed" v 1 => StayResumed(StayResumed),
        "stay.extension_requested" v 1 => ExtensionRequested(ExtensionRequested),
        "stay.extended" v 1 => StayExtended(StayExtended),
        "stay.deemed_extended" v 1 => StayDeemedExtended(StayDeemedExtended),
        "stay.extension_refused" v 1 => ExtensionRefused(ExtensionRefused),
        "admission.decided" v 1 => AdmissionDecided(AdmissionDecided),
        "admission.deemed_accepted" v 1 => AdmissionDeemedAccepted(AdmissionDeemedAccepted),
        "stay.notice_given" v 1 => NoticeGiven(NoticeGiven),
        "stay.termination_notified" v 1 => TerminationNotified(TerminationNotified),
        "stay.notice_withdrawn" v 1 => NoticeWithdrawn(NoticeWithdrawn),
        "stay.persons_left" v 1 => PersonsLeft(PersonsLeft),
        "stay.ended" v 1 => StayEnded(StayEnded),
        "stay.deposit_returned" v 1 => DepositReturned(DepositReturned),
    }
}

impl Household {
    fn on_stay(&mut self, id: StayId, change: impl FnOnce(&mut Stay)) {
        if let Some(stay) = self.stays.get_mut(&id) {
            change(stay);
        }
    }

    pub(super) fn fold_stay(&mut self, event: &StayEvent, stamp: &Stamp) {
        use StayEvent as E;
        match event {
            E::StayStarted(e) => {
                self.stays.insert(e.stay, Stay::started(e, stamp));
                if let Admission::Referral { referral } = e.admission
                    && let Some(referral) = self.referrals.get_mut(&referral)
                {
                    referral.situation = ReferralSituation::Admitted { stay: e.stay };
                }
            }
            E::StayReviewed(e) => self.on_stay(e.stay, |s| {
                s.housing_ready = e.housing_ready;
                s.review_due = e.next_due;
            }),
            E::AbsenceRecorded(e) => {
                self.on_stay(e.stay, |s| s.situation = StaySituation::Absent { from: e.from, to: e.to });
            }
            E::StayResumed(e) => self.on_stay(e.stay, |s| s.situation = StaySituation::Present),
            E::ExtensionRequested(e) => self.on_stay(e.stay, |s| {
                s.extension =
                    Some(Extension::Requested { until: e.until, tacit_at: e.tacit_at.map(|at| at.0) });
            }),
            E::StayExtended(e) => self.on_stay(e.stay, |s| s.extended(e.until)),
            E::StayDeemedExtended(e) => self.on_stay(e.stay, |s| s.extended(e.until)),
            E::ExtensionRefused(e) => self.on_stay(e.stay, |s| s.extension = Some(Extension::Refused)),
            E::AdmissionDecided(e) => self.on_stay(e.stay, |s| {
                s.social_aid =
                    Some(if e.accepted { SocialAid::Accepted { tacit: false } } else { SocialAid::Refused });
            }),
            E::AdmissionDeemedAccepted(e) => {
                self.on_stay(e.stay, |s| s.social_aid = Some(SocialAid::Accepted { tacit: true }));
            }
            E::NoticeGiven(e) => {
                self.on_stay(e.stay, |s| s.situation = StaySituation::Leaving { ends_on: e.ends_on });
            }
            E::TerminationNotified(e) => self.on_stay(e.stay, |s| {
                s.situation = StaySituation::Leaving { ends_on: e.ends_on };
                s.termination = Some(e.ends_on);
            }),
            E::NoticeWithdrawn(e) => self.on_stay(e.stay, |s| {
                s.termination = e.stands;
                s.situation = match e.stands {
                    Some(ends_on) => StaySituation::Leaving { ends_on },
                    None => StaySituation::Present,
                };
            }),
            E::PersonsLeft(e) => self.on_stay(e.stay, |s| s.leave(&e.persons, stamp.effective)),
            E::StayEnded(e) => self.on_stay(e.stay, |s| {
                s.situation =
                    StaySituation::Ended { at: stamp.effective, destination: e.destination, by: stamp.event };
                s.deposit_due = e.deposit_due;
                (s.review_due, s.extension) = (None, None);
                if matches!(s.social_aid, Some(SocialAid::Sent { .. })) {
                    s.social_aid = None;
                }
            }),
            E::DepositReturned(e) => self.on_stay(e.stay, |s| s.deposit_due = None),
        }
    }
}
