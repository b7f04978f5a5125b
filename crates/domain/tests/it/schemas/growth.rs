//! What of a document may change while its version stays: what a reader who knows the former one can pass over.
//!
//! New optional fields, new words in a closed list and new alternatives may be added (readers are told to pass over what they do
//! not know), and texts that explain may be written anew. What the file of rights withholds from now on may be absent or withheld:
//! whoever's data it is comes first. Everything else is another version.

use serde_json::{Map, Value, json};

/// Keywords that explain and bind nobody.
const WORDS: [&str; 5] = ["description", "title", "examples", "default", "$comment"];

/// How deep documents are compared; none refers to itself.
const DEEPEST: usize = 64;

/// What a reader of `before` would stumble over in `after`, one sentence each.
pub(super) fn broken(before: &Value, after: &Value) -> Vec<String> {
    let mut growth = Growth { before, after, broken: Vec::new() };
    growth.compare("", before, after, 0);
    growth.broken
}

struct Growth<'a> {
    before: &'a Value,
    after: &'a Value,
    broken: Vec<String>,
}

impl Growth<'_> {
    fn say(&mut self, at: &str, what: &str) {
        self.broken.push(format!("{}: {what}", if at.is_empty() { "the body" } else { at }));
    }

    /// Whether one schema has grown out of the other.
    fn is_growth(&self, before: &Value, after: &Value, depth: usize) -> bool {
        let mut aside = Growth { broken: Vec::new(), ..*self };
        aside.compare("", before, after, depth);
        aside.broken.is_empty()
    }

    fn compare(&mut self, at: &str, before: &Value, after: &Value, depth: usize) {
        assert!(depth < DEEPEST, "{at} refers to itself");
        let (before, after) = (resolved(self.before, before), resolved(self.after, after));
        let (Value::Object(before), Value::Object(after)) = (&before, &after) else {
            if before != after {
                self.say(at, "is another schema");
            }
            return;
        };
        let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
        for name in names.filter(|name| !WORDS.contains(&name.as_str()) && *name != "$defs") {
            let (was, is) = (before.get(name), after.get(name));
            match (name.as_str(), was, is) {
                ("properties", was, is) => self.fields(at, was, is, depth),
                ("required", _, _) => self.required(at, before, after),
                (
                    "items" | "additionalProperties",
                    Some(was @ Value::Object(_)),
                    Some(is @ Value::Object(_)),
                ) => {
                    self.compare(&format!("{at}/*"), was, is, depth + 1);
                }
                ("enum", Some(Value::Array(was)), Some(Value::Array(is))) => {
                    for word in was.iter().filter(|word| !is.contains(word)) {
                        self.say(at, &format!("{word} is no word any more"));
                    }
                }
                ("oneOf" | "anyOf", Some(Value::Array(was)), Some(Value::Array(is))) => {
                    for (n, was) in was.iter().enumerate() {
                        if !is.iter().any(|is| self.is_growth(was, is, depth + 1)) {
                            self.say(at, &format!("alternative {n} is gone or another one"));
                        }
                    }
                }
                ("allOf", Some(Value::Array(was)), Some(Value::Array(is))) if was.len() == is.len() => {
                    for (was, is) in was.iter().zip(is) {
                        self.compare(at, was, is, depth + 1);
                    }
                }
                (_, was, is) if was == is => {}
                (word, _, _) => self.say(at, &format!("{word} has changed")),
            }
        }
    }

    fn fields(&mut self, at: &str, was: Option<&Value>, is: Option<&Value>, depth: usize) {
        let none = json!({});
        let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
        for (name, was) in was.as_object().unwrap() {
            let at = format!("{at}/{name}");
            match is.get(name) {
                Some(is) => {
                    let shown = newly_withheld(was, is).unwrap_or(is);
                    self.compare(&at, was, shown, depth + 1);
                }
                None => self.say(&at, "is gone"),
            }
        }
    }

    /// Old events of the version do not have what is new; readers rely on what was always there.
    fn required(&mut self, at: &str, before: &Map<String, Value>, after: &Map<String, Value>) {
        for new in names(after).filter(|name| !names(before).any(|was| was == *name)) {
            self.say(at, &format!("{new} is not in what was recorded before"));
        }
        for gone in names(before).filter(|name| !names(after).any(|is| is == *name)) {
            let field = |schema: &Map<String, Value>| {
                schema.get("properties").and_then(|fields| fields.get(gone)).cloned()
            };
            let withheld =
                field(before).zip(field(after)).is_some_and(|(was, is)| newly_withheld(&was, &is).is_some());
            if !withheld {
                self.say(at, &format!("{gone} may be absent now"));
            }
        }
    }
}

fn names(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What is shown of a field that may be withheld now and could not before.
fn newly_withheld<'a>(was: &Value, is: &'a Value) -> Option<&'a Value> {
    let withheld = json!({ "$ref": "#/$defs/Withheld" });
    let alternatives = |schema: &'a Value| schema.get("anyOf")?.as_array();
    let before = was.get("anyOf").and_then(Value::as_array);
    let [shown, other] = alternatives(is)?.as_slice() else { return None };
    (*other == withheld && !before.is_some_and(|was| was.contains(&withheld))).then_some(shown)
}

/// A schema with what it refers to in its place.
fn resolved(document: &Value, schema: &Value) -> Value {
    let Some(pointer) = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'))
    else {
        return schema.clone();
    };
    let mut resolved = document.pointer(pointer).unwrap().clone();
    for (name, member) in schema.as_object().unwrap().iter().filter(|(name, _)| *name != "$ref") {
        resolved[name] = member.clone();
    }
    resolved
}

fn document(body: &Value) -> Value {
    let mut document = json!({
        "$defs": {
            "Reason": { "type": "string", "enum": ["full", "closed"] },
            "Withheld": { "type": "object", "required": ["withheld"] }
        },
        "type": "object",
        "required": ["place", "reason"],
        "properties": {
            "place": { "type": "string" },
            "reason": { "$ref": "#/$defs/Reason" },
            "rooms": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
            "ground": { "oneOf": [{ "const": "unpaid" }, { "const": "noise" }] }
        }
    });
    for (pointer, value) in body.as_object().unwrap() {
        *document.pointer_mut(pointer).unwrap() = value.clone();
    }
    document
}

#[test]
fn a_document_grows_by_what_its_readers_can_pass_over() {
    let before = document(&json!({}));
    for grown in [
        json!({}),
        json!({ "/properties/rooms": { "type": "array", "description": "One each.", "items": { "type": "integer", "minimum": 0 } } }),
        json!({ "/$defs/Reason": { "type": "string", "enum": ["full", "closed", "flooded"] } }),
        json!({ "/properties/ground": { "oneOf": [{ "const": "noise" }, { "const": "unpaid" }, { "const": "pets" }] } }),
        // The file of rights withholds it from now on.
        json!({ "/required": ["reason"], "/properties/place": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/Withheld" }] } }),
    ] {
        assert_eq!(broken(&before, &document(&grown)), Vec::<String>::new(), "{grown}");
    }
    let mut more = before.clone();
    more["properties"]["since"] = json!({ "type": "string" });
    assert_eq!(broken(&before, &more), Vec::<String>::new());
    more["required"] = json!(["place", "reason", "since"]);
    assert_eq!(broken(&before, &more), ["the body: since is not in what was recorded before"]);
}

#[test]
fn a_document_that_changed_otherwise_is_another_version() {
    let before = document(&json!({}));
    for (changed, expected) in [
        (json!({ "/required": ["place"] }), "the body: reason may be absent now"),
        (json!({ "/properties/place": { "type": "integer" } }), "/place: type has changed"),
        (
            json!({ "/properties/place": { "type": "string", "pattern": "^33" } }),
            "/place: pattern has changed",
        ),
        (
            json!({ "/$defs/Reason": { "type": "string", "enum": ["full"] } }),
            "/reason: \"closed\" is no word any more",
        ),
        (json!({ "/properties/rooms/items": { "type": "integer" } }), "/rooms/*: minimum has changed"),
        (
            json!({ "/properties/ground": { "oneOf": [{ "const": "noise" }] } }),
            "/ground: alternative 0 is gone or another one",
        ),
        (json!({ "/type": "array" }), "the body: type has changed"),
    ] {
        assert_eq!(broken(&before, &document(&changed)), [expected], "{changed}");
    }
    let mut less = before.clone();
    less["properties"].as_object_mut().unwrap().remove("rooms");
    assert_eq!(broken(&before, &less), ["/rooms: is gone"]);
}
