//! What is appended: a decision, all of it or nothing, each ledger guarded by the version it was decided on.

use bytes::Bytes;
use domain::event::Origin;
use domain::id::EventId;
use domain::ledger::{AggregateId, Change};
use jiff::Timestamp;
use serde_json::Value;

use crate::config::{MAX_EVENT_BYTES, Partitions};
use crate::digest::Digest;
use crate::envelope::{Circumstances, Outgoing};
use crate::keys::{KeyError, KeyRing};
use crate::sealing::{has_personal, has_sealed};

/// The most events one decision may record; the broker takes no larger atomic batch.
pub const MAX_CHANGES: usize = 1000;

/// What headers weigh at most, beside the body.
const HEADER_ALLOWANCE: usize = 1536;

/// One event to record.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The ledger it is written to.
    pub ledger: AggregateId,
    /// What happened: `referral.proposed`.
    pub kind: &'static str,
    /// The version of the body's shape.
    pub version: u16,
    /// When it was true.
    pub effective: Timestamp,
    /// The body; personal values are sealed on the way.
    pub body: Value,
}

impl From<&Change> for Draft {
    fn from(change: &Change) -> Self {
        Self {
            ledger: change.ledger,
            kind: change.fact.kind(),
            version: change.fact.version(),
            effective: change.effective,
            body: change.fact.body(),
        }
    }
}

/// A decision: events on one or several ledgers that are recorded together or not at all.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Who asked, through which command.
    pub origin: Origin,
    /// The digest of the command.
    pub digest: Digest,
    /// The events, in order.
    pub drafts: Vec<Draft>,
    /// The version each ledger was at when the decision was taken: the position of its last event, 0 for none.
    /// Exactly the ledgers that are written to.
    pub expected: Vec<(AggregateId, u64)>,
}

/// A decision that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The position of each event, in the order of the decision.
    pub positions: Vec<u64>,
}

impl Appended {
    /// The position of the last event.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.positions.last().copied().unwrap_or(0)
    }
}

/// Why a decision cannot be written as it stands: it breaks a rule of the journal, whatever the situation.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// Its ledgers live on different streams: decide in two steps, the second with a compensating event.
    #[error(
        "{one} and {other} live on different streams and cannot be written together; record two decisions instead"
    )]
    AcrossPartitions {
        /// A ledger of the decision.
        one: AggregateId,
        /// A ledger of another stream.
        other: AggregateId,
    },
    /// A ledger is written without the version it was decided on.
    #[error("{ledger} would be written without the version it was decided on; say which was read")]
    Unguarded {
        /// The ledger.
        ledger: AggregateId,
    },
    /// A version is stated for a ledger that is not written, or twice.
    #[error(
        "a version is stated for {ledger}, which is not written or stated already; state each ledger that is written once"
    )]
    IdleGuard {
        /// The ledger.
        ledger: AggregateId,
    },
    /// No event at all.
    #[error("a decision without an event cannot be recorded")]
    Empty,
    /// More events than one batch takes: cut it into several decisions.
    #[error("{given} events in one decision, at most {MAX_CHANGES} fit; cut it into several")]
    TooMany {
        /// How many there were.
        given: usize,
    },
    /// One event is too heavy: say less, or keep the document elsewhere and name it.
    #[error("{kind} on {ledger} weighs {bytes} bytes, at most {MAX_EVENT_BYTES} fit; shorten it")]
    TooHeavy {
        /// The ledger.
        ledger: AggregateId,
        /// The event's kind.
        kind: &'static str,
        /// Its weight with headers.
        bytes: usize,
    },
    /// It carries a personal value, but the journal was opened without keys: see [`Journal::with_keys`].
    ///
    /// [`Journal::with_keys`]: crate::Journal::with_keys
    #[error("{kind} on {ledger} carries a personal value, but this journal was opened without keys")]
    NoKeys {
        /// The ledger.
        ledger: AggregateId,
        /// The event's kind.
        kind: &'static str,
    },
    /// Its personal values cannot be sealed: they stand on a ledger that has no key, the household was erased, or the
    /// keys cannot be reached.
    #[error(transparent)]
    Unsealed(#[from] KeyError),
}

/// A decision ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) stream: String,
    pub(crate) circumstances: Circumstances,
    pub(crate) events: Vec<Outgoing>,
    /// The ledgers that are written, each with the version the decision was taken on.
    pub(crate) guards: Vec<(AggregateId, u64)>,
}

/// Checks a decision and turns it into what is sent; personal values are sealed here.
pub(crate) async fn prepare(
    decision: Decision,
    partitions: &Partitions,
    keys: Option<&KeyRing>,
) -> Result<Prepared, Unwritable> {
    let Decision { origin, digest, drafts, expected } = decision;
    let stream = check(&drafts, &expected, partitions)?;
    let circumstances = Circumstances::of(&origin, digest);
    let mut events = Vec::with_capacity(drafts.len());
    for (nth, draft) in drafts.into_iter().enumerate() {
        let id = EventId::of(origin.command, nth);
        let Draft { ledger, kind, version, effective, body } = draft;
        // A body without personal values passes untouched and waits for nothing.
        let body = match keys {
            _ if !has_personal(&body) && !has_sealed(&body) => body,
            Some(keys) => keys.seal(&ledger, id, kind, version, body).await?,
            None => return Err(Unwritable::NoKeys { ledger, kind }),
        };
        // A JSON value with string keys always has a text.
        let body = Bytes::from(serde_json::to_vec(&body).unwrap_or_default());
        let bytes = body.len() + HEADER_ALLOWANCE;
        if bytes > MAX_EVENT_BYTES {
            return Err(Unwritable::TooHeavy { ledger, kind, bytes });
        }
        events.push(Outgoing { ledger, id, kind, version, effective, body });
    }
    Ok(Prepared { stream, circumstances, events, guards: expected })
}

/// The stream of a decision that keeps the rules of the journal.
fn check(
    drafts: &[Draft],
    expected: &[(AggregateId, u64)],
    partitions: &Partitions,
) -> Result<String, Unwritable> {
    let first = drafts.first().ok_or(Unwritable::Empty)?.ledger;
    if drafts.len() > MAX_CHANGES {
        return Err(Unwritable::TooMany { given: drafts.len() });
    }
    let stream = partitions.stream(first.territory());
    for draft in drafts {
        if partitions.stream(draft.ledger.territory()) != stream {
            return Err(Unwritable::AcrossPartitions { one: first, other: draft.ledger });
        }
        if !expected.iter().any(|(ledger, _)| *ledger == draft.ledger) {
            return Err(Unwritable::Unguarded { ledger: draft.ledger });
        }
    }
    for (at, (ledger, _)) in expected.iter().enumerate() {
        let idle = !drafts.iter().any(|draft| draft.ledger == *ledger);
        if idle || expected[..at].iter().any(|(earlier, _)| earlier == ledger) {
            return Err(Unwritable::IdleGuard { ledger: *ledger });
        }
    }
    Ok(stream.to_owned())
}
