//! An account of who read what of one household: its rows, and what proves that none is missing.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use domain::id::HouseholdId;
use journal::seals::{Excerpt, Line};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What every account begins with, and the version of its form.
pub(super) const FORMAT: &str = "continuum/accesses/1";

/// One reading, or the attempt at one, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// Its place among all readings of all households.
    pub(super) position: u64,
    pub(super) id: String,
    pub(super) at: String,
    pub(super) actor: String,
    pub(super) organisation: String,
    pub(super) role: String,
    pub(super) action: String,
    pub(super) purpose: String,
    /// The groups of fields that were shown, with spaces between them.
    pub(super) fields: String,
    pub(super) outcome: String,
    /// Why, in the reader's own words. Sealed where it is recorded, it is the one thing that the proof says nothing of.
    pub(super) reason: String,
}

/// An account in one file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) format: String,
    pub(super) household: HouseholdId,
    /// None in the file that lies beside a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) accesses: Option<Vec<Row>>,
    pub(super) proof: Excerpt,
}

impl Row {
    /// The row of an entry as it was recorded, without its reason.
    ///
    /// # Errors
    /// When it is not an entry.
    pub(super) fn of(line: &Line) -> anyhow::Result<Self> {
        let said: Value = serde_json::from_str(&line.body)
            .with_context(|| format!("the line at position {} is not an entry", line.position))?;
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        let fields = said["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(Self {
            position: line.position,
            id: text("id"),
            at: text("at"),
            actor: text("actor"),
            organisation: text("organisation"),
            role: text("role"),
            action: text("action"),
            purpose: text("purpose"),
            fields: fields.collect::<Vec<_>>().join(" "),
            outcome: text("outcome"),
            reason: String::new(),
        })
    }
}

/// Where the proof of a table lies.
pub(super) fn beside(table: &Path) -> PathBuf {
    let mut name = table.to_owned().into_os_string();
    name.push(".proof.json");
    name.into()
}

/// Writes rows as a table.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_table(rows: &[Row], to: &mut impl Write) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_writer(to);
    for row in rows {
        table.serialize(row)?;
    }
    table.flush()?;
    Ok(())
}

/// Reads the rows of a table.
///
/// # Errors
/// When it is none.
pub(super) fn read_table(from: impl Read) -> anyhow::Result<Vec<Row>> {
    csv::Reader::from_reader(from)
        .deserialize()
        .map(|row| row.context("a row of the table is not one"))
        .collect()
}

/// Whether the rows are those of the lines that are proven, each to the letter but for its reason.
///
/// # Errors
/// The first row that is not.
pub(super) fn compare(rows: &[Row], lines: &[Line]) -> anyhow::Result<()> {
    ensure!(
        rows.len() == lines.len(),
        "there are {} rows, and {} entries were recorded",
        rows.len(),
        lines.len()
    );
    for (row, line) in rows.iter().zip(lines) {
        let recorded = Row { reason: row.reason.clone(), ..Row::of(line)? };
        ensure!(*row == recorded, "the row {} at position {} is not what was recorded", row.id, row.position);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        let body = |n: u64| {
            format!(
                r#"{{"v":1,"id":"{n}","at":"2026-03-15T10:00:00Z","actor":"user:1","organisation":"33-1","role":"siao_manager","action":"household.file","household":"33-2","purpose":"orientation","fields":["identity","contact"],"outcome":"granted"}}"#
            )
        };
        (1..=3).map(|n| Line { position: n * 10, body: body(n) }).collect()
    }

    #[test]
    fn a_row_that_is_not_what_was_recorded_is_found_in_a_table_too() {
        let mut rows: Vec<Row> = lines().iter().map(|line| Row::of(line).unwrap()).collect();
        rows[1].reason = "« à la porte », dit-elle".to_owned();
        let mut table = Vec::new();
        write_table(&rows, &mut table).unwrap();
        let read = read_table(table.as_slice()).unwrap();
        assert_eq!(read, rows);
        compare(&read, &lines()).unwrap();
        for at in 0..3 {
            let mut changed = rows.clone();
            changed[at].outcome = "refused".to_owned();
            assert!(compare(&changed, &lines()).is_err());
            let mut removed = rows.clone();
            removed.remove(at);
            assert!(compare(&removed, &lines()).is_err());
        }
    }
}
