//! How large a sheet of OpenDocument becomes when it is opened: its rows and cells say how often they repeat, so that a
//! kilobyte can stand for more cells than a machine holds.

use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Whether the sheets in an archive come to more than `max` bytes of cells. No sheet of OpenDocument comes to nothing;
/// what is damaged is told by whoever reads it.
pub(super) fn repeats_beyond(bytes: &[u8], max: usize) -> bool {
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return false };
    let mut text = String::new();
    match archive.by_name("content.xml") {
        Ok(mut content) => content.read_to_string(&mut text).is_ok() && Sheets::of(&text).bytes() > max,
        Err(_) => false,
    }
}

/// What was counted of the sheets so far.
#[derive(Debug, Default)]
struct Sheets {
    /// What the rows come to, each as wide as its last cell that is not blank.
    rows: usize,
    /// How many rows there are up to the last that is not blank, and how wide the widest is.
    height: usize,
    below: usize,
    width: usize,
    row: Row,
}

/// The row that is being read.
#[derive(Debug, Default)]
struct Row {
    times: usize,
    width: usize,
    blank: usize,
    text: usize,
    cell_times: usize,
}

impl Sheets {
    fn of(content: &str) -> Self {
        let mut sheets = Self::default();
        let mut reader = Reader::from_str(content);
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(start) if is(&start, "table-row") => sheets.row = Row::of(&start),
                Event::Start(start) if is_cell(&start) => sheets.row.cell(&start, true),
                Event::Empty(start) if is_cell(&start) => {
                    let says_something = start.attributes().flatten().any(|attribute| {
                        matches!(attribute.key.local_name().as_ref(), "value-type" | "value" | "formula")
                    });
                    sheets.row.cell(&start, says_something);
                }
                Event::Text(text) => sheets.row.text(text.len()),
                Event::CData(text) => sheets.row.text(text.len()),
                Event::End(end) if end.local_name().as_ref() == "table-row" => sheets.end_row(),
                Event::Eof => break,
                Event::Start(_)
                | Event::Empty(_)
                | Event::End(_)
                | Event::GeneralRef(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
        sheets
    }

    fn end_row(&mut self) {
        let Row { times, width, text, .. } = std::mem::take(&mut self.row);
        self.below = self.below.saturating_add(times);
        if width > 0 {
            (self.height, self.width) = (self.below, self.width.max(width));
        }
        let once = width.saturating_mul(size_of::<calamine::Data>()).saturating_add(text);
        self.rows = self.rows.saturating_add(once.saturating_mul(times));
    }

    /// The rows, or the rectangle around all that is not blank, whichever is more.
    fn bytes(&self) -> usize {
        let around = self.height.saturating_mul(self.width).saturating_mul(size_of::<calamine::Data>());
        self.rows.max(around)
    }
}

impl Row {
    fn of(start: &BytesStart<'_>) -> Self {
        Self { times: times(start, "number-rows-repeated"), ..Self::default() }
    }

    fn cell(&mut self, start: &BytesStart<'_>, says_something: bool) {
        self.cell_times = times(start, "number-columns-repeated");
        self.blank = self.blank.saturating_add(self.cell_times);
        // A cell stands behind the blank ones before it.
        if says_something {
            self.width = self.width.saturating_add(std::mem::take(&mut self.blank));
        }
    }

    fn text(&mut self, bytes: usize) {
        self.text = self.text.saturating_add(bytes.saturating_mul(self.cell_times));
    }
}

fn is(start: &BytesStart<'_>, name: &str) -> bool {
    start.local_name().as_ref() == name
}

fn is_cell(start: &BytesStart<'_>) -> bool {
    is(start, "table-cell") || is(start, "covered-table-cell")
}

fn times(start: &BytesStart<'_>, name: &str) -> usize {
    let attribute =
        start.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name);
    attribute.and_then(|attribute| attribute.value.as_ref().parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_cells_are_counted_as_often_as_they_repeat() {
        let cell = size_of::<calamine::Data>();
        let sheet = |rows: &str| Sheets::of(&format!("<x:s xmlns:x='u'>{rows}</x:s>")).bytes();
        let filled = "<x:table-cell x:value-type='string'><x:p>ab</x:p></x:table-cell>";
        assert_eq!(sheet(&format!("<x:table-row>{filled}</x:table-row>")), cell + 2);
        let blank = "<x:table-cell x:number-columns-repeated='16384'/>";
        let trailing = format!(
            "<x:table-row>{filled}{blank}</x:table-row><x:table-row x:number-rows-repeated='1048000'>{blank}</x:table-row>"
        );
        assert_eq!(sheet(&trailing), cell + 2, "what a spreadsheet leaves blank at the end comes to nothing");
        let bomb = filled.replacen("x:value-type", "x:number-columns-repeated='16384' x:value-type", 1);
        let bomb = format!("<x:table-row x:number-rows-repeated='1048576'>{bomb}</x:table-row>");
        assert!(sheet(&bomb) > 16_384 * 1_048_576 * cell);
        let corners = format!(
            "<x:table-row>{filled}</x:table-row><x:table-row x:number-rows-repeated='1000'>{blank}</x:table-row><x:table-row>{blank}{filled}</x:table-row>"
        );
        assert_eq!(sheet(&corners), 1_002 * 16_385 * cell);
    }
}
