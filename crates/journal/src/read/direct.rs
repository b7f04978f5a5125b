//! Direct reads (ADR-31): many messages for one question, answered by whichever replica is asked.

use std::time::Duration;

use async_nats::header::{HeaderMap, HeaderName};
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;

use crate::envelope::{self, Malformed};
use crate::link::{Link, Mark, Unreachable};
use crate::recorded::Recorded;

const SUBJECT: HeaderName = HeaderName::from_static("Nats-Subject");
const SEQUENCE: HeaderName = HeaderName::from_static("Nats-Sequence");
const LAST_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Last-Sequence");
const PENDING: HeaderName = HeaderName::from_static("Nats-Num-Pending");

/// The status that ends the answer to a batched question.
const END_OF_BATCH: u16 = 204;

/// How many messages one question may bring back at most.
pub(crate) const BATCH: usize = 1000;

/// Why something could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The broker does not answer: try again.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// What is there is not an event of ours.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Nothing is recorded at this position: it is beyond the end, or the journal has lost it.
    #[error("nothing is recorded at position {position}")]
    Nothing {
        /// The position asked for.
        position: u64,
    },
    /// The broker refuses the question: the service's rights are too narrow, or the stream is gone.
    #[error("the broker refuses to {action}: {why}; check the rights of this service")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// The broker's words.
        why: String,
    },
}

/// One question.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Question<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multi_last: Option<&'a [String]>,
    /// The first message that was stored at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_time: Option<&'a str>,
}

/// What came back: messages in order, and how many more there are.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) messages: Vec<Message>,
    pub(crate) pending: u64,
}

/// Asks a batched question of one stream.
pub(crate) async fn ask(
    link: &Link,
    stream: &str,
    action: &'static str,
    question: &Question<'_>,
) -> Result<Page, ReadError> {
    let mark = link.mark();
    let (inbox, mut answers) = open(link, action).await?;
    send(link, stream, action, inbox, question).await?;
    let mut page = Page::default();
    let mut last = 0;
    loop {
        let message = next(link, &mut answers, mark, action).await?;
        match message.status.map(|status| status.as_u16()) {
            None => {
                if number(&message, LAST_SEQUENCE) != Some(last) {
                    return Err(Unreachable::new(action, "part of the answer was lost on the way").into());
                }
                last = sequence(&message).unwrap_or(0);
                page.messages.push(message);
            }
            Some(END_OF_BATCH) => {
                if number(&message, LAST_SEQUENCE) != Some(last) {
                    return Err(Unreachable::new(action, "the end of the answer was lost on the way").into());
                }
                page.pending = number(&message, PENDING).unwrap_or(0);
                return Ok(page);
            }
            Some(404) => return Ok(page),
            Some(_) => return Err(declined(&message, action)),
        }
    }
}

/// The messages at these positions, in their order. At most [`BATCH`] at a time are asked for.
pub(crate) async fn at(link: &Link, stream: &str, positions: &[u64]) -> Result<Vec<Message>, ReadError> {
    const ACTION: &str = "read events by position";
    let mark = link.mark();
    let inbox = link.client.new_inbox();
    let mut answers = subscribe(link, format!("{inbox}.*"), ACTION).await?;
    let mut found: Vec<Option<Message>> = vec![None; positions.len()];
    for (nth, position) in positions.iter().enumerate() {
        let question = Question { seq: Some(*position), ..Question::default() };
        send(link, stream, ACTION, format!("{inbox}.{nth}"), &question).await?;
    }
    for _ in positions {
        let message = next(link, &mut answers, mark, ACTION).await?;
        let nth = message.subject.rsplit('.').next().and_then(|n| n.parse::<usize>().ok());
        let Some((nth, slot)) = nth.and_then(|n| found.get_mut(n).map(|slot| (n, slot))) else { continue };
        match message.status.map(|status| status.as_u16()) {
            None => *slot = Some(message),
            Some(404) => return Err(ReadError::Nothing { position: positions[nth] }),
            Some(_) => return Err(declined(&message, ACTION)),
        }
    }
    let pairs = found.into_iter().zip(positions);
    pairs.map(|(message, position)| message.ok_or(ReadError::Nothing { position: *position })).collect()
}

/// An event out of the answer to a direct read: its position and subject are in headers of the broker.
pub(crate) fn event(message: Message) -> Result<Recorded, Malformed> {
    let position = sequence(&message).unwrap_or(0);
    let malformed = Malformed { position, what: "the broker's headers are missing" };
    let headers = message.headers.ok_or_else(|| malformed.clone())?;
    let subject = headers.get(SUBJECT).ok_or(malformed)?.as_str();
    envelope::read(position, subject, &headers, message.payload)
}

/// The subject and position of an answer.
pub(crate) fn place(message: &Message) -> Option<(&str, u64)> {
    let headers: &HeaderMap = message.headers.as_ref()?;
    Some((headers.get(SUBJECT)?.as_str(), sequence(message)?))
}

fn sequence(message: &Message) -> Option<u64> {
    number(message, SEQUENCE)
}

fn number(message: &Message, name: HeaderName) -> Option<u64> {
    message.headers.as_ref()?.get(name)?.as_str().parse().ok()
}

async fn open(link: &Link, action: &'static str) -> Result<(String, Subscriber), ReadError> {
    let inbox = link.client.new_inbox();
    let answers = subscribe(link, inbox.clone(), action).await?;
    Ok((inbox, answers))
}

async fn subscribe(link: &Link, subject: String, action: &'static str) -> Result<Subscriber, ReadError> {
    if !link.connected() {
        return Err(Unreachable::new(action, "the connection is down").into());
    }
    Ok(link.client.subscribe(subject).await.map_err(|e| Unreachable::new(action, e))?)
}

async fn send(
    link: &Link,
    stream: &str,
    action: &'static str,
    reply: String,
    question: &Question<'_>,
) -> Result<(), ReadError> {
    // A struct of numbers and texts always has a JSON form.
    let body = Bytes::from(serde_json::to_vec(question).unwrap_or_default());
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    let sent = link.client.publish_with_reply(subject, reply, body).await;
    Ok(sent.map_err(|e| Unreachable::new(action, e))?)
}

/// The next message of an answer, no later than the link's patience and not beyond the loss of the connection.
async fn next(
    link: &Link,
    answers: &mut Subscriber,
    mark: Mark,
    action: &'static str,
) -> Result<Message, ReadError> {
    let within: Duration = link.ack_wait;
    let message = tokio::select! {
        biased;
        message = answers.next() => message.ok_or("the subscription was closed"),
        () = link.lost_since(mark) => Err("the connection was lost"),
        () = tokio::time::sleep(within) => Err("no answer in time"),
    };
    Ok(message.map_err(|why| Unreachable::new(action, why))?)
}

fn declined(message: &Message, action: &'static str) -> ReadError {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Unreachable::new(action, "no stream listens").into();
    }
    let why = message.description.clone().unwrap_or_else(|| format!("status {:?}", message.status));
    ReadError::Refused { action, why }
}
