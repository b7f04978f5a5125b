//! Requests of persons on their data: one of a kind at a time, each with its calendar month, extended once, overdue once.

use std::collections::BTreeMap;

use domain::household::HouseholdEvent;
use domain::household::person_request::PersonRequestEvent;
use domain::id::{PersonId, PersonRequestId};
use jiff::civil::Date;

use super::{Verdict, must, of_households};
use crate::world::{Recorded, World};

/// What was told of one request, read off the events in their order.
struct Told {
    of: (PersonId, String),
    received: Date,
    due: Date,
    extended: bool,
    overdue: Option<Date>,
    answered: bool,
}

/// The same day `months` later, or the last of that month: counted by hand, not by the calendar of the rules.
fn months_later(on: Date, months: i16) -> Date {
    let count = on.year() * 12 + i16::from(on.month()) - 1 + months;
    let month = i8::try_from(count % 12 + 1).unwrap();
    let (mut day, year) = (on.day(), count / 12);
    loop {
        match Date::new(year, month, day) {
            Ok(date) => return date,
            Err(_) => day -= 1,
        }
    }
}

pub(crate) fn clocked(world: &World, done: &Recorded) -> Verdict {
    let about = |kind: &str| kind.starts_with("person_request.");
    if !done.facts.iter().any(|(_, fact, _)| about(fact.kind())) {
        return Ok(());
    }
    let mut told: BTreeMap<PersonRequestId, Told> = BTreeMap::new();
    for (id, event, _) in of_households(&world.log) {
        let HouseholdEvent::PersonRequest(event) = event else { continue };
        match event {
            PersonRequestEvent::PersonRequestRecorded(e) => {
                let (received, due) = (e.received_on.0, e.due.0);
                must(due == months_later(received, 1), || format!("{received} is due on {due}"))?;
                let of = (e.person, format!("{id} {:?}", e.right));
                let twice = told.values().any(|one| one.of == of && !one.answered);
                must(!twice, || format!("{} waits for two answers of {:?}", e.person, e.right))?;
                let one = Told { of, received, due, extended: false, overdue: None, answered: false };
                told.insert(e.person_request, one);
            }
            PersonRequestEvent::PersonRequestExtended(e) => {
                let one = told.get_mut(&e.person_request).unwrap();
                must(!one.extended && !one.answered, || "extended twice or after its answer".to_owned())?;
                must(e.told_on.0 <= one.due, || format!("told on {}, due on {}", e.told_on, one.due))?;
                let allowed = [2, 3].map(|months| months_later(one.received, months));
                must(allowed.contains(&e.due.0), || format!("{} is due on {}", one.received, e.due))?;
                (one.due, one.extended) = (e.due.0, true);
            }
            PersonRequestEvent::PersonRequestOverdue(e) => {
                let one = told.get_mut(&e.person_request).unwrap();
                must(!one.answered && one.overdue != Some(one.due), || "overdue once a date".to_owned())?;
                one.overdue = Some(one.due);
            }
            PersonRequestEvent::PersonRequestAnswered(e) => {
                let one = told.get_mut(&e.person_request).unwrap();
                must(!one.answered, || "answered twice".to_owned())?;
                must(e.answered_on.0 >= one.received, || "answered before it was received".to_owned())?;
                one.answered = true;
            }
        }
    }
    Ok(())
}
