//! An event as it was recorded.

use bytes::Bytes;
use domain::event::{Actor, Stamp, Undecodable};
use domain::id::{CommandId, OrganisationId};
use domain::ledger::{AggregateId, Fact};
use domain::schema::urn;
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::envelope;

/// One event of the journal, as read: the envelope is parsed, the body is kept as it is until somebody asks.
///
/// Personal values in the body are sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the order of all events of its stream, counted from 1. Also the version of its ledger after it.
    pub position: u64,
    /// The ledger it was written to.
    pub ledger: AggregateId,
    /// What happened: `referral.proposed`.
    pub kind: String,
    /// The event's id, the version of its body's shape, when it was recorded, when it was true.
    pub stamp: Stamp,
    /// Who asked: an opaque code.
    pub actor: Actor,
    /// On whose behalf.
    pub organisation: OrganisationId,
    /// The command that was asked.
    pub command: CommandId,
    /// The keyed digest of that command.
    pub digest: Digest,
    /// The W3C trace context the command came with.
    pub trace: Option<String>,
    /// The body's JSON, as stored.
    pub body: Bytes,
}

impl Recorded {
    /// The body.
    ///
    /// # Errors
    /// [`Undecodable::Shape`] if it is not JSON.
    pub fn value(&self) -> Result<Value, Undecodable> {
        serde_json::from_slice(&self.body).map_err(|e| Undecodable::Shape {
            kind: self.kind.clone(),
            version: self.stamp.version,
            why: format!("not JSON: {:?} fault at byte {}", e.classify(), e.column()),
        })
    }

    /// The fact, whatever version it was written in.
    ///
    /// # Errors
    /// [`Undecodable`]: the program is older than the event, or the body does not have the promised shape. Stop the
    /// ledger (or the reader, for a newer version); never skip.
    pub fn fact(&self) -> Result<Fact, Undecodable> {
        Fact::parse(&self.ledger, &self.kind, self.stamp.version, &self.body)
    }

    /// The event as structured CloudEvents JSON, for feeds, exports and webhooks. `data` is the body as stored; a
    /// body that is not JSON is `null`, which [`Recorded::value`] reports.
    #[must_use]
    pub fn structured(&self) -> Value {
        let mut event = Map::new();
        let mut put = |name: &str, value: String| event.insert(name.to_owned(), Value::String(value));
        put("specversion", envelope::SPEC_VERSION.to_owned());
        put("id", self.stamp.event.to_string());
        put("source", envelope::source(&self.ledger));
        put("type", self.kind.clone());
        put("subject", self.ledger.to_string());
        put("time", self.stamp.recorded.to_string());
        put("dataschema", urn(&self.kind, self.stamp.version));
        put("datacontenttype", "application/json".to_owned());
        put("sequence", self.position.to_string());
        put("effectivetime", self.stamp.effective.to_string());
        put("actor", self.actor.to_string());
        put("org", self.organisation.to_string());
        put("command", self.command.to_string());
        put("digest", self.digest.to_string());
        if let Some(trace) = &self.trace {
            put("traceparent", trace.clone());
        }
        event.insert("data".to_owned(), self.value().unwrap_or(Value::Null));
        Value::Object(event)
    }
}
