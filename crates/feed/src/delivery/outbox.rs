//! The messages of one subscription, and the record of what became of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use domain::id::SubscriptionId;
use domain::subscription::Flow;
use journal::deliveries::{DeliveryError, DeliveryRecord, Outcome as Became, Tip};
use journal::seals::Hash;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::owner::FOLLOW;
use crate::placements::Reader;
use crate::source::Source;
use crate::webhook::outbox::{Message, Note, Outbox, Outcome, Position, Pulled};
use crate::webhook::{Failure, MessageId};

/// How long is waited for something new before it is looked again.
const IDLE: Duration = Duration::from_secs(1);
/// How often a record is put behind one that somebody else wrote meanwhile.
const TRIES: usize = 3;

/// By which way.
pub(super) const WEBHOOK: &str = "webhook";

/// What a subscription is told.
pub(crate) struct Told {
    source: Source,
    id: SubscriptionId,
    round: u32,
    /// Nothing may be told now: it is looked again after a while.
    resting: AtomicBool,
    chain: Mutex<Chain>,
}

/// The end of what was recorded.
#[derive(Debug)]
struct Chain {
    tip: Tip,
    cursor: u64,
    /// The message that was given out last, and the hash of its body.
    given: Option<(MessageId, Hash)>,
}

impl Told {
    /// What the subscription is told in this round of its delivery, after `cursor`.
    pub(super) fn new(source: Source, id: SubscriptionId, round: u32, tip: Tip, cursor: u64) -> Self {
        let chain = Mutex::new(Chain { tip, cursor, given: None });
        Self { source, id, round, resting: AtomicBool::new(false), chain }
    }

    /// The first message after a position; nothing when none may be told now.
    fn pulled(&self, after: u64) -> anyhow::Result<Option<Pulled>> {
        let page = self.source.reading.now()?;
        let Some(is) = self.source.stands(&page, self.id)? else { return Ok(None) };
        let Some(delivery) = is.delivery.as_ref().filter(|delivery| delivery.round == self.round) else {
            return Ok(None);
        };
        if is.flow != Flow::Running {
            return Ok(None);
        }
        let Some(owner) = self.source.owner(&page, self.id, &is, delivery)? else { return Ok(None) };
        let query = self.source.query_of(&page, self.id, &is)?;
        let reader = Reader { rights: &owner, action: FOLLOW };
        let (told, upto) = self.source.passages_told(&page, reader, &query, after, 1)?;
        let Some((position, _, event)) = told.into_iter().next() else {
            return Ok(Some(Pulled::Nothing { upto: Position(upto) }));
        };
        let id = event.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
        let id: MessageId = id.parse().context("an event's id names no message")?;
        let body = serde_json::to_vec(&event)?;
        Ok(Some(Pulled::Message(Message::new(Position(position), id, body.into())?)))
    }

    /// Puts a record at the end of the chain, wherever that is by now.
    async fn record(&self, chain: &mut Chain, mut record: DeliveryRecord) -> Result<(), DeliveryError> {
        let journal = self.source.desk.journal();
        let mut tried = 1;
        loop {
            match journal.record_delivery(self.id, &chain.tip, &record).await {
                Ok(tip) => {
                    chain.tip = tip;
                    return Ok(());
                }
                // Another process sends, too: both say what they did, one behind the other.
                Err(DeliveryError::Overtaken) if tried < TRIES => {
                    tried += 1;
                    let last = journal.last_delivery(self.id).await?;
                    chain.tip = last.as_ref().map_or(Tip::NONE, |last| last.tip);
                    // What the other one delivered is not begun with again.
                    record.cursor = last.map_or(0, |last| last.record.cursor).max(record.cursor);
                }
                Err(why) => return Err(why),
            }
        }
    }
}

impl Outbox for Told {
    async fn ready(&self, after: Position) {
        if self.resting.swap(false, Ordering::Relaxed) {
            self.source.desk.edge().clock.passed(IDLE).await;
        } else {
            self.source.view.reached(after.0.saturating_add(1), IDLE).await;
        }
    }

    async fn next(&self, after: Position) -> anyhow::Result<Pulled> {
        let Some(pulled) = self.pulled(after.0)? else {
            self.resting.store(true, Ordering::Relaxed);
            return Ok(Pulled::Nothing { upto: after });
        };
        if let Pulled::Message(message) = &pulled {
            let digest = Hash(Sha256::digest(message.body()).into());
            let mut chain = self.chain.lock().await;
            chain.given = Some((message.id().clone(), digest));
            // All before was delivered or is not the owner's to know.
            chain.cursor = chain.cursor.max(after.0);
        }
        Ok(pulled)
    }

    async fn note(&self, note: &Note) -> anyhow::Result<()> {
        let mut chain = self.chain.lock().await;
        let given = chain.given.as_ref().filter(|(id, _)| *id == note.id);
        let cursor = match note.outcome {
            Outcome::Delivered => note.position.0,
            Outcome::Again { .. } | Outcome::GivenUp { .. } | Outcome::Gone => chain.cursor,
        };
        let record = DeliveryRecord {
            way: WEBHOOK.to_owned(),
            round: self.round,
            position: note.position.0,
            item: Some(note.id.as_str().to_owned()),
            digest: given.map(|(_, digest)| *digest),
            attempt: note.attempt,
            at: note.at,
            outcome: became(note.outcome),
            cursor,
        };
        self.record(&mut chain, record).await?;
        chain.cursor = cursor;
        Ok(())
    }
}

fn became(outcome: Outcome) -> Became {
    let status = |why: Failure| match why {
        Failure::Status(status) | Failure::Redirect(status) => Some(status),
        Failure::Refused(_)
        | Failure::Dns
        | Failure::Connect
        | Failure::Tls
        | Failure::Timeout
        | Failure::Broken => None,
    };
    match outcome {
        Outcome::Delivered => Became::Delivered,
        Outcome::Again { why, due } => Became::Again { why: why.code().to_owned(), status: status(why), due },
        Outcome::GivenUp { why } => Became::GivenUp { why: why.code().to_owned(), status: status(why) },
        Outcome::Gone => Became::Gone,
    }
}
