//! What was not taken is set aside, what was sent is sent again, what was taken is acknowledged, and all of it is proven.

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Caller, Shape, World, until};

use super::receiver::{Came, Manner, Receiver};
use super::{ALLOWED, attempts, does, health, is_a_chain, sent_to, shown};

/// Has so many places become available one after the other, each taken before the next.
async fn taken(caller: &Caller, receiver: &Receiver, count: usize) -> Vec<Came> {
    let before = receiver.taken(0).await.len();
    for n in 1..=count {
        caller.vacant("chrs", 1).await;
        receiver.taken(before + n).await;
    }
    receiver.taken(before + count).await.split_off(before)
}

fn ids(came: &[Came]) -> Vec<&str> {
    came.iter().map(|came| came.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_between_two_positions_is_shown_and_sent_again_before_what_is_new() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let id = sent_to(&caller, &receiver.url).await;
    let first = taken(&caller, &receiver, 4).await;
    let (after, upto) = (first[0].position(), first[2].position());
    let range = format!("events?after={after}&until={upto}");
    let preview = shown(&caller, &id, &range).await;
    let twice = shown(&caller, &id, &range).await;
    assert_eq!(
        preview["events"].to_string(),
        twice["events"].to_string(),
        "the same range is the same bytes"
    );
    let previewed: Vec<Value> = preview["events"].as_array().unwrap().clone();
    does(&caller, &id, "replay", &json!({ "after": after, "until": upto })).await;
    let all = receiver.taken(6).await;
    assert_eq!(ids(&all[4..]), ids(&first[1..3]), "under the same ids");
    assert_eq!(all[4..].iter().map(Came::event).collect::<Vec<_>>(), previewed, "as they were shown");
    until("it is over", || async {
        let replay = health(&caller, &id).await["replay"].clone();
        replay["cursor"] == replay["until"]
    })
    .await;
    let next = taken(&caller, &receiver, 1).await;
    assert!(next[0].position() > first[3].position());
    // All of it, and one alone.
    does(&caller, &id, "replay", &json!({ "after": 0, "until": next[0].position() })).await;
    let all = receiver.taken(12).await;
    assert_eq!(ids(&all[7..12]), [ids(&first), ids(&next)].concat());
    does(&caller, &id, "replay", &json!({ "after": first[1].position() - 1, "until": first[1].position() }))
        .await;
    assert_eq!(receiver.taken(13).await[12].id, first[1].id);
    until("all is kept", || async { attempts(&caller, &id).await.len() == 13 }).await;
    assert!(is_a_chain(&attempts(&caller, &id).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_never_taken_is_set_aside_by_its_owner_and_may_be_asked_for_later() {
    let mut world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(410)).await;
    let id = sent_to(&caller, &receiver.url).await;
    let (stuck, next) = (caller.vacant("chrs", 1).await, caller.vacant("chrs", 2).await);
    until("it stops", || async { health(&caller, &id).await["state"] == "stopped" }).await;
    does(&caller, &id, "acknowledge", &json!({ "upto": 1 })).await;
    until("it is recorded", || async { attempts(&caller, &id).await.len() == 2 }).await;
    // What the owner said since does not make it run again, whoever comes back.
    world.kill_program().await;
    world.start_program().await;
    assert_eq!(health(&caller, &id).await["state"], "stopped");
    receiver.manner.send_replace(Manner::Answers(204));
    does(&caller, &id, "resume-delivery", &json!({ "restart": "past_it" })).await;
    let taken = receiver.taken(1).await.remove(0);
    assert_eq!(taken.event()["subject"], format!("place/{next}"));
    let aside = health(&caller, &id).await["set_aside"].clone();
    let position = aside[0].as_u64().unwrap();
    assert_eq!(aside.as_array().unwrap().len(), 1);
    does(&caller, &id, "replay", &json!({ "after": position - 1, "until": position })).await;
    let late = receiver.taken(2).await.remove(1);
    assert_eq!(late.event()["subject"], format!("place/{stuck}"));
    until("nothing is aside", || async { health(&caller, &id).await["set_aside"] == json!([]) }).await;
    let became: Vec<_> = attempts(&caller, &id).await.iter().map(|is| is["outcome"]["is"].clone()).collect();
    assert_eq!(became, ["gone", "acknowledged", "set_aside", "delivered", "delivered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_and_acknowledged_is_proven_without_the_instance() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let id = sent_to(&caller, &receiver.url).await;
    let came = taken(&caller, &receiver, 3).await;
    let upto = came[2].position();
    until("all is kept", || async { attempts(&caller, &id).await.len() == 3 }).await;
    let ahead =
        caller.command(&format!("/api/v1/subscriptions/{id}/acknowledge"), &json!({ "upto": u64::MAX }));
    let _ = ahead
        .as_the(Kind::SiaoOperator)
        .key(&uuid::Uuid::new_v4().to_string())
        .send()
        .await
        .refused(409, "position-ahead");
    does(&caller, &id, "acknowledge", &json!({ "upto": upto })).await;
    until("it is recorded", || async { attempts(&caller, &id).await.len() == 4 }).await;
    assert_eq!(health(&caller, &id).await["acknowledged"], json!(upto));

    let receipt = shown(&caller, &id, "receipt?limit=200").await;
    let key = receipt["key"].as_str().unwrap().to_owned();
    let file = world.dir().join("receipt.json");
    let verified = async |receipt: &Value, key: &str| {
        std::fs::write(&file, receipt.to_string()).unwrap();
        let output = world.run(&["receipt", "verify", file.to_str().unwrap(), "--seal-key", key]).await;
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), said)
    };
    let (proven, said) = verified(&receipt, &key).await;
    assert!(proven && said.contains("3 messages were delivered"), "{said}");
    assert!(said.contains(&format!("acknowledged up to {upto}")), "{said}");
    let forged = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut forged = receipt.clone();
        change(forged["records"].as_array_mut().unwrap());
        forged
    };
    let edited = |all: &mut Vec<Value>| {
        all[1] = json!(all[1].as_str().unwrap().replace("delivered", "gone"));
    };
    for wrong in [forged(&edited), forged(&|all| drop(all.remove(1))), forged(&|all| drop(all.pop()))] {
        let (proven, said) = verified(&wrong, &key).await;
        assert!(!proven, "{said}");
    }
    let stranger = verified(&receipt, &"5".repeat(64)).await;
    assert!(!stranger.0, "{}", stranger.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_place_announced_sees_to_whom_and_what_became_of_it_and_nobody_else_does() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(410)).await;
    let id = sent_to(&caller, &receiver.url).await;
    let place = caller.vacant("chrs", 2).await;
    let of = |kind| {
        caller.asking("/api/v1/placements/recipients").as_the(kind).with("ledger", format!("place/{place}"))
    };
    let state = async |kind| {
        let answer = of(kind).send().await.ok();
        let all = answer["recipients"].as_array().unwrap().clone();
        assert_eq!(all.len(), 1, "{answer}");
        assert_eq!(
            (&all[0]["subscription"], &all[0]["organisation"]),
            (&json!(id), &json!(caller.organisation()))
        );
        (all[0]["state"].as_str().unwrap().to_owned(), all[0]["why"].clone())
    };
    until("it fails", || async { state(Kind::Provider).await.0 == "failed" }).await;
    assert_eq!(state(Kind::SiaoOperator).await, ("failed".to_owned(), json!("gone")));
    receiver.manner.send_replace(Manner::Answers(204));
    does(&caller, &id, "resume-delivery", &json!({})).await;
    until("it is delivered", || async { state(Kind::Provider).await.0 == "delivered" }).await;
    let position = receiver.taken(1).await[0].position();
    does(&caller, &id, "acknowledge", &json!({ "upto": position })).await;
    until("it is acknowledged", || async { state(Kind::Provider).await.0 == "acknowledged" }).await;
    let _ = of(Kind::SocialLandlord).send().await.refused(404, "unknown-id");
    let stranger = world.stranger();
    let asked = stranger.asking("/api/v1/placements/recipients").as_the(Kind::Provider);
    let _ = asked.with("ledger", format!("place/{place}")).send().await.refused(404, "unknown-id");
}
