//! Large loads: decisions that were already taken, in order, as fast as the broker stores them.

use std::collections::HashMap;

use domain::ledger::AggregateId;

use super::wire::{self, Item, Outcome};
use super::{AppendError, Unreachable};
use crate::decision::{Decision, MAX_CHANGES, Prepared, Unwritable, prepare};
use crate::journal::Journal;
use crate::keys::Holder;
use crate::keys::KeyError;
use crate::link::Link;
use crate::sealing::has_personal;

/// How long a load waits before it asks again a broker that did not answer.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Decisions recorded so far.
    pub decisions: u64,
    /// Events recorded so far.
    pub events: u64,
    /// The position of the last of them.
    pub position: u64,
}

/// A load that was recorded to its end.
pub type Loaded = Progress;

/// A load that stopped: what was recorded before stays, nothing of the batch that failed was recorded.
#[derive(Debug, thiserror::Error)]
#[error("the load stopped after {} decisions: {source}; correct the cause and go on from there", reached.decisions)]
pub struct BulkError {
    /// How far it came.
    pub reached: Progress,
    /// Why it stopped.
    pub source: AppendError,
}

/// One batch of whole decisions.
#[derive(Default)]
struct Batch {
    stream: String,
    decisions: Vec<Prepared>,
    events: usize,
}

impl Journal {
    /// Records decisions that were already taken, in order, several of one ledger in the same batch if they come so.
    ///
    /// Each batch of up to 1,000 events is recorded whole or not at all and guarded by the versions of its ledgers:
    /// `versions` says what they are before the load (a ledger not in it must have no event) and afterwards holds
    /// what they are then, so that a load can go on where another ended. The versions a decision states itself are
    /// not looked at. `progress` is called after each batch.
    ///
    /// While one batch is being stored the next is prepared: taking decisions from the iterator, sealing and writing
    /// JSON cost no time of their own on a second core.
    ///
    /// # Errors
    /// [`BulkError`] with how far it came; `Conflict` means that somebody else wrote to one of the ledgers.
    pub async fn append_bulk(
        &self,
        decisions: impl IntoIterator<Item = Decision>,
        versions: &mut HashMap<AggregateId, u64>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Loaded, BulkError> {
        let mut decisions = decisions.into_iter();
        let mut reached = Progress { decisions: 0, events: 0, position: 0 };
        let mut held = None;
        let stopped = |reached, source| BulkError { reached, source };
        let mut batch =
            self.gather(&mut decisions, &mut held).await.map_err(|e| stopped(reached, e.into()))?;
        while batch.events > 0 {
            let guards = guards(&batch, versions);
            let link = self.link().clone();
            let under_way = tokio::spawn(async move {
                let outcome = store(&link, &batch, &guards).await;
                (batch, guards, outcome)
            });
            let next = self.gather(&mut decisions, &mut held).await;
            let (stored, guards, outcome) =
                under_way.await.map_err(|e| stopped(reached, AppendError::Unknown { why: e.to_string() }))?;
            let first = self.settle(&stored, &guards, outcome).await.map_err(|e| stopped(reached, e))?;
            reached = learn(&stored, first, versions, reached);
            progress(reached);
            batch = next.map_err(|e| stopped(reached, e.into()))?;
        }
        Ok(reached)
    }

    /// The next whole decisions of one stream that fit a batch. `held` is the one that did not fit the batch before.
    async fn gather(
        &self,
        decisions: &mut impl Iterator<Item = Decision>,
        held: &mut Option<Decision>,
    ) -> Result<Batch, Unwritable> {
        let mut batch = Batch::default();
        let mut chosen: Vec<Decision> = Vec::new();
        while let Some(decision) = held.take().or_else(|| decisions.next()) {
            let stream =
                decision.drafts.first().map(|draft| self.stream_of(&draft.ledger)).unwrap_or_default();
            let fits = batch.events + decision.drafts.len() <= MAX_CHANGES && batch.stream == stream;
            if !(chosen.is_empty() || fits) {
                *held = Some(decision);
                break;
            }
            if chosen.is_empty() {
                batch.stream = stream.to_owned();
            }
            batch.events += decision.drafts.len();
            chosen.push(decision);
        }
        self.draw_keys_patiently(&chosen).await?;
        for decision in chosen {
            let decision = stated(decision);
            batch.decisions.push(prepare(decision, &self.config().partitions, self.keys()).await?);
        }
        Ok(batch)
    }

    /// Draws keys, again for a while if the broker does not answer.
    async fn draw_keys_patiently(&self, decisions: &[Decision]) -> Result<(), Unwritable> {
        let deadline = tokio::time::Instant::now() + self.config().patience;
        loop {
            match self.draw_keys(decisions).await {
                Err(Unwritable::Unsealed(KeyError::Broker { what, source }))
                    if tokio::time::Instant::now() < deadline =>
                {
                    tracing::warn!(what, error = %source, "keys are drawn once more");
                    tokio::time::sleep(PAUSE).await;
                }
                drawn => return drawn,
            }
        }
    }

    /// Draws the keys of those whom personal values are about, all at once.
    async fn draw_keys(&self, decisions: &[Decision]) -> Result<(), Unwritable> {
        let Some(keys) = self.keys() else { return Ok(()) };
        let drafts = decisions.iter().flat_map(|decision| &decision.drafts);
        let holders: Vec<Holder> = drafts
            .filter(|draft| has_personal(&draft.body))
            .filter_map(|draft| Holder::of(&draft.ledger))
            .collect();
        if !holders.is_empty() {
            keys.create_many(&holders).await?;
        }
        Ok(())
    }

    /// Where the first event of a batch stands, or why there is none: a batch without an answer is looked for, and
    /// sent again if it is not there.
    async fn settle(
        &self,
        batch: &Batch,
        guards: &HashMap<AggregateId, u64>,
        mut outcome: Outcome,
    ) -> Result<u64, AppendError> {
        let deadline = tokio::time::Instant::now() + self.config().patience;
        loop {
            let why = match outcome {
                Outcome::Stored { first } => return Ok(first),
                Outcome::Full { why } => return Err(AppendError::Full { why }),
                Outcome::Refused { why } => return Err(AppendError::Refused { why }),
                Outcome::Lost { .. } => {
                    return match self.find(batch, guards).await {
                        Ok(Some(first)) => Ok(first),
                        Ok(None) => Err(AppendError::Conflict { ledger: None }),
                        Err(error) => Err(AppendError::Unknown { why: error.to_string() }),
                    };
                }
                Outcome::Unknown { why } | Outcome::Absent { why } => why,
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(Unreachable::new("load decisions", why).into());
            }
            tokio::time::sleep(PAUSE).await;
            outcome = match self.find(batch, guards).await {
                Ok(Some(first)) => Outcome::Stored { first },
                Ok(None) => store(self.link(), batch, guards).await,
                Err(error) => Outcome::Unknown { why: error.to_string() },
            };
        }
    }

    /// The position of a batch's first event, if the batch was recorded.
    async fn find(
        &self,
        batch: &Batch,
        guards: &HashMap<AggregateId, u64>,
    ) -> Result<Option<u64>, crate::read::ReadError> {
        let Some(first) = batch.decisions.first().and_then(|decision| decision.events.first()) else {
            return Ok(None);
        };
        let after = guards.get(&first.ledger).copied().unwrap_or(0);
        let events = self.settled_since(&first.ledger, after).await?;
        Ok(events.iter().find(|event| event.stamp.event == first.id).map(|event| event.position))
    }
}

/// The versions of the ledgers of a batch as they are before it.
fn guards(batch: &Batch, versions: &HashMap<AggregateId, u64>) -> HashMap<AggregateId, u64> {
    let ledgers =
        batch.decisions.iter().flat_map(|decision| decision.events.iter().map(|event| event.ledger));
    ledgers.map(|ledger| (ledger, versions.get(&ledger).copied().unwrap_or(0))).collect()
}

/// The decision with a version stated for each of its ledgers; the load knows the true ones.
fn stated(mut decision: Decision) -> Decision {
    decision.expected.clear();
    for draft in &decision.drafts {
        if !decision.expected.iter().any(|(ledger, _)| *ledger == draft.ledger) {
            decision.expected.push((draft.ledger, 0));
        }
    }
    decision
}

async fn store(link: &Link, batch: &Batch, guards: &HashMap<AggregateId, u64>) -> Outcome {
    let mut left = guards.clone();
    let mut items = Vec::with_capacity(batch.events);
    for prepared in &batch.decisions {
        for event in &prepared.events {
            let guard = left.remove(&event.ledger);
            items.push(Item { event, circumstances: &prepared.circumstances, guard });
        }
    }
    match items.as_slice() {
        [item] => wire::one(link, item).await,
        items => wire::batch(link, items).await,
    }
}

/// Notes the versions after a batch whose first event stands at `first`.
fn learn(batch: &Batch, first: u64, versions: &mut HashMap<AggregateId, u64>, before: Progress) -> Progress {
    let mut position = first;
    for event in batch.decisions.iter().flat_map(|decision| &decision.events) {
        versions.insert(event.ledger, position);
        position += 1;
    }
    Progress {
        decisions: before.decisions + batch.decisions.len() as u64,
        events: before.events + batch.events as u64,
        position: position - 1,
    }
}
