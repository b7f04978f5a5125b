//! The table of problems as people and programs read it: `PROBLEMS.md` and the components of the OpenAPI document.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{CONTENT_TYPE, INSTANCE_PREFIX, Kind, TYPE_PREFIX};

/// The whole of `crates/service/PROBLEMS.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = format!(
        "# Problems\n\n\
         Every answer that is not a success is an `{CONTENT_TYPE}` document (RFC 9457):\n\n\
         | member | what it holds |\n|---|---|\n\
         | `type` | `{TYPE_PREFIX}` and the `code` |\n\
         | `title` | what happened, always the same words for the same kind |\n\
         | `status` | the HTTP status |\n\
         | `code` | stable, for software; when a rule says no, the rule's own |\n\
         | `detail` | a sentence about this occurrence; when a rule says no, in French, for a person |\n\
         | `instance` | `{INSTANCE_PREFIX}` and the trace id: quote it when asking for help |\n\n\
         A member of the last column of the table below is there when it is known. `bound` is\n\
         `{{ \"name\", \"value\", \"unit\" }}`, `name` being the configuration key. Titles and details never repeat a value of\n\
         the request.\n\n\
         This file is generated from `src/problem/kind.rs`; a test compares the two.\n\n\
         | status | code | title | what to do | members |\n|---|---|---|---|---|\n"
    );
    for kind in Kind::ALL {
        let entry = kind.entry();
        let code = if kind.is_a_rule() { "*the rule's own*".to_owned() } else { format!("`{}`", entry.code) };
        let members: Vec<_> = entry.members.iter().map(|member| format!("`{member}`")).collect();
        let retry = entry.retry_after_s.map_or_else(String::new, |s| format!(" `Retry-After: {s}`."));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {code} | {} | {}{retry} | {} |",
            entry.status.as_u16(),
            entry.title,
            entry.remedy,
            members.join(", ")
        );
    }
    text
}

/// The name of the response component of a kind: `Problem-stale-version`.
#[must_use]
pub fn component_name(kind: Kind) -> String {
    format!("Problem-{}", kind.entry().code)
}

/// `components.schemas.Problem`, and one entry of `components.responses` per kind.
#[must_use]
pub fn components() -> (Value, Map<String, Value>) {
    (schema(), Kind::ALL.into_iter().map(|kind| (component_name(kind), response(kind))).collect())
}

fn schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457 problem details: why something was not done, and what to do next.",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": { "type": "string", "format": "uri", "examples": [format!("{TYPE_PREFIX}stale-version")] },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "code": { "type": "string", "description": "Stable, for software. When a rule says no, the rule's own." },
            "detail": { "type": "string", "description": "A sentence about this occurrence, for a person." },
            "instance": {
                "type": "string",
                "format": "uri",
                "description": "The trace of the request, to be quoted when asking for help."
            },
            "rule": { "type": "string", "description": "The rule that says no." },
            "since": { "type": "string", "format": "date-time", "description": "Since when it has been so." },
            "look_alikes": {
                "type": "array",
                "description": "The files that look like the one that was to be opened: in what, since when, whom to ask; the id where the caller may see it.",
                "items": { "type": "object" }
            },
            "pointer": { "type": "string", "format": "json-pointer", "description": "Where in the body." },
            "line": { "type": "integer", "minimum": 1 },
            "column": { "type": "integer", "minimum": 1 },
            "parameter": { "type": "string", "description": "Which parameter of the path or the query." },
            "header": { "type": "string", "description": "Which header." },
            "role": { "type": "string", "description": "The role that may not do this." },
            "limit": { "type": "string", "description": "Which limit of the token was met." },
            "bound": {
                "type": "object",
                "description": "The bound that was met.",
                "required": ["name", "value", "unit"],
                "properties": {
                    "name": { "type": "string" },
                    "value": { "type": "integer", "minimum": 0 },
                    "unit": { "type": "string" }
                }
            },
            "expected": {
                "type": ["string", "integer"],
                "description": "What should have been sent: a form, a version, a position."
            },
            "found": { "type": "integer", "minimum": 0, "description": "What there is: a version, a position, a number." },
            "aggregate": { "type": "string", "description": "The kind of thing looked for." },
            "id": { "type": "string", "description": "The id it was looked for by." },
            "service": { "type": "string" },
            "checks": { "type": "array", "items": { "$ref": "#/components/schemas/Check" } }
        }
    })
}

fn response(kind: Kind) -> Value {
    let entry = kind.entry();
    let code = if kind.is_a_rule() { String::new() } else { format!(" (`{}`)", entry.code) };
    let mut response = json!({
        "description": format!("{}{code}. {}", capitalised(entry.title), entry.remedy),
        "content": { CONTENT_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } }
    });
    if entry.retry_after_s.is_some() {
        response["headers"] = json!({
            "Retry-After": { "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 1 } }
        });
    }
    response
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_problems_is_the_committed_one() {
        let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/PROBLEMS.md");
        if std::env::var_os("CONTINUUM_WRITE_GENERATED").is_some() {
            std::fs::write(committed, markdown()).unwrap();
        }
        let text = std::fs::read_to_string(committed).unwrap_or_default();
        assert_eq!(text, markdown(), "write it again with CONTINUUM_WRITE_GENERATED=1 cargo test -p service");
    }

    #[test]
    fn every_member_of_every_kind_is_described() {
        let schema = schema();
        for kind in Kind::ALL {
            for member in kind.entry().members {
                assert!(schema["properties"].get(member).is_some(), "{member} of {kind:?}");
            }
        }
    }
}
