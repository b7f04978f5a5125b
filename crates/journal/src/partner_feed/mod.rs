//! What leaves for partners: the stream `FEED`, and each partner's own reader of it.
//!
//! **Invariant.** A partner's messages are on `feed.<account>.<topic>` and nowhere else. Its one consumer is named by its
//! account key, filters by it, and is made here: a partner cannot make, change or remove a consumer.
//!
//! **Invariant.** A partner is told of an event once and in the order of the journal, whatever the number of processes that
//! tell it and however often they die: each message names the one that it comes after, and the broker takes no other. A
//! message id would not do: the broker forgets it, and would refuse what was taken back and may be told again.
//!
//! **Invariant.** What a partner has not read can be taken back: it is then told again, as much of it as it may know by then,
//! or not at all.
//!
//! The stream is bounded in age and bytes; only [`UNREAD_MAX`] messages wait in it for each partner, so that one that stays
//! away is told later, and of what it may know later.

mod reader;
mod told;

use async_nats::HeaderMap;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::accounts::{AccountKey, Name};
use crate::journal::Journal;
use crate::link::{Link, Silence};

pub use reader::Progress;
pub use told::Told;

/// The header of each message: the position in the journal of the event that is told.
pub const POSITION: &str = "Continuum-Position";

/// How many messages wait unread for one partner at most, those it has fetched and not acknowledged included.
pub const UNREAD_MAX: u64 = 100;

/// What goes to one partner because of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What names it among all that the partner is told: the event's id, alone or with whatever else it is told for.
    pub id: String,
    /// Its position in the journal.
    pub position: u64,
    /// What it is about, as the last token of the subject: `place`, `subscription-33-0192…`. It says nothing of persons and
    /// places.
    pub topic: Name,
    /// The body, in the form the partner reads.
    pub body: Bytes,
}

/// Why a feed could not be written or given to a partner.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Another process has told this partner something meanwhile: look again at what it was told last.
    #[error("somebody else has written to this feed")]
    Overtaken,
    /// The broker did not answer: it may have done what was asked. Look before asking again.
    #[error("the broker did not answer when asked to {action}: {why}")]
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
    /// Asks the broker; what it says no to is given back by its code.
    async fn ask<T: DeserializeOwned>(
        &self,
        action: &'static str,
        subject: String,
        headers: Option<HeaderMap>,
        body: Bytes,
    ) -> Result<Result<T, ErrorCode>, FeedError> {
        let unanswered = |why: String| FeedError::Unanswered { action, why };
        let answer = match self.link.request(subject, headers, body).await {
            Ok(answer) => answer,
            Err(Silence::Nobody) => {
                return Err(FeedError::Refused { action, why: "there is no stream FEED".to_owned() });
            }
            Err(Silence::Unknown(why) | Silence::Unsent(why)) => return Err(unanswered(why)),
        };
        match serde_json::from_slice(&answer.payload).map_err(|e| unanswered(e.to_string()))? {
            Response::Ok(said) => Ok(Ok(said)),
            Response::Err { error } if EXPECTED.contains(&error.error_code()) => Ok(Err(error.error_code())),
            Response::Err { error } => Err(FeedError::Refused { action, why: error.to_string() }),
        }
    }

    /// As [`Self::ask`], with a question in JSON.
    async fn question<T: DeserializeOwned>(
        &self,
        action: &'static str,
        subject: String,
        question: &Value,
    ) -> Result<Result<T, ErrorCode>, FeedError> {
        self.ask(action, subject, None, question.to_string().into()).await
    }
}

/// Refusals that are answers: nothing is there, or somebody was faster.
const EXPECTED: [ErrorCode; 4] = [
    ErrorCode::CONSUMER_NOT_FOUND,
    ErrorCode::NO_MESSAGE_FOUND,
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE,
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT,
];

/// What a partner's reader reads.
fn filter(account: &AccountKey) -> String {
    format!("feed.{account}.>")
}
