//! What the clock does: deadlines that fire, each once, whatever the number of replicas and after any outage.
//!
//! **Invariant (INV-12).** Tacit decisions and expiries are produced here and nowhere else, and asking again changes
//! nothing: a deadline that no longer holds yields no change.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Context, Draft, Service, household};
use crate::calendar::end_of_day;
use crate::household::application::ApplicationSituation;
use crate::household::person_request::PersonRequestSituation;
use crate::household::referral::ReferralSituation;
use crate::household::request::{RequestCancelled, RequestWentStale};
use crate::household::stay::{Extension, SocialAid};
use crate::household::{Household, Registration};
use crate::id::{
    ApplicationId, CandidacyId, CommandId, HouseholdId, PersonRequestId, PlaceId, ReferralId, RequestId,
    StayId, VacancyId,
};
use crate::ledger::{AggregateId, Halt, Ledgers, State};
use crate::place::Place;
use crate::place::committee::CandidateSituation;
use crate::reference::{CancellationReason, WithdrawalReason};
use crate::rules::RuleBook;

/// What happens when a deadline is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "deadline", rename_all = "kebab-case")]
pub enum DeadlineKind {
    /// A referral expires.
    ReferralExpires {
        /// The referral.
        referral: ReferralId,
    },
    /// A request goes stale.
    RequestStale {
        /// The request.
        request: RequestId,
    },
    /// A request lapses because nobody was in touch.
    RequestLapses {
        /// The request.
        request: RequestId,
    },
    /// The answer to a request of a person is overdue.
    PersonRequestOverdue {
        /// The request.
        person_request: PersonRequestId,
    },
    /// The préfet's silence on social aid is acceptance.
    AdmissionDeemed {
        /// The stay.
        stay: StayId,
    },
    /// Silence on an extension is acceptance.
    ExtensionDeemed {
        /// The stay.
        stay: StayId,
    },
    /// A household that was found ready for a lease counts as ready no longer.
    ReadinessLapses {
        /// The stay.
        stay: StayId,
    },
    /// A vacancy leaves the feed.
    VacancyExpires {
        /// The vacancy.
        vacancy: VacancyId,
    },
    /// A dwelling returns to the landlord.
    DesignationLapses {
        /// The vacancy.
        vacancy: VacancyId,
    },
    /// An offer lapses, or the condition of an award.
    OfferLapses {
        /// The candidacy.
        candidacy: CandidacyId,
    },
    /// An application expires.
    ApplicationExpires {
        /// The application.
        application: ApplicationId,
    },
    /// An application is struck off after a warning.
    ApplicationStruckOff {
        /// The application.
        application: ApplicationId,
    },
    /// A question about capacity is answered no more.
    InquiryExpires {},
    /// It is announced that a file falls due, some days before.
    ErasureAnnounced {},
    /// A file falls due that two people have agreed to erase.
    ErasureDue {},
}

impl DeadlineKind {
    /// The id in data and logs: `referral-expires`.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::ReferralExpires { .. } => "referral-expires",
            Self::RequestStale { .. } => "request-stale",
            Self::RequestLapses { .. } => "request-lapses",
            Self::PersonRequestOverdue { .. } => "person-request-overdue",
            Self::AdmissionDeemed { .. } => "admission-deemed",
            Self::ExtensionDeemed { .. } => "extension-deemed",
            Self::ReadinessLapses { .. } => "readiness-lapses",
            Self::VacancyExpires { .. } => "vacancy-expires",
            Self::DesignationLapses { .. } => "designation-lapses",
            Self::OfferLapses { .. } => "offer-lapses",
            Self::ApplicationExpires { .. } => "application-expires",
            Self::ApplicationStruckOff { .. } => "application-struck-off",
            Self::InquiryExpires {} => "inquiry-expires",
            Self::ErasureAnnounced {} => "erasure-announced",
            Self::ErasureDue {} => "erasure-due",
        }
    }

    /// The thing that waits for it.
    fn about(&self) -> Uuid {
        match self {
            Self::ReferralExpires { referral } => referral.0,
            Self::RequestStale { request } | Self::RequestLapses { request } => request.0,
            Self::PersonRequestOverdue { person_request } => person_request.0,
            Self::AdmissionDeemed { stay }
            | Self::ExtensionDeemed { stay }
            | Self::ReadinessLapses { stay } => stay.0,
            Self::VacancyExpires { vacancy } | Self::DesignationLapses { vacancy } => vacancy.0,
            Self::OfferLapses { candidacy } => candidacy.0,
            Self::ApplicationExpires { application } | Self::ApplicationStruckOff { application } => {
                application.0
            }
            // The whole ledger.
            Self::InquiryExpires {} | Self::ErasureAnnounced {} | Self::ErasureDue {} => Uuid::nil(),
        }
    }

    /// The service that owns it.
    #[must_use]
    pub fn service(&self) -> Service {
        match self {
            Self::ReferralExpires { .. }
            | Self::RequestStale { .. }
            | Self::RequestLapses { .. }
            | Self::ErasureAnnounced {}
            | Self::ErasureDue {}
            | Self::PersonRequestOverdue { .. } => Service::Intake,
            Self::AdmissionDeemed { .. }
            | Self::ExtensionDeemed { .. }
            | Self::ReadinessLapses { .. }
            | Self::VacancyExpires { .. } => Service::Insertion,
            Self::DesignationLapses { .. }
            | Self::OfferLapses { .. }
            | Self::ApplicationExpires { .. }
            | Self::ApplicationStruckOff { .. } => Service::Landlord,
            Self::InquiryExpires {} => Service::Feed,
        }
    }
}

/// A deadline of one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Deadline {
    /// The last instant before it fires.
    pub due: Timestamp,
    /// The ledger.
    pub ledger: AggregateId,
    /// What happens.
    #[serde(flatten)]
    pub kind: DeadlineKind,
}

impl Deadline {
    /// The command that fires it: the same for every replica and every version of the program.
    #[must_use]
    pub fn command(&self) -> CommandId {
        let what = format!("{}\u{0}{}", self.kind.id(), self.kind.about());
        CommandId::of_deadline(&self.ledger.to_string(), &what, self.due)
    }

    pub(super) fn elapse(&self, ctx: &Context<'_>, ledgers: &Ledgers, draft: &mut Draft) -> Result<(), Halt> {
        if let AggregateId::Household(id) = self.ledger
            && !matches!(ledgers.household(id)?.registration, Registration::Registered { .. })
        {
            // It joined another household, and what it waited for went along or ended; or it is erased.
            return Ok(());
        }
        match (self.ledger, self.kind) {
            (AggregateId::Household(id), DeadlineKind::ReferralExpires { referral }) => {
                super::referral::expire(id, referral, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::RequestStale { request }) => {
                go_stale(id, request, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::RequestLapses { request }) => {
                lapse(id, request, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::PersonRequestOverdue { person_request }) => {
                super::person_request::become_overdue(id, person_request, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::AdmissionDeemed { stay }) => {
                super::stay::deem_admitted(id, stay, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::ExtensionDeemed { stay }) => {
                super::stay::deem_extended(id, stay, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::ReadinessLapses { stay }) => {
                super::stay::lapse_readiness(id, stay, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::ApplicationExpires { application }) => {
                super::application::expire(id, application, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::ApplicationStruckOff { application }) => {
                super::application::strike_off(id, application, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::ErasureAnnounced {}) => {
                super::erasure::announce(id, self.due, ctx, ledgers, draft)
            }
            (AggregateId::Household(id), DeadlineKind::ErasureDue {}) => {
                super::erasure::fall_due(id, self.due, ctx, ledgers, draft)
            }
            (AggregateId::Place(id), DeadlineKind::VacancyExpires { vacancy }) => {
                super::vacancy::expire(id, vacancy, ctx, ledgers, draft)
            }
            (AggregateId::Place(id), DeadlineKind::DesignationLapses { vacancy }) => {
                super::allocation::return_to_landlord(id, vacancy, ctx, ledgers, draft)
            }
            (AggregateId::Place(id), DeadlineKind::OfferLapses { candidacy }) => {
                super::allocation::lapse(id, candidacy, ctx, ledgers, draft)
            }
            (AggregateId::Inquiry(id), DeadlineKind::InquiryExpires {}) => {
                super::inquiry::expire(id, ctx, ledgers, draft)
            }
            // A deadline names a thing of its own ledger; on another one there is nothing to do.
            (
                AggregateId::Household(_)
                | AggregateId::Place(_)
                | AggregateId::Structure(_)
                | AggregateId::Organisation(_)
                | AggregateId::User(_)
                | AggregateId::Subscription(_)
                | AggregateId::Inquiry(_),
                _,
            ) => Ok(()),
        }
    }
}

fn go_stale(
    id: HouseholdId,
    which: RequestId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    if let Some(request) = is.requests.get(&which)
        && request.situation.is_open()
        && let Some(due) = request.update_due
        && ctx.at > due
    {
        draft.household(id, due, RequestWentStale { request: which });
    }
    Ok(())
}

fn lapse(
    id: HouseholdId,
    which: RequestId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    if let Some(request) = is.requests.get(&which)
        && request.situation.is_open()
        && let Some(due) = request.contact_due
        && ctx.at > due
        && !is.is_expected(which)
    {
        let own = is.live_referrals().filter(|(_, r)| r.request == which).map(|(id, _)| id).collect();
        super::referral::withdraw(id, is, &own, WithdrawalReason::request_closed(), ctx, ledgers, draft)?;
        draft.household(
            id,
            due,
            RequestCancelled { request: which, reason: CancellationReason::no_contact() },
        );
    }
    Ok(())
}

/// The deadlines that a ledger in this state waits for.
#[must_use]
pub fn deadlines(ledger: &AggregateId, state: &State) -> Vec<Deadline> {
    match (ledger, state) {
        (AggregateId::Household(id), State::Household(is)) => household_deadlines(*id, is),
        (AggregateId::Place(id), State::Place(is)) => place_deadlines(*id, is),
        (AggregateId::Inquiry(_), State::Inquiry(is)) => {
            let open = is.asked().filter(|asked| asked.is_open());
            let kind = DeadlineKind::InquiryExpires {};
            open.map(|asked| Deadline { due: asked.until, ledger: *ledger, kind }).into_iter().collect()
        }
        (
            AggregateId::Household(_)
            | AggregateId::Place(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_),
            _,
        ) => Vec::new(),
    }
}

fn household_deadlines(id: HouseholdId, is: &Household) -> Vec<Deadline> {
    let mut all = Vec::new();
    let mut add = |due, kind| all.push(Deadline { due, ledger: AggregateId::Household(id), kind });
    for (referral, one) in &is.referrals {
        if let ReferralSituation::Proposed { expires_at, .. } = one.situation {
            add(expires_at, DeadlineKind::ReferralExpires { referral: *referral });
        }
    }
    for (request, one) in is.requests.iter().filter(|(_, one)| one.situation.is_open()) {
        if let Some(due) = one.update_due {
            add(due, DeadlineKind::RequestStale { request: *request });
        }
        if let Some(due) = one.contact_due.filter(|_| !is.is_expected(*request)) {
            add(due, DeadlineKind::RequestLapses { request: *request });
        }
    }
    for (person_request, one) in &is.person_requests {
        if one.situation == PersonRequestSituation::Open {
            let due = end_of_day(id.territory(), one.due.0);
            add(due, DeadlineKind::PersonRequestOverdue { person_request: *person_request });
        }
    }
    for (stay, one) in is.active_stays() {
        if let Some(SocialAid::Sent { tacit_at }) = one.social_aid {
            add(tacit_at, DeadlineKind::AdmissionDeemed { stay });
        }
        if let Some(Extension::Requested { tacit_at: Some(tacit_at), .. }) = one.extension {
            add(tacit_at, DeadlineKind::ExtensionDeemed { stay });
        }
        if let Some(until) = one.ready.and_then(|ready| ready.until) {
            add(until.0, DeadlineKind::ReadinessLapses { stay });
        }
    }
    for (application, one) in is.applications.iter().filter(|(_, one)| one.is_live()) {
        let due = end_of_day(id.territory(), one.valid_until.0);
        add(due, DeadlineKind::ApplicationExpires { application: *application });
        if let ApplicationSituation::Warned { strikes_at, .. } = one.situation {
            add(strikes_at, DeadlineKind::ApplicationStruckOff { application: *application });
        }
    }
    // As those of tasks, an index is a function of the state under the rules that this program ships; the decision looks at
    // the rules of its context again.
    let book = RuleBook::shipped();
    if let Some(due) = super::erasure::announcement_due(id, is, book) {
        add(due, DeadlineKind::ErasureAnnounced {});
    }
    if let Some(due) = super::erasure::erasure_due(id, is, book) {
        add(due, DeadlineKind::ErasureDue {});
    }
    all
}

fn place_deadlines(id: PlaceId, is: &Place) -> Vec<Deadline> {
    let Some(vacancy) = is.open_vacancy() else { return Vec::new() };
    let mut all = Vec::new();
    let mut add = |due, kind| all.push(Deadline { due, ledger: AggregateId::Place(id), kind });
    if let Some(due) = vacancy.expires_at().filter(|_| is.hold.is_none()) {
        add(due, DeadlineKind::VacancyExpires { vacancy: vacancy.id });
    }
    if let Some(due) = vacancy.returns_at() {
        add(due, DeadlineKind::DesignationLapses { vacancy: vacancy.id });
    }
    for (candidacy, candidate) in vacancy.allocation.candidates.iter().filter(|(_, c)| c.is_live()) {
        let kind = DeadlineKind::OfferLapses { candidacy: *candidacy };
        if let CandidateSituation::Offered { answer_by } = candidate.situation {
            add(answer_by, kind);
        }
        if let Some(by) = candidate.condition_pending() {
            add(end_of_day(id.territory(), by.0), kind);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_deadline_is_the_same_in_every_version_of_the_program() {
        let text = "0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
        let household: HouseholdId = format!("33-{text}").parse().unwrap();
        let place: PlaceId = format!("2A-{text}").parse().unwrap();
        let due = "2026-07-01T21:59:59Z".parse().unwrap();
        let command = |ledger, kind| Deadline { due, ledger, kind }.command().to_string();
        let expires = DeadlineKind::ReferralExpires { referral: text.parse().unwrap() };
        let lapses = DeadlineKind::OfferLapses { candidacy: text.parse().unwrap() };
        assert_eq!(
            command(AggregateId::Household(household), expires),
            "cd6fcef8-d7eb-5424-9630-73dd537f4914"
        );
        assert_eq!(command(AggregateId::Place(place), lapses), "ab852d3e-263b-5274-99bc-63c361e31180");
    }
}
