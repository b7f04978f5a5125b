//! Worklists: what each desk has to do now, derived from the state of the ledgers and never kept by hand.

mod household;
mod place;

use std::sync::LazyLock;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calendar::{day, days_after, start_of_day};
use crate::id::{
    ApplicationId, CandidacyId, HouseholdId, LabelId, OfflineSpellId, OrganisationId, PersonRequestId,
    PlaceId, ReferralId, RequestId, StayId, VacancyId,
};
use crate::ledger::{AggregateId, State};
use crate::rules::RuleBook;

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
    /// The data-protection officer.
    DataProtection,
}

impl Desk {
    /// Every desk.
    pub const ALL: [Self; 6] =
        [Self::Referrer, Self::Siao, Self::Provider, Self::Landlord, Self::Prefecture, Self::DataProtection];

    /// The name in URLs: `siao`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Referrer => "referrer",
            Self::Siao => "siao",
            Self::Provider => "provider",
            Self::Landlord => "landlord",
            Self::Prefecture => "prefecture",
            Self::DataProtection => "data-protection",
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
    /// Answer the request of a person on their data.
    PersonRequestDue { person_request: PersonRequestId },
    /// Have erased what a person was granted to have erased: `propose-erasure`.
    CarryOutErasure { person_request: PersonRequestId },
    /// Tell a household that its worker has changed, or that an organisation follows it no longer.
    TellFollowUp { organisation: OrganisationId },
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
    /// Look at a file that falls due: propose to erase it, or say what obliges to keep it.
    ErasureDue {},
    /// Confirm the erasure that another person proposed, or take the proposal back.
    ConfirmErasure {},
}

impl TaskKind {
    /// The names of all kinds, as they stand in data: `answer-referral`.
    #[must_use]
    pub fn names() -> &'static [String] {
        static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
            // The schema is derived from the kinds, so none is forgotten.
            let schema = schemars::schema_for!(TaskKind).to_value();
            let kinds = schema.get("oneOf").and_then(|kinds| kinds.as_array()).into_iter().flatten();
            let name = |kind: &Value| Some(kind.pointer("/properties/task/const")?.as_str()?.to_owned());
            kinds.filter_map(name).collect()
        });
        &NAMES
    }
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
    /// From when it stands on the list: what is due in a year is nobody's task today.
    #[serde(default = "always")]
    pub from: Timestamp,
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

fn always() -> Timestamp {
    Timestamp::MIN
}

impl Task {
    /// Whether it is to be done at `now`.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        self.from <= now
    }
}

/// The tasks that a ledger in this state gives under these rules, those that stand already and those that will.
#[must_use]
pub fn tasks(ledger: &AggregateId, state: &State, book: &RuleBook) -> Vec<Task> {
    let mut list = List { tasks: Vec::new(), book };
    match (ledger, state) {
        (AggregateId::Household(id), State::Household(is)) => list.household(*id, is),
        (AggregateId::Place(id), State::Place(is)) => list.place(*id, is),
        (
            AggregateId::Household(_)
            | AggregateId::Place(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_),
            _,
        ) => {}
    }
    list.tasks
}

struct List<'a> {
    tasks: Vec<Task>,
    book: &'a RuleBook,
}

impl List<'_> {
    /// A task that stands some time before it is due: the usual notice, or from an instant of its own.
    fn in_time(
        &mut self,
        desk: Desk,
        due: Option<Timestamp>,
        since: Timestamp,
        from: Option<Timestamp>,
        kind: TaskKind,
        about: About,
    ) {
        let home = about.household.map(|id| id.territory()).or_else(|| about.place.map(|id| id.territory()));
        let usual = due.zip(home).map(|(due, home)| {
            let on = day(home, due);
            start_of_day(home, days_after(on, -self.book.on(home, on).task_notice_days))
        });
        self.add(desk, due, since, kind, about);
        if let (Some(task), Some(from)) = (self.tasks.last_mut(), from.or(usual)) {
            task.from = from.max(since);
        }
    }

    fn add(&mut self, desk: Desk, due: Option<Timestamp>, since: Timestamp, kind: TaskKind, about: About) {
        self.tasks.push(Task {
            desk,
            due,
            since,
            from: since,
            kind,
            household: about.household,
            place: about.place,
        });
    }
}

/// What a task is about.
#[derive(Clone, Copy)]
struct About {
    household: Option<HouseholdId>,
    place: Option<PlaceId>,
}
