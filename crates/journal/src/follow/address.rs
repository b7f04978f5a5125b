//! Asking the broker about the consumer of a follower, and telling it that nobody reads any more.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::link::Link;
use crate::read::{ApiError, ReadError, api};

/// Where a consumer is.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) stream: String,
    pub(super) name: String,
}

/// What the broker knows of a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The position of the last event that was sent.
    pub(super) sent: u64,
    /// How many requests are open.
    pub(super) requests: u64,
}

impl Address {
    /// What the broker knows of the consumer; `None` if there is none any more.
    pub(super) async fn look(&self, link: &Link) -> Result<Option<Known>, ReadError> {
        const ACTION: &str = "look at a reader of the journal";
        const NO_CONSUMER: u64 = 10014;
        #[derive(Deserialize)]
        struct Sent {
            stream_seq: u64,
        }
        #[derive(Deserialize)]
        struct Answer {
            delivered: Option<Sent>,
            #[serde(default)]
            num_waiting: u64,
            error: Option<ApiError>,
        }
        let subject = format!("$JS.API.CONSUMER.INFO.{}.{}", self.stream, self.name);
        let answer: Answer = api(link, ACTION, subject, &json!({})).await?;
        match (answer.delivered, answer.error) {
            (Some(sent), _) => Ok(Some(Known { sent: sent.stream_seq, requests: answer.num_waiting })),
            (None, Some(error)) if error.err_code == NO_CONSUMER => Ok(None),
            (None, error) => Err(error.unwrap_or_default().about(ACTION)),
        }
    }

    /// Tells the broker that nobody reads any more, so that it stops sending. It learns by itself too, later.
    pub(super) async fn remove(&self, link: &Link) {
        if !link.connected() {
            return;
        }
        let subject = format!("$JS.API.CONSUMER.DELETE.{}.{}", self.stream, self.name);
        // Nobody waits for the answer.
        let sent = link.client.publish_with_reply(subject, link.client.new_inbox(), Bytes::new()).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "a reader of the journal is left to the broker");
        }
    }
}
