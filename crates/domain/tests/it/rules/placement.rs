//! What is available, and until when.

use domain::calendar::Instant;
use domain::decide::inventory::{BringOnline, TakeOffline};
use domain::decide::protection::Protect;
use domain::decide::referral::DeclineReferral;
use domain::decide::stay::ReviewStay;
use domain::decide::vacancy::DeclareVacancy;
use domain::id::{HouseholdId, PlaceId, StayId};
use domain::ledger::AggregateId;
use domain::money::Money;
use domain::organisation::OrganisationKind;
use domain::place::inventory::Criteria;
use domain::placement::{Offer, Placement, Turn, Wants, offered};
use domain::reference::ProviderRefusalReason;
use domain::rights::Role;
use domain::structure_kind::StructureKind::{Chrs, SocialDwelling, SocialResidence};
use serde_json::{Value, json};

use crate::scenario::{World, code, day, instant, organisation};

fn on_offer(w: &World, ledger: AggregateId) -> Option<Placement> {
    w.ledgers.get(&ledger).and_then(|state| offered(&ledger, state))
}

fn place(w: &World, id: PlaceId) -> Option<Placement> {
    on_offer(w, AggregateId::Place(id))
}

fn household(w: &World, id: HouseholdId) -> Option<Placement> {
    on_offer(w, AggregateId::Household(id))
}

fn review(stay: StayId, housing_ready: bool) -> ReviewStay {
    ReviewStay { stay, housing_ready, note: None, at: None }
}

#[test]
fn a_place_is_available_while_nobody_holds_it_lives_in_it_or_works_on_it() {
    let mut w = World::at("2026-03-02T10:00");
    let id = w.place(SocialResidence, 2);
    assert_eq!(place(&w, id), None, "nobody has said that it is free");
    w.does(id, DeclareVacancy { available_from: Some(day("2026-03-09")), good_until: None });
    let is = place(&w, id).unwrap();
    assert_eq!((is.offer, is.persons, is.kind), (Offer::Place, 2, SocialResidence));
    assert_eq!(is.available_from, day("2026-03-09"));
    let good_until = w.place_of(id).open_vacancy().unwrap().good_until;
    assert_eq!(is.fresh_until, Instant(good_until));
    let later = TakeOffline { reason: code("works"), from: Some(day("2026-03-20")), until: None };
    w.does(id, later);
    assert!(place(&w, id).is_some(), "it can be had before the works begin");
    w.does(id, BringOnline { spell: None, until: Some(day("2026-03-20")) });
    let one = w.household("man 40");
    let request = w.qualified(one, &[SocialResidence]);
    let referral = w.referred(one, request, id);
    assert_eq!(place(&w, id), None, "a referral holds it");
    w.does(
        one,
        DeclineReferral { referral, reason: ProviderRefusalReason::other(), note: Some("plein".into()) },
    );
    assert_eq!(place(&w, id).unwrap(), is);
    w.does(id, TakeOffline { reason: code("works"), from: None, until: None });
    assert_eq!(place(&w, id), None, "it cannot be used");
}

#[test]
fn a_vacancy_that_nobody_confirms_is_available_no_longer_and_the_clock_says_so() {
    let mut w = World::at("2026-03-02T10:00");
    let id = w.vacancy(Chrs, 1);
    let until = place(&w, id).unwrap().fresh_until.0;
    let mut said = Vec::new();
    while w.now <= until {
        said = w.pass(jiff::ToSpan::days(1));
    }
    assert_eq!((said, place(&w, id)), (vec!["vacancy.expired"], None));
}

#[test]
fn a_dwelling_is_available_until_candidates_are_designated() {
    let mut w = World::at("2026-03-02T10:00");
    let id = w.vacancy(SocialDwelling, 3);
    assert_eq!(place(&w, id).unwrap().offer, Offer::Dwelling);
    let (dwelling, _) = w.designated(1);
    assert_eq!(place(&w, dwelling), None);
    assert!(place(&w, id).is_some());
}

#[test]
fn a_household_is_available_from_the_review_that_finds_it_ready_until_nobody_says_so_again() {
    let mut w = World::at("2026-03-02T10:00");
    let home = w.vacancy(Chrs, 2);
    let id = w.household("woman 32, son 3");
    let stay = w.staying(id, home);
    assert_eq!(household(&w, id), None);
    w.does(id, review(stay, true));
    let is = household(&w, id).unwrap();
    assert_eq!((is.offer, is.persons, is.typology.as_deref()), (Offer::Household, 2, Some("40")));
    assert_eq!((is.commune, is.provider, is.labelled), (None, None, false));
    assert_eq!(is.fresh_until, Instant(instant("2026-09-02T23:59:59")));
    w.does(id, review(stay, false));
    assert_eq!(household(&w, id), None, "a review found otherwise");
    w.does(id, review(stay, true));
    w.dalo(id);
    assert!(household(&w, id).unwrap().labelled);
    w.until("2026-09-02T23:59:59");
    assert!(household(&w, id).is_some());
    assert_eq!(w.until("2026-09-03T08:00"), ["stay.readiness_lapsed"]);
    let lapsed = w.last_of("stay.readiness_lapsed");
    assert_eq!((lapsed.by_clock, lapsed.stamp.effective), (true, instant("2026-09-02T23:59:59")));
    assert_eq!(household(&w, id), None);
    w.does(id, review(stay, true));
    w.ends(id, stay);
    assert_eq!(household(&w, id), None, "it lives there no longer");
}

#[test]
fn neither_a_protected_household_nor_a_place_for_victims_of_violence_is_told_of() {
    let mut w = World::at("2026-03-02T10:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let named = w.invited(organisation(), Role::SiaoManager);
    let shelter =
        w.place_for(Chrs, 2, |is| is.criteria = Criteria { violence_dedicated: true, ..Criteria::default() });
    w.does(shelter, DeclareVacancy { available_from: None, good_until: None });
    assert!(w.place_of(shelter).open_vacancy().is_some());
    assert_eq!(place(&w, shelter), None);
    let home = w.vacancy(Chrs, 1);
    let id = w.household("woman 32");
    let stay = w.staying(id, home);
    w.does(id, review(stay, true));
    assert!(household(&w, id).is_some());
    w.asking = Some(named);
    w.does(id, Protect { named: [named].into() });
    assert_eq!(household(&w, id), None);
}

#[test]
fn a_filter_lets_through_what_fulfils_all_of_its_conditions() {
    let mut w = World::at("2026-03-02T10:00");
    let id = w.place_for(SocialResidence, 2, |is| {
        is.rent = Some(Money::cents(41_250));
        is.criteria.wheelchair = true;
    });
    w.does(id, DeclareVacancy { available_from: Some(day("2026-03-09")), good_until: None });
    let is = place(&w, id).unwrap();
    let read = |wants: Value| serde_json::from_value::<Wants>(wants).unwrap();
    for fitting in [
        json!({}),
        json!({ "offers": ["place", "household"], "territories": ["33"], "kinds": ["social_residence"] }),
        json!({ "persons_min": 2, "persons_max": 2, "rent_max": 41_250, "available_by": "2026-03-09" }),
        json!({ "wheelchair": true, "step_free": true }),
        json!({ "communes": [is.commune], "categories": [is.category] }),
    ] {
        assert!(read(fitting.clone()).fit(&is), "{fitting}");
        assert_eq!(read(fitting.clone()).check(), Ok(()), "{fitting}");
    }
    for other in [
        json!({ "offers": ["dwelling"] }),
        json!({ "territories": ["75"] }),
        json!({ "kinds": ["chrs"] }),
        json!({ "persons_min": 3 }),
        json!({ "persons_max": 1 }),
        json!({ "rent_max": 41_249 }),
        json!({ "available_by": "2026-03-08" }),
        json!({ "communes": ["33281"] }),
        json!({ "labelled": true }),
        json!({ "territories": ["33"], "persons_min": 2, "rent_max": 1 }),
    ] {
        assert!(!read(other.clone()).fit(&is), "{other}");
    }
    let unpriced = Placement { rent: None, ..is };
    assert!(!read(json!({ "rent_max": 100_000 })).fit(&unpriced), "what it costs is not known");
}

#[test]
fn a_filter_that_lets_nothing_through_is_refused() {
    for (wants, code) in [
        (json!({ "persons_min": 3, "persons_max": 2 }), "filter-empty"),
        (json!({ "territories": ["75"], "communes": ["33063"] }), "filter-empty"),
        (json!({ "offers": ["household"], "communes": ["33063"] }), "filter-empty"),
        (json!({ "offers": ["household"], "rent_max": 50_000 }), "filter-empty"),
        (json!({ "offers": ["place"], "labelled": true }), "filter-empty"),
    ] {
        let wants: Wants = serde_json::from_value(wants).unwrap();
        assert_eq!(wants.check().unwrap_err().code, code, "{wants:?}");
    }
    assert!(serde_json::from_value::<Wants>(json!({ "communs": ["33063"] })).is_err(), "misspelt");
}

#[test]
fn what_becomes_of_a_placement_is_told_as_far_as_it_is_seen() {
    let mut w = World::at("2026-03-02T10:00");
    let id = w.vacancy(Chrs, 2);
    let is = place(&w, id).unwrap();
    let dearer = Placement { rent: Some(Money::cents(60_000)), ..is.clone() };
    let all = |_: &Placement| true;
    let cheap = |is: &Placement| is.rent.is_none();
    for (before, after, expected, seen_cheap) in [
        (None, None, None, None),
        (None, Some(&is), Some(Turn::Available), Some(Turn::Available)),
        (Some(&is), Some(&is), None, None),
        (Some(&is), Some(&dearer), Some(Turn::Changed), Some(Turn::Gone)),
        (Some(&dearer), Some(&is), Some(Turn::Changed), Some(Turn::Available)),
        (Some(&dearer), None, Some(Turn::Gone), None),
    ] {
        assert_eq!((Turn::of(before, after, all), Turn::of(before, after, cheap)), (expected, seen_cheap));
    }
}
