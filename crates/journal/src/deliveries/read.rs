//! Reading a subscription's chain: its end, or what lies behind a number, checked link by link.

use async_nats::Message;
use domain::id::SubscriptionId;

use super::record::{DeliveryRecord, Tip, Written, hash, subject_of};
use crate::config::DELIVERIES;
use crate::envelope::Malformed;
use crate::journal::Journal;
use crate::read::ReadError;
use crate::read::direct::{self, BATCH, Question};
use crate::seals::Hash;

const ACTION: &str = "read what was delivered";

/// A record and its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lying {
    /// Its place, and the hash by which the next names it.
    pub tip: Tip,
    /// The hash of the one before.
    pub previous: Hash,
    /// What it says.
    pub record: DeliveryRecord,
    /// Its bytes: what is hashed.
    pub body: Vec<u8>,
}

/// Some records, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The records.
    pub records: Vec<Lying>,
    /// Where the next page begins: behind this place in the stream.
    pub cursor: u64,
    /// Whether there is a next page.
    pub more: bool,
}

impl Journal {
    /// The last record of a subscription.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn last_delivery(&self, id: SubscriptionId) -> Result<Option<Lying>, ReadError> {
        let subjects = [subject_of(id)];
        let question = Question { multi_last: Some(&subjects), ..Question::default() };
        let page = direct::ask(self.link(), DELIVERIES, ACTION, &question).await?;
        page.messages.first().map(lying).transpose().map_err(ReadError::from)
    }

    /// The last record of each of these subscriptions that has one, at most 1,000 of them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn last_deliveries(
        &self,
        ids: &[SubscriptionId],
    ) -> Result<Vec<(SubscriptionId, Lying)>, ReadError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let subjects: Vec<String> = ids.iter().take(BATCH).map(|id| subject_of(*id)).collect();
        let question = Question { multi_last: Some(&subjects), ..Question::default() };
        let page = direct::ask(self.link(), DELIVERIES, ACTION, &question).await?;
        let of = |message: &Message| {
            let (subject, _) = direct::place(message)?;
            ids.iter().find(|id| subject_of(**id) == subject).copied()
        };
        let read = page.messages.iter().filter_map(|message| Some((of(message)?, lying(message))));
        read.map(|(id, lying)| Ok((id, lying?))).collect()
    }

    /// What lies of a subscription behind a place in the stream (0 for all), in order, at most `limit` and at most 1,000. Each
    /// record names the one before it on the page.
    ///
    /// # Errors
    /// [`ReadError`], also when a record does not follow the one before.
    pub async fn deliveries_of(
        &self,
        id: SubscriptionId,
        after: u64,
        limit: usize,
    ) -> Result<DeliveryPage, ReadError> {
        let subject = subject_of(id);
        let question = Question {
            seq: Some(after.saturating_add(1)),
            next_by_subj: Some(&subject),
            batch: Some(limit.clamp(1, BATCH)),
            ..Question::default()
        };
        let page = direct::ask(self.link(), DELIVERIES, ACTION, &question).await?;
        let mut records: Vec<Lying> = Vec::with_capacity(page.messages.len());
        for message in &page.messages {
            let next = lying(message)?;
            let follows = |last: &Lying| {
                last.tip.hash == next.previous && last.tip.number.checked_add(1) == Some(next.tip.number)
            };
            if !records.last().is_none_or(follows) {
                let what = "it does not follow the record before";
                return Err(Malformed { position: next.tip.sequence, what }.into());
            }
            records.push(next);
        }
        let cursor = records.last().map_or(after, |last| last.tip.sequence);
        Ok(DeliveryPage { records, cursor, more: page.pending > 0 })
    }
}

fn lying(message: &Message) -> Result<Lying, Malformed> {
    let missing = Malformed { position: 0, what: "the broker's headers are missing" };
    let (_, sequence) = direct::place(message).ok_or(missing)?;
    let unread = Malformed { position: sequence, what: "it is no record of a delivery" };
    let Written { number, previous, record, .. } = Written::read(&message.payload).ok_or(unread)?;
    let tip = Tip { sequence, number, hash: hash(&message.payload) };
    Ok(Lying { tip, previous, record, body: message.payload.to_vec() })
}
