//! Whether everything a document refers to is in it.

use std::collections::BTreeSet;

use serde_json::Value;

/// The `$ref`s of a document that lead nowhere in it, sorted, each once.
#[must_use]
pub fn unresolved(document: &Value) -> Vec<String> {
    let mut references = BTreeSet::new();
    collect(document, &mut references);
    let leads_nowhere = |reference: &&str| {
        reference.strip_prefix('#').is_none_or(|pointer| document.pointer(pointer).is_none())
    };
    references.into_iter().filter(leads_nowhere).map(str::to_owned).collect()
}

fn collect<'d>(value: &'d Value, references: &mut BTreeSet<&'d str>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.insert(reference);
            }
            members.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
