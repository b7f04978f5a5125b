//! A source in memory: events can be added, taken away, and handed out in small batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use journal::Recorded;
use journal::follow::Trouble;
use parking_lot::Mutex;
use projection::{Batch, Follow, Source, SourceError};
use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct Memory {
    events: watch::Sender<Arc<Vec<Recorded>>>,
    /// How many events a batch holds, in turn.
    sizes: Arc<Vec<usize>>,
    /// What the next question is answered with instead.
    fault: Arc<Mutex<Option<SourceError>>>,
    /// Where it says that it ends, handing nothing out.
    silent: Option<u64>,
    /// How often it cannot say where it ends.
    unreachable: Arc<AtomicUsize>,
    /// How long it takes to hand something out, from the question on.
    slow: Duration,
    /// Why nothing comes.
    trouble: watch::Sender<Option<Trouble>>,
}

impl Memory {
    pub(crate) fn of(events: Vec<Recorded>) -> Self {
        Self {
            events: watch::Sender::new(Arc::new(events)),
            sizes: Arc::new(vec![1000]),
            fault: Arc::default(),
            silent: None,
            unreachable: Arc::default(),
            slow: Duration::ZERO,
            trouble: watch::Sender::new(None),
        }
    }

    /// The same events, handed out in batches of these sizes, over and over.
    pub(crate) fn split(&self, sizes: &[usize]) -> Self {
        Self { sizes: Arc::new(sizes.to_vec()), ..self.clone() }
    }

    /// A source that says it ends there, and never hands anything out.
    pub(crate) fn silent(last: u64) -> Self {
        Self { silent: Some(last), ..Self::of(Vec::new()) }
    }

    /// The same events, each batch taking this long.
    pub(crate) fn slow(&self, slow: Duration) -> Self {
        Self { slow, ..self.clone() }
    }

    /// It cannot say where it ends, so many times.
    pub(crate) fn unreachable(&self, times: usize) {
        self.unreachable.store(times, Ordering::Release);
    }

    /// It is connected, but nothing comes.
    pub(crate) fn trouble(&self, trouble: Option<Trouble>) {
        self.trouble.send_replace(trouble);
    }

    pub(crate) fn last(&self) -> u64 {
        self.events.borrow().len() as u64
    }

    pub(crate) fn add(&self, more: Recorded) {
        self.events.send_modify(|events| Arc::make_mut(events).push(more));
    }

    pub(crate) fn truncate(&self, last: usize) {
        self.events.send_modify(|events| Arc::make_mut(events).truncate(last));
    }

    pub(crate) fn fail_once(&self, fault: SourceError) {
        *self.fault.lock() = Some(fault);
        self.events.send_modify(|_| {});
    }
}

pub(crate) struct Reading {
    memory: Memory,
    changes: watch::Receiver<Arc<Vec<Recorded>>>,
    /// How many events were handed out or skipped.
    at: usize,
    turn: usize,
}

impl Source for Memory {
    type Follower = Reading;

    fn follow(&self, after: u64) -> Reading {
        let at = usize::try_from(after).unwrap();
        Reading { memory: self.clone(), changes: self.events.subscribe(), at, turn: 0 }
    }

    async fn last_position(&self) -> Result<u64, SourceError> {
        let less = |times: usize| times.checked_sub(1);
        if self.unreachable.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok() {
            return Err(SourceError::Unreachable("not yet".to_owned()));
        }
        let last = self.events.borrow().last().map_or(0, |event| event.position);
        Ok(self.silent.unwrap_or(last))
    }

    fn connected(&self) -> bool {
        true
    }
}

impl Follow for Reading {
    async fn next_batch(&mut self, max: usize) -> Result<Batch, SourceError> {
        let (at, memory) = (self.at, &self.memory);
        tokio::time::sleep(memory.slow).await;
        if memory.silent.is_some() {
            return std::future::pending().await;
        }
        let events = self.changes.wait_for(|events| events.len() > at || memory.fault.lock().is_some()).await;
        let events = Arc::clone(&events.unwrap());
        if let Some(fault) = memory.fault.lock().take() {
            return Err(fault);
        }
        let size = memory.sizes[self.turn % memory.sizes.len()].min(max);
        self.turn += 1;
        let events_now: Vec<_> = events[at..].iter().take(size).cloned().collect();
        self.at += events_now.len();
        Ok(Batch { events: events_now, pending: (events.len() - self.at) as u64 })
    }

    fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.memory.trouble.subscribe()
    }
}
