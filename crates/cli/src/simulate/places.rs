//! Places between two stays: prepared, broken and repaired, on offer, confirmed or taken back.

use domain::calendar::{Day, days_after};
use domain::decide::inventory::{BringOnline, ClosePlace, TakeOffline};
use domain::decide::stay::AdmitDirectly;
use domain::decide::vacancy::{ConfirmVacancy, DeclareVacancy, WithdrawVacancy};
use domain::household::request::RequestStream;
use domain::id::PlaceId;
use domain::place::occupancy::OccupancyEvent;
use domain::place::vacancy::{VacancyEvent, VacancySituation};
use domain::reference::{CancellationReason, OfflineReason};
use domain::structure_kind::StructureKind;

use super::agenda::Action;
use super::coordinator::{expected_elsewhere, is_emergency};
use super::referrals::moving_to;
use super::world::World;

impl World {
    /// What follows from a fact about who holds or has a place.
    pub(super) fn on_occupancy(&mut self, id: PlaceId, event: &OccupancyEvent) {
        match event {
            OccupancyEvent::Released(_) => {
                let emergency = self.kind_of(id).is_some_and(is_emergency);
                let days = if emergency { self.dice.within(0.02, 0.2) } else { self.dice.within(0.3, 3.0) };
                self.seek(id, days);
            }
            OccupancyEvent::Vacated(_) => {
                let emergency = self.kind_of(id).is_some_and(is_emergency);
                if emergency {
                    let hours = self.dice.within(1.0, 8.0);
                    self.in_hours(hours, Action::Turnover(id));
                } else {
                    let days = self.dice.within(0.3, 5.0);
                    self.in_days(days, Action::Turnover(id));
                }
            }
            OccupancyEvent::OccupancyVoided(_) => {
                let days = self.dice.within(0.1, 1.0);
                self.in_days(days, Action::Declare(id));
                self.seek(id, days + 0.5);
            }
            OccupancyEvent::Held(_)
            | OccupancyEvent::Reserved(_)
            | OccupancyEvent::Occupied(_)
            | OccupancyEvent::OccupantsChanged(_)
            | OccupancyEvent::DepartureAnnounced(_)
            | OccupancyEvent::DepartureWithdrawn(_)
            | OccupancyEvent::OccupancyCorrected(_) => {}
        }
    }

    /// What follows from a fact about a vacancy.
    pub(super) fn on_vacancy(&mut self, id: PlaceId, event: &VacancyEvent) {
        let dwelling = self.kind_of(id).is_some_and(StructureKind::let_by_committee);
        match event {
            VacancyEvent::VacancyDeclared(e) => {
                if dwelling {
                    let days = self.dice.within(0.5, 6.0);
                    self.in_days(days, Action::Assign(id));
                } else {
                    let emergency = self.kind_of(id).is_some_and(is_emergency);
                    let days =
                        if emergency { self.dice.within(0.02, 0.15) } else { self.dice.within(0.3, 3.5) };
                    self.seek(id, days);
                }
                self.plan_confirmation(id, e.good_until.0);
            }
            VacancyEvent::VacancyConfirmed(e) => {
                self.plan_confirmation(id, e.good_until.0);
                if !dwelling {
                    self.seek(id, 0.3);
                }
            }
            VacancyEvent::VacancyExpired(_) => {
                let days = self.dice.within(0.5, 8.0);
                self.in_days(days, Action::Confirm(id));
            }
            VacancyEvent::ReturnedToLandlord(_) => {
                let days = self.dice.within(0.5, 5.0);
                self.in_days(days, Action::Designate(id));
            }
            VacancyEvent::VacancyWithdrawn(_) | VacancyEvent::AssignedToHolder(_) => {}
        }
    }

    /// Most providers say in time that a place is still free.
    fn plan_confirmation(&mut self, id: PlaceId, good_until: jiff::Timestamp) {
        let ahead = self.dice.within(-2.0, 3.0) * 86_400.0;
        let left = (good_until.as_second() - self.now.as_second()) as f64;
        let at = self.after((left - ahead).max(3_600.0));
        let at = self.working(at);
        self.plan_at(at, Action::Confirm(id));
    }

    /// A place that somebody left is prepared for the next.
    pub(super) fn turn_over(&mut self, id: PlaceId) {
        let Some(is) = self.place(id) else { return };
        if is.current_occupancy().is_some() || is.hold.is_some() || is.description().is_none() {
            return;
        }
        let Some(kind) = self.kind_of(id) else { return };
        if self.close_if_winding(id) || self.admit_directly(id, kind) {
            return;
        }
        let refurbished = if is_emergency(kind) { 0.05 } else { 0.32 };
        if self.dice.chance(refurbished) {
            let days =
                if kind.let_by_committee() { self.dice.between(10, 60) } else { self.dice.between(2, 18) };
            if let Ok(reason) = "refurbishment".parse() {
                self.take_offline(id, reason, days);
            }
        } else {
            self.declare(id);
        }
        if self.dice.chance(0.04) {
            let days = self.dice.within(0.5, 20.0);
            self.in_days(days, Action::BreakDown(id));
        }
    }

    fn take_offline(&mut self, id: PlaceId, reason: OfflineReason, days: i64) {
        let from = Day(self.today());
        let until = self.dice.chance(0.8).then(|| Day(days_after(from.0, days)));
        let who = self.keeper(id);
        if self.ask_place(who, id, TakeOffline { reason, from: None, until }).is_some() {
            let late = self.dice.within(-0.5, 4.0);
            self.in_days((days as f64 + late).max(0.5), Action::Repair(id));
        }
    }

    /// A place breaks down while nobody is in it: pests, water, a door.
    pub(super) fn break_down(&mut self, id: PlaceId) {
        let Some(is) = self.place(id) else { return };
        let busy = is.current_occupancy().is_some() || is.hold.is_some() || is.description().is_none();
        let asked_for = is.open_vacancy().is_some_and(|vacancy| !vacancy.allocation.candidates.is_empty());
        if busy || asked_for || is.offline.values().any(|spell| !spell.over) {
            return;
        }
        let on_offer = is.open_vacancy().is_some();
        if on_offer && self.dice.chance(0.4) {
            let reason = self.settings.reasons.vacancy_withdrawal.draw(&mut self.dice);
            let who = self.keeper(id);
            self.ask_place(who, id, WithdrawVacancy { reason });
        }
        let reason = self.settings.reasons.offline.draw(&mut self.dice);
        let days = self.dice.around(14.0, 0.7).clamp(1.0, 150.0) as i64;
        self.take_offline(id, reason, days);
    }

    /// A place can be used again.
    pub(super) fn repair(&mut self, id: PlaceId) {
        let Some(is) = self.place(id) else { return };
        let Some(from) = is.offline.values().find(|spell| !spell.over).map(|spell| spell.from) else {
            return;
        };
        let yesterday = Day(days_after(self.today(), -1));
        let until = (yesterday >= from).then_some(yesterday);
        let who = self.keeper(id);
        self.ask_place(who, id, BringOnline { spell: None, until });
        if !self.close_if_winding(id) {
            self.declare(id);
            self.seek(id, 0.3);
        }
    }

    /// A place is put on offer.
    pub(super) fn declare(&mut self, id: PlaceId) {
        let Some(is) = self.place(id) else { return };
        let offered =
            is.open_vacancy().is_some() || is.current_occupancy().is_some() || is.description().is_none();
        if offered || is.offline.values().any(|spell| !spell.over) {
            return;
        }
        let Some(kind) = self.kind_of(id) else { return };
        let days = if kind.let_by_committee() { Some(85) } else { is_emergency(kind).then_some(5) };
        let good_until = days.map(|days| Day(days_after(self.today(), days)));
        let who = self.keeper(id);
        self.ask_place(who, id, DeclareVacancy { available_from: None, good_until });
    }

    /// The provider looks at a place on offer: still free, or taken back.
    pub(super) fn confirm(&mut self, id: PlaceId) {
        let Some(is) = self.place(id) else { return };
        let confirmable = is.vacancy.as_ref().is_some_and(|vacancy| match vacancy.situation {
            VacancySituation::Open | VacancySituation::Expired => vacancy.allocation.candidates.is_empty(),
            VacancySituation::Withdrawn { .. } | VacancySituation::Filled => false,
        });
        if !confirmable || is.current_occupancy().is_some() || is.hold.is_some() || is.description().is_none()
        {
            return;
        }
        let Some(kind) = self.kind_of(id) else { return };
        let who = self.keeper(id);
        if self.dice.chance(0.03) {
            let reason = self.settings.reasons.vacancy_withdrawal.draw(&mut self.dice);
            self.ask_place(who, id, WithdrawVacancy { reason });
            let days = self.dice.within(3.0, 40.0);
            self.in_days(days, Action::Declare(id));
            return;
        }
        let days = if kind.let_by_committee() { Some(60) } else { is_emergency(kind).then_some(5) };
        let good_until = days.map(|days| Day(days_after(self.today(), days)));
        self.ask_place(who, id, ConfirmVacancy { good_until });
        if kind.let_by_committee() {
            let days = self.dice.within(0.5, 3.0);
            self.in_days(days, Action::Designate(id));
        }
    }

    /// Closes a place of a structure that winds up.
    fn close_if_winding(&mut self, id: PlaceId) -> bool {
        let structure = self.place(id).and_then(|is| is.description()).map(|is| is.structure);
        let Some(structure) = structure.filter(|one| self.closing.contains(one)) else { return false };
        let who = self.keeper(id);
        let from = Day(days_after(self.today(), 1));
        self.ask_place(who, id, ClosePlace { from });
        self.close_structure_if_empty(structure);
        true
    }

    /// In an emergency the head of the structure admits somebody, who then tells the SIAO (CASF R345-4).
    fn admit_directly(&mut self, id: PlaceId, kind: StructureKind) -> bool {
        let usual =
            matches!(kind, StructureKind::EmergencyShelter | StructureKind::HotelNight | StructureKind::Chrs);
        if !usual
            || !self.dice.chance(0.07)
            || self.place(id).is_some_and(|is| is.offline_on(self.today()).is_some())
        {
            return false;
        }
        let Some(description) = self.place(id).and_then(|is| is.description()).cloned() else { return false };
        let Some(ranking) = self.ranking(id) else { return false };
        let fits = |one: &&domain::matching::Ranked| {
            let is = self.household(one.household);
            self.is_here(one.household)
                && is.is_some_and(|is| !expected_elsewhere(is) && is.active_stays().count() <= 1)
                && self.suits(one.household, one.key.request, &description)
        };
        let Some((household, request)) =
            ranking.ranked.iter().find(fits).map(|one| (one.household, one.key.request))
        else {
            return false;
        };
        let (destination, reason) = moving_to(kind);
        let leaving = self.household(household).and_then(|is| is.active_stays().next()).map(|(stay, _)| {
            domain::decide::stay::Leaving { stay, at: None, destination, reason, deposit_to_return: false }
        });
        let planned_end = self.term(kind);
        let who = self.keeper(id);
        let admitted = AdmitDirectly { place: id, at: None, persons: None, planned_end, leaving };
        if self.ask(who, household, admitted).is_none() {
            return false;
        }
        let stream = self.request_of(household, request).map(|request| request.file.stream);
        self.close_requests(
            household,
            CancellationReason::admitted_elsewhere(),
            stream.or(Some(RequestStream::Emergency115)),
        );
        true
    }
}
