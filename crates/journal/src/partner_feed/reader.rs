//! A partner's reader, made by the house, and how far it has read.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use bytes::Bytes;
use serde_json::Value;

use super::{FeedError, Partners, UNREAD_MAX, filter};
use crate::accounts::AccountKey;
use crate::config::FEED;

/// The most requests for messages a partner may leave open.
const WAITING: i64 = 16;

/// The most messages one request may ask for.
const ASKED: i64 = 256;

/// The longest one request may stay open.
const OPEN: Duration = Duration::from_secs(30);

/// After how long a message that was not acknowledged comes again. It comes for ever: what a partner cannot read is ours
/// to set aside, not the broker's.
const AGAIN: Duration = Duration::from_secs(60);

/// Where a reader keeps up to which position of the journal events were looked at for its partner.
const CURSOR: &str = "continuum-cursor";

/// How far a partner has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// All messages up to this one of the stream, as far as they are the partner's, are acknowledged.
    pub acknowledged: u64,
    /// How many wait behind, those that were fetched included.
    pub unread: u64,
    /// All events up to this position of the journal were looked at for it: noted now and then, so it may be later.
    pub cursor: u64,
}

impl Partners {
    /// How far a partner has read; none if it has no reader.
    ///
    /// # Errors
    /// [`FeedError::Refused`]; [`FeedError::Unanswered`].
    pub async fn progress(&self, account: &AccountKey) -> Result<Option<Progress>, FeedError> {
        let subject = format!("$JS.API.CONSUMER.INFO.{FEED}.{account}");
        let found =
            self.ask::<consumer::Info>("look at a partner's reader", subject, None, Bytes::new()).await?;
        Ok(found.ok().map(|info| {
            let noted = info.config.metadata.get(CURSOR).and_then(|noted| noted.parse().ok());
            let fetched = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
            Progress {
                acknowledged: info.ack_floor.stream_sequence,
                unread: info.num_pending.saturating_add(fetched),
                cursor: noted.unwrap_or(0),
            }
        }))
    }

    /// Makes a partner's reader, of what it is told from now on. Done again it notes `cursor` and changes nothing else.
    ///
    /// # Errors
    /// [`FeedError::Refused`], for instance when these credentials may not; [`FeedError::Unanswered`].
    pub async fn admit(&self, account: &AccountKey, cursor: u64) -> Result<(), FeedError> {
        let action = "make a partner's reader";
        let config = pull::Config {
            durable_name: Some(account.to_string()),
            description: Some("made by continuum for one partner".to_owned()),
            // What was told before it was made was told to the reader it had before, or taken back.
            deliver_policy: DeliverPolicy::New,
            ack_policy: AckPolicy::Explicit,
            ack_wait: AGAIN,
            max_deliver: -1,
            max_ack_pending: i64::try_from(UNREAD_MAX).unwrap_or(i64::MAX),
            max_waiting: WAITING,
            max_batch: ASKED,
            max_expires: OPEN,
            filter_subject: filter(account),
            metadata: HashMap::from([(CURSOR.to_owned(), cursor.to_string())]),
            ..pull::Config::default()
        };
        match self.jetstream.create_consumer_on_stream(config, FEED).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(action, &error)),
        }
    }

    /// Removes a partner's reader, and before that all it has not read. Who may connect is told to the broker by
    /// [`crate::accounts`]. A reader that is not there is no error.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn revoke(&self, account: &AccountKey) -> Result<(), FeedError> {
        let Some(progress) = self.progress(account).await? else { return Ok(()) };
        self.take_back(account, progress.acknowledged).await?;
        let subject = format!("$JS.API.CONSUMER.DELETE.{FEED}.{account}");
        // Removed by another process meanwhile: that is what was wanted.
        let removed = self.ask::<Value>("remove a partner's reader", subject, None, Bytes::new()).await?;
        removed.map(drop).or(Ok(()))
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
