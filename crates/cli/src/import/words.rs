//! Words as people type them: compared without accents, case, spaces or signs, and the nearest of those that are known.

/// How alike two words must be for one to be suggested in place of the other (Jaro-Winkler, 0 to 1).
const LIKENESS_MIN: f64 = 0.78;
/// The longest text that is compared with every known word, in bytes: no label is longer.
const COMPARED_MAX: usize = 160;

/// The text in lower case, without accents, spaces or signs: `Date de naissance` and `date_de_naissance` are the same.
#[must_use]
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'à' | 'á' | 'â' | 'ä' | 'ã' | 'å' => folded.push('a'),
            'ç' => folded.push('c'),
            'è' | 'é' | 'ê' | 'ë' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' => folded.push('i'),
            'ñ' => folded.push('n'),
            'ò' | 'ó' | 'ô' | 'ö' | 'õ' => folded.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            // Accents that stand as characters of their own (decomposed text) fall away with the signs.
            other if other.is_alphanumeric() => folded.push(other),
            _ => {}
        }
    }
    folded
}

/// The known word that looks most like `given`, if one looks like it at all.
#[must_use]
pub(crate) fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if given.len() > COMPARED_MAX {
        return None;
    }
    let given = fold(given);
    if given.is_empty() {
        return None;
    }
    let mut best = (LIKENESS_MIN, None);
    for word in known {
        let likeness = strsim::jaro_winkler(&given, &fold(word));
        if likeness > best.0 {
            best = (likeness, Some(word));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_spaces_and_signs_do_not_tell_two_headings_apart() {
        for same in
            ["Numéro unique", "NUMERO UNIQUE", "numero_unique", "Nume\u{301}ro  unique", "numéroUnique"]
        {
            assert_eq!(fold(same), "numerounique", "{same}");
        }
        assert_eq!(fold("Sœur, æther, L’Haÿ-les-Roses"), "soeuraetherlhaylesroses");
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let known = ["Date de naissance", "Nom de naissance", "Prénom(s)"];
        assert_eq!(nearest("date de naissanse", known), Some("Date de naissance"));
        assert_eq!(nearest("prenom", known), Some("Prénom(s)"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest("", known), None);
    }
}
