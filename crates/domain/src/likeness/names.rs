//! Names made plain, so that two ways of writing one are the same.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Words that stand before a name in some files and not in others.
const PARTICLES: [&str; 22] = [
    "al", "da", "de", "del", "della", "den", "der", "des", "di", "do", "dos", "du", "el", "la", "las", "le",
    "les", "los", "of", "van", "von", "y",
];

/// Words that begin a name and are none by themselves: half a double name that is one of these says nothing.
const BEGINNINGS: [&str; 16] = [
    "abd", "abdel", "abou", "abu", "ait", "ben", "bent", "bin", "bint", "bou", "mac", "ould", "ouled",
    "saint", "sainte", "san",
];

/// What is written where a name is not known.
const UNKNOWN: [&str; 18] = [
    "anonyme",
    "inconnu",
    "inconnue",
    "inconnus",
    "na",
    "nc",
    "neant",
    "nonconnu",
    "noncommunique",
    "nonrenseigne",
    "nr",
    "sansnom",
    "sansprenom",
    "snp",
    "unknown",
    "x",
    "xx",
    "xxx",
];

/// Shortest half of a double name that is compared by itself, in letters.
const HALF_MIN: usize = 3;

/// Most halves that are compared by themselves.
const HALVES_MAX: usize = 3;

/// The forms of a surname: written in one word, without its particles, and each half of a double name. None if it is not
/// known.
pub(super) fn surnames(text: &str) -> BTreeSet<String> {
    let Some(whole) = whole(text) else { return BTreeSet::new() };
    let halves: Vec<Vec<String>> = plain(text).split('-').map(words).collect();
    let all = halves.concat();
    let mut forms = BTreeSet::from([whole]);
    let bare: String =
        all.iter().filter(|word| !PARTICLES.contains(&word.as_str())).map(String::as_str).collect();
    if !bare.is_empty() {
        forms.insert(bare);
    }
    if halves.len() > 1 {
        let says_something =
            |half: &String| half.chars().count() >= HALF_MIN && !BEGINNINGS.contains(&half.as_str());
        forms.extend(halves.iter().take(HALVES_MAX).map(|half| half.concat()).filter(says_something));
    }
    forms
}

/// The forms of first names: the usual one, and the usual one with the second, for « Jean Pierre » is one of them in some
/// files and two in others. None if it is not known.
pub(super) fn given(text: &str) -> BTreeSet<String> {
    if whole(text).is_none() {
        return BTreeSet::new();
    }
    let names: Vec<String> =
        words(&plain(text).replace('-', "")).into_iter().filter(|name| !is_unknown(name)).collect();
    let both = names.get(..2).map(<[String]>::concat);
    names.first().cloned().into_iter().chain(both).collect()
}

/// All of a name in one word; none if it is not known.
pub(super) fn whole(text: &str) -> Option<String> {
    let word: String = plain(text).chars().filter(|sign| sign.is_alphanumeric()).collect();
    (!word.is_empty() && !is_unknown(&word)).then_some(word)
}

fn is_unknown(word: &str) -> bool {
    UNKNOWN.contains(&word)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Small letters without accents, words apart by one blank, halves of a double name by a dash. Apostrophes go: they
/// stand between words in some files and not in others.
fn plain(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    // What is small may still have to be decomposed: « İ » becomes an i and a dot.
    let signs = text.nfkd().flat_map(char::to_lowercase).nfkd().filter(|sign| !is_combining_mark(*sign));
    for sign in signs {
        match sign {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'ə' => folded.push('e'),
            '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | 'ʿ' | 'ʾ' | '`' | '´' => {}
            '-' | '‐' | '‑' | '–' | '—' => folded.push('-'),
            sign if sign.is_alphanumeric() => folded.push(sign),
            _ => folded.push(' '),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_surname_has_the_forms_that_files_give_it() {
        assert_eq!(surnames("DUPONT"), set(&["dupont"]));
        assert_eq!(surnames("N’Guyên"), set(&["nguyen"]));
        assert_eq!(surnames("Ben Ali"), set(&["benali"]));
        assert_eq!(surnames("de La Tour"), set(&["delatour", "tour"]));
        assert_eq!(surnames("El Amrani"), set(&["elamrani", "amrani"]));
        assert_eq!(surnames("Dupont-Martin"), set(&["dupontmartin", "dupont", "martin"]));
        assert_eq!(surnames("Ben-Ali"), set(&["benali", "ali"]));
        assert_eq!(surnames("Şahin Øster"), set(&["sahinoster"]));
        assert_eq!(surnames("İŞIK"), surnames("ışık"));
        assert_eq!(surnames("Le"), set(&["le"]), "a particle alone is a name");
        assert_eq!(surnames("محمد"), set(&["محمد"]), "other letters are kept");
    }

    #[test]
    fn a_name_that_is_not_known_is_none() {
        for text in ["inconnu", " INCONNUE ", "x", "N/C", "non renseigné", "?", "-", ""] {
            assert!(
                surnames(text).is_empty() && given(text).is_empty() && whole(text).is_none(),
                "« {text} »"
            );
        }
    }

    #[test]
    fn a_compound_first_name_is_found_with_and_without_its_dash() {
        assert_eq!(given("Jean-Pierre"), set(&["jeanpierre"]));
        assert_eq!(given("Jean Pierre Marie"), set(&["jean", "jeanpierre"]));
        assert_eq!(given("Jean-Pierre, Marie"), set(&["jeanpierre", "jeanpierremarie"]));
        assert!(given("Marie-Claude").is_disjoint(&given("Marie-France")));
    }
}
