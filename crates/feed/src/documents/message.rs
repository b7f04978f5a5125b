//! The messages that the description speaks of, and the schemas that they have in common.

use domain::schema::EventSchema;
use serde_json::{Map, Value, json};

use super::href;

/// How schemas of messages are written. The specification's own form is older.
const SCHEMA: &str = "application/schema+json;version=draft-2020-12";

/// The kinds of things whose events leave: who may do what is nobody's feed.
pub(super) const TOLD: [&str; 4] = ["household", "place", "structure", "inquiry"];

/// The schemas that messages have in common.
const CLOUD_EVENT: &str = "CloudEvent";
const ASKED: &str = "CommandHeaders";
const ASKED_ANEW: &str = "CreationHeaders";
const ANSWERED: &str = "AnswerHeaders";

/// What both sides say in a header of theirs, by what a broker's client writes.
const TARGET: &str = journal::gateway::TARGET;
const VERSION: &str = journal::gateway::VERSION;
const STATUS: &str = journal::gateway::STATUS;

/// Every message by name: an event of each type, what becomes of what is available, a receipt, a refusal.
pub(super) fn all(schemas: &[EventSchema]) -> Map<String, Value> {
    let mut all: Map<String, Value> =
        leaving(schemas).map(|schema| (schema.kind.to_owned(), event(schema))).collect();
    for (name, means, content_type) in [
        ("Receipt", "What the command recorded.", "application/json"),
        ("Problem", "Why nothing was recorded (RFC 9457).", "application/problem+json"),
    ] {
        let answer = json!({
            "name": name,
            "title": name,
            "summary": means,
            "contentType": content_type,
            "headers": shared_schema(ANSWERED),
            "payload": at_openapi(name)
        });
        all.insert(name.to_owned(), answer);
    }
    all
}

/// The shapes of the events that leave, in the versions that are written today.
pub(super) fn leaving(schemas: &[EventSchema]) -> impl Iterator<Item = &EventSchema> {
    let told =
        |schema: &&EventSchema| TOLD.contains(&schema.about) || schema.about == domain::schema::PLACEMENT;
    schemas.iter().filter(|schema| schema.current).filter(told)
}

fn event(schema: &EventSchema) -> Value {
    let kind = schema.kind;
    json!({
        "name": kind,
        "title": kind,
        "summary": schema.document["description"],
        "contentType": "application/cloudevents+json",
        "payload": { "schemaFormat": SCHEMA, "schema": {
            "allOf": [shared_schema(CLOUD_EVENT)],
            "properties": {
                "type": { "const": kind },
                "dataschema": { "const": schema.urn() },
                "data": { "$ref": href(kind, schema.version) }
            }
        } }
    })
}

/// A command as a message: what it carries is its body over HTTP.
pub(super) fn command(name: &str, summary: &str, schema: &str, creates: bool) -> Value {
    json!({
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/json",
        "headers": shared_schema(if creates { ASKED_ANEW } else { ASKED }),
        "payload": at_openapi(schema)
    })
}

/// What messages have in common, by name: their headers, the envelope of events.
pub(super) fn shared() -> Value {
    json!({
        CLOUD_EVENT: cloud_event(),
        ASKED: asked(true),
        ASKED_ANEW: asked(false),
        ANSWERED: {
            "type": "object",
            "required": [STATUS],
            "properties": {
                STATUS: { "type": "string", "description": "The status that HTTP would give." },
                "Nats-Service-Error": { "type": "string", "description": "Of a refusal: its code." },
                "Nats-Service-Error-Code": { "type": "string", "description": "Of a refusal: the status." }
            }
        }
    })
}

/// The headers of a command that is about something there is, or creates something.
fn asked(about: bool) -> Value {
    let mut required = vec!["Nats-Msg-Id"];
    let mut properties = json!({
        "Nats-Msg-Id": { "type": "string", "minLength": 1, "maxLength": 255, "description": "The sender's own id of this command: sent again under it, it is recorded once." },
        "traceparent": { "type": "string", "description": "The sender's trace (W3C)." }
    });
    if about {
        required.push(TARGET);
        properties[TARGET] =
            json!({ "type": "string", "description": "The id of what the command is about, as in the URL." });
        properties[VERSION] = json!({ "type": "string", "pattern": "^[0-9]+$", "description": "The version of it on which alone the command is to be recorded." });
    }
    json!({ "type": "object", "required": required, "properties": properties })
}

fn shared_schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A schema of the description of the API.
fn at_openapi(name: &str) -> Value {
    json!({ "schemaFormat": SCHEMA, "schema": { "$ref": format!("{}#/components/schemas/{name}", service::openapi::OPENAPI) } })
}

/// The envelope of every event: CloudEvents 1.0 in structured form.
fn cloud_event() -> Value {
    let text = |means: &str| json!({ "type": "string", "description": means });
    let instant = |means: &str| json!({ "type": "string", "format": "date-time", "description": means });
    json!({
        "type": "object",
        "description": "A CloudEvent 1.0 in structured form.",
        "required": ["specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "sequence", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": text("The event's id: what was read already is told by it."),
            "source": text("The territory's journal: /continuum/33."),
            "type": text("The type of the event."),
            "subject": text("The ledger: place/33-…"),
            "time": instant("When the journal learned it."),
            "effectivetime": instant("When it was true."),
            "dataschema": text("Which shape its data has: the $id of a document of /api/v1/schemas."),
            "datacontenttype": { "const": "application/json" },
            "sequence": { "type": "string", "pattern": "^[0-9]+$", "description": "Its position in the journal, the cursor to go on from." },
            "actor": text("Who asked, as an opaque code."),
            "org": text("The organisation on whose behalf."),
            "command": text("The command that caused it."),
            "digest": text("A keyed digest of that command."),
            "traceparent": text("The trace it came with (W3C)."),
            "data": { "description": "What happened, as much of it as the reader's row shows; personal values sealed." }
        }
    })
}
