//! What is available is told at once to whoever looks for it and may be told, and to nobody else.

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Caller, Live, Shape, World, bodies};

/// What somebody lists under these conditions: the ids.
async fn listed(caller: &Caller, kind: Kind, conditions: &[(&str, &str)]) -> Vec<String> {
    let asking = caller.asking("/api/v1/placements").as_the(kind).with("limit", 200);
    let asking = conditions.iter().fold(asking, |asking, (name, value)| asking.with(name, value));
    let page = asking.send().await.ok();
    let all = page["placements"].as_array().unwrap();
    all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// What became of what somebody looks for, from the beginning, as text: the same bytes whenever it is asked.
async fn told(caller: &Caller, kind: Kind, conditions: &[(&str, &str)]) -> Vec<Value> {
    let (mut told, mut cursor) = (Vec::new(), 0);
    loop {
        let asking = caller.asking("/api/v1/placements/events").as_the(kind);
        let asking = conditions.iter().fold(asking, |asking, (name, value)| asking.with(name, value));
        let page = asking.with("after", cursor).with("limit", 2).send().await.ok();
        told.extend(page["events"].as_array().unwrap().iter().cloned());
        let next = page["cursor"].as_u64().unwrap();
        if next == cursor {
            return told;
        }
        cursor = next;
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// A household that lives in a social residence and was found ready for a home of its own, with the id of its person.
async fn ready(caller: &Caller) -> (String, String) {
    let waiting = caller.waiting(&bodies::household("Zephyrin-Canari"), &["social_residence"]).await;
    let place = caller.vacant("social_residence", 2).await;
    let ledger = format!("households/{}", waiting.household);
    let referral = caller.propose(&waiting, &place).await.new_one("referral");
    caller.act(&ledger, "accept-referral", &json!({ "referral": referral })).await;
    let stay = caller.act(&ledger, "start-stay", &json!({ "referral": referral })).await.new_one("stay");
    caller.act(&ledger, "review-stay", &json!({ "stay": stay, "housing_ready": true })).await;
    let file = caller.file(&waiting.household).await;
    let person = file["file"]["composition"]["members"].as_object().unwrap().keys().next().unwrap().clone();
    (waiting.household, person)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_told_of_when_it_is_free_and_when_it_is_not_to_those_who_look_for_it() {
    let world = World::start(Shape::Five).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let follow = |conditions: &str| caller.asking(&format!("/api/v1/placements/stream?after=0{conditions}"));
    let mut all = Live::open(follow("").as_the(Kind::SiaoOperator)).await;
    let mut dwellings = Live::open(follow("&offer=dwelling").as_the(Kind::SiaoOperator)).await;

    let place = caller.vacant("chrs", 2).await;
    let waiting = caller.waiting(&bodies::household("Lambert"), &["chrs"]).await;
    let ledger = format!("households/{}", waiting.household);
    let subject = format!("place/{place}");
    let here = [("kind", "chrs"), ("territory", "33"), ("persons_min", "2")];
    assert_eq!(listed(&caller, Kind::SiaoOperator, &here).await, std::slice::from_ref(&subject));
    assert_eq!(listed(&caller, Kind::Provider, &[]).await, std::slice::from_ref(&subject), "its own");
    for (who, kind, conditions) in [
        (&caller, Kind::SiaoOperator, &[("persons_min", "3")][..]),
        (&caller, Kind::SiaoOperator, &[("offer", "dwelling,household")]),
        (&caller, Kind::SiaoOperator, &[("wheelchair", "true")]),
        (&caller, Kind::SocialLandlord, &[]),
        (&stranger, Kind::Provider, &[]),
    ] {
        who.told(caller.seen());
        assert_eq!(listed(who, kind, conditions).await, [""; 0], "{kind:?} {conditions:?}");
        let found = told(who, kind, conditions).await;
        assert!(found.is_empty(), "{kind:?} {conditions:?}: {found:?}");
    }

    let referral = caller.propose(&waiting, &place).await.new_one("referral");
    assert_eq!(listed(&caller, Kind::SiaoOperator, &here).await, [""; 0], "a referral holds it");
    let decline = json!({ "referral": referral, "reason": "other", "note": "complet" });
    caller.act(&ledger, "decline-referral", &decline).await;
    let dwelling = caller.vacant("social_dwelling", 4).await;

    let mut live = Vec::new();
    for _ in 0..4 {
        live.push(all.next().await.data);
    }
    let turns = ["placement.available", "placement.gone", "placement.available", "placement.available"];
    assert_eq!(kinds(&live), turns);
    let because: Vec<_> = live.iter().map(|event| event["data"]["because"].as_str().unwrap()).collect();
    assert_eq!(because, ["vacancy.declared", "place.held", "place.released", "vacancy.declared"]);
    assert_eq!((&live[1]["subject"], &live[1]["data"]["placement"]), (&json!(subject), &Value::Null));
    let is = &live[2]["data"]["placement"];
    assert_eq!((&is["offer"], &is["persons"], &is["territory"]), (&json!("place"), &json!(2), &json!("33")));
    // What was not looked for was not told of before what was.
    assert_eq!(dwellings.next().await.data["subject"], format!("place/{dwelling}"));
    // The pages of the past are what was told live, the same whenever they are asked.
    let past = told(&caller, Kind::SiaoOperator, &[]).await;
    assert_eq!(past, live);
    assert_eq!(told(&caller, Kind::SiaoOperator, &[]).await, past);
    // A reader that comes back has the rest.
    let back = caller.asking("/api/v1/placements/stream").as_the(Kind::SiaoOperator);
    let sequence = live[1]["sequence"].as_str().unwrap();
    let mut rest = Live::open(back.header("last-event-id", sequence)).await;
    assert_eq!([rest.next().await.data, rest.next().await.data], live[2..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_that_is_ready_is_told_of_without_a_name_until_it_says_no() {
    let world = World::start(Shape::Five).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let (household, person) = ready(&caller).await;
    let reference = format!("household/{}", caller.reference(&household).await.unwrap());
    let looked_for = [("offer", "household"), ("persons_max", "2")];
    assert_eq!(listed(&caller, Kind::SocialLandlord, &looked_for).await, std::slice::from_ref(&reference));
    assert_eq!(listed(&caller, Kind::SiaoOperator, &looked_for).await, [format!("household/{household}")]);
    stranger.told(caller.seen());
    let other = listed(&stranger, Kind::SocialLandlord, &looked_for).await;
    assert!(other.len() == 1 && other[0] != reference, "another landlord, another reference: {other:?}");
    for (kind, conditions) in [
        (Kind::Provider, &looked_for[..]),
        (Kind::Referrer, &looked_for),
        (Kind::SocialLandlord, &[("offer", "household"), ("labelled", "true")]),
        (Kind::SocialLandlord, &[("offer", "household"), ("territory", "75")]),
    ] {
        assert_eq!(listed(&caller, kind, conditions).await, [""; 0], "{kind:?} {conditions:?}");
        assert!(told(&caller, kind, conditions).await.is_empty(), "{kind:?} {conditions:?}");
    }
    let events = told(&caller, Kind::SocialLandlord, &looked_for).await;
    assert_eq!(kinds(&events), ["placement.available"]);
    let text = json!(events).to_string();
    for word in ["Zephyrin", household.as_str(), person.as_str(), "1990"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    let is = &events[0]["data"]["placement"];
    assert!(is["fresh_until"].is_string() && is.get("commune").is_none(), "{is}");

    let object = json!({ "person": person, "purpose": "share_with_landlords", "channel": "oral" });
    caller.act(&format!("households/{household}"), "object", &object).await;
    stranger.told(caller.seen());
    for (who, kind, expected) in [
        (&caller, Kind::SocialLandlord, 0),
        (&stranger, Kind::SocialLandlord, 0),
        (&caller, Kind::SiaoOperator, 1),
    ] {
        assert_eq!(listed(who, kind, &looked_for).await.len(), expected, "{kind:?}");
        assert_eq!(told(who, kind, &looked_for).await.len(), expected, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_misspelt_or_lets_nothing_through_is_refused() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    for route in ["", "/events", "/stream", "/preview"] {
        let path = &format!("/api/v1/placements{route}");
        let asking = |name: &str, value: &str| caller.asking(path).with(name, value);
        let problem = asking("offer", "flat").send().await.refused(400, "malformed-query");
        assert_eq!(problem["parameter"], "offer");
        let _ = asking("ofer", "place").send().await.refused(400, "malformed-query");
        let _ = asking("persons_min", "3").with("persons_max", 2).send().await.refused(422, "filter-empty");
        let wrong = asking("expression", "loyer < 50000").send().await.refused(422, "filter-expression");
        assert!(wrong["detail"].as_str().unwrap().contains("« loyer »"), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_what_a_filter_would_have_told_and_no_more_than_its_reader_may_know() {
    let world = World::start(Shape::One).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let kept = caller.vacant("chrs", 2).await;
    let taken_back = caller.vacant("chrs", 3).await;
    let _ = caller.vacant("social_residence", 2).await;
    caller.act(&format!("places/{taken_back}"), "withdraw-vacancy", &json!({ "reason": "works" })).await;
    let preview = async |who: &Caller, kind: Kind, expression: &str| {
        who.told(caller.seen());
        let asking = who.asking("/api/v1/placements/preview").as_the(kind);
        asking.with("kind", "chrs").with("expression", expression).send().await.ok()
    };
    let seen = preview(&caller, Kind::SiaoOperator, "persons >= 2 && territory == '33'").await;
    assert_eq!(seen["told"], json!({ "available": 2, "changed": 0, "gone": 1 }));
    assert_eq!(seen["complete"], true);
    let days = seen["days"].as_array().unwrap();
    assert_eq!(days.iter().map(|day| day["available"].as_u64().unwrap()).sum::<u64>(), 2, "{days:?}");
    let shown: Vec<_> =
        seen["placements"].as_array().unwrap().iter().map(|one| (&one["id"], &one["open"])).collect();
    let ids = [json!(format!("place/{taken_back}")), json!(format!("place/{kept}"))];
    assert_eq!(shown, [(&ids[0], &json!(false)), (&ids[1], &json!(true))], "the latest first");
    // What it counts is what is told: nothing of it to who may not know that there is something.
    let narrow = preview(&caller, Kind::SiaoOperator, "persons > 2").await;
    assert_eq!(narrow["told"], json!({ "available": 1, "changed": 0, "gone": 1 }));
    assert_eq!(preview(&caller, Kind::Provider, "true").await["told"]["available"], 2, "its own");
    for (who, kind) in [(&caller, Kind::SocialLandlord), (&stranger, Kind::Provider)] {
        let nothing = preview(who, kind, "true").await;
        assert_eq!(nothing["told"], json!({ "available": 0, "changed": 0, "gone": 0 }), "{kind:?}");
        assert!(
            nothing["placements"].as_array().unwrap().is_empty()
                && nothing["days"].as_array().unwrap().is_empty()
        );
    }
    for days in ["0", "93"] {
        let asking = caller.asking("/api/v1/placements/preview").with("days", days);
        let problem = asking.send().await.refused(400, "malformed-query");
        assert_eq!(problem["parameter"], "days");
    }
}
