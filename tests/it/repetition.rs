//! A command sent again is the same command; another one needs another key.

use futures_util::future::join_all;
use serde_json::json;
use tests::{Answer, Shape, World, bodies};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_sent_twice_is_recorded_once_and_answered_alike() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let household = bodies::household("Moreau");
    let first = caller.command("/api/v1/households", &household).key("dossier 1".replace(' ', "-").as_str());
    let (once, again) = (first.clone().send().await, first.clone().send().await);
    assert_eq!((once.status, again.status), (201, 201));
    assert_eq!(once.headers["etag"], again.headers["etag"]);
    let (once, again) = (once.recorded(), again.recorded());
    assert!(!once.repeated && again.repeated);
    assert_eq!((&once.id, once.position, &once.events), (&again.id, again.position, &again.events));

    let ledger = format!("/api/v1/households/{}/create-request", once.id);
    let request = caller.command(&ledger, &bodies::request(&["chrs"])).key("demande-1");
    let at_once = join_all((0..20).map(|_| tokio::spawn(request.clone().send()))).await;
    let receipts: Vec<_> = at_once.into_iter().map(|sent| sent.unwrap().recorded()).collect();
    assert_eq!(receipts.iter().filter(|receipt| !receipt.repeated).count(), 1, "{receipts:?}");
    assert!(receipts.iter().all(|receipt| receipt.events == receipts[0].events), "{receipts:?}");
    assert_eq!(caller.events(0, "").await.len(), 2, "one registration, one request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_one_command_of_one_organisation() {
    let world = World::start(Shape::One).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let first = caller.command("/api/v1/households", &bodies::household("Petit")).key("a");
    let recorded = first.send().await.recorded();

    let other_body = caller.command("/api/v1/households", &bodies::household("Roux")).key("a");
    let problem = other_body.send().await.refused(422, "idempotency-key-reused");
    assert!(!problem.to_string().contains("Petit"), "{problem}");
    let path = format!("/api/v1/households/{}/create-request", recorded.id);
    let other_command = caller.command(&path, &bodies::request(&["chrs"])).key("a");
    let _ = other_command.send().await.refused(422, "idempotency-key-reused");
    assert_eq!(caller.events(0, "").await.len(), 1, "nothing was written");

    let same_key = stranger.command("/api/v1/households", &bodies::household("Petit")).key("a");
    let theirs = same_key.send().await.recorded();
    assert!(!theirs.repeated && theirs.id != recorded.id, "keys of two organisations are two keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_creation_sent_to_two_processes_at_once_makes_one_household() {
    let world = World::start(Shape::Five).await;
    let caller = world.caller();
    let other = world.serve("intake", "intake-2").await;
    for n in 0..10 {
        let body = bodies::household(&format!("Girard {n}"));
        let ask = caller.command("/api/v1/households", &body).key(&format!("creation-{n}"));
        let to_each = [ask.clone(), ask.clone().to(other.base()), ask.clone(), ask.to(other.base())];
        let answers = join_all(to_each.map(|ask| tokio::spawn(ask.send()))).await;
        let receipts: Vec<_> = answers.into_iter().map(|sent| sent.unwrap()).map(Answer::recorded).collect();
        assert!(receipts.iter().all(|receipt| receipt.events == receipts[0].events), "{receipts:?}");
        assert_eq!(receipts.iter().filter(|receipt| !receipt.repeated).count(), 1, "{receipts:?}");
    }
    assert_eq!(caller.events(0, "").await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_recognised_after_the_program_and_its_rows_are_gone() {
    let mut world = World::start(Shape::One).await;
    let caller = world.caller();
    let ask = caller.command("/api/v1/households", &bodies::household("Blanc")).key("before");
    let before = ask.clone().send().await.recorded();
    assert!(world.stop_program().await.success());
    std::fs::remove_dir_all(world.data().join("views")).unwrap();
    world.start_program().await;
    let after = ask.send().await.recorded();
    assert!(after.repeated);
    assert_eq!(after.events, before.events);
    let file = caller.file(&before.id).await;
    assert!(file.to_string().contains("Blanc"), "its names are still readable: {file}");
    assert_eq!(caller.events(0, "").await.len(), 1);
    let _ = caller.post("/api/v1/households", &json!({})).await.refused(400, "malformed-body");
}
