//! When one household becomes two, or two become one (INV-10, INV-11): persons are conserved, seniority is kept.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::event::{Event as _, Stamp, events};
use crate::household::application::{ApplicationSituation, Deregistration, UniqueRegistrationNumber};
use crate::household::composition::{Expected, PersonRecord};
use crate::household::consent::as_before;
use crate::household::copy::{ApplicationCopy, ConsentCopy, LabelCopy, RequestCopy, StayCopy};
use crate::household::custody::SharedChild;
use crate::household::follow_up::Follower;
use crate::household::request::RequestSituation;
use crate::household::stay::Stay;
use crate::household::{Household, HouseholdEvent, Registration};
use crate::id::{ApplicationId, HouseholdId, PersonId, RequestId};
use crate::reference::MemberLink;

/// `household.split`: some members form another household; written on the one they leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Split {
    /// The household they form.
    pub into: HouseholdId,
    /// Who leaves.
    pub persons: BTreeSet<PersonId>,
    /// The main applicant of those who remain, if theirs left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_applicant: Option<PersonId>,
    /// The application that goes with them, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
}

/// `household.separated`: written on the household that they form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Separated {
    /// The household they come from.
    pub from: HouseholdId,
    /// Who they are.
    pub members: Vec<PersonRecord>,
    /// Whether somebody can be reached.
    pub reachable: bool,
    /// The open requests, and those that led to the stay they leave, with the same seniority.
    pub requests: Vec<RequestCopy>,
    /// The running stays that all their persons take along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<StayCopy>,
    /// Their consents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentCopy>,
    /// The application that came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationCopy>,
    /// Who follows them, as before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
}

/// `household.merged`: another household joins this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// The household that joins.
    pub from: HouseholdId,
    /// Its members.
    pub members: Vec<PersonRecord>,
    /// Whether somebody of the two can be reached.
    #[serde(default = "reached")]
    pub reachable: bool,
    /// Its open requests of a stream this household had none of; and, under the id of this household's own, what a
    /// request of each makes together when the other's was further along or needs more.
    pub requests: Vec<RequestCopy>,
    /// Open requests of this household that take an older date from a request of the other.
    pub seniorities: Vec<OlderSeniority>,
    /// Its running stays.
    pub stays: Vec<StayCopy>,
    /// Its application, if this household had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationCopy>,
    /// The date of filing of its application, if this household's own is younger: numbers merge, the oldest date stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_on: Option<Day>,
    /// The number of its application, if this household's own has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbered: Option<Numbered>,
    /// Its priority labels that hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelCopy>,
    /// The consents of its members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentCopy>,
    /// The children that the two expect together, if the household that joins expects any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// The children in shared custody whom it counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<SharedChild>,
    /// Who followed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
}

/// The number that an application takes over, with its validity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Numbered {
    /// The number.
    pub number: UniqueRegistrationNumber,
    /// The last day it is valid.
    pub valid_until: Day,
}

/// Merges that were recorded without it made the household reachable.
fn reached() -> bool {
    true
}

/// A request that takes an older date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OlderSeniority {
    /// The request.
    pub request: RequestId,
    /// The older date.
    pub seniority: Instant,
}

/// `household.merged_into`: written on the household that joined another one; its ledger ends here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergedInto {
    /// The household it joined.
    pub into: HouseholdId,
}

events! {
    /// What happens when households split and merge.
    pub enum FamilyEvent in HouseholdEvent::Family {
        "household.split" v 1 => Split(Split),
        "household.separated" v 2 by as_before => Separated(Separated),
        "household.merged" v 2 by as_before => Merged(Merged),
        "household.merged_into" v 1 => MergedInto(MergedInto),
    }
}

impl Household {
    pub(super) fn fold_family(&mut self, event: &FamilyEvent, stamp: &Stamp) {
        let kind = event.kind();
        match event {
            FamilyEvent::Split(e) => self.split(e, stamp),
            FamilyEvent::Separated(e) => self.separated(e, stamp, kind),
            FamilyEvent::Merged(e) => self.merged(e, stamp, kind),
            FamilyEvent::MergedInto(e) => self.merged_into(e, stamp),
        }
    }

    fn split(&mut self, e: &Split, stamp: &Stamp) {
        for person in &e.persons {
            self.leaves(*person, stamp);
        }
        // A stay that all its persons take along is written on their ledger from now on.
        let along = |stay: &Stay| stay.is_active() && stay.persons.is_subset(&e.persons);
        let moved: Vec<_> = self.stays.iter().filter(|(_, stay)| along(stay)).map(|(id, _)| *id).collect();
        for stay in moved {
            self.keep_presences(stay, &e.persons);
            self.stays.remove(&stay);
            self.former_stays.insert(stay);
        }
        for stay in self.stays.values_mut().filter(|stay| stay.is_active()) {
            stay.leave(&e.persons, stamp.effective);
        }
        if let Some(application) = e.application {
            self.applications.remove(&application);
            self.former_applications.insert(application);
        }
        self.consents.retain(|_, consent| !e.persons.contains(&consent.person));
        if let Some(person) = e.main_applicant.and_then(|main| self.composition.members.get_mut(&main)) {
            person.link = MemberLink::main_applicant();
        }
        self.recomposed(stamp);
    }

    fn separated(&mut self, e: &Separated, stamp: &Stamp, kind: &str) {
        self.registration = Registration::Registered { at: stamp.effective };
        self.reachable = e.reachable;
        self.join_from_another(&e.members, stamp, kind);
        self.take_along(&e.requests, &e.stays, &e.consents, e.application.as_ref(), stamp);
        e.followers.iter().for_each(|follower| self.followed_by(Some(*follower)));
    }

    fn take_along(
        &mut self,
        requests: &[RequestCopy],
        stays: &[StayCopy],
        consents: &[ConsentCopy],
        application: Option<&ApplicationCopy>,
        stamp: &Stamp,
    ) {
        for copy in requests {
            self.take_request(copy.request, copy.to_request(stamp.event), stamp.effective);
        }
        self.stays.extend(stays.iter().map(|copy| (copy.stay, copy.to_stay(stamp.event))));
        self.consents.extend(consents.iter().map(|copy| (copy.consent, copy.to_consent())));
        self.applications
            .extend(application.map(|copy| (copy.application, copy.to_application(stamp.event))));
    }

    fn merged(&mut self, e: &Merged, stamp: &Stamp, kind: &str) {
        self.reachable = e.reachable;
        self.composition.shared.extend(e.shared.iter().map(|child| (child.person, child.born)));
        self.join_from_another(&e.members, stamp, kind);
        self.take_along(&e.requests, &e.stays, &e.consents, e.application.as_ref(), stamp);
        e.followers.iter().for_each(|follower| self.followed_by(Some(*follower)));
        for older in &e.seniorities {
            if let Some(request) = self.requests.get_mut(&older.request) {
                request.seniority = Some(older.seniority.0);
                request.submitted_by = Some(stamp.event);
            }
        }
        if let Some(application) = self.applications.values_mut().find(|application| application.is_live()) {
            if let Some(filed_on) = e.filed_on {
                application.filed_on = filed_on;
            }
            if let Some(numbered) = &e.numbered {
                application.number = Some(numbered.number);
                application.valid_until = numbered.valid_until;
            }
        }
        self.labels.extend(e.labels.iter().map(|copy| (copy.label, copy.to_label(stamp.event))));
        if e.expected.is_some() {
            self.composition.expected.clone_from(&e.expected);
        }
    }

    fn merged_into(&mut self, e: &MergedInto, stamp: &Stamp) {
        self.registration = Registration::MergedInto { into: e.into };
        let members: Vec<_> = self.composition.members.keys().copied().collect();
        for person in members {
            self.leaves(person, stamp);
        }
        for request in self.requests.values_mut().filter(|request| request.situation.is_open()) {
            request.situation = RequestSituation::Absorbed;
        }
        self.stays.retain(|_, stay| !stay.is_active());
        self.labels.retain(|_, label| label.ended.is_some());
        self.consents.clear();
        self.composition.expected = None;
        self.composition.shared.clear();
        for application in self.applications.values_mut().filter(|application| application.is_live()) {
            application.situation = ApplicationSituation::Deregistered { reason: Deregistration::F };
        }
    }
}
