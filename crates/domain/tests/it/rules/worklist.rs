//! Worklists: what each desk has to do, and from when.

use domain::decide::inventory::ClosePlace;
use domain::ledger::{AggregateId, State};
use domain::rules::RuleBook;
use domain::structure_kind::StructureKind::{Chrs, SocialResidence};
use domain::worklist::{Task, TaskKind, tasks};

use crate::scenario::{World, day, instant};

fn of(w: &World, ledger: AggregateId) -> Vec<Task> {
    let state: &State = w.ledgers.get(&ledger).unwrap();
    tasks(&ledger, state, RuleBook::shipped())
}

/// The task of this name on the ledger.
#[track_caller]
fn task(w: &World, ledger: AggregateId, name: &str) -> Task {
    let named = |task: &Task| serde_json::to_value(&task.kind).unwrap()["task"] == name;
    of(w, ledger).into_iter().find(named).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn what_is_due_later_stands_on_its_list_some_time_before_and_not_from_day_one() {
    let mut w = World::at("2026-03-02T10:00");
    let waits = w.household("man 40");
    w.qualified(waits, &[SocialResidence]);
    let ledger = AggregateId::Household(waits);
    let contact = task(&w, ledger, "contact-household");
    assert_eq!(
        (contact.due, contact.from),
        (Some(instant("2026-06-02T23:59:59")), instant("2026-05-03T00:00"))
    );
    assert!(!contact.stands(w.now) && contact.stands(instant("2026-05-03T00:00")));
    assert_eq!(task(&w, ledger, "update-request").from, instant("2026-08-03T00:00"));
    assert!(task(&w, ledger, "propose-place").stands(w.now), "a task without a date stands at once");

    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 50");
    w.staying(household, place);
    let ledger = AggregateId::Household(household);
    let review = task(&w, ledger, "review-stay");
    assert_eq!(
        (review.due, review.from),
        (Some(instant("2026-09-02T23:59:59")), instant("2026-08-03T00:00"))
    );
    let exit = task(&w, ledger, "prepare-exit");
    assert_eq!((exit.due, exit.from), (Some(instant("2027-02-02T23:59:59")), instant("2027-01-03T00:00")));
}

#[test]
fn the_applicant_is_reminded_a_month_before_the_application_ends() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    w.applies(household);
    let renew = task(&w, AggregateId::Household(household), "renew-application");
    assert_eq!((renew.due, renew.from), (Some(instant("2027-03-02T23:59:59")), instant("2027-02-02T00:00")));
}

#[test]
fn an_empty_place_waits_since_it_opened_and_one_that_closes_for_nothing() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(Chrs, 1);
    w.until("2026-03-05T10:00");
    let ledger = AggregateId::Place(place);
    assert_eq!(task(&w, ledger, "declare-vacancy").since, instant("2026-03-02T00:00"));
    w.does(place, ClosePlace { from: day("2026-04-01") });
    assert!(of(&w, ledger).iter().all(|task| task.kind != TaskKind::DeclareVacancy {}));
}
