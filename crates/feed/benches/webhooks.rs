//! What sending to partners' servers costs, alone and beside servers that hang: `cargo bench -p feed --bench webhooks`.
//! Receivers run in the same process, over real sockets, without TLS.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../tests/it/memory.rs"]
#[expect(dead_code, reason = "tests ask more of it")]
mod memory;
#[path = "../tests/it/receiver.rs"]
#[expect(dead_code, reason = "tests ask more of it")]
mod receiver;

use std::hint::black_box;
use std::time::{Duration, Instant};

use feed::sending::{Carriers, Endpoint, EndpointId, Route, Sender, Settings, sender};
use jiff::Timestamp;
use service::{Edge, Stop};
use uuid::Uuid;

use memory::{Memory, message};
use receiver::{Manner, Receiver, client, keys};

const SIGNED: u32 = 20_000;
const MESSAGES: u64 = 2_000;
const MANY: u64 = 200;
const OF_MANY: u64 = 20;
const HANGING: u128 = 500;

fn sign() {
    let (keys, id, body) = (keys(), "msg_1".parse().unwrap(), vec![b'x'; 1_024]);
    let start = Instant::now();
    for _ in 0..SIGNED {
        black_box(keys.sign(&id, Timestamp::UNIX_EPOCH, &body));
    }
    println!("sign 1 KiB                                {:?}", start.elapsed() / SIGNED);
}

async fn put(sender: &Sender<Memory>, nth: u128, receiver: &Receiver, memory: &Memory) {
    let (target, outbox) = (receiver.target(), memory.clone());
    let route = Route::Webhook { target, keys: keys() };
    let endpoint = Endpoint { route, outbox, after: memory.cursor(), tried: 0 };
    sender.put(EndpointId(Uuid::from_u128(nth)), endpoint).await.unwrap();
}

/// How long one endpoint takes over all of its messages.
async fn one(sender: &Sender<Memory>, nth: u128) -> Duration {
    let (receiver, memory) = (Receiver::start(Manner::well()).await, Memory::of(MESSAGES));
    let start = Instant::now();
    put(sender, nth, &receiver, &memory).await;
    memory.delivered(MESSAGES).await;
    start.elapsed()
}

/// How long many take over a few messages each.
async fn many(sender: &Sender<Memory>) -> Duration {
    let receiver = Receiver::start(Manner::well()).await;
    let memories: Vec<_> = (0..MANY).map(|_| Memory::of(OF_MANY)).collect();
    let start = Instant::now();
    for (nth, memory) in (1_000..).zip(&memories) {
        put(sender, nth, &receiver, memory).await;
    }
    for memory in &memories {
        memory.delivered(OF_MANY).await;
    }
    start.elapsed()
}

/// How long from a message until it has come, while nothing else is sent.
async fn latency(sender: &Sender<Memory>, nth: u128) -> Duration {
    let (receiver, memory) = (Receiver::start(Manner::well()).await, Memory::default());
    put(sender, nth, &receiver, &memory).await;
    let mut spans = Vec::new();
    for nth in 1..=101_u64 {
        let mut came = receiver.came.subscribe();
        let start = Instant::now();
        memory.add(nth);
        let nth = usize::try_from(nth).unwrap();
        came.wait_for(|came| came.len() == nth).await.unwrap();
        spans.push(start.elapsed());
        memory.noted(nth).await;
    }
    spans.sort();
    spans[spans.len() / 2]
}

/// How much memory this process has in use, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn all() {
    let carriers = Carriers { webhooks: client(Duration::from_millis(500)), mail: None };
    let (giver, rounds) = sender(carriers, &Settings::default(), Edge::system());
    let stop = Stop::new();
    let rounds = tokio::spawn(rounds.run(stop.clone()));
    let each = |span: Duration, count: u64| span / u32::try_from(count).unwrap();
    println!("one endpoint, a message after the other   {:?}", each(one(&giver, 1).await, MESSAGES));
    println!("{MANY} endpoints at once, a message          {:?}", each(many(&giver).await, MANY * OF_MANY));
    println!("from a message until it has come, median  {:?}", latency(&giver, 2).await);
    let silent = Receiver::start(Manner::Silent).await;
    // Messages are shared, so that what is measured is the sender's own.
    let memory = Memory::default();
    memory.messages.send_modify(|all| all.push(message(1)));
    memory.recorded.send_replace(feed::sending::Position(2));
    let before = resident();
    for nth in 0..HANGING {
        put(&giver, 10_000 + nth, &silent, &memory).await;
    }
    println!("one endpoint beside {HANGING} that hang         {:?}", each(one(&giver, 3).await, MESSAGES));
    println!("from a message until it has come, median  {:?}", latency(&giver, 4).await);
    let grown = resident().saturating_sub(before);
    println!("memory of an endpoint that hangs, about   {} KiB, its server's half included", grown / 500);
    stop.kill();
    rounds.await.unwrap().unwrap();
}

fn main() {
    sign();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(all());
}
