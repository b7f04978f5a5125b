//! The shapes of events that were ever written: `crates/domain/history/*.jsonl`, a line a shape.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use domain::household::HouseholdEvent;
use domain::inquiry::InquiryEvent;
use domain::ledger::{AggregateId, Change};
use domain::organisation::OrganisationEvent;
use domain::place::PlaceEvent;
use domain::structure::StructureEvent;
use domain::subscription::SubscriptionEvent;
use domain::user::UserEvent;
use serde_json::{Value, json};

/// The kinds of ledger, each with a file of its own.
pub(crate) const LEDGERS: [&str; 7] =
    ["household", "place", "structure", "organisation", "user", "subscription", "inquiry"];

/// One line: a body as some version of the program wrote it, personal values in the clear (they are invented).
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Line {
    pub(crate) kind: String,
    pub(crate) version: u16,
    pub(crate) body: Value,
}

/// The lines of one kind of ledger, in the order they were added.
pub(crate) fn lines(ledger: &str) -> Vec<Line> {
    let Ok(text) = std::fs::read_to_string(file(ledger)) else { return Vec::new() };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every kind that this program writes on this kind of ledger, with its version.
pub(crate) fn kinds(ledger: &str) -> Vec<(&'static str, u16)> {
    match ledger {
        "household" => HouseholdEvent::kinds(),
        "place" => PlaceEvent::kinds(),
        "structure" => StructureEvent::kinds(),
        "organisation" => OrganisationEvent::kinds(),
        "user" => UserEvent::kinds(),
        "subscription" => SubscriptionEvent::kinds(),
        "inquiry" => InquiryEvent::kinds(),
        other => panic!("{other} is no ledger"),
    }
}

/// A ledger of this kind, whichever.
pub(crate) fn any(ledger: &str) -> AggregateId {
    format!("{ledger}/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90").parse().unwrap()
}

/// Any event that a scenario writes must have a line of its shape: whoever changes one adds to the history, and the
/// program of tomorrow is tested on what was written today. With `CONTINUUM_WRITE_GENERATED=1` the line is added.
pub(crate) fn check_known(change: &Change) {
    let (ledger, kind, version, body) =
        (change.ledger.name(), change.fact.kind(), change.fact.version(), change.fact.body());
    let line = Line { kind: kind.to_owned(), version, body };
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !known.entry(ledger).or_default().insert(shape_of(&line)) {
        return;
    }
    assert!(
        std::env::var_os("CONTINUUM_WRITE_GENERATED").is_some(),
        "{kind} is written in a shape that crates/domain/history/{ledger}.jsonl does not hold. If it is meant to change, \
         add it: CONTINUUM_WRITE_GENERATED=1 cargo test -p domain --test it"
    );
    let mut history = OpenOptions::new().create(true).append(true).open(file(ledger)).unwrap();
    writeln!(history, "{}", serde_json::to_string(&line).unwrap()).unwrap();
}

static KNOWN: LazyLock<Mutex<BTreeMap<&'static str, BTreeSet<String>>>> = LazyLock::new(|| {
    let known = LEDGERS.map(|ledger| (ledger, lines(ledger).iter().map(shape_of).collect()));
    Mutex::new(BTreeMap::from(known))
});

fn file(ledger: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("history").join(format!("{ledger}.jsonl"))
}

/// Kind, version, and what stands where: names of fields and kinds of values. Of a text only what may be the code of a
/// variant counts, of a list the different shapes in it, of a key that is an id that it is one.
fn shape_of(line: &Line) -> String {
    format!("{}/{} {}", line.kind, line.version, shape(&line.body))
}

fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(text) if is_code(text) => json!(text),
        Value::String(_) => json!("text"),
        Value::Array(values) => {
            let different: BTreeSet<String> = values.iter().map(|value| shape(value).to_string()).collect();
            json!(different)
        }
        Value::Object(fields) => {
            let named = |name: &str| if uuid::Uuid::try_parse(name).is_ok() { "id" } else { name }.to_owned();
            fields.iter().map(|(name, value)| (named(name), shape(value))).collect()
        }
    }
}

/// Whether a text may name a variant: `declined_by_provider`.
fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        && uuid::Uuid::try_parse(text).is_err()
}
