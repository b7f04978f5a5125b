//! The messages of one subscription, and the record of what became of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use domain::id::SubscriptionId;
use domain::subscription::{Delivery, Flow, Standing, Way};
use jiff::Timestamp;
use journal::deliveries::{DeliveryRecord, Outcome as Became, Reach};
use journal::seals::Hash;
use projection::Page;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::chain::Chain;
use super::letter::Letter;
use super::owner::FOLLOW;
use crate::live;
use crate::placements::Reader;
use crate::sending::{Message, Note, Outbox, Outcome, Position, Pulled};
use crate::source::Source;
use crate::webhook::MessageId;

/// How long is waited for something new before it is looked again.
const IDLE: Duration = Duration::from_secs(1);
/// How many items one mail gathers.
const GATHERED_MAX: usize = 500;

/// What a subscription is told.
pub(crate) struct Told {
    source: Source,
    id: SubscriptionId,
    round: u32,
    /// The replay that is sent before anything else; 0 for none.
    replay: u32,
    /// Where a mail leads to.
    link: Option<String>,
    /// Nothing may be told now: it is looked again after a while.
    resting: AtomicBool,
    end: Mutex<End>,
}

/// The end of what was recorded, and what was given out last.
struct End {
    chain: Chain,
    given: Option<Given>,
}

/// A message that was given out.
#[derive(Clone)]
struct Given {
    id: MessageId,
    digest: Hash,
    /// Everything up to there was done with before.
    after: u64,
    gathered: Option<u32>,
}

/// What was found after a position.
enum Found {
    Message(Message, Option<u32>),
    Nothing { upto: u64 },
}

/// Between which positions is looked.
#[derive(Clone, Copy)]
struct Span {
    after: u64,
    /// Up to where something is sent again; nothing while what is new is sent.
    until: Option<u64>,
}

impl Told {
    /// What the subscription is told in this round of its delivery, `chain` being what was recorded.
    pub(super) fn new(
        source: Source,
        id: SubscriptionId,
        (round, replay): (u32, u32),
        link: Option<String>,
        chain: Chain,
    ) -> Self {
        let end = Mutex::new(End { chain, given: None });
        Self { source, id, round, replay, link, resting: AtomicBool::new(false), end }
    }

    /// The first message after a position; nothing when none may be told now.
    fn found(&self, reach: &mut Reach, after: u64) -> anyhow::Result<Option<Found>> {
        let (page, now) = (self.source.reading.now()?, self.source.desk.edge().now());
        let Some(is) = self.source.stands(&page, self.id)? else { return Ok(None) };
        let same = |delivery: &&Delivery| {
            delivery.round == self.round && is.replay.map_or(0, |replay| replay.number) == self.replay
        };
        let Some(delivery) = is.delivery.as_ref().filter(same) else { return Ok(None) };
        let territory = self.id.territory();
        if is.flow != Flow::Running || delivery.is_quiet(territory, now) {
            return Ok(None);
        }
        let span = span(&is, reach, after);
        let most = match delivery.way {
            Way::Webhook { .. } => 1,
            Way::Mail { .. } => GATHERED_MAX,
            Way::Broker {} => return Ok(None),
        };
        let Some((told, upto)) = self.told(&page, &is, delivery, span, most)? else { return Ok(None) };
        if told.is_empty() {
            return Ok(Some(Found::Nothing { upto: past(reach, span, upto) }));
        }
        match delivery.way {
            Way::Webhook { .. } => single(&told).map(Some),
            Way::Mail { .. } => {
                let due = delivery.rhythm.upto(territory, now);
                let due: Vec<_> =
                    told.into_iter().filter(|is| recorded(is).is_some_and(|at| at <= due)).collect();
                self.gathered(&due)
            }
            Way::Broker {} => Ok(None),
        }
    }

    /// What the owner is told between two positions, and how far was looked; nothing if it may not be told now.
    fn told(
        &self,
        page: &Page,
        is: &Standing,
        delivery: &Delivery,
        span: Span,
        most: usize,
    ) -> anyhow::Result<Option<(Vec<live::Message>, u64)>> {
        let Some(owner) = self.source.owner(page, self.id, is, delivery)? else { return Ok(None) };
        let query = self.source.query_of(page, self.id, is)?;
        let reader = Reader { rights: &owner, action: FOLLOW };
        let (mut told, upto) = self.source.passages_told(page, reader, &query, span.after, most)?;
        told.retain(|(position, ..)| span.until.is_none_or(|until| *position <= until));
        Ok(Some((told, upto)))
    }

    /// One mail about all of these.
    fn gathered(&self, due: &[live::Message]) -> anyhow::Result<Option<Found>> {
        let (Some(first), Some(last)) = (due.first(), due.last()) else { return Ok(None) };
        let letter = Letter::of(self.id, due, self.link.as_deref());
        // The same mail as long as it begins with the same item, however many have come to it when it is tried again.
        let id = message_id(&first.2)?;
        let body = letter.text().into_bytes();
        let message = Message::new(Position(last.0), id, body.into())?;
        Ok(Some(Found::Message(message, Some(u32::try_from(due.len()).unwrap_or(u32::MAX)))))
    }
}

/// What is sent again comes before what is new.
fn span(is: &Standing, reach: &mut Reach, after: u64) -> Span {
    let until = is.replay.map_or(0, |replay| replay.until.min(reach.cursor));
    if reach.replay.is_some_and(|replay| replay.cursor < until) && after < until {
        return Span { after, until: Some(until) };
    }
    // All before was delivered or is not the owner's to know.
    reach.cursor = reach.cursor.max(after);
    Span { after: reach.cursor, until: None }
}

/// How far nothing was found: after a replay it goes on with what is new.
fn past(reach: &mut Reach, span: Span, upto: u64) -> u64 {
    match (span.until, &mut reach.replay) {
        (Some(until), Some(replay)) if until <= upto => {
            replay.cursor = until;
            reach.cursor
        }
        (Some(_) | None, _) => upto,
    }
}

fn recorded((_, _, event): &live::Message) -> Option<Timestamp> {
    event.get("time").and_then(Value::as_str).and_then(|time| time.parse().ok())
}

fn message_id(event: &Value) -> anyhow::Result<MessageId> {
    let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
    id.parse().context("an event's id names no message")
}

fn single(told: &[live::Message]) -> anyhow::Result<Found> {
    let (position, _, event) = told.first().context("nothing is told")?;
    let body = serde_json::to_vec(event)?;
    Ok(Found::Message(Message::new(Position(*position), message_id(event)?, body.into())?, None))
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
        let mut end = self.end.lock().await;
        match self.found(&mut end.chain.reach, after.0)? {
            None => {
                self.resting.store(true, Ordering::Relaxed);
                Ok(Pulled::Nothing { upto: after })
            }
            Some(Found::Nothing { upto }) => Ok(Pulled::Nothing { upto: Position(upto) }),
            Some(Found::Message(message, gathered)) => {
                let digest = Hash(Sha256::digest(message.body()).into());
                end.given = Some(Given { id: message.id().clone(), digest, after: after.0, gathered });
                Ok(Pulled::Message(message))
            }
        }
    }

    async fn note(&self, note: &Note) -> anyhow::Result<()> {
        let mut end = self.end.lock().await;
        let given = end.given.clone().filter(|given| given.id == note.id);
        let record = |mut reach: Reach| {
            let gathered = given.as_ref().and_then(|given| given.gathered);
            let outcome = became(note.outcome, gathered.is_some());
            if matches!(outcome, Became::Delivered | Became::Sent) {
                let before = note.position.0.saturating_sub(1);
                reach.pass(given.as_ref().map_or(before, |given| given.after), note.position.0, false);
            }
            DeliveryRecord {
                way: if gathered.is_some() { "mail" } else { "webhook" }.to_owned(),
                round: self.round,
                position: note.position.0,
                item: Some(note.id.as_str().to_owned()),
                digest: given.as_ref().map(|given| given.digest),
                attempt: note.attempt,
                at: note.at,
                outcome,
                gathered,
                reach,
            }
        };
        end.chain.put(self.source.desk.journal(), record).await?;
        Ok(())
    }
}

fn became(outcome: Outcome, by_mail: bool) -> Became {
    match outcome {
        Outcome::Delivered if by_mail => Became::Sent,
        Outcome::Delivered => Became::Delivered,
        Outcome::Again { why, due } => {
            Became::Again { why: why.code().to_owned(), status: why.status(), due }
        }
        Outcome::GivenUp { why } => Became::GivenUp { why: why.code().to_owned(), status: why.status() },
        Outcome::Gone => Became::Gone,
    }
}
