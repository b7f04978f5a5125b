//! Requests: transmitted, examined, on the waiting list, kept up to date or not.

use std::collections::BTreeSet;

use domain::calendar::{Day, days_after};
use domain::decide::request::{
    AssessRequest, CancelRequest, DeferRequest, QualifyRequest, ReactivateRequest, RejectRequest,
    ReturnRequest, ScheduleCommittee, SubmitRequest, TransferRequest, UpdateRequest,
};
use domain::household::request::{
    NeedProfile, PriorityClass, Qualification, Request, RequestEvent, RequestFile, RequestSituation,
    RequestStream, ResourceBracket,
};
use domain::id::{HouseholdId, RequestId, Territory};
use domain::reference::{Area, CancellationReason};
use domain::structure_kind::StructureKind;

use super::agenda::Action;
use super::world::World;

/// What the SIAO makes of a request it looks at.
enum Judgement {
    Return,
    ToCommittee,
    Defer,
    Reject,
    Qualify,
}

impl World {
    /// What follows from a fact about a request.
    pub(super) fn on_request(&mut self, id: HouseholdId, event: &RequestEvent) {
        match event {
            RequestEvent::RequestSubmitted(e) => self.on_submitted(id, e.request),
            RequestEvent::AssessmentRequested(e) => {
                if self.dice.chance(0.9) {
                    let days = self.dice.around(9.0, 0.7);
                    self.in_days(days, Action::Assess(id, e.request));
                }
            }
            RequestEvent::RequestAssessed(e) => {
                self.assessed.insert(e.request);
                let days = self.dice.around(4.0, 0.6);
                self.in_days(days, Action::Examine(id, e.request));
            }
            RequestEvent::CommitteeScheduled(e) => {
                let at = self.hour(e.on.0, 10.0, 17.0);
                self.plan_at(at, Action::Examine(id, e.request));
            }
            RequestEvent::RequestDeferred(e) => {
                let at = self.hour(e.until.0, 9.0, 17.0);
                let at = self.working(at);
                self.plan_at(at, Action::Examine(id, e.request));
            }
            RequestEvent::RequestQualified(e) => self.on_qualified(id, e.request, &e.qualification),
            RequestEvent::RequestWentStale(e) => {
                if self.dice.chance(0.75) {
                    let days = self.dice.within(3.0, 60.0);
                    self.in_days(days, Action::Contact(id, e.request));
                }
            }
            RequestEvent::RequestCancelled(e) => {
                let wanted = e.reason == CancellationReason::no_contact() && self.dice.chance(0.3);
                if wanted || self.dice.chance(0.03) {
                    let days = self.dice.within(4.0, 85.0);
                    self.in_days(days, Action::Reactivate(id, e.request));
                }
            }
            RequestEvent::RequestReactivated(e) => {
                let days = self.dice.within(1.0, 30.0);
                self.in_days(days, Action::Contact(id, e.request));
            }
            RequestEvent::RequestFulfilled(e) => self.on_fulfilled(id, e.request),
            RequestEvent::RequestCreated(_)
            | RequestEvent::RequestUpdated(_)
            | RequestEvent::RequestRejected(_)
            | RequestEvent::RequestTransferred(_)
            | RequestEvent::SeniorityReset(_) => {}
        }
    }

    fn on_submitted(&mut self, id: HouseholdId, which: RequestId) {
        let Some(request) = self.request_of(id, which) else { return };
        let emergency = request.file.stream == RequestStream::Emergency115;
        let month = domain::calendar::day(self.plan.territory, request.seniority.unwrap_or(self.now)).month();
        let column = usize::from(month.unsigned_abs()).saturating_sub(1) % 12;
        self.summary.submissions[usize::from(!emergency)][column] += 1;
        if emergency {
            let hours = self.dice.within(0.1, 2.0);
            self.in_hours(hours, Action::Examine(id, which));
            return;
        }
        if self.dice.chance(0.6) {
            let days = self.dice.around(4.0, 0.7);
            self.in_days(days, Action::Assess(id, which));
        } else {
            let days = self.dice.around(self.settings.demand.days_to_examine, 0.5);
            self.in_days(days, Action::Examine(id, which));
        }
        // Whoever has not been told anything asks.
        let days = self.dice.within(60.0, 150.0);
        self.in_days(days, Action::Contact(id, which));
    }

    fn on_qualified(&mut self, id: HouseholdId, which: RequestId, qualification: &Qualification) {
        let Some(request) = self.request_of(id, which) else { return };
        let emergency = request.file.stream == RequestStream::Emergency115;
        let days = self.contact_days(emergency);
        self.in_days(days, Action::Contact(id, which));
        let free: Vec<_> = qualification
            .kinds
            .iter()
            .flat_map(|kind| self.on_offer.get(kind))
            .flatten()
            .copied()
            .take(8)
            .collect();
        for place in free {
            self.seek(place, if emergency { 0.02 } else { 0.4 });
        }
    }

    fn on_fulfilled(&mut self, id: HouseholdId, which: RequestId) {
        let Some(request) = self.request_of(id, which) else { return };
        let Some(since) = request.seniority else { return };
        let emergency = request.file.stream == RequestStream::Emergency115;
        let seconds = self.now.as_second() - since.as_second();
        let waits = if emergency { &mut self.summary.days_115 } else { &mut self.summary.days_insertion };
        waits.note(seconds);
    }

    fn contact_days(&mut self, emergency: bool) -> f64 {
        let mean = if emergency { 11.0 } else { self.settings.demand.days_between_contacts };
        self.dice.within(0.55 * mean, 1.45 * mean)
    }

    /// One request of a household.
    pub(super) fn request_of(&self, id: HouseholdId, which: RequestId) -> Option<&Request> {
        self.household(id)?.requests.get(&which)
    }

    /// A request is transmitted for the first time, or again after its seniority was lost.
    pub(super) fn transmit(&mut self, id: HouseholdId, which: RequestId) {
        let Some(request) = self.request_of(id, which).filter(|_| self.is_here(id)) else { return };
        let ready = match &request.situation {
            RequestSituation::Draft => true,
            RequestSituation::Stale { .. } => request.seniority.is_none(),
            RequestSituation::Submitted
            | RequestSituation::UnderAssessment { .. }
            | RequestSituation::InCommittee { .. }
            | RequestSituation::Deferred { .. }
            | RequestSituation::Qualified(_)
            | RequestSituation::Fulfilled { .. }
            | RequestSituation::Cancelled { .. }
            | RequestSituation::Rejected { .. }
            | RequestSituation::Absorbed => false,
        };
        if ready {
            let who = self.referrer(id);
            self.ask(who, id, SubmitRequest { request: which, at: None });
        }
    }

    /// The referrer adds the assessment, and completes what was missing.
    pub(super) fn assess_request(&mut self, id: HouseholdId, which: RequestId) {
        let Some(request) = self.request_of(id, which).filter(|request| request.situation.is_open()) else {
            return;
        };
        let need = request.file.need.stated();
        let autonomy = 1 + self.dice.weigh([22, 34, 26, 13, 5].into_iter()) as u8;
        let support = 1 + self.dice.weigh([14, 30, 32, 17, 7].into_iter()) as u8;
        let who = self.referrer(id);
        self.ask(
            who,
            id,
            AssessRequest { request: which, need, autonomy, support, narrative: None, at: None },
        );
    }

    /// The SIAO looks at a request that it has not decided on yet.
    pub(super) fn examine(&mut self, id: HouseholdId, which: RequestId) {
        let Some(request) = self.request_of(id, which).filter(|_| self.is_here(id)) else { return };
        let (emergency, ours) =
            (request.file.stream == RequestStream::Emergency115, request.siao == self.territory());
        let assessed = self.assessed.contains(&which);
        let weights = match (&request.situation, emergency) {
            (RequestSituation::Submitted, true) => [0, 0, 0, 3, 97],
            (RequestSituation::Submitted, false) if assessed => [6, 34, 8, 5, 47],
            (RequestSituation::Submitted, false) => [30, 22, 10, 6, 32],
            (RequestSituation::InCommittee { on }, _) if on.0 <= self.today() => [0, 0, 9, 6, 85],
            (RequestSituation::Deferred { until, .. }, _) if until.0 <= self.today() => [0, 8, 12, 12, 68],
            (_, _) => return,
        };
        let judgement = match self.dice.weigh(weights.into_iter()) {
            0 => Judgement::Return,
            1 => Judgement::ToCommittee,
            2 => Judgement::Defer,
            3 => Judgement::Reject,
            _ => Judgement::Qualify,
        };
        if ours {
            self.judge_request(id, which, &judgement);
        }
    }

    fn judge_request(&mut self, id: HouseholdId, request: RequestId, judgement: &Judgement) {
        let who = self.siao();
        let today = self.today();
        match judgement {
            Judgement::Return => {
                let mut reasons = vec![self.settings.reasons.r#return.draw(&mut self.dice)];
                let other = self.settings.reasons.r#return.draw(&mut self.dice);
                if other != reasons[0] && self.dice.chance(0.4) {
                    reasons.push(other);
                }
                self.ask(who, id, ReturnRequest { request, reasons });
            }
            Judgement::ToCommittee => {
                // The committee meets on Thursdays.
                let ahead = self.dice.between(4, 12);
                let soon = days_after(today, ahead);
                let to_thursday = i64::from((11 - soon.weekday().to_monday_one_offset()) % 7);
                self.ask(who, id, ScheduleCommittee { request, on: Day(days_after(soon, to_thursday)) });
            }
            Judgement::Defer => {
                let reason = self.settings.reasons.deferral.draw(&mut self.dice);
                let until = Day(days_after(today, self.dice.between(14, 75)));
                self.ask(who, id, DeferRequest { request, reason, until });
            }
            Judgement::Reject => {
                let reason = self.settings.reasons.rejection.draw(&mut self.dice);
                self.ask(who, id, RejectRequest { request, reason, note: None });
            }
            Judgement::Qualify => {
                let Some(asked) = self.request_of(id, request) else { return };
                let (emergency, need) =
                    (asked.file.stream == RequestStream::Emergency115, asked.file.need.stated());
                let kinds = self.kinds_for(id, emergency, &need);
                let class = 1 + self.dice.weigh([7, 18, 42, 24, 9].into_iter()) as u8;
                // 1 to 5 is what the weights give.
                let Ok(priority_class) = PriorityClass::try_from(class) else { return };
                let imminent_danger =
                    need.violence_dedicated && self.dice.chance(0.35) || self.dice.chance(0.01);
                let qualification = Qualification { kinds, priority_class, imminent_danger };
                self.ask(who, id, QualifyRequest { request, qualification });
            }
        }
    }

    /// The kinds of housing that fit a household, at least one.
    pub(super) fn kinds_for(
        &mut self,
        id: HouseholdId,
        emergency: bool,
        need: &NeedProfile,
    ) -> BTreeSet<StructureKind> {
        use StructureKind as K;
        let Some(is) = self.household(id) else { return BTreeSet::from([K::Chrs]) };
        let profile = is.composition.profile(self.today(), None);
        let mut kinds = BTreeSet::new();
        if emergency {
            kinds.insert(K::EmergencyShelter);
            if profile.persons > 1 || self.dice.chance(0.6) {
                kinds.insert(K::HotelNight);
            }
            if profile.minors > 0 {
                kinds.insert(K::Rhvs);
            }
            return kinds;
        }
        let means = need.resources.unwrap_or(ResourceBracket::None);
        let alone = profile.persons == 1;
        let mut maybe = |kind: K, likely: f64, dice: &mut super::dice::Dice| {
            if dice.chance(likely) {
                kinds.insert(kind);
            }
        };
        let dice = &mut self.dice;
        maybe(K::Chrs, if need.violence_dedicated { 1.0 } else { 0.42 }, dice);
        maybe(K::Alt, 0.22, dice);
        if alone {
            if (18..=29).contains(&profile.oldest_adult) {
                maybe(K::YoungWorkersResidence, 0.75, dice);
            }
            maybe(K::SocialResidence, if means >= ResourceBracket::Under600 { 0.65 } else { 0.2 }, dice);
            if profile.oldest_adult >= 45 {
                maybe(K::FamilyBoardingHouse, 0.45, dice);
            }
            if profile.men == 1 && profile.oldest_adult >= 35 {
                maybe(K::MigrantWorkersHome, 0.3, dice);
            }
            maybe(K::PsychiatricSupportResidence, 0.07, dice);
        } else {
            maybe(K::Rhvs, 0.22, dice);
            maybe(K::Solibail, 0.34, dice);
            maybe(K::SocialResidence, if profile.persons <= 3 { 0.35 } else { 0.0 }, dice);
        }
        maybe(K::SubletIntermediation, if alone { 0.25 } else { 0.6 }, dice);
        if means >= ResourceBracket::From600 {
            maybe(K::ManagedLease, 0.2, dice);
            maybe(K::SlidingLease, 0.16, dice);
        }
        if kinds.is_empty() {
            kinds.insert(if alone { K::Chrs } else { K::SubletIntermediation });
        }
        kinds
    }

    /// The household and its referrer are in touch: up to date, given up, or missed.
    pub(super) fn contact(&mut self, id: HouseholdId, which: RequestId) {
        let Some(request) = self.request_of(id, which).filter(|request| request.situation.is_open()) else {
            return;
        };
        if !self.is_here(id) {
            return;
        }
        let emergency = request.file.stream == RequestStream::Emergency115;
        if request.seniority.is_none() {
            self.transmit(id, which);
            return;
        }
        let missed = self.settings.demand.missed_contact;
        if self.dice.chance(missed) {
            // Nobody asks for some time: the request may lapse in between.
            let days = self.dice.within(40.0, 150.0);
            self.in_days(days, Action::Contact(id, which));
            return;
        }
        let who = self.referrer(id);
        if self.dice.chance(if emergency { 0.16 } else { 0.035 }) {
            let reason = self.settings.reasons.cancellation.draw(&mut self.dice);
            self.ask(who, id, CancelRequest { request: which, reason });
            return;
        }
        if self.dice.chance(0.006) {
            self.transfer(id, which);
            return;
        }
        let file = if self.dice.chance(0.22) { self.changed(id, which) } else { None };
        self.ask(who, id, UpdateRequest { request: which, file });
        let days = self.contact_days(emergency);
        self.in_days(days, Action::Contact(id, which));
    }

    /// The file as it is after something has changed.
    fn changed(&mut self, id: HouseholdId, which: RequestId) -> Option<RequestFile> {
        let mut file = self.request_of(id, which)?.file.stated()?;
        match self.dice.weigh([5, 4, 1].into_iter()) {
            0 => file.need.resources = Some(self.settings.resources(&mut self.dice)),
            1 => file.wishes = self.geography.wishes(&mut self.dice),
            _ => file.need.step_free = true,
        }
        Some(file)
    }

    fn transfer(&mut self, id: HouseholdId, request: RequestId) {
        let all = domain::reference::territory::departements();
        let others: Vec<Territory> =
            all.iter().map(|one| one.territory).filter(|one| *one != self.plan.territory).collect();
        if let Some(to) = self.dice.pick(&others) {
            let who = self.siao();
            self.ask(who, id, TransferRequest { request, to, wishes: vec![Area::Territory(to)] });
        }
    }

    /// A cancelled request is wanted again.
    pub(super) fn reactivate(&mut self, id: HouseholdId, which: RequestId) {
        let Some(is) = self.household(id).filter(|_| self.is_here(id)) else { return };
        let Some(request) = is.requests.get(&which) else { return };
        let RequestSituation::Cancelled { at, .. } = request.situation else { return };
        let last = domain::calendar::months_after(domain::calendar::day(request.siao, at), 3);
        let twin = is.requests.values().any(|other| {
            other.situation.is_open()
                && other.file.stream == request.file.stream
                && other.siao == request.siao
        });
        let housed = is.leases.values().any(|lease| lease.ended.is_none());
        if !twin && !housed && self.today() <= last {
            let who = self.siao();
            self.ask(who, id, ReactivateRequest { request: which });
        }
    }

    /// Closes what a household still asks for, because it no longer needs it.
    pub(super) fn close_requests(
        &mut self,
        id: HouseholdId,
        reason: CancellationReason,
        only: Option<RequestStream>,
    ) {
        let Some(is) = self.household(id) else { return };
        let open = |request: &&Request| {
            request.situation.is_open() && only.is_none_or(|stream| request.file.stream == stream)
        };
        let ids: Vec<_> =
            is.requests.iter().filter(|(_, one)| open(one)).map(|(request, _)| *request).collect();
        for request in ids {
            let who = self.referrer(id);
            self.ask(who, id, CancelRequest { request, reason });
        }
    }
}
