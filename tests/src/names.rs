//! What a landlord's software calls households: the SIAO tells it, and it keeps what it was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What landlords were told. A clone knows the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(Arc<Mutex<HashMap<(String, String), String>>>);

impl Names {
    pub(crate) fn told(&self, landlord: &str, household: &str) -> Option<String> {
        self.0.lock().unwrap().get(&(landlord.to_owned(), household.to_owned())).cloned()
    }

    pub(crate) fn tell(&self, landlord: &str, household: &str, reference: &str) {
        let whose = (landlord.to_owned(), household.to_owned());
        self.0.lock().unwrap().insert(whose, reference.to_owned());
    }
}

/// The households that a path and a body name.
pub(crate) fn named(path: &str, body: Option<&[u8]>) -> Vec<String> {
    let mut named = Vec::new();
    if let Some(rest) = path.strip_prefix("/api/v1/households/") {
        let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        named.push(id);
    }
    named.retain(|id| id.parse::<domain::id::HouseholdId>().is_ok());
    if let Some(body) = body.and_then(|body| serde_json::from_slice(body).ok()) {
        gather(&body, &mut named);
    }
    named
}

fn gather(value: &Value, named: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                named.extend(field.as_str().filter(|_| name == "household").map(str::to_owned));
                gather(field, named);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
