//! What the entries of a closed list are called: the names that files write.

use std::collections::HashMap;

use domain::reference::{Entry, List};

use super::choices::Unread;
use super::words::{fold, nearest};

/// The names of a list's entries, folded. Made once for each list: files name the same choices again and again.
pub(super) struct Names {
    list: &'static List,
    /// Other words for an entry.
    also: HashMap<String, &'static Entry>,
    /// By the code of the SI-SIAO.
    numbers: HashMap<String, Vec<&'static Entry>>,
    /// By whole label and by code.
    labels: HashMap<String, Vec<&'static Entry>>,
    /// By part of a label.
    parts: HashMap<String, Vec<&'static Entry>>,
}

impl Names {
    /// The names of `list`, and other `words` for entries of these codes.
    pub(super) fn of(list: &'static List, words: &[(&str, &str)]) -> Self {
        let also = words.iter().filter_map(|(word, code)| Some((fold(word), list.get(code)?))).collect();
        let mut names =
            Self { list, also, numbers: HashMap::new(), labels: HashMap::new(), parts: HashMap::new() };
        let add = |map: &mut HashMap<String, Vec<&'static Entry>>, name: String, entry: &'static Entry| {
            let called = map.entry(name).or_default();
            if called.last().is_none_or(|last| last.code() != entry.code()) {
                called.push(entry);
            }
        };
        for entry in list.entries() {
            for number in entry.si_siao_codes() {
                add(&mut names.numbers, number.to_owned(), entry);
            }
            for label in [entry.label_fr(), entry.label_en(), entry.code()] {
                add(&mut names.labels, fold(label), entry);
            }
            for part in parts(entry.label_fr()) {
                add(&mut names.parts, fold(part), entry);
            }
        }
        names
    }

    /// The entry that `text` names: by our code, by other words, by number, by label, by part of a label.
    pub(super) fn find(&self, text: &str) -> Result<&'static Entry, Unread> {
        let wanted = fold(text);
        if let Some(entry) = self.list.get(text).or_else(|| self.also.get(&wanted).copied()) {
            return Ok(entry);
        }
        let found =
            self.numbers.get(text).or_else(|| self.labels.get(&wanted)).or_else(|| self.parts.get(&wanted));
        match found.map(Vec::as_slice) {
            Some([entry]) => Ok(entry),
            Some(several) => Err(Unread::Ambiguous(several.iter().map(|entry| choice(entry)).collect())),
            None => Err(self.unknown(text)),
        }
    }

    fn unknown(&self, text: &str) -> Unread {
        let entries = || self.list.entries().iter();
        let near = nearest(text, entries().map(Entry::label_fr).chain(entries().map(Entry::code)));
        let near =
            near.and_then(|near| entries().find(|entry| entry.label_fr() == near || entry.code() == near));
        Unread::Unknown { nearest: near.map(choice) }
    }
}

fn choice(entry: &Entry) -> String {
    format!("{} » ou « {}", entry.label_fr(), entry.code())
}

/// The names in a label: `Foyer de jeunes travailleurs (FJT)` is called by either, `Pension de famille, maison relais` too.
fn parts(label: &'static str) -> impl Iterator<Item = &'static str> {
    let outer = label.split('(').next().unwrap_or(label);
    let inner = label.split_once('(').and_then(|(_, inside)| inside.strip_suffix(')'));
    let pieces = outer.split(", ").flat_map(|piece| piece.split(" ou "));
    [outer].into_iter().chain(inner).chain(pieces)
}
