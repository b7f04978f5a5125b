//! What became of every line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

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
    /// The import stopped amid its steps: what was done before is recorded, in French.
    CutShort(Vec<&'static str>),
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
    /// Recorded in part.
    pub cut_short: usize,
    /// Not asked for.
    pub not_asked: usize,
}

/// The verdict on every line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// By line number.
    pub lines: BTreeMap<u64, Verdict>,
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
                Verdict::CutShort(_) => counts.cut_short += 1,
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
        let mut sentence = format!("{} : {}", lines(total, "lue"), plural(counts.created, "enregistrée"));
        let _ = write!(sentence, ", {}", plural(counts.already, "déjà enregistrée"));
        let _ = write!(sentence, ", {}", plural(counts.refused, "refusée"));
        if counts.cut_short > 0 {
            let _ = write!(sentence, ", {}", plural(counts.cut_short, "interrompue"));
        }
        if counts.not_asked > 0 {
            let _ = write!(sentence, ", {}", plural(counts.not_asked, "non envoyée"));
        }
        sentence.push('.');
        sentence
    }

    /// One line of text for each line that was refused or cut short; for every line if `all`.
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
                Verdict::CutShort(done) => told.push(format!(
                    "ligne {number} : interrompue après « {} » ; la suite se fait en relançant l'import",
                    done.join(" », « ")
                )),
                Verdict::Created if all => told.push(format!("ligne {number} : enregistrée")),
                Verdict::Already if all => told.push(format!("ligne {number} : déjà enregistrée")),
                Verdict::NotAsked if all => told.push(format!("ligne {number} : non envoyée")),
                Verdict::Created | Verdict::Already | Verdict::NotAsked => {}
            }
        }
        told
    }
}

fn lines(count: usize, word: &str) -> String {
    let s = if count > 1 { "s" } else { "" };
    format!("{} ligne{s} {word}{s}", grouped(count))
}

fn plural(count: usize, word: &str) -> String {
    let s = if count > 1 { "s" } else { "" };
    format!("{} {word}{s}", grouped(count))
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

    fn report() -> Report {
        let faults = [("Sexe", "inconnu"), ("", "trop de cellules")];
        let faults = faults.map(|(column, why)| Fault { column: column.to_owned(), why: why.to_owned() });
        let mut lines: BTreeMap<u64, Verdict> = (2..=1_964).map(|line| (line, Verdict::Created)).collect();
        lines.insert(1_965, Verdict::Refused(faults.into()));
        Report { lines }
    }

    #[test]
    fn the_summary_is_a_french_sentence() {
        let mut report = report();
        let summary = |report: &Report| report.summary().replace('\u{202f}', " ");
        assert_eq!(
            summary(&report),
            "1 964 lignes lues : 1 963 enregistrées, 0 déjà enregistrée, 1 refusée."
        );
        report.lines.extend([2, 3].map(|line| (line, Verdict::Already)));
        report.lines.extend([4, 5].map(|line| (line, Verdict::NotAsked)));
        report.lines.insert(6, Verdict::CutShort(vec!["ménage enregistré"]));
        assert_eq!(
            summary(&report),
            "1 964 lignes lues : 1 958 enregistrées, 2 déjà enregistrées, 1 refusée, 1 interrompue, 2 non envoyées."
        );
        assert_eq!(
            report.verdicts(false),
            [
                "ligne 6 : interrompue après « ménage enregistré » ; la suite se fait en relançant l'import",
                "ligne 1965, Sexe : inconnu",
                "ligne 1965 : trop de cellules"
            ]
        );
    }
}
