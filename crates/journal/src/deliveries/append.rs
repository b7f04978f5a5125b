//! Recording what became of an attempt: on disk, behind the record that was known as the last one, or not at all.

use std::time::Duration;

use async_nats::header::{HeaderMap, HeaderValue, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use domain::id::SubscriptionId;
use tokio::time::{Instant, sleep, timeout_at};

use super::record::{DeliveryRecord, Tip, subject_of};
use crate::append::wire::{self, Outbound, Outcome};
use crate::journal::Journal;
use crate::read::ReadError;

/// The pause before the broker is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a record is not on disk for certain.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Somebody else wrote meanwhile: nothing was recorded. Look at the end again.
    #[error("another process recorded a delivery of this subscription")]
    Overtaken,
    /// The end cannot be read.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// No acknowledgement came in time: it may be recorded or not. Recording it again on the same end does no harm.
    #[error("no acknowledgement came in time ({why})")]
    NoAnswer {
        /// What happened.
        why: String,
    },
    /// Nothing was recorded: the stream is full, or the service's rights are too narrow.
    #[error("the broker refuses to record a delivery: {why}")]
    Refused {
        /// The broker's words.
        why: String,
    },
}

impl Journal {
    /// Records what became of an attempt, behind `tip`. Returns once it is on disk, with the new end; waits no longer than the
    /// journal's `ack_wait`.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn record_delivery(
        &self,
        id: SubscriptionId,
        tip: &Tip,
        record: &DeliveryRecord,
    ) -> Result<Tip, DeliveryError> {
        let deadline = Instant::now() + self.config().ack_wait;
        let body = tip.follow(record);
        loop {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(tip.sequence));
            let message = Outbound { subject: subject_of(id), headers, body: body.clone().into() };
            let sent = timeout_at(deadline, wire::publish(self.link(), message)).await;
            let why = match sent {
                Ok(Outcome::Stored { first }) => return Ok(tip.after(&body, first)),
                // An attempt whose answer went astray may have written these very bytes.
                Ok(Outcome::Lost { .. }) => {
                    let last = self.last_delivery(id).await?.map(|lying| lying.tip);
                    return match last {
                        Some(last) if last == tip.after(&body, last.sequence) => Ok(last),
                        Some(_) | None => Err(DeliveryError::Overtaken),
                    };
                }
                Ok(Outcome::Full { why } | Outcome::Refused { why }) => {
                    return Err(DeliveryError::Refused { why });
                }
                Ok(Outcome::Absent { why } | Outcome::Unknown { why }) => why,
                Err(_late) => "storing took too long".to_owned(),
            };
            if Instant::now() + PAUSE >= deadline {
                return Err(DeliveryError::NoAnswer { why });
            }
            sleep(PAUSE).await;
        }
    }
}
