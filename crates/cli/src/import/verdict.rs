//! What became of every line, and the file of those that were refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::columns::{VERDICT_HEADINGS, without_verdicts};
use super::table::Table;

/// Something that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The heading of the column, as the file writes it; empty if the line as a whole is meant.
    pub column: String,
    /// What is wrong and what to write instead, in French.
    pub why: String,
}

/// A line that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub line: u64,
    /// Everything that is wrong with it, at least one thing.
    pub faults: Vec<Fault>,
}

impl Refused {
    /// A line with what its reading found.
    pub(crate) fn of(cells: super::cells::Cells<'_>) -> Self {
        Self { line: cells.number(), faults: cells.into_faults() }
    }
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is recorded, now.
    Created,
    /// It had been recorded by an earlier run: nothing changed.
    Already,
    /// It was not taken.
    Refused(Vec<Fault>),
    /// It was not asked for: the import stopped before, or was a rehearsal.
    NotAsked,
}

/// How many lines met which fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Recorded now.
    pub created: usize,
    /// Recorded by an earlier run.
    pub already: usize,
    /// Not taken.
    pub refused: usize,
    /// Not asked for.
    pub not_asked: usize,
}

/// The verdict on every line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// By line number.
    pub lines: BTreeMap<u64, Verdict>,
    /// What is worth knowing though nothing is refused for it, in French.
    pub remarks: Vec<String>,
}

impl Report {
    /// How many lines met which fate.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for verdict in self.lines.values() {
            match verdict {
                Verdict::Created => counts.created += 1,
                Verdict::Already => counts.already += 1,
                Verdict::Refused(_) => counts.refused += 1,
                Verdict::NotAsked => counts.not_asked += 1,
            }
        }
        counts
    }

    /// What happened, in one French sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let total = self.lines.len();
        let mut sentence = format!("{} : {}", lines(total, "lue"), lines(counts.created, "enregistrée"));
        let _ = write!(sentence, ", {} déjà là", grouped(counts.already));
        let _ = write!(sentence, ", {}", plural(counts.refused, "refusée"));
        if counts.not_asked > 0 {
            let _ = write!(sentence, ", {}", plural(counts.not_asked, "non envoyée"));
        }
        sentence.push('.');
        sentence
    }

    /// One line of text for each line that was refused; for every line if `all`.
    #[must_use]
    pub fn verdicts(&self, all: bool) -> Vec<String> {
        let mut told = Vec::new();
        for (number, verdict) in &self.lines {
            match verdict {
                Verdict::Refused(faults) => {
                    told.extend(faults.iter().map(|fault| match fault.column.as_str() {
                        "" => format!("ligne {number} : {}", fault.why),
                        column => format!("ligne {number}, {column} : {}", fault.why),
                    }));
                }
                Verdict::Created if all => told.push(format!("ligne {number} : enregistrée")),
                Verdict::Already if all => told.push(format!("ligne {number} : déjà là")),
                Verdict::NotAsked if all => told.push(format!("ligne {number} : non envoyée")),
                Verdict::Created | Verdict::Already | Verdict::NotAsked => {}
            }
        }
        told
    }

    /// The refused lines as CSV: the columns of the original, then line, column and reason. It opens in a French
    /// spreadsheet and can be imported again once corrected.
    #[must_use]
    pub fn refused_csv(&self, table: &Table) -> Option<Vec<u8>> {
        let own = without_verdicts(&table.headings);
        let mut writer =
            csv::WriterBuilder::new().delimiter(b';').flexible(true).from_writer(b"\xef\xbb\xbf".to_vec());
        // Writing to memory cannot fail.
        let headings = own.iter().map(String::as_str).chain(VERDICT_HEADINGS);
        writer.write_record(headings).ok()?;
        let mut some = false;
        for line in &table.lines {
            let Some(Verdict::Refused(faults)) = self.lines.get(&line.number) else { continue };
            some = true;
            let (columns, reasons) =
                (joined(faults, |fault| &fault.column), joined(faults, |fault| &fault.why));
            let cell = |place: usize| line.cells.get(place).map_or("", String::as_str);
            let number = line.number.to_string();
            // Cells that no heading stands above are not lost: they come last.
            let beyond = line.cells.iter().skip(table.headings.len()).map(String::as_str);
            let record = (0..own.len()).map(cell).chain([number.as_str(), &columns, &reasons]).chain(beyond);
            writer.write_record(record).ok()?;
        }
        if some { writer.into_inner().ok() } else { None }
    }

    /// Writes the refused lines beside `original`, readable by their owner alone. A file that somebody may be correcting
    /// is not written over: the next free name is taken. None if no line was refused.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_refused(&self, table: &Table, original: &Path) -> std::io::Result<Option<PathBuf>> {
        const NAMES_MAX: u32 = 1_000;
        let Some(bytes) = self.refused_csv(table) else { return Ok(None) };
        for nth in 1..=NAMES_MAX {
            let mut name = original.as_os_str().to_owned();
            name.push(if nth == 1 { ".refused.csv".to_owned() } else { format!(".refused-{nth}.csv") });
            let path = PathBuf::from(name);
            match create(&path) {
                Ok(mut file) => {
                    file.write_all(&bytes)?;
                    return Ok(Some(path));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    if std::fs::read(&path).is_ok_and(|there| there == bytes) {
                        return Ok(Some(path));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            "too many files of refused lines: remove the old ones",
        ))
    }
}

fn create(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn joined<'f>(faults: &'f [Fault], part: impl Fn(&'f Fault) -> &'f String) -> String {
    let mut parts: Vec<&str> =
        faults.iter().map(|fault| part(fault).as_str()).filter(|text| !text.is_empty()).collect();
    parts.dedup();
    parts.join(" | ")
}

fn lines(count: usize, word: &str) -> String {
    let s = if count > 1 { "s" } else { "" };
    format!("{} ligne{s} {word}{s}", grouped(count))
}

fn plural(count: usize, word: &str) -> String {
    let words = if count > 1 {
        word.split(' ')
            .map(|word| if word == "non" { word.to_owned() } else { format!("{word}s") })
            .collect::<Vec<_>>()
            .join(" ")
    } else {
        word.to_owned()
    };
    format!("{} {words}", grouped(count))
}

/// `2 000`, as French writes it: a narrow no-break space between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::table::Line;

    fn fault(column: &str, why: &str) -> Fault {
        Fault { column: column.to_owned(), why: why.to_owned() }
    }

    fn report() -> (Report, Table) {
        let mut lines: BTreeMap<u64, Verdict> = (2..=1_964).map(|line| (line, Verdict::Created)).collect();
        lines.insert(1_965, Verdict::Refused(vec![fault("Sexe", "inconnu"), fault("", "trop de cellules")]));
        let cells = |name: &str| vec![name.to_owned(), "a;b".to_owned()];
        let table = Table {
            headings: ["Nom", "Sexe", "ligne", "colonne", "motif"].map(str::to_owned).into(),
            lines: vec![
                Line { number: 2, cells: cells("Un") },
                Line {
                    number: 1_965,
                    cells: [cells("Deux"), ["4", "x", "y"].map(str::to_owned).into()].concat(),
                },
            ],
        };
        (Report { lines, remarks: Vec::new() }, table)
    }

    #[test]
    fn the_summary_is_a_french_sentence() {
        let (report, _) = report();
        let summary = report.summary().replace('\u{202f}', " ");
        assert_eq!(summary, "1 964 lignes lues : 1 963 lignes enregistrées, 0 déjà là, 1 refusée.");
        assert_eq!(report.verdicts(false), ["ligne 1965, Sexe : inconnu", "ligne 1965 : trop de cellules"]);
    }

    #[test]
    fn the_file_of_refused_lines_holds_the_original_columns_and_why() {
        let (report, table) = report();
        let text = String::from_utf8(report.refused_csv(&table).unwrap()).unwrap();
        assert_eq!(
            text,
            "\u{feff}Nom;Sexe;ligne;colonne;motif\nDeux;\"a;b\";1965;Sexe;inconnu | trop de cellules\n"
        );
    }

    #[test]
    fn a_file_that_somebody_corrects_is_not_written_over() {
        let (mut report, table) = report();
        let directory = tempfile::tempdir().unwrap();
        let original = directory.path().join("m.csv");
        let path = |report: &Report| report.write_refused(&table, &original).unwrap();
        assert_eq!(path(&report), Some(directory.path().join("m.csv.refused.csv")));
        assert_eq!(
            path(&report),
            Some(directory.path().join("m.csv.refused.csv")),
            "the same says nothing new"
        );
        std::fs::write(directory.path().join("m.csv.refused.csv"), "corrected").unwrap();
        assert_eq!(path(&report), Some(directory.path().join("m.csv.refused-2.csv")));
        report.lines.remove(&1_965);
        assert_eq!(path(&report), None);
    }
}
