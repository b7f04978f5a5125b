//! To a server of the owner's, signed after Standard Webhooks.

use std::time::Duration;

use domain::organisation::OrganisationKind as Kind;
use serde_json::json;
use tests::{Shape, World, until};

use super::receiver::{Manner, Receiver};
use super::{ALLOWED, attempts, deliver, does, health, is_a_chain, sent_to, shown};

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_available_is_sent_signed_and_what_became_of_it_is_kept() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let earlier = caller.vacant("chrs", 1).await;
    let id = sent_to(&caller, &receiver.url).await;
    let secret = shown(&caller, &id, "secret").await;
    let place = caller.vacant("chrs", 2).await;
    let came = receiver.taken(1).await.remove(0);
    let event = came.event();
    assert_eq!(event["subject"], format!("place/{place}"), "not {earlier}, which was there before");
    assert_eq!(event["id"], came.id);
    assert!(came.is_signed_with(secret["secret"].as_str().unwrap()));
    let told = shown(&caller, &id, &format!("events?after={}", came.position() - 1)).await;
    assert_eq!(told["events"][0], event, "what is sent is what is answered");

    until("the delivery is kept", || async { attempts(&caller, &id).await.len() == 1 }).await;
    let kept = attempts(&caller, &id).await;
    assert_eq!(kept[0]["outcome"], json!({ "is": "delivered" }));
    assert_eq!((&kept[0]["item"], &kept[0]["attempt"]), (&json!(came.id), &json!(1)));
    assert_eq!(kept[0]["position"], came.position());
    let health = health(&caller, &id).await;
    assert_eq!((&health["state"], &health["waiting"]), (&json!("running"), &json!(0)));

    // Both secrets sign for a day, so that the owner may turn when it likes.
    does(&caller, &id, "rotate-secret", &json!({})).await;
    let turning = shown(&caller, &id, "secret").await;
    assert_eq!(turning["old"]["secret"], secret["secret"]);
    assert_ne!(turning["secret"], secret["secret"]);
    let many = |receiver: &Receiver| receiver.came.borrow().len();
    until("both sign", || async {
        let before = many(&receiver);
        caller.vacant("chrs", 1).await;
        until("it is sent", || async { many(&receiver) > before }).await;
        receiver.came.borrow().last().is_some_and(|came| came.signature.contains(' '))
    })
    .await;
    let last = receiver.came.borrow().last().unwrap().clone();
    for secret in [&turning["secret"], &turning["old"]["secret"]] {
        assert!(last.is_signed_with(secret.as_str().unwrap()));
    }
    let logged = world.logged();
    for hidden in ["a-path-that-nobody-guesses", secret["secret"].as_str().unwrap(), "whsec_"] {
        assert!(!logged.contains(hidden), "the log names {hidden}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_behaves_badly_delays_nobody_and_gets_everything_in_order_when_it_recovers() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let well = Receiver::start(Manner::Answers(204)).await;
    sent_to(&caller, &well.url).await;
    let manners = [Manner::Silent, Manner::Answers(500), Manner::Redirects, Manner::Trickles];
    let mut bad = Vec::new();
    for manner in manners {
        let receiver = Receiver::start(manner).await;
        let id = sent_to(&caller, &receiver.url).await;
        bad.push((id, receiver));
    }
    let mut slowest = Duration::ZERO;
    for n in 1..=3 {
        let begun = std::time::Instant::now();
        caller.vacant("chrs", 1).await;
        let told = well.taken(n).await;
        slowest = slowest.max(told[n - 1].at.saturating_duration_since(begun));
    }
    println!("beside four bad receivers, a good one is told within {slowest:?} of the command's beginning");
    assert!(
        slowest < Duration::from_secs(10),
        "the others' timeouts of 15 s are not waited for: {slowest:?}"
    );
    for (id, receiver) in &bad {
        until("it is tried", || async { !receiver.came.borrow().is_empty() }).await;
        receiver.manner.send_replace(Manner::Answers(200));
        let waiting = health(&caller, id).await["waiting"].as_u64().unwrap();
        assert!(waiting <= 3);
    }
    let expected: Vec<_> = well.taken(3).await.iter().map(|came| came.id.clone()).collect();
    for (id, receiver) in &bad {
        let taken: Vec<_> = receiver.taken(3).await.iter().map(|came| came.id.clone()).collect();
        assert_eq!(taken, expected, "everything, in order, once");
        until("all is kept", || async { health(&caller, id).await["waiting"] == json!(0) }).await;
        let kept = attempts(&caller, id).await;
        assert!(is_a_chain(&kept), "{kept:?}");
        assert_eq!(kept[0]["outcome"]["is"], "again", "{kept:?}");
        let delivered = kept.iter().filter(|is| is["outcome"]["is"] == "delivered").count();
        assert_eq!(delivered, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_killed_goes_on_where_it_was_with_exactly_what_was_missed() {
    let mut world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let id = sent_to(&caller, &receiver.url).await;
    caller.vacant("chrs", 1).await;
    receiver.taken(1).await;
    until("it is kept", || async { attempts(&caller, &id).await.len() == 1 }).await;
    receiver.manner.send_replace(Manner::Silent);
    let (second, third) = (caller.vacant("chrs", 2).await, caller.vacant("chrs", 3).await);
    until("the second is under way", || async { receiver.came.borrow().len() == 2 }).await;
    world.kill_program().await;
    receiver.manner.send_replace(Manner::Answers(204));
    world.start_program().await;
    let taken = receiver.taken(3).await;
    let subjects: Vec<_> = taken.iter().skip(1).map(|came| came.event()["subject"].clone()).collect();
    assert_eq!(subjects, [json!(format!("place/{second}")), json!(format!("place/{third}"))]);
    until("all is kept", || async { attempts(&caller, &id).await.len() == 3 }).await;
    assert!(is_a_chain(&attempts(&caller, &id).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_stopped_is_seen_to_have_stopped_until_its_owner_resumes_it() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(410)).await;
    let id = sent_to(&caller, &receiver.url).await;
    let place = caller.vacant("chrs", 1).await;
    let state = || async { health(&caller, &id).await["state"].clone() };
    until("it stops", || async { state().await == "stopped" }).await;
    assert_eq!(attempts(&caller, &id).await.last().unwrap()["outcome"]["is"], "gone");
    receiver.manner.send_replace(Manner::Answers(204));
    does(&caller, &id, "resume-delivery", &json!({})).await;
    let came = receiver.taken(1).await.remove(0);
    assert_eq!(came.event()["subject"], format!("place/{place}"), "it begins with what was not taken");
    until("it runs", || async { state().await == "running" }).await;
    // What must not be sent to is never connected to, and says so.
    deliver(&caller, &id, "http://10.0.0.1/").await;
    caller.vacant("chrs", 1).await;
    until("it is refused", || async { state().await == "stopped" }).await;
    let last = health(&caller, &id).await["last"].clone();
    assert_eq!(last["outcome"], json!({ "is": "not_sent", "why": "refused-target" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_sees_where_a_subscription_is_sent_nor_its_secret() {
    let world = World::start(Shape::One).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let id = sent_to(&caller, "https://sne.example/a-path-that-nobody-guesses").await;
    let file = caller.asking(&format!("/api/v1/subscriptions/{id}")).as_the(Kind::SiaoOperator);
    assert_eq!(file.send().await.ok()["delivery"]["url"], "https://sne.example/a-path-that-nobody-guesses");
    for what in ["", "/secret", "/deliveries", "/health"] {
        let path = format!("/api/v1/subscriptions/{id}{what}");
        let _ = stranger.asking(&path).as_the(Kind::SiaoOperator).send().await.refused(404, "unknown-id");
        let _ = caller.asking(&path).as_the(Kind::SocialLandlord).send().await.refused(404, "unknown-id");
    }
    // What leaves unasked tells no more than whoever has it sent may know.
    let body =
        json!({ "way": { "webhook": { "url": "https://sne.example/" } }, "role": "prefecture_officer" });
    let path = format!("/api/v1/subscriptions/{id}/deliver");
    let key = uuid::Uuid::new_v4().to_string();
    let other = caller.command(&path, &body).as_the(Kind::SiaoOperator).key(&key).send().await;
    let _ = other.refused(403, "not-allowed");
}
