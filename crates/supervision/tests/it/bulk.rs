//! Who opens too many files is told of.

use std::collections::BTreeSet;
use std::time::Instant;

use domain::event::Actor;
use domain::id::{EventId, HouseholdId, OrganisationId, UserId};
use domain::organisation::OrganisationKind;
use domain::rights::Role;
use jiff::SignedDuration;
use journal::access::{AccessEntry, Code, Outcome};
use serde_json::Value;

use crate::browser::{Browser, Person};
use crate::world::{PATIENCE, World};

const ALERTS: &str = "/api/v1/alerts";

fn code(text: &str) -> Code {
    text.parse().unwrap()
}

/// Somebody opens the files of these households, as the services record it.
async fn opens(world: &World, actor: &Actor, of: OrganisationId, files: std::ops::Range<u32>) {
    let entry = |file| AccessEntry {
        id: EventId(world.first.command().0),
        at: world.clock.now(),
        actor: actor.clone(),
        organisation: of,
        role: code("siao_manager"),
        action: code("household.file"),
        about: format!("33-00000000-0000-7000-8000-{file:012}").parse::<HouseholdId>().unwrap().into(),
        purpose: code("orientation"),
        fields: vec![code("id")],
        outcome: Outcome::Granted,
        reason: None,
        trace: None,
    };
    let entries: Vec<_> = files.map(entry).collect();
    world.first.journal().record_access(&entries).await.unwrap();
}

/// Those of whom the list tells, once `last` is among them.
async fn told(browser: &mut Browser, last: &Actor) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let alerts = browser.get(ALERTS).await.is(200)["alerts"].as_array().unwrap().clone();
        if alerts.iter().any(|alert| alert["actor"] == last.as_str()) {
            return alerts;
        }
        assert!(Instant::now() < deadline, "{last} is not told of: {alerts:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn actors(alerts: &[Value]) -> BTreeSet<&str> {
    alerts.iter().map(|alert| alert["actor"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_more_files_than_their_work_asks_for_is_told_of_once_whoever_watches() {
    let mut world = World::start().await;
    world.one_more().await;
    let manager = Person::enrolled(&world, "chef@siao33.example", &["siao_manager"]).await;
    let reader = Person::enrolled(&world, "curieux@siao33.example", &["siao_115_agent"]).await;
    let reader = Actor::of_user(reader.id.parse::<UserId>().unwrap());
    let software: Actor = "token:11111111-1111-1111-1111-111111111111".parse().unwrap();
    let mut manager = manager.signs_in(&world).await;

    opens(&world, &reader, world.siao, 0..60).await;
    // The same ones again are no more of them.
    opens(&world, &reader, world.siao, 0..60).await;
    opens(&world, &software, world.siao, 0..61).await;
    let alerts = told(&mut manager, &software).await;
    assert_eq!(actors(&alerts), [software.as_str()].into(), "sixty files are allowed");
    assert_eq!((&alerts[0]["kind"], &alerts[0]["households"]), (&"files_read_in_bulk".into(), &61.into()));
    assert_eq!(alerts[0]["user"], Value::Null, "it is no person");

    opens(&world, &reader, world.siao, 60..61).await;
    let alerts = told(&mut manager, &reader).await;
    assert_eq!(alerts.len(), 2);
    assert_eq!(alerts.iter().filter(|alert| alert["user"].is_string()).count(), 1);

    // A third process reads all of it again; whoever goes on within the hour is told of no more, later they are.
    world.one_more().await;
    opens(&world, &reader, world.siao, 61..99).await;
    let landlord = world.first.registers("Bailleur", OrganisationKind::SocialLandlord).await;
    let elsewhere: Actor = "token:22222222-2222-2222-2222-222222222222".parse().unwrap();
    opens(&world, &elsewhere, landlord, 0..61).await;
    let auditor = world.first.registers("Contrôle", OrganisationKind::Auditor).await;
    let token = world.first.issues(auditor, Role::Auditor).await;
    let mut auditor = Browser { bearer: Some(token), ..world.browser() };
    let alerts = told(&mut auditor, &elsewhere).await;
    assert_eq!(alerts.len(), 3, "{alerts:?}");
    assert_eq!(actors(&alerts).len(), 3, "each of them once");
    let seen = manager.get(ALERTS).await.is(200);
    assert_eq!(seen["alerts"].as_array().unwrap().len(), 2, "a landlord's doings are not the SIAO's");
    let seen = world.software().get(ALERTS).await.is(200);
    assert_eq!(seen["alerts"].as_array().unwrap().len(), 0, "nor those of who runs the machines");

    world.passes(SignedDuration::from_mins(61));
    opens(&world, &reader, world.siao, 0..61).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let alerts = auditor.get(ALERTS).await.is(200)["alerts"].as_array().unwrap().clone();
        if alerts.len() == 4 {
            break;
        }
        assert!(Instant::now() < deadline, "an hour later they are told of again: {alerts:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world.stop().await;
}
