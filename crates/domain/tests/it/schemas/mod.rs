//! The documents that tell the shapes of events: they are the committed ones, what was ever written fits them, and what was
//! published is not taken back.

mod growth;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::schema::{EventSchema, all};
use serde_json::{Value, json};

use crate::scenario::sealed;
use crate::scenario::shapes::{LEDGERS, Line, kinds, lines};

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn name(schema: &EventSchema) -> String {
    format!("{}.{}.json", schema.kind, schema.version)
}

fn committed(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(dir().join(name)).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn every_document_is_the_committed_one_or_has_grown_out_of_it() {
    let writes = std::env::var_os("CONTINUUM_WRITE_GENERATED").is_some();
    let mut wrong = Vec::new();
    for schema in all() {
        let (name, before) = (name(&schema), committed(&name(&schema)));
        if before.as_ref() == Some(&schema.document) {
            continue;
        }
        let broken = before.map_or_else(Vec::new, |before| growth::broken(&before, &schema.document));
        if broken.is_empty() && writes {
            std::fs::write(dir().join(&name), format!("{:#}\n", schema.document)).unwrap();
        } else {
            wrong.push(format!("{name}: {broken:#?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "what has only grown is written with CONTINUUM_WRITE_GENERATED=1; what else has changed needs a new version: {wrong:#?}"
    );
}

#[test]
fn every_document_that_was_ever_committed_is_still_told() {
    let told: BTreeSet<String> = all().iter().map(name).collect();
    let files =
        std::fs::read_dir(dir()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let lost: Vec<String> = files.filter(|file| file.ends_with(".json") && !told.contains(file)).collect();
    assert!(lost.is_empty(), "name them in domain::schema::FORMER: {lost:?}");
}

#[test]
fn every_type_of_event_has_a_document_in_the_version_that_is_written_today() {
    let all = all();
    let current: BTreeSet<_> =
        all.iter().filter(|schema| schema.current).map(|schema| (schema.kind, schema.version)).collect();
    let written = LEDGERS.into_iter().flat_map(kinds);
    let placements = ["placement.available", "placement.changed", "placement.gone"].map(|kind| (kind, 1));
    let written: BTreeSet<_> = written.chain(placements).collect();
    assert_eq!(current, written);
    let names: BTreeSet<String> = all.iter().map(EventSchema::urn).collect();
    assert_eq!(names.len(), all.len(), "each has a name of its own");
    for schema in &all {
        assert_eq!(schema.document["$id"], schema.urn());
        jsonschema::meta::validate(&schema.document).unwrap_or_else(|why| panic!("{}: {why}", schema.kind));
    }
}

/// Every body that a released program may have written, sealed as the journal holds it.
#[test]
fn what_was_ever_written_fits_the_document_of_its_version() {
    let validators: BTreeMap<_, _> = all()
        .into_iter()
        .map(|schema| ((schema.kind, schema.version), validator(&schema.document)))
        .collect();
    let mut fitting = 0;
    for Line { kind, version, body } in LEDGERS.into_iter().flat_map(lines) {
        // Shapes of before the first document was published have none.
        let Some(validator) = validators.get(&(kind.as_str(), version)) else { continue };
        for body in [sealed(&body), body] {
            let why: Vec<String> =
                validator.iter_errors(&body).map(|why| format!("{}: {why}", why.instance_path())).collect();
            assert!(why.is_empty(), "{kind}/{version}: {why:#?} in {body}");
            fitting += 1;
        }
    }
    assert!(fitting > 800, "{fitting} bodies");
}

#[test]
fn a_body_of_another_shape_fits_no_document() {
    let of = |kind: &str| all().into_iter().find(|schema| schema.kind == kind).unwrap();
    let proposed = validator(&of("referral.proposed").document);
    assert!(!proposed.is_valid(&json!({})));
    assert!(!proposed.is_valid(&json!({ "referral": 7, "request": 7, "place": 7 })));
    let gone = validator(&of("placement.gone").document);
    assert!(gone.is_valid(&json!({ "because": "place.held", "placement": null })));
    assert!(!gone.is_valid(&json!({ "because": "place.held", "placement": {} })));
    // What a row withholds may be absent; what no row withholds may not.
    let noted = validator(&of("household.safety_noted").document);
    assert!(noted.is_valid(&json!({})));
    assert!(noted.is_valid(&json!({ "safety": { "withheld": "viol", "flagged": null } })));
    assert!(!noted.is_valid(&json!({ "safety": { "flagged": true } })));
    let supply = validator(&of("place.held").document);
    assert!(!supply.is_valid(&json!({ "household": 7 })), "a household that is named is named by its id");
}

fn validator(document: &Value) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(document).unwrap()
}
