//! When one household becomes two, or two become one (INV-10, INV-11): persons are conserved, seniority is kept.

use crate::event::{Event as _, Stamp, events};
use crate::household::application::{Application, ApplicationSituation, Deregistration};
use crate::household::{Household, HouseholdEvent, Registration};
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::household::application::UniqueRegistrationNumber;
use crate::household::composition::PersonRecord;
use crate::household::request::{Qualification, Request, RequestFile, RequestSituation};
use crate::household::stay::{Admission, Stay, StaySituation};
use crate::id::{ApplicationId, EventId, HouseholdId, PersonId, PlaceId, RequestId, StayId, Territory};
use crate::reference::{CommuneCode, MemberLink};
use crate::structure_kind::StructureKind;

/// An open request as it goes to another household, with its seniority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCopy {
    /// Its id there.
    pub request: RequestId,
    /// What it says.
    pub file: RequestFile,
    /// The SIAO that treats it.
    pub siao: Territory,
    /// First transmission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seniority: Option<Instant>,
    /// Its qualification, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualification: Option<Qualification>,
    /// When it goes stale without an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_due: Option<Instant>,
    /// When it lapses without contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_due: Option<Instant>,
    /// When its need was established.
    pub need_since: Instant,
    /// Whether it must be updated, or transmitted again, before anything can be proposed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

impl RequestCopy {
    /// A copy of `request` under the id `copy`.
    #[must_use]
    pub fn of(request: &Request, copy: RequestId) -> Self {
        Self {
            request: copy,
            file: request.file.clone(),
            siao: request.siao,
            seniority: request.seniority.map(Instant),
            qualification: request.situation.qualification().cloned(),
            update_due: request.update_due.map(Instant),
            contact_due: request.contact_due.map(Instant),
            need_since: Instant(request.need_since),
            stale: matches!(request.situation, RequestSituation::Stale { .. }),
        }
    }

    pub(crate) fn to_request(&self, by: EventId) -> Request {
        let situation = match (&self.qualification, self.seniority) {
            (qualification, _) if self.stale => {
                RequestSituation::Stale { qualification: qualification.clone() }
            }
            (Some(qualification), _) => RequestSituation::Qualified(qualification.clone()),
            (None, Some(_)) => RequestSituation::Submitted,
            (None, None) => RequestSituation::Draft,
        };
        Request {
            file: self.file.clone(),
            situation,
            siao: self.siao,
            seniority: self.seniority.map(|at| at.0),
            submitted_by: self.seniority.map(|_| by),
            update_due: self.update_due.map(|at| at.0),
            contact_due: self.contact_due.map(|at| at.0),
            need_since: self.need_since.0,
            dates: crate::household::dated::FactDates::default(),
        }
    }
}

/// An application as it goes to another household: number and date of filing stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationCopy {
    /// Its id there.
    pub application: ApplicationId,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<UniqueRegistrationNumber>,
    /// The day of filing.
    pub filed_on: Day,
    /// The last day it is valid.
    pub valid_until: Day,
    /// Wished communes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub communes: Vec<CommuneCode>,
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
    /// The day the contract ends, if a notice runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Day>,
    /// First and last day of the absence, if they are away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<(Day, Day)>,
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
            from: Instant(is.from),
            admission: is.admission.clone(),
            planned_end: is.planned_end,
            review_due: is.review_due,
            housing_ready: is.housing_ready,
            leaving: match is.situation {
                StaySituation::Leaving { ends_on } => Some(ends_on),
                StaySituation::Present | StaySituation::Absent { .. } | StaySituation::Ended { .. } => None,
            },
            absent: match is.situation {
                StaySituation::Absent { from, to } => Some((from, to)),
                StaySituation::Present | StaySituation::Leaving { .. } | StaySituation::Ended { .. } => None,
            },
        }
    }

    pub(crate) fn to_stay(&self, by: EventId) -> Stay {
        Stay {
            place: self.place,
            kind: self.kind,
            persons: self.persons.clone(),
            left: std::collections::BTreeMap::new(),
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
            termination: None,
            extension: None,
            social_aid: None,
            housing_ready: self.housing_ready,
            deposit_due: None,
        }
    }
}

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
    /// The open requests, with the same seniority.
    pub requests: Vec<RequestCopy>,
    /// The application that came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationCopy>,
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
    /// Its open requests of a stream this household had none of.
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
        "household.separated" v 1 => Separated(Separated),
        "household.merged" v 1 => Merged(Merged),
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
            FamilyEvent::MergedInto(e) => self.merged_into(e),
        }
    }

    fn split(&mut self, e: &Split, stamp: &Stamp) {
        self.composition.members.retain(|id, _| !e.persons.contains(id));
        for stay in self.stays.values_mut().filter(|stay| stay.is_active()) {
            stay.persons.retain(|id| !e.persons.contains(id));
        }
        if let Some(application) = e.application {
            self.applications.remove(&application);
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
        for copy in &e.requests {
            self.take_request(copy.request, copy.to_request(stamp.event), stamp.effective);
        }
        if let Some(copy) = &e.application {
            self.take_application(copy);
        }
    }

    fn take_application(&mut self, copy: &ApplicationCopy) {
        let application = Application {
            number: copy.number,
            filed_on: copy.filed_on,
            valid_until: copy.valid_until,
            communes: copy.communes.clone(),
            ended: None,
            situation: ApplicationSituation::Registered,
        };
        self.applications.insert(copy.application, application);
    }

    fn merged(&mut self, e: &Merged, stamp: &Stamp, kind: &str) {
        self.reachable = e.reachable;
        self.join_from_another(&e.members, stamp, kind);
        for copy in &e.requests {
            self.take_request(copy.request, copy.to_request(stamp.event), stamp.effective);
        }
        for older in &e.seniorities {
            if let Some(request) = self.requests.get_mut(&older.request) {
                request.seniority = Some(older.seniority.0);
                request.submitted_by = Some(stamp.event);
            }
        }
        for copy in &e.stays {
            self.stays.insert(copy.stay, copy.to_stay(stamp.event));
        }
        if let Some(copy) = &e.application {
            self.take_application(copy);
        }
        if let Some(filed_on) = e.filed_on
            && let Some(application) =
                self.applications.values_mut().find(|application| application.is_live())
        {
            application.filed_on = filed_on;
        }
    }

    fn merged_into(&mut self, e: &MergedInto) {
        self.registration = Registration::MergedInto { into: e.into };
        self.composition.members.clear();
        for request in self.requests.values_mut().filter(|request| request.situation.is_open()) {
            request.situation = RequestSituation::Absorbed;
        }
        self.stays.retain(|_, stay| !stay.is_active());
        for application in self.applications.values_mut().filter(|application| application.is_live()) {
            application.situation = ApplicationSituation::Deregistered { reason: Deregistration::F };
        }
    }
}
