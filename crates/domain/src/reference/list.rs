//! How a closed list is written down and read.
//!
//! A list is a text file: one heading, one entry a line, cells apart by `;`, nothing quoted. The order of the
//! lines is the order in which choices are shown.

use std::fmt;

use jiff::civil::Date;

/// One entry of a closed list: a stable code, its labels, and the codes that other systems give to the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    code: &'static str,
    label_fr: &'static str,
    label_en: &'static str,
    si_siao: &'static str,
    sne: &'static str,
    hud: &'static str,
    class: &'static str,
    from: Option<Date>,
    until: Option<Date>,
    note: &'static str,
    finess: &'static str,
    apilos: &'static str,
}

impl Entry {
    /// Our stable code, as it stands in events and URLs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The French label.
    #[must_use]
    pub fn label_fr(&self) -> &'static str {
        self.label_fr
    }

    /// The English label.
    #[must_use]
    pub fn label_en(&self) -> &'static str {
        self.label_en
    }

    /// The SI-SIAO code of the same thing, the first one where there are several.
    #[must_use]
    pub fn si_siao(&self) -> Option<&'static str> {
        words(self.si_siao).next()
    }

    /// Every SI-SIAO code of the same thing.
    pub fn si_siao_codes(&self) -> impl Iterator<Item = &'static str> + use<> {
        words(self.si_siao)
    }

    /// The code of the national social-housing register (SNE), the first one where there are several.
    #[must_use]
    pub fn sne(&self) -> Option<&'static str> {
        words(self.sne).next()
    }

    /// Every SNE code of the same thing.
    pub fn sne_codes(&self) -> impl Iterator<Item = &'static str> + use<> {
        words(self.sne)
    }

    /// The nearest code of the HUD data standards; which HUD field it belongs to is in the README of the lists.
    #[must_use]
    pub fn hud(&self) -> Option<&'static str> {
        words(self.hud).next()
    }

    /// The class that rules and indicators use, empty where the list has none.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.class
    }

    /// What is uncertain or worth knowing, empty if nothing is. `[K?]` means: not confirmed by a source.
    #[must_use]
    pub fn note(&self) -> &'static str {
        self.note
    }

    /// The FINESS category, for kinds of structure.
    #[must_use]
    pub fn finess(&self) -> Option<&'static str> {
        words(self.finess).next()
    }

    /// Every `APiLos` code: natures of kinds of structure, or the financing line.
    pub fn apilos_codes(&self) -> impl Iterator<Item = &'static str> + use<> {
        words(self.apilos)
    }

    /// The first day on which the entry may be chosen, if it has one.
    #[must_use]
    pub fn from(&self) -> Option<Date> {
        self.from
    }

    /// The last day on which the entry may be chosen, if it has one. It stays readable for ever.
    #[must_use]
    pub fn until(&self) -> Option<Date> {
        self.until
    }

    /// Whether the entry may be chosen on `day`, both bounds included.
    #[must_use]
    pub fn in_force_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

fn words(cell: &'static str) -> impl Iterator<Item = &'static str> + use<> {
    cell.split_ascii_whitespace()
}

/// A closed list, in the order of its file.
#[derive(Debug)]
pub struct List {
    name: &'static str,
    entries: Vec<Entry>,
    /// Places in `entries`, by code.
    by_code: Vec<usize>,
}

impl List {
    /// Reads the text of the list `name`.
    ///
    /// # Errors
    /// [`BadList`] names the list, the line and what to change there.
    pub fn parse(name: &'static str, text: &'static str) -> Result<Self, BadList> {
        let mut lines = text.lines().enumerate();
        let heading = lines.next().map_or("", |(_, heading)| heading);
        let columns: Vec<&str> = heading.split(';').collect();
        if let Some(unknown) = columns.iter().find(|column| !COLUMNS.contains(column)) {
            return Err(BadList {
                list: name, line: 1, what: format!("no column is called « {unknown} »")
            });
        }
        let mut entries = Vec::new();
        for (index, line) in lines {
            let bad = |what: String| BadList { list: name, line: index + 1, what };
            entries.push(read_entry(&columns, line).map_err(bad)?);
        }
        let mut by_code: Vec<usize> = (0..entries.len()).collect();
        by_code.sort_by_key(|&place| entries[place].code);
        match by_code.windows(2).find(|pair| entries[pair[0]].code == entries[pair[1]].code) {
            Some(pair) => Err(BadList {
                list: name,
                line: pair[1] + 2,
                what: format!("the code {} stands twice", entries[pair[1]].code),
            }),
            None => Ok(Self { name, entries, by_code }),
        }
    }

    /// The name of the list: `exit_destination`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Every entry, in the order in which choices are shown.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of `code`.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Entry> {
        let found = self.by_code.binary_search_by_key(&code, |&place| self.entries[place].code).ok()?;
        self.by_code.get(found).map(|&place| &self.entries[place])
    }

    /// The entry of `code`, or why there is none.
    ///
    /// # Errors
    /// [`UnknownCode`] names the list and its codes that look most like the one given.
    pub fn find(&self, code: &str) -> Result<&Entry, UnknownCode> {
        self.get(code).ok_or_else(|| UnknownCode {
            list: self.name,
            given: code.chars().take(64).collect(),
            nearest: Nearest(self.nearest(code)),
        })
    }

    /// The first entry that bears this SI-SIAO code.
    #[must_use]
    pub fn with_si_siao(&self, code: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.si_siao_codes().any(|theirs| theirs == code))
    }

    /// The first entry that bears this SNE code.
    #[must_use]
    pub fn with_sne(&self, code: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.sne_codes().any(|theirs| theirs == code))
    }

    fn nearest(&self, code: &str) -> Vec<&'static str> {
        // Longer than any code: comparing it with every code would be work for nothing.
        if code.len() > 64 {
            return Vec::new();
        }
        let mut near: Vec<(f64, &'static str)> = self
            .entries
            .iter()
            .map(|entry| (strsim::jaro_winkler(code, entry.code), entry.code))
            .filter(|(likeness, _)| *likeness > 0.6)
            .collect();
        near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        near.into_iter().take(3).map(|(_, code)| code).collect()
    }
}

/// The columns a list may have, in any order; a list leaves out those it has nothing to say in.
const COLUMNS: [&str; 12] = [
    "code", "label_fr", "label_en", "si_siao", "sne", "hud", "class", "from", "until", "note", "finess",
    "apilos",
];

fn read_entry(columns: &[&'static str], line: &'static str) -> Result<Entry, String> {
    let cells: Vec<&'static str> = line.split(';').collect();
    if cells.len() != columns.len() {
        return Err(format!("{} cells where the heading has {}", cells.len(), columns.len()));
    }
    let cell = |name: &str| columns.iter().position(|column| *column == name).map_or("", |at| cells[at]);
    let needed = |name: &str| match cell(name) {
        "" => Err(format!("{name} is empty")),
        text => Ok(text),
    };
    let day = |name: &str| match cell(name) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{name} is not a day such as 2026-01-31")),
    };
    Ok(Entry {
        code: needed("code")?,
        label_fr: needed("label_fr")?,
        label_en: needed("label_en")?,
        si_siao: cell("si_siao"),
        sne: cell("sne"),
        hud: cell("hud"),
        class: cell("class"),
        from: day("from")?,
        until: day("until")?,
        note: cell("note"),
        finess: cell("finess"),
        apilos: cell("apilos"),
    })
}

/// Why a list could not be read: correct that line of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the list {list} cannot be read at line {line}: {what}")]
pub struct BadList {
    /// Which list.
    pub list: &'static str,
    /// Which line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// A code that a closed list does not have: choose one that it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("« {given} » is not a code of the list {list}{nearest}")]
pub struct UnknownCode {
    /// The list that was searched.
    pub list: &'static str,
    /// What was received, cut to 64 characters.
    pub given: String,
    /// The codes that look most like it.
    pub nearest: Nearest,
}

/// Up to three codes that look like the one given, the likest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest(pub Vec<&'static str>);

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_first() {
            None => Ok(()),
            Some((first, others)) => {
                write!(f, "; the nearest are {first}")?;
                others.iter().try_for_each(|other| write!(f, ", {other}"))
            }
        }
    }
}
