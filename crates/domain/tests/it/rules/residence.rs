//! The contract of a résidence sociale: notices, terminations, deposits.

use domain::decide::stay::{
    AdmitDirectly, GiveNotice, Leaving, NotifyTermination, RecordAbsence, ReturnDeposit, WithdrawNotice,
};
use domain::household::stay::{NoticeMotive, StaySituation, TerminationGround};
use domain::id::{HouseholdId, PlaceId, StayId};
use domain::money::Money;
use domain::structure_kind::StructureKind::{EmergencyShelter, SocialResidence};
use jiff::ToSpan;

use crate::scenario::build::admit;
use crate::scenario::{World, code, day};

/// A household that has lived in a résidence sociale since 2 March 2026; today is 15 June.
fn resident() -> (World, HouseholdId, StayId, PlaceId) {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(SocialResidence, 1);
    let household = w.household("man 40");
    let stay = w.staying(household, place);
    w.until("2026-06-15T10:00");
    (w, household, stay, place)
}

#[test]
fn a_resident_s_notice_is_one_month_and_eight_days_when_leaving_for_housing_or_work() {
    for (motive, ends_on, free_from) in [
        (NoticeMotive::Other, "2026-07-15", "2026-07-16"),
        (NoticeMotive::Housing, "2026-06-23", "2026-06-24"),
        (NoticeMotive::Job, "2026-06-23", "2026-06-24"),
        (NoticeMotive::JobLoss, "2026-06-23", "2026-06-24"),
    ] {
        let (mut w, household, stay, place) = resident();
        let notice = GiveNotice { stay, motive, received_on: None };
        assert_eq!(w.does(household, notice.clone()), ["stay.notice_given", "place.departure_announced"]);
        let is = &w.household_of(household).stays[&stay];
        assert_eq!(is.situation, StaySituation::Leaving { ends_on: day(ends_on) });
        assert_eq!(w.place_of(place).departure, Some(day(free_from)));
        assert_eq!(w.refuses(household, notice).code, "notice-running");
        let absence = RecordAbsence { stay, from: day("2026-06-16"), to: day("2026-06-20") };
        assert_eq!(w.refuses(household, absence).code, "notice-running", "an absence would hide the notice");
    }
    let (mut w, household, stay, _) = resident();
    let received = GiveNotice { stay, motive: NoticeMotive::Other, received_on: Some(day("2026-06-01")) };
    let early = GiveNotice { received_on: Some(day("2026-03-01")), ..received.clone() };
    assert_eq!(w.refuses(household, early).code, "dates-reversed");
    w.does(household, received);
    assert_eq!(
        w.household_of(household).stays[&stay].situation,
        StaySituation::Leaving { ends_on: day("2026-07-01") }
    );
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(EmergencyShelter, 1);
    let household = w.household("man 40");
    w.does(household, admit(place));
    let stay = StayId::created_by(w.last);
    let notice = GiveNotice { stay, motive: NoticeMotive::Other, received_on: None };
    assert_eq!(w.refuses(household, notice).code, "not-a-residence");
}

#[test]
fn a_manager_ends_the_contract_only_on_the_grounds_of_the_convention() {
    let unpaid = |months, debt| TerminationGround::Unpaid {
        months,
        debt: Money::euros(debt),
        monthly: Money::euros(400),
    };
    let lost = |on| TerminationGround::ConditionsLost { relocation_proposed_on: day(on) };
    for (ground, ends_on) in [
        (unpaid(3, 10), "2026-07-15"),
        (unpaid(0, 800), "2026-07-15"),
        (TerminationGround::Breach, "2026-07-15"),
        (lost("2026-06-01"), "2026-09-16"),
        (lost("2026-06-15"), "2026-09-16"),
    ] {
        let (mut w, household, stay, _) = resident();
        let kinds = w.does(household, NotifyTermination { stay, ground: ground.clone() });
        assert_eq!(kinds, ["stay.termination_notified", "place.departure_announced"], "{ground:?}");
        let is = &w.household_of(household).stays[&stay];
        assert_eq!(is.situation, StaySituation::Leaving { ends_on: day(ends_on) }, "{ground:?}");
    }
    let (mut w, household, stay, _) = resident();
    let refused = w.refuses(household, NotifyTermination { stay, ground: unpaid(2, 799) });
    assert_eq!(refused.code, "debt-too-small");
    let nothing_owed = TerminationGround::Unpaid { months: 0, debt: Money::ZERO, monthly: Money::ZERO };
    let refused = w.refuses(household, NotifyTermination { stay, ground: nothing_owed });
    assert_eq!(refused.code, "amount", "a fee of nothing is twice owed by everybody");
    let later = NotifyTermination { stay, ground: lost("2026-06-16") };
    assert_eq!(w.refuses(household, later).code, "relocation-missing");
}

#[test]
fn the_deposit_of_a_residence_that_is_left_for_another_place_or_a_lease_is_to_be_returned_too() {
    let (mut w, household, stay, _) = resident();
    let next = w.vacancy(SocialResidence, 1);
    let leaving = Leaving {
        stay,
        at: None,
        destination: code("social_residence"),
        reason: code("transfer"),
        deposit_to_return: true,
    };
    w.does(household, AdmitDirectly { leaving: Some(leaving), ..admit(next) });
    assert_eq!(w.household_of(household).stays[&stay].deposit_due, Some(day("2026-06-30")));
    w.does(household, ReturnDeposit { stay });
}

#[test]
fn a_shorter_notice_of_the_resident_takes_the_place_of_a_longer_one_and_gives_it_back_when_withdrawn() {
    let notice = |stay, motive| GiveNotice { stay, motive, received_on: None };
    let ends = |w: &World, household: HouseholdId, stay: StayId| match w.household_of(household).stays[&stay]
        .situation
    {
        StaySituation::Leaving { ends_on } => Some(ends_on),
        StaySituation::Present | StaySituation::Absent { .. } | StaySituation::Ended { .. } => None,
    };
    let (mut w, household, stay, place) = resident();
    let ground = TerminationGround::ConditionsLost { relocation_proposed_on: day("2026-06-01") };
    w.does(household, NotifyTermination { stay, ground });
    assert_eq!(
        w.refuses(household, NotifyTermination { stay, ground: TerminationGround::Breach }).code,
        "notice-running"
    );
    w.does(household, notice(stay, NoticeMotive::Other));
    assert_eq!(ends(&w, household, stay), Some(day("2026-07-15")));
    w.pass(1.days());
    assert_eq!(w.refuses(household, notice(stay, NoticeMotive::Other)).code, "notice-running", "later");
    w.does(household, notice(stay, NoticeMotive::Housing));
    assert_eq!(ends(&w, household, stay), Some(day("2026-06-24")));
    assert_eq!(w.place_of(place).departure, Some(day("2026-06-25")));

    let withdraw = WithdrawNotice { stay };
    let kinds = w.does(household, withdraw.clone());
    assert_eq!(kinds, ["stay.notice_withdrawn", "place.departure_announced"]);
    assert_eq!(ends(&w, household, stay), Some(day("2026-09-16")), "the manager's stands");
    assert_eq!(w.place_of(place).departure, Some(day("2026-09-17")));
    let kinds = w.does(household, withdraw.clone());
    assert_eq!(kinds, ["stay.notice_withdrawn", "place.departure_withdrawn"]);
    assert_eq!(w.household_of(household).stays[&stay].situation, StaySituation::Present);
    assert_eq!(w.place_of(place).departure, None);
    assert_eq!(w.refuses(household, withdraw).code, "no-notice");
}
