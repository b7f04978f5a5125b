//! What developers build on: the shapes of events and the description of messages are served to anybody, are what is committed,
//! and are true of what is told.

use std::collections::{BTreeMap, BTreeSet};

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Answer, Caller, KINDS, Shape, World, root};

use crate::contract::check_committed;

async fn read(caller: &Caller, path: &str) -> Answer {
    caller.asking(path).anonymously().send().await
}

/// Every document that is listed, by the name that events call it.
async fn served(caller: &Caller) -> BTreeMap<String, Value> {
    let list = read(caller, "/api/v1/schemas").await.ok();
    let mut served = BTreeMap::new();
    for one in list["schemas"].as_array().unwrap() {
        let document = read(caller, one["href"].as_str().unwrap()).await.ok();
        assert_eq!(document["$id"], one["dataschema"]);
        served.insert(one["dataschema"].as_str().unwrap().to_owned(), document);
    }
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shape_of_every_event_is_served_to_anybody_as_it_is_committed_and_may_be_kept() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let served = served(&caller).await;
    let mut committed = BTreeMap::new();
    for file in std::fs::read_dir(root().join("crates/domain/schemas")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            committed.insert(document["$id"].as_str().unwrap().to_owned(), document);
        }
    }
    assert_eq!(served, committed);

    let path = "/api/v1/schemas/referral.proposed/1";
    let one = read(&caller, path).await;
    assert_eq!(one.headers["content-type"], "application/schema+json");
    assert_eq!(one.headers["cache-control"], "public, max-age=3600");
    let tag = one.headers["etag"].to_str().unwrap();
    let again = caller.asking(path).anonymously().header("if-none-match", tag).send().await;
    assert_eq!((again.status, again.body), (304, Value::Null));
    let other = caller.asking(path).anonymously().header("if-none-match", "\"other\"").send().await;
    assert_eq!(other.body, one.body);
    for (path, status) in [
        ("/api/v1/schemas/referral.proposed/2", 404),
        ("/api/v1/schemas/Zephyrin-Canari/1", 404),
        ("/api/v1/schemas/referral.proposed/Zephyrin-Canari", 400),
    ] {
        let unknown = read(&caller, path).await;
        assert_eq!(unknown.status, status, "{path}");
        assert!(!unknown.body.to_string().contains("Zephyrin"), "{}", unknown.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_of_messages_is_the_committed_one_and_of_the_form_that_its_standard_says() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let document = read(&caller, "/api/asyncapi.json").await.ok();
    check_committed("asyncapi.json", &(serde_json::to_string_pretty(&document).unwrap() + "\n"));

    let standard = std::fs::read(root().join("tests/it/data/asyncapi-3.0.0.json")).unwrap();
    let standard = jsonschema::validator_for(&serde_json::from_slice(&standard).unwrap()).unwrap();
    let wrong: Vec<String> =
        standard.iter_errors(&document).map(|why| format!("{}: {why:.300}", why.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut spoilt = document.clone();
    spoilt["channels"]["events"]["address"] = json!(7);
    assert!(!standard.is_valid(&spoilt), "the standard is looked at");

    let openapi = world.document(&world.base("feed")).await;
    let mut named = BTreeSet::new();
    references(&document, &mut named);
    assert!(named.len() > 200, "{} references", named.len());
    for reference in named {
        if let Some(pointer) = reference.strip_prefix('#') {
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        } else if let Some(pointer) = reference.strip_prefix("/api/openapi.json#") {
            assert!(openapi.pointer(pointer).is_some(), "{reference} leads nowhere");
        } else {
            let shape = read(&caller, &reference).await;
            assert_eq!(shape.status, 200, "{reference}");
        }
    }
}

fn references(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            named.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, named));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whatever anybody who takes part is told, of events and of what is available, fits the documents that it names, and the
/// envelope that the description of messages promises.
pub(super) async fn all_that_is_told_fits(caller: &Caller) {
    let served = served(caller).await;
    let messages = read(caller, "/api/asyncapi.json").await.ok();
    let envelope = jsonschema::validator_for(&messages["components"]["schemas"]["CloudEvent"]).unwrap();
    let mut told = BTreeSet::new();
    for (kind, _) in KINDS {
        for path in ["/api/v1/events", "/api/v1/placements/events"] {
            for event in told_to(caller, kind, path).await {
                let named = event["dataschema"].as_str().unwrap();
                let document = served.get(named).unwrap_or_else(|| panic!("{named} is served"));
                let shape = jsonschema::options().should_validate_formats(true).build(document).unwrap();
                let wrong: Vec<String> =
                    shape.iter_errors(&event["data"]).map(|why| why.to_string()).collect();
                assert!(wrong.is_empty(), "to {kind:?}: {wrong:#?} in {event}");
                assert!(envelope.is_valid(&event), "{event}");
                told.insert((format!("{kind:?}"), named.to_owned()));
            }
        }
    }
    let by = |kind: Kind| told.iter().filter(|(to, _)| *to == format!("{kind:?}")).count();
    let counts = [Kind::SiaoOperator, Kind::Provider, Kind::SocialLandlord].map(by);
    assert!(
        counts.iter().all(|count| *count > 10),
        "types told to a SIAO, a provider, a landlord: {counts:?}"
    );
    assert!(told.iter().any(|(_, named)| named.starts_with("urn:continuum:placement:")));
}

/// Everything that an organisation of this kind is told at `path`; nothing if it may not ask.
async fn told_to(caller: &Caller, kind: Kind, path: &str) -> Vec<Value> {
    let (mut told, mut cursor) = (Vec::new(), 0);
    loop {
        let asking = caller.asking(path).as_the(kind).as_it_is();
        let page = asking.with("after", cursor).with("limit", 200).send().await;
        if page.status == 403 {
            return told;
        }
        let page = page.ok();
        told.extend(page["events"].as_array().unwrap().iter().cloned());
        let next = page["cursor"].as_u64().unwrap();
        if next == cursor {
            return told;
        }
        cursor = next;
    }
}
