//! What a row shows of a household's file and of an event. The rest leaves no trace in it: which groups a reader does not
//! see is said once, beside the file, whether or not there is something in them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Group, Level, Matrix, Row};
use crate::reference::{Regularity, RightOfResidence};

/// How far back `recent` looks: a year of nights.
const RECENT: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A value as a row shows it, and what was shown: a read of identified data is recorded with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What may be answered.
    pub value: Value,
    /// The groups of which something is in it.
    pub groups: BTreeSet<Group>,
    /// The fields that no rule classifies, which are withheld from everybody: a mistake in the file of rights.
    pub unclassified: BTreeSet<String>,
}

/// A field that belongs to no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the file of rights says nothing of the field {0}")]
pub struct Unclassified(pub String);

/// Whether a place is one of the reader's own: asked with the id as it is written.
type Own<'a> = dyn Fn(&str) -> bool + 'a;

struct Masking<'a> {
    row: &'a Row,
    own: &'a Own<'a>,
    now: Timestamp,
    reference: &'a str,
    groups: BTreeSet<Group>,
    unclassified: BTreeSet<String>,
}

/// The household's file (the JSON of its folded ledger, or a part of it) as `row` shows it. `own` tells the reader's own
/// places, `reference` is what it calls the household where it may not know who it is.
#[must_use]
pub fn mask_file(
    matrix: &Matrix,
    row: &Row,
    file: Value,
    own: &Own<'_>,
    reference: &str,
    now: Timestamp,
) -> Shown {
    let mut masking = Masking::of(row, own, reference, now);
    let value = masking.walk(file, &mut Vec::new(), &matrix.fields, None).unwrap_or(Value::Null);
    masking.shown(value)
}

/// An event's body as `row` shows it; none if the row shows nothing of such events. `about` is the place that the event is
/// about.
#[must_use]
pub fn mask_event(
    matrix: &Matrix,
    row: &Row,
    kind: &str,
    body: Value,
    about: Option<&str>,
    own: &Own<'_>,
    now: Timestamp,
) -> Option<Shown> {
    let word = kind.split_once('.').map_or(kind, |(word, _)| word);
    let Some(group) = matrix.events.get(word).copied() else {
        let value = json!({ "withheld": "unclassified" });
        let unclassified = BTreeSet::from([kind.to_owned()]);
        return Some(Shown { value, groups: BTreeSet::new(), unclassified });
    };
    let seen = match row.level(group) {
        Level::None => false,
        Level::Own => about.is_some_and(own),
        Level::Flag
        | Level::YesNo
        | Level::Pseudonym
        | Level::Bracket
        | Level::Note
        | Level::Recent
        | Level::Zones
        | Level::Read
        | Level::Write => true,
    };
    if !seen {
        return None;
    }
    let mut masking = Masking::of(row, own, "", now);
    let value = masking.walk(body, &mut Vec::new(), &matrix.event_fields, Some(group)).unwrap_or(Value::Null);
    Some(masking.shown(value))
}

impl<'a> Masking<'a> {
    fn of(row: &'a Row, own: &'a Own<'a>, reference: &'a str, now: Timestamp) -> Self {
        Self { row, own, now, reference, groups: BTreeSet::new(), unclassified: BTreeSet::new() }
    }

    fn shown(self, value: Value) -> Shown {
        Shown { value, groups: self.groups, unclassified: self.unclassified }
    }

    /// The value at `path`: its group decides for all of it; without one, each of its parts is looked at. `otherwise` is
    /// the group of what no path names. Nothing comes back of an item that is not the reader's.
    fn walk(
        &mut self,
        value: Value,
        path: &mut Vec<String>,
        groups: &[(Vec<String>, Group)],
        otherwise: Option<Group>,
    ) -> Option<Value> {
        let fits = |pattern: &[String]| {
            pattern.len() == path.len() && pattern.iter().zip(&*path).all(|(one, at)| one == "*" || one == at)
        };
        if let Some((pattern, group)) = groups.iter().find(|(pattern, _)| fits(pattern)) {
            let is_item = pattern.last().is_some_and(|last| last == "*");
            return self.at_level(*group, value, is_item);
        }
        match value {
            Value::Object(fields) => {
                let mut shown = Map::new();
                for (name, field) in fields {
                    path.push(name.clone());
                    if let Some(field) = self.walk(field, path, groups, otherwise) {
                        shown.insert(name, field);
                    }
                    path.pop();
                }
                Some(Value::Object(shown))
            }
            Value::Array(items) => {
                let mut shown = Vec::new();
                for (n, item) in items.into_iter().enumerate() {
                    path.push(n.to_string());
                    shown.extend(self.walk(item, path, groups, otherwise));
                    path.pop();
                }
                Some(Value::Array(shown))
            }
            leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => match otherwise {
                Some(_) => Some(leaf),
                None => {
                    self.unclassified.insert(path.join("."));
                    Some(json!({ "withheld": "unclassified" }))
                }
            },
        }
    }

    fn at_level(&mut self, group: Group, value: Value, is_item: bool) -> Option<Value> {
        let level = self.row.level(group);
        let shown = match level {
            // Without a trace: that there is something would be told by the place it is missing from.
            Level::None => return None,
            Level::Read | Level::Write | Level::Bracket => value,
            Level::Flag => json!({ "withheld": group.code(), "flagged": is_something(&value) }),
            Level::YesNo => json!({ "withheld": group.code(), "regular": regular(&value) }),
            Level::Pseudonym => json!({ "withheld": group.code(), "reference": self.reference }),
            // The note for the reader comes with the referral, as an event; what stands in the file is not it.
            Level::Note => return None,
            Level::Own if is_item => {
                let place = value.get("place").and_then(Value::as_str);
                if !place.is_some_and(|place| (self.own)(place)) {
                    return None;
                }
                value
            }
            Level::Own => return None,
            Level::Recent if is_item && !self.is_recent(&value) => return None,
            Level::Recent => value,
            Level::Zones => zones_alone(value),
        };
        self.groups.insert(group);
        Some(shown)
    }

    /// Whether a stay was not over a year ago.
    fn is_recent(&self, stay: &Value) -> bool {
        let ended = stay.pointer("/situation/at").and_then(Value::as_str);
        ended
            .and_then(|at| at.parse::<Timestamp>().ok())
            .is_none_or(|at| self.now.duration_since(at) <= RECENT)
    }
}

/// Whether there is something: a flag that is down, or nothing, is none. Of a sealed need nobody can say here.
fn is_something(value: &Value) -> Option<bool> {
    match value {
        Value::Null | Value::Bool(false) => Some(false),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => Some(true),
        Value::Array(items) => any(items),
        Value::Object(fields) => {
            let alone = |name| fields.get(name).filter(|_| fields.len() == 1);
            if let Some(value) = alone("personal") {
                return is_something(value);
            }
            if alone("sealed").or_else(|| alone("erased")).is_some() {
                return None;
            }
            // A need with its date, see `household::request::Since`; a value with the event that it came in, see `Kept`.
            if let Some(value) = fields.get("is").or_else(|| fields.get("value")) {
                return is_something(value);
            }
            any(fields.values())
        }
    }
}

/// Whether one of them is something; unknown if none is that can be read, and one cannot be.
fn any<'a>(values: impl IntoIterator<Item = &'a Value>) -> Option<bool> {
    let mut known = true;
    for value in values {
        match is_something(value) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => known = false,
        }
    }
    known.then_some(false)
}

fn regular(value: &Value) -> Option<bool> {
    let residence = value.as_str()?.parse::<RightOfResidence>().ok()?;
    match residence.regularity() {
        Regularity::Regular => Some(true),
        Regularity::Irregular => Some(false),
        Regularity::Unknown => None,
    }
}

/// A safety notice without its note.
fn zones_alone(mut value: Value) -> Value {
    for path in ["/value/personal", "/personal"] {
        if let Some(Value::Object(safety)) = value.pointer_mut(path) {
            safety.remove("note");
        }
    }
    value
}
