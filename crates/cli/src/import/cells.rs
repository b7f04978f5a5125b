//! Cells as values: each reading either yields a value or notes, for the verdict, the column and what to write instead.

use domain::calendar::{Day, Instant};
use domain::id::Territory;
use domain::money::Money;

use super::choices::{Choice, Unread};
use super::columns::{Column, Layout};
use super::moments::{instant, read_moment};
use super::table::Line;
use super::verdict::Fault;
use super::words::fold;

/// Signs that stand between the values of a cell that holds several.
const BETWEEN: [char; 5] = ['|', ';', ',', '\n', '\r'];

/// One line, read column by column. What is wrong with it is gathered, so that a verdict tells everything at once.
pub(crate) struct Cells<'a> {
    layout: &'a Layout,
    line: &'a Line,
    faults: Vec<Fault>,
}

impl<'a> Cells<'a> {
    /// Reads `line` of a file with this layout.
    pub(crate) fn of(layout: &'a Layout, line: &'a Line) -> Self {
        let mut cells = Self { layout, line, faults: Vec::new() };
        let beyond = line.cells.get(layout.width()..).unwrap_or_default();
        if beyond.iter().any(|cell| !cell.is_empty()) {
            let (has, width) = (line.cells.len(), layout.width());
            let why = format!(
                "{has} cellules pour {width} colonnes : une cellule contenant un séparateur doit être entre guillemets"
            );
            cells.faults.push(Fault { column: String::new(), why });
        }
        cells
    }

    /// The number of the line.
    pub(crate) fn number(&self) -> u64 {
        self.line.number
    }

    /// What was wrong, in the order it was read.
    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Notes that something is wrong with a column.
    pub(crate) fn fault(&mut self, column: &Column, why: impl Into<String>) {
        let column = self.layout.heading(column).to_owned();
        self.faults.push(Fault { column, why: why.into() });
    }

    /// The text of a cell, if there is some.
    pub(crate) fn text(&self, column: &Column) -> Option<&'a str> {
        let place = self.layout.place(column)?;
        self.line.cells.get(place).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The text of a cell that must have some.
    pub(crate) fn needed(&mut self, column: &Column) -> Option<&'a str> {
        let text = self.text(column);
        if text.is_none() {
            self.fault(column, "à remplir");
        }
        text
    }

    /// The value of a cell, by `read`; what is wrong is noted.
    fn value<T>(&mut self, column: &Column, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(column)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(why) => {
                let why = if column.personal { why } else { format!("« {} » : {why}", shown(text)) };
                self.fault(column, why);
                None
            }
        }
    }

    /// A day: `2026-03-09`, `09/03/2026` or the number a spreadsheet gives it.
    pub(crate) fn day(&mut self, column: &Column) -> Option<Day> {
        self.value(column, |text| read_moment(text).map(|moment| Day(moment.date())))
    }

    /// An instant in `territory`: a day, from its first second, or a day and a time.
    pub(crate) fn instant(&mut self, column: &Column, territory: Territory) -> Option<Instant> {
        self.value(column, |text| read_moment(text).map(|moment| instant(territory, moment)))
    }

    /// Yes or no; none if the cell is empty.
    pub(crate) fn flag(&mut self, column: &Column) -> Option<bool> {
        self.value(column, |text| read_flag(text).ok_or_else(|| "écrivez oui ou non".to_owned()))
    }

    /// Whether a cell says yes.
    pub(crate) fn says_yes(&self, column: &Column) -> bool {
        self.text(column).and_then(read_flag) == Some(true)
    }

    /// A whole number within bounds.
    pub(crate) fn count(&mut self, column: &Column, bounds: std::ops::RangeInclusive<u8>) -> Option<u8> {
        self.value(column, |text| {
            let number = text.parse().ok().filter(|number| bounds.contains(number));
            number.ok_or_else(|| format!("écrivez un nombre de {} à {}", bounds.start(), bounds.end()))
        })
    }

    /// An amount in euros: `1 250,50 €`.
    pub(crate) fn money(&mut self, column: &Column) -> Option<Money> {
        self.value(column, |text| {
            read_money(text).ok_or_else(|| "écrivez un montant comme 450 ou 450,50".to_owned())
        })
    }

    /// One choice of a closed list, by code, by the code of another register or by label.
    pub(crate) fn choice<T: Choice>(&mut self, column: &Column) -> Option<T> {
        self.value(column, |text| T::read(text).map_err(|unread| unread.sentence()))
    }

    /// Several choices in one cell.
    pub(crate) fn choices<T: Choice>(&mut self, column: &Column) -> Vec<T> {
        self.several(column, T::read)
    }

    /// Several values in one cell, each by `read`.
    pub(crate) fn several<T>(&mut self, column: &Column, read: impl Fn(&str) -> Result<T, Unread>) -> Vec<T> {
        let Some(text) = self.text(column) else { return Vec::new() };
        let mut values = Vec::new();
        // The whole cell first: some names have a comma of their own.
        if let Ok(value) = read(text) {
            return vec![value];
        }
        for part in text.split(BETWEEN).map(str::trim).filter(|part| !part.is_empty()) {
            match read(part) {
                Ok(value) => values.push(value),
                Err(unread) => self.fault(column, format!("« {} » : {}", shown(part), unread.sentence())),
            }
        }
        values
    }

    /// A value that is read by a function of the domain's own: the id of an organisation, a numéro unique.
    pub(crate) fn parsed<T>(
        &mut self,
        column: &Column,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.value(column, |text| read(text).ok_or_else(|| format!("ce n'est pas {wanted}")))
    }
}

/// As much of a value as a verdict repeats.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    if text.chars().count() <= SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX).chain(['…']).collect()
}

fn read_flag(text: &str) -> Option<bool> {
    match fold(text).as_str() {
        "oui" | "o" | "vrai" | "true" | "yes" | "y" | "1" | "x" => Some(true),
        "non" | "n" | "faux" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// `1 250,50 €`, `1250.5`, `450`: in cents.
pub(crate) fn read_money(text: &str) -> Option<Money> {
    let spaces = |letter: &char| !letter.is_whitespace() && !matches!(letter, '€' | '\u{202f}' | '\u{a0}');
    let text: String = text.chars().filter(spaces).collect();
    let text = text.strip_suffix("EUR").unwrap_or(&text);
    let (euros, cents) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(euros) || !digits(cents) || euros.len() > 9 || cents.len() > 2 {
        return None;
    }
    let tenths = if cents.len() == 1 { 10 } else { 1 };
    Some(Money::cents(euros.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()? * tenths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_in_cents() {
        for (text, cents) in [("450", 45_000), ("1 250,50 €", 125_050), ("1250.5", 125_050), ("0", 0)] {
            assert_eq!(read_money(text), Some(Money::cents(cents)), "{text}");
        }
        for text in ["", "€", "-5", "1,234", "12a", "1.2.3", "9999999999"] {
            assert_eq!(read_money(text), None, "{text}");
        }
    }
}
