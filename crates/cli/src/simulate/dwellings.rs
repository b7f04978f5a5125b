//! Social dwellings: holder, candidates, committee, offers rank by rank, lease.

use std::collections::BTreeMap;

use domain::calendar::{Day, days_after, start_of_day};
use domain::decide::allocation::{
    AcceptOffer, AssignVacancy, CandidateDecision, ConveneCommittee, DecideCommittee, DesignateCandidates,
    Designated, MeetCondition, NotifyOffer, RefuseOffer,
};
use domain::decide::lease::{EndLease, SignLease};
use domain::decide::vacancy::{DeclareVacancy, WithdrawVacancy};
use domain::household::candidacy::{CandidacyEvent, CandidacySituation};
use domain::id::{CandidacyId, HouseholdId, LeaseId, PlaceId};
use domain::matching::tenancy;
use domain::money::Money;
use domain::place::committee::{
    Candidate, CandidateSituation, CommitteeDecision, CommitteeEvent, CommitteeException, NotificationMeans,
};
use domain::place::inventory::Description;
use domain::place::vacancy::Vacancy;
use domain::reference::{PriorityGround, ReservationHolderKind, VacancyWithdrawalReason};
use jiff::SignedDuration;

use super::agenda::Action;
use super::world::World;

/// Fewest candidacies that a committee examines, exceptions apart (CCH R441-3).
const CANDIDATES: usize = 3;
/// When the post comes.
const POST: SignedDuration = SignedDuration::from_hours(10);

impl World {
    /// What follows from a fact about the allocation of a dwelling.
    pub(super) fn on_committee(&mut self, id: PlaceId, event: &CommitteeEvent) {
        match event {
            CommitteeEvent::CandidatesDesignated(_) => {
                let days = self.dice.within(1.0, 8.0);
                self.in_days(days, Action::Convene(id));
            }
            CommitteeEvent::CommitteeConvened(e) => {
                let at = self.hour(e.on.0, 14.0, 17.5);
                self.plan_at(at, Action::Decide(id));
                let at = self.hour(days_after(e.on.0, -1), 9.0, 17.0).max(self.now);
                self.plan_at(at, Action::CheckFiles(id));
            }
            CommitteeEvent::CommitteeDecided(_) | CommitteeEvent::CandidateClosed(_) => {
                if self.list_is_empty(id) {
                    let days = self.dice.within(1.0, 9.0);
                    self.in_days(days, Action::StartOver(id));
                }
            }
            CommitteeEvent::OfferMade(e) => {
                // The letter is there with the next morning's post.
                let morning = start_of_day(id.territory(), days_after(self.today(), 1)) + POST;
                self.plan_at(morning, Action::NotifyOffer(id, e.candidacy));
            }
            CommitteeEvent::OfferNotified(_)
            | CommitteeEvent::OfferAccepted(_)
            | CommitteeEvent::DocumentsChecked(_)
            | CommitteeEvent::ConditionMet(_) => {}
        }
    }

    /// What follows from a fact about a candidacy.
    pub(super) fn on_candidacy(&mut self, id: HouseholdId, event: &CandidacyEvent) {
        match event {
            CandidacyEvent::CandidacyDecided(e) => {
                if let CommitteeDecision::AwardConditional { by, .. } = &e.decision
                    && let Some(place) = self.place_of(id, e.candidacy)
                    && self.dice.chance(0.86)
                {
                    let left = (days_between(self.today(), by.0) - 1).max(1);
                    let ahead = self.dice.between(1, left);
                    let at = self.hour(days_after(self.today(), ahead), 9.0, 17.0);
                    self.plan_at(at, Action::MeetCondition(place, e.candidacy));
                }
            }
            CandidacyEvent::CandidacyOffered(e) => {
                if self.dice.chance(0.93) {
                    let days = self.dice.within(1.0, 9.0);
                    self.in_days(days, Action::AnswerOffer(id, e.candidacy));
                }
            }
            CandidacyEvent::CandidacyAccepted(e) => {
                let days = self.dice.within(4.0, 28.0);
                self.in_days(days, Action::Sign(id, e.candidacy));
            }
            CandidacyEvent::LeaseSigned(e) => {
                if self.dice.chance(0.12) {
                    let days = self.dice.within(60.0, 900.0);
                    self.in_days(days, Action::EndLease(id, e.lease));
                }
            }
            CandidacyEvent::CandidacyDesignated(_)
            | CandidacyEvent::CandidacyNotified(_)
            | CandidacyEvent::CandidacyClosed(_)
            | CandidacyEvent::LeaseEnded(_) => {}
        }
    }

    fn place_of(&self, id: HouseholdId, candidacy: CandidacyId) -> Option<PlaceId> {
        Some(self.household(id)?.candidacies.get(&candidacy)?.place)
    }

    /// The vacancy of a dwelling that is on offer.
    fn vacancy(&self, id: PlaceId) -> Option<&Vacancy> {
        self.place(id)?.open_vacancy()
    }

    /// Whether a committee decided and nobody is left to offer the dwelling to.
    fn list_is_empty(&self, id: PlaceId) -> bool {
        self.vacancy(id).is_some_and(|vacancy| {
            let decided = vacancy.allocation.committee.as_ref().is_some_and(|committee| committee.decided);
            decided && !vacancy.allocation.candidates.values().any(Candidate::is_live)
        })
    }

    /// A vacant dwelling is given to a reservation holder, or kept by the landlord.
    pub(super) fn assign(&mut self, id: PlaceId) {
        let Some(vacancy) = self.vacancy(id).filter(|vacancy| vacancy.allocation.candidates.is_empty())
        else {
            return;
        };
        if vacancy.holder.is_some() {
            return;
        }
        if self.dice.chance(0.62) {
            let kind = self.settings.reasons.holder.draw(&mut self.dice);
            let days = self.dice.between(12, 30);
            let designate_by = self.dice.chance(0.5).then(|| Day(days_after(self.today(), days)));
            let who = self.keeper(id);
            self.ask_place(who, id, AssignVacancy { kind, organisation: None, designate_by, flow: None });
            // Some holders have nobody, and let the dwelling go back.
            if self.dice.chance(0.9) {
                let days = self.dice.within(2.0, 11.0);
                self.in_days(days, Action::Designate(id));
            }
        } else {
            let days = self.dice.within(0.5, 6.0);
            self.in_days(days, Action::Designate(id));
        }
    }

    /// Candidates are designated: those who fit and have waited longest, priorities first.
    pub(super) fn designate(&mut self, id: PlaceId) {
        let Some(description) = self.place(id).and_then(|is| is.description()).cloned() else { return };
        let Some(vacancy) = self.vacancy(id) else { return };
        if vacancy.allocation.candidates.values().any(Candidate::is_live)
            || vacancy.allocation.committee.is_some()
        {
            return;
        }
        let state = vacancy
            .holder
            .as_ref()
            .is_some_and(|holder| holder.kind == ReservationHolderKind::state_priority());
        let mut found = self.candidates(&description);
        let wanted = CANDIDATES + self.dice.weigh([60, 30, 10].into_iter());
        let dalo = state && found.first().is_some_and(|one| one.dalo) && self.dice.chance(0.4);
        found.truncate(if dalo { 1 } else { wanted });
        if found.is_empty() {
            let days = self.dice.within(6.0, 20.0);
            self.in_days(days, Action::Designate(id));
            return;
        }
        let candidates = found
            .into_iter()
            .map(|one| Designated { dalo: state && one.dalo, household: one.household })
            .collect();
        let who = if state { self.prefecture() } else { self.keeper(id) };
        self.ask_place(who, id, DesignateCandidates { candidates });
    }

    /// Households that could be candidates for a dwelling, best first.
    fn candidates(&self, dwelling: &Description) -> Vec<Designated> {
        let today = self.today();
        let label = PriorityGround::dalo();
        let mut found: Vec<((bool, bool, u8, Day), HouseholdId)> = Vec::new();
        for id in self.applicants.iter().filter(|id| self.is_here(**id)) {
            let Some(is) = self.household(*id) else { continue };
            let Some((_, application)) = is.live_application() else { continue };
            if application.number_on(days_after(today, 40), id.territory()).is_none()
                || is.leases.values().any(|one| one.ended.is_none())
                || tenancy(is, dwelling, today, id.territory()).is_some()
            {
                continue;
            }
            let profile = is.composition.profile(today, None);
            let spare = dwelling.capacity.saturating_sub(profile.persons);
            if profile.persons > dwelling.capacity
                || spare > 1
                || is.candidacies.values().any(|one| one.is_live())
            {
                continue;
            }
            let labels = || is.labels.values().filter(|one| one.ended.is_none());
            let dalo = labels().any(|one| one.ground == label);
            let priority = labels().next().is_some();
            found.push(((!dalo, !priority, spare, application.filed_on), *id));
        }
        found.sort_unstable();
        found
            .into_iter()
            .map(|((not_dalo, ..), household)| Designated { household, dalo: !not_dalo })
            .collect()
    }

    /// The dwelling is put on the agenda of the committee.
    pub(super) fn convene(&mut self, id: PlaceId) {
        let Some(vacancy) = self.vacancy(id) else { return };
        let live = vacancy.allocation.candidates.values().any(Candidate::is_live);
        if live && vacancy.allocation.committee.is_none() {
            let soon = days_after(self.today(), self.dice.between(4, 14));
            // Committees sit on Tuesdays.
            let to_tuesday = i64::from((9 - soon.weekday().to_monday_one_offset()) % 7);
            let who = self.keeper(id);
            self.ask_place(who, id, ConveneCommittee { on: Day(days_after(soon, to_tuesday)) });
        }
    }

    /// The committee decides: exactly one decision on each candidacy.
    pub(super) fn decide_committee(&mut self, id: PlaceId) {
        let Some(is) = self.place(id) else { return };
        let plai_adapte = is.description().is_some_and(|description| description.plai_adapte);
        let Some(vacancy) = is.open_vacancy() else { return };
        let Some(committee) = vacancy.allocation.committee.as_ref() else { return };
        if committee.decided || self.today() < committee.on.0 {
            return;
        }
        let live: BTreeMap<CandidacyId, (HouseholdId, bool)> = (vacancy.allocation.candidates.iter())
            .filter(|(_, candidate)| candidate.is_live())
            .map(|(candidacy, candidate)| (*candidacy, (candidate.household, candidate.dalo)))
            .collect();
        if live.is_empty() {
            // Everybody has left the list since: the vacancy starts again.
            self.in_days(1.0, Action::StartOver(id));
            return;
        }
        let exception = (live.len() < CANDIDATES).then(|| {
            if live.values().any(|(_, dalo)| *dalo) {
                CommitteeException::DaloDesignation
            } else if plai_adapte {
                CommitteeException::PlaiAdapte
            } else {
                CommitteeException::InsufficientCandidates
            }
        });
        let decisions = self.decisions(&live);
        let who = self.keeper(id);
        self.ask_place(who, id, DecideCommittee { decisions, exception });
    }

    fn decisions(&mut self, live: &BTreeMap<CandidacyId, (HouseholdId, bool)>) -> Vec<CandidateDecision> {
        // By the order in which they were found: priorities, then the oldest applications.
        let mut order: Vec<_> = live
            .iter()
            .map(|(candidacy, (household, dalo))| (!dalo, self.filed_on(*household), *candidacy))
            .collect();
        order.sort_unstable();
        let (mut rank, mut awarded) = (0, false);
        let mut decisions = Vec::with_capacity(order.len());
        for (_, _, candidacy) in order {
            let decision = if self.dice.chance(0.2) {
                let reason = self.settings.reasons.non_award.draw(&mut self.dice);
                if self.dice.chance(0.06) {
                    // Only what the law calls irreceivable.
                    let code =
                        if self.dice.chance(0.5) { "resources_above_ceiling" } else { "irregular_residence" };
                    CommitteeDecision::Inadmissible { reason: code.parse().unwrap_or(reason) }
                } else {
                    CommitteeDecision::Reject { reason }
                }
            } else if !awarded {
                awarded = true;
                if self.dice.chance(0.18) {
                    let document = self.settings.reasons.document.draw(&mut self.dice);
                    let by = Day(days_after(self.today(), self.dice.between(10, 30)));
                    CommitteeDecision::AwardConditional { document, by }
                } else {
                    CommitteeDecision::Award
                }
            } else {
                rank += 1;
                CommitteeDecision::AwardRanked { rank }
            };
            decisions.push(CandidateDecision { candidacy, decision });
        }
        decisions
    }

    fn filed_on(&self, id: HouseholdId) -> Option<Day> {
        self.household(id)?.live_application().map(|(_, application)| application.filed_on)
    }

    /// The household answers an offer.
    pub(super) fn answer_offer(&mut self, id: HouseholdId, candidacy: CandidacyId) {
        let Some(one) = self.household(id).and_then(|is| is.candidacies.get(&candidacy)) else { return };
        let CandidacySituation::Offered { answer_by } = one.situation else { return };
        if self.now > answer_by {
            return;
        }
        let place = one.place;
        let who = self.keeper(place);
        if self.dice.chance(0.75) {
            self.ask(who, id, AcceptOffer { candidacy });
        } else {
            let reason = self.settings.reasons.offer_refusal.draw(&mut self.dice);
            self.ask(who, id, RefuseOffer { candidacy, reason });
            self.reconsider_label(id);
        }
    }

    fn candidate(&self, place: PlaceId, candidacy: CandidacyId) -> Option<&Candidate> {
        self.vacancy(place)?.allocation.candidates.get(&candidacy).filter(|candidate| candidate.is_live())
    }

    /// The acknowledgement of the letter comes back, while the household has not answered.
    pub(super) fn notify_offer(&mut self, place: PlaceId, candidacy: CandidacyId) {
        let Some(candidate) = self.candidate(place, candidacy) else { return };
        let CandidateSituation::Offered { answer_by } = candidate.situation else { return };
        if self.now <= answer_by {
            let (received, means) = (Day(self.today()), NotificationMeans::RegisteredLetter);
            let who = self.keeper(place);
            self.ask_place(who, place, NotifyOffer { candidacy, received, means, proof: None });
        }
    }

    /// The missing document comes.
    pub(super) fn meet_condition(&mut self, place: PlaceId, candidacy: CandidacyId) {
        let pending = self.candidate(place, candidacy).and_then(Candidate::condition_pending);
        if pending.is_some_and(|by| self.today() <= by.0) {
            let who = self.keeper(place);
            self.ask_place(who, place, MeetCondition { candidacy });
        }
    }

    /// The lease is signed, when the last document is there.
    pub(super) fn sign(&mut self, id: HouseholdId, candidacy: CandidacyId) {
        let Some(place) = self.place_of(id, candidacy) else { return };
        let Some(candidate) = self.candidate(place, candidacy) else { return };
        let CandidateSituation::Accepted { .. } = candidate.situation else { return };
        if candidate.condition_pending().is_some() {
            self.in_days(4.0, Action::Sign(id, candidacy));
            return;
        }
        let filed = self.filed_on(id);
        let rent = self.place(place).and_then(|is| is.description()?.rent).unwrap_or(Money::euros(380));
        let charges = Money::euros(self.dice.between(35, 110));
        let who = self.keeper(place);
        let signed = self.ask(
            who,
            id,
            SignLease { candidacy, at: None, from: None, rent, charges, deposit_to_return: false },
        );
        if let (Some(_), Some(filed)) = (signed, filed) {
            self.summary.days_lease.note(86_400 * days_between(filed.0, self.today()));
        }
    }

    /// Nobody is left on the list of a dwelling: the vacancy is withdrawn and declared anew.
    pub(super) fn start_over(&mut self, id: PlaceId) {
        let Some(vacancy) = self.vacancy(id) else { return };
        let live = vacancy.allocation.candidates.values().any(Candidate::is_live);
        if live || vacancy.allocation.committee.is_none() {
            return;
        }
        let who = self.keeper(id);
        let reason = VacancyWithdrawalReason::other();
        if self.ask_place(who, id, WithdrawVacancy { reason }).is_some() {
            let good_until = Some(Day(days_after(self.today(), 85)));
            self.ask_place(who, id, DeclareVacancy { available_from: None, good_until });
        }
    }

    /// The tenant leaves.
    pub(super) fn end_lease(&mut self, id: HouseholdId, lease: LeaseId) {
        let running =
            self.household(id).and_then(|is| is.leases.get(&lease)).filter(|lease| lease.ended.is_none());
        if let Some(place) = running.map(|lease| lease.place) {
            let who = self.keeper(place);
            self.ask(who, id, EndLease { lease, on: None });
        }
    }
}

/// How many days lie between two days.
fn days_between(from: jiff::civil::Date, to: jiff::civil::Date) -> i64 {
    (to - from).get_days().into()
}
