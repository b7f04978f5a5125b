//! How fast a view can be rebuilt: reading the whole journal and doing nothing with it.
//!
//! `cargo bench -p journal --bench rebuild`. Promised: 60,000 events of 400 bytes per second on two cores, the view's
//! own work included; its bench is the one of the crate `projection`.

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use domain::event::{Actor, Origin};
use domain::id::{CommandId, OrganisationId, PlaceId, Territory};
use domain::ledger::AggregateId;
use jiff::Timestamp;
use journal::broker::Broker;
use journal::{Decision, Digest, Draft, Journal, JournalConfig};
use serde_json::json;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const EVENTS: u64 = 300_000;
const LEDGERS: u64 = 30_000;
const TIMES: usize = 3;
const LEDGER_READS: u64 = 50;
const AT_ONCE: usize = 2_000;

fn decision(nth: u64) -> Outcome<Decision> {
    let territory: Territory = "33".parse()?;
    let at: Timestamp = "2026-03-15T10:00:00Z".parse()?;
    let ledger = AggregateId::Place(PlaceId::new(territory, Uuid::from_u128(u128::from(nth % LEDGERS))));
    Ok(Decision {
        origin: Origin {
            command: CommandId(Uuid::from_u128(u128::from(nth))),
            actor: "agent-12".parse::<Actor>()?,
            organisation: OrganisationId::new(territory, Uuid::from_u128(7)),
            at,
            trace: None,
        },
        digest: Digest([1; Digest::BYTES]),
        drafts: vec![Draft {
            ledger,
            kind: "place.changed",
            version: 1,
            effective: at,
            body: json!({ "text": "x".repeat(385) }),
        }],
        expected: Vec::new(),
    })
}

async fn read_all(journal: &Journal) -> Outcome<f64> {
    let start = Instant::now();
    let mut follower = journal.follow(0);
    let mut read = 0;
    while read < EVENTS {
        read += follower.next_batch(AT_ONCE).await?.events.len() as u64;
    }
    Ok(read as f64 / start.elapsed().as_secs_f64())
}

/// Reads ledgers whose events are spread over the whole journal: the worst case for the broker, which looks through
/// every block of its files in between.
async fn ledgers(journal: &Journal) -> Outcome<()> {
    let (mut whole, mut bodies, mut recent) = (Vec::new(), Vec::new(), Vec::new());
    for nth in 0..LEDGER_READS {
        let number = Uuid::from_u128(u128::from(nth * 7));
        let ledger = AggregateId::Place(PlaceId::new("33".parse()?, number));
        let start = Instant::now();
        let events = journal.load(&ledger).await?;
        whole.push(start.elapsed());
        let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
        let start = Instant::now();
        journal.at(&positions).await?;
        bodies.push(start.elapsed());
        let start = Instant::now();
        journal.since(&ledger, positions[positions.len() - 1]).await?;
        recent.push(start.elapsed());
    }
    for (name, mut times) in [("load", whole), ("at", bodies), ("since its end", recent)] {
        let first = times[0];
        times.sort_unstable();
        println!("one ledger of 10 events, {name}: first {first:?}, median {:?}", times[times.len() / 2]);
    }
    Ok(())
}

async fn measure() -> Outcome<()> {
    let broker = Broker::temporary().await?;
    let journal = Journal::open(JournalConfig::at(broker.url())).await?;
    let decisions = (0..EVENTS).map(decision).collect::<Outcome<Vec<_>>>()?;
    let start = Instant::now();
    journal.append_bulk(decisions, &mut HashMap::new(), |_| {}).await?;
    println!("load     {:>9.0} events/s", EVENTS as f64 / start.elapsed().as_secs_f64());
    for _ in 0..TIMES {
        println!("follow   {:>9.0} events/s", read_all(&journal).await?);
    }
    let start = Instant::now();
    let read = journal.range(0, usize::MAX).await?.len();
    println!("range    {:>9.0} events/s", read as f64 / start.elapsed().as_secs_f64());
    ledgers(&journal).await?;
    broker.stop().await;
    Ok(())
}

fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure())
}
