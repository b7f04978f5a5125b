//! What sealing promises, as laws.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

use domain::id::{EventId, HouseholdId};
use journal::sealing::{
    Binding, DataKey, NoRandomness, Nonce, OpenError, SealError, has_personal, has_sealed, open_body,
    seal_body,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

fn household(n: u128) -> HouseholdId {
    HouseholdId::new("33".parse().unwrap(), Uuid::from_u128(n))
}

fn bound(event: u128, of: u128) -> Binding<'static> {
    Binding {
        schema: "household.registered/1",
        event: EventId(Uuid::from_u128(event)),
        holder: household(of).into(),
    }
}

/// Nonces that count: enough for one key that lives for one test.
fn counter() -> impl FnMut() -> Result<Nonce, NoRandomness> {
    let mut last = 0_u64;
    move || {
        last += 1;
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&last.to_be_bytes());
        Ok(nonce)
    }
}

fn seal(key: &DataKey, bound: &Binding<'_>, body: Value) -> Value {
    seal_body(key, bound, body, &mut counter()).unwrap()
}

/// Any JSON; keys are words, so that no object is a sealed value by accident.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-q]{0,6}", inner.clone(), 0..6)
                .prop_map(|map| Value::Object(Map::from_iter(map))),
            inner.prop_map(|personal| json!({ "personal": personal })),
        ]
    })
}

/// Applies `change` to each sealed value.
fn each_blob(value: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("sealed") => change(&mut map["sealed"]),
        Value::Object(map) => map.values_mut().for_each(|v| each_blob(v, change)),
        Value::Array(items) => items.iter_mut().for_each(|v| each_blob(v, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_as_it_was(body in any_json()) {
        let key = DataKey::draw().unwrap();
        let sealed = seal(&key, &bound(1, 1), body.clone());
        prop_assert!(!has_personal(&sealed));
        prop_assert_eq!(has_sealed(&sealed), has_personal(&body));
        prop_assert_eq!(open_body(Some(&key), &bound(1, 1), sealed).unwrap(), body);
    }

    #[test]
    fn no_word_of_a_personal_value_is_left_in_the_sealed_body(words in prop::collection::vec("[A-Za-zéèçï]{8,20}", 1..8)) {
        let key = DataKey::draw().unwrap();
        let body = json!({ "people": words.iter().map(|w| json!({ "name": { "personal": { "family": w } } })).collect::<Vec<_>>() });
        let sealed = seal(&key, &bound(1, 1), body).to_string();
        prop_assert!(words.iter().all(|word| !sealed.contains(word)), "{}", sealed);
        prop_assert!(!sealed.contains("family"));
    }

    #[test]
    fn one_flipped_bit_is_noticed(note in any::<String>(), bit in any::<prop::sample::Index>(), in_text in any::<bool>()) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
        let key = DataKey::draw().unwrap();
        let mut sealed = seal(&key, &bound(1, 1), json!({ "note": { "personal": note } }));
        each_blob(&mut sealed, &mut |blob| {
            let part = &mut blob[if in_text { "text" } else { "nonce" }];
            let mut bytes = BASE64.decode(part.as_str().unwrap()).unwrap();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            *part = BASE64.encode(bytes).into();
        });
        let noticed = matches!(open_body(Some(&key), &bound(1, 1), sealed), Err(OpenError::Tampered { .. }));
        prop_assert!(noticed);
    }
}

#[test]
fn a_yes_and_a_no_are_sealed_at_the_same_length() {
    let key = DataKey::draw().unwrap();
    let length = |value: Value| {
        let sealed = seal(&key, &bound(1, 1), json!({ "need": { "personal": value.clone() } }));
        assert_eq!(
            open_body(Some(&key), &bound(1, 1), sealed.clone()).unwrap()["need"]["personal"],
            value,
            "what is added is no part of the value"
        );
        sealed["need"]["sealed"]["text"].as_str().unwrap().len()
    };
    for fraction in ["", ".1", ".12345", ".123456", ".123456789"] {
        let since = format!("2026-03-02T09:00:00{fraction}Z");
        let dated = |is: Value| length(json!({ "is": is, "since": since }));
        let no = dated(json!(false));
        for other in [json!(true), Value::Null, json!("none"), json!("from1800")] {
            assert_eq!(dated(other.clone()), no, "{other} since {since}");
        }
    }
    assert_eq!(length(json!("other")), length(json!("domestic_violence")));
    assert!(length(json!("x".repeat(200))) > length(json!("x")), "a long note is longer");
}

#[test]
fn a_blob_opens_nowhere_but_in_its_event_its_schema_and_its_household() {
    let key = DataKey::draw().unwrap();
    let sealed = seal(&key, &bound(1, 1), json!({ "name": { "personal": "Nadia" } }));
    let other_schema = Binding { schema: "household.registered/2", ..bound(1, 1) };
    for elsewhere in [bound(2, 1), bound(1, 2), other_schema] {
        let refused = open_body(Some(&key), &elsewhere, sealed.clone()).unwrap_err();
        assert!(matches!(refused, OpenError::Tampered { .. }), "{refused}");
    }
    assert_eq!(
        open_body(Some(&key), &bound(1, 1), sealed).unwrap(),
        json!({ "name": { "personal": "Nadia" } })
    );
}

#[test]
fn without_its_key_a_value_is_erased_and_the_rest_of_the_event_still_tells() {
    let (key, later) = (DataKey::draw().unwrap(), DataKey::draw().unwrap());
    let sealed = seal(&key, &bound(1, 1), json!({ "name": { "personal": "Nadia" }, "adults": 2 }));
    let erased = json!({ "name": { "erased": true }, "adults": 2 });
    assert_eq!(open_body(None, &bound(1, 1), sealed.clone()).unwrap(), erased);
    assert_eq!(open_body(Some(&later), &bound(1, 1), sealed).unwrap(), erased);
    // What was erased may be copied into a later event, and stays erased there.
    assert_eq!(seal(&later, &bound(2, 1), erased.clone()), erased);
}

#[test]
fn a_sealed_value_is_never_copied_into_another_event() {
    let key = DataKey::draw().unwrap();
    let sealed = seal(&key, &bound(1, 1), json!([{ "name": { "personal": "Nadia" } }]));
    let refused = seal_body(&key, &bound(2, 1), sealed, &mut counter()).unwrap_err();
    assert!(matches!(refused, SealError::AlreadySealed { .. }), "{refused}");
}

#[test]
fn a_blob_of_another_form_is_told_apart_from_a_changed_one() {
    let key = DataKey::draw().unwrap();
    let sealed = |v: Value| json!({ "name": { "sealed": v } });
    for odd in [
        json!(null),
        json!("text"),
        json!({ "v": 1 }),
        json!({ "v": 1, "key": "xyz", "nonce": "", "text": "" }),
    ] {
        let refused = open_body(Some(&key), &bound(1, 1), sealed(odd)).unwrap_err();
        assert!(matches!(refused, OpenError::Malformed { .. }), "{refused}");
    }
    let refused = open_body(Some(&key), &bound(1, 1), sealed(json!({ "v": 2, "key": "" }))).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 2, .. }), "{refused}");
}

#[test]
fn errors_and_debug_texts_show_neither_keys_nor_values() {
    let key = DataKey::draw().unwrap();
    assert_eq!(format!("{key:?}"), format!("DataKey({})", key.id()));
    let sealed = seal(&key, &bound(1, 1), json!({ "name": { "personal": "Nadia" } }));
    let refused = open_body(Some(&key), &bound(2, 1), sealed).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("Nadia"));
}
