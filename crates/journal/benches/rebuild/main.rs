//! How fast a view is rebuilt from the journal, next to reading the whole journal and doing nothing with it.
//!
//! `cargo bench -p journal --bench rebuild [-- EVENTS]`: a broker, a journal of events of 400 bytes on average that
//! tells two years, many thousands of ledgers; then, in turn, a reader that does nothing, and the states, commands and
//! indexes of a deciding service built from nothing into files. Promised: at least 60,000 events per second on two
//! cores, the broker beside. What all processes used of the processors is told too: on a machine that does other
//! things, it says more than time does.

mod lives;
mod processor;

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use domain::decide::Service;
use domain::decide::clock::deadlines;
use domain::ledger::{AggregateId, State};
use domain::rules::RuleBook;
use domain::worklist::{Desk, tasks};
use jiff::Timestamp;
use journal::broker::Broker;
use journal::keys::KeyFile;
use journal::{Journal, JournalConfig};
use projection::ledgers::{IndexEntry, LedgersView};
use projection::{Options, Projection, Tree, View, key};

use processor::Used;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How many events there are unless the command line says otherwise.
const EVENTS: usize = 200_000;
const TURNS: usize = 4;
const AT_ONCE: usize = 1_000;
const PROMISED: f64 = 60_000.0;
const LEDGER_READS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(3600);

const DEADLINES: Tree = Tree::named("bench/deadlines");
const TASKS: Tree = Tree::named("bench/tasks");

/// What the service that takes the SIAO's commands keeps of a ledger.
fn index(ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    let json = |value: Result<Vec<u8>, serde_json::Error>| value.unwrap_or_default();
    let mut entries = Vec::new();
    for (deadline, n) in deadlines(ledger, state).iter().zip(0_u32..) {
        if deadline.kind.service() == Service::Intake {
            let at = key::of(&(deadline.due, *ledger, n));
            entries.push((DEADLINES, at, json(serde_json::to_vec(deadline))));
        }
    }
    for (task, n) in tasks(ledger, state, RuleBook::shipped()).iter().zip(0_u32..) {
        if matches!(task.desk, Desk::Referrer | Desk::Siao) {
            let due = task.due.unwrap_or(Timestamp::MAX);
            let at = key::of(&(task.desk.name(), due, task.since, *ledger, n));
            entries.push((TASKS, at, json(serde_json::to_vec(task))));
        }
    }
    entries
}

fn views() -> Vec<Box<dyn View>> {
    vec![Box::new(LedgersView::new(1).indexed(&[DEADLINES, TASKS], index))]
}

/// Reads everything and does nothing.
async fn read_all(journal: &Journal, count: usize) -> Outcome<()> {
    let mut follower = journal.follow(0);
    let mut read = 0;
    while read < count {
        read += follower.next_batch(AT_ONCE).await?.events.len();
    }
    Ok(())
}

/// Builds the view from nothing, until its rows can be read.
async fn build(journal: &Journal, count: usize) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let options = Options::new("bench", directory.path());
    let (projection, _) = Projection::start(journal.clone(), views(), options).await?;
    let handle = projection.handle();
    if !handle.reached(count as u64, PATIENCE).await || handle.halted() > 0 {
        return Err(format!("the view was not built: {}", handle.ready()).into());
    }
    projection.stop().await;
    Ok(())
}

/// What one way of reading the journal took, over all turns.
#[derive(Default)]
struct Measured {
    time: Duration,
    used: Used,
}

impl Measured {
    async fn add(&mut self, work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
        let (began, used) = (Instant::now(), Used::now());
        work.await?;
        self.time += began.elapsed();
        self.used += Used::now() - used;
        Ok(())
    }

    fn per_second(&self, count: usize) -> f64 {
        (count * TURNS) as f64 / self.time.as_secs_f64()
    }

    fn print(&self, what: &str, count: usize) {
        let each = |used: Duration| used.as_secs_f64() * 1e6 / (count * TURNS) as f64;
        println!(
            "{what:<18} {:>8.0} events/s {:>7.1} µs {:>7.1} µs",
            self.per_second(count),
            each(self.used.here),
            each(self.used.broker),
        );
    }
}

/// Reading and building, in turn.
async fn compare(journal: &Journal, count: usize) -> Outcome<()> {
    let (mut nothing, mut built) = (Measured::default(), Measured::default());
    for _ in 0..TURNS {
        nothing.add(read_all(journal, count)).await?;
        built.add(build(journal, count)).await?;
    }
    println!("{:<18} {:>17} {:>10} {:>10}", "", "", "here", "broker");
    nothing.print("read, do nothing", count);
    built.print("rebuild the view", count);
    let (nothing, built) = (nothing.per_second(count), built.per_second(count));
    let verdict = if built < PROMISED { "  below what is promised" } else { "" };
    println!("rebuild / read     {:>8.2}{verdict}", built / nothing);
    Ok(())
}

/// Reads single ledgers whose events are spread over the journal: the worst case for the broker, which looks through
/// every block of its files in between.
async fn ledgers(journal: &Journal, ids: &[AggregateId]) -> Outcome<()> {
    let (mut whole, mut bodies, mut recent, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for ledger in ids {
        let start = Instant::now();
        let events = journal.load(ledger).await?;
        whole.push(start.elapsed());
        count += events.len();
        let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
        let start = Instant::now();
        journal.at(&positions).await?;
        bodies.push(start.elapsed());
        let start = Instant::now();
        journal.since(ledger, positions[positions.len() - 1]).await?;
        recent.push(start.elapsed());
    }
    let mean = count / ids.len().max(1);
    for (name, mut times) in [("load", whole), ("at", bodies), ("since its end", recent)] {
        let first = times[0];
        times.sort_unstable();
        println!("one ledger of {mean} events, {name}: first {first:?}, median {:?}", times[times.len() / 2]);
    }
    Ok(())
}

async fn measure(count: usize) -> Outcome<()> {
    let broker = Broker::temporary().await?;
    let directory = tempfile::tempdir()?;
    let keys = KeyFile::open_or_create(&directory.path().join("key"), None)?;
    let journal = Journal::open(JournalConfig::at(broker.url())).await?.with_keys(keys).await?;
    let decisions = lives::decisions(count)?;
    let some = decisions.iter().skip(count / 20).take(LEDGER_READS).map(|decision| decision.drafts[0].ledger);
    let some: Vec<_> = some.collect();
    let start = Instant::now();
    let mut versions = HashMap::new();
    journal.append_bulk(decisions, &mut versions, |_| {}).await?;
    let loaded = count as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    let all = journal.range(0, usize::MAX).await?;
    let ranged = count as f64 / start.elapsed().as_secs_f64();
    let mean = all.iter().map(|event| event.body.len()).sum::<usize>() / count;
    drop(all);
    println!("{count} events of {mean} bytes on {} ledgers", versions.len());
    println!("load               {loaded:>8.0} events/s");
    println!("range              {ranged:>8.0} events/s");
    compare(&journal, count).await?;
    ledgers(&journal, &some).await?;
    broker.stop().await;
    Ok(())
}

fn main() -> Outcome<()> {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(EVENTS);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(measure(count))
}
