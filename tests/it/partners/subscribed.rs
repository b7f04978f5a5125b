//! What a partner subscribed to is told over the broker, under a subject of its own, and is resumed by itself.

use serde_json::{Value, json};
use tests::{Caller, Shape, World, bodies};

use super::software::Software;
use super::{Kind, admitted};

/// A subscription of the landlord to dwellings for so many persons, told over the broker, where it is asked for.
async fn subscribed(software: &Software, persons_min: u8) -> String {
    let wants = json!({ "offers": ["dwelling"], "persons_min": persons_min });
    let body = json!({ "territory": "33", "label": "Nos logements", "wants": wants });
    let key = format!("for-{persons_min}");
    let (status, opened) = software.command("33.subscriptions.open", &key, None, &body).await;
    assert_eq!(status, 200, "{opened}");
    let id = opened["id"].as_str().unwrap().to_owned();
    let way = json!({ "way": { "broker": {} }, "role": "landlord_officer" });
    let key = format!("brought-to-{persons_min}");
    let (status, set) = software.command("33.subscriptions.deliver", &key, Some(&id), &way).await;
    assert_eq!(status, 200, "{set}");
    id
}

async fn over_http(caller: &Caller, id: &str) -> Vec<Value> {
    let asked = caller.asking(&format!("/api/v1/subscriptions/{id}/events")).as_the(Kind::SocialLandlord);
    let page = asked.with("after", 0).with("limit", 200).with("at_least", caller.seen()).send().await.ok();
    page["events"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_has_a_subject_in_the_partners_account_and_nothing_is_lost_there_or_told_twice() {
    let mut world = World::start(Shape::One).await;
    let caller = world.caller();
    let mut told = admitted(&world, &caller).await;
    let (matching, other) = {
        let software = Software::connect(&told).await.unwrap();
        (subscribed(&software, 2).await, subscribed(&software, 20).await)
    };
    for _ in 0..2 {
        caller.vacant("social_dwelling", 4).await;
    }
    let read = {
        let software = Software::connect(&told).await.unwrap();
        let first = software.read_for(&matching, 0, 1).await.remove(0);
        assert_eq!(first.2, over_http(&caller, &matching).await[0]);
        first.0
    };
    // Neither the partner's software nor the house is there for a while.
    world.kill_program().await;
    world.start_program().await;
    told.url = journal::broker::running_at(&world.broker_dir()).unwrap();
    caller.vacant("social_dwelling", 3).await;
    let software = Software::connect(&told).await.unwrap();
    let rest = software.read_for(&matching, read, 2).await;
    let expected = over_http(&caller, &matching).await;
    assert_eq!(expected.len(), 3);
    assert_eq!(
        rest.iter().map(|(.., event)| event.clone()).collect::<Vec<_>>(),
        expected[1..],
        "in order, once"
    );
    assert!(
        rest.iter().all(|(_, id, _)| id.ends_with(&format!("/{matching}"))),
        "each is named for its subscription"
    );

    let end = format!("/api/v1/subscriptions/{matching}/end-delivery");
    caller.act_as(Kind::SocialLandlord, &end, &json!({})).await;
    caller.vacant("social_dwelling", 4).await;
    let after = software.read_up_to(caller.seen()).await;
    assert!(!after.is_empty(), "its events come as before");
    let of_placements = |event: &&Value| event["source"].as_str().unwrap().ends_with("/placements");
    assert_eq!(
        after.iter().filter(of_placements).count(),
        0,
        "nothing is told for {matching} any more, or {other}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_capacity_is_answered_over_the_broker() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let told = admitted(&world, &caller).await;
    let software = Software::connect(&told).await.unwrap();
    let until = service::Edge::system().now() + jiff::SignedDuration::from_hours(1);
    let sought = json!({ "adults": 2, "children": 0, "couple": true, "wheelchair": false, "communes": [], "by": bodies::today() });
    let question = json!({ "territory": "33", "sought": sought, "until": until });
    let id = caller.act_as(Kind::SiaoOperator, "/api/v1/inquiries", &question).await.id;
    let no = json!({ "answer": { "answer": "unavailable" } });
    let (status, answered) = software.command("33.inquiries.answer", "no", Some(&id), &no).await;
    assert_eq!((status, &answered["events"][0]["type"]), (200, &json!("inquiry.answered")), "{answered}");
    let read = caller.asking(&format!("/api/v1/inquiries/{id}")).as_the(Kind::SiaoOperator).send().await.ok();
    assert_eq!(read["answers"].as_array().unwrap().len(), 1, "{read}");
    let (status, refused) = software.command("33.inquiries.close", "end", Some(&id), &json!({})).await;
    assert_eq!(status, 403, "who is asked ends nothing: {refused}");
}
