//! The stream `KEYS`: one wrapped key per holder, on the subject `key.<holder>`.
//!
//! Keys are read through the stream's leader (`STREAM.MSG.GET`), never from a replica, which might still hold a key that
//! was removed.
//!
//! **Invariant.** Whatever writes a wrapped key writes to the fence in the same atomic batch, guarded by the sequence of the
//! control message: once another epoch is in force, no key can be written under the one before.

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{DeleteMessageErrorKind, LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ErrorCode, publish::PublishAck};
use async_nats::{HeaderMap, Request, header};
use bytes::Bytes;
use jiff::Timestamp;

use super::control::{CONTROL, FENCE};
use super::{Holder, KeyError};
use crate::config::KEYS;
use crate::scan::Scan;
use crate::sealing::random;

/// The most keys in one atomic batch: the broker takes a thousand messages, and one of them is the fence.
pub(super) const BATCH: usize = 999;

/// The header that guards a message by another subject than its own.
const GUARDED_BY: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// How a guarded write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is stored.
    Done,
    /// Something stands there already, or may: look.
    Look,
}

/// One message of the stream.
pub(super) struct Found {
    /// Where it stands.
    pub(super) sequence: u64,
    /// What it says.
    pub(super) message: Bytes,
    /// When the broker stored it.
    pub(super) stored: Timestamp,
}

/// A message to be written.
pub(super) struct Writing {
    pub(super) subject: String,
    pub(super) message: Vec<u8>,
    /// Where the last message of this subject must stand, 0 for nowhere; not guarded if there is none.
    pub(super) expected: Option<u64>,
}

/// The stream, seen through one connection.
#[derive(Debug, Clone)]
pub(super) struct Store {
    jetstream: Context,
}

/// The subject of a holder's key.
pub(super) fn subject(holder: Holder) -> String {
    format!("key.{holder}")
}

/// The holder whose key `subject` is about; `None` for the other subjects of the stream.
pub(crate) fn holder(subject: &str) -> Option<Holder> {
    subject.strip_prefix("key.")?.parse().ok()
}

/// The subject of the mark by which a key file recognises its stream.
pub(crate) const MARK: &str = "key.file";

impl Store {
    pub(super) fn new(jetstream: Context) -> Self {
        Self { jetstream }
    }

    /// The last message on `subject`.
    pub(super) async fn read(&self, subject: &str) -> Result<Option<Found>, KeyError> {
        match self.stream().await?.get_last_raw_message_by_subject(subject).await {
            Ok(found) => {
                let stored = Timestamp::from_nanosecond(found.time.unix_timestamp_nanos());
                let stored = stored.unwrap_or(Timestamp::UNIX_EPOCH);
                Ok(Some(Found { sequence: found.sequence, message: found.payload, stored }))
            }
            Err(e) if e.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(e) => Err(KeyError::broker("read a key", e)),
        }
    }

    /// Writes `message` where nothing stands.
    pub(super) async fn write_first(&self, subject: String, message: Vec<u8>) -> Result<Written, KeyError> {
        let publish = PublishMessage::build().payload(message.into()).expected_last_subject_sequence(0);
        let acknowledged = match self.jetstream.send_publish(subject, publish).await {
            Ok(acknowledgement) => acknowledgement.await,
            Err(e) => Err(e),
        };
        match acknowledged {
            Ok(_) => Ok(Written::Done),
            Err(e) => match e.kind() {
                // Without an answer it may be stored: whoever looks sees.
                PublishErrorKind::WrongLastSequence | PublishErrorKind::TimedOut => Ok(Written::Look),
                PublishErrorKind::StreamNotFound
                | PublishErrorKind::WrongLastMessageId
                | PublishErrorKind::BrokenPipe
                | PublishErrorKind::MaxAckPending
                | PublishErrorKind::MaxPayloadExceeded
                | PublishErrorKind::Other => Err(KeyError::broker("write a key", e)),
            },
        }
    }

    /// Writes wrapped keys, all or none, unless another epoch was put in force since the control message at `force`. At
    /// most [`BATCH`], on distinct subjects.
    pub(super) async fn write_keys(&self, mut keys: Vec<Writing>, force: u64) -> Result<Written, KeyError> {
        keys.push(Writing { subject: FENCE.to_owned(), message: Vec::new(), expected: Some(force) });
        self.write_all(keys).await
    }

    /// Writes all of `messages` or none of them, on distinct subjects.
    pub(super) async fn write_all(&self, messages: Vec<Writing>) -> Result<Written, KeyError> {
        let client = self.jetstream.client();
        let batch = format!("keys-{:032x}", u128::from_be_bytes(random()?));
        let last = messages.len();
        for (n, Writing { subject, message, expected }) in (1..).zip(messages) {
            let mut headers = HeaderMap::new();
            headers.insert(header::NATS_BATCH_ID, batch.as_str());
            headers.insert(header::NATS_BATCH_SEQUENCE, n.to_string());
            if let Some(expected) = expected {
                headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
            }
            if subject == FENCE {
                headers.insert(GUARDED_BY, CONTROL);
            }
            if n < last {
                let sent = client.publish_with_headers(subject, headers, message.into()).await;
                sent.map_err(|e| KeyError::broker("write keys", e))?;
                continue;
            }
            headers.insert(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
            let request = Request::new().headers(headers).payload(message.into());
            let answer = match client.send_request(subject, request).await {
                Ok(answer) => answer,
                Err(e) if e.kind() == async_nats::RequestErrorKind::TimedOut => return Ok(Written::Look),
                Err(e) => return Err(KeyError::broker("write keys", e)),
            };
            let answer = serde_json::from_slice::<Response<PublishAck>>(&answer.payload);
            return match answer.map_err(|e| KeyError::broker("write keys", e))? {
                Response::Ok(_) => Ok(Written::Done),
                Response::Err { error } if error.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE => {
                    Ok(Written::Look)
                }
                Response::Err { error } => Err(KeyError::broker("write keys", error)),
            };
        }
        Ok(Written::Done)
    }

    /// Reads through the whole stream.
    pub(super) async fn scan(&self) -> Result<Scan, KeyError> {
        Scan::begin(&self.jetstream, KEYS).await.map_err(|e| KeyError::broker("read all keys", e))
    }

    /// Removes the message at `sequence` and overwrites its bytes on the broker's disk.
    pub(super) async fn erase(&self, sequence: u64) -> Result<(), KeyError> {
        // The client asks for `no_erase: false` by leaving it out: the broker overwrites what it removes.
        match self.stream().await?.delete_message(sequence).await {
            Ok(_) => Ok(()),
            Err(e) => match e.kind() {
                // Somebody else was quicker: whoever looks sees.
                DeleteMessageErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::SEQUENCE_NOT_FOUND =>
                {
                    Ok(())
                }
                DeleteMessageErrorKind::JetStream(_)
                | DeleteMessageErrorKind::Request
                | DeleteMessageErrorKind::TimedOut => Err(KeyError::broker("erase a key", e)),
            },
        }
    }

    async fn stream(&self) -> Result<Stream<()>, KeyError> {
        self.jetstream
            .get_stream_no_info(KEYS)
            .await
            .map_err(|e| KeyError::broker("reach the stream KEYS", e))
    }
}
