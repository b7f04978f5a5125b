//! The appender of one stream.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use domain::ledger::AggregateId;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::known::Known;
use super::wire::{self, Item, Outcome};
use super::{AppendError, Job, QUEUE};
use crate::decision::{Appended, MAX_CHANGES, Prepared};
use crate::link::{Link, Unreachable};
use crate::read;

/// The most bytes of bodies in one batch: keeps the broker's write buffers and our own small.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// The longest that callers who were just answered are waited for: they ask again together, and a batch costs much the
/// same whatever its size. A decision that comes later than that goes at once.
const COURTESY: Duration = Duration::from_millis(2);

/// What part of the time the batch before took is spent at most on that.
const COURTESY_PART: u32 = 4;

pub(super) struct Task {
    link: Link,
    stream: String,
    jobs: mpsc::Receiver<Job>,
    waiting: VecDeque<Job>,
    known: Known,
    /// How many decisions the batch before held, and until when those that follow it are waited for.
    before: (usize, Instant),
}

impl Task {
    pub(super) fn new(link: Link, stream: String, jobs: mpsc::Receiver<Job>) -> Self {
        let known = Known::new(&link);
        Self { link, stream, jobs, waiting: VecDeque::new(), known, before: (0, Instant::now()) }
    }

    /// Runs until nobody can ask any more.
    pub(super) async fn run(mut self) {
        while self.collect().await {
            self.known.refresh(&self.link);
            let batch = self.choose();
            let (size, start) = (batch.len(), Instant::now());
            self.commit(batch).await;
            let end = Instant::now();
            self.before = (size, end + COURTESY.min((end - start) / COURTESY_PART));
        }
    }

    /// Takes in what is asked; waits if there is nothing to do. False when nobody can ask any more.
    async fn collect(&mut self) -> bool {
        if self.waiting.is_empty() {
            match self.jobs.recv().await {
                Some(job) => self.waiting.push_back(job),
                None => return false,
            }
        }
        let (size, until) = self.before;
        loop {
            while self.waiting.len() < QUEUE {
                match self.jobs.try_recv() {
                    Ok(job) => self.waiting.push_back(job),
                    Err(_) => break,
                }
            }
            if self.waiting.len() >= size {
                return true;
            }
            match timeout_at(until, self.jobs.recv()).await {
                Ok(Some(job)) => self.waiting.push_back(job),
                Ok(None) | Err(_) => return true,
            }
        }
    }

    /// The decisions of the next batch: no ledger twice, in the order they came. Those that cannot win are answered.
    fn choose(&mut self) -> Vec<Job> {
        let mut chosen = Vec::new();
        let mut aside = VecDeque::new();
        let mut taken: HashSet<AggregateId> = HashSet::new();
        let (mut events, mut bytes) = (0, 0);
        while let Some(job) = self.waiting.pop_front() {
            if let Some(ledger) = self.known.stale(&job.prepared.guards) {
                answer(job, Err(AppendError::Conflict { ledger: Some(ledger) }));
                continue;
            }
            let weight: usize = job.prepared.events.iter().map(|event| event.body.len()).sum();
            let fits = events + job.prepared.events.len() <= MAX_CHANGES
                && (chosen.is_empty() || bytes + weight <= MAX_BATCH_BYTES);
            let free = job.prepared.guards.iter().all(|(ledger, _)| !taken.contains(ledger));
            // A decision set aside keeps its turn: later ones on its ledgers do not overtake it.
            taken.extend(job.prepared.guards.iter().map(|(ledger, _)| *ledger));
            if !(fits && free) {
                aside.push_back(job);
                if events >= MAX_CHANGES {
                    break;
                }
                continue;
            }
            events += job.prepared.events.len();
            bytes += weight;
            chosen.push(job);
        }
        aside.append(&mut self.waiting);
        self.waiting = aside;
        chosen
    }

    /// Commits a batch. If it is refused, those that can be told to have lost are told so, and the others go again.
    async fn commit(&mut self, batch: Vec<Job>) {
        let Some(batch) = self.attempt(batch).await else { return };
        let rest = self.sift(batch).await;
        let Some(rest) = self.attempt(rest).await else { return };
        for job in rest {
            if let Some(lost) = self.attempt(vec![job]).await {
                for job in lost {
                    answer(job, Err(AppendError::Conflict { ledger: None }));
                }
            }
        }
    }

    /// Writes these decisions together and answers them; gives them back if the write was refused by a guard and
    /// they were more than one.
    async fn attempt(&mut self, jobs: Vec<Job>) -> Option<Vec<Job>> {
        if jobs.is_empty() {
            return None;
        }
        let outcome = self.write(&jobs).await;
        match outcome {
            Outcome::Stored { first } => {
                let mut next = first;
                for job in jobs {
                    let positions: Vec<u64> = (next..).take(job.prepared.events.len()).collect();
                    next += positions.len() as u64;
                    self.learn(&job.prepared, &positions);
                    answer(job, Ok(Appended { positions }));
                }
            }
            Outcome::Lost { version } if jobs.len() == 1 => {
                for job in jobs {
                    let ledger = self.only_guard(&job.prepared, version);
                    answer(job, Err(AppendError::Conflict { ledger }));
                }
            }
            Outcome::Lost { .. } => return Some(jobs),
            Outcome::Full { why } => answer_all(jobs, || AppendError::Full { why: why.clone() }),
            Outcome::Absent { why } => {
                answer_all(jobs, || Unreachable::new("record a decision", &why).into())
            }
            Outcome::Refused { why } => answer_all(jobs, || AppendError::Refused { why: why.clone() }),
            Outcome::Unknown { why } => answer_all(jobs, || AppendError::Unknown { why: why.clone() }),
        }
        None
    }

    async fn write(&self, jobs: &[Job]) -> Outcome {
        let mut items = Vec::new();
        for Job { prepared, .. } in jobs {
            items.extend(guarded(prepared));
        }
        match items.as_slice() {
            [item] => wire::one(&self.link, item).await,
            items => wire::batch(&self.link, items).await,
        }
    }

    /// Answers those whose ledgers have moved on and gives back the others: one question for the whole batch. A
    /// replica that is behind finds fewer of them, never wrong ones.
    async fn sift(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let guards = jobs.iter().flat_map(|job| &job.prepared.guards);
        let ledgers: Vec<AggregateId> = guards.map(|(ledger, _)| *ledger).collect();
        match read::versions(&self.link, &self.stream, &ledgers).await {
            Ok(versions) => {
                for (ledger, version) in versions {
                    self.known.learn(ledger, version);
                }
            }
            Err(error) => tracing::warn!(stream = %self.stream, %error, "decisions are retried one by one"),
        }
        let mut rest = Vec::new();
        for job in jobs {
            match self.known.stale(&job.prepared.guards) {
                Some(ledger) => answer(job, Err(AppendError::Conflict { ledger: Some(ledger) })),
                None => rest.push(job),
            }
        }
        rest
    }

    fn learn(&mut self, prepared: &Prepared, positions: &[u64]) {
        for (event, position) in prepared.events.iter().zip(positions) {
            self.known.learn(event.ledger, *position);
        }
    }

    /// The ledger that lost, when there is only one it can be; its version is remembered.
    fn only_guard(&mut self, prepared: &Prepared, version: Option<u64>) -> Option<AggregateId> {
        let [(ledger, _)] = prepared.guards[..] else { return None };
        if let Some(version) = version {
            self.known.learn(ledger, version);
        }
        Some(ledger)
    }
}

/// The events of a decision, the first on each ledger with its guard.
fn guarded(prepared: &Prepared) -> impl Iterator<Item = Item<'_>> {
    let mut guards: Vec<(AggregateId, u64)> = prepared.guards.clone();
    prepared.events.iter().map(move |event| {
        let at = guards.iter().position(|(ledger, _)| *ledger == event.ledger);
        let guard = at.map(|at| guards.swap_remove(at).1);
        Item { event, circumstances: &prepared.circumstances, guard }
    })
}

fn answer(job: Job, answer: Result<Appended, AppendError>) {
    // A caller that no longer waits has been told nothing, and will look for its command.
    let _ = job.answer.send(answer);
}

fn answer_all(jobs: Vec<Job>, error: impl Fn() -> AppendError) {
    for job in jobs {
        answer(job, Err(error()));
    }
}
