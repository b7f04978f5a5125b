//! What was ever written is still read, and means the same.

use std::collections::BTreeSet;

use domain::event::{Stamp, Undecodable};
use domain::household::composition::Identity;
use domain::id::{CommandId, EventId};
use domain::ledger::{Fact, State};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::scenario::sealed;
use crate::scenario::shapes::{LEDGERS, Line, any, kinds, lines};

#[test]
fn every_shape_ever_written_is_read_in_the_clear_sealed_and_erased() {
    for ledger in LEDGERS {
        for Line { kind, version, body } in lines(ledger) {
            for body in [sealed(&body), erased(&body), body] {
                let read = Fact::read(&any(ledger), &kind, version, body.clone());
                let fact = read.unwrap_or_else(|error| panic!("{error}: {body}"));
                assert_eq!(fact.kind(), kind);
                let mut state = State::empty(&any(ledger));
                state.evolve(&fact, &stamp(version));
                if version == fact.version() {
                    assert_eq!(fact.body(), body, "nothing of {kind} is dropped or added");
                }
            }
        }
    }
}

#[test]
fn every_kind_of_event_has_a_line_in_the_version_that_is_written_today() {
    for ledger in LEDGERS {
        let held: BTreeSet<_> = lines(ledger).into_iter().map(|line| (line.kind, line.version)).collect();
        let missing: Vec<_> = kinds(ledger)
            .into_iter()
            .filter(|(kind, version)| !held.contains(&((*kind).to_owned(), *version)))
            .collect();
        assert!(missing.is_empty(), "no scenario writes {missing:?} on a {ledger}");
    }
}

#[test]
fn an_event_of_a_newer_program_is_told_from_a_damaged_one() {
    let (ledger, body) = (any("household"), json!({ "request": Uuid::nil() }));
    let newer = Fact::read(&ledger, "request.submitted", u16::MAX, body.clone());
    assert!(matches!(newer, Err(Undecodable::Newer { found: u16::MAX, .. })), "{newer:?}");
    let unknown = Fact::read(&ledger, "request.teleported", 1, body);
    assert!(matches!(unknown, Err(Undecodable::UnknownKind { .. })), "{unknown:?}");
    let damaged = Fact::read(&ledger, "request.submitted", 1, json!({ "request": "Secret" }));
    let Err(Undecodable::Shape { why, .. }) = damaged else { panic!("{damaged:?}") };
    assert!(!why.contains("Secret"), "no value is repeated: {why}");
}

/// The cipher binds a value to the version its event was recorded in: a program that writes a newer one still opens it.
#[test]
fn an_identity_is_opened_under_the_version_its_event_was_recorded_in() {
    let all = lines("household");
    let registered = all.iter().find(|line| line.kind == "household.registered").unwrap();
    let fact = Fact::read(&any("household"), &registered.kind, 1, sealed(&registered.body)).unwrap();
    for recorded in [1, 7] {
        let mut state = State::empty(&any("household"));
        state.evolve(&fact, &stamp(recorded));
        let mut asked = BTreeSet::new();
        state.open(&mut |event, schema, _| {
            assert_eq!(event, stamp(recorded).event);
            asked.insert(schema.to_owned());
            None
        });
        assert_eq!(asked, BTreeSet::from([format!("household.registered/{recorded}")]));
    }
}

/// A sealed value cannot be lifted from outside: its shape may only be added to.
#[test]
fn every_identity_ever_sealed_is_still_one() {
    let mut found = 0;
    for line in lines("household") {
        each_personal(&line.body, &mut |personal| {
            if personal.get("birth_date").is_some() {
                let identity: Identity = serde_json::from_value(personal.clone()).unwrap();
                assert_eq!(&serde_json::to_value(&identity).unwrap(), personal);
                found += 1;
            }
        });
    }
    assert!(found > 0);
}

/// What stands in the clear in the journal for ever counts as known, and says what it said.
#[test]
fn what_was_written_before_it_was_sealed_is_read_as_known() {
    let read = |kind: &str, body: Value| {
        Fact::read(&any("household"), kind, 1, body).unwrap_or_else(|error| panic!("{error}")).body()
    };
    let file = json!({ "stream": "115", "situation": "on_the_street", "reason": "domestic_violence",
        "need": { "violence_dedicated": true } });
    let request = "0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
    let created = read("request.created", json!({ "request": request, "siao": "33", "file": file }));
    let expected = json!({ "stream": "115", "situation": "on_the_street",
        "reason": { "personal": "domestic_violence" },
        "need": { "wheelchair": false, "step_free": false, "animals": [],
            "violence_dedicated": { "personal": { "is": true } },
            "justice_measure": { "personal": { "is": false } },
            "resources": { "personal": { "is": null } } } });
    assert_eq!(created["file"], expected);
    let ground = json!({ "because": "unpaid", "months": 3, "debt": 90000, "monthly": 30000 });
    let ended = read(
        "stay.termination_notified",
        json!({ "stay": request, "ground": ground, "ends_on": "2026-07-15" }),
    );
    assert_eq!(
        ended["ground"],
        json!({ "because": "unpaid", "arrears": { "personal": { "months": 3, "debt": 90000, "monthly": 30000 } } })
    );
    let at = "2026-03-01T09:00:00Z";
    let copy = json!({ "request": request, "siao": "33", "file": file, "need_since": at,
        "dates": { "violence": at, "wheelchair": at } });
    let household = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
    let merged = read(
        "household.merged",
        json!({ "from": household, "members": [], "requests": [copy],
        "seniorities": [], "stays": [],
        "numbered": { "number": "0330326000004AB123", "valid_until": "2027-03-02" } }),
    );
    assert_eq!(
        merged["requests"][0]["file"]["need"]["violence_dedicated"],
        json!({ "personal": { "is": true, "since": at } })
    );
    assert_eq!(merged["requests"][0]["dates"], json!({ "wheelchair": at }));
    assert_eq!(merged["numbered"]["number"], json!({ "personal": "0330326000004AB123" }));
}

fn stamp(version: u16) -> Stamp {
    let at = "2026-03-15T12:00:00Z".parse().unwrap();
    Stamp { event: EventId::of(CommandId(Uuid::nil()), 0), version, recorded: at, effective: at }
}

fn erased(body: &Value) -> Value {
    match body {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("personal") => {
            json!({ "erased": true })
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), erased(value))).collect(),
        Value::Array(values) => values.iter().map(erased).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => body.clone(),
    }
}

fn each_personal(body: &Value, visit: &mut dyn FnMut(&Value)) {
    match body {
        Value::Object(fields) => match fields.get("personal").filter(|_| fields.len() == 1) {
            Some(personal) => visit(personal),
            None => fields.values().for_each(|value| each_personal(value, visit)),
        },
        Value::Array(values) => values.iter().for_each(|value| each_personal(value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
