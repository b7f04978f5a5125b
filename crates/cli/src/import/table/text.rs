//! CSV: separator seen from the headings, quoted cells, lines of any length.

use super::{Line, Unreadable};

/// The rows of a text, the headings among them.
pub(super) fn rows(text: &str) -> Result<Vec<Line>, Unreadable> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut place = Place { text: text.as_bytes(), at: 0, line: 1 };
    let mut record = csv::StringRecord::new();
    let mut rows = Vec::new();
    while reader.read_record(&mut record)? {
        let begins = record.position().map_or(0, csv::Position::byte);
        let number = place.line_of(usize::try_from(begins).unwrap_or(usize::MAX));
        rows.push(Line { number, cells: record.iter().map(|cell| cell.trim().to_owned()).collect() });
    }
    Ok(rows)
}

/// The separator that the first line uses most, outside quotes; `;` when it uses none.
fn separator(text: &str) -> u8 {
    let (mut quoted, mut counts) = (false, [(b';', 0), (b'\t', 0), (b',', 0)]);
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(mark, _)| *mark == byte).for_each(|(_, count)| *count += 1),
        }
    }
    // The first of those that are equal stands: a `;` before a `,`.
    counts.iter().rev().max_by_key(|(_, count)| count).map_or(b';', |(mark, _)| *mark)
}

/// Counts lines of the file. The reader gives the end of the record before, which blank lines may follow.
struct Place<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl Place<'_> {
    fn line_of(&mut self, begins: usize) -> u64 {
        while let Some(byte) = self.text.get(self.at) {
            let blank = matches!(byte, b'\n' | b'\r');
            if self.at >= begins && !blank {
                break;
            }
            if *byte == b'\n' {
                self.line += 1;
            }
            self.at += 1;
        }
        self.line
    }
}
