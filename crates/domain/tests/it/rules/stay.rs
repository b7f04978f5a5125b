//! The stay: who may move in, when, and how it ends.

use domain::calendar::Instant;
use domain::decide::referral::AcceptReferral;
use domain::decide::stay::{
    AdmitDirectly, EndStay, GiveNotice, Leaving, RecordAbsence, RecordReturn, ReturnDeposit, StartStay,
    TakeOverStay, TakenOverEnd,
};
use domain::decide::vacancy::DeclareVacancy;
use domain::household::request::RequestSituation;
use domain::household::stay::{Admission, NoticeMotive, SocialAid, StaySituation};
use domain::id::{PlaceId, StayId};
use domain::place::PlaceSituation;
use domain::place::inventory::{Criteria, GenderRule};
use domain::structure_kind::StructureKind::{
    Chrs, EmergencyShelter, FamilyBoardingHouse, SocialDwelling, SocialResidence,
};
use jiff::ToSpan;

use crate::scenario::build::admit;
use crate::scenario::{World, code, day, instant};

fn end(stay: StayId) -> EndStay {
    EndStay {
        stay,
        at: None,
        destination: code("street"),
        reason: code("voluntary_departure"),
        deposit_to_return: false,
    }
}

fn take_over(place: PlaceId, from: &str, to: Option<&str>) -> TakeOverStay {
    let ended = to.map(|to| TakenOverEnd {
        at: Instant(instant(to)),
        destination: code("with_third_party"),
        reason: code("goal_reached"),
    });
    TakeOverStay { place, from: Instant(instant(from)), persons: None, planned_end: None, ended }
}

#[test]
fn an_admission_fulfils_the_request_occupies_the_place_and_fills_its_vacancy_in_one_append() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(SocialResidence, 2);
    let household = w.household("woman 32, daughter 5");
    let request = w.qualified(household, &[SocialResidence]);
    let referral = w.referred(household, request, place);
    let early = World::moving_in(referral);
    assert_eq!(w.refuses(household, early.clone()).code, "referral-not-accepted");
    w.does(household, AcceptReferral { referral, arrival: None });
    w.pass(2.days());
    let before = StartStay { at: Some(Instant(instant("2026-03-02T09:59"))), ..early.clone() };
    assert_eq!(w.refuses(household, before).code, "date-before-referral");
    let kinds = w.does(household, StartStay { at: Some(Instant(instant("2026-03-03T18:00"))), ..early });
    assert_eq!(kinds, ["stay.started", "place.occupied", "request.fulfilled"]);
    let stay = StayId::created_by(w.last);
    let is = w.household_of(household);
    assert_eq!(is.stays[&stay].from, instant("2026-03-03T18:00"));
    assert_eq!(is.stays[&stay].persons.len(), 2);
    let fulfilled = &is.requests[&request].situation;
    assert!(matches!(fulfilled, RequestSituation::Fulfilled { stay: by, .. } if *by == stay));
    let at_place = w.place_of(place);
    assert!(at_place.hold.is_none() && at_place.open_vacancy().is_none());
    assert_eq!(at_place.current_occupancy().unwrap().persons, 2);
    assert_eq!(at_place.situation(w.now, w.today()), PlaceSituation::Occupied);
    assert_eq!(w.refuses(household, World::moving_in(referral)).code, "referral-not-accepted", "once");
}

#[test]
fn a_chrs_admits_for_a_fixed_term_and_asks_for_social_aid() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    assert_eq!(w.refuses(household, admit(place)).code, "planned-end-missing");
    let past = AdmitDirectly { planned_end: Some(day("2026-03-02")), ..admit(place) };
    assert_eq!(w.refuses(household, past).code, "dates-reversed");
    w.does(household, AdmitDirectly { planned_end: Some(day("2026-09-02")), ..admit(place) });
    let stay = &w.household_of(household).stays[&StayId::created_by(w.last)];
    assert_eq!(stay.review_due, Some(day("2026-09-02")), "a review at least every six months");
    assert_eq!(stay.social_aid, Some(SocialAid::Sent { tacit_at: instant("2026-04-02T23:59:59") }));
}

#[test]
fn a_direct_admission_withdraws_what_was_open_and_leaves_the_request_to_the_siao() {
    let mut w = World::at("2026-03-02T10:00");
    let (held, free) = (w.vacancy(Chrs, 1), w.vacancy(EmergencyShelter, 1));
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    w.referred(household, request, held);
    let other = w.household("man 22");
    assert_eq!(w.refuses(other, admit(held)).code, "place-taken");
    let mut night = w.clone();
    assert_eq!(night.does(household, admit(free)), ["stay.started", "place.occupied"]);
    assert!(night.place_of(held).hold.is_some(), "a night of the 115 takes nothing from the volet insertion");
    let free = w.vacancy(SocialResidence, 1);
    let kinds = w.does(household, admit(free));
    assert_eq!(kinds, ["stay.started", "place.occupied", "referral.withdrawn", "place.released"]);
    let is = w.household_of(household);
    assert_eq!(is.stays[&StayId::created_by(w.last)].admission, Admission::Direct);
    assert!(is.requests[&request].situation.is_open());
    assert!(w.place_of(held).hold.is_none());
    assert_eq!(w.refuses(other, admit(free)).code, "place-taken");
    let dwelling = w.vacancy(SocialDwelling, 1);
    assert_eq!(w.refuses(other, admit(dwelling)).code, "lease-required");
}

#[test]
fn nobody_lives_in_two_places_and_a_move_may_overlap_by_one_day_at_most() {
    let mut w = World::at("2026-03-02T10:00");
    let (old, new) = (w.vacancy(EmergencyShelter, 2), w.vacancy(EmergencyShelter, 2));
    let household = w.household("woman 32, daughter 5");
    w.does(household, admit(old));
    let stay = StayId::created_by(w.last);
    w.pass(10.days());
    let twice = w.refuses(household, admit(new));
    assert_eq!(
        (twice.code, twice.rule, twice.since),
        ("already-staying", "INV-1", Some(instant("2026-03-02T10:00")))
    );

    let leaving = |at: Option<&str>| Leaving {
        stay,
        at: at.map(|at| Instant(instant(at))),
        destination: code("emergency_accommodation"),
        reason: code("transfer"),
        deposit_to_return: false,
    };
    let moves = |entry: &str, exit: Option<&str>| AdmitDirectly {
        at: Some(Instant(instant(entry))),
        leaving: Some(leaving(exit)),
        ..admit(new)
    };
    let too_long = moves("2026-03-10T09:00", Some("2026-03-11T09:01"));
    assert_eq!(w.refuses(household, too_long).code, "already-staying");
    let kinds = w.does(household, moves("2026-03-10T09:00", Some("2026-03-11T09:00")));
    assert_eq!(kinds, ["stay.ended", "place.vacated", "stay.started", "place.occupied"]);
    assert_eq!(w.household_of(household).active_stays().count(), 1);
    assert!(w.place_of(old).current_occupancy().is_none());
}

#[test]
fn the_hours_of_a_move_are_for_the_stay_that_is_left_and_no_other() {
    let mut w = World::at("2026-01-05T10:00");
    let places = [(); 3].map(|()| w.place(EmergencyShelter, 2));
    w.until("2026-03-02T10:00");
    let household = w.household("woman 32");
    w.does(household, take_over(places[0], "2026-02-01T10:00", Some("2026-02-10T10:00")));
    w.does(household, take_over(places[1], "2026-02-10T10:00", None));
    let stay = StayId::created_by(w.last);
    let leaving = Leaving {
        stay,
        at: Some(Instant(instant("2026-02-10T11:00"))),
        destination: code("emergency_accommodation"),
        reason: code("transfer"),
        deposit_to_return: false,
    };
    let before_both = AdmitDirectly {
        at: Some(Instant(instant("2026-02-09T20:00"))),
        leaving: Some(leaving),
        ..admit(places[2])
    };
    assert_eq!(w.refuses(household, before_both).code, "already-staying", "three at once on the 10th");
}

#[test]
fn a_place_admits_no_more_persons_than_it_has_room_for_and_only_its_public() {
    type Rule = fn(&mut Criteria);
    let cases: [(&str, &str, Rule); 7] = [
        ("man 40", "réservée aux femmes", |c| c.gender = GenderRule::WomenOnly),
        ("woman 40", "réservée aux hommes", |c| c.gender = GenderRule::MenOnly),
        ("woman 30, husband 31", "couples", |c| c.couples = false),
        ("woman 30, son 4", "mineurs", |c| c.children = false),
        ("man 24, brother 17", "mineurs", |c| c.children = false),
        ("man 31", "âge", |c| c.age_max = Some(30)),
        ("man 24, father 52", "âge", |c| c.age_min = Some(25)),
    ];
    for (people, why, rule) in cases {
        let mut w = World::at("2026-03-02T10:00");
        let place = w.place_for(EmergencyShelter, 2, |d| rule(&mut d.criteria));
        let household = w.household(people);
        let refusal = w.refuses(household, admit(place));
        assert_eq!((refusal.code, refusal.rule), ("public-not-admitted", "INV-4"), "{people}");
        assert!(refusal.sentence.contains(why), "{people}: {refusal}");
    }
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 2);
    let household = w.household("woman 30, son 4, daughter 6");
    assert_eq!(w.refuses(household, admit(place)).code, "over-capacity");
    let two = [w.person(household, "woman"), w.person(household, "son")].into();
    w.does(household, AdmitDirectly { persons: Some(two), ..admit(place) });
    assert_eq!(w.place_of(place).current_occupancy().unwrap().persons, 2);
    let stranger = Some([domain::id::PersonId(uuid::Uuid::from_u128(1))].into());
    assert_eq!(w.refuses(household, AdmitDirectly { persons: stranger, ..admit(place) }).code, "unknown-id");
}

#[test]
fn past_and_running_stays_are_taken_over_with_their_dates_whatever_the_public_today() {
    let mut w = World::at("2026-03-02T10:00");
    let structure = w.structure(FamilyBoardingHouse);
    let mut home = crate::scenario::build::description(structure, FamilyBoardingHouse, 1);
    home.criteria.gender = GenderRule::WomenOnly;
    let place = domain::id::PlaceId::created_by(crate::scenario::gironde(), w.upcoming());
    w.does(place, domain::decide::inventory::OpenPlace { description: home, from: Some(day("2016-06-01")) });
    let (first, second) = (w.household("man 70"), w.household("man 60"));
    assert_eq!(w.refuses(first, take_over(place, "2016-05-31T10:00", None)).code, "place-not-open");
    assert_eq!(w.refuses(first, take_over(place, "2026-03-03T10:00", None)).code, "date-in-future");
    let reversed = take_over(place, "2017-01-10T10:00", Some("2017-01-10T10:00"));
    assert_eq!(w.refuses(first, reversed).code, "dates-reversed");
    w.does(first, take_over(place, "2016-07-01T10:00", Some("2021-01-31T10:00")));
    let overlapping = take_over(place, "2021-01-31T09:59", None);
    assert_eq!(w.refuses(second, overlapping).code, "place-taken");
    let kinds = w.does(second, take_over(place, "2021-01-31T10:00", None));
    assert_eq!(kinds, ["stay.started", "place.occupied"]);
    assert_eq!(w.place_of(place).current_occupancy().unwrap().household, second);
    let ended = &w.household_of(first).stays.values().next().unwrap();
    assert_eq!((ended.from, ended.ended()), (instant("2016-07-01T10:00"), Some(instant("2021-01-31T10:00"))));
}

#[test]
fn a_stay_that_began_longer_ago_than_facts_may_be_recorded_is_still_taken_over() {
    let mut w = World::at("2016-03-02T10:00");
    let place = w.place(FamilyBoardingHouse, 1);
    let household = w.household("man 70");
    w.outage_until("2027-03-02T10:00");
    w.does(household, take_over(place, "2016-03-05T10:00", None));
    assert_eq!(
        w.refuses(
            household,
            EndStay { at: Some(Instant(instant("2016-06-01T10:00"))), ..end(StayId::created_by(w.last)) }
        )
        .code,
        "date-too-old"
    );
}

#[test]
fn a_running_stay_is_not_taken_over_into_a_place_that_a_referral_holds() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    w.pass(2.days());
    let (held, other) = (w.household("man 40"), w.household("man 22"));
    let request = w.qualified(held, &[Chrs]);
    w.referred(held, request, place);
    assert_eq!(w.refuses(other, take_over(place, "2026-03-03T10:00", None)).code, "place-taken");
    w.does(other, take_over(place, "2026-03-02T11:00", Some("2026-03-03T10:00")));
    assert!(w.place_of(place).hold.is_some(), "a stay of the past does not touch who is expected");
}

#[test]
fn a_stay_of_the_past_neither_fills_the_vacancy_of_today_nor_forgets_who_is_about_to_leave() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(SocialResidence, 1);
    w.pass(30.days());
    let household = w.household("man 40");
    w.does(place, DeclareVacancy { available_from: None, good_until: None });
    w.does(household, take_over(place, "2026-03-03T10:00", Some("2026-03-10T10:00")));
    assert_eq!(w.place_of(place).situation(w.now, w.today()), PlaceSituation::Vacant);
    w.does(household, admit(place));
    let stay = StayId::created_by(w.last);
    w.does(household, GiveNotice { stay, motive: NoticeMotive::Other, received_on: None });
    let announced = w.place_of(place).departure;
    assert!(announced.is_some());
    let other = w.household("man 22");
    w.does(other, take_over(place, "2026-03-11T10:00", Some("2026-03-12T10:00")));
    assert_eq!(w.place_of(place).departure, announced);
    w.does(household, end(stay));
    assert_eq!(w.place_of(place).departure, None);
    assert_eq!(w.place_of(place).situation(w.now, w.today()), PlaceSituation::Undeclared);
}

#[test]
fn an_absence_keeps_the_place_and_is_never_an_exit() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(EmergencyShelter, 1);
    let household = w.household("man 40");
    w.does(household, admit(place));
    let stay = StayId::created_by(w.last);
    let away = EndStay { destination: code("planned_absence"), ..end(stay) };
    assert_eq!(w.refuses(household, away).code, "absence-is-not-exit");
    assert_eq!(w.refuses(household, RecordReturn { stay }).code, "not-absent");
    let reversed = RecordAbsence { stay, from: day("2026-03-10"), to: day("2026-03-09") };
    assert_eq!(w.refuses(household, reversed).code, "dates-reversed");
    w.does(household, RecordAbsence { stay, from: day("2026-03-10"), to: day("2026-03-20") });
    assert!(w.household_of(household).stays[&stay].is_active());
    assert!(w.place_of(place).current_occupancy().is_some());
    w.does(household, RecordReturn { stay });
    assert_eq!(w.household_of(household).stays[&stay].situation, StaySituation::Present);
}

#[test]
fn a_stay_ends_once_after_it_began_and_the_deposit_comes_back_within_fifteen_days() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(SocialResidence, 1);
    let household = w.household("man 40");
    let stay = w.staying(household, place);
    let before = EndStay { at: Some(Instant(instant("2026-03-02T09:59"))), ..end(stay) };
    assert_eq!(w.refuses(household, before).code, "dates-reversed");
    w.pass(90.days());
    assert_eq!(w.refuses(household, ReturnDeposit { stay }).code, "no-deposit");
    assert_eq!(
        w.does(household, EndStay { deposit_to_return: true, ..end(stay) }),
        ["stay.ended", "place.vacated"]
    );
    let is = &w.household_of(household).stays[&stay];
    assert_eq!(is.deposit_due, Some(day("2026-06-15")));
    let twice = w.refuses(household, end(stay));
    assert_eq!((twice.code, twice.since), ("stay-ended", Some(w.now)));
    w.does(household, ReturnDeposit { stay });
    assert_eq!(w.household_of(household).stays[&stay].deposit_due, None);
}

#[test]
fn what_a_command_once_created_is_not_created_again() {
    let mut w = World::at("2026-03-02T10:00");
    let places = [(); 3].map(|()| w.vacancy(SocialResidence, 1));
    let household = w.household("man 40");
    let request = w.qualified(household, &[SocialResidence]);
    let again = |w: &World, command: domain::decide::HouseholdCommand| {
        w.rule(&domain::decide::Command::Household(household, command), w.last)
    };
    let propose = World::proposal(request, places[0]);
    w.does(household, propose.clone());
    let referral = domain::id::ReferralId::created_by(w.last);
    assert_eq!(again(&w, propose.into()), Ok(vec![]));
    w.does(household, AcceptReferral { referral, arrival: None });
    w.does(household, World::moving_in(referral));
    assert_eq!(again(&w, World::moving_in(referral).into()), Ok(vec![]));
    w.does(household, end(StayId::created_by(w.last)));
    w.pass(1.days());
    w.does(household, admit(places[1]));
    let command = w.last;
    w.pass(1.days());
    w.does(household, end(StayId::created_by(command)));
    w.last = command;
    assert_eq!(again(&w, admit(places[1]).into()), Ok(vec![]));
    let past = take_over(places[2], "2026-03-04T12:00", None);
    w.until("2026-03-06T10:00");
    w.does(household, past.clone());
    assert_eq!(again(&w, past.into()), Ok(vec![]));
}

#[test]
fn of_those_who_share_a_place_only_who_moves_leaves_it() {
    let mut w = World::at("2026-03-02T10:00");
    let (old, new, other) =
        (w.vacancy(EmergencyShelter, 2), w.vacancy(EmergencyShelter, 1), w.place(EmergencyShelter, 2));
    let household = w.household("woman 32, husband 33");
    w.does(household, admit(old));
    let stay = StayId::created_by(w.last);
    w.pass(10.days());
    let leaving = Leaving {
        stay,
        at: None,
        destination: code("emergency_accommodation"),
        reason: code("transfer"),
        deposit_to_return: false,
    };
    let husband = w.person(household, "husband");
    let moves =
        AdmitDirectly { persons: Some([husband].into()), leaving: Some(leaving.clone()), ..admit(new) };
    let deposit = Leaving { deposit_to_return: true, ..leaving.clone() };
    assert_eq!(
        w.refuses(household, AdmitDirectly { leaving: Some(deposit), ..moves.clone() }).code,
        "stay-goes-on"
    );
    let kinds = w.does(household, moves);
    assert_eq!(kinds, ["stay.persons_left", "place.occupants_changed", "stay.started", "place.occupied"]);
    let is = &w.household_of(household).stays[&stay];
    assert!(is.is_active() && !is.persons.contains(&husband));
    assert_eq!(w.place_of(old).current_occupancy().unwrap().persons, 1);

    let before = TakeOverStay {
        persons: Some([husband].into()),
        ..take_over(other, "2026-03-05T10:00", Some("2026-03-06T10:00"))
    };
    assert_eq!(w.refuses(household, before).code, "already-staying", "he was with her then");
    w.pass(1.days());
    let his = w.household_of(household).active_stays().map(|(id, _)| id).find(|id| *id != stay).unwrap();
    w.does(household, end(his));
    let not_there = AdmitDirectly { persons: Some([husband].into()), leaving: Some(leaving), ..admit(other) };
    assert_eq!(w.refuses(household, not_there).code, "nobody-leaves");
}

#[test]
fn a_past_stay_counts_nobody_who_was_born_after_it() {
    let mut w = World::at("2023-01-02T10:00");
    let place = w.place(SocialResidence, 2);
    w.until("2026-03-02T10:00");
    let household = w.household("woman 30, daughter 5, son 1");
    let past = take_over(place, "2023-02-01T10:00", Some("2023-09-01T10:00"));
    w.does(household, past);
    let is = &w.household_of(household).stays[&StayId::created_by(w.last)];
    assert!(!is.persons.contains(&w.person(household, "son")) && is.persons.len() == 2);
}
