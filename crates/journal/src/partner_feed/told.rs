//! What a partner is told, one message after the other, and how it is taken back.

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::RawMessage;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{FeedError, Outgoing, POSITION, Partners, filter};
use crate::accounts::AccountKey;
use crate::config::FEED;

/// The guard: the last message under a subject, and which subject that is.
const LAST: &str = "Nats-Expected-Last-Subject-Sequence";
const LAST_OF: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// A message that lies in a partner's feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its place in the stream.
    pub sequence: u64,
    /// The position in the journal of the event that it tells.
    pub position: u64,
    /// What it is about: the last token of its subject.
    pub topic: String,
    /// The body, as the partner reads it.
    pub body: Value,
}

#[derive(Deserialize)]
struct Found {
    message: RawMessage,
}

impl Partners {
    /// What a partner was told last and still lies in the stream.
    ///
    /// # Errors
    /// [`FeedError::Refused`]; [`FeedError::Unanswered`].
    pub async fn last(&self, account: &AccountKey) -> Result<Option<Told>, FeedError> {
        self.message(&json!({ "last_by_subj": filter(account) })).await
    }

    /// What a partner was told after the message `after` of the stream, the first `at_most` of it.
    ///
    /// # Errors
    /// As [`Self::last`].
    pub async fn told_after(
        &self,
        account: &AccountKey,
        after: u64,
        at_most: u64,
    ) -> Result<Vec<Told>, FeedError> {
        let (mut told, mut from) = (Vec::new(), after.saturating_add(1));
        for _ in 0..at_most {
            let next = json!({ "seq": from, "next_by_subj": filter(account) });
            let Some(found) = self.message(&next).await? else { break };
            from = found.sequence.saturating_add(1);
            told.push(found);
        }
        Ok(told)
    }

    async fn message(&self, question: &Value) -> Result<Option<Told>, FeedError> {
        let action = "look at what a partner was told";
        let asked =
            self.question::<Found>(action, format!("$JS.API.STREAM.MSG.GET.{FEED}"), question).await?;
        let Ok(found) = asked else { return Ok(None) };
        let unreadable = |why: String| FeedError::Refused { action, why };
        let message = StreamMessage::try_from(found.message).map_err(|why| unreadable(why.to_string()))?;
        let position = message.headers.get(POSITION).and_then(|position| position.as_str().parse().ok());
        let position =
            position.ok_or_else(|| unreadable("a message of the feed names no position".to_owned()))?;
        let topic = message.subject.rsplit('.').next().unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
        Ok(Some(Told { sequence: message.sequence, position, topic, body }))
    }

    /// Tells a partner, after the message `after` of the stream (0 if it was told nothing); the place of the new one.
    ///
    /// # Errors
    /// [`FeedError::Overtaken`] when `after` is not the last that it was told; as [`Self::last`].
    pub async fn publish_to(
        &self,
        account: &AccountKey,
        after: u64,
        what: &Outgoing,
    ) -> Result<u64, FeedError> {
        let mut headers = HeaderMap::new();
        headers.insert(LAST, after.to_string());
        headers.insert(LAST_OF, filter(account));
        headers.insert(POSITION, what.position.to_string());
        // For the partner, which tells by it what it has read already.
        headers.insert("ce-id", what.id.as_str());
        headers.insert("Content-Type", "application/cloudevents+json");
        let subject = format!("feed.{account}.{}", what.topic);
        let stored =
            self.ask::<PublishAck>("publish to a partner", subject, Some(headers), what.body.clone()).await?;
        stored.map(|stored| stored.sequence).map_err(|_| FeedError::Overtaken)
    }

    /// Takes back all that a partner was told after the message `after` of the stream, the last first: whoever looks
    /// meanwhile finds a beginning of what was told, never one with a hole.
    ///
    /// # Errors
    /// As [`Self::last`].
    pub async fn take_back(&self, account: &AccountKey, after: u64) -> Result<(), FeedError> {
        while let Some(last) = self.last(account).await?.filter(|last| last.sequence > after) {
            let body = json!({ "seq": last.sequence });
            let subject = format!("$JS.API.STREAM.MSG.DELETE.{FEED}");
            // Not there: another process has taken it back.
            let _ = self.question::<Value>("take back what a partner was told", subject, &body).await?;
        }
        Ok(())
    }
}
