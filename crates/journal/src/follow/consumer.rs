//! The broker's side of a follower: an ephemeral pull consumer without acknowledgements.
//!
//! Two requests for messages are open at any time, so that the broker never waits for us to ask.

use std::time::Duration;

use async_nats::{Client, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::task::unconstrained;

use super::address::Address;
use crate::envelope::{self, Malformed};
use crate::link::{Link, Unreachable};
use crate::read::{ApiError, ReadError, api};
use crate::recorded::Recorded;

/// How many events one request asks for. Two requests are open; a subscription may hold 65,536 messages unread.
const ASKED: u64 = 4_000;

/// How many bytes one request asks for: what waits to be sent must stay small against what the broker lets wait for all
/// readers of one connection, or it cuts the connection.
const ASKED_BYTES: u64 = 2 << 20;

/// How long the broker keeps one request open.
const EXPIRES: Duration = Duration::from_secs(10);

/// How often the broker gives a sign of life while it has nothing to send: often enough for the watch.
const HEARTBEAT: Duration = Duration::from_millis(150);

/// After how long without a request the broker forgets a consumer whose reader is gone.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// A request ends before its time, or the consumer does.
const CONFLICT: u16 = 409;

/// How the broker words the end of a request whose bytes are used up.
const USED_UP: [&str; 2] = ["Message Size Exceeds MaxBytes", "Batch Completed"];

/// One message as it came.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) position: u64,
    pub(super) pending: u64,
    message: Message,
}

impl Delivery {
    pub(super) fn event(self) -> Result<Recorded, Malformed> {
        let Message { subject, headers, payload, .. } = self.message;
        let headers = headers.ok_or(Malformed { position: self.position, what: "it has no headers" })?;
        envelope::read(self.position, &subject, &headers, payload)
    }
}

#[derive(Debug)]
pub(super) struct Consumer {
    client: Client,
    inbox: String,
    messages: Subscriber,
    /// Where messages are asked for.
    requests: String,
    /// What was asked for and has not come.
    outstanding: u64,
    pending_at_start: u64,
    /// Why nothing more comes, learned where it could not be told.
    failed: Option<String>,
    address: Address,
}

impl Consumer {
    /// A consumer of everything behind a position.
    pub(super) async fn create(link: &Link, stream: &str, after: u64) -> Result<Self, ReadError> {
        const ACTION: &str = "follow the journal";
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            name: String,
            #[serde(default)]
            num_pending: u64,
            error: Option<ApiError>,
        }
        let inbox = link.client.new_inbox();
        let name = inbox.rsplit('.').next().unwrap_or(&inbox).to_owned();
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let question = json!({
            "stream_name": stream,
            "action": "create",
            "config": {
                "name": name,
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": after + 1,
                "ack_policy": "none",
                "replay_policy": "instant",
                "mem_storage": true,
                "num_replicas": 1,
                "inactive_threshold": nanoseconds(FORGOTTEN),
            },
        });
        let subject = format!("$JS.API.CONSUMER.CREATE.{stream}.{name}");
        let answer: Answer = api(link, ACTION, subject, &question).await?;
        if let Some(error) = answer.error {
            return Err(error.about(ACTION));
        }
        let lost = |e: &dyn std::fmt::Display| ReadError::from(Unreachable::new(ACTION, e));
        let messages = link.client.subscribe(inbox.clone()).await.map_err(|e| lost(&e))?;
        let requests = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{}", answer.name);
        let mut consumer = Self {
            client: link.client.clone(),
            inbox,
            messages,
            requests,
            outstanding: 0,
            pending_at_start: answer.num_pending,
            failed: None,
            address: Address { stream: stream.to_owned(), name: answer.name },
        };
        consumer.ask().await.map_err(|why| lost(&why))?;
        consumer.ask().await.map_err(|why| lost(&why))?;
        Ok(consumer)
    }

    /// Where the consumer is.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// No request is open any more, whatever was counted.
    pub(super) fn nothing_is_asked(&mut self) {
        self.outstanding = 0;
    }

    /// How many events there were behind the checkpoint when the consumer was made.
    pub(super) fn pending_at_start(&self) -> u64 {
        self.pending_at_start
    }

    /// The next event; `None` for a sign of life without one. The call can be dropped without losing an event.
    pub(super) async fn next(&mut self) -> Result<Option<Delivery>, String> {
        if let Some(why) = self.failed.take() {
            return Err(why);
        }
        if self.outstanding <= ASKED {
            self.ask().await?;
        }
        let message = self.messages.next().await.ok_or("the subscription was closed")?;
        self.accept(message)
    }

    /// The next event if it has already arrived.
    pub(super) fn ready(&mut self) -> Option<Delivery> {
        if self.outstanding <= ASKED || self.failed.is_some() {
            return None;
        }
        // The library would pretend after 128 messages that nothing has arrived.
        let message = unconstrained(self.messages.next()).now_or_never()??;
        match self.accept(message) {
            Ok(delivery) => delivery,
            Err(why) => {
                self.failed = Some(why);
                None
            }
        }
    }

    fn accept(&mut self, message: Message) -> Result<Option<Delivery>, String> {
        match message.status {
            None => {
                self.outstanding = self.outstanding.saturating_sub(1);
                let (position, pending) =
                    message.reply.as_deref().and_then(place).ok_or("a message without its position")?;
                Ok(Some(Delivery { position, pending, message }))
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(None),
            Some(StatusCode::TIMEOUT) => {
                self.outstanding = self.outstanding.saturating_sub(unanswered(&message).unwrap_or(ASKED));
                Ok(None)
            }
            Some(status) if status.as_u16() == CONFLICT && is_used_up(&message) => {
                self.outstanding = self.outstanding.saturating_sub(unanswered(&message).unwrap_or(0));
                Ok(None)
            }
            Some(status) if status.as_u16() == CONFLICT => {
                Err(message.description.unwrap_or_else(|| "the consumer is gone".to_owned()))
            }
            Some(status) => Err(format!("status {status}")),
        }
    }

    async fn ask(&mut self) -> Result<(), String> {
        let question = json!({
            "batch": ASKED,
            "max_bytes": ASKED_BYTES,
            "expires": u64::try_from(EXPIRES.as_nanos()).unwrap_or(u64::MAX),
            "idle_heartbeat": u64::try_from(HEARTBEAT.as_nanos()).unwrap_or(u64::MAX),
        });
        let body = Bytes::from(question.to_string());
        let sent = self.client.publish_with_reply(self.requests.clone(), self.inbox.clone(), body).await;
        sent.map_err(|e| e.to_string())?;
        self.outstanding += ASKED;
        Ok(())
    }
}

/// Whether a request ended because its bytes are used up.
fn is_used_up(message: &Message) -> bool {
    message.description.as_deref().is_some_and(|why| USED_UP.iter().any(|end| why.starts_with(end)))
}

/// How many messages an ended request did not bring.
fn unanswered(message: &Message) -> Option<u64> {
    message.headers.as_ref()?.get("Nats-Pending-Messages")?.as_str().parse().ok()
}

/// The position in the stream and the number of events behind it, out of
/// `$JS.ACK.<stream>.<consumer>.<delivered>.<position>.<consumer position>.<time>.<pending>` or its longer form.
fn place(reply: &str) -> Option<(u64, u64)> {
    let mut backwards = reply.rsplit('.');
    let tokens = reply.split('.').count();
    // The longer form has a random token behind the pending one.
    if tokens >= 12 {
        backwards.next();
    }
    let pending = backwards.next()?.parse().ok()?;
    let position = backwards.nth(2)?.parse().ok()?;
    Some((position, pending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_message_is_in_its_reply_subject() {
        assert_eq!(place("$JS.ACK.JOURNAL.c.1.42.7.1760000000000000000.5"), Some((42, 5)));
        assert_eq!(place("$JS.ACK.hub.hash.JOURNAL.c.1.42.7.1760000000000000000.5.r4nd0m"), Some((42, 5)));
        assert_eq!(place("_INBOX.x"), None);
    }
}
