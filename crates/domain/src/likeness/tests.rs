//! What makes two identities look alike, and what does not.

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

fn person(last: &str, first: &str, born: &str) -> Identity {
    Identity {
        last_name: last.to_owned(),
        first_names: first.to_owned(),
        birth_name: None,
        birth_date: Day(born.parse().unwrap()),
        phone: None,
        email: None,
        address: None,
    }
}

fn alike(one: &Identity, other: &Identity) -> Vec<Likeness> {
    let other = traits(other);
    told(&traits(one).intersection(&other).map(|shared| shared.likeness).collect())
}

#[test]
fn two_files_of_one_person_look_alike_in_words() {
    use Likeness as L;
    let is = person("Dupont", "Jean-Pierre", "1980-03-04");
    for (last, first, born, expected) in [
        ("DUPONT", "Jean Pierre", "1980-03-04", &[L::Name][..]),
        ("Dupont-Durand", "Jean-Pierre Marie", "1980-03-04", &[L::Name]),
        ("Jean Pierre", "DUPONT", "1980-03-04", &[L::NamesSwapped]),
        ("Dupont", "Jean-Pierre", "1980-04-03", &[L::DayAndMonthSwapped]),
        ("dupont", "J.", "1980-04-03", &[L::DayAndMonthSwapped]),
        ("Dupond", "Jean", "1980-03-04", &[L::Sound]),
        ("Dupont", "Marie", "1980-03-04", &[L::Sound]),
        ("Dupont", "Jean-Pierre", "1980-03-05", &[]),
        ("Dupont", "Jean-Pierre", "1981-03-04", &[]),
        ("Durand", "Jean-Pierre", "1980-03-04", &[]),
        ("inconnu", "Jean-Pierre", "1980-03-04", &[]),
    ] {
        assert_eq!(alike(&is, &person(last, first, born)), expected, "{first} {last}, {born}");
    }
}

#[test]
fn a_married_woman_is_found_by_the_name_she_was_born_with() {
    let mut married = person("Martin", "Awa", "1990-07-20");
    married.birth_name = Some("N'Diaye".to_owned());
    assert_eq!(alike(&married, &person("Ndiaye", "Awa", "1990-07-20")), [Likeness::Name]);
}

#[test]
fn who_is_said_to_be_born_on_the_first_of_january_needs_a_first_name_too() {
    let is = person("Diallo", "Mamadou", "1990-01-01");
    assert_eq!(alike(&is, &person("Diallo", "Ibrahima", "1990-01-01")), []);
    assert_eq!(alike(&is, &person("Dialo", "Mamadu", "1990-01-01")), [Likeness::Sound]);
    assert_eq!(alike(&is, &person("Dialo", "inconnu", "1990-01-01")), []);
    assert_eq!(
        alike(&person("Diallo", "Mamadou", "1990-01-02"), &person("Diallo", "Issa", "1990-01-02")),
        [Likeness::Sound]
    );
}

#[test]
fn one_number_is_dialled_in_several_ways() {
    for same in
        ["06 12 34 56 78", "+33 6 12 34 56 78", "0033612345678", "+33 (0)6.12.34.56.78", "06-12-34-56-78"]
    {
        assert_eq!(phone(same).as_deref(), Some("0612345678"), "{same}");
    }
    assert_eq!(phone("+223 76 12 34 56").as_deref(), Some("+22376123456"));
    assert_eq!(phone("00223 76 12 34 56").as_deref(), Some("+22376123456"));
    for none in ["115", "inconnu", "0000000000", ""] {
        assert_eq!(phone(none), None, "{none}");
    }
    let mut one = person("Dupont", "Jean", "1980-03-04");
    one.phone = Some("06 12 34 56 78".to_owned());
    let mut other = person("Martin", "Zoé", "1999-12-12");
    other.phone = Some("+33612345678".to_owned());
    assert_eq!(alike(&one, &other), [Likeness::Phone]);
}

#[test]
fn a_trait_is_never_one_field_that_many_share() {
    let mut is = person("Dupont", "Jean", "1980-03-04");
    is.phone = Some("06 12 34 56 78".to_owned());
    for one in traits(&is) {
        let alone = one.parts().count() == 1;
        assert_eq!(alone, one.likeness == Likeness::Phone, "{one:?}");
    }
}

#[test]
fn a_trait_is_not_shown_by_mistake() {
    let shown = format!("{:?}", traits(&person("Dupont", "Jean", "1980-03-04")));
    assert!(!shown.to_lowercase().contains("dupon") && !shown.contains("1980"), "{shown}");
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z]{2,8}([ '-][A-Za-z]{2,8}){0,2}"
}

fn born() -> impl Strategy<Value = Date> {
    (1920_i16..2026, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| jiff::civil::date(year, month, day))
}

/// The same name with accents, in other letters, with other signs between its words.
fn written_otherwise(name: &str) -> String {
    let accented = name.chars().map(|letter| match letter {
        'e' => 'É',
        'a' => 'â',
        'i' => 'Ï',
        'o' => 'Ô',
        'u' => 'ù',
        'c' => 'ç',
        'n' => 'Ñ',
        '\'' => '’',
        other => other.to_ascii_uppercase(),
    });
    format!("  {} ", accented.collect::<String>())
}

proptest! {
    #[test]
    fn accents_case_and_apostrophes_never_matter(last in name(), first in name(), born in born()) {
        let is = person(&last, &first, &born.to_string());
        let otherwise = person(&written_otherwise(&last), &written_otherwise(&first), &born.to_string());
        prop_assert_eq!(traits(&is), traits(&otherwise));
    }

    #[test]
    fn names_the_other_way_round_give_the_same_trait(last in name(), first in name(), born in born()) {
        let of = |is: &Identity| -> Vec<Trait> {
            traits(is).into_iter().filter(|one| one.likeness == Likeness::NamesSwapped).collect()
        };
        let born = born.to_string();
        prop_assert_eq!(of(&person(&last, &first, &born)), of(&person(&first, &last, &born)));
    }

    #[test]
    fn day_and_month_the_other_way_round_give_the_same_trait(last in name(), year in 1920_i16..2026, d in 1_i8..=12, m in 1_i8..=12) {
        let of = |day: i8, month: i8| -> Vec<Trait> {
            let is = person(&last, "Awa", &jiff::civil::date(year, month, day).to_string());
            traits(&is).into_iter().filter(|one| one.likeness == Likeness::DayAndMonthSwapped).collect()
        };
        prop_assert_eq!(of(d, m), of(m, d));
    }

    #[test]
    fn any_text_can_be_compared(last in "\\PC{0,40}", first in "\\PC{0,40}", phone in "\\PC{0,20}", born in born()) {
        let mut is = person(&last, &first, &born.to_string());
        is.phone = Some(phone);
        let traits = traits(&is);
        prop_assert!(traits.len() < 200);
        prop_assert_eq!(alike(&is, &is).contains(&Likeness::Name), traits.iter().any(|one| one.likeness == Likeness::Name));
    }
}
