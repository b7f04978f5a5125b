//! What a household's ledger gives to do.

use super::{About, Desk, List, TaskKind};
use crate::calendar::{Day, end_of_day, months_after, start_of_day};
use crate::household::Household;
use crate::household::application::{Application, ApplicationSituation};
use crate::household::person_request::PersonRequestKind;
use crate::household::referral::ReferralSituation;
use crate::household::request::{Request, RequestSituation};
use crate::household::stay::{Extension, SocialAid, Stay, StaySituation};
use crate::id::{ApplicationId, HouseholdId, PersonId, RequestId, StayId};

impl List<'_> {
    pub(super) fn household(&mut self, id: HouseholdId, is: &Household) {
        if is.erasure().is_some() {
            // Nothing is left to be done for whom nobody knows any more.
            return;
        }
        let about = About { household: Some(id), place: None };
        self.keeping(id, is, about);
        for (request, one) in is.requests.iter().filter(|(_, one)| one.situation.is_open()) {
            self.request(*request, one, is, about);
        }
        for (referral, one) in &is.referrals {
            if let ReferralSituation::DeclinedByHousehold { receivable: None, .. } = one.situation {
                let kind = TaskKind::JudgeRefusal { referral: *referral };
                self.add(Desk::Siao, None, one.proposed, kind, about);
            }
            if let ReferralSituation::Accepted { at, .. } = one.situation
                && let Some(changed) = is.composition.changed.filter(|changed| at < *changed)
            {
                let kind = TaskKind::CheckReferral { referral: *referral };
                self.add(Desk::Siao, None, changed, kind, about);
            }
        }
        self.person_requests(id, is, about);
        for (organisation, since) in &is.untold {
            let kind = TaskKind::TellFollowUp { organisation: *organisation };
            self.add(Desk::Referrer, None, *since, kind, about);
        }
        for (stay, one) in &is.stays {
            self.stay(*stay, one, is, id);
        }
        for (application, one) in is.applications.iter().filter(|(_, one)| one.is_live()) {
            self.application(*application, one, id);
        }
        for (label, one) in is.labels.iter().filter(|(_, one)| one.ended.is_none()) {
            if let Some(due) = one.proposal_due {
                let (since, due) =
                    (start_of_day(id.territory(), one.decided_on.0), end_of_day(id.territory(), due.0));
                self.add(
                    Desk::Prefecture,
                    Some(due),
                    since,
                    TaskKind::ProposeDwelling { label: *label },
                    about,
                );
            }
        }
    }

    /// What is to be decided on how long the file is kept.
    fn keeping(&mut self, id: HouseholdId, is: &Household, about: About) {
        let announced = is.announced(id.territory(), self.book);
        let due = announced.map(|announced| announced.due);
        match is.proposal(id.territory(), self.book) {
            Some(proposal) if proposal.confirmed_by.is_none() => {
                for desk in [Desk::DataProtection, Desk::Siao] {
                    self.add(desk, due, proposal.at, TaskKind::ConfirmErasure {}, about);
                }
            }
            // Two people have agreed: the day will come.
            Some(_) => {}
            None => {
                if let Some(announced) = announced {
                    self.add(Desk::DataProtection, due, announced.at, TaskKind::ErasureDue {}, about);
                }
            }
        }
    }

    /// The month runs from the reception: the task stands from that day, and those that are overdue come first.
    fn person_requests(&mut self, id: HouseholdId, is: &Household, about: About) {
        for (person_request, one) in &is.person_requests {
            let since = start_of_day(id.territory(), one.received_on.0);
            let person_request = *person_request;
            if one.is_open() {
                let due = Some(end_of_day(id.territory(), one.due.0));
                let kind = TaskKind::PersonRequestDue { person_request };
                self.add(Desk::DataProtection, due, since, kind, about);
            } else if one.is_granted() && one.kind == PersonRequestKind::Erasure {
                let kind = TaskKind::CarryOutErasure { person_request };
                self.add(Desk::DataProtection, None, since, kind, about);
            }
        }
    }

    fn request(&mut self, id: RequestId, is: &Request, of: &Household, about: About) {
        let since = is.seniority.unwrap_or(is.need_since);
        match &is.situation {
            RequestSituation::Draft | RequestSituation::UnderAssessment { .. } => {
                self.add(
                    Desk::Referrer,
                    is.update_due,
                    since,
                    TaskKind::CompleteRequest { request: id },
                    about,
                );
            }
            RequestSituation::Stale { .. } => {
                self.add(Desk::Referrer, None, since, TaskKind::UpdateRequest { request: id }, about);
            }
            RequestSituation::Submitted => {
                self.add(Desk::Siao, is.update_due, since, TaskKind::DecideRequest { request: id }, about);
            }
            RequestSituation::InCommittee { on } | RequestSituation::Deferred { until: on, .. } => {
                let due = Some(end_of_day(is.siao, on.0));
                self.add(Desk::Siao, due, since, TaskKind::DecideRequest { request: id }, about);
            }
            RequestSituation::Qualified(_) => {
                let waits = of.to_place(id).into_iter().any(|person| {
                    !of.live_referrals()
                        .any(|(_, referral)| referral.request == id && referral.is_for(person))
                });
                if waits {
                    self.add(Desk::Siao, None, since, TaskKind::ProposePlace { request: id }, about);
                }
                let contact = TaskKind::ContactHousehold { request: id };
                self.in_time(Desk::Siao, is.contact_due, since, None, contact, about);
                let update = TaskKind::UpdateRequest { request: id };
                self.in_time(Desk::Referrer, is.update_due, since, None, update, about);
            }
            RequestSituation::Fulfilled { .. }
            | RequestSituation::Cancelled { .. }
            | RequestSituation::Rejected { .. }
            | RequestSituation::Absorbed => {}
        }
    }

    fn stay(&mut self, id: StayId, is: &Stay, of: &Household, household: HouseholdId) {
        let about = About { household: Some(household), place: Some(is.place) };
        let territory = is.place.territory();
        let last = |day: Day| Some(end_of_day(territory, day.0));
        if let Some(due) = is.deposit_due {
            self.add(Desk::Provider, last(due), is.from, TaskKind::ReturnDeposit { stay: id }, about);
        }
        match &is.situation {
            StaySituation::Ended { .. } => return,
            StaySituation::Leaving { ends_on } => {
                self.add(Desk::Provider, last(*ends_on), is.from, TaskKind::EndStay { stay: id }, about);
            }
            StaySituation::Absent { to, .. } => {
                self.add(Desk::Provider, last(*to), is.from, TaskKind::CheckReturn { stay: id }, about);
            }
            StaySituation::Present => {}
        }
        if let Some(due) = is.review_due {
            let kind = TaskKind::ReviewStay { stay: id };
            self.in_time(Desk::Provider, last(due), is.from, None, kind, about);
        }
        match is.extension {
            Some(Extension::Requested { tacit_at, .. }) => {
                let kind = TaskKind::DecideExtension { stay: id };
                self.add(Desk::Prefecture, tacit_at, is.from, kind, about);
            }
            Some(Extension::Refused) | None => {
                if let Some(end) = is.planned_end {
                    let ahead = self.book.on(territory, end.0).extension_request_before_end_months;
                    let due = last(Day(months_after(end.0, -ahead)));
                    let kind = TaskKind::PrepareExit { stay: id };
                    self.in_time(Desk::Provider, due, is.from, None, kind, about);
                }
            }
        }
        if let Some(SocialAid::Sent { tacit_at }) = is.social_aid {
            let kind = TaskKind::DecideAdmission { stay: id };
            self.add(Desk::Prefecture, Some(tacit_at), is.from, kind, about);
        }
        let sole = of.active_stays().count() == 1;
        let left = |person: &PersonId| is.left.iter().any(|left| left.person == *person);
        let lacks = |person| !is.persons.contains(person) && !left(person);
        if sole && of.composition.members.keys().any(lacks) {
            self.add(Desk::Provider, None, is.from, TaskKind::FindMoreRoom { stay: id }, about);
        }
        if is.ready.is_some() && of.live_application().is_none() {
            self.add(Desk::Provider, None, is.from, TaskKind::FileApplication { stay: id }, about);
        }
    }

    fn application(&mut self, id: ApplicationId, is: &Application, household: HouseholdId) {
        let about = About { household: Some(household), place: None };
        let territory = household.territory();
        let since = start_of_day(territory, is.filed_on.0);
        if is.number.is_none() {
            let months = self.book.on(territory, is.filed_on.0).application_number_months;
            let due = end_of_day(territory, months_after(is.filed_on.0, months));
            let kind = TaskKind::NumberApplication { application: id };
            self.add(Desk::Landlord, Some(due), since, kind, about);
        }
        match is.situation {
            ApplicationSituation::Registered => {
                let due = end_of_day(territory, is.valid_until.0);
                let kind = TaskKind::RenewApplication { application: id };
                // CCH R441-2-7: the applicant is told so long before it ends.
                let months = self.book.on(territory, is.valid_until.0).application_reminder_months;
                let from = start_of_day(territory, months_after(is.valid_until.0, -months));
                self.in_time(Desk::Referrer, Some(due), since, Some(from), kind, about);
            }
            ApplicationSituation::Warned { strikes_at, .. } => {
                let kind = TaskKind::AnswerWarning { application: id };
                self.add(Desk::Referrer, Some(strikes_at), since, kind, about);
            }
            ApplicationSituation::Deregistered { .. } => {}
        }
    }
}
