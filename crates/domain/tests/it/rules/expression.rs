//! What somebody looks for in words of their own.

use domain::decide::vacancy::DeclareVacancy;
use domain::ledger::AggregateId;
use domain::money::Money;
use domain::placement::{EXPRESSION_MAX, Expression, FUNCTIONS, NAMES, Placement, Wants, offered};
use domain::reference::Animal;
use domain::structure_kind::StructureKind::SocialResidence;
use proptest::prelude::*;
use serde_json::json;

use crate::scenario::{World, day};

/// A social residence's T1 for two, at 412.50 euros.
fn placement() -> Placement {
    let mut w = World::at("2026-03-02T10:00");
    let id = w.place_for(SocialResidence, 2, |is| {
        is.rent = Some(Money::cents(41_250));
        is.criteria.wheelchair = true;
    });
    w.does(id, DeclareVacancy { available_from: Some(day("2026-03-09")), good_until: None });
    let ledger = AggregateId::Place(id);
    let mut is = offered(&ledger, w.ledgers.get(&ledger).unwrap()).unwrap();
    is.admits.as_mut().unwrap().animals = Animal::all().take(1).collect();
    is
}

fn says(source: &str) -> Result<bool, String> {
    let expression = Expression::from(source.to_owned());
    expression.check().map_err(|refusal| {
        assert_eq!(refusal.code, "filter-expression");
        refusal.sentence
    })?;
    Ok(expression.fit(&placement()))
}

#[test]
fn an_expression_says_yes_or_no_to_what_is_available() {
    let is = placement();
    let animal = is.admits.as_ref().unwrap().animals[0].to_string();
    let commune = is.commune.as_ref().unwrap().to_string();
    for yes in [
        "persons >= 2 && rent <= 41250",
        "persons == 2 && persons in [1, 2]",
        "offer == 'place' && kind == 'social_residence' && territory == '33'",
        &format!("commune in ['33281', '{commune}']"),
        "commune.startsWith('33') && size(commune) == 5",
        "admits.wheelchair || rent < 100",
        &format!("'{animal}' in admits.animals"),
        "available_from <= '2026-03-09' && available_from > '2026-03-01'",
        "typology == null && !labelled",
        "rent / persons < 25000",
        "kind == 'chrs' ? rent < 1 : rent > 1",
    ] {
        assert_eq!(says(yes), Ok(true), "{yes}");
    }
    for no in [
        "rent < 41250",
        "persons > 2",
        "available_from < '2026-03-09'",
        // It has none: nothing comes through, and nothing fails.
        "typology.startsWith('a')",
        "typology < 'z'",
        "1 / 0 == 1",
        // No answer is no.
        "persons",
        "'yes'",
    ] {
        assert_eq!(says(no), Ok(false), "{no}");
    }
}

#[test]
fn an_expression_that_cannot_be_asked_is_refused_with_the_place_or_the_name() {
    for (wrong, told) in [
        ("persons >= ", "ligne 1"),
        ("persons >= 2 &&\n(rent < 3", "ligne 2"),
        ("loyer < 500", "« loyer »"),
        ("fresh_until != null", "« fresh_until »"),
        ("commune.matches('33.*')", "« matches »"),
        ("double(rent) < 1.0", "« double »"),
        ("", "de 1 à 1000 caractères"),
        ("admits.animals.exists(a, a == 'dog')", "ne parcourt pas de liste"),
        ("[[1].map(x, x)] == [[1]]", "ne parcourt pas de liste"),
        ("{'a': [1].all(x, true)}['a']", "ne parcourt pas de liste"),
    ] {
        let sentence = says(wrong).unwrap_err();
        assert!(sentence.contains(told), "{wrong}: {sentence}");
    }
    let longest = |more: usize| format!("rent == {:0>width$}", 1, width = EXPRESSION_MAX - 8 + more);
    assert!(says(&longest(0)).is_ok() && says(&longest(1)).unwrap_err().contains("en compte 1001"));
    for deep in ["(", "[", "!", "-", "a.", "a?b:"] {
        assert!(says(&deep.repeat(EXPRESSION_MAX / deep.len())).is_err(), "{deep}…");
    }
}

#[test]
fn an_expression_comes_after_the_conditions_of_a_filter_and_is_kept_as_it_was_written() {
    let written = json!({ "kinds": ["social_residence"], "expression": "rent <= 50000" });
    let wants: Wants = serde_json::from_value(written.clone()).unwrap();
    assert!(wants.fit(&placement()) && wants.check().is_ok());
    assert_eq!(serde_json::to_value(&wants).unwrap(), written);
    assert_eq!(wants.clone(), wants);
    let elsewhere = Wants { territories: ["75".parse().unwrap()].into(), ..wants.clone() };
    let dearer = Wants { expression: Some("rent > 50000".to_owned().into()), ..wants };
    assert!(!elsewhere.fit(&placement()) && !dearer.fit(&placement()));
    let wrong = Wants { expression: Some("loyer > 1".to_owned().into()), ..Wants::default() };
    assert_eq!(wrong.check().unwrap_err().code, "filter-expression");
}

proptest! {
    /// Whatever is written, in any letters or in words of the language, is answered or refused.
    #[test]
    fn whatever_is_written_is_answered_or_refused(
        any in ".{0,60}",
        words in prop::collection::vec(prop::sample::select(
            NAMES.iter().chain(&FUNCTIONS).copied()
                .chain(["(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "&&", "||", "==", "in", "!", "-", "+", "'a'", "1", "null", "true"])
                .collect::<Vec<_>>()), 0..40),
    ) {
        let _ = says(&any);
        let _ = says(&words.join(" "));
    }
}
