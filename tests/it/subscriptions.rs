//! An organisation subscribes to what is available, and is told of that and of nothing else, from where it stopped.

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Caller, Live, Receipt, Shape, World, bodies};

/// Opens a subscription of one of those who take part.
async fn opened(caller: &Caller, kind: Kind, wants: &Value) -> String {
    let body = json!({ "territory": "33", "label": "Ce que nous cherchons", "wants": wants });
    caller.act_as(kind, "/api/v1/subscriptions", &body).await.id
}

async fn does(caller: &Caller, id: &str, command: &str, body: &Value) -> Receipt {
    caller.act_as(Kind::SiaoOperator, &format!("/api/v1/subscriptions/{id}/{command}"), body).await
}

/// What the SIAO's subscription is told after a position, or since a moment: types and subjects.
async fn told(caller: &Caller, id: &str, from: &[(&str, String)]) -> Vec<(String, String)> {
    let asking = caller.asking(&format!("/api/v1/subscriptions/{id}/events")).as_the(Kind::SiaoOperator);
    let asking = from.iter().fold(asking, |asking, (name, value)| asking.with(name, value));
    let page = asking.with("limit", 200).send().await.ok();
    page["events"].as_array().unwrap().iter().map(said).collect()
}

fn said(event: &Value) -> (String, String) {
    (event["type"].as_str().unwrap().to_owned(), event["subject"].as_str().unwrap().to_owned())
}

fn turn(turn: &str, place: &str) -> (String, String) {
    (format!("placement.{turn}"), format!("place/{place}"))
}

async fn withdraw(caller: &Caller, place: &str) -> Receipt {
    caller.act(&format!("places/{place}"), "withdraw-vacancy", &json!({ "reason": "works" })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_loses_nothing_and_ends_with_what_was_missed_or_with_what_is_still_open() {
    let world = World::start(Shape::Five).await;
    let caller = world.caller();
    let id = opened(&caller, Kind::SiaoOperator, &json!({ "offers": ["place"], "kinds": ["chrs"] })).await;
    let stream = format!("/api/v1/subscriptions/{id}/stream?after=0");
    let mut live = Live::open(caller.asking(&stream).as_the(Kind::SiaoOperator)).await;
    let first = caller.vacant("chrs", 2).await;
    let _ = caller.vacant("social_residence", 1).await;
    let told_first = live.next().await;
    assert_eq!(said(&told_first.data), turn("available", &first));
    let list = caller.asking(&format!("/api/v1/subscriptions/{id}/placements")).as_the(Kind::SiaoOperator);
    let open = list.clone().send().await.ok();
    assert_eq!(open["placements"][0]["id"], format!("place/{first}"));
    assert_eq!(open["placements"].as_array().unwrap().len(), 1);

    let paused = does(&caller, &id, "pause", &json!({})).await;
    let second = caller.vacant("chrs", 1).await;
    let gone = withdraw(&caller, &second).await;
    let _ = list.clone().send().await.refused(409, "subscription-paused");
    let events = format!("/api/v1/subscriptions/{id}/events");
    let _ =
        caller.asking(&events).as_the(Kind::SiaoOperator).send().await.refused(409, "subscription-paused");
    does(&caller, &id, "resume", &json!({ "with": "catch_up" })).await;
    // The stream was open all the time: it waited, and goes on with what it missed, in order, once.
    let missed = [live.next().await, live.next().await];
    let expected = [turn("available", &second), turn("gone", &second)];
    assert_eq!(missed.each_ref().map(|told| said(&told.data)), expected);
    assert_eq!(missed[1].position(), gone.position);

    let again = does(&caller, &id, "pause", &json!({})).await;
    withdraw(&caller, &first).await;
    let third = caller.vacant("chrs", 3).await;
    let fourth = caller.vacant("chrs", 4).await;
    withdraw(&caller, &fourth).await;
    let resumed = does(&caller, &id, "resume", &json!({ "with": "only_what_is_open" })).await;
    assert!(paused.position < again.position && again.position < resumed.position);
    // Of each placement the last that became of it: what is open, and that what was told of is gone.
    let rest = [live.next().await, live.next().await, live.next().await];
    let expected = [turn("gone", &first), turn("available", &third), turn("gone", &fourth)];
    assert_eq!(rest.each_ref().map(|told| said(&told.data)), expected);
    let after = vec![("after", told_first.id.clone())];
    let compacted = told(&caller, &id, &after).await;
    let expected =
        [turn("gone", &second), turn("gone", &first), turn("available", &third), turn("gone", &fourth)];
    assert_eq!(compacted, expected);
    assert_eq!(told(&caller, &id, &after).await, compacted, "the same range is the same");
    let open = list.send().await.ok();
    assert_eq!(open["placements"][0]["id"], format!("place/{third}"));
    // What comes after the pause is told as it comes.
    withdraw(&caller, &third).await;
    assert_eq!(said(&live.next().await.data), turn("gone", &third));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_told_from_a_day_on_and_by_the_filter_of_the_moment() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let id = opened(&caller, Kind::SiaoOperator, &json!({ "persons_min": 3 })).await;
    let small = caller.vacant("chrs", 1).await;
    let large = caller.vacant("chrs", 4).await;
    assert_eq!(told(&caller, &id, &[]).await, [turn("available", &large)]);
    let wider = json!({ "label": "Tout", "wants": { "offers": ["place"] } });
    does(&caller, &id, "change", &wider).await;
    let all = [turn("available", &small), turn("available", &large)];
    assert_eq!(told(&caller, &id, &[]).await, all);
    let yesterday = format!("{}T00:00:00Z", bodies::today().yesterday().unwrap());
    let later = format!("{}T00:00:00Z", bodies::today().tomorrow().unwrap().tomorrow().unwrap());
    assert_eq!(told(&caller, &id, &[("since", yesterday)]).await, all);
    assert!(told(&caller, &id, &[("since", later.clone())]).await.is_empty());
    let both = [("after", "0".to_owned()), ("since", later)];
    let asking = caller.asking(&format!("/api/v1/subscriptions/{id}/events")).as_the(Kind::SiaoOperator);
    let asking = both.iter().fold(asking, |asking, (name, value)| asking.with(name, value));
    let _ = asking.send().await.refused(400, "malformed-query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_exists_for_its_owner_alone_and_grants_nothing_that_its_owner_may_not_know() {
    let world = World::start(Shape::One).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let id = opened(&caller, Kind::SiaoOperator, &json!({})).await;
    let landlords = opened(&caller, Kind::SocialLandlord, &json!({ "offers": ["place", "dwelling"] })).await;
    let place = caller.vacant("chrs", 2).await;
    let _ = place;
    for (who, kind) in [(&caller, Kind::Provider), (&stranger, Kind::SiaoOperator)] {
        who.told(caller.seen());
        for path in ["", "/placements", "/events", "/stream"] {
            let asking = who.asking(&format!("/api/v1/subscriptions/{id}{path}")).as_the(kind);
            let _ = asking.send().await.refused(404, "unknown-id");
        }
        let close = who.command(&format!("/api/v1/subscriptions/{id}/close"), &json!({})).as_the(kind);
        let _ = close.send().await.refused(404, "unknown-id");
    }
    // A landlord may subscribe to places; those of others are not its to know.
    let events =
        caller.asking(&format!("/api/v1/subscriptions/{landlords}/events")).as_the(Kind::SocialLandlord);
    assert_eq!(events.send().await.ok()["events"], json!([]));
    let own = caller.asking("/api/v1/subscriptions").as_the(Kind::SiaoOperator);
    let listed = own.clone().send().await.ok();
    assert_eq!((&listed["subscriptions"][0]["id"], &listed["subscriptions"][1]), (&json!(id), &Value::Null));
    // A stream that is open ends with its subscription.
    let stream = format!("/api/v1/subscriptions/{id}/stream");
    let mut live = Live::open(caller.asking(&stream).as_the(Kind::SiaoOperator)).await;
    does(&caller, &id, "close", &json!({})).await;
    while live.try_next().await.is_some() {}
    assert_eq!(own.send().await.ok()["subscriptions"], json!([]));
    let one = caller.asking(&format!("/api/v1/subscriptions/{id}")).as_the(Kind::SiaoOperator);
    let _ = one.send().await.refused(404, "unknown-id");
    let bad = json!({ "territory": "33", "label": "x", "wants": { "persons_min": 3, "persons_max": 1 } });
    let refused = caller.command("/api/v1/subscriptions", &bad).as_the(Kind::SiaoOperator).send().await;
    let _ = refused.refused(422, "filter-empty");
    let misspelt = json!({ "territory": "33", "label": "x", "wants": { "offer": ["place"] } });
    let refused = caller.command("/api/v1/subscriptions", &misspelt).as_the(Kind::SiaoOperator).send().await;
    let _ = refused.refused(400, "malformed-body");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_each_placement_the_last_turn_alone_is_told_to_whoever_asks_so() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let id = opened(&caller, Kind::SiaoOperator, &json!({ "offers": ["place"] })).await;
    let (first, second) = (caller.vacant("chrs", 2).await, caller.vacant("chrs", 3).await);
    withdraw(&caller, &first).await;
    let at_least = ("at_least", caller.seen().to_string());
    let all = told(&caller, &id, std::slice::from_ref(&at_least)).await;
    assert_eq!(all, [turn("available", &first), turn("available", &second), turn("gone", &first)]);
    let last = told(&caller, &id, &[at_least, ("compacted", "true".to_owned())]).await;
    assert_eq!(last, [turn("available", &second), turn("gone", &first)]);
}
