//! Reading: one ledger, some positions, a range; and where the journal ends.

pub(crate) mod direct;

use std::collections::HashMap;

use bytes::Bytes;
use domain::event::Undecodable;
use domain::ledger::{AggregateId, State};
use serde::Deserialize;

use crate::journal::Journal;
use crate::link::{Link, Silence, Unreachable};
use crate::recorded::Recorded;
use crate::subject;
pub use direct::ReadError;
use direct::{BATCH, Question};

/// What one ledger amounts to when all of these events are added to it.
///
/// # Errors
/// [`Undecodable`]: the ledger cannot be read by this program; it is stopped, not skipped.
pub fn fold(state: &mut State, events: &[Recorded]) -> Result<(), Undecodable> {
    for event in events {
        state.evolve(&event.fact()?, &event.stamp);
    }
    Ok(())
}

impl Journal {
    /// Every event of one ledger, in order. Empty if nothing was ever written to it.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer, or something there is not an event.
    pub async fn load(&self, ledger: &AggregateId) -> Result<Vec<Recorded>, ReadError> {
        self.since(ledger, 0).await
    }

    /// The events of one ledger after a position, in order: one question per 1,000 events.
    ///
    /// On a cluster a replica may answer that has not yet seen the newest events; an append guarded by what was
    /// read is still safe. [`Journal::settled_since`] asks for certainty.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer, or something there is not an event.
    pub async fn since(&self, ledger: &AggregateId, after: u64) -> Result<Vec<Recorded>, ReadError> {
        let mut events: Vec<Recorded> = Vec::new();
        loop {
            let after = events.last().map_or(after, |last| last.position);
            let (some, more) = self.batch_since(ledger, after).await?;
            events.extend(some);
            if !more {
                return Ok(events);
            }
        }
    }

    /// The first of the events of one ledger after a position, in order, at most 1,000; and whether there are more. For
    /// those who pass them on without holding all.
    ///
    /// # Errors
    /// As [`Journal::since`].
    pub async fn batch_since(
        &self,
        ledger: &AggregateId,
        after: u64,
    ) -> Result<(Vec<Recorded>, bool), ReadError> {
        let subject = subject::of_ledger(ledger);
        let question = Question {
            seq: Some(after + 1),
            next_by_subj: Some(&subject),
            batch: Some(BATCH),
            ..Question::default()
        };
        let page = direct::ask(self.link(), self.stream_of(ledger), "read a ledger", &question).await?;
        let more = page.pending > 0;
        let events = page.messages.into_iter().map(direct::event).collect::<Result<Vec<_>, _>>()?;
        // Nothing came although more was said to be there: asking again would never end.
        let more = more && !events.is_empty();
        Ok((events, more))
    }

    /// The events of one ledger after a position, none of those acknowledged so far missing, on a cluster either.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer, or a replica stays behind.
    pub async fn settled_since(&self, ledger: &AggregateId, after: u64) -> Result<Vec<Recorded>, ReadError> {
        /// How often a replica that is behind is asked again.
        const ASKED: usize = 20;
        if self.config().replicas == 1 {
            return self.since(ledger, after).await;
        }
        let version = self.version(ledger).await?;
        for _ in 0..ASKED {
            let events = self.since(ledger, after).await?;
            if events.last().map_or(after, |event| event.position) >= version {
                return Ok(events);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Err(Unreachable::new("read a ledger", "the replica that answers stays behind the leader").into())
    }

    /// The version of a ledger: the position of its last event, 0 if it has none. Answered by the leader.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer.
    pub async fn version(&self, ledger: &AggregateId) -> Result<u64, ReadError> {
        const ACTION: &str = "look at the version of a ledger";
        const NO_MESSAGE: u64 = 10037;
        #[derive(Deserialize)]
        struct Found {
            seq: u64,
        }
        #[derive(Deserialize)]
        struct Answer {
            message: Option<Found>,
            error: Option<ApiError>,
        }
        let question = serde_json::json!({ "last_by_subj": subject::of_ledger(ledger) });
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", self.stream_of(ledger));
        let answer: Answer = api(self.link(), ACTION, subject, &question).await?;
        match (answer.message, answer.error) {
            (Some(found), _) => Ok(found.seq),
            (None, Some(error)) if error.err_code == NO_MESSAGE => Ok(0),
            (None, Some(error)) => Err(ReadError::Refused { action: ACTION, why: error.description }),
            (None, None) => {
                Err(ReadError::Refused { action: ACTION, why: "an answer without content".to_owned() })
            }
        }
    }

    /// The events at these positions, in the order asked.
    ///
    /// # Errors
    /// [`ReadError::Nothing`] if one of them does not exist; otherwise as [`Journal::since`].
    pub async fn at(&self, positions: &[u64]) -> Result<Vec<Recorded>, ReadError> {
        let mut events = Vec::with_capacity(positions.len());
        for some in positions.chunks(BATCH) {
            for message in direct::at(self.link(), self.stream(), some).await? {
                events.push(direct::event(message)?);
            }
        }
        Ok(events)
    }

    /// The events after a position, of all ledgers, in order: at most `limit`, fewer only at the end of the journal.
    ///
    /// # Errors
    /// As [`Journal::since`].
    pub async fn range(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, ReadError> {
        let mut events: Vec<Recorded> = Vec::new();
        while events.len() < limit {
            let from = events.last().map_or(after, |event| event.position) + 1;
            let batch = BATCH.min(limit - events.len());
            let question = Question { seq: Some(from), batch: Some(batch), ..Question::default() };
            let page = direct::ask(self.link(), self.stream(), "read a range of events", &question).await?;
            let pending = page.pending;
            for message in page.messages {
                events.push(direct::event(message)?);
            }
            if pending == 0 {
                break;
            }
        }
        Ok(events)
    }

    /// The position of the last event of the journal, 0 if it is empty.
    ///
    /// # Errors
    /// As [`Journal::since`].
    pub async fn last_position(&self) -> Result<u64, ReadError> {
        last_position(self.link(), self.stream()).await
    }
}

/// What the broker says when it refuses.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ApiError {
    #[serde(default)]
    pub(crate) err_code: u64,
    #[serde(default)]
    pub(crate) description: String,
}

impl ApiError {
    /// No leader or no quorum at the moment, a server that is starting, too many requests: these pass.
    const PASSING: [u64; 5] = [10008, 10009, 10023, 10074, 10167];

    /// This refusal as the outcome of an action.
    pub(crate) fn about(self, action: &'static str) -> ReadError {
        if Self::PASSING.contains(&self.err_code) {
            Unreachable::new(action, self.description).into()
        } else {
            ReadError::Refused { action, why: self.description }
        }
    }
}

/// Asks the broker's JSON interface.
pub(crate) async fn api<T: serde::de::DeserializeOwned>(
    link: &Link,
    action: &'static str,
    subject: String,
    question: &serde_json::Value,
) -> Result<T, ReadError> {
    let answer = link.request(subject, None, Bytes::from(question.to_string())).await;
    let answer = answer.map_err(|silence: Silence| Unreachable::new(action, silence))?;
    serde_json::from_slice(&answer.payload)
        .map_err(|e| ReadError::Refused { action, why: format!("an answer that is not understood: {e}") })
}

/// Where a stream begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Ends {
    /// The position of the first message that is there; one behind the last if there is none.
    #[serde(rename = "first_seq")]
    pub(crate) first: u64,
    /// The position of the last message that was ever written.
    #[serde(rename = "last_seq")]
    pub(crate) last: u64,
}

/// The position of the last message of a stream.
pub(crate) async fn last_position(link: &Link, stream: &str) -> Result<u64, ReadError> {
    Ok(ends(link, stream).await?.last)
}

/// The positions of the first and the last message of a stream.
pub(crate) async fn ends(link: &Link, stream: &str) -> Result<Ends, ReadError> {
    const ACTION: &str = "look at the end of the journal";
    #[derive(Deserialize)]
    struct Answer {
        state: Option<Ends>,
        error: Option<ApiError>,
    }
    let subject = format!("$JS.API.STREAM.INFO.{stream}");
    let answer: Answer = api(link, ACTION, subject, &serde_json::json!({})).await?;
    answer.state.ok_or_else(|| answer.error.unwrap_or_default().about(ACTION))
}

/// The versions of many ledgers at once, as one replica knows them; a ledger that has no event is not in the answer.
pub(crate) async fn versions(
    link: &Link,
    stream: &str,
    ledgers: &[AggregateId],
) -> Result<HashMap<AggregateId, u64>, ReadError> {
    let mut versions = HashMap::with_capacity(ledgers.len());
    for some in ledgers.chunks(BATCH) {
        let subjects: Vec<String> = some.iter().map(subject::of_ledger).collect();
        let question = Question { multi_last: Some(&subjects), ..Question::default() };
        let page = direct::ask(link, stream, "look at the versions of ledgers", &question).await?;
        for message in &page.messages {
            let Some((subject, position)) = direct::place(message) else { continue };
            if let Some(ledger) = subject::ledger(subject) {
                versions.insert(ledger, position);
            }
        }
    }
    Ok(versions)
}
