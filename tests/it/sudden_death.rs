//! The program and its broker are killed again and again while many write: what was acknowledged stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tests::{
    Ask, Caller, PATIENCE, Receipt, Shape, Waiting, World, bodies, broker_of, kill_broker_of, until,
};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// How many write at once.
const WRITERS: usize = 8;
/// How many places they contend for.
const PLACES: usize = 4;
/// How many commands must be acknowledged between two deaths.
const BETWEEN: usize = 60;
/// How often somebody is killed in the usual run; `CONTINUUM_KILL_ROUNDS` asks for more.
const ROUNDS: usize = 4;

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// The broker, as it serves.
    Broker,
    /// The broker, and the next one as soon as it has a number, before it serves.
    BrokerAndTheNext,
    /// The program, whose broker is left behind.
    Program,
}

/// The deaths, over and over.
const DEATHS: [Death; 5] =
    [Death::Broker, Death::BrokerAndTheNext, Death::Program, Death::Broker, Death::Program];

/// What the writers share.
#[derive(Default)]
struct Ledger {
    acknowledged: Mutex<Vec<Receipt>>,
    count: AtomicUsize,
    refused: AtomicUsize,
    repeated: AtomicUsize,
    enough: AtomicBool,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_death_of_the_program_and_of_its_broker() {
    let rounds = std::env::var("CONTINUUM_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let mut world = World::start(Shape::One).await;
    let caller = world.caller();
    let mut places = Vec::new();
    for _ in 0..PLACES {
        places.push(caller.vacant("social_residence", 1).await);
    }
    let ledger = Arc::new(Ledger::default());
    let mut writers = JoinSet::new();
    for n in 0..WRITERS {
        writers.spawn(write(n, caller.clone(), places.clone(), Arc::clone(&ledger)));
    }
    for round in 0..rounds {
        let before = ledger.count.load(Ordering::Acquire);
        until("writers are acknowledged", || async {
            assert!(!writers.is_empty());
            ledger.count.load(Ordering::Acquire) >= before + BETWEEN
        })
        .await;
        die(&mut world, DEATHS[round % DEATHS.len()]).await;
    }
    let before = ledger.count.load(Ordering::Acquire);
    until("writers go on", || async { ledger.count.load(Ordering::Acquire) >= before + BETWEEN }).await;
    ledger.enough.store(true, Ordering::Release);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let acknowledged = ledger.acknowledged.lock().await.clone();
    let events = caller.events(0, "").await;
    check_acknowledged(&acknowledged, &events);
    check_whole(&events);
    check_places(&caller, &events, &places).await;
    println!(
        "{rounds} deaths, {} commands acknowledged ({} of them repeated), {} refused, {} events",
        acknowledged.len(),
        ledger.repeated.load(Ordering::Acquire),
        ledger.refused.load(Ordering::Acquire),
        events.len()
    );
    assert!(world.stop_program().await.success());
    check_views(&world).await;
}

async fn die(world: &mut World, death: Death) {
    let directory = world.broker_dir();
    match death {
        Death::Broker => drop(kill_broker(&directory, None).await),
        Death::BrokerAndTheNext => {
            let first = kill_broker(&directory, None).await;
            kill_broker(&directory, Some(first)).await;
        }
        Death::Program => {
            world.kill_program().await;
            world.start_program().await;
        }
    }
}

/// Kills the broker, or the one that comes after another, and tells its number.
async fn kill_broker(directory: &Path, after: Option<i32>) -> i32 {
    let killed = async {
        loop {
            let next = broker_of(directory).filter(|found| Some(*found) != after);
            match next.and_then(|_| kill_broker_of(directory)).filter(|killed| Some(*killed) != after) {
                Some(killed) => return killed,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, killed).await.expect("the broker is started again")
}

/// One writer: a household of its own now and then, a place proposed to it and taken back, until it is enough.
async fn write(n: usize, caller: Caller, places: Vec<String>, ledger: Arc<Ledger>) {
    for turn in 0.. {
        let household = household(&caller, &format!("{n}-{turn}"), &ledger).await;
        for again in 0..5 {
            if ledger.enough.load(Ordering::Acquire) {
                return;
            }
            let place = &places[(n + turn + again) % places.len()];
            occupy(&caller, &household, place, &format!("{n}-{turn}-{again}"), &ledger).await;
        }
    }
}

async fn household(caller: &Caller, key: &str, ledger: &Ledger) -> Waiting {
    let body = bodies::household(&format!("Writer {key}"));
    let registered =
        insist(caller.command("/api/v1/households", &body).key(&format!("r-{key}")), ledger).await;
    let household = registered.unwrap().id;
    let path = |command: &str| format!("/api/v1/households/{household}/{command}");
    let request = caller.command(&path("create-request"), &bodies::request(&["social_residence"]));
    insist(request.key(&format!("c-{key}")), ledger).await.unwrap();
    let request = read(caller, &household, "requests", |_| true).await.unwrap();
    let submit = caller.command(&path("submit-request"), &json!({ "request": request }));
    insist(submit.key(&format!("s-{key}")), ledger).await.unwrap();
    let qualification = bodies::qualification(&["social_residence"], 3);
    let qualify = json!({ "request": request, "qualification": qualification });
    insist(caller.command(&path("qualify-request"), &qualify).key(&format!("q-{key}")), ledger)
        .await
        .unwrap();
    Waiting { household, request }
}

/// Proposes the place and, if that was recorded, accepts and takes it back: each step on both ledgers.
async fn occupy(caller: &Caller, of: &Waiting, place: &str, key: &str, ledger: &Ledger) {
    let path = |command: &str| format!("/api/v1/households/{}/{command}", of.household);
    let propose = json!({ "request": of.request, "place": place, "deviation": "better_fit" });
    let propose = caller.command(&path("propose-referral"), &propose).key(&format!("p-{key}"));
    if insist(propose, ledger).await.is_none() {
        return;
    }
    let open = |one: &Value| one["situation"]["is"] == "proposed";
    let Some(referral) = read(caller, &of.household, "referrals", open).await else {
        panic!("an acknowledged referral of {} is there", of.household)
    };
    let accept = caller.command(&path("accept-referral"), &json!({ "referral": referral }));
    insist(accept.key(&format!("a-{key}")), ledger).await.expect("nobody else answers it");
    let withdraw = json!({ "referral": referral, "reason": "place_reassigned" });
    let withdraw = caller.command(&path("withdraw-referral"), &withdraw);
    insist(withdraw.key(&format!("w-{key}")), ledger).await.expect("nobody else withdraws it");
}

/// Sends until there is a definite answer, under the same key: recorded, or refused because somebody else has the place.
async fn insist(ask: Ask, ledger: &Ledger) -> Option<Receipt> {
    loop {
        let answer = match ask.clone().try_send().await {
            Ok(answer) if answer.status < 500 && answer.code() != "contended" => answer,
            // Dead, dying, being born or overtaken five times: the same again.
            Ok(_) | Err(_) => {
                tokio::task::yield_now().await;
                continue;
            }
        };
        if answer.code() == "place-taken" {
            ledger.refused.fetch_add(1, Ordering::AcqRel);
            return None;
        }
        let receipt = answer.recorded();
        ledger.repeated.fetch_add(usize::from(receipt.repeated), Ordering::AcqRel);
        ledger.acknowledged.lock().await.push(receipt.clone());
        ledger.count.fetch_add(1, Ordering::AcqRel);
        return Some(receipt);
    }
}

/// Reads until there is an answer: the id of the first thing of this sort that fits.
async fn read(caller: &Caller, household: &str, sort: &str, fits: impl Fn(&Value) -> bool) -> Option<String> {
    loop {
        let answer = caller.asking(&format!("/api/v1/households/{household}")).try_send().await;
        if let Ok(answer) = answer
            && answer.status < 500
        {
            let file = answer.ok();
            let things = file["file"][sort].as_object().unwrap();
            return things.iter().find(|(_, thing)| fits(thing)).map(|(id, _)| id.clone());
        }
        tokio::task::yield_now().await;
    }
}

/// Each acknowledged event is where its receipt says, and no command was recorded twice.
fn check_acknowledged(acknowledged: &[Receipt], events: &[Value]) {
    let positions: Vec<u64> = events.iter().map(position).collect();
    // What stands before it is who takes part, which is nobody's feed.
    let before = positions[0];
    assert_eq!(
        positions,
        (before..before + events.len() as u64).collect::<Vec<_>>(),
        "one line without a gap"
    );
    let by_position: BTreeMap<u64, &Value> = events.iter().map(|event| (position(event), event)).collect();
    for receipt in acknowledged {
        assert!(!receipt.events.is_empty(), "{receipt:?}");
        for (id, kind, ledger, position) in &receipt.events {
            let there = by_position.get(position).unwrap_or_else(|| panic!("{kind} at {position} is gone"));
            assert_eq!(
                (&there["id"], &there["type"], &there["subject"]),
                (&json!(id), &json!(kind), &json!(ledger))
            );
        }
    }
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "no event is there twice");
    let commands: BTreeSet<u64> = acknowledged.iter().map(|receipt| receipt.position).collect();
    assert_eq!(commands.len(), acknowledged.len(), "each command was recorded for itself");
}

/// Every step that concerns a household and a place is on both ledgers, side by side, acknowledged or not.
fn check_whole(events: &[Value]) {
    let joint = BTreeMap::from([
        ("referral.proposed", "place.held"),
        ("referral.accepted", "place.reserved"),
        ("referral.withdrawn", "place.released"),
    ]);
    let mut pairs = 0;
    for (n, event) in events.iter().enumerate() {
        let kind = event["type"].as_str().unwrap();
        if let Some(other) = joint.get(kind) {
            let next = events.get(n + 1).unwrap_or_else(|| panic!("{kind} is half a step"));
            assert_eq!(
                (&next["type"], &next["command"]),
                (&json!(other), &event["command"]),
                "{event} {next}"
            );
            pairs += 1;
        }
    }
    let of_places = joint.values().map(|kind| events.iter().filter(|event| event["type"] == **kind).count());
    assert_eq!(pairs, of_places.sum::<usize>(), "no half step on the side of the places");
}

/// A place is never held twice at a time, and the view says of each what its ledger says.
async fn check_places(caller: &Caller, events: &[Value], places: &[String]) {
    for place in places {
        let mut held = false;
        let subject = json!(format!("place/{place}"));
        for event in events.iter().filter(|event| event["subject"] == subject) {
            match event["type"].as_str().unwrap() {
                "place.held" => assert!(!std::mem::replace(&mut held, true), "held twice: {event}"),
                "place.released" => assert!(std::mem::replace(&mut held, false), "released twice: {event}"),
                _ => {}
            }
        }
        let situation = caller.get(&format!("/api/v1/places/{place}")).await.ok()["situation"].clone();
        assert_eq!(situation, if held { "held" } else { "vacant" });
    }
}

/// The rows that lived through all of it are, byte for byte, those that are made from nothing.
async fn check_views(world: &World) {
    let data = world.data();
    let lived = rows(world, &data).await;
    let rebuilt = world.run(&["rebuild", "--data", data.to_str().unwrap()]).await;
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let anew = rows(world, &data).await;
    for ((service, lived), (_, anew)) in lived.iter().zip(&anew) {
        assert!(!lived.is_empty() && lived == anew, "the rows of {service} differ from a rebuild");
    }
}

async fn rows(world: &World, data: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    for service in ["intake", "insertion", "landlord", "supervision", "feed"] {
        let exported = world.run(&["export", "rows", service, "--data", data.to_str().unwrap()]).await;
        assert!(exported.status.success(), "{service}: {}", String::from_utf8_lossy(&exported.stderr));
        all.push((service, exported.stdout));
    }
    all
}

fn position(event: &Value) -> u64 {
    event["sequence"].as_str().unwrap().parse().unwrap()
}
