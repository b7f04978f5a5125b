//! The file of what was refused: with the reasons, to be corrected and imported like the original.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::columns::{VERDICT_HEADINGS, without_verdicts};
use super::kinds::Requests;
use super::table::{Line, Table};
use super::verdict::{Fault, Report, Verdict};

/// How what is refused of a file is written.
#[derive(Debug)]
pub enum Form {
    /// Lines of a table, as CSV.
    Csv,
    /// Requests of the register, as XML.
    Xml(Requests),
}

impl Form {
    /// What comes behind the name of the original.
    fn extension(&self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xml(_) => "xml",
        }
    }
}

impl Report {
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
            let number = original_number(own.len(), table, line);
            // Cells that no heading stands above are not lost: they come last.
            let beyond = line.cells.iter().skip(table.headings.len()).map(String::as_str);
            let record = (0..own.len()).map(cell).chain([number.as_str(), &columns, &reasons]).chain(beyond);
            writer.write_record(record).ok()?;
        }
        if some { writer.into_inner().ok() } else { None }
    }

    /// What was refused in the form of its file; none if nothing was.
    fn refused(&self, table: &Table, form: &Form) -> Option<Vec<u8>> {
        match form {
            Form::Csv => self.refused_csv(table),
            Form::Xml(requests) => requests.refused(self).map(String::into_bytes),
        }
    }

    /// Writes what was refused beside `original`, readable by their owner alone. A file that somebody may be correcting
    /// is not written over: the next free name is taken. None if no line was refused.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_refused(
        &self,
        table: &Table,
        form: &Form,
        original: &Path,
    ) -> std::io::Result<Option<PathBuf>> {
        const NAMES_MAX: u32 = 1_000;
        let Some(bytes) = self.refused(table, form) else { return Ok(None) };
        for nth in 1..=NAMES_MAX {
            let mut name = original.as_os_str().to_owned();
            let again = if nth == 1 { String::new() } else { format!("-{nth}") };
            name.push(format!(".refused{again}.{}", form.extension()));
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
            "trop de fichiers de lignes refusées : enlevez les anciens",
        ))
    }
}

/// The number a line has in the first file: a file of refused lines tells it.
fn original_number(own: usize, table: &Table, line: &Line) -> String {
    let told = (own < table.headings.len()).then(|| line.cells.get(own)).flatten();
    told.filter(|number| !number.is_empty()).cloned().unwrap_or_else(|| line.number.to_string())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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
        (Report { lines }, table)
    }

    #[test]
    fn the_file_of_refused_lines_holds_the_original_columns_and_numbers_and_why() {
        let (report, table) = report();
        let text = String::from_utf8(report.refused_csv(&table).unwrap()).unwrap();
        assert_eq!(
            text,
            "\u{feff}Nom;Sexe;ligne;colonne;motif\nDeux;\"a;b\";4;Sexe;inconnu | trop de cellules\n"
        );
    }

    #[test]
    fn a_file_that_somebody_corrects_is_not_written_over() {
        let (mut report, table) = report();
        let directory = tempfile::tempdir().unwrap();
        let original = directory.path().join("m.csv");
        let path = |report: &Report| report.write_refused(&table, &Form::Csv, &original).unwrap();
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
