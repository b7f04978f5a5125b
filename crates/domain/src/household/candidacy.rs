//! The household's side of a social-housing allocation: candidacies, offers, leases.

use crate::event::{Event as _, Stamp, events};
use crate::household::{Household, HouseholdEvent, lift};
use crate::personal::{Kept, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::household::application::UniqueRegistrationNumber;
use crate::id::{CandidacyId, EventId, LeaseId, PlaceId, VacancyId};
use crate::money::Money;
use crate::place::committee::{CommitteeDecision, NotificationMeans};
use crate::reference::{OfferRefusalReason, PlaceCategory, ResidentialSituation};

/// Where a candidacy stands, as the household's file tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum CandidacySituation {
    /// Designated to the landlord.
    Designated,
    /// Decided by the committee.
    Decided {
        /// The decision.
        decision: CommitteeDecision,
    },
    /// Offered: silence until `answer_by` is a refusal.
    Offered {
        /// The last instant of an answer.
        answer_by: jiff::Timestamp,
    },
    /// Accepted, the lease is to be signed.
    Accepted,
    /// Over, without a lease.
    Closed {
        /// Why.
        outcome: CandidacyOutcome,
    },
    /// A lease was signed.
    Leased,
}

/// Why a candidacy ends without a lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum CandidacyOutcome {
    /// The committee did not award.
    NotAwarded,
    /// The household refused.
    Refused {
        /// Why.
        reason: OfferRefusalReason,
    },
    /// The household did not answer: silence is refusal (CCH R441-10).
    Lapsed,
    /// The missing document did not come in time.
    ConditionLapsed,
    /// The dwelling went to another rank.
    DwellingTaken,
    /// The landlord withdrew the dwelling.
    DwellingWithdrawn,
    /// The household was housed elsewhere.
    HousedElsewhere,
    /// The application left the register.
    Deregistered,
}

/// A candidacy of the household on one vacancy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidacy {
    /// The dwelling.
    pub place: PlaceId,
    /// Its vacancy.
    pub vacancy: VacancyId,
    /// The application's number when it was designated, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Kept<UniqueRegistrationNumber>>,
    /// What the committee decided: it stays known when the candidacy is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<CommitteeDecision>,
    /// Where it stands.
    pub situation: CandidacySituation,
    /// When it came to nothing, if it did: who let the dwelling still sees for a while what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<jiff::Timestamp>,
}

impl Candidacy {
    /// The number, if it is readable here.
    #[must_use]
    pub fn known_number(&self) -> Option<&UniqueRegistrationNumber> {
        self.number.as_ref()?.value.known()
    }

    /// Whether something can still come of it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match &self.situation {
            CandidacySituation::Designated
            | CandidacySituation::Decided { .. }
            | CandidacySituation::Offered { .. }
            | CandidacySituation::Accepted => true,
            CandidacySituation::Closed { .. } | CandidacySituation::Leased => false,
        }
    }
}

/// A lease of the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The dwelling.
    pub place: PlaceId,
    /// Since when.
    pub from: jiff::Timestamp,
    /// The event that says so.
    pub signed_by: EventId,
    /// When it ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<jiff::Timestamp>,
    /// The event that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EventId>,
}

/// `candidacy.designated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidacyDesignated {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The dwelling.
    pub place: PlaceId,
    /// Its vacancy.
    pub vacancy: VacancyId,
    /// The application's number on that day, sealed.
    pub number: Personal<UniqueRegistrationNumber>,
}

/// `candidacy.decided`: what the committee decided on this household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidacyDecided {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The decision, a to e.
    pub decision: CommitteeDecision,
}

/// `candidacy.offered`: the dwelling is offered to this household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidacyOffered {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The last instant of an answer.
    pub answer_by: Instant,
}

/// `candidacy.notified`: the household has the offer; its days to answer run from then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidacyNotified {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// The day it was received.
    pub received: Day,
    /// By which means.
    pub means: NotificationMeans,
    /// The last instant of an answer, never earlier than it was (CCH R441-10).
    pub answer_by: Instant,
}

/// `candidacy.accepted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidacyAccepted {
    /// The candidacy.
    pub candidacy: CandidacyId,
}

/// `candidacy.closed`: over, without a lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidacyClosed {
    /// The candidacy.
    pub candidacy: CandidacyId,
    /// Why.
    pub outcome: CandidacyOutcome,
}

/// `lease.signed`: closes the application, the labels and the stay, in the same append (INV-8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseSigned {
    /// The lease.
    pub lease: LeaseId,
    /// The candidacy it answers.
    pub candidacy: CandidacyId,
    /// The dwelling.
    pub place: PlaceId,
    /// The first day.
    pub from: Day,
    /// Monthly rent without charges, in cents.
    pub rent: Money,
    /// Monthly charges, in cents.
    pub charges: Money,
    /// The dwelling's type: T2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typology: Option<PlaceCategory>,
    /// Where the household lived before, as its last request said, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ResidentialSituation>,
}

/// `lease.ended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseEnded {
    /// The lease.
    pub lease: LeaseId,
}

events! {
    /// What can happen to a candidacy and a lease.
    pub enum CandidacyEvent in HouseholdEvent::Candidacy {
        "candidacy.designated" v 2 by lift::number => CandidacyDesignated(CandidacyDesignated),
        "candidacy.decided" v 1 => CandidacyDecided(CandidacyDecided),
        "candidacy.offered" v 1 => CandidacyOffered(CandidacyOffered),
        "candidacy.notified" v 1 => CandidacyNotified(CandidacyNotified),
        "candidacy.accepted" v 1 => CandidacyAccepted(CandidacyAccepted),
        "candidacy.closed" v 1 => CandidacyClosed(CandidacyClosed),
        "lease.signed" v 1 => LeaseSigned(LeaseSigned),
        "lease.ended" v 1 => LeaseEnded(LeaseEnded),
    }
}

impl Household {
    pub(super) fn fold_candidacy(&mut self, event: &CandidacyEvent, stamp: &Stamp) {
        use CandidacyEvent as E;
        match event {
            E::CandidacyDesignated(e) => {
                let situation = CandidacySituation::Designated;
                let number = Some(Kept::new(event.kind(), stamp, e.number.clone()));
                let decision = None;
                let (place, vacancy) = (e.place, e.vacancy);
                let candidacy = Candidacy { place, vacancy, number, decision, situation, closed: None };
                self.candidacies.insert(e.candidacy, candidacy);
            }
            E::CandidacyDecided(e) => {
                if let Some(candidacy) = self.candidacies.get_mut(&e.candidacy) {
                    candidacy.decision = Some(e.decision.clone());
                    // Who left after the session was decided there all the same, and stays out.
                    if candidacy.is_live() {
                        candidacy.situation = CandidacySituation::Decided { decision: e.decision.clone() };
                    }
                }
            }
            E::CandidacyOffered(e) => {
                self.candidacy_to(e.candidacy, CandidacySituation::Offered { answer_by: e.answer_by.0 });
            }
            E::CandidacyNotified(e) => {
                self.candidacy_to(e.candidacy, CandidacySituation::Offered { answer_by: e.answer_by.0 });
            }
            E::CandidacyAccepted(e) => self.candidacy_to(e.candidacy, CandidacySituation::Accepted),
            E::CandidacyClosed(e) => {
                self.candidacy_to(e.candidacy, CandidacySituation::Closed { outcome: e.outcome.clone() });
                if let Some(candidacy) = self.candidacies.get_mut(&e.candidacy) {
                    candidacy.closed = Some(stamp.effective);
                }
            }
            E::LeaseSigned(e) => {
                let (from, signed_by) = (stamp.effective, stamp.event);
                let lease = Lease { place: e.place, from, signed_by, ended: None, ended_by: None };
                self.leases.insert(e.lease, lease);
                self.candidacy_to(e.candidacy, CandidacySituation::Leased);
            }
            E::LeaseEnded(e) => {
                if let Some(lease) = self.leases.get_mut(&e.lease) {
                    (lease.ended, lease.ended_by) = (Some(stamp.effective), Some(stamp.event));
                }
            }
        }
    }

    fn candidacy_to(&mut self, id: CandidacyId, situation: CandidacySituation) {
        if let Some(candidacy) = self.candidacies.get_mut(&id) {
            candidacy.situation = situation;
        }
    }
}
