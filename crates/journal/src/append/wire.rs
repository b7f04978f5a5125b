//! The two ways to write: one guarded message, or an atomic batch (ADR-50) with one guard per subject.

use async_nats::header::{
    HeaderMap, HeaderValue, NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
};
use serde::Deserialize;

use crate::envelope::{Circumstances, Outgoing};
use crate::link::{Link, Silence};
use crate::read::ApiError;
use crate::subject;

/// The broker's error codes that matter to a writer.
mod code {
    /// A guarded subject is not at the version that was stated.
    pub(super) const WRONG_LAST_SEQUENCE: u64 = 10071;
    /// The same, in words that name no version.
    pub(super) const WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10164;
    /// A cluster cannot tell yet.
    pub(super) const NOT_READY: u64 = 10163;
    /// A batch holds a message that was stored before.
    pub(super) const DUPLICATE_IN_BATCH: u64 = 10201;
    /// A batch lost one of its messages on the way: none is stored.
    pub(super) const INCOMPLETE_BATCH: u64 = 10176;
    /// Too many batches at once: none of this one is stored.
    pub(super) const TOO_MANY_BATCHES: u64 = 10210;
    /// Too many requests at once.
    pub(super) const TOO_MANY_REQUESTS: u64 = 10167;
    /// The stream has reached its byte limit, or the disk is full.
    pub(super) const STORE_FAILED: u64 = 10077;
    /// The account has reached its limits.
    pub(super) const RESOURCES_EXCEEDED: u64 = 10047;
    /// The server has reached its limits.
    pub(super) const INSUFFICIENT_RESOURCES: u64 = 10023;
}

/// How a write ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// On disk. The events stand one behind the other, the first here.
    Stored { first: u64 },
    /// A guard did not hold, or the broker believes it has seen this before: nothing new is stored.
    Lost { version: Option<u64> },
    /// No room: nothing is stored.
    Full { why: String },
    /// Nothing is stored, the broker may take it later.
    Absent { why: String },
    /// Nothing is stored and never will be.
    Refused { why: String },
    /// It may be stored or not.
    Unknown { why: String },
}

/// One event with what surrounds it; `guard` on the first event of its ledger in a write.
pub(super) struct Item<'a> {
    pub(super) event: &'a Outgoing,
    pub(super) circumstances: &'a Circumstances,
    pub(super) guard: Option<u64>,
}

/// One message on its way to the broker.
pub(crate) struct Outbound {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: bytes::Bytes,
}

impl Item<'_> {
    fn outbound(&self) -> Outbound {
        Outbound {
            subject: subject::of_ledger(&self.event.ledger),
            headers: self.headers(),
            body: self.event.body.clone(),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = self.event.headers(self.circumstances);
        if let Some(version) = self.guard {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(version));
        }
        headers
    }
}

/// Writes one event.
pub(super) async fn one(link: &Link, item: &Item<'_>) -> Outcome {
    publish(link, item.outbound()).await
}

/// Writes one message.
pub(crate) async fn publish(link: &Link, message: Outbound) -> Outcome {
    let answer = link.request(message.subject, Some(message.headers), message.body).await;
    outcome(answer.map(|message| message.payload), 1)
}

/// Writes several events, all or none. At least one.
pub(super) async fn batch(link: &Link, items: &[Item<'_>]) -> Outcome {
    publish_together(link, items.iter().map(Item::outbound)).await
}

/// Writes several messages, all or none. At least one. Each is made when it is sent.
pub(crate) async fn publish_together(
    link: &Link,
    messages: impl ExactSizeIterator<Item = Outbound>,
) -> Outcome {
    let count = messages.len();
    if !link.connected() {
        return Outcome::Absent { why: "the connection is down".to_owned() };
    }
    let id = link.client.new_inbox();
    let id = id.rsplit('.').next().unwrap_or(&id);
    let mark = link.mark();
    for (nth, Outbound { subject, mut headers, body }) in (1..).zip(messages) {
        headers.insert(NATS_BATCH_ID, id);
        headers.insert(NATS_BATCH_SEQUENCE, HeaderValue::from(nth));
        if nth < count {
            if let Err(e) = link.client.publish_with_headers(subject, headers, body).await {
                // Never committed, so none of it is stored.
                return Outcome::Absent { why: e.to_string() };
            }
            continue;
        }
        if link.mark() != mark {
            return Outcome::Absent {
                why: "the connection was lost before the batch was complete".to_owned(),
            };
        }
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        let answer = link.request(subject, Some(headers), body).await;
        return outcome(answer.map(|message| message.payload), count);
    }
    Outcome::Refused { why: "an empty batch".to_owned() }
}

#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<ApiError>,
}

fn outcome(answer: Result<bytes::Bytes, Silence>, count: usize) -> Outcome {
    let body = match answer {
        Ok(body) => body,
        Err(Silence::Unknown(why)) => return Outcome::Unknown { why },
        Err(silence @ (Silence::Nobody | Silence::Unsent(_))) => {
            return Outcome::Absent { why: silence.to_string() };
        }
    };
    let Ok(ack) = serde_json::from_slice::<Ack>(&body) else {
        return Outcome::Unknown { why: "an acknowledgement that is not understood".to_owned() };
    };
    match ack.error {
        Some(error) => refused(&error),
        None if ack.duplicate => Outcome::Lost { version: None },
        None => match ack.seq.checked_sub(count as u64 - 1) {
            Some(first) if first > 0 => Outcome::Stored { first },
            Some(_) | None => Outcome::Unknown { why: "an acknowledgement without a position".to_owned() },
        },
    }
}

fn refused(error: &ApiError) -> Outcome {
    let why = format!("{} ({})", error.description, error.err_code);
    match error.err_code {
        code::WRONG_LAST_SEQUENCE | code::WRONG_LAST_SEQUENCE_CONSTANT | code::DUPLICATE_IN_BATCH => {
            let version = error.description.rsplit(' ').next().and_then(|word| word.parse().ok());
            Outcome::Lost { version }
        }
        code::STORE_FAILED | code::RESOURCES_EXCEEDED | code::INSUFFICIENT_RESOURCES => Outcome::Full { why },
        code::INCOMPLETE_BATCH | code::TOO_MANY_BATCHES | code::TOO_MANY_REQUESTS | code::NOT_READY => {
            Outcome::Absent { why }
        }
        _ => Outcome::Refused { why },
    }
}
