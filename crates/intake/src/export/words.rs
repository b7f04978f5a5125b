//! The words of a readable export, in French and in English: of fields, of events, of codes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::decide::catalogue;
use domain::reference;
use serde::Deserialize;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

/// Names and what they are called, French first: a line each, `name;french;english`.
type Words = BTreeMap<&'static str, [&'static str; 2]>;

fn read(text: &'static str) -> Words {
    let line = |line: &'static str| {
        let mut cells = line.split(';');
        Some((cells.next()?, [cells.next()?, cells.next()?]))
    };
    text.lines().filter_map(line).collect()
}

static FIELDS: LazyLock<Words> = LazyLock::new(|| read(include_str!("fields.csv")));
static KINDS: LazyLock<Words> = LazyLock::new(|| read(include_str!("kinds.csv")));
static CODES: LazyLock<Words> = LazyLock::new(|| read(include_str!("codes.csv")));

impl Language {
    /// One of two texts.
    pub(super) fn of<T>(self, french: T, english: T) -> T {
        match self {
            Self::Fr => french,
            Self::En => english,
        }
    }

    /// The name of a field; as it is written where it has no word of its own.
    pub(super) fn field(self, name: &str) -> String {
        self.word(&FIELDS, name).unwrap_or_else(|| name.replace('_', " "))
    }

    /// What an event says.
    pub(super) fn kind(self, kind: &str) -> String {
        self.word(&KINDS, kind).unwrap_or_else(|| kind.to_owned())
    }

    /// What a code means, of a closed list or of ours; nothing if it is none.
    pub(super) fn code(self, code: &str) -> Option<String> {
        self.word(&CODES, code).or_else(|| {
            let entry = reference::lists().find_map(|list| list.get(code));
            entry.map(|entry| self.of(entry.label_fr(), entry.label_en()).to_owned())
        })
    }

    /// What was done, by its code: `household.file`. Commands are described in French alone.
    pub(super) fn action(self, code: &str) -> String {
        let command = || {
            let (ledger, name) = code.split_once('.')?;
            let kind = catalogue().find(|kind| kind.ledger == ledger && kind.name == name)?;
            (self == Self::Fr).then(|| kind.summary.to_owned())
        };
        self.word(&CODES, code).or_else(command).unwrap_or_else(|| code.to_owned())
    }

    fn word(self, words: &Words, name: &str) -> Option<String> {
        words.get(name).map(|[french, english]| self.of(*french, *english).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use domain::household::HouseholdEvent;
    use domain::rights::{Group, Role};

    use super::*;

    #[test]
    fn every_event_of_a_household_has_its_sentence_and_every_line_its_two_languages() {
        for (kind, _) in HouseholdEvent::kinds() {
            assert!(KINDS.contains_key(kind), "kinds.csv says nothing of {kind}");
        }
        let known: Vec<_> = HouseholdEvent::kinds().into_iter().map(|(kind, _)| kind).collect();
        assert!(KINDS.keys().all(|kind| known.contains(kind)), "no sentence is left over");
        for (text, words) in [
            (include_str!("fields.csv"), &*FIELDS),
            (include_str!("kinds.csv"), &*KINDS),
            (include_str!("codes.csv"), &*CODES),
        ] {
            assert_eq!(text.lines().count(), words.len(), "each line has three cells, and a name of its own");
            assert!(words.values().flatten().all(|word| !word.is_empty()));
        }
    }

    #[test]
    fn groups_and_roles_that_stand_in_the_list_of_readings_have_words() {
        for group in Group::ALL {
            assert!(CODES.contains_key(group.code()), "{}", group.code());
        }
        let reads = |role: &Role| {
            let rights = domain::rights::Matrix::shipped().role(*role);
            rights.is_some_and(|rights| !rights.rows.is_empty())
        };
        for role in Role::ALL.into_iter().filter(reads) {
            assert!(CODES.contains_key(role.code()), "{role}");
        }
        assert_eq!(Language::Fr.code("domestic_violence").unwrap(), "Violences familiales ou conjugales");
    }
}
