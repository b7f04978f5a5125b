//! The referral (*orientation*): one request proposed to one place, and the answers to it.

use crate::event::{Stamp, events};
use crate::household::request::RequestStream;
use crate::household::stay::{Admission, Stay};
use crate::household::{Household, HouseholdEvent};
use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::id::{PersonId, PlaceId, ReferralId, RequestId, StayId};
use crate::matching::Rationale;
use crate::personal::Personal;
use crate::reference::{HouseholdRefusalReason, ProviderRefusalReason, WithdrawalReason};

/// Where a referral stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ReferralSituation {
    /// Open: the provider and the household have until `expires_at` to answer.
    Proposed {
        /// The last instant of an answer.
        expires_at: Timestamp,
        /// When the provider opened it.
        viewed: Option<Timestamp>,
    },
    /// The provider says yes: the household is expected.
    Accepted {
        /// When.
        at: Timestamp,
        /// The day of arrival, if agreed.
        arrival: Option<Day>,
    },
    /// The household moved in.
    Admitted {
        /// The stay.
        stay: StayId,
    },
    /// The provider says no (CASF R345-4: with its reason, to the person and to the SIAO).
    DeclinedByProvider {
        /// Why.
        reason: ProviderRefusalReason,
    },
    /// The household says no.
    DeclinedByHousehold {
        /// Why.
        reason: HouseholdRefusalReason,
        /// Whether the SIAO judged the motive receivable; not judged yet if absent.
        receivable: Option<bool>,
    },
    /// Nobody answered in time.
    Expired,
    /// The SIAO took it back.
    Withdrawn {
        /// Why.
        reason: WithdrawalReason,
    },
    /// Accepted, but nobody came.
    NoShow,
}

impl ReferralSituation {
    /// Whether the referral still holds its place.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self {
            Self::Proposed { .. } | Self::Accepted { .. } => true,
            Self::Admitted { .. }
            | Self::DeclinedByProvider { .. }
            | Self::DeclinedByHousehold { .. }
            | Self::Expired
            | Self::Withdrawn { .. }
            | Self::NoShow => false,
        }
    }

    /// The word of the field for this situation.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "en attente de réponse",
            Self::Accepted { .. } => "acceptée",
            Self::Admitted { .. } => "suivie d'une admission",
            Self::DeclinedByProvider { .. } => "refusée par la structure",
            Self::DeclinedByHousehold { .. } => "refusée par le ménage",
            Self::Expired => "expirée",
            Self::Withdrawn { .. } => "retirée",
            Self::NoShow => "non honorée",
        }
    }
}

/// A referral of the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Referral {
    /// The request it answers.
    pub request: RequestId,
    /// The place it holds.
    pub place: PlaceId,
    /// Whom it is for; everybody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<BTreeSet<PersonId>>,
    /// When it was proposed.
    pub proposed: Timestamp,
    /// Where it stands.
    pub situation: ReferralSituation,
}

impl Referral {
    /// Whether it is for this person of the household.
    #[must_use]
    pub fn is_for(&self, person: PersonId) -> bool {
        self.persons.as_ref().is_none_or(|persons| persons.contains(&person))
    }

    /// Whether it is for somebody of `persons`.
    #[must_use]
    pub fn is_for_any_of(&self, persons: &BTreeSet<PersonId>) -> bool {
        persons.iter().any(|person| self.is_for(*person))
    }
}

/// `referral.proposed`: the SIAO proposes the household for a place, which is held from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferralProposed {
    /// The referral.
    pub referral: ReferralId,
    /// The request it answers.
    pub request: RequestId,
    /// The place it holds.
    pub place: PlaceId,
    /// Whom it is for, if not everybody: a large household may be placed in several units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<BTreeSet<PersonId>>,
    /// The last instant of an answer.
    pub expires_at: Instant,
    /// Why this household for this place.
    pub rationale: Rationale,
    /// The orientation note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// `referral.viewed`: the provider opened it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferralViewed {
    /// The referral.
    pub referral: ReferralId,
}

/// `referral.accepted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferralAccepted {
    /// The referral.
    pub referral: ReferralId,
    /// The day of arrival, if agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Day>,
    /// When the request lapses without contact, should they not come: no earlier while they are expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
}

/// `referral.declined_by_provider` (INV-9: with a reason, told to the person and to the SIAO).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeclinedByProvider {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: ProviderRefusalReason,
    /// In words, sealed; 280 characters at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// `referral.declined_by_household`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeclinedByHousehold {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: HouseholdRefusalReason,
    /// In words, sealed; 280 characters at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
    /// When the request lapses without further contact: an answer is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
}

/// `refusal.judged`: the SIAO says whether the household's motive is receivable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalJudged {
    /// The referral that was refused.
    pub referral: ReferralId,
    /// Whether it was a good reason.
    pub receivable: bool,
}

/// `referral.expired`: nobody answered in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferralExpired {
    /// The referral.
    pub referral: ReferralId,
}

/// `referral.withdrawn`: by the SIAO, or because the household was placed elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferralWithdrawn {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: WithdrawalReason,
    /// When the request lapses without contact, if they were expected: the delay starts again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
}

/// `referral.no_show`: accepted, but nobody came. The rank on the waiting list is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoShow {
    /// The referral.
    pub referral: ReferralId,
    /// When the request lapses without contact: the delay starts again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
}

events! {
    /// What can happen to a referral.
    pub enum ReferralEvent in HouseholdEvent::Referral {
        "referral.proposed" v 1 => ReferralProposed(ReferralProposed),
        "referral.viewed" v 1 => ReferralViewed(ReferralViewed),
        "referral.accepted" v 1 => ReferralAccepted(ReferralAccepted),
        "referral.declined_by_provider" v 1 => DeclinedByProvider(DeclinedByProvider),
        "referral.declined_by_household" v 1 => DeclinedByHousehold(DeclinedByHousehold),
        "refusal.judged" v 1 => RefusalJudged(RefusalJudged),
        "referral.expired" v 1 => ReferralExpired(ReferralExpired),
        "referral.withdrawn" v 1 => ReferralWithdrawn(ReferralWithdrawn),
        "referral.no_show" v 1 => NoShow(NoShow),
    }
}

impl Household {
    /// The stream of the request that a referral answers.
    #[must_use]
    pub fn stream_of(&self, referral: &Referral) -> Option<RequestStream> {
        self.requests.get(&referral.request).map(|request| request.file.stream)
    }

    /// Whom the referral is for, among those who are of the household.
    #[must_use]
    pub fn referred(&self, referral: &Referral) -> BTreeSet<PersonId> {
        self.composition.members.keys().copied().filter(|person| referral.is_for(*person)).collect()
    }

    /// Who lives in a place on a referral of this request.
    #[must_use]
    pub fn placed(&self, request: RequestId) -> BTreeSet<PersonId> {
        let on = |stay: &Stay| match stay.admission {
            Admission::Referral { referral } => {
                self.referrals.get(&referral).is_some_and(|referral| referral.request == request)
            }
            Admission::Direct | Admission::TakenOver => false,
        };
        self.active_stays().filter(|(_, stay)| on(stay)).flat_map(|(_, stay)| stay.persons.clone()).collect()
    }

    /// Whom this request has still to find a place for: who neither lives in one nor is expected in one on it.
    #[must_use]
    pub fn to_place(&self, request: RequestId) -> BTreeSet<PersonId> {
        let placed = self.placed(request);
        let expected = |person: PersonId| {
            self.referrals.values().any(|referral| {
                referral.request == request
                    && matches!(referral.situation, ReferralSituation::Accepted { .. })
                    && referral.is_for(person)
            })
        };
        let members = self.composition.members.keys().copied();
        members.filter(|person| !placed.contains(person) && !expected(*person)).collect()
    }

    /// The same, where it is only some of the household; none where everybody is to be judged.
    #[must_use]
    pub fn remaining(&self, request: RequestId) -> Option<BTreeSet<PersonId>> {
        let rest = self.to_place(request);
        (!rest.is_empty() && rest.len() < self.composition.members.len()).then_some(rest)
    }

    fn referral_to(&mut self, id: ReferralId, situation: ReferralSituation) {
        if let Some(referral) = self.referrals.get_mut(&id) {
            referral.situation = situation;
        }
    }

    /// The request of the referral lapses no earlier than `due`, if it waits for contact at all.
    fn in_touch(&mut self, id: ReferralId, due: Option<Instant>) {
        let request = self.referrals.get(&id).map(|referral| referral.request);
        if let (Some(due), Some(request)) = (due, request.and_then(|id| self.requests.get_mut(&id)))
            && request.situation.is_open()
            && let Some(lapses) = &mut request.contact_due
        {
            *lapses = due.0.max(*lapses);
        }
    }

    pub(super) fn fold_referral(&mut self, event: &ReferralEvent, stamp: &Stamp) {
        use ReferralEvent as E;
        match event {
            E::ReferralProposed(e) => {
                let situation = ReferralSituation::Proposed { expires_at: e.expires_at.0, viewed: None };
                let referral = Referral {
                    request: e.request,
                    place: e.place,
                    persons: e.persons.clone(),
                    proposed: stamp.effective,
                    situation,
                };
                self.referrals.insert(e.referral, referral);
            }
            E::ReferralViewed(e) => {
                if let Some(referral) = self.referrals.get_mut(&e.referral)
                    && let ReferralSituation::Proposed { viewed, .. } = &mut referral.situation
                {
                    viewed.get_or_insert(stamp.effective);
                }
            }
            E::ReferralAccepted(e) => {
                self.referral_to(
                    e.referral,
                    ReferralSituation::Accepted { at: stamp.effective, arrival: e.arrival },
                );
                self.in_touch(e.referral, e.contact_due);
            }
            E::DeclinedByProvider(e) => {
                self.referral_to(e.referral, ReferralSituation::DeclinedByProvider { reason: e.reason });
            }
            E::DeclinedByHousehold(e) => {
                self.referral_to(
                    e.referral,
                    ReferralSituation::DeclinedByHousehold { reason: e.reason, receivable: None },
                );
                self.in_touch(e.referral, e.contact_due);
            }
            E::RefusalJudged(e) => {
                if let Some(referral) = self.referrals.get_mut(&e.referral)
                    && let ReferralSituation::DeclinedByHousehold { receivable, .. } = &mut referral.situation
                {
                    *receivable = Some(e.receivable);
                }
            }
            E::ReferralExpired(e) => self.referral_to(e.referral, ReferralSituation::Expired),
            E::ReferralWithdrawn(e) => {
                self.referral_to(e.referral, ReferralSituation::Withdrawn { reason: e.reason });
                self.in_touch(e.referral, e.contact_due);
            }
            E::NoShow(e) => {
                self.referral_to(e.referral, ReferralSituation::NoShow);
                self.in_touch(e.referral, e.contact_due);
            }
        }
    }
}
