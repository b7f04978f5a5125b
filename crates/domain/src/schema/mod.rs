//! The shapes of events as documents of their own, for those who read what leaves: JSON Schema 2020-12, one for each type
//! and version.
//!
//! **Invariant.** Whatever a reader is told of an event fits the document that its `dataschema` names, however little of it
//! their row shows: what may be withheld may be absent there.
//!
//! **Invariant.** The document of a type and version is never taken back: `crates/domain/schemas` holds each that was ever
//! published, and a test lets it grow by what older readers can pass over alone.

mod reader;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::household::HouseholdEvent;
use crate::inquiry::InquiryEvent;
use crate::organisation::OrganisationEvent;
use crate::place::PlaceEvent;
use crate::placement::{Placement, Turn};
use crate::structure::StructureEvent;
use crate::subscription::SubscriptionEvent;
use crate::user::UserEvent;

/// The word for what becomes of what is available, beside the words for ledgers.
pub const PLACEMENT: &str = "placement";

/// The version of the three events that tell what becomes of what is available.
const PLACEMENT_VERSION: u16 = 1;

/// Documents of versions that are not written any more, by ledger, type and version. Whoever raises the version of an event
/// names the document of the former one here: types of today cannot tell it.
const FORMER: [(&str, &str, u16, &str); 0] = [];

/// The shape of the `data` of one type of event in one version.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSchema {
    /// What the event is about: the word for its ledger, or [`PLACEMENT`].
    pub about: &'static str,
    /// The type: `referral.proposed`.
    pub kind: &'static str,
    /// The version of its shape.
    pub version: u16,
    /// Whether events are written in this version today.
    pub current: bool,
    /// The document; its `$id` is the `dataschema` of such an event.
    pub document: Value,
}

impl EventSchema {
    /// What such an event names as its `dataschema`.
    #[must_use]
    pub fn urn(&self) -> String {
        if self.about == PLACEMENT { placement_urn(self.kind) } else { urn(self.kind, self.version) }
    }
}

/// What an event of a ledger names as its `dataschema`: `urn:continuum:event:referral.proposed:1`.
#[must_use]
pub fn urn(kind: &str, version: u16) -> String {
    format!("urn:continuum:event:{kind}:{version}")
}

/// What a placement event names as its `dataschema`: `urn:continuum:placement:placement.available:1`.
#[must_use]
pub fn placement_urn(kind: &str) -> String {
    format!("urn:continuum:placement:{kind}:{PLACEMENT_VERSION}")
}

/// The shape of every type of event in every version that was published, by type and version.
#[must_use]
pub fn all() -> Vec<EventSchema> {
    let mut all = placements();
    all.extend(of("household", HouseholdEvent::schemas, reader::of_household));
    all.extend(of("place", PlaceEvent::schemas, reader::of_supply));
    all.extend(of("structure", StructureEvent::schemas, reader::of_supply));
    all.extend(of("organisation", OrganisationEvent::schemas, reader::whole));
    all.extend(of("user", UserEvent::schemas, reader::whole));
    all.extend(of("subscription", SubscriptionEvent::schemas, reader::whole));
    all.extend(of("inquiry", InquiryEvent::schemas, reader::whole));
    all.extend(FORMER.map(|(about, kind, version, text)| EventSchema {
        about,
        kind,
        version,
        current: false,
        // A test reads each of them.
        document: serde_json::from_str(text).unwrap_or_default(),
    }));
    all.sort_by_key(|schema| (schema.kind, schema.version));
    all
}

/// The bodies of one ledger's events, as its `events!` tables tell them.
type Tell = fn(&mut SchemaGenerator) -> Vec<(&'static str, u16, schemars::Schema)>;

/// Makes of the shape of a body, the last argument, what a reader may be told of it.
type Loosen = fn(&str, &mut Map<String, Value>, &mut Value);

fn of(about: &'static str, tell: Tell, loosen: Loosen) -> Vec<EventSchema> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let told = tell(&mut generator);
    let definitions = generator.take_definitions(true);
    let schema = |(kind, version, schema): (&'static str, u16, schemars::Schema)| {
        let (mut definitions, mut body) = (definitions.clone(), Value::from(schema));
        reader::inline(&mut body, &definitions);
        loosen(kind, &mut definitions, &mut body);
        let document = document(&urn(kind, version), kind, body, &definitions);
        EventSchema { about, kind, version, current: true, document }
    };
    told.into_iter().map(schema).collect()
}

fn placements() -> Vec<EventSchema> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let placement = Value::from(generator.subschema_for::<Placement>());
    let definitions = generator.take_definitions(true);
    let schema = |turn: Turn| {
        let (is, means) = match turn {
            Turn::Available => (placement.clone(), "It is to be had now."),
            Turn::Changed => (placement.clone(), "It is still to be had, and something of it has changed."),
            Turn::Gone => (json!({ "type": "null" }), "It is not to be had any more."),
        };
        let body = json!({
            "type": "object",
            "description": format!("`{}`: {means}", turn.kind()),
            "required": ["because", "placement"],
            "properties": {
                "because": { "type": "string", "description": "The type of the event that made it so." },
                "placement": is
            }
        });
        let document = document(&placement_urn(turn.kind()), turn.kind(), body, &definitions);
        EventSchema {
            about: PLACEMENT,
            kind: turn.kind(),
            version: PLACEMENT_VERSION,
            current: true,
            document,
        }
    };
    [Turn::Available, Turn::Changed, Turn::Gone].map(schema).into()
}

/// A document that needs no other one: the definitions that it speaks of, and no more.
fn document(urn: &str, kind: &str, mut body: Value, definitions: &Map<String, Value>) -> Value {
    let used = used(&body, definitions);
    body["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    body["$id"] = json!(urn);
    body["title"] = json!(kind);
    if !used.is_empty() {
        body["$defs"] = Value::Object(used);
    }
    body
}

fn used(body: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let (mut used, mut named) = (Map::new(), Vec::new());
    references(body, &mut named);
    while let Some(name) = named.pop() {
        if let Some(definition) = definitions.get(&name)
            && used.insert(name, definition.clone()).is_none()
        {
            references(definition, &mut named);
        }
    }
    used
}

/// The names of the definitions that a schema speaks of.
fn references(schema: &Value, named: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            named.extend(reader::referred(members).map(str::to_owned));
            members.values().for_each(|member| references(member, named));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
