//! Guarded durable appends per second, next to raw atomic batches of as many events on the same server.
//!
//! `cargo bench -p journal --bench append`. Every writer appends one event to a ledger of its own, waits for the
//! acknowledgement and goes on. Promised: from 64 writers on, at least 0.6 of what raw batches reach.

use std::error::Error;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::header::{
    HeaderValue, NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
};
use bytes::Bytes;
use domain::event::{Actor, Origin};
use domain::id::{CommandId, OrganisationId, PlaceId, Territory};
use domain::ledger::AggregateId;
use jiff::Timestamp;
use journal::broker::Broker;
use journal::{Decision, Digest, Draft, Journal, JournalConfig};
use serde_json::json;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The two ways of writing take turns, so that whatever else happens on the machine happens to both.
const TURNS: u32 = 4;
const TURN: Duration = Duration::from_secs(1);
const WRITERS: [usize; 5] = [1, 16, 64, 256, 1024];
/// The broker takes no larger batch.
const LARGEST_BATCH: usize = 1000;
const PROMISED: f64 = 0.6;

fn territory() -> Outcome<Territory> {
    Ok("33".parse()?)
}

fn ledger(n: u128) -> Outcome<AggregateId> {
    Ok(AggregateId::Place(PlaceId::new(territory()?, Uuid::from_u128(n))))
}

fn decision(command: u128, ledger: AggregateId, version: u64) -> Outcome<Decision> {
    let at: Timestamp = "2026-03-15T10:00:00Z".parse()?;
    Ok(Decision {
        origin: Origin {
            command: CommandId(Uuid::from_u128(command)),
            actor: "agent-12".parse::<Actor>()?,
            organisation: OrganisationId::new(territory()?, Uuid::from_u128(7)),
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
        expected: vec![(ledger, version)],
    })
}

/// Appends to a new ledger in a closed loop until `end`; gives the time of each.
async fn writer(journal: Journal, number: u128, end: Instant) -> Outcome<Vec<Duration>> {
    let ledger = ledger(number)?;
    let mut version = 0;
    let mut times = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        let command = number << 32 | times.len() as u128;
        version = journal.append(decision(command, ledger, version)?).await?.last();
        times.push(asked.elapsed());
    }
    Ok(times)
}

async fn ours(journal: &Journal, writers: usize, turn: u128, times: &mut Vec<Duration>) -> Outcome<f64> {
    let start = Instant::now();
    let all: Vec<_> = (0..writers as u128)
        .map(|n| tokio::spawn(writer(journal.clone(), turn << 64 | n, start + TURN)))
        .collect();
    let before = times.len();
    for one in all {
        times.extend(one.await??);
    }
    Ok((times.len() - before) as f64 / start.elapsed().as_secs_f64())
}

/// Batches of `size` guarded events with the same headers and bodies, one after the other: what the server can do.
async fn raw(client: &async_nats::Client, size: usize, turn: u128) -> Outcome<f64> {
    let body = Bytes::from(json!({ "text": "x".repeat(385) }).to_string());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90"),
        ("ce-source", "/continuum/33"),
        ("ce-type", "place.changed"),
        ("ce-time", "2026-03-15T10:00:00Z"),
        ("ce-subject", "place/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90"),
        ("ce-dataschema", "urn:continuum:event:place.changed:1"),
        ("ce-effectivetime", "2026-03-15T10:00:00Z"),
        ("ce-actor", "agent-12"),
        ("ce-org", "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90"),
        ("ce-command", "0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90"),
        ("ce-digest", "01010101010101010101010101010101"),
    ] {
        headers.insert(name, value);
    }
    let subjects: Vec<String> = (0..size as u128)
        .map(|n| Ok(journal::subject::of_ledger(&ledger(turn << 64 | n)?)))
        .collect::<Outcome<_>>()?;
    let mut last = 0;
    let mut written = 0_u64;
    let start = Instant::now();
    while start.elapsed() < TURN {
        let batch = client.new_inbox();
        let mut ack = None;
        for (nth, subject) in subjects.iter().enumerate() {
            let mut headers = headers.clone();
            let expected = if last == 0 { 0 } else { last - (size - 1 - nth) as u64 };
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(expected));
            if size > 1 {
                headers.insert(NATS_BATCH_ID, &batch["_INBOX.".len()..]);
                headers.insert(NATS_BATCH_SEQUENCE, HeaderValue::from(nth + 1));
            }
            if nth + 1 < size {
                client.publish_with_headers(subject.clone(), headers, body.clone()).await?;
                continue;
            }
            if size > 1 {
                headers.insert(NATS_BATCH_COMMIT, "1");
            }
            ack = Some(client.request_with_headers(subject.clone(), headers, body.clone()).await?);
        }
        let ack: serde_json::Value = serde_json::from_slice(&ack.ok_or("an empty batch")?.payload)?;
        last = ack["seq"].as_u64().filter(|seq| *seq > 0).ok_or_else(|| ack.to_string())?;
        written += size as u64;
    }
    Ok(written as f64 / start.elapsed().as_secs_f64())
}

async fn compare() -> Outcome<()> {
    let broker = Broker::temporary().await?;
    let journal = Journal::open(JournalConfig::at(broker.url())).await?;
    let client = async_nats::connect(broker.url()).await?;
    println!("guarded durable appends per second, events of 400 bytes, sync_interval: always");
    println!(
        "{:>8} {:>10} {:>9} {:>9} {:>12} {:>7}",
        "writers", "appends/s", "p50", "p99", "raw batches", "ratio"
    );
    let mut turn = 0_u128;
    for writers in WRITERS {
        let size = writers.min(LARGEST_BATCH);
        let (mut appended, mut possible, mut times) = (0.0, 0.0, Vec::new());
        for _ in 0..TURNS {
            turn += 2;
            possible += raw(&client, size, turn).await? / f64::from(TURNS);
            appended += ours(&journal, writers, turn + 1, &mut times).await? / f64::from(TURNS);
        }
        times.sort_unstable();
        let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
        let ratio = appended / possible;
        let verdict = if writers >= 64 && ratio < PROMISED { "  below what is promised" } else { "" };
        println!(
            "{writers:>8} {appended:>10.0} {:>6.2} ms {:>6.2} ms {possible:>12.0} {ratio:>7.2}{verdict}",
            at(50),
            at(99),
        );
    }
    broker.stop().await;
    Ok(())
}

fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(compare())
}
