//! The SIAO asks who could take a household without naming it, and hears the answers as they come.

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Caller, Live, Receipt, Shape, World, bodies, until};

/// A couple and two children, with a wheelchair, answered within so many seconds.
fn question(seconds: i64) -> Value {
    let in_time =
        service::Edge::system().now().checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
    let sought = json!({
        "adults": 2, "children": 2, "couple": true, "wheelchair": true,
        "communes": [bodies::COMMUNE], "by": bodies::today().tomorrow().unwrap()
    });
    json!({ "territory": "33", "sought": sought, "until": in_time })
}

async fn asked(caller: &Caller, seconds: i64) -> Receipt {
    caller.act_as(Kind::SiaoOperator, "/api/v1/inquiries", &question(seconds)).await
}

async fn read(caller: &Caller, kind: Kind, id: &str) -> Value {
    caller.asking(&format!("/api/v1/inquiries/{id}")).as_the(kind).send().await.ok()
}

async fn listed(caller: &Caller, kind: Kind, open: bool) -> Vec<Value> {
    let page = caller.asking("/api/v1/inquiries").as_the(kind).with("open", open).send().await.ok();
    page["inquiries"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_take_a_household_is_asked_without_a_name_and_answered_live() {
    let world = World::start(Shape::Five).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let place = caller.vacant("chrs", 4).await;
    let id = asked(&caller, 3_600).await.id;
    let follow = caller.asking("/api/v1/events/stream?after=0&filter=type:inquiry.*");
    let mut live = Live::open(follow.clone().as_the(Kind::SiaoOperator)).await;
    let mut asked_of = Live::open(follow.as_the(Kind::SocialLandlord)).await;
    assert_eq!(live.next().await.name, "inquiry.opened");
    assert_eq!(asked_of.next().await.name, "inquiry.opened");

    let answer = format!("/api/v1/inquiries/{id}/answer");
    let from = bodies::today();
    let yes = json!({ "answer": { "answer": "available", "places": 2, "from": from, "place": place } });
    caller.act_as(Kind::Provider, &answer, &yes).await;
    let heard = live.next().await;
    assert_eq!((heard.name.as_str(), &heard.data["data"]["place"]), ("inquiry.answered", &json!(place)));
    let no = json!({ "answer": { "answer": "unavailable" } });
    caller.act_as(Kind::SocialLandlord, &answer, &no).await;
    assert_eq!(live.next().await.data["data"]["answer"], "unavailable");
    // Who is asked hears what they answered themselves, and of nobody else.
    assert_eq!(asked_of.next().await.data["data"]["answer"], "unavailable");
    let whole = read(&caller, Kind::SiaoOperator, &id).await;
    assert_eq!((&whole["own"], &whole["places"]), (&json!(true), &json!(2)));
    assert_eq!(whole["answers"].as_array().unwrap().len(), 2);
    for (kind, given) in [(Kind::Provider, "available"), (Kind::SocialLandlord, "unavailable")] {
        let own = read(&caller, kind, &id).await;
        assert_eq!(own["answers"].as_array().unwrap().len(), 1, "{own}");
        assert_eq!(own["answers"][0]["answer"]["answer"], given);
        assert!(own.get("places").is_none() && own["own"] == false, "{own}");
        assert_eq!(listed(&caller, kind, true).await.len(), 1);
    }

    // The one who asked goes on with a name, where the rights allow it: the place that was answered is proposed.
    let waiting = caller.waiting(&bodies::household("Lambert"), &["chrs"]).await;
    let _ = caller.propose(&waiting, &place).await.new_one("referral");
    caller
        .act_as(Kind::SiaoOperator, &format!("/api/v1/inquiries/{id}/close"), &json!({ "outcome": "met" }))
        .await;
    assert_eq!(asked_of.next().await.name, "inquiry.closed");
    let late = caller.command(&answer, &no).as_the(Kind::Provider).key("late").send().await;
    let _ = late.refused(409, "inquiry-over");
    assert!(listed(&caller, Kind::Provider, true).await.is_empty());
    assert_eq!(listed(&caller, Kind::Provider, false).await.len(), 1);

    // Another SIAO, which did not ask, and a referrer have nothing to do with it.
    stranger.told(caller.seen());
    let path = format!("/api/v1/inquiries/{id}");
    let _ = stranger.asking(&path).as_the(Kind::SiaoOperator).send().await.refused(404, "unknown-id");
    let close =
        stranger.command(&format!("{path}/close"), &json!({ "outcome": "met" })).as_the(Kind::SiaoOperator);
    let _ = close.key("theirs").send().await.refused(404, "unknown-id");
    let _ = caller.asking(&path).as_the(Kind::Referrer).send().await.refused(403, "not-allowed");
    let by_provider = caller.command("/api/v1/inquiries", &question(60)).as_the(Kind::Provider).key("asks");
    let _ = by_provider.send().await.refused(403, "not-allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_closes_ends_by_itself() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let receipt = asked(&caller, 2).await;
    until("the question ends", async || {
        read(&caller, Kind::SiaoOperator, &receipt.id).await["situation"]["is"] == "expired"
    })
    .await;
    let told = caller.events(0, "type:inquiry.*").await;
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["inquiry.opened", "inquiry.expired"]);
}
