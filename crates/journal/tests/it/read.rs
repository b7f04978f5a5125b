//! Reading ledgers, positions, ranges; the envelope.

use jiff::Timestamp;
use journal::{Journal, ReadError};
use serde_json::Value;

use crate::support::{Ground, at, decision, digest, household, origin, place};

async fn some_events(journal: &Journal) {
    let mut versions = std::collections::HashMap::new();
    let decisions = (0..2_600_u128).map(|n| decision(n, &[(place(n % 2), 0)]));
    journal.append_bulk(decisions, &mut versions, |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_ledger_read_in_parts_is_the_ledger_read_whole() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    some_events(&journal).await;
    let whole = journal.load(&place(0)).await.unwrap();
    assert_eq!(whole.len(), 1_300);
    assert!(whole.iter().all(|event| event.ledger == place(0)));
    for cut in [0, 1, 999, 1_000, 1_299, 1_300] {
        let after = if cut == 0 { 0 } else { whole[cut - 1].position };
        assert_eq!(journal.since(&place(0), after).await.unwrap(), whole[cut..]);
        assert_eq!(journal.settled_since(&place(0), after).await.unwrap(), whole[cut..]);
    }
    assert!(journal.load(&place(9)).await.unwrap().is_empty());
    assert_eq!(journal.version(&place(0)).await.unwrap(), whole[1_299].position);
    assert_eq!(journal.version(&place(9)).await.unwrap(), 0);
}

#[tokio::test]
async fn events_are_found_by_position_and_by_range() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    assert_eq!(journal.last_position().await.unwrap(), 0);
    assert!(journal.range(0, 10).await.unwrap().is_empty());
    some_events(&journal).await;
    assert_eq!(journal.last_position().await.unwrap(), 2_600);

    let some = journal.at(&[2_600, 1, 77, 77]).await.unwrap();
    assert_eq!(some.iter().map(|e| e.position).collect::<Vec<_>>(), [2_600, 1, 77, 77]);
    assert!(matches!(journal.at(&[1, 2_601]).await, Err(ReadError::Nothing { position: 2_601 })));

    let range = journal.range(500, 1_500).await.unwrap();
    assert!(range.iter().map(|e| e.position).eq(501..=2_000));
    assert_eq!(journal.range(2_598, 10).await.unwrap().len(), 2);
    assert!(journal.range(2_600, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_is_read_as_it_was_written() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let asked = decision(5, &[(household(1), 0), (place(1), 0)]);
    journal.append(asked.clone()).await.unwrap();

    let event = journal.load(&place(1)).await.unwrap().remove(0);
    assert_eq!((event.position, event.ledger, event.stamp.version), (2, place(1), 1));
    assert_eq!(event.kind, "place.closed");
    assert_eq!(event.stamp.event, domain::id::EventId::of(asked.origin.command, 1));
    assert_eq!(event.stamp.recorded, asked.origin.at);
    assert_eq!(event.stamp.effective, at("2026-03-14T00:00:00Z"));
    assert_eq!((event.command, event.digest), (asked.origin.command, digest(1)));
    assert_eq!((&event.actor, event.organisation), (&asked.origin.actor, asked.origin.organisation));
    assert_eq!(event.trace, asked.origin.trace);
    assert_eq!(event.value().unwrap(), asked.drafts[1].body);
}

#[tokio::test]
async fn a_trace_that_is_none_is_not_repeated_in_a_header() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let mut asked = decision(5, &[(place(1), 0)]);
    asked.origin = domain::event::Origin { trace: Some("x\r\nNats-Batch-Id: y".to_owned()), ..origin(5) };
    journal.append(asked).await.unwrap();
    assert_eq!(journal.load(&place(1)).await.unwrap()[0].trace, None);
}

#[tokio::test]
async fn the_structured_form_is_a_cloud_event() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    journal.append(decision(5, &[(place(1), 0)])).await.unwrap();
    let event = journal.load(&place(1)).await.unwrap().remove(0).structured();

    let schema: Value = serde_json::from_str(include_str!("data/cloudevents.json")).unwrap();
    for name in schema["required"].as_array().unwrap() {
        assert!(event.get(name.as_str().unwrap()).is_some(), "{name} is missing");
    }
    for (name, value) in event.as_object().unwrap() {
        let lowercase = name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        assert!(lowercase && name.len() <= 20, "{name} is no name of an attribute");
        match schema["properties"].get(name) {
            Some(property) => fits(name, value, &definition(&schema, property)),
            None => assert!(value.is_string(), "{name} is an extension"),
        }
    }
    assert_eq!(event["sequence"], "1");
    assert_eq!(event["data"]["from"], "2026-03-14");
}

fn definition(schema: &Value, property: &Value) -> Value {
    let path = property["$ref"].as_str().unwrap().trim_start_matches('#');
    schema.pointer(path).unwrap().clone()
}

/// Checks the keywords that the schema of CloudEvents uses.
fn fits(name: &str, value: &Value, rule: &Value) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed =
        rule["type"] == kind || rule["type"].as_array().is_some_and(|all| all.iter().any(|k| k == kind));
    assert!(allowed, "{name} may not be a {kind}");
    let text = value.as_str().unwrap_or_default();
    if let Some(least) = rule["minLength"].as_u64() {
        assert!(text.len() as u64 >= least, "{name} is too short");
    }
    let known = ["type", "minLength", "format"];
    let unknown = rule.as_object().unwrap().keys().find(|keyword| !known.contains(&keyword.as_str()));
    assert_eq!(unknown, None, "{name} has a rule this test does not check");
    let plain = |c: char| c.is_ascii_graphic() && !"<>\"{}|\\^`".contains(c);
    match rule["format"].as_str() {
        None => {}
        Some("date-time") => assert!(text.parse::<Timestamp>().is_ok(), "{name}: {text}"),
        Some("uri-reference") => assert!(text.chars().all(plain), "{name}: {text}"),
        Some("uri") => {
            let (scheme, rest) = text.split_once(':').unwrap();
            assert!(scheme.chars().all(|c| c.is_ascii_alphanumeric()), "{name}: {text}");
            assert!(!rest.is_empty() && rest.chars().all(plain), "{name}: {text}");
        }
        Some(other) => panic!("{name}: the format {other} is not checked by this test"),
    }
}
