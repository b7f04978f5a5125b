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
    runtime.block_on(starts())
}
