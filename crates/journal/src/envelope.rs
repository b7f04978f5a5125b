//! The envelope of an event on the wire: CloudEvents 1.0 attributes in headers, the body alone in the payload.
//!
//! **Invariant.** Headers never carry personal data: ids, codes, dates and a keyed digest only.

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use domain::event::{Actor, Origin, Stamp};
use domain::id::{CommandId, EventId, OrganisationId};
use domain::ledger::AggregateId;
use domain::schema::urn;
use jiff::Timestamp;

use crate::digest::Digest;
use crate::recorded::Recorded;
use crate::subject;

/// The version of CloudEvents that is written.
pub(crate) const SPEC_VERSION: &str = "1.0";

const CE_SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");
const CE_ID: HeaderName = HeaderName::from_static("ce-id");
const CE_SOURCE: HeaderName = HeaderName::from_static("ce-source");
const CE_TYPE: HeaderName = HeaderName::from_static("ce-type");
const CE_TIME: HeaderName = HeaderName::from_static("ce-time");
const CE_SUBJECT: HeaderName = HeaderName::from_static("ce-subject");
const CE_DATA_SCHEMA: HeaderName = HeaderName::from_static("ce-dataschema");
const CE_EFFECTIVE_TIME: HeaderName = HeaderName::from_static("ce-effectivetime");
const CE_ACTOR: HeaderName = HeaderName::from_static("ce-actor");
const CE_ORG: HeaderName = HeaderName::from_static("ce-org");
const CE_COMMAND: HeaderName = HeaderName::from_static("ce-command");
const CE_DIGEST: HeaderName = HeaderName::from_static("ce-digest");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// An event that is in the journal but cannot be read: it was not written by this software, or it was damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the message at position {position} is not an event of ours: {what}; stop, compare with the seals and a backup"
)]
pub struct Malformed {
    /// Where it is.
    pub position: u64,
    /// What is missing or wrong, without values.
    pub what: &'static str,
}

/// What all events of one decision have in common, written once.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances {
    time: String,
    actor: String,
    organisation: String,
    command: String,
    digest: String,
    trace: Option<String>,
}

impl Circumstances {
    pub(crate) fn of(origin: &Origin, digest: Digest) -> Self {
        Self {
            time: origin.at.to_string(),
            actor: origin.actor.to_string(),
            organisation: origin.organisation.to_string(),
            command: origin.command.to_string(),
            digest: digest.to_string(),
            // Whatever else a client sent as its trace is not repeated in a header.
            trace: origin.trace.clone().filter(|trace| is_trace_parent(trace)),
        }
    }
}

/// One event on its way to the broker.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) ledger: AggregateId,
    pub(crate) id: EventId,
    pub(crate) kind: &'static str,
    pub(crate) version: u16,
    pub(crate) effective: Timestamp,
    pub(crate) body: Bytes,
}

impl Outgoing {
    /// The headers of this event. Built when it is sent, and again if it is sent again: cheaper than keeping copies.
    pub(crate) fn headers(&self, circumstances: &Circumstances) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CE_SPEC_VERSION, SPEC_VERSION);
        headers.insert(CE_ID, self.id.to_string());
        headers.insert(CE_SOURCE, source(&self.ledger));
        headers.insert(CE_TYPE, self.kind);
        headers.insert(CE_TIME, circumstances.time.as_str());
        headers.insert(CE_SUBJECT, self.ledger.to_string());
        headers.insert(CE_DATA_SCHEMA, urn(self.kind, self.version));
        headers.insert(CE_EFFECTIVE_TIME, self.effective.to_string());
        headers.insert(CE_ACTOR, circumstances.actor.as_str());
        headers.insert(CE_ORG, circumstances.organisation.as_str());
        headers.insert(CE_COMMAND, circumstances.command.as_str());
        headers.insert(CE_DIGEST, circumstances.digest.as_str());
        if let Some(trace) = &circumstances.trace {
            headers.insert(TRACE_PARENT, trace.as_str());
        }
        headers
    }
}

/// The attributes of one event, as its headers have them.
#[derive(Default)]
struct Attributes<'a> {
    id: &'a str,
    kind: &'a str,
    time: &'a str,
    effective: &'a str,
    schema: &'a str,
    actor: &'a str,
    organisation: &'a str,
    command: &'a str,
    digest: &'a str,
    trace: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    /// Goes through the headers once: a look-up by name hashes the name, which is most of what reading would cost.
    fn of(headers: &'a HeaderMap) -> Self {
        let mut attributes = Self::default();
        for (name, values) in headers.iter() {
            let Some(value) = values.first().map(HeaderValue::as_str) else { continue };
            let name: &str = name.as_ref();
            match name {
                "ce-id" => attributes.id = value,
                "ce-type" => attributes.kind = value,
                "ce-time" => attributes.time = value,
                "ce-effectivetime" => attributes.effective = value,
                "ce-dataschema" => attributes.schema = value,
                "ce-actor" => attributes.actor = value,
                "ce-org" => attributes.organisation = value,
                "ce-command" => attributes.command = value,
                "ce-digest" => attributes.digest = value,
                "traceparent" => attributes.trace = Some(value),
                // What the broker adds, and attributes that follow from the subject.
                _ => {}
            }
        }
        attributes
    }
}

/// Reads one message of a stream of events.
pub(crate) fn read(
    position: u64,
    subject: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Recorded, Malformed> {
    let malformed = |what| move || Malformed { position, what };
    let time = |text: &str, what| text.parse::<Timestamp>().map_err(|_| malformed(what)());
    let has = Attributes::of(headers);
    let version = has.schema.rsplit(':').next().and_then(|version| version.parse().ok());
    let version = version.ok_or_else(malformed("ce-dataschema"))?;
    if has.kind.is_empty() {
        return Err(malformed("ce-type")());
    }
    Ok(Recorded {
        position,
        ledger: subject::ledger(subject).ok_or_else(malformed("its subject names no ledger"))?,
        kind: has.kind.to_owned(),
        stamp: Stamp {
            event: has.id.parse::<EventId>().map_err(|_| malformed("ce-id")())?,
            version,
            recorded: time(has.time, "ce-time")?,
            effective: time(has.effective, "ce-effectivetime")?,
        },
        actor: has.actor.parse::<Actor>().map_err(|_| malformed("ce-actor")())?,
        organisation: has.organisation.parse::<OrganisationId>().map_err(|_| malformed("ce-org")())?,
        command: has.command.parse::<CommandId>().map_err(|_| malformed("ce-command")())?,
        digest: has.digest.parse().map_err(|_| malformed("ce-digest")())?,
        trace: has.trace.map(str::to_owned),
        body,
    })
}

/// `/continuum/33`: the context in which the event happened is the territory's journal.
pub(crate) fn source(ledger: &AggregateId) -> String {
    format!("/continuum/{}", ledger.territory())
}

/// Whether a text is a W3C trace context: `00-<32 hex>-<16 hex>-<2 hex>`.
fn is_trace_parent(text: &str) -> bool {
    const LENGTHS: [usize; 4] = [2, 32, 16, 2];
    let mut parts = text.split('-');
    LENGTHS.iter().all(|length| {
        parts.next().is_some_and(|part| part.len() == *length && part.bytes().all(|c| c.is_ascii_hexdigit()))
    }) && parts.next().is_none()
}
