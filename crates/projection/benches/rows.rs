//! How soon a single event is seen in the rows, how large the rows are and how soon they are open again.
//!
//! `cargo bench -p projection [-- EVENTS]`: events of about 400 bytes, twenty in the life of each household, two years
//! long, out of memory. How fast rows are rebuilt from a broker is measured by the bench `rebuild` of the journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::event::Stamp;
use domain::id::{CommandId, EventId, HouseholdId, OrganisationId, Territory};
use domain::ledger::{AggregateId, State};
use jiff::{SignedDuration, Timestamp};
use journal::{Digest, Recorded};
use projection::ledgers::{IndexEntry, LedgersView};
use projection::{
    ApplyError, Batch, Entry, Follow, Options, Projection, Rows, Source, SourceError, Tree, View, key,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// How many events there are unless the command line says otherwise.
const EVENTS: usize = 300_000;

/// How many events one household lives through.
const LIFE: usize = 20;

/// How many households have something happening at the same time.
const ACTIVE: usize = 4000;

/// How many single events are waited for.
const SINGLE: u64 = 2000;

const ROWS: Tree = Tree::named("plain/rows");
const BY_SIZE: Tree = Tree::named("ledgers/by-size");
const BY_CONSENT: Tree = Tree::named("ledgers/by-consent");

/// One short row per event.
struct Plain;

impl View for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn version(&self) -> u32 {
        1
    }

    fn trees(&self) -> Vec<Tree> {
        vec![ROWS]
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        let summary = format!("{} {} {}", entry.kind, entry.stamp.effective, entry.actor);
        rows.insert(ROWS, key::of(&(entry.ledger, entry.position)), summary.as_bytes())?;
        Ok(())
    }
}

fn index(ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    let State::Household(household) = state else { return Vec::new() };
    let size = u64::try_from(household.composition.members.len()).unwrap_or(u64::MAX);
    let mut entries = vec![(BY_SIZE, key::of(&(size, ledger)), Vec::new())];
    let consents = household.consents.iter().filter(|(_, consent)| consent.given);
    entries.extend(consents.map(|(id, _)| (BY_CONSENT, key::of(&(id.0, ledger)), Vec::new())));
    entries
}

fn ledgers() -> Box<dyn View> {
    Box::new(LedgersView::new(1).indexed(&[BY_SIZE, BY_CONSENT], index))
}

/// Events that are all there, up to a number that grows.
#[derive(Clone)]
struct Memory {
    events: Arc<Vec<Recorded>>,
    there: tokio::sync::watch::Sender<usize>,
}

struct Reading {
    events: Arc<Vec<Recorded>>,
    there: tokio::sync::watch::Receiver<usize>,
    at: usize,
}

impl Source for Memory {
    type Follower = Reading;

    fn follow(&self, after: u64) -> Reading {
        let at = usize::try_from(after).unwrap_or(usize::MAX);
        Reading { events: Arc::clone(&self.events), there: self.there.subscribe(), at }
    }

    async fn last_position(&self) -> Result<u64, SourceError> {
        Ok(*self.there.borrow() as u64)
    }

    fn connected(&self) -> bool {
        true
    }
}

impl Follow for Reading {
    async fn next_batch(&mut self, max: usize) -> Result<Batch, SourceError> {
        let at = self.at;
        let there = self.there.wait_for(|there| *there > at).await;
        let there = *there.map_err(|e| SourceError::Broken(e.to_string()))?;
        self.at = there.min(at + max);
        Ok(Batch { events: self.events[at..self.at].to_vec(), pending: (there - self.at) as u64 })
    }
}

/// The bodies of one life, by kind.
fn bodies() -> Vec<(&'static str, Bytes)> {
    let uuid = |n: usize| Uuid::from_u128(0x0192_f1c2_7d5e_7c3a_9b1f_0000_0000_0000 + n as u128);
    let sealed =
        |length: usize| json!({ "sealed": { "k": 1, "n": "b3BhcXVlIG5vbmNlIDI0", "c": "x".repeat(length) } });
    let person = |n: usize| {
        let link = if n == 0 { "main_applicant" } else { "child" };
        json!({ "person": uuid(n), "sex": "female", "born": "1990-04", "link": link, "identity": sealed(420) })
    };
    let given = |n: usize| {
        json!({ "consent": uuid(50 + n), "person": uuid(0), "purpose": "share_with_providers", "channel": "written",
            "recipient": format!("33-{}", uuid(90)), "until": "2027-12-31" })
    };
    (0..LIFE)
        .map(|nth| {
            let (kind, body): (_, Value) = match nth {
                0 => (
                    "household.registered",
                    json!({ "members": [person(0)], "reachable": true, "note": sealed(500) }),
                ),
                1 | 5 => ("household.member_added", json!({ "member": person(nth), "reason": "birth" })),
                7 | 15 => ("household.safety_noted", json!({ "safety": sealed(700) })),
                n if n % 4 == 3 => {
                    ("consent.withdrawn", json!({ "consent": uuid(50 + n - 1), "channel": "written" }))
                }
                n => ("consent.given", given(n)),
            };
            (kind, Bytes::from(body.to_string()))
        })
        .collect()
}

fn history(count: usize) -> Vec<Recorded> {
    let bodies = bodies();
    #[expect(clippy::unwrap_used, reason = "these texts are what they are parsed as")]
    let (home, began, actor) = (
        "33".parse::<Territory>().unwrap(),
        "2024-01-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        "agent-12".parse().unwrap(),
    );
    let millis = 2 * 365 * 24 * 3600 * 1000 / i64::try_from(count).unwrap_or(i64::MAX);
    let organisation = OrganisationId::new(home, Uuid::from_u128(7));
    (0..count)
        .map(|nth| {
            // Waves of households, each of which lives one event in turn.
            let (wave, within) = (nth / (ACTIVE * LIFE), nth % (ACTIVE * LIFE));
            let (age, which) = (within / ACTIVE, within % ACTIVE);
            // Spread over the keys as ids of different moments are.
            let number =
                ((wave * ACTIVE + which) as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let (kind, body) = &bodies[age];
            let recorded = began + SignedDuration::from_millis(millis * i64::try_from(nth).unwrap_or(0));
            let command = CommandId(Uuid::from_u128(number ^ nth as u128));
            Recorded {
                position: nth as u64 + 1,
                ledger: AggregateId::Household(HouseholdId::new(home, Uuid::from_u128(number))),
                kind: (*kind).to_owned(),
                stamp: Stamp { event: EventId::of(command, 0), version: 1, recorded, effective: recorded },
                actor: std::clone::Clone::clone(&actor),
                organisation,
                command,
                digest: Digest([7; Digest::BYTES]),
                trace: None,
                body: body.clone(),
            }
        })
        .collect()
}

async fn measure(
    what: &str,
    views: fn() -> Vec<Box<dyn View>>,
    events: &Arc<Vec<Recorded>>,
) -> Result<(), Box<dyn std::error::Error>> {
    const PATIENCE: Duration = Duration::from_secs(3600);
    let directory = tempfile::tempdir()?;
    let all = events.len();
    let single = SINGLE.min(all as u64 / 10);
    let first = all - usize::try_from(single)?;
    let source = Memory { events: Arc::clone(events), there: tokio::sync::watch::Sender::new(first) };

    let (projection, _) =
        Projection::start(source.clone(), views(), Options::new("bench", directory.path())).await?;
    let handle = projection.handle();
    assert!(handle.reached(first as u64, PATIENCE).await, "{}", handle.ready());

    let mut seen: Vec<Duration> = Vec::new();
    for position in first as u64 + 1..=all as u64 {
        let added = Instant::now();
        source.there.send_replace(usize::try_from(position)?);
        assert!(handle.reached(position, PATIENCE).await, "{}", handle.ready());
        seen.push(added.elapsed());
    }
    seen.sort();
    assert_eq!(handle.halted(), 0);
    projection.stop().await;

    let bytes = std::fs::metadata(directory.path().join("rows-1/store/db"))?.len();
    let began = Instant::now();
    let (projection, _) =
        Projection::start(source.clone(), views(), Options::new("bench", directory.path())).await?;
    let opened = began.elapsed();
    projection.stop().await;
    println!(
        "{what}: one event seen after {:?} (p50) {:?} (p99); {} MB on disk, opened and read through in {:?}",
        seen[seen.len() / 2],
        seen[seen.len() * 99 / 100],
        bytes >> 20,
        opened,
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(EVENTS);
    let events = Arc::new(history(count));
    let mean = events.iter().map(|event| event.body.len()).sum::<usize>() / events.len();
    println!("{count} events of {mean} bytes, {} households", count / LIFE);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        measure("plain rows", || vec![Box::new(Plain)], &events).await?;
        measure("ledgers", || vec![ledgers()], &events).await?;
        measure("ledgers and plain rows", || vec![ledgers(), Box::new(Plain)], &events).await
    })
}
