//! Worklists: what each desk has to do now, derived from the state of the ledgers and never kept by hand.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, end_of_day, months_after, start_of_day};
use crate::household::Household;
use crate::household::application::{Application, ApplicationSituation};
use crate::household::referral::ReferralSituation;
use crate::household::request::{Request, RequestSituation};
use crate::household::stay::{Extension, SocialAid, Stay, StaySituation};
use crate::id::{
    ApplicationId, CandidacyId, HouseholdId, LabelId, OfflineSpellId, PlaceId, ReferralId, RequestId, StayId,
    VacancyId,
};
use crate::ledger::{AggregateId, State};
use crate::place::Place;
use crate::place::committee::CandidateSituation;
use crate::place::vacancy::{Vacancy, VacancySituation};

/// Whose list a task is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Desk {
    /// The referrer who follows the household.
    Referrer,
    /// The SIAO.
    Siao,
    /// The provider of insertion housing.
    Provider,
    /// The social landlord.
    Landlord,
    /// The prefecture.
    Prefecture,
}

impl Desk {
    /// Every desk.
    pub const ALL: [Self; 5] = [Self::Referrer, Self::Siao, Self::Provider, Self::Landlord, Self::Prefecture];

    /// The name in URLs: `siao`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Referrer => "referrer",
            Self::Siao => "siao",
            Self::Provider => "provider",
            Self::Landlord => "landlord",
            Self::Prefecture => "prefecture",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "task", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each field is the id of the thing that its task is about")]
pub enum TaskKind {
    /// Complete a request that the SIAO returned.
    CompleteRequest { request: RequestId },
    /// Update or confirm a request before it goes stale, or after.
    UpdateRequest { request: RequestId },
    /// Decide on a request: qualify, defer, reject, or ask for more.
    DecideRequest { request: RequestId },
    /// Be in touch with a household on the waiting list before its request lapses.
    ContactHousehold { request: RequestId },
    /// Propose a place.
    ProposePlace { request: RequestId },
    /// Say whether the household's motive of refusal is receivable.
    JudgeRefusal { referral: ReferralId },
    /// Check that an accepted referral still fits: the household has changed since.
    CheckReferral { referral: ReferralId },
    /// Answer a referral.
    AnswerReferral { referral: ReferralId },
    /// Admit a household whose referral was accepted.
    AdmitHousehold { referral: ReferralId },
    /// Hold the review of a stay.
    ReviewStay { stay: StayId },
    /// Prepare the end of a stay, or ask for an extension.
    PrepareExit { stay: StayId },
    /// End a stay whose notice is over.
    EndStay { stay: StayId },
    /// Check whether an absent household is back.
    CheckReturn { stay: StayId },
    /// Find more room: somebody joined whom the place cannot take.
    FindMoreRoom { stay: StayId },
    /// Return a deposit.
    ReturnDeposit { stay: StayId },
    /// Help a household that is ready for housing to file its application.
    FileApplication { stay: StayId },
    /// Answer the request for social aid.
    DecideAdmission { stay: StayId },
    /// Answer a request for extension.
    DecideExtension { stay: StayId },
    /// Get the numéro unique of an application.
    NumberApplication { application: ApplicationId },
    /// Renew an application before it expires.
    RenewApplication { application: ApplicationId },
    /// Answer a warning before the application is struck off.
    AnswerWarning { application: ApplicationId },
    /// Propose a dwelling to a household recognised as priority.
    ProposeDwelling { label: LabelId },
    /// Declare an empty place vacant, or say why it is not.
    DeclareVacancy {},
    /// Confirm that a place is still free.
    ConfirmVacancy { vacancy: VacancyId },
    /// Bring a place back, or say until when it stays off-line.
    BringOnline { spell: OfflineSpellId },
    /// Designate candidates.
    DesignateCandidates { vacancy: VacancyId },
    /// Put a dwelling on the agenda of the committee.
    ConveneCommittee { vacancy: VacancyId },
    /// Record what the committee decided.
    DecideCommittee { vacancy: VacancyId },
    /// Wait for the household's answer, or obtain it.
    ObtainAnswer { candidacy: CandidacyId },
    /// Obtain the document that a conditional award waits for.
    ObtainDocument { candidacy: CandidacyId },
    /// Sign the lease.
    SignLease { candidacy: CandidacyId },
}

/// A task on a worklist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Task {
    /// Whose list.
    pub desk: Desk,
    /// Until when, where a rule or a date says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Since when it waits.
    pub since: Timestamp,
    /// What is to be done.
    #[serde(flatten)]
    pub kind: TaskKind,
    /// The household it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub household: Option<HouseholdId>,
    /// The place it is about, whose provider has to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceId>,
}

/// The tasks that a ledger in this state gives.
#[must_use]
pub fn tasks(ledger: &AggregateId, state: &State) -> Vec<Task> {
    let mut list = List(Vec::new());
    match (ledger, state) {
        (AggregateId::Household(id), State::Household(is)) => list.household(*id, is),
        (AggregateId::Place(id), State::Place(is)) => list.place(*id, is),
        (AggregateId::Household(_) | AggregateId::Place(_) | AggregateId::Structure(_), _) => {}
    }
    list.0
}

struct List(Vec<Task>);

impl List {
    fn add(&mut self, desk: Desk, due: Option<Timestamp>, since: Timestamp, kind: TaskKind, about: About) {
        self.0.push(Task { desk, due, since, kind, household: about.household, place: about.place });
    }

    fn household(&mut self, id: HouseholdId, is: &Household) {
        let about = About { household: Some(id), place: None };
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
                let proposed = of.live_referrals().any(|(_, referral)| referral.request == id);
                if !proposed {
                    self.add(Desk::Siao, None, since, TaskKind::ProposePlace { request: id }, about);
                }
                self.add(
                    Desk::Siao,
                    is.contact_due,
                    since,
                    TaskKind::ContactHousehold { request: id },
                    about,
                );
                self.add(
                    Desk::Referrer,
                    is.update_due,
                    since,
                    TaskKind::UpdateRequest { request: id },
                    about,
                );
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
            self.add(Desk::Provider, last(due), is.from, TaskKind::ReviewStay { stay: id }, about);
        }
        match is.extension {
            Some(Extension::Requested { tacit_at, .. }) => {
                let kind = TaskKind::DecideExtension { stay: id };
                self.add(Desk::Prefecture, Some(tacit_at), is.from, kind, about);
            }
            Some(Extension::Refused) | None => {
                if let Some(end) = is.planned_end {
                    let due = last(Day(months_after(end.0, -1)));
                    self.add(Desk::Provider, due, is.from, TaskKind::PrepareExit { stay: id }, about);
                }
            }
        }
        if let Some(SocialAid::Sent { tacit_at }) = is.social_aid {
            let kind = TaskKind::DecideAdmission { stay: id };
            self.add(Desk::Prefecture, Some(tacit_at), is.from, kind, about);
        }
        let sole = of.active_stays().count() == 1;
        let lacks = |person| !is.persons.contains(person) && !is.apart.contains(person);
        if sole && of.composition.members.keys().any(lacks) {
            self.add(Desk::Provider, None, is.from, TaskKind::FindMoreRoom { stay: id }, about);
        }
        if is.housing_ready && of.live_application().is_none() {
            self.add(Desk::Provider, None, is.from, TaskKind::FileApplication { stay: id }, about);
        }
    }

    fn application(&mut self, id: ApplicationId, is: &Application, household: HouseholdId) {
        let about = About { household: Some(household), place: None };
        let territory = household.territory();
        let since = start_of_day(territory, is.filed_on.0);
        if is.number.is_none() {
            let due = end_of_day(territory, months_after(is.filed_on.0, 1));
            let kind = TaskKind::NumberApplication { application: id };
            self.add(Desk::Landlord, Some(due), since, kind, about);
        }
        match is.situation {
            ApplicationSituation::Registered => {
                let due = end_of_day(territory, is.valid_until.0);
                let kind = TaskKind::RenewApplication { application: id };
                self.add(Desk::Referrer, Some(due), since, kind, about);
            }
            ApplicationSituation::Warned { strikes_at, .. } => {
                let kind = TaskKind::AnswerWarning { application: id };
                self.add(Desk::Referrer, Some(strikes_at), since, kind, about);
            }
            ApplicationSituation::Deregistered { .. } => {}
        }
    }

    fn place(&mut self, id: PlaceId, is: &Place) {
        let Some(description) = is.description() else { return };
        let dwelling = description.kind.let_by_committee();
        let desk = if dwelling { Desk::Landlord } else { Desk::Provider };
        let about = About { household: None, place: Some(id) };
        if let Some(hold) = &is.hold {
            let about = About { household: Some(hold.household), place: Some(id) };
            let referral = hold.referral;
            let kind = match hold.until {
                Some(_) => TaskKind::AnswerReferral { referral },
                None => TaskKind::AdmitHousehold { referral },
            };
            self.add(Desk::Provider, hold.until, hold.since, kind, about);
        }
        for (spell, one) in is.offline.iter().filter(|(_, one)| !one.over) {
            let since = start_of_day(id.territory(), one.from.0);
            let due = one.until.map(|until| end_of_day(id.territory(), until.0));
            self.add(desk, due, since, TaskKind::BringOnline { spell: *spell }, about);
        }
        if is.current_occupancy().is_some() || is.hold.is_some() {
            return;
        }
        let offline = is.offline.values().any(|spell| !spell.over);
        let freed = is.occupancies.iter().filter_map(|occupancy| occupancy.to).max();
        match &is.vacancy {
            Some(vacancy) if vacancy.situation == VacancySituation::Open => {
                let idle = vacancy.allocation.candidates.is_empty();
                if idle {
                    let kind = TaskKind::ConfirmVacancy { vacancy: vacancy.id };
                    self.add(desk, Some(vacancy.good_until), vacancy.confirmed, kind, about);
                }
                if dwelling {
                    self.allocation(id, vacancy);
                }
            }
            Some(vacancy) if vacancy.situation == VacancySituation::Expired => {
                let kind = TaskKind::ConfirmVacancy { vacancy: vacancy.id };
                self.add(desk, None, vacancy.good_until, kind, about);
            }
            Some(_) | None if !offline => {
                let since = freed.unwrap_or(Timestamp::UNIX_EPOCH);
                self.add(desk, None, since, TaskKind::DeclareVacancy {}, about);
            }
            Some(_) | None => {}
        }
    }

    fn allocation(&mut self, id: PlaceId, vacancy: &Vacancy) {
        let about = About { household: None, place: Some(id) };
        let (since, vacancy_id) = (vacancy.confirmed, vacancy.id);
        let live = || vacancy.allocation.candidates.iter().filter(|(_, candidate)| candidate.is_live());
        match (&vacancy.allocation.committee, live().next()) {
            (_, None) => {
                let (desk, due) = match &vacancy.holder {
                    Some(holder) => (Desk::Prefecture, Some(holder.designate_by.0)),
                    None => (Desk::Landlord, None),
                };
                self.add(desk, due, since, TaskKind::DesignateCandidates { vacancy: vacancy_id }, about);
            }
            (None, Some(_)) => {
                self.add(
                    Desk::Landlord,
                    None,
                    since,
                    TaskKind::ConveneCommittee { vacancy: vacancy_id },
                    about,
                );
            }
            (Some(committee), Some(_)) if !committee.decided => {
                let due = Some(end_of_day(id.territory(), committee.on.0));
                self.add(
                    Desk::Landlord,
                    due,
                    since,
                    TaskKind::DecideCommittee { vacancy: vacancy_id },
                    about,
                );
            }
            (Some(_), Some(_)) => {}
        }
        for (candidacy, candidate) in live() {
            let about = About { household: Some(candidate.household), place: Some(id) };
            let candidacy = *candidacy;
            match candidate.situation {
                CandidateSituation::Offered { answer_by } => {
                    let kind = TaskKind::ObtainAnswer { candidacy };
                    self.add(Desk::Landlord, Some(answer_by), since, kind, about);
                }
                CandidateSituation::Accepted { at } if candidate.condition_pending().is_none() => {
                    self.add(Desk::Landlord, None, at, TaskKind::SignLease { candidacy }, about);
                }
                CandidateSituation::Accepted { .. }
                | CandidateSituation::Designated
                | CandidateSituation::Decided
                | CandidateSituation::Closed { .. } => {}
            }
            if let Some(by) = candidate.condition_pending() {
                let due = Some(end_of_day(id.territory(), by.0));
                self.add(Desk::Landlord, due, since, TaskKind::ObtainDocument { candidacy }, about);
            }
        }
    }
}

/// What a task is about.
#[derive(Clone, Copy)]
struct About {
    household: Option<HouseholdId>,
    place: Option<PlaceId>,
}
