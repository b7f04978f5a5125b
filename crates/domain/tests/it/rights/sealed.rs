//! No event holds in the clear what identifies somebody or tells their story: every field of the groups ID, SOC, VIOL, JUST
//! and RES, every number that a register gives, every free text. Read from the schemas, so that a field added tomorrow is
//! found by its group or by being free.

use std::collections::BTreeMap;

use domain::household::HouseholdEvent;
use domain::household::request::FileRecord;
use domain::place::PlaceEvent;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The groups that are sealed.
const GROUPS: [&str; 5] = ["id", "soc", "viol", "just", "res"];

/// Types whose values are sealed wherever they stand, whatever their field is called.
const TYPES: [&str; 8] = [
    "Identity",
    "Safety",
    "RequestReason",
    "NoticeMotive",
    "Arrears",
    "UniqueRegistrationNumber",
    "DocumentReference",
    "ResourceBracket",
];

/// Texts that say nothing of a household: what a version of the rules is called, the keyed digest of a list, what is
/// written on a door.
const FREE: [&str; 4] = [
    "referral.proposed: rationale.rules",
    "referral.proposed: rationale.standing.digest",
    "place.opened: description.label",
    "place.changed: description.label",
];

/// What a place asks for is no fact of a household.
const ASKED: &str = "description.criteria.resources_min";

#[derive(Deserialize)]
struct Rights {
    fields: BTreeMap<String, String>,
    event_fields: BTreeMap<String, String>,
}

impl Rights {
    fn read() -> Self {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/rights.toml"));
        toml::from_str(text).unwrap()
    }

    /// The group of the field that ends so, also where it stands inside something that goes along.
    fn group(&self, path: &[String]) -> Option<&str> {
        let ends = |pattern: &str| {
            let pattern: Vec<_> = pattern.split('.').collect();
            pattern.len() <= path.len()
                && pattern.iter().rev().zip(path.iter().rev()).all(|(one, at)| *one == "*" || one == at)
        };
        let known = self.fields.iter().chain(&self.event_fields);
        let fitting = known.filter(|(pattern, _)| !pattern.ends_with('*') && ends(pattern));
        fitting.max_by_key(|(pattern, _)| pattern.len()).map(|(_, group)| group.as_str())
    }
}

/// A walk through what an event holds in the clear.
struct Walk<'a> {
    kind: &'a str,
    types: &'a Map<String, Value>,
    rights: &'a Rights,
    wrong: Vec<String>,
    seen: usize,
}

impl Walk<'_> {
    fn at(&mut self, schema: &Value, path: &mut Vec<String>) {
        if is_personal(schema) {
            return;
        }
        self.seen += 1;
        let place = format!("{}: {}", self.kind, path.join("."));
        if self.rights.group(path).is_some_and(|group| GROUPS.contains(&group)) {
            self.wrong.push(format!("{place} is of a sealed group"));
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            if TYPES.contains(&name) && path.join(".") != ASKED {
                self.wrong.push(format!("{place} is a {name}"));
            }
            let named = self.types.get(name).unwrap_or_else(|| panic!("{place}: no schema of {name}"));
            self.at(&named.clone(), path);
        }
        let bounded = ["enum", "const", "pattern", "format"].iter().any(|word| schema.get(word).is_some());
        let text = schema["type"] == "string"
            || schema["type"].as_array().is_some_and(|types| types.iter().any(|is| is == "string"));
        if text && !bounded && !FREE.contains(&place.as_str()) {
            self.wrong.push(format!("{place} is a free text"));
        }
        for word in ["oneOf", "anyOf", "allOf"] {
            schema[word].as_array().into_iter().flatten().for_each(|one| self.at(one, path));
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            self.within(name, field, path);
        }
        for word in ["items", "additionalProperties"] {
            if schema[word].is_object() {
                self.within("*", &schema[word], path);
            }
        }
        for word in ["prefixItems", "patternProperties"] {
            let items = schema[word].as_array().into_iter().flatten();
            let named = schema[word].as_object().into_iter().flat_map(Map::values);
            items.chain(named).for_each(|one| self.within("*", one, path));
        }
    }

    fn within(&mut self, name: &str, schema: &Value, path: &mut Vec<String>) {
        path.push(name.to_owned());
        self.at(schema, path);
        path.pop();
    }
}

/// Whether this is what [`domain::personal::Personal`] says of itself: by its name, or that or nothing.
fn is_personal(schema: &Value) -> bool {
    let named = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let nothing = |way: &Value| way["type"] == "null";
    named.is_some_and(|name| name.starts_with("Personal"))
        || schema["anyOf"].as_array().is_some_and(|ways| {
            ways.iter().any(is_personal) && ways.iter().all(|way| is_personal(way) || nothing(way))
        })
}

/// What is wrong with these events, and how many nodes of their schemas were looked at.
fn wrong(
    schemas: Vec<(&'static str, u16, schemars::Schema)>,
    types: &Map<String, Value>,
) -> (Vec<String>, usize) {
    let rights = Rights::read();
    let (mut all, mut seen) = (Vec::new(), 0);
    for (kind, _, schema) in schemas {
        let mut walk = Walk { kind, types, rights: &rights, wrong: Vec::new(), seen: 0 };
        walk.at(schema.as_value(), &mut Vec::new());
        all.append(&mut walk.wrong);
        seen += walk.seen;
    }
    (all, seen)
}

#[test]
fn no_event_holds_in_the_clear_what_identifies_somebody_or_tells_their_story() {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schemas = HouseholdEvent::schemas(&mut generator);
    schemas.extend(PlaceEvent::schemas(&mut generator));
    let (wrong, seen) = wrong(schemas, &generator.take_definitions(true));
    assert!(wrong.is_empty(), "seal these (domain::personal::Personal): {wrong:#?}");
    assert!(seen > 500, "only {seen} fields were looked at");
}

/// A test that cannot fail proves nothing: the same walk finds what is not sealed, by its group, its type and its form.
#[test]
fn what_is_not_sealed_is_found_by_its_group_by_its_type_and_by_being_free() {
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Talkative {
        file: domain::household::request::RequestFile,
        ground: domain::household::stay::TerminationGround,
        requests: Vec<Inner>,
        number: Option<domain::household::application::UniqueRegistrationNumber>,
        remark: Option<String>,
        sealed: FileRecord,
    }
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Inner {
        need: domain::household::request::NeedProfile,
    }
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schema = generator.subschema_for::<Talkative>();
    let (found, _) = wrong(vec![("talk", 1, schema)], &generator.take_definitions(true));
    for expected in [
        "talk: file.reason is of a sealed group",
        "talk: file.reason is a RequestReason",
        "talk: file.need.violence_dedicated is of a sealed group",
        "talk: requests.*.need.justice_measure is of a sealed group",
        "talk: requests.*.need.resources is a ResourceBracket",
        "talk: ground.debt is of a sealed group",
        "talk: number is a UniqueRegistrationNumber",
        "talk: remark is a free text",
    ] {
        assert!(found.iter().any(|one| one == expected), "{expected} is not among {found:#?}");
    }
    assert!(!found.iter().any(|one| one.starts_with("talk: sealed")), "{found:#?}");
}
