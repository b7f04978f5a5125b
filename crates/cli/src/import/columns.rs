//! The columns of a kind of file, and the headings they are recognised by.

use std::collections::HashMap;

use super::table::Table;
use super::words::{fold, nearest};

/// What the file of refused lines adds behind the columns of the original, in this order: a corrected file is read again
/// with them still there.
pub const VERDICT_HEADINGS: [&str; 3] = ["ligne", "colonne", "motif"];

/// A column that a kind of file may have.
#[derive(Debug)]
pub struct Column {
    /// Its name in English, which is also a heading.
    pub id: &'static str,
    /// Its heading in French, as templates write it.
    pub fr: &'static str,
    /// Other headings it is known by.
    pub also: &'static [&'static str],
    /// Whether the file is refused without it.
    pub required: bool,
    /// Whether it holds personal data: verdicts do not repeat what stands in it.
    pub personal: bool,
    /// What to write in it, in French.
    pub help: &'static str,
    /// An invented example.
    pub example: &'static str,
}

impl Column {
    /// A column that may be left out.
    #[must_use]
    pub const fn new(id: &'static str, fr: &'static str, help: &'static str) -> Self {
        Self { id, fr, also: &[], required: false, personal: false, help, example: "" }
    }

    /// The same, without which the file is refused.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same, holding personal data.
    #[must_use]
    pub const fn personal(self) -> Self {
        Self { personal: true, ..self }
    }

    /// The same, known by other headings too.
    #[must_use]
    pub const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    /// The same, with an example.
    #[must_use]
    pub const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// Every heading it is recognised by.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.fr, self.id].into_iter().chain(self.also.iter().copied())
    }
}

/// Which column of a file is which.
#[derive(Debug)]
pub struct Layout {
    at: HashMap<&'static str, (usize, String)>,
    width: usize,
    unknown: Vec<Unknown>,
}

/// A heading that no column of the kind is known by. The column is left out of account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The heading as written.
    pub heading: String,
    /// The column it looks like, by its French heading.
    pub nearest: Option<&'static str>,
}

/// Why a file is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHeadings {
    /// Columns that every file of the kind has are missing.
    #[error("il manque au fichier : {}", list(.0))]
    Missing(Vec<Missing>),
    /// Two headings mean the same column.
    #[error("les titres « {first} » et « {second} » désignent la même colonne : gardez-en un")]
    Twice {
        /// The one on the left.
        first: String,
        /// The one on the right.
        second: String,
    },
}

/// A column that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its French heading.
    pub fr: &'static str,
    /// Its English heading.
    pub id: &'static str,
    /// The heading of the file that looks like it.
    pub nearest: Option<String>,
}

fn list(missing: &[Missing]) -> String {
    let each = missing.iter().map(|missing| match &missing.nearest {
        Some(near) => format!("« {} » ({} ; « {near} » y ressemble)", missing.fr, missing.id),
        None => format!("« {} » ({})", missing.fr, missing.id),
    });
    each.collect::<Vec<_>>().join(", ")
}

impl Layout {
    /// Recognises the headings of `table` among `columns`.
    ///
    /// # Errors
    /// [`BadHeadings`] names the columns that are missing, with the heading that looks like each, or the two headings
    /// that mean the same.
    pub fn of(table: &Table, columns: &'static [&'static Column]) -> Result<Self, BadHeadings> {
        let mut known: HashMap<String, &'static Column> = HashMap::new();
        for column in columns {
            for name in column.names() {
                known.entry(fold(name)).or_insert(column);
            }
        }
        let width = table.headings.len();
        let mut layout = Self { at: HashMap::new(), width, unknown: Vec::new() };
        let headings = without_verdicts(&table.headings);
        for (place, heading) in headings.iter().enumerate() {
            match known.get(&fold(heading)) {
                Some(column) => {
                    if let Some((_, first)) = layout.at.insert(column.id, (place, heading.clone())) {
                        return Err(BadHeadings::Twice { first, second: heading.clone() });
                    }
                }
                None if heading.is_empty() => {}
                None => layout.unknown.push(Unknown { heading: heading.clone(), nearest: None }),
            }
        }
        layout.missing(columns)?;
        let free = |column: &&&Column| !layout.at.contains_key(column.id);
        for unknown in &mut layout.unknown {
            unknown.nearest = nearest(&unknown.heading, columns.iter().filter(free).map(|column| column.fr));
        }
        Ok(layout)
    }

    fn missing(&self, columns: &'static [&'static Column]) -> Result<(), BadHeadings> {
        let lacks = |column: &&&Column| column.required && !self.at.contains_key(column.id);
        let missing: Vec<Missing> = columns
            .iter()
            .filter(lacks)
            .map(|column| {
                let unknown = || self.unknown.iter().map(|unknown| unknown.heading.as_str());
                let near = column.names().find_map(|name| nearest(name, unknown()));
                Missing { fr: column.fr, id: column.id, nearest: near.map(str::to_owned) }
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(BadHeadings::Missing(missing)) }
    }

    /// The headings that mean nothing here.
    #[must_use]
    pub fn unknown(&self) -> &[Unknown] {
        &self.unknown
    }

    /// How many columns the file has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Where the column stands, if the file has it.
    #[must_use]
    pub fn place(&self, column: &Column) -> Option<usize> {
        self.at.get(column.id).map(|(place, _)| *place)
    }

    /// The heading of the column as the file writes it; the French one if the file does not have it.
    #[must_use]
    pub fn heading(&self, column: &Column) -> &str {
        self.at.get(column.id).map_or(column.fr, |(_, heading)| heading)
    }
}

/// The headings of the original file, where `headings` are those of a file of refused lines.
#[must_use]
pub fn without_verdicts(headings: &[String]) -> &[String] {
    match headings.split_last_chunk::<3>() {
        Some((own, last)) if last.iter().map(|heading| fold(heading)).eq(VERDICT_HEADINGS) => own,
        Some(_) | None => headings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NAME: Column = Column::new("last_name", "Nom", "").required().also(&["nom d'usage"]);
    static BORN: Column = Column::new("birth_date", "Date de naissance", "").required();
    static SEX: Column = Column::new("sex", "Sexe", "");
    static COLUMNS: [&Column; 3] = [&NAME, &BORN, &SEX];

    fn layout(headings: &[&str]) -> Result<Layout, BadHeadings> {
        let headings = headings.iter().map(|&heading| heading.to_owned()).collect();
        Layout::of(&Table { headings, lines: Vec::new() }, &COLUMNS)
    }

    #[test]
    fn french_english_and_other_headings_are_recognised() {
        for name in ["Nom", "NOM D’USAGE", "last_name", "Last name"] {
            let layout = layout(&["date  de NAISSANCE", name]).unwrap();
            assert_eq!(
                (layout.place(&NAME), layout.place(&BORN), layout.place(&SEX)),
                (Some(1), Some(0), None)
            );
            assert_eq!(layout.heading(&NAME), name);
        }
    }

    #[test]
    fn a_missing_column_is_named_with_the_heading_that_looks_like_it() {
        let error = layout(&["Nom", "Date de naissanse"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "il manque au fichier : « Date de naissance » (birth_date ; « Date de naissanse » y ressemble)"
        );
    }

    #[test]
    fn a_heading_that_means_nothing_is_reported_and_left_out() {
        let layout = layout(&["Nom", "birth_date", "Sexe ?!", "sexx", "Observations", ""]).unwrap();
        let unknown: Vec<_> = layout.unknown().iter().map(|u| (u.heading.as_str(), u.nearest)).collect();
        assert_eq!(layout.place(&SEX), Some(2));
        assert_eq!(unknown, [("sexx", None), ("Observations", None)]);
    }

    #[test]
    fn two_headings_of_one_column_are_refused() {
        let twice = BadHeadings::Twice { first: "Nom".to_owned(), second: "Nom d'usage".to_owned() };
        assert_eq!(layout(&["Nom", "birth_date", "Nom d'usage"]).unwrap_err(), twice);
    }

    #[test]
    fn the_columns_of_a_verdict_are_not_the_user_s() {
        assert_eq!(layout(&["Nom", "birth_date", "Ligne", "colonne", "motif"]).unwrap().unknown(), []);
        assert_eq!(layout(&["Nom", "birth_date", "motif"]).unwrap().unknown().len(), 1);
    }
}
