//! From the shape of what is recorded to the shape of what a reader may be told of it.

use serde_json::{Map, Value, json};

use crate::rights::Matrix;

/// The definition of what stands where something is withheld.
const WITHHELD: &str = "Withheld";

/// Whoever knew a household is told that it is erased, and nothing else.
const ERASED: &str = "household.erased";

/// Where a schema keeps alternatives, or parts, of itself.
const BRANCHES: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Nothing is withheld.
pub(super) fn whole(_: &str, _: &mut Map<String, Value>, _: &mut Value) {}

/// Fields of groups that the file of rights names may be absent or withheld.
pub(super) fn of_household(kind: &str, definitions: &mut Map<String, Value>, body: &mut Value) {
    for path in Matrix::shipped().event_paths() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        may_lack(body, definitions, &path);
    }
    if kind == ERASED
        && let Some(members) = body.as_object_mut()
    {
        members.remove("required");
    }
    let withheld = json!({
        "type": "object",
        "description": "What stands where the reader's row shows a trace of a field and not its value.",
        "required": ["withheld"],
        "properties": {
            "withheld": { "type": "string", "description": "The group of the field: id, viol…" },
            "flagged": { "type": ["boolean", "null"], "description": "Whether there is something; null if nobody can say." },
            "regular": { "type": ["boolean", "null"], "description": "Whether the residence is regular; null if unknown." },
            "reference": { "type": "string", "description": "What the reader calls the household." }
        }
    });
    definitions.insert(WITHHELD.to_owned(), withheld);
}

/// Households that are not the reader's to know are not named.
pub(super) fn of_supply(_: &str, definitions: &mut Map<String, Value>, body: &mut Value) {
    definitions.values_mut().for_each(without_household);
    without_household(body);
}

fn without_household(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            not_required(members, "household");
            members.values_mut().for_each(without_household);
        }
        Value::Array(items) => items.iter_mut().for_each(without_household),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lets a field be absent.
fn not_required(schema: &mut Map<String, Value>, name: &str) {
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|required| required != name);
        if required.is_empty() {
            schema.remove("required");
        }
    }
}

/// The name of the definition that a schema refers to.
pub(super) fn referred(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

/// Puts the definition that a schema refers to in its place: what is said of it here holds there alone.
pub(super) fn inline(schema: &mut Value, definitions: &Map<String, Value>) {
    let Some(members) = schema.as_object_mut() else { return };
    let Some(Value::Object(definition)) = referred(members).and_then(|name| definitions.get(name)) else {
        return;
    };
    let mut inlined = definition.clone();
    members.remove("$ref");
    inlined.append(members);
    *schema = Value::Object(inlined);
}

/// Lets the field at `path` be absent or withheld, wherever the schema has one; `*` is an index.
fn may_lack(schema: &mut Value, definitions: &Map<String, Value>, path: &[&str]) {
    let Some((name, rest)) = path.split_first().filter(|_| has(schema, definitions, path)) else { return };
    inline(schema, definitions);
    for branches in BRANCHES {
        if let Some(Value::Array(branches)) = schema.get_mut(branches) {
            branches.iter_mut().for_each(|branch| may_lack(branch, definitions, path));
        }
    }
    if *name == "*" {
        if let Some(items) = schema.get_mut("items") {
            may_lack(items, definitions, rest);
        }
        return;
    }
    let Some(members) = schema.as_object_mut() else { return };
    let Some(field) = members.get_mut("properties").and_then(|fields| fields.get_mut(*name)) else { return };
    if rest.is_empty() {
        *field = json!({ "anyOf": [field.take(), { "$ref": format!("#/$defs/{WITHHELD}") }] });
        not_required(members, name);
    } else {
        may_lack(field, definitions, rest);
    }
}

/// Whether a schema has a field at `path`.
fn has(schema: &Value, definitions: &Map<String, Value>, path: &[&str]) -> bool {
    let Some((name, rest)) = path.split_first() else { return true };
    let Value::Object(members) = schema else { return false };
    let below = |member: Option<&Value>| member.is_some_and(|member| has(member, definitions, rest));
    let here = match *name {
        "*" => below(members.get("items")),
        name => below(members.get("properties").and_then(|fields| fields.get(name))),
    };
    let there = referred(members).and_then(|name| definitions.get(name));
    let branches = BRANCHES.iter().filter_map(|word| members.get(*word)?.as_array()).flatten();
    here || there.into_iter().chain(branches).any(|other| has(other, definitions, path))
}
