//! Who is in a stay: members join it later, or leave it before the others.

use domain::calendar::Instant;
use domain::decide::correction::CorrectDate;
use domain::decide::family::{Keeper, Merge, Split};
use domain::decide::inventory::ChangePlace;
use domain::decide::occupants::{JoinStay, LeaveStay};
use domain::decide::registration::AddMember;
use domain::decide::stay::{TakeOverStay, TakenOverEnd};
use domain::household::composition::Sex;
use domain::household::correction::DatedFact;
use domain::id::{HouseholdId, PersonId, StayId};
use domain::ledger::{AggregateId, State};
use domain::place::inventory::GenderRule;
use domain::reference::MemberLink;
use domain::rules::RuleBook;
use domain::structure_kind::StructureKind::EmergencyShelter;
use domain::worklist::{TaskKind, tasks};
use jiff::ToSpan;

use crate::scenario::{World, code, instant, member};

fn join(stay: StayId, person: PersonId) -> JoinStay {
    JoinStay { stay, persons: [person].into(), at: None }
}

fn leave(stay: StayId, person: PersonId) -> LeaveStay {
    LeaveStay {
        stay,
        persons: [person].into(),
        at: None,
        destination: code("with_third_party"),
        reason: code("voluntary_departure"),
    }
}

fn lacks_room(w: &World, household: HouseholdId) -> bool {
    let state = State::Household(Box::new(w.household_of(household).clone()));
    let tasks = tasks(&AggregateId::Household(household), &state, RuleBook::shipped());
    tasks.iter().any(|task| matches!(task.kind, TaskKind::FindMoreRoom { .. }))
}

#[test]
fn a_newborn_joins_the_stay_once_the_place_is_larger() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 1);
    let household = w.household("woman 32");
    let stay = w.staying_directly(household, place);
    w.pass(30.days());
    let birth = AddMember {
        member: member("son 0", false, w.today()),
        reason: code("birth"),
        at: None,
        duplicate_reviewed: None,
    };
    w.does(household, birth);
    let son = PersonId::created_by(w.last);
    assert!(lacks_room(&w, household));
    let full = w.refuses(household, join(stay, son));
    assert_eq!((full.code, full.rule), ("over-capacity", "INV-4"));
    let mut description = w.place_of(place).description().unwrap().clone();
    description.capacity = 2;
    w.does(place, ChangePlace { description });
    assert_eq!(w.does(household, join(stay, son)), ["stay.joined", "place.occupants_changed"]);
    let is = w.household_of(household);
    assert_eq!((is.stays[&stay].persons.len(), is.stays[&stay].since(son)), (2, w.now));
    assert_eq!(w.place_of(place).current_occupancy().unwrap().persons, 2);
    assert!(!lacks_room(&w, household));
    assert_eq!(w.refuses(household, join(stay, son)).code, "already-staying");
}

#[test]
fn a_partner_joins_after_a_reunion_but_lives_in_one_place_and_only_where_admitted() {
    let mut w = World::at("2026-03-02T10:00");
    let (hers, his) = (w.place(EmergencyShelter, 2), w.place(EmergencyShelter, 1));
    let women = w.place_for(EmergencyShelter, 2, |d| d.criteria.gender = GenderRule::WomenOnly);
    let (woman, man) = (w.household("woman 32"), w.household("man 34"));
    let (stay, other) = (w.staying_directly(woman, hers), w.staying_directly(man, his));
    let sister = w.household("woman 30");
    let protected = w.staying_directly(sister, women);
    let joins = w.person(man, "man");
    w.pass(10.days());
    let links = [(joins, MemberLink::spouse_or_partner())].into();
    w.does(woman, Merge { from: man, links, at: None });
    let elsewhere = w.refuses(woman, join(stay, joins));
    assert_eq!((elsewhere.code, elsewhere.rule), ("already-staying", "INV-1"));
    w.pass(1.day());
    w.ends(woman, other);
    let before = JoinStay { at: Some(Instant(instant("2026-03-05T10:00"))), ..join(stay, joins) };
    assert_eq!(w.refuses(woman, before).code, "in-another-household");
    w.does(woman, join(stay, joins));
    assert_eq!(w.household_of(woman).stays[&stay].persons.len(), 2);

    let mut brother = member("brother 40", false, w.today());
    brother.sex = Sex::Male;
    w.does(
        sister,
        AddMember { member: brother, reason: code("relative_joined"), at: None, duplicate_reviewed: None },
    );
    let brother = PersonId::created_by(w.last);
    let refusal = w.refuses(sister, join(protected, brother));
    assert_eq!((refusal.code, refusal.rule), ("public-not-admitted", "INV-4"));
}

#[test]
fn one_member_leaves_a_stay_that_goes_on_without_leaving_the_household() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 2);
    let household = w.household("woman 52, son 19");
    let stay = w.staying_directly(household, place);
    let (woman, son) = (w.person(household, "woman"), w.person(household, "son"));
    w.pass(10.days());
    assert_eq!(w.does(household, leave(stay, son)), ["stay.persons_left", "place.occupants_changed"]);
    let is = w.household_of(household);
    assert_eq!((is.composition.members.len(), is.stays[&stay].persons.len()), (2, 1));
    assert_eq!(w.place_of(place).current_occupancy().unwrap().persons, 1);
    assert!(!lacks_room(&w, household), "he went by himself");
    assert_eq!(w.refuses(household, leave(stay, son)).code, "unknown-id");
    let last = w.refuses(household, leave(stay, woman));
    assert_eq!((last.code, last.rule), ("stay-would-be-empty", "INV-1"));
    w.does(household, join(stay, son));
    let early = LeaveStay { at: Some(Instant(instant("2026-03-03T10:00"))), ..leave(stay, son) };
    assert_eq!(w.refuses(household, early).code, "dates-reversed");
}

#[test]
fn a_past_stay_that_is_taken_over_counts_nobody_who_was_not_born() {
    let mut w = World::at("2026-01-02T10:00");
    let place = w.place(EmergencyShelter, 2);
    w.until("2026-03-02T10:00");
    let household = w.household("woman 32, son 0");
    let woman = w.person(household, "woman");
    let past = TakeOverStay {
        place,
        from: Instant(instant("2026-01-10T10:00")),
        persons: None,
        planned_end: None,
        ended: Some(TakenOverEnd {
            at: Instant(instant("2026-02-10T10:00")),
            destination: code("street"),
            reason: code("other"),
        }),
    };
    w.does(household, past.clone());
    let stay = StayId::created_by(w.last);
    assert_eq!(w.household_of(household).stays[&stay].persons, [woman].into());

    let running = TakeOverStay { from: Instant(instant("2026-02-20T10:00")), ended: None, ..past };
    w.does(household, running);
    let stay = StayId::created_by(w.last);
    assert_eq!(w.household_of(household).stays[&stay].persons.len(), 2, "it runs: both are there");
}

#[test]
fn who_came_back_into_a_stay_was_there_before_and_its_dates_cannot_contradict_that() {
    let mut w = World::at("2026-03-02T10:00");
    let (place, other) = (w.place(EmergencyShelter, 2), w.place(EmergencyShelter, 2));
    let household = w.household("woman 52, son 19");
    let stay = w.staying_directly(household, place);
    let son = w.person(household, "son");
    w.until("2026-03-12T10:00");
    w.does(household, leave(stay, son));
    w.until("2026-03-20T10:00");
    let overlapping = JoinStay { at: Some(Instant(instant("2026-03-11T10:00"))), ..join(stay, son) };
    assert_eq!(w.refuses(household, overlapping).code, "already-staying", "he had not left yet");
    w.does(household, join(stay, son));

    let elsewhere = TakeOverStay {
        place: other,
        from: Instant(instant("2026-03-05T10:00")),
        persons: Some([son].into()),
        planned_end: None,
        ended: Some(TakenOverEnd {
            at: Instant(instant("2026-03-08T10:00")),
            destination: code("street"),
            reason: code("other"),
        }),
    };
    assert_eq!(w.refuses(household, elsewhere).rule, "INV-1", "he was there before he left and came back");

    let moved = |is: &str, fact| CorrectDate { fact, is: Instant(instant(is)), reason: code("other") };
    let late = w.refuses(household, moved("2026-03-14T10:00", DatedFact::StayStart { stay }));
    assert_eq!(late.code, "dates-reversed", "he would have left before it began");
    w.until("2026-03-25T10:00");
    w.ends(household, stay);
    let early = w.refuses(household, moved("2026-03-19T10:00", DatedFact::StayEnd { stay }));
    assert_eq!(early.code, "dates-reversed", "he would have come back after it ended");
}

#[test]
fn who_left_a_stay_that_others_took_along_was_in_it_until_then() {
    let mut w = World::at("2026-03-02T10:00");
    let (place, other) = (w.place(EmergencyShelter, 2), w.place(EmergencyShelter, 2));
    let household = w.household("woman 52, son 19");
    let stay = w.staying_directly(household, place);
    let (woman, son) = (w.person(household, "woman"), w.person(household, "son"));
    w.until("2026-03-12T10:00");
    w.does(household, leave(stay, son));
    w.until("2026-03-20T10:00");
    let split = Split {
        persons: [woman].into(),
        main_applicant: woman,
        remaining_main_applicant: Some(son),
        application: Keeper::Remaining,
        at: None,
    };
    w.does(household, split);
    let past = |from: &str, to: &str| TakeOverStay {
        place: other,
        from: Instant(instant(from)),
        persons: None,
        planned_end: None,
        ended: Some(TakenOverEnd {
            at: Instant(instant(to)),
            destination: code("street"),
            reason: code("other"),
        }),
    };
    assert_eq!(w.refuses(household, past("2026-03-05T10:00", "2026-03-08T10:00")).rule, "INV-1");
    w.does(household, past("2026-03-13T10:00", "2026-03-14T10:00"));
}
