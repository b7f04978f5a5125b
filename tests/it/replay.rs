//! A subscriber that was away, for however long, gets exactly what it missed: in order, once, the same whenever it asks.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::organisation::OrganisationKind as Kind;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tests::{Caller, Live, Shape, World};
use uuid::Uuid;

/// How many places are offered and taken back, each after the other.
const PLACES: usize = 50;
/// How often the subscriber dies while it catches up.
const DEATHS: usize = 20;
/// During which of its deaths the program dies, too.
const PROGRAM_DIES: [usize; 2] = [7, 14];

/// How many events it misses; `CONTINUUM_MISSED` says how many others.
fn missed() -> usize {
    std::env::var("CONTINUUM_MISSED").map_or(2_000, |missed| missed.parse().unwrap())
}

/// Offers a place and takes it back, so often in all: the positions.
async fn turned(caller: &Caller, place: &str, times: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    for nth in 0..times {
        let (command, body) = if nth % 2 == 0 {
            ("declare-vacancy", json!({}))
        } else {
            ("withdraw-vacancy", json!({ "reason": "works" }))
        };
        positions.push(recorded(caller, &format!("/api/v1/places/{place}/{command}"), &body).await);
    }
    positions
}

/// The position of a command, which is asked again when its token has asked too often and may go on.
async fn recorded(caller: &Caller, path: &str, body: &Value) -> u64 {
    let key = Uuid::new_v4().to_string();
    loop {
        let answer = caller.command(path, body).key(&key).send().await;
        if answer.status != 429 {
            return answer.recorded().position;
        }
        let seconds = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// Everything the subscription is told after `after`, page by page.
async fn pulled(caller: &Caller, id: &str, mut after: u64) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let asking = caller.asking(&format!("/api/v1/subscriptions/{id}/events")).as_the(Kind::SiaoOperator);
        let page = asking.with("after", after).with("limit", 200).send().await.ok();
        let next = page["cursor"].as_u64().unwrap();
        told.extend(page["events"].as_array().unwrap().iter().cloned());
        if next == after {
            return told;
        }
        after = next;
    }
}

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_away_and_dies_while_catching_up_gets_what_it_missed_in_order_and_once() {
    let mut world = World::start(Shape::One).await;
    let caller = world.caller();
    let body = json!({ "territory": "33", "label": "Places", "wants": { "kinds": ["chrs"] } });
    let opened = caller.act_as(Kind::SiaoOperator, "/api/v1/subscriptions", &body).await;
    let structure = caller.structure("chrs").await;
    let places: Vec<String> =
        stream::iter(0..PLACES).then(|_| caller.place(&structure, "chrs", 2)).collect().await;
    // It is away.
    let each = missed() / PLACES;
    let turns = stream::iter(&places).map(|place| turned(&caller, place, each)).buffer_unordered(PLACES);
    let expected: BTreeSet<u64> = turns.map(stream::iter).flatten().collect().await;
    assert_eq!(expected.len(), each * PLACES);
    let expected = Vec::from_iter(expected);

    // It comes back, and dies again and again in the midst of what it reads.
    let (mut read, mut cursor) = (Vec::new(), opened.position);
    for death in 0..DEATHS {
        let path = format!("/api/v1/subscriptions/{}/stream", opened.id);
        let asking = caller.asking(&path).as_the(Kind::SiaoOperator);
        let mut live = Live::open(asking.header("last-event-id", &cursor.to_string())).await;
        // More each time, and less than there is.
        for _ in 0..expected.len() / (DEATHS + 1) + death - DEATHS / 2 {
            let told = live.next().await;
            cursor = told.position();
            read.push(told.data);
        }
        if PROGRAM_DIES.contains(&death) {
            world.kill_program().await;
            world.start_program().await;
        }
    }
    let rest = pulled(&caller, &opened.id, cursor).await;
    read.extend(rest);
    assert_eq!(positions(&read), expected, "exactly what it missed, in order, once");
    assert!(read == pulled(&caller, &opened.id, opened.position).await, "the same events, asked for again");
}
