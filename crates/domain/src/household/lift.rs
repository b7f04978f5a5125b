//! Older shapes of a household's events: values that were written in the clear before they were sealed.
//!
//! Such an event stays as it is in the journal; read, its values count as known.

use serde_json::{Map, Value, json};

/// Events of this version wrote in the clear what is sealed now.
const CLEAR: u16 = 1;

/// Of `request.created` and `request.updated`.
pub(super) fn file(version: u16, mut body: Value) -> Value {
    if version == CLEAR {
        lift_file(body.get_mut("file"));
    }
    body
}

/// Of `request.assessed`.
pub(super) fn assessment(version: u16, mut body: Value) -> Value {
    if version == CLEAR {
        lift_need(body.get_mut("need"));
        ["autonomy", "support"].into_iter().for_each(|name| mark(&mut body, name));
    }
    body
}

/// Of `household.separated` and `household.merged`.
pub(super) fn family(version: u16, mut body: Value) -> Value {
    if version == CLEAR {
        for request in items(&mut body, "requests") {
            lift_file(request.get_mut("file"));
            dated_needs(request);
        }
        for label in items(&mut body, "labels") {
            mark(label, "document");
        }
        for name in ["application", "numbered"] {
            if let Some(holder) = body.get_mut(name) {
                mark(holder, "number");
            }
        }
    }
    body
}

/// Of events that tell a numéro unique.
pub(super) fn number(version: u16, mut body: Value) -> Value {
    if version == CLEAR {
        mark(&mut body, "number");
    }
    body
}

/// Of `priority.granted`.
pub(super) fn label(version: u16, mut body: Value) -> Value {
    if version == CLEAR {
        mark(&mut body, "document");
    }
    body
}

/// Of `stay.notice_given`.
pub(super) fn motive(version: u16, mut body: Value) -> Value {
    if version == CLEAR {
        mark(&mut body, "motive");
    }
    body
}

/// Of `stay.termination_notified`.
pub(super) fn termination(version: u16, mut body: Value) -> Value {
    if version == CLEAR
        && let Some(ground) = body.get_mut("ground").and_then(Value::as_object_mut)
        && ground.get("because").is_some_and(|because| because == "unpaid")
    {
        let owed = ["months", "debt", "monthly"].into_iter();
        let arrears: Map<String, Value> =
            owed.filter_map(|name| Some((name.to_owned(), ground.remove(name)?))).collect();
        ground.insert("arrears".to_owned(), json!({ "personal": arrears }));
    }
    body
}

/// Marks a value as personal, if there is one.
fn mark(holder: &mut Value, name: &str) {
    if let Some(value) = holder.get_mut(name).filter(|value| !value.is_null()) {
        *value = json!({ "personal": value.take() });
    }
}

fn items<'a>(body: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    body.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn lift_file(file: Option<&mut Value>) {
    if let Some(file) = file.filter(|file| file.is_object()) {
        mark(file, "reason");
        lift_need(Some(&mut file["need"]));
    }
}

/// What was left out of a need was what it is by default.
fn lift_need(need: Option<&mut Value>) {
    let Some(need) = need else { return };
    if !need.is_object() {
        *need = json!({});
    }
    for (name, default) in [
        ("wheelchair", json!(false)),
        ("step_free", json!(false)),
        ("animals", json!([])),
        ("violence_dedicated", json!(false)),
        ("justice_measure", json!(false)),
        ("resources", Value::Null),
    ] {
        if need.get(name).is_none() {
            need[name] = default;
        }
    }
    for name in ["violence_dedicated", "justice_measure", "resources"] {
        need[name] = json!({ "personal": { "is": need[name].take() } });
    }
}

/// The dates of sealed needs stood beside those of the others.
fn dated_needs(request: &mut Value) {
    for (date, name) in
        [("violence", "violence_dedicated"), ("justice", "justice_measure"), ("resources", "resources")]
    {
        let since =
            request.get_mut("dates").and_then(Value::as_object_mut).and_then(|dates| dates.remove(date));
        if let Some(since) = since {
            request["file"]["need"][name]["personal"]["since"] = since;
        }
    }
}
