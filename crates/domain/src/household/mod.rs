//! The household ledger: everything that happens to one household, in one total order. Its pathway *is* its ledger.

pub mod application;
pub mod candidacy;
pub mod composition;
pub mod consent;
pub mod copy;
pub mod correction;
pub mod custody;
pub mod dated;
pub mod erasure;
pub mod family;
pub mod follow_up;
mod lift;
pub mod occupants;
pub mod person_request;
pub mod presence;
pub mod priority;
pub mod profile;
pub mod protection;
pub mod referral;
pub mod request;
pub mod stay;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Stamp, families};
use crate::id::{
    ApplicationId, CandidacyId, ConsentId, EventId, HouseholdId, LabelId, LeaseId, OrganisationId,
    PersonRequestId, ReferralId, RequestId, StayId, UserId,
};
use crate::personal::Kept;
use application::Application;
use candidacy::{Candidacy, Lease};
use composition::{Composition, Safety};
use consent::Consent;
use erasure::{Activity, Keeping};
use follow_up::Follower;
use person_request::PersonRequest;
use priority::Label;
use protection::EmergencyOpening;
use referral::{Referral, ReferralSituation};
use request::{Request, SeniorityLoss};
use stay::Stay;

families! {
    /// What can happen to a household, by sub-machine.
    pub enum HouseholdEvent {
        Composition(composition::CompositionEvent),
        Family(family::FamilyEvent),
        Correction(correction::CorrectionEvent),
        Request(request::RequestEvent),
        Referral(referral::ReferralEvent),
        Stay(stay::StayEvent),
        Application(application::ApplicationEvent),
        Priority(priority::PriorityEvent),
        Consent(consent::ConsentEvent),
        PersonRequest(person_request::PersonRequestEvent),
        FollowUp(follow_up::FollowUpEvent),
        Protection(protection::ProtectionEvent),
        Erasure(erasure::ErasureEvent),
        Candidacy(candidacy::CandidacyEvent),
    }
}

/// Whether the household is known here, and still by itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Registration {
    /// Nothing is written on this ledger.
    #[default]
    Unknown,
    /// A household of this system.
    Registered {
        /// Since when.
        at: Timestamp,
    },
    /// It joined another one: its ledger has ended.
    MergedInto {
        /// That one.
        into: HouseholdId,
    },
    /// Its key is gone: what is left of it is counted and no longer read.
    Erased(erasure::Erasure),
}

/// A household: the fold of its ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Household {
    /// Whether it is known here.
    pub registration: Registration,
    /// Who it is made of.
    pub composition: Composition,
    /// Who was of it and is no longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<composition::Gone>,
    /// Whether somebody of it can be reached.
    pub reachable: bool,
    /// Zones to avoid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<Kept<Safety>>,
    /// Requests to the SIAO.
    pub requests: BTreeMap<RequestId, Request>,
    /// When seniority was lost last, for each volet and SIAO.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seniority_losses: Vec<SeniorityLoss>,
    /// Referrals, past and open.
    pub referrals: BTreeMap<ReferralId, Referral>,
    /// Stays, past and running.
    pub stays: BTreeMap<StayId, Stay>,
    /// Stays that were written here and are no longer, annulled or gone to another household: a command that is asked
    /// again does not start them again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub former_stays: BTreeSet<StayId>,
    /// Applications that went to another household.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub former_applications: BTreeSet<ApplicationId>,
    /// When members were in stays that went to another household since with those who remained in them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved_presences: Vec<presence::Presence>,
    /// Social-housing applications.
    pub applications: BTreeMap<ApplicationId, Application>,
    /// Priority labels.
    pub labels: BTreeMap<LabelId, Label>,
    /// Candidacies on dwellings.
    pub candidacies: BTreeMap<CandidacyId, Candidacy>,
    /// Leases.
    pub leases: BTreeMap<LeaseId, Lease>,
    /// Consents.
    pub consents: BTreeMap<ConsentId, Consent>,
    /// Requests of its persons on their data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub person_requests: BTreeMap<PersonRequestId, PersonRequest>,
    /// Who follows the household.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
    /// Organisations that followed it and no longer do: they are told when it is erased.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub followed_before: BTreeSet<OrganisationId>,
    /// Organisations whose worker has changed, or that follow it no longer, without the household being told yet, each
    /// with when that was.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub untold: BTreeMap<OrganisationId, Timestamp>,
    /// Those for whom alone the household exists, if its file is protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<BTreeSet<UserId>>,
    /// The last opening of each who is not named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<EmergencyOpening>,
    /// The households that joined it: what was sealed on their ledgers stays under their keys, and is erased with it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub joined_by: BTreeSet<HouseholdId>,
    /// How long it is kept.
    pub keeping: Keeping,
}

impl Household {
    /// Running stays.
    pub fn active_stays(&self) -> impl Iterator<Item = (StayId, &Stay)> {
        self.stays.iter().filter(|(_, stay)| stay.is_active()).map(|(id, stay)| (*id, stay))
    }

    /// Referrals that hold a place.
    pub fn live_referrals(&self) -> impl Iterator<Item = (ReferralId, &Referral)> {
        self.referrals
            .iter()
            .filter(|(_, referral)| referral.situation.holds())
            .map(|(id, referral)| (*id, referral))
    }

    /// Whether the household is expected in a place on a referral of this request.
    #[must_use]
    pub fn is_expected(&self, request: RequestId) -> bool {
        self.referrals.values().any(|referral| {
            referral.request == request && matches!(referral.situation, ReferralSituation::Accepted { .. })
        })
    }

    /// The application in the register, if there is one.
    #[must_use]
    pub fn live_application(&self) -> Option<(ApplicationId, &Application)> {
        self.applications.iter().find(|(_, application)| application.is_live()).map(|(id, is)| (*id, is))
    }

    /// Makes the sealed values it keeps readable; see [`Kept`].
    pub fn open(&mut self, open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>) {
        self.open_needs(open);
        for identity in self.composition.members.values_mut().filter_map(|person| person.identity.as_mut()) {
            identity.open(open);
        }
        for number in self.applications.values_mut().filter_map(|application| application.number.as_mut()) {
            number.open(open);
        }
        for number in self.candidacies.values_mut().filter_map(|candidacy| candidacy.number.as_mut()) {
            number.open(open);
        }
        for document in self.labels.values_mut().filter_map(|label| label.document.as_mut()) {
            document.open(open);
        }
        for motive in self.keeping.holds.values_mut().filter_map(|hold| hold.motive.as_mut()) {
            motive.open(open);
        }
    }

    /// Makes readable what matching reads, and nothing else: what requests need, and where the household must not live.
    pub fn open_needs(&mut self, open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>) {
        if let Some(safety) = &mut self.safety {
            safety.open(open);
        }
        for request in self.requests.values_mut() {
            request.open(open);
        }
    }

    /// Drops the identities and what is told in words: for services that may not hold them.
    pub fn withhold_identities(&mut self) {
        for person in self.composition.members.values_mut() {
            person.identity = None;
        }
        self.keeping.holds.values_mut().for_each(|hold| hold.motive = None);
    }

    /// Drops why it asks and what it needs for its safety or can pay: for services that neither match nor show it.
    pub fn withhold_needs(&mut self) {
        self.requests.values_mut().for_each(|request| request.file.withhold());
    }

    /// Adds one recorded fact: it already happened, so this cannot fail, and an event about something that this ledger
    /// does not know changes nothing.
    pub fn evolve(&mut self, event: &HouseholdEvent, stamp: &Stamp) {
        let before = dated::Before::of(self, event, stamp);
        match event {
            HouseholdEvent::Composition(e) => self.fold_composition(e, stamp),
            HouseholdEvent::Family(e) => self.fold_family(e, stamp),
            HouseholdEvent::Correction(e) => self.fold_correction(e),
            HouseholdEvent::Request(e) => self.fold_request(e, stamp),
            HouseholdEvent::Referral(e) => self.fold_referral(e, stamp),
            HouseholdEvent::Stay(e) => self.fold_stay(e, stamp),
            HouseholdEvent::Application(e) => self.fold_application(e, stamp),
            HouseholdEvent::Priority(e) => self.fold_priority(e, stamp),
            HouseholdEvent::Consent(e) => self.fold_consent(e, stamp),
            HouseholdEvent::PersonRequest(e) => self.fold_person_request(e),
            HouseholdEvent::FollowUp(e) => self.fold_follow_up(e, stamp),
            HouseholdEvent::Protection(e) => self.fold_protection(e, stamp),
            HouseholdEvent::Erasure(e) => self.fold_erasure(e, stamp),
            HouseholdEvent::Candidacy(e) => self.fold_candidacy(e, stamp),
        }
        if let Some(before) = before {
            before.date(self, stamp);
        }
        if let Some(sort) = Activity::of(event) {
            let last = self.keeping.activity.entry(sort).or_insert(stamp.recorded);
            *last = stamp.recorded.max(*last);
        }
    }
}
