//! Requests of persons on their data: who may ask what, until when it is answered, and what an answer must say.

use domain::calendar::Day;
use domain::decide::consent::Object;
use domain::decide::family::{Keeper, Merge, Split};
use domain::decide::person_request::{AnswerPersonRequest, ExtendPersonRequest, RecordPersonRequest};
use domain::household::consent::ConsentChannel;
use domain::household::person_request::{
    PersonRequestKind as Kind, PersonRequestOutcome as Outcome, PersonRequestSituation as Situation,
    answer_due, extended_due,
};
use domain::id::{HouseholdId, PersonId, PersonRequestId};
use domain::ledger::{AggregateId, State};
use domain::reference::{ConsentPurpose, MemberLink};
use domain::rules::RuleBook;
use domain::worklist::{Desk, Task, TaskKind, tasks};
use jiff::civil::Date;
use proptest::prelude::*;

use crate::scenario::{World, code, day, gironde, instant};

const WRITTEN: ConsentChannel = ConsentChannel::Written;

fn asking(person: PersonId, kind: Kind) -> RecordPersonRequest {
    RecordPersonRequest { person, kind, received_on: None, channel: WRITTEN, note: None }
}

fn extending(person_request: PersonRequestId, months: u8) -> ExtendPersonRequest {
    let reason = code("complexity");
    ExtendPersonRequest { person_request, months, reason, told_on: None, channel: WRITTEN, note: None }
}

fn granting(person_request: PersonRequestId) -> AnswerPersonRequest {
    AnswerPersonRequest {
        person_request,
        outcome: Outcome::Granted,
        grounds: Vec::new(),
        answered_on: None,
        channel: WRITTEN,
        note: None,
    }
}

/// A household with a request of its woman of this kind, received today.
fn asked(at: &str, kind: Kind) -> (World, HouseholdId, PersonId, PersonRequestId) {
    let mut w = World::at(at);
    let household = w.household("woman 32");
    let person = w.person(household, "woman");
    let note = Some("Je souhaite savoir ce que vous détenez sur moi.".to_owned());
    assert_eq!(
        w.does(household, RecordPersonRequest { note, ..asking(person, kind) }),
        ["person_request.recorded"]
    );
    let request = PersonRequestId::created_by(w.last);
    (w, household, person, request)
}

fn of_officer(w: &World, household: HouseholdId) -> Vec<Task> {
    let state = State::Household(Box::new(w.household_of(household).clone()));
    let mut tasks = tasks(&AggregateId::Household(household), &state, RuleBook::shipped());
    tasks.retain(|task| task.desk == Desk::DataProtection);
    tasks
}

#[test]
fn a_request_stands_on_the_officer_s_list_from_its_reception_until_it_is_answered() {
    let (mut w, household, person, request) = asked("2026-03-02T10:00", Kind::Access);
    let [task] = of_officer(&w, household).try_into().unwrap();
    assert_eq!(task.kind, TaskKind::PersonRequestDue { person_request: request });
    assert_eq!((task.due, task.stands(w.now)), (Some(instant("2026-04-02T23:59:59")), true));
    let again = w.refuses(household, asking(person, Kind::Access));
    assert_eq!(again.code, "person-request-open");
    assert!(again.sentence.contains("02/04/2026"), "{}", again.sentence);
    w.does(household, asking(person, Kind::Rectification));
    let partly = AnswerPersonRequest {
        outcome: Outcome::Partly,
        grounds: vec![code("rights_of_others")],
        note: Some("Les notes qui concernent une autre personne ne sont pas jointes.".to_owned()),
        ..granting(request)
    };
    w.does(household, partly);
    assert_eq!(of_officer(&w, household).len(), 1, "the other one still waits");
    assert_eq!(w.refuses(household, granting(request)).code, "person-request-answered");
    w.does(household, asking(person, Kind::Access));
}

#[test]
fn each_adult_asks_for_themselves_and_so_does_who_has_left() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, husband 34");
    let (woman, husband) = (w.person(household, "woman"), w.person(household, "husband"));
    w.does(household, asking(woman, Kind::Access));
    w.does(household, asking(husband, Kind::Access));
    let split = Split {
        persons: [husband].into(),
        main_applicant: husband,
        remaining_main_applicant: None,
        application: Keeper::Remaining,
        at: None,
    };
    let into = HouseholdId::created_by(gironde(), w.upcoming());
    w.does(household, split);
    w.does(household, asking(husband, Kind::Erasure));
    assert_eq!(w.refuses(into, asking(woman, Kind::Access)).code, "unknown-id");
    // Nobody's request is lost with the ledger that it was made on.
    let links = [(woman, MemberLink::spouse_or_partner())].into();
    assert_eq!(w.refuses(into, Merge { from: household, links, at: None }).code, "merge-not-settled");
}

#[test]
fn the_clock_marks_what_was_not_answered_in_time_once() {
    let (mut w, household, _, request) = asked("2026-01-31T10:00", Kind::Access);
    assert_eq!(w.until("2026-02-28T23:59:58"), Vec::<&str>::new());
    assert_eq!(w.until("2026-05-01T10:00"), ["person_request.overdue"]);
    assert_eq!(w.household_of(household).person_requests[&request].situation, Situation::Overdue);
    let [task] = of_officer(&w, household).try_into().unwrap();
    assert!(task.due < Some(w.now), "it stands first, for it was due first");
    w.does(household, granting(request));
    assert_eq!(of_officer(&w, household), []);
}

#[test]
fn what_arrived_elsewhere_weeks_ago_has_no_more_time_than_the_rest() {
    let mut w = World::at("2026-03-20T10:00");
    let household = w.household("woman 32");
    let person = w.person(household, "woman");
    let late = RecordPersonRequest { received_on: Some(day("2026-02-16")), ..asking(person, Kind::Erasure) };
    w.does(household, late);
    assert_eq!(w.until("2026-03-20T10:01"), ["person_request.overdue"]);
    let ahead = RecordPersonRequest { received_on: Some(day("2026-03-21")), ..asking(person, Kind::Access) };
    assert_eq!(w.refuses(household, ahead).code, "date-in-future");
}

#[test]
fn the_time_is_extended_once_by_two_months_at_most_when_the_person_was_told_within_the_first() {
    let (mut w, household, _, request) = asked("2026-01-31T10:00", Kind::Rectification);
    for months in [0, 3] {
        assert_eq!(w.refuses(household, extending(request, months)).code, "extension-months");
    }
    let before = ExtendPersonRequest { told_on: Some(day("2026-01-30")), ..extending(request, 2) };
    assert_eq!(w.refuses(household, before).code, "before-reception");
    w.until("2026-03-04T10:00");
    assert_eq!(w.refuses(household, extending(request, 2)).code, "extension-told-late");
    // They were told in time; only the record is late.
    let told = ExtendPersonRequest { told_on: Some(day("2026-02-28")), ..extending(request, 2) };
    let note = Some("Votre dossier compte plusieurs services : réponse d'ici au 30 avril.".to_owned());
    w.does(household, ExtendPersonRequest { note, ..told });
    let is = &w.household_of(household).person_requests[&request];
    assert_eq!((is.due, &is.situation), (day("2026-04-30"), &Situation::Open));
    assert_eq!(w.refuses(household, extending(request, 1)).code, "already-extended");
    assert_eq!(w.until("2026-05-01T00:00:01"), ["person_request.overdue"]);
}

#[test]
fn a_refusal_says_why_and_what_is_granted_has_no_ground_against_it() {
    let (mut w, household, _, request) = asked("2026-03-02T10:00", Kind::Portability);
    let refusing = AnswerPersonRequest { outcome: Outcome::Refused, ..granting(request) };
    assert_eq!(w.refuses(household, refusing.clone()).code, "grounds-of-refusal");
    let contradictory = AnswerPersonRequest { grounds: vec![code("not_covered")], ..granting(request) };
    assert_eq!(w.refuses(household, contradictory).code, "grounds-of-refusal");
    let early = AnswerPersonRequest { answered_on: Some(day("2026-03-01")), ..granting(request) };
    assert_eq!(w.refuses(household, early).code, "before-reception");
    w.does(household, AnswerPersonRequest { grounds: vec![code("not_covered")], ..refusing });
}

#[test]
fn an_opposition_is_granted_once_it_has_effect() {
    let (mut w, household, person, request) = asked("2026-03-02T10:00", Kind::Opposition);
    assert_eq!(w.refuses(household, granting(request)).code, "opposition-not-recorded");
    let purpose = ConsentPurpose::share_with_landlords();
    w.does(household, Object { person, purpose, recipient: None, channel: WRITTEN });
    w.does(household, granting(request));
}

#[test]
fn an_erasure_that_is_granted_is_a_task_until_it_is_done() {
    let (mut w, household, _, request) = asked("2026-03-02T10:00", Kind::Erasure);
    w.does(household, granting(request));
    let [task] = of_officer(&w, household).try_into().unwrap();
    assert_eq!(task.kind, TaskKind::CarryOutErasure { person_request: request });
}

#[test]
fn nobody_asks_for_somebody_of_another_household() {
    let (mut w, household, ..) = asked("2026-03-02T10:00", Kind::Access);
    let other = w.household("man 40");
    let stranger = w.person(other, "man");
    assert_eq!(w.refuses(household, asking(stranger, Kind::Access)).code, "unknown-id");
}

#[test]
fn a_month_is_the_same_day_of_the_next_or_its_last() {
    for (received, one, two, three) in [
        ("2026-03-05", "2026-04-05", "2026-05-05", "2026-06-05"),
        ("2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30"),
        ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"),
        ("2028-01-30", "2028-02-29", "2028-03-30", "2028-04-30"),
        ("2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31"),
        ("2026-02-28", "2026-03-28", "2026-04-28", "2026-05-28"),
    ] {
        let due = [answer_due(day(received)), extended_due(day(received), 1), extended_due(day(received), 2)];
        assert_eq!(due, [day(one), day(two), day(three)], "{received}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_day_the_answer_is_due_in_the_next_month(days in 0_i32..40_000) {
        let received: Date = jiff::civil::date(2000, 1, 1) + jiff::Span::new().days(days);
        let due = answer_due(Day(received)).0;
        prop_assert_eq!(i32::from(due.year()) * 12 + i32::from(due.month()),
            i32::from(received.year()) * 12 + i32::from(received.month()) + 1);
        prop_assert_eq!(due.day(), received.day().min(due.days_in_month()));
    }
}
