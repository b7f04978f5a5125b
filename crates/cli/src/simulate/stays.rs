//! Stays: reviewed, extended, interrupted, left.

use domain::calendar::{Day, Instant, days_after, months_after, start_of_day};
use domain::decide::correction::CorrectDate;
use domain::decide::stay::{
    DecideAdmission, DecideExtension, EndStay, GiveNotice, NotifyTermination, RecordAbsence, RecordReturn,
    RequestExtension, ReturnDeposit, ReviewStay,
};
use domain::household::correction::DatedFact;
use domain::household::referral::ReferralSituation;
use domain::household::request::RequestStream;
use domain::household::stay::{
    Admission, NoticeMotive, NotifiedGround, SocialAid, Stay, StayEnded, StayEvent, StaySituation,
    StayStarted, TerminationGround,
};
use domain::id::{HouseholdId, StayId};
use domain::money::Money;
use domain::reference::{CancellationReason, ExitClass, ExitDestination, ExitReason};
use domain::structure_kind::StructureKind;
use jiff::{SignedDuration, Timestamp};

use super::agenda::Action;
use super::coordinator::is_emergency;
use super::referrals::is_away;
use super::world::World;

impl World {
    /// What follows from a fact about a stay that was true at `effective`.
    pub(super) fn on_stay(&mut self, id: HouseholdId, event: &StayEvent, effective: Timestamp) {
        match event {
            StayEvent::StayStarted(e) => self.on_started(id, e, effective),
            StayEvent::StayReviewed(e) => {
                let days = if e.next_due.is_some() {
                    self.dice.within(140.0, 178.0)
                } else {
                    self.dice.within(150.0, 240.0)
                };
                self.in_days(days, Action::Review(id, e.stay));
                if e.housing_ready {
                    let days = self.dice.within(2.0, 30.0);
                    self.in_days(days, Action::File(id));
                }
            }
            StayEvent::AbsenceRecorded(e) => {
                let late = self.dice.between(0, 2);
                let at = self.hour(days_after(e.to.0, late), 8.0, 20.0);
                self.plan_at(at, Action::ComeBack(id, e.stay));
            }
            StayEvent::ExtensionRequested(e) => {
                if self.dice.chance(0.6) {
                    let days = self.dice.within(5.0, 27.0);
                    self.in_days(days, Action::DecideExtension(id, e.stay));
                }
            }
            StayEvent::StayExtended(e) => self.plan_end(id, e.stay, e.until),
            StayEvent::StayDeemedExtended(e) => self.plan_end(id, e.stay, e.until),
            StayEvent::ExtensionRefused(e) => {
                let days = self.dice.within(15.0, 40.0);
                self.in_days(days, Action::Leave(id, e.stay));
            }
            StayEvent::NoticeGiven(e) => {
                let housing = e.motive.known() == Some(&NoticeMotive::Housing);
                self.plan_departure(id, e.stay, e.ends_on, housing.then(ExitReason::solution_found));
                if self.dice.chance(0.05) {
                    let days = self.dice.within(0.5, 7.0);
                    self.in_days(days, Action::TakeNoticeBack(id, e.stay));
                }
            }
            StayEvent::TerminationNotified(e) => {
                let reason = match e.ground {
                    NotifiedGround::ConditionsLost { .. } => "conditions_lost",
                    NotifiedGround::Unpaid { .. } => "unpaid_fee",
                    NotifiedGround::Breach => "disciplinary_exclusion",
                };
                self.plan_departure(id, e.stay, e.ends_on, reason.parse().ok());
            }
            StayEvent::StayEnded(e) => self.on_ended(id, e),
            // A review is planned already.
            StayEvent::ReadinessLapsed(_)
            | StayEvent::StayResumed(_)
            | StayEvent::NoticeWithdrawn(_)
            | StayEvent::PersonsLeft(_)
            | StayEvent::AdmissionDecided(_)
            | StayEvent::AdmissionDeemedAccepted(_)
            | StayEvent::DepositReturned(_) => {}
        }
    }

    fn on_started(&mut self, id: HouseholdId, e: &StayStarted, from: Timestamp) {
        let settings = self.settings.kind(e.kind);
        if !matches!(e.admission, Admission::TakenOver) {
            *self.summary.placements.entry(e.kind.code()).or_default() += 1;
        }
        let length = self.dice.around(settings.stay, settings.spread).clamp(1.0, 3_600.0);
        // A stay that was taken over has its length counted from now: long ones are met more often.
        self.in_days(length, Action::Leave(id, e.stay));
        if e.social_aid_tacit_at.is_some() && self.dice.chance(0.35) {
            let days = self.dice.within(5.0, 27.0);
            self.in_days(days, Action::DecideAdmission(id, e.stay));
        }
        if e.review_due.is_some() || self.dice.chance(0.3) {
            let since = (self.now.as_second() - from.as_second()) as f64 / 86_400.0;
            let days = (self.dice.within(120.0, 178.0) - since).max(3.0);
            self.in_days(days, Action::Review(id, e.stay));
        }
        if self.dice.chance(0.09) {
            let days = self.dice.within(10.0, length.max(11.0));
            self.in_days(days, Action::GoAway(id, e.stay));
        }
        if let Some(end) = e.planned_end {
            self.plan_end(id, e.stay, end);
        }
        if self.dice.chance(0.025) {
            let days = self.dice.within(1.0, 15.0);
            self.in_days(days, Action::Correct(id, e.stay));
        }
        if self.dice.chance(0.003) && !matches!(e.admission, Admission::TakenOver) {
            let days = self.dice.within(0.2, 4.0);
            self.in_days(days, Action::Void(id, e.stay));
        }
        if e.persons.len() > 2 && self.dice.chance(0.1) {
            let days = self.dice.within(10.0, length.max(11.0));
            self.in_days(days, Action::LeaveOthers(id, e.stay));
        }
        self.plan_next_step(id, e.kind, length);
    }

    /// What a household that has a place for some time does to have a better one.
    fn plan_next_step(&mut self, id: HouseholdId, kind: StructureKind, length: f64) {
        use StructureKind as K;
        let (onward, share, apply) = match kind {
            K::EmergencyShelter | K::HotelNight => (0.66, 0.25, 0.12),
            K::Chrs | K::Rhvs | K::Alt => (0.52, 0.45, 0.55),
            K::SocialResidence | K::YoungWorkersResidence | K::MigrantWorkersHome => (0.10, 0.7, 0.45),
            K::FamilyBoardingHouse | K::PsychiatricSupportResidence => (0.02, 0.7, 0.06),
            K::SubletIntermediation | K::ManagedLease | K::SlidingLease | K::Solibail => (0.06, 0.7, 0.6),
            K::SocialDwelling => (0.0, 0.0, 0.0),
        };
        if self.dice.chance(onward) {
            let days = (length * share * self.dice.within(0.4, 1.2)).max(3.0);
            self.in_days(days, Action::AskAgain { household: id, emergency: false });
        }
        if self.dice.chance(apply) {
            let days = (length * self.dice.within(0.1, 0.5)).max(3.0);
            self.in_days(days, Action::File(id));
        }
    }

    /// Plans what comes before the planned end of a stay.
    fn plan_end(&mut self, id: HouseholdId, stay: StayId, end: Day) {
        let ahead = self.dice.between(32, 62);
        let at = start_of_day(self.plan.territory, days_after(end.0, -ahead));
        let at = self.working(at.max(self.now));
        self.plan_at(at, Action::PrepareEnd(id, stay));
    }

    /// Plans the departure of a resident whose notice runs.
    fn plan_departure(&mut self, id: HouseholdId, stay: StayId, ends_on: Day, reason: Option<ExitReason>) {
        let Some(kind) = self.running(id, stay).map(|stay| stay.kind) else { return };
        let (destination, drawn) = self.settings.exit(kind, &mut self.dice);
        let at = self.hour(ends_on.0, 9.0, 17.0);
        self.plan_at(at, Action::End(id, stay, destination, reason.unwrap_or(drawn)));
    }

    fn on_ended(&mut self, id: HouseholdId, e: &StayEnded) {
        if e.deposit_due.is_some() {
            let days = self.dice.within(3.0, 22.0);
            self.in_days(days, Action::ReturnDeposit(id, e.stay));
        }
        if self.dice.chance(0.02) {
            let days = self.dice.within(1.0, 12.0);
            self.in_days(days, Action::Correct(id, e.stay));
        }
        let (again, emergency) = match e.destination.exit_class() {
            ExitClass::Street => (0.55, 0.8),
            ExitClass::FamilyOrThirdParty => (0.25, 0.4),
            ExitClass::Departure | ExitClass::Unknown => (0.18, 0.6),
            ExitClass::Health | ExitClass::Justice => (0.30, 0.4),
            ExitClass::HousingOrdinary
            | ExitClass::HousingSupported
            | ExitClass::Accommodation
            | ExitClass::Asylum
            | ExitClass::Death
            | ExitClass::Absence => (0.02, 0.2),
        };
        if self.dice.chance(again) {
            let emergency = self.dice.chance(emergency);
            let days = self.dice.around(40.0, 1.0).clamp(2.0, 500.0);
            self.in_days(days, Action::AskAgain { household: id, emergency });
        }
    }

    /// A running stay of somebody who is still here.
    fn running(&self, id: HouseholdId, stay: StayId) -> Option<&Stay> {
        self.household(id)?.stays.get(&stay).filter(|stay| stay.is_active())
    }

    /// The préfet answers an admission.
    pub(super) fn decide_admission(&mut self, id: HouseholdId, stay: StayId) {
        let Some(is) = self.running(id, stay) else { return };
        if let Some(SocialAid::Sent { .. }) = is.social_aid {
            let accepted = self.dice.chance(0.96);
            let who = self.prefecture();
            self.ask(who, id, DecideAdmission { stay, accepted });
        }
    }

    /// A stay is reviewed.
    pub(super) fn review(&mut self, id: HouseholdId, stay: StayId) {
        let Some(is) = self.running(id, stay) else { return };
        let (place, months) = (is.place, (self.now.as_second() - is.from.as_second()) as f64 / 2_629_800.0);
        let housing_ready = self.dice.chance((0.15 + 0.05 * months).min(0.7));
        let note =
            self.dice.chance(0.3).then(|| "Bilan partagé avec le ménage ; démarches en cours.".to_owned());
        let who = self.keeper(place);
        self.ask(who, id, ReviewStay { stay, housing_ready, note, at: None });
    }

    /// The household goes away for some time.
    pub(super) fn go_away(&mut self, id: HouseholdId, stay: StayId) {
        let Some(is) = self.running(id, stay) else { return };
        let (place, present) = (is.place, matches!(is.situation, StaySituation::Present));
        if present {
            let from = Day(self.today());
            let to = Day(days_after(from.0, self.dice.between(4, 42)));
            let who = self.keeper(place);
            self.ask(who, id, RecordAbsence { stay, from, to });
        }
    }

    /// It comes back.
    pub(super) fn come_back(&mut self, id: HouseholdId, stay: StayId) {
        let away = self.household(id).is_some_and(|is| is_away(is, stay));
        let Some(place) = self.running(id, stay).filter(|_| away).map(|is| is.place) else { return };
        let who = self.keeper(place);
        self.ask(who, id, RecordReturn { stay });
    }

    /// The planned end comes near: an extension is asked for, or the end prepared.
    pub(super) fn prepare_end(&mut self, id: HouseholdId, stay: StayId) {
        let Some(is) = self.running(id, stay) else { return };
        let (Some(end), place, waits) = (is.planned_end, is.place, is.extension.is_none()) else { return };
        if !waits || matches!(is.situation, StaySituation::Leaving { .. }) {
            return;
        }
        if self.dice.chance(0.84) {
            let until = Day(months_after(end.0.max(self.today()), if self.dice.chance(0.7) { 6 } else { 3 }));
            let motive = "Relogement en cours, démarches à poursuivre.".to_owned();
            let who = self.keeper(place);
            self.ask(who, id, RequestExtension { stay, until, motive });
        } else {
            let at = self.hour(end.0, 9.0, 17.0);
            self.plan_at(at, Action::Leave(id, stay));
        }
    }

    /// The préfet answers an extension.
    pub(super) fn decide_extension(&mut self, id: HouseholdId, stay: StayId) {
        use domain::household::stay::Extension;
        let Some(is) = self.running(id, stay) else { return };
        if let Some(Extension::Requested { .. }) = is.extension {
            let granted = self.dice.chance(0.92);
            let motive = (!granted).then(|| "Une autre solution est proposée au ménage.".to_owned());
            let who = self.prefecture();
            self.ask(who, id, DecideExtension { stay, granted, until: None, motive });
        }
    }

    /// The household is about to leave, unless it is better that it stays.
    pub(super) fn leave(&mut self, id: HouseholdId, stay: StayId) {
        let Some(is) = self.household(id) else { return };
        let Some(staying) = is.stays.get(&stay).filter(|stay| stay.is_active()) else { return };
        if matches!(staying.situation, StaySituation::Leaving { .. }) {
            return;
        }
        let waits = is.requests.values().any(|one| one.situation.is_open() && one.seniority.is_some())
            || is.live_application().is_some();
        let expected =
            is.live_referrals().any(|(_, one)| matches!(one.situation, ReferralSituation::Accepted { .. }))
                || is.candidacies.values().any(|candidacy| candidacy.is_live());
        let (kind, away) = (staying.kind, is_away(is, stay));
        // Nobody is put out who has something in sight (CASF L345-2-3: continuity).
        let stays = if expected || away {
            1.0
        } else if waits {
            0.72
        } else if is_emergency(kind) {
            0.25
        } else {
            0.1
        };
        if self.dice.chance(stays) {
            let days =
                if is_emergency(kind) { self.dice.within(12.0, 45.0) } else { self.dice.within(30.0, 120.0) };
            self.in_days(days, Action::Leave(id, stay));
            return;
        }
        if kind.residence_contract() {
            self.give_notice(id, stay);
        } else {
            let (destination, reason) = self.settings.exit(kind, &mut self.dice);
            self.end_now(
                id,
                stay,
                destination,
                reason,
                kind.answer_delay() == StructureKind::SubletIntermediation.answer_delay(),
            );
        }
    }

    /// The resident or the manager ends the contract of a residence.
    fn give_notice(&mut self, id: HouseholdId, stay: StayId) {
        let Some(is) = self.running(id, stay) else { return };
        let (place, kind) = (is.place, is.kind);
        if self.dice.chance(0.1) {
            let monthly = Money::cents(self.settings.kind(kind).fee.map_or(40_000, |fee| fee[0]));
            let months = u8::try_from(self.dice.between(3, 6)).unwrap_or(3);
            let debt = Money::cents(monthly.as_cents() * i64::from(months));
            let ground = match self.dice.weigh([60, 25, 15].into_iter()) {
                0 => TerminationGround::Unpaid { months, debt, monthly },
                1 => TerminationGround::Breach,
                _ => {
                    let ahead = self.dice.between(5, 60);
                    TerminationGround::ConditionsLost {
                        relocation_proposed_on: Day(days_after(self.today(), -ahead)),
                    }
                }
            };
            let who = self.keeper(place);
            self.ask(who, id, NotifyTermination { stay, ground });
        } else {
            let motive = match self.dice.weigh([40, 14, 5, 41].into_iter()) {
                0 => NoticeMotive::Housing,
                1 => NoticeMotive::Job,
                2 => NoticeMotive::JobLoss,
                _ => NoticeMotive::Other,
            };
            let who = self.keeper(place);
            self.ask(who, id, GiveNotice { stay, motive, received_on: None });
        }
    }

    /// The stay of somebody whose notice ran ends.
    pub(super) fn end_stay(
        &mut self,
        id: HouseholdId,
        stay: StayId,
        destination: ExitDestination,
        reason: ExitReason,
    ) {
        let leaves = |is: &Stay| matches!(is.situation, StaySituation::Leaving { .. });
        if self.running(id, stay).is_some_and(leaves) {
            self.end_now(id, stay, destination, reason, true);
        }
    }

    /// Ends a stay now; what the household then no longer needs is closed.
    pub(super) fn end_now(
        &mut self,
        id: HouseholdId,
        stay: StayId,
        destination: ExitDestination,
        reason: ExitReason,
        deposit: bool,
    ) {
        let Some(place) = self.running(id, stay).map(|stay| stay.place) else { return };
        // Some exits are written down a day or two later.
        let at = self.dice.chance(0.12).then(|| self.yesterday(id, stay)).flatten().map(Instant);
        let who = self.keeper(place);
        let deposit_to_return = deposit && self.dice.chance(0.85);
        let ended = self.ask(who, id, EndStay { stay, at, destination, reason, deposit_to_return });
        if ended.is_none() {
            return;
        }
        match destination.exit_class() {
            ExitClass::HousingOrdinary => self.close_requests(id, CancellationReason::solution_found(), None),
            ExitClass::Departure if self.dice.chance(0.5) => {
                if let Ok(reason) = "moved_away".parse() {
                    self.close_requests(id, reason, None);
                }
            }
            ExitClass::Departure
            | ExitClass::HousingSupported
            | ExitClass::Accommodation
            | ExitClass::Asylum
            | ExitClass::Health
            | ExitClass::FamilyOrThirdParty
            | ExitClass::Street
            | ExitClass::Justice
            | ExitClass::Death
            | ExitClass::Absence
            | ExitClass::Unknown => self.close_requests(
                id,
                CancellationReason::solution_found(),
                Some(RequestStream::Emergency115),
            ),
        }
    }

    /// Yesterday, if the stay had begun by then.
    fn yesterday(&self, id: HouseholdId, stay: StayId) -> Option<Timestamp> {
        let yesterday = self.now.checked_sub(SignedDuration::from_hours(24)).ok()?;
        (self.running(id, stay)?.from < yesterday).then_some(yesterday)
    }

    /// The deposit is returned.
    pub(super) fn return_deposit(&mut self, id: HouseholdId, stay: StayId) {
        let due =
            self.household(id).and_then(|is| is.stays.get(&stay)).filter(|stay| stay.deposit_due.is_some());
        if let Some(place) = due.map(|stay| stay.place) {
            let who = self.keeper(place);
            self.ask(who, id, ReturnDeposit { stay });
        }
    }

    /// A date of the stay turns out wrong by a day or two.
    pub(super) fn correct(&mut self, id: HouseholdId, stay: StayId) {
        let Some(is) = self.household(id) else { return };
        let Some(one) = is.stays.get(&stay) else { return };
        let (place, from, to) = (one.place, one.from, one.ended());
        let hours = SignedDuration::from_hours(self.dice.between(12, 60));
        let (fact, moved) = match to {
            Some(end) => (DatedFact::StayEnd { stay }, end.checked_sub(hours).ok().filter(|at| *at > from)),
            None => (DatedFact::StayStart { stay }, self.earlier_start(id, stay, from, hours)),
        };
        let Some(moved) = moved.filter(|at| *at < self.now) else { return };
        let reason = self.settings.reasons.correction.draw(&mut self.dice);
        let who = self.keeper(place);
        self.ask(who, id, CorrectDate { fact, is: Instant(moved), reason });
    }

    /// An earlier start, if the place was free and nobody was elsewhere; else a later one.
    fn earlier_start(
        &self,
        id: HouseholdId,
        stay: StayId,
        from: Timestamp,
        by: SignedDuration,
    ) -> Option<Timestamp> {
        let is = self.household(id)?;
        let one = is.stays.get(&stay)?;
        let earlier = from.checked_sub(by).ok()?;
        let elsewhere = is.stays.iter().any(|(other, is)| *other != stay && is.overlaps(earlier, None));
        let taken = self.place(one.place)?.occupancies.iter().any(|o| o.to.is_some_and(|to| earlier < to));
        if elsewhere || taken { from.checked_add(by).ok() } else { Some(earlier) }
    }
}
