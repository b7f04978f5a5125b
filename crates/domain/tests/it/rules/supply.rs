//! The supply: structures, places, off-line spells, and vacancies that are good until a date.

use domain::decide::inventory::{
    BringOnline, ChangePlace, ChangeStructure, ClosePlace, CloseStructure, OpenPlace, OpenStructure,
    TakeOffline,
};
use domain::decide::stay::AdmitDirectly;
use domain::decide::vacancy::{ConfirmVacancy, DeclareVacancy, WithdrawVacancy};
use domain::id::{OfflineSpellId, PlaceId, StructureId};
use domain::place::PlaceSituation;
use domain::structure::Structure;
use domain::structure_kind::StructureKind::{Chrs, SocialDwelling, SocialResidence};
use jiff::ToSpan;

use crate::scenario::build::{description, profile};
use crate::scenario::{World, code, day, gironde, instant};

const ON_OFFER: DeclareVacancy = DeclareVacancy { available_from: None, good_until: None };

fn situation(w: &World, place: PlaceId) -> PlaceSituation {
    w.place_of(place).situation(w.now, w.today())
}

#[test]
fn a_vacancy_is_good_until_its_date_can_be_confirmed_and_leaves_the_feed_when_it_is_not() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(Chrs, 1);
    assert_eq!(situation(&w, place), PlaceSituation::Undeclared);
    w.does(place, ON_OFFER);
    assert_eq!(w.place_of(place).open_vacancy().unwrap().good_until, instant("2026-03-16T23:59:59"));
    assert_eq!(w.refuses(place, ON_OFFER).code, "vacancy-open");
    w.until("2026-03-15T10:00");
    w.does(place, ConfirmVacancy { good_until: Some(day("2026-04-01")) });
    assert_eq!(w.until("2026-04-01T23:00"), [""; 0], "the first date no longer counts");
    assert_eq!(situation(&w, place), PlaceSituation::Vacant);
    assert_eq!(w.until("2026-04-02T08:00"), ["vacancy.expired"]);
    assert_eq!(w.last_of("vacancy.expired").stamp.effective, instant("2026-04-01T23:59:59"));
    assert_eq!(situation(&w, place), PlaceSituation::Undeclared);

    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    assert_eq!(w.refuses(household, World::proposal(request, place)).code, "place-not-on-offer");
    let mut again = w.clone();
    w.does(place, ConfirmVacancy { good_until: None });
    assert_eq!(situation(&w, place), PlaceSituation::Vacant);
    w.referred(household, request, place);
    again.does(place, ON_OFFER);
    assert_eq!(situation(&again, place), PlaceSituation::Vacant);
}

#[test]
fn a_vacancy_that_nobody_confirmed_is_not_on_offer_even_before_the_clock_says_so() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    w.outage_until("2026-03-18T10:00");
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    assert_eq!(w.refuses(household, World::proposal(request, place)).code, "place-not-on-offer");
}

#[test]
fn a_place_that_a_referral_holds_does_not_leave_the_feed_for_good_until_it_is_released() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(SocialResidence, 1);
    w.does(place, DeclareVacancy { good_until: Some(day("2026-03-05")), ..ON_OFFER });
    let household = w.household("man 40");
    let request = w.qualified(household, &[SocialResidence]);
    w.referred(household, request, place);
    assert_eq!(w.until("2026-03-17T23:00"), [""; 0]);
    let withdraw = WithdrawVacancy { reason: code("works") };
    assert_eq!(w.refuses(place, withdraw).code, "place-in-use");
    assert_eq!(w.until("2026-03-18T08:00"), ["referral.expired", "place.released", "vacancy.expired"]);
}

#[test]
fn the_date_of_a_vacancy_is_within_ninety_days() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(Chrs, 1);
    for bad in ["2026-03-01", "2026-06-01"] {
        let declare = DeclareVacancy { good_until: Some(day(bad)), ..ON_OFFER };
        assert_eq!(w.refuses(place, declare).code, "good-until", "{bad}");
    }
    w.does(place, DeclareVacancy { good_until: Some(day("2026-05-31")), ..ON_OFFER });
    w.does(place, WithdrawVacancy { reason: code("error") });
    assert_eq!(w.refuses(place, ConfirmVacancy { good_until: None }).code, "no-vacancy");
    assert_eq!(w.refuses(place, WithdrawVacancy { reason: code("error") }).code, "no-vacancy");
    let household = w.household("man 40");
    w.staying_directly(household, place);
    assert_eq!(w.refuses(place, ON_OFFER).code, "place-in-use");
}

#[test]
fn a_place_goes_offline_for_a_reason_and_for_a_time() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let works = TakeOffline { reason: code("works"), from: None, until: Some(day("2026-03-10")) };
    let reversed = TakeOffline { until: Some(day("2026-03-01")), ..works.clone() };
    assert_eq!(w.refuses(place, reversed).code, "dates-reversed");
    w.does(place, works.clone());
    let spell = OfflineSpellId::created_by(w.last);
    assert_eq!(situation(&w, place), PlaceSituation::Offline);
    assert_eq!(w.refuses(household, World::proposal(request, place)).code, "place-not-on-offer");
    let admit =
        AdmitDirectly { place, at: None, persons: None, planned_end: Some(day("2026-09-01")), leaving: None };
    assert_eq!(w.refuses(household, admit).code, "place-not-on-offer");
    assert_eq!(w.refuses(place, works.clone()).code, "already-offline");
    assert_eq!(w.place_of(place).offline[&spell].reason.code(), "works");

    w.until("2026-03-12T10:00");
    assert_eq!(situation(&w, place), PlaceSituation::Offline, "an expected end is not an end");
    let before = BringOnline { spell: None, until: Some(day("2026-03-01")) };
    assert_eq!(w.refuses(place, before).code, "dates-reversed");
    w.does(place, BringOnline { spell: None, until: Some(day("2026-03-11")) });
    assert_eq!(situation(&w, place), PlaceSituation::Vacant);
    assert_eq!(w.refuses(place, BringOnline { spell: None, until: None }).code, "not-offline");
    w.referred(household, request, place);
    assert_eq!(w.refuses(place, TakeOffline { until: None, ..works }).code, "place-in-use");
}

#[test]
fn spells_are_planned_side_by_side_and_never_one_over_the_other() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(Chrs, 1);
    let spell = |from: &str, until: Option<&str>| TakeOffline {
        reason: code("seasonal_closure"),
        from: Some(day(from)),
        until: until.map(day),
    };
    w.does(place, spell("2026-07-01", Some("2026-08-31")));
    let summer = OfflineSpellId::created_by(w.last);
    w.does(place, spell("2026-04-01", Some("2026-06-30")));
    for met in [spell("2026-06-15", Some("2026-07-01")), spell("2026-08-31", None), spell("2026-03-02", None)]
    {
        assert_eq!(w.refuses(place, met).code, "already-offline");
    }
    w.until("2026-09-02T10:00");
    w.does(place, BringOnline { spell: Some(summer), until: Some(day("2026-08-31")) });
    assert!(w.place_of(place).offline[&summer].over);
}

#[test]
fn a_place_closes_when_nobody_lives_there_or_is_expected() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    w.referred(household, request, place);
    let close = ClosePlace { from: day("2026-03-02") };
    assert_eq!(w.refuses(place, close.clone()).code, "place-in-use");
    w.until("2026-03-10T10:00");
    w.does(place, close.clone());
    assert_eq!(situation(&w, place), PlaceSituation::Closed);
    assert_eq!(w.refuses(place, close).code, "place-closed");
    assert_eq!(w.refuses(place, ON_OFFER).code, "place-closed");
    let (dwelling, _) = w.designated(1);
    assert_eq!(w.refuses(dwelling, ClosePlace { from: day("2026-03-10") }).code, "place-in-use");
}

#[test]
fn a_place_that_is_to_close_is_used_until_then_and_never_closes_under_those_who_lived_there() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let lodger = w.household("man 50");
    let stay = w.staying_directly(lodger, place);
    w.until("2026-03-20T10:00");
    w.ends(lodger, stay);
    w.does(place, ON_OFFER);
    assert_eq!(w.refuses(place, ClosePlace { from: day("2026-03-01") }).code, "dates-reversed");
    let refusal = w.refuses(place, ClosePlace { from: day("2026-03-10") });
    assert_eq!((refusal.code, refusal.since), ("occupied-since", Some(instant("2026-03-20T10:00"))));
    w.does(place, ClosePlace { from: day("2026-03-30") });
    assert_eq!(situation(&w, place), PlaceSituation::Vacant);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let mut closed = w.clone();
    w.referred(household, request, place);
    closed.until("2026-03-30T08:00");
    assert_eq!(situation(&closed, place), PlaceSituation::Closed);
    assert_eq!(closed.refuses(household, World::proposal(request, place)).code, "place-not-on-offer");
    assert_eq!(closed.refuses(place, ON_OFFER).code, "place-closed");
}

#[test]
fn a_structure_and_its_places_may_have_opened_in_another_century() {
    let mut w = World::at("2026-03-02T10:00");
    let structure = StructureId::created_by(gironde(), w.upcoming());
    let opened = Some(domain::calendar::Instant(instant("1998-01-01T00:00")));
    w.does(structure, OpenStructure { profile: profile(Chrs), at: opened });
    let place = PlaceId::created_by(gironde(), w.upcoming());
    let from = Some(day("1998-01-01"));
    w.does(place, OpenPlace { description: description(structure, Chrs, 4), from });
    assert_eq!(w.last_of("place.opened").stamp.effective, instant("1998-01-01T00:00"));
}

#[test]
fn a_place_is_of_the_kind_and_provider_of_its_structure_and_its_criteria_agree() {
    let mut w = World::at("2026-03-02T10:00");
    let structure = w.structure(Chrs);
    let good = description(structure, Chrs, 4);
    let new = PlaceId::created_by(gironde(), w.upcoming());
    let open = |description| OpenPlace { description, from: None };
    let mut other = good.clone();
    other.kind = SocialResidence;
    assert_eq!(w.refuses(new, open(other)).code, "place-kind");
    let mut other = good.clone();
    other.provider = domain::id::OrganisationId::new(gironde(), uuid::Uuid::from_u128(5));
    assert_eq!(w.refuses(new, open(other)).code, "place-provider");
    for capacity in [0, 61] {
        let mut other = good.clone();
        other.capacity = capacity;
        assert_eq!(w.refuses(new, open(other)).code, "capacity");
    }
    let mut other = good.clone();
    other.criteria.persons_min = 5;
    assert_eq!(w.refuses(new, open(other)).code, "criteria");
    let mut other = good.clone();
    (other.criteria.age_min, other.criteria.age_max) = (Some(30), Some(25));
    assert_eq!(w.refuses(new, open(other)).code, "criteria");
    let mut other = good.clone();
    other.label = " ".to_owned();
    assert_eq!(w.refuses(new, open(other)).code, "text-length");
    w.does(new, open(good.clone()));
    assert_eq!(w.refuses(new, open(good.clone())).rule, "INV-16");

    let household = w.household("woman 32, daughter 5, son 3");
    w.staying_directly(household, new);
    let mut smaller = good.clone();
    smaller.capacity = 2;
    let refusal = w.refuses(new, ChangePlace { description: smaller.clone() });
    assert_eq!((refusal.code, refusal.rule), ("over-capacity", "INV-4"));
    smaller.capacity = 3;
    w.does(new, ChangePlace { description: smaller });
    assert_eq!(w.place_of(new).description().unwrap().capacity, 3);
}

#[test]
fn a_structure_keeps_its_kind_and_commune_and_opens_nothing_once_closed() {
    let mut w = World::at("2026-03-02T10:00");
    let structure = w.structure(SocialDwelling);
    let mut renamed = profile(SocialDwelling);
    renamed.name = "Les Bassins".to_owned();
    renamed.finess = Some("330000001".to_owned());
    w.does(structure, ChangeStructure { profile: renamed.clone() });
    assert_eq!(w.refuses(structure, ChangeStructure { profile: profile(Chrs) }).code, "structure-kind");
    let mut wrong = renamed.clone();
    wrong.finess = Some("33".to_owned());
    assert_eq!(w.refuses(structure, ChangeStructure { profile: wrong }).code, "finess");
    assert_eq!(w.refuses(structure, OpenStructure { profile: renamed, at: None }).rule, "INV-16");
    w.does(structure, CloseStructure { from: day("2026-03-31") });
    let new = PlaceId::created_by(gironde(), w.upcoming());
    let open = OpenPlace { description: description(structure, SocialDwelling, 4), from: None };
    assert_eq!(w.refuses(new, open).code, "structure-closed");
    let ledger = domain::ledger::AggregateId::Structure(structure);
    let Some(domain::ledger::State::Structure(is)) = w.ledgers.get(&ledger) else { panic!() };
    assert!(matches!(**is, Structure::Closed { .. }));
}

#[test]
fn a_departure_that_is_announced_is_forgotten_with_the_departure() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(SocialResidence, 1);
    let household = w.household("man 40");
    let stay = w.staying(household, place);
    w.pass(30.days());
    let notice = domain::decide::stay::GiveNotice {
        stay,
        motive: domain::household::stay::NoticeMotive::Housing,
        received_on: None,
    };
    w.does(household, notice);
    assert!(w.place_of(place).departure.is_some());
    w.ends(household, stay);
    assert_eq!(w.place_of(place).departure, None);
}
