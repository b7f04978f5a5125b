//! The schemas of commands, receipts and events, for the documentation of the API.

use domain::decide::{CommandKind, catalogue};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use service::Site;

/// The name of the schema of a command's body: `ProposeReferral`, with its ledger where two commands share a name.
#[must_use]
pub fn command_schema(kind: &CommandKind) -> String {
    let mut name = String::new();
    let words = kind.name.split('-').chain((kind.ledger != "household").then_some(kind.ledger));
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name + "Command"
}

/// Every schema that commands and their answers speak of, by name.
#[must_use]
pub fn schemas() -> Vec<(String, Value)> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = SchemaGenerator::new(settings);
    // What the surface makes by itself, from a password say, is in no body.
    let asked = catalogue().filter(|kind| !kind.services.is_empty());
    let mut all: Vec<(String, Value)> = asked
        .map(|kind| {
            let schema = Value::from((kind.schema)(&mut generator));
            let schema = json!({ "title": kind.name, "description": kind.summary, "allOf": [schema] });
            (command_schema(kind), schema)
        })
        .collect();
    for schema in extra(&mut generator) {
        all.push(schema);
    }
    all.extend(generator.take_definitions(true));
    all.push(("Receipt".to_owned(), receipt()));
    all.push(("HouseholdReader".to_owned(), reader()));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

fn extra(generator: &mut SchemaGenerator) -> Vec<(String, Value)> {
    vec![
        ("Wants".to_owned(), Value::from(generator.subschema_for::<domain::placement::Wants>())),
        ("Placement".to_owned(), Value::from(generator.subschema_for::<domain::placement::Placement>())),
        ("Ranking".to_owned(), Value::from(generator.subschema_for::<domain::matching::Ranking>())),
        ("Exclusion".to_owned(), Value::from(generator.subschema_for::<domain::matching::Exclusion>())),
        ("TaskKind".to_owned(), Value::from(generator.subschema_for::<domain::worklist::TaskKind>())),
        ("View".to_owned(), Value::from(generator.subschema_for::<crate::ViewState>())),
    ]
    .into_iter()
    // A schema that only points to itself adds nothing.
    .filter(|(name, schema)| schema.get("$ref") != Some(&json!(format!("#/components/schemas/{name}"))))
    .collect()
}

fn receipt() -> Value {
    json!({
        "type": "object",
        "description": "What a command recorded.",
        "required": ["id", "position", "visible", "repeated", "created", "events"],
        "properties": {
            "id": { "type": "string", "description": "The id of the ledger it addressed or created." },
            "version": { "type": ["integer", "null"], "description": "The version of that ledger now, as in the ETag." },
            "position": { "type": "integer", "description": "The position of its last event: pass it as at_least to read what you wrote." },
            "visible": { "type": "boolean", "description": "Whether the service's own view shows it already." },
            "repeated": { "type": "boolean", "description": "Whether it had been recorded before under the same key." },
            "created": {
                "type": "object",
                "description": "What it created beside the ledger itself, by the word for it: request, referral, stay…",
                "additionalProperties": { "type": "array", "items": { "type": "string", "format": "uuid" } }
            },
            "readers": {
                "type": "array",
                "description": "After a withdrawal or an objection: the organisations that it stops, and what each has read already, to be told to the household.",
                "items": { "$ref": "#/components/schemas/HouseholdReader" }
            },
            "matching": {
                "type": "object",
                "description": "After a correction of a person: whether it changed anything for matching, which runs on what is known now.",
                "properties": {
                    "changed": { "type": "boolean", "description": "Whether a fact that places are matched on has changed." },
                    "facts": { "type": "array", "items": { "type": "string" }, "description": "Which: size, adults, minors…" },
                    "withdrawn": { "type": "array", "items": { "type": "string", "format": "uuid" }, "description": "The proposals that no longer fit and are withdrawn." },
                    "check_accepted": { "type": "boolean", "description": "Whether a referral that was accepted is to be looked at again." }
                }
            },
            "events": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "type", "ledger", "position"],
                    "properties": {
                        "id": { "type": "string", "format": "uuid" },
                        "type": { "type": "string", "examples": ["referral.proposed"] },
                        "ledger": { "type": "string", "examples": ["household/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90"] },
                        "position": { "type": "integer" }
                    }
                }
            }
        }
    })
}

fn reader() -> Value {
    json!({
        "type": "object",
        "description": "An organisation that reads a household, would but for what its people said, or has read it.",
        "required": ["organisation", "sees_as", "stopped_as"],
        "properties": {
            "organisation": { "type": "string" },
            "name": { "type": ["string", "null"] },
            "sees_as": { "type": "array", "items": { "type": "string" }, "description": "What it is to the household, and therefore reads: follows, proposed, houses, designated…" },
            "stopped_as": { "type": "array", "items": { "type": "string" }, "description": "What it is to the household and does not read, because of what its people said." },
            "read": {
                "type": ["object", "null"],
                "description": "What it has read, in the year that readings are kept.",
                "properties": {
                    "times": { "type": "integer" },
                    "first": { "type": "string", "format": "date-time" },
                    "last": { "type": "string", "format": "date-time" },
                    "fields": { "type": "array", "items": { "type": "string" } }
                }
            }
        }
    })
}

/// `site` with every schema that commands speak of.
#[must_use]
pub fn described(site: Site) -> Site {
    site.document(|api| api.schemas(schemas()))
}
