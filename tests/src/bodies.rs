//! The JSON that people's software sends: whole, plain, and as short as the rules allow.

use domain::calendar;
use jiff::SignedDuration;
use jiff::civil::Date;
use serde_json::{Value, json};
use service::Edge;

/// The commune of everything, unless a test says otherwise: Bordeaux.
pub const COMMUNE: &str = "33063";

/// Today in the Gironde.
///
/// # Panics
/// Never: `33` is a territory.
#[must_use]
pub fn today() -> Date {
    calendar::day("33".parse().unwrap(), Edge::system().now())
}

/// What clocks of the Gironde show so many minutes from now.
///
/// # Panics
/// Never: `33` is a territory.
#[must_use]
pub fn clock_in(minutes: i64) -> String {
    let at = Edge::system().now() + SignedDuration::from_mins(minutes);
    calendar::TimeOfDay::at("33".parse().unwrap(), at).to_string()
}

/// A person. `link` says what they are to the main applicant.
#[must_use]
pub fn person(link: &str, first_names: &str, last_name: &str) -> Value {
    json!({
        "sex": "female",
        "link": link,
        "residence": "french",
        "identity": {
            "first_names": first_names,
            "last_name": last_name,
            "birth_date": "1990-04-12",
            "phone": "0612345678",
        },
    })
}

/// A household of one.
#[must_use]
pub fn household(last_name: &str) -> Value {
    household_of(&[person("main_applicant", "Awa", last_name)])
}

/// A household of these persons. It says beforehand that it is another one than those that look like it: tests register the
/// same few people again and again.
#[must_use]
pub fn household_of(members: &[Value]) -> Value {
    let reviewed = json!({ "reason": "other_person" });
    json!({ "territory": "33", "members": members, "duplicate_reviewed": reviewed })
}

/// A request for these kinds of housing.
#[must_use]
pub fn request(kinds: &[&str]) -> Value {
    json!({ "file": {
        "stream": "insertion",
        "situation": "on_the_street",
        "reason": "sleeping_rough",
        "recommended": kinds,
    } })
}

/// What the SIAO decides: these kinds, this class of priority.
#[must_use]
pub fn qualification(kinds: &[&str], class: u8) -> Value {
    json!({ "kinds": kinds, "priority_class": class })
}

/// A structure of this kind, run by `provider`.
#[must_use]
pub fn structure(kind: &str, provider: &str) -> Value {
    json!({ "profile": { "name": "Les Chartrons", "kind": kind, "provider": provider, "commune": COMMUNE } })
}

/// A place for `capacity` persons in `structure`.
#[must_use]
pub fn place(structure: &str, kind: &str, provider: &str, capacity: u8) -> Value {
    json!({ "description": {
        "structure": structure,
        "kind": kind,
        "provider": provider,
        "label": "T2 n° 14",
        "category": "single_room",
        "capacity": capacity,
        "commune": COMMUNE,
    } })
}

/// A numéro unique given this month, the `nth`.
#[must_use]
pub fn number(nth: u32) -> String {
    let today = today();
    format!("033{:02}{:02}{nth:06}G1104", today.month(), today.year().rem_euclid(100))
}
