//! Stays: of all or some of the household, dated now or earlier, with transfers, notices and answers of the préfet.

use std::collections::BTreeSet;

use domain::calendar::{Day, Instant, months_after};
use domain::decide::correction::{CorrectDate, VoidStay};
use domain::decide::inventory::ChangePlace;
use domain::decide::occupants::{JoinStay, LeaveStay};
use domain::decide::stay::{
    AdmitDirectly, DecideAdmission, DecideExtension, EndStay, GiveNotice, Leaving, NotifyTermination,
    RecordAbsence, RecordReturn, RequestExtension, ReturnDeposit, ReviewStay, StartStay, TakeOverStay,
    TakenOverEnd, WithdrawNotice,
};
use domain::household::Household;
use domain::household::correction::DatedFact;
use domain::household::stay::{Extension, NoticeMotive, SocialAid, Stay, StaySituation, TerminationGround};
use domain::id::{HouseholdId, PersonId, StayId};
use domain::money::Money;
use domain::place::inventory::Description;
use domain::reference::{CorrectionReason, ExitDestination, ExitReason};
use jiff::ToSpan;

use super::World;
use super::dice::Dice;

impl World {
    fn a_stay(&self, dice: &mut Dice, fits: impl Fn(&Stay) -> bool) -> Option<(HouseholdId, StayId)> {
        let id = self.a_household(dice, |is| is.stays.values().any(&fits))?;
        let any = dice.one_in(12);
        let stays = &self.household(id).stays;
        let stay = dice.pick(stays.iter().filter(|(_, stay)| any || fits(stay)).map(|(id, _)| *id))?;
        Some((id, stay))
    }

    /// Everybody, or now and then only some.
    fn whom(&self, id: HouseholdId, dice: &mut Dice) -> Option<BTreeSet<PersonId>> {
        dice.one_in(3).then(|| dice.some(self.household(id).composition.members.keys().copied()))
    }

    /// The stay that is left by a transfer at `entry`, with or without hours of overlap, now and then too many.
    fn leaving(&self, id: HouseholdId, entry: Option<Instant>, dice: &mut Dice) -> Option<Leaving> {
        let stay = self.household(id).active_stays().next().map(|(stay, _)| stay)?;
        if dice.one_in(4) {
            return None;
        }
        let at = dice.one_in(3).then(|| {
            let hours = i64::try_from(dice.below(80)).unwrap() - 10;
            let entry = entry.map_or(self.at, |entry| entry.0);
            Instant(entry.checked_add(hours.hours()).unwrap().min(self.at))
        });
        Some(Leaving {
            stay,
            at,
            destination: ExitDestination::social_rental(),
            reason: ExitReason::solution_found(),
            deposit_to_return: false,
        })
    }

    fn planned_end(&self, dice: &mut Dice) -> Option<Day> {
        (!dice.one_in(6)).then(|| Day(months_after(self.today(), 3)))
    }

    pub(super) fn start_stay(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, referral) = self.a_referral(dice, super::referrals::accepted)?;
        let (at, persons) = (self.stated(dice), self.whom(id, dice));
        let (planned_end, leaving) = (self.planned_end(dice), self.leaving(id, at, dice));
        self.of(id, StartStay { referral, at, persons, planned_end, leaving }).ok().map(drop)
    }

    pub(super) fn admit(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        self.admit_of(id, dice)
    }

    /// Who stays somewhere moves on, with hours of overlap that the rules allow or do not.
    pub(super) fn transfer(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |is| is.active_stays().next().is_some())?;
        self.admit_of(id, dice)
    }

    fn admit_of(&mut self, id: HouseholdId, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, |is| is.current_occupancy().is_none())?;
        let (at, persons) = (self.stated(dice), self.whom(id, dice));
        let (planned_end, leaving) = (self.planned_end(dice), self.leaving(id, at, dice));
        self.of(id, AdmitDirectly { place, at, persons, planned_end, leaving }).ok().map(drop)
    }

    pub(super) fn take_over(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        self.take_over_for(id, dice)
    }

    pub(super) fn take_over_for(&mut self, id: HouseholdId, dice: &mut Dice) -> Option<()> {
        let place = dice.pick(self.places.clone())?;
        let hours = i64::try_from(1 + dice.below(1_500)).unwrap();
        let from = self.at.checked_sub(hours.hours()).unwrap();
        let ended = dice.one_in(2).then(|| TakenOverEnd {
            at: Instant(from.checked_add(i64::try_from(dice.below(200)).unwrap().hours()).unwrap()),
            destination: ExitDestination::social_rental(),
            reason: ExitReason::solution_found(),
        });
        let persons = self.whom(id, dice);
        self.of(id, TakeOverStay { place, from: Instant(from), persons, planned_end: None, ended })
            .ok()
            .map(drop)
    }

    pub(super) fn review(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, stay) = self.a_stay(dice, Stay::is_active)?;
        let (housing_ready, at) = (dice.one_in(2), self.stated(dice));
        self.of(id, ReviewStay { stay, housing_ready, note: None, at }).ok().map(drop)
    }

    pub(super) fn absence(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, stay) = self.a_stay(dice, Stay::is_active)?;
        let absent = |is: &Stay| matches!(is.situation, StaySituation::Absent { .. }) && is.is_active();
        if absent(self.household(id).stays.get(&stay)?) {
            return self.of(id, RecordReturn { stay }).ok().map(drop);
        }
        let (from, to) = (dice.day(self.today(), 2, 2), dice.day(self.today(), 0, 10));
        self.of(id, RecordAbsence { stay, from, to }).ok().map(drop)
    }

    pub(super) fn extend(&mut self, dice: &mut Dice) -> Option<()> {
        let planned = |is: &Stay| is.is_active() && is.planned_end.is_some();
        let (id, stay) = self.a_stay(dice, planned)?;
        let end = self.household(id).stays.get(&stay)?.planned_end?;
        let until = Day(months_after(end.0, 2));
        self.of(id, RequestExtension { stay, until, motive: "suite".into() }).ok()?;
        if dice.one_in(2) { self.fire_untimely(dice) } else { Some(()) }
    }

    pub(super) fn decide_extension(&mut self, dice: &mut Dice) -> Option<()> {
        let asked = |is: &Stay| matches!(is.extension, Some(Extension::Requested { .. }));
        let (id, stay) = self.a_stay(dice, asked)?;
        self.of(id, DecideExtension { stay, granted: dice.one_in(2), until: None, motive: None })
            .ok()
            .map(drop)
    }

    pub(super) fn decide_admission(&mut self, dice: &mut Dice) -> Option<()> {
        let sent = |is: &Stay| matches!(is.social_aid, Some(SocialAid::Sent { .. }));
        let (id, stay) = self.a_stay(dice, sent)?;
        self.of(id, DecideAdmission { stay, accepted: dice.one_in(2) }).ok().map(drop)
    }

    pub(super) fn notice(&mut self, dice: &mut Dice) -> Option<()> {
        let residence = |is: &Stay| is.is_active() && is.kind.residence_contract();
        let (id, stay) = self.a_stay(dice, residence)?;
        if dice.one_in(3) {
            let ground = dice.pick([
                TerminationGround::Breach,
                TerminationGround::ConditionsLost { relocation_proposed_on: Day(self.today()) },
                TerminationGround::Unpaid { months: 3, debt: Money::euros(900), monthly: Money::euros(300) },
            ])?;
            return self.of(id, NotifyTermination { stay, ground }).ok().map(drop);
        }
        let motive = dice.pick([NoticeMotive::Housing, NoticeMotive::Job, NoticeMotive::Other])?;
        let received_on = dice.one_in(3).then(|| dice.day(self.today(), 5, 0));
        self.of(id, GiveNotice { stay, motive, received_on }).ok().map(drop)
    }

    pub(super) fn withdraw_notice(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, stay) = self.a_stay(dice, |is| matches!(is.situation, StaySituation::Leaving { .. }))?;
        self.of(id, WithdrawNotice { stay }).ok().map(drop)
    }

    /// Members who are not in it, or now and then some who are, join a stay; sometimes long ago.
    pub(super) fn join_stay(&mut self, dice: &mut Dice) -> Option<()> {
        let apart = |is: &Household| {
            is.active_stays().any(|(_, stay)| stay.persons.len() < is.composition.members.len())
        };
        let id = self.a_household(dice, apart)?;
        let stay = dice.pick(self.household(id).active_stays().map(|(stay, _)| stay))?;
        let is = self.household(id);
        let (inside, place) = (&is.stays.get(&stay)?.persons, is.stays.get(&stay)?.place);
        let any = dice.one_in(8);
        let others = is.composition.members.keys().filter(|person| any || !inside.contains(person));
        let others: Vec<_> = others.copied().collect();
        let mut persons: BTreeSet<_> = dice.some(others.clone());
        persons.extend(dice.pick(others));
        let full = u8::try_from(inside.len()).unwrap();
        if dice.one_in(2)
            && let Some(description) = self.place(place).description().cloned()
        {
            // There is room for those who are there, and no more.
            let _ = self
                .at_place(place, ChangePlace { description: Description { capacity: full, ..description } });
        }
        let at = self.stated(dice);
        self.of(id, JoinStay { stay, persons, at }).ok().map(drop)
    }

    pub(super) fn leave_stay(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, stay) = self.a_stay(dice, |is| is.is_active() && is.persons.len() > 1)?;
        let inside = self.household(id).stays.get(&stay)?.persons.clone();
        let mut persons: BTreeSet<_> = dice.some(inside.clone());
        persons.extend(dice.pick(inside));
        let destination = dice.pick(ExitDestination::all())?;
        let (at, reason) = (self.stated(dice), ExitReason::other());
        self.of(id, LeaveStay { stay, persons, at, destination, reason }).ok().map(drop)
    }

    /// Some leave a stay that had run for weeks; then they are said to have been elsewhere for days before they left, or
    /// after.
    pub(super) fn elsewhere_before_leaving(&mut self, dice: &mut Dice) -> Option<()> {
        let family = |is: &Household| is.composition.members.len() > 1;
        let id = self.a_household(dice, family)?;
        let hours = |n: usize| i64::try_from(n).unwrap().hours();
        let began = self.at.checked_sub(hours(200 + dice.below(400))).unwrap();
        let place = self.a_place(dice, |is| is.occupancy_over(began, None, None).is_none())?;
        let from = Instant(began);
        let running = TakeOverStay { place, from, persons: None, planned_end: None, ended: None };
        let stay = StayId::created_by(self.of(id, running).ok()?);
        let person = dice.pick(self.household(id).stays.get(&stay)?.persons.clone())?;
        let persons = BTreeSet::from([person]);
        let (destination, reason) = (ExitDestination::social_rental(), ExitReason::other());
        self.of(id, LeaveStay { stay, persons: persons.clone(), at: None, destination, reason }).ok()?;
        if dice.one_in(3) {
            // They come back, and were there before all the same; or the others go their own way with the stay.
            let _ = self.of(id, JoinStay { stay, persons: persons.clone(), at: None });
        } else if dice.one_in(2) {
            let _ = self.split(dice);
        }
        let from = self.at.checked_sub(hours(60 + dice.below(120))).unwrap();
        let to = from.checked_add(hours(30 + dice.below(30))).unwrap();
        let place = self.a_place(dice, |is| is.occupancy_over(from, Some(to), None).is_none())?;
        let ended = Some(TakenOverEnd { at: Instant(to), destination, reason });
        let from = Instant(from);
        self.of(id, TakeOverStay { place, from, persons: Some(persons), planned_end: None, ended })
            .ok()
            .map(drop)
    }

    /// A household had two stays, one after the other; then the earlier is said to have ended, or the later to have begun,
    /// inside the other.
    pub(super) fn stretch(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let hours = |dice: &mut Dice, most: usize| i64::try_from(1 + dice.below(most)).unwrap().hours();
        let later = self.at.checked_sub(hours(dice, 600)).unwrap();
        let pause = hours(dice, 20);
        let earlier = later.checked_sub(pause).unwrap().checked_sub(hours(dice, 60)).unwrap();
        let until =
            [later.checked_sub(pause).unwrap(), later.checked_add(hours(dice, 90)).unwrap().min(self.at)];
        let mut stays = Vec::new();
        for (from, to) in [(earlier, until[0]), (later, until[1])] {
            let ended = Some(TakenOverEnd {
                at: Instant(to),
                destination: ExitDestination::social_rental(),
                reason: ExitReason::solution_found(),
            });
            let place = self.a_place(dice, |is| {
                let kind = is.description().map(|description| description.kind);
                kind.is_some_and(|kind| !kind.let_by_committee())
                    && is.occupancy_over(from, Some(to), None).is_none()
            })?;
            let past = TakeOverStay { place, from: Instant(from), persons: None, planned_end: None, ended };
            stays.push(StayId::created_by(self.of(id, past).ok()?));
        }
        let (fact, is) = if dice.one_in(2) {
            (DatedFact::StayEnd { stay: stays[0] }, later.checked_add(hours(dice, 30)).unwrap())
        } else {
            (DatedFact::StayStart { stay: stays[1] }, until[0].checked_sub(hours(dice, 30)).unwrap())
        };
        let reason = CorrectionReason::other();
        self.of(id, CorrectDate { fact, is: Instant(is), reason }).ok().map(drop)
    }

    pub(super) fn void_stay(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, stay) = self.a_stay(dice, |_| true)?;
        self.of(id, VoidStay { stay, reason: CorrectionReason::other() }).ok().map(drop)
    }

    pub(super) fn end_stay(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, stay) = self.a_stay(dice, Stay::is_active)?;
        let destination = dice.pick(ExitDestination::all())?;
        let (at, deposit_to_return) = (self.stated(dice), dice.one_in(2));
        let reason = ExitReason::other();
        self.of(id, EndStay { stay, at, destination, reason, deposit_to_return }).ok().map(drop)
    }

    pub(super) fn return_deposit(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, stay) = self.a_stay(dice, |is| is.deposit_due.is_some())?;
        self.of(id, ReturnDeposit { stay }).ok().map(drop)
    }
}
