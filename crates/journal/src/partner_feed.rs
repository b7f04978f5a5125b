//! What leaves for partners: the stream `FEED`, and each partner's own reader of it.
//!
//! **Invariant.** A partner's messages are on `feed.<account>.<topic>` and nowhere else. Its one consumer is named by its
//! account key, filters by it, and is made here: a partner cannot make, change or remove a consumer.
//!
//! The stream is bounded in age and bytes: a partner that stays away longer reads its situation anew from the interface.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::jetstream::{self, ErrorCode, publish::PublishAck};
use bytes::Bytes;
use domain::id::EventId;

use crate::accounts::{AccountKey, Name};
use crate::config::FEED;
use crate::journal::Journal;
use crate::link::{Link, Silence};

/// The most messages a partner may have read and not acknowledged.
const UNACKNOWLEDGED: i64 = 100;

/// The most requests for messages a partner may leave open.
const WAITING: i64 = 16;

/// The most messages one request may ask for.
const ASKED: i64 = 256;

/// The longest one request may stay open.
const OPEN: Duration = Duration::from_secs(30);

/// After how long a message that was not acknowledged comes again. It comes for ever: what a partner cannot read is ours
/// to set aside, not the broker's.
const AGAIN: Duration = Duration::from_secs(60);

/// What goes to one partner because of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The event that is told.
    pub event: EventId,
    /// What it is about, as the last token of the subject: `place`. It says nothing of persons and places.
    pub topic: Name,
    /// The body, in the form the partner reads.
    pub body: Bytes,
}

/// Whether a message was new to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is stored, at this position.
    Stored(u64),
    /// It had been stored before, within the last day: nothing was written.
    Known,
}

/// Why a feed could not be written or given to a partner.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The broker did not answer: it may have stored the message. Publish it again, it is stored once.
    #[error("the broker did not answer when asked to {action}: {why}; asking again repeats nothing")]
    Unanswered {
        /// What was asked.
        action: &'static str,
        /// What is known.
        why: String,
    },
    /// The broker says no.
    #[error("the broker refuses to {action}: {why}")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// The broker's words.
        why: String,
    },
}

/// The partners' side of the journal.
#[derive(Debug, Clone)]
pub struct Partners {
    link: Link,
    jetstream: Context,
}

impl Journal {
    /// What leaves for partners.
    #[must_use]
    pub fn partners(&self) -> Partners {
        let link = self.link().clone();
        Partners { jetstream: jetstream::new(link.client.clone()), link }
    }
}

impl Partners {
    /// Makes a partner's reader, at the beginning of what the stream still holds. Done again it changes nothing.
    ///
    /// # Errors
    /// [`FeedError::Refused`], for instance when these credentials may not; [`FeedError::Unanswered`].
    pub async fn admit(&self, account: &AccountKey) -> Result<(), FeedError> {
        let action = "make a partner's reader";
        let config = pull::Config {
            durable_name: Some(account.to_string()),
            description: Some("made by continuum for one partner".to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: AGAIN,
            max_deliver: -1,
            max_ack_pending: UNACKNOWLEDGED,
            max_waiting: WAITING,
            max_batch: ASKED,
            max_expires: OPEN,
            filter_subject: filter(account),
            ..pull::Config::default()
        };
        match self.jetstream.create_consumer_on_stream(config, FEED).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(action, &error)),
        }
    }

    /// Removes a partner's reader and with it what it had acknowledged. Who may connect is told to the broker by
    /// [`crate::accounts`].
    ///
    /// # Errors
    /// As [`Self::admit`]. A reader that is not there is no error.
    pub async fn revoke(&self, account: &AccountKey) -> Result<(), FeedError> {
        let action = "remove a partner's reader";
        let removed = self.jetstream.delete_consumer_from_stream(account.as_str(), FEED).await;
        let gone = |error: &ConsumerError| {
            matches!(error.kind(), ConsumerErrorKind::JetStream(refusal)
                if refusal.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
        };
        match removed {
            Ok(_) => Ok(()),
            Err(error) if gone(&error) => Ok(()),
            Err(error) => Err(failed(action, &error)),
        }
    }

    /// Publishes to one partner, once per event and partner: the broker remembers what it stored for a day.
    ///
    /// # Errors
    /// [`FeedError::Unanswered`]: publish it again. [`FeedError::Refused`].
    pub async fn publish_to(&self, account: &AccountKey, what: &Outgoing) -> Result<Published, FeedError> {
        let action = "publish to a partner";
        let unanswered = |why: String| FeedError::Unanswered { action, why };
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, format!("{}:{account}", what.event));
        let subject = format!("feed.{account}.{}", what.topic);
        let answer = match self.link.request(subject, Some(headers), what.body.clone()).await {
            Ok(answer) => answer,
            Err(Silence::Nobody) => {
                return Err(FeedError::Refused { action, why: "there is no stream FEED".to_owned() });
            }
            Err(Silence::Unknown(why) | Silence::Unsent(why)) => return Err(unanswered(why)),
        };
        let answer: Response<PublishAck> =
            serde_json::from_slice(&answer.payload).map_err(|e| unanswered(e.to_string()))?;
        match answer {
            Response::Ok(stored) if stored.duplicate => Ok(Published::Known),
            Response::Ok(stored) => Ok(Published::Stored(stored.sequence)),
            Response::Err { error } => Err(FeedError::Refused { action, why: error.to_string() }),
        }
    }
}

/// Why the broker did not do to a partner's reader what was to be done.
fn failed(action: &'static str, error: &ConsumerError) -> FeedError {
    let why = error.to_string();
    match error.kind() {
        ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request => FeedError::Unanswered { action, why },
        ConsumerErrorKind::InvalidConsumerType
        | ConsumerErrorKind::InvalidName
        | ConsumerErrorKind::JetStream(_)
        | ConsumerErrorKind::Other => FeedError::Refused { action, why },
    }
}

/// What a partner's reader reads.
fn filter(account: &AccountKey) -> String {
    format!("feed.{account}.>")
}
