//! What sealing costs, and what the keys and the broker around it cost: `cargo bench -p journal --bench sealing`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use domain::id::{EventId, HouseholdId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use journal::broker::Broker;
use journal::keys::{KeyFile, KeyRing};
use journal::sealing::{Binding, DataKey, open_body, random, seal_body};
use journal::{Journal, JournalConfig};
use serde_json::json;
use uuid::Uuid;

const BODIES: u32 = 50_000;
const HOUSEHOLDS: u128 = 20_000;
const STARTS: u32 = 20;

fn household(n: u128) -> Result<HouseholdId, Box<dyn std::error::Error>> {
    Ok(HouseholdId::new("33".parse()?, Uuid::from_u128(n)))
}

fn per(elapsed: Duration, count: u32) -> Duration {
    elapsed / count.max(1)
}

fn cipher() -> Result<(), Box<dyn std::error::Error>> {
    let key = DataKey::draw()?;
    let event = EventId(Uuid::from_u128(1));
    let bound = Binding { schema: "household.registered/1", event, holder: household(1)?.into() };
    let body = json!({ "note": { "personal": "x".repeat(1024) }, "adults": 2 });
    let start = Instant::now();
    for _ in 0..BODIES {
        black_box(seal_body(&key, &bound, body.clone(), &mut random)?);
    }
    println!("seal a body with 1 KiB of personal text   {:?}", per(start.elapsed(), BODIES));
    let sealed = seal_body(&key, &bound, body, &mut random)?;
    let start = Instant::now();
    for _ in 0..BODIES {
        black_box(open_body(Some(&key), &bound, sealed.clone())?);
    }
    println!("open it                                   {:?}", per(start.elapsed(), BODIES));
    Ok(())
}

async fn keys() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::temporary().await?;
    Journal::open(JournalConfig::at(broker.url())).await?;
    let context = jetstream::new(async_nats::connect(broker.url()).await?);
    let dir = tempfile::tempdir()?;
    let file = || KeyFile::open_or_create(&dir.path().join("key"), None);
    let households = (1..=HOUSEHOLDS).map(household).collect::<Result<Vec<_>, _>>()?;
    let count = u32::try_from(HOUSEHOLDS)?;

    let ring = KeyRing::new(context.clone(), file()?);
    let start = Instant::now();
    ring.create_many(&households).await?;
    println!("draw a key, {HOUSEHOLDS} in batches           {:?}", per(start.elapsed(), count));

    let cold = KeyRing::new(context.clone(), file()?);
    let start = Instant::now();
    for household in &households[..2000] {
        black_box(cold.opener(*household).await?);
    }
    println!("fetch and unwrap a key, one by one        {:?}", per(start.elapsed(), 2000));

    let cold = KeyRing::new(context, file()?);
    let start = Instant::now();
    let fetched = stream::iter(&households).map(|household| cold.opener(*household)).buffer_unordered(64);
    black_box(fetched.try_collect::<Vec<_>>().await?);
    println!("fetch and unwrap a key, 64 at once        {:?}", per(start.elapsed(), count));
    Ok(())
}

/// What matching opens for a list of this many households: the sealed needs of one request each, and the rank of all.
const WAITING: u128 = 500;

/// Ranks households that wait for one place, with their keys at hand and without.
async fn ranking() -> Result<(), Box<dyn std::error::Error>> {
    let broker = Broker::temporary().await?;
    Journal::open(JournalConfig::at(broker.url())).await?;
    let context = jetstream::new(async_nats::connect(broker.url()).await?);
    let dir = tempfile::tempdir()?;
    let file = || KeyFile::open_or_create(&dir.path().join("key"), None);
    let ids = (1..=WAITING).map(household).collect::<Result<Vec<_>, _>>()?;
    let ring = KeyRing::new(context.clone(), file()?);
    ring.create_many(&ids).await?;
    let at: jiff::Timestamp = "2026-03-02T09:00:00Z".parse()?;
    let mut waiting = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        waiting.push((*id, sealed_household(&ring, *id, u128::try_from(n)?, at).await?));
    }
    let criteria = json!({ "structure": "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90", "kind": "chrs",
        "provider": "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90", "label": "1", "category": "single_room", "capacity": 4,
        "commune": "33063" });
    let place: domain::place::inventory::Description = serde_json::from_value(criteria)?;
    let rank = async |ring: &KeyRing| -> Result<usize, Box<dyn std::error::Error>> {
        let openers = ring.openers(&ids).await?;
        let mut opened = waiting.clone();
        for ((_, is), opener) in opened.iter_mut().zip(&openers) {
            is.open_needs(&mut |event, schema, sealed| opener.open(schema, event, sealed.clone()).ok());
        }
        let of = opened.iter().map(|(id, is)| (*id, is));
        let day = domain::calendar::day("33".parse()?, at);
        Ok(domain::matching::rank("33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse()?, &place, of, day)
            .ranked
            .len())
    };
    let cold = KeyRing::new(context, file()?);
    for keys in ["asked for", "at hand"] {
        let start = Instant::now();
        let ranked = rank(&cold).await?;
        println!("rank {WAITING} households, keys {keys:<9}    {:?} ({ranked} ranked)", start.elapsed());
    }
    Ok(())
}

/// A household on the waiting list as a view keeps it, the `n`th.
async fn sealed_household(
    ring: &KeyRing,
    id: HouseholdId,
    n: u128,
    at: jiff::Timestamp,
) -> Result<domain::household::Household, Box<dyn std::error::Error>> {
    let request = Uuid::from_u128(n);
    let since = |is: serde_json::Value| json!({ "personal": { "is": is, "since": at } });
    let need = json!({ "wheelchair": false, "step_free": false, "animals": [], "violence_dedicated": since(json!(n.is_multiple_of(9))),
        "justice_measure": since(json!(false)), "resources": since(json!("from600")) });
    let person = json!({ "person": Uuid::from_u128(n), "sex": "female", "born": "1990-04", "link": "main_applicant",
        "identity": { "personal": { "last_name": "Inconnue", "first_names": "Awa", "birth_date": "1990-04-12" } } });
    let ledger = domain::ledger::AggregateId::Household(id);
    let mut state = domain::ledger::State::empty(&ledger);
    for (nth, (kind, version, body)) in [
        ("household.registered", 1, json!({ "members": [person], "reachable": true })),
        (
            "request.created",
            2,
            json!({ "request": request, "siao": "33", "file": { "stream": "insertion",
            "situation": "on_the_street", "reason": { "personal": "sleeping_rough" }, "need": need } }),
        ),
        ("request.submitted", 1, json!({ "request": request, "update_due": at })),
        (
            "request.qualified",
            1,
            json!({ "request": request, "contact_due": at,
            "qualification": { "kinds": ["chrs"], "priority_class": 3 } }),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let event = EventId(Uuid::from_u128(1_000_000 + 10 * n + u128::try_from(nth)?));
        let body = ring.seal(&ledger, event, kind, version, body).await?;
        let fact = domain::ledger::Fact::read(&ledger, kind, version, body)?;
        state.evolve(&fact, &domain::event::Stamp { event, version, recorded: at, effective: at });
    }
    let domain::ledger::State::Household(is) = state else {
        return Err("a household's ledger is folded to a household".into());
    };
    Ok(*is)
}

async fn starts() -> Result<(), Box<dyn std::error::Error>> {
    let mut took = Duration::ZERO;
    for _ in 0..STARTS {
        let start = Instant::now();
        let broker = Broker::temporary().await?;
        took += start.elapsed();
        drop(broker);
    }
    println!("start a private broker                    {:?}", per(took, STARTS));
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    cipher()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(keys())?;
    runtime.block_on(ranking())?;
    runtime.block_on(starts())
}
