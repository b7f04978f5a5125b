//! Workbooks (XLSX, ODS, XLS): one sheet as rows of text, dates written `2026-03-09`.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use calamine::{Data, Reader as _, Sheets, Xlsx, open_workbook_auto_from_rs};

use super::{COLUMNS_MAX, LINES_MAX, Line, Unreadable, ZIP, bound, ods};

/// The most that the parts of a workbook may come to, in bytes: a few kilobytes can be made to expand without end.
const EXPANDED_BYTES_MAX: u64 = 512 << 20;
/// The most that the cells of a sheet may come to in memory, in bytes.
const CELLS_BYTES_MAX: usize = 512 << 20;

/// The rows of a sheet, the headings among them.
pub(super) fn rows(bytes: &[u8], wanted: Option<&str>) -> Result<Vec<Line>, Unreadable> {
    if bytes.starts_with(ZIP) && expands_beyond(bytes, EXPANDED_BYTES_MAX) {
        return Err(Unreadable::TooLarge {
            bound: EXPANDED_BYTES_MAX, unit: "octets une fois décompressé"
        });
    }
    if ods::repeats_beyond(bytes, CELLS_BYTES_MAX) {
        return Err(Unreadable::TooLarge { bound: bound(CELLS_BYTES_MAX), unit: "octets de cellules" });
    }
    let mut book = open_workbook_auto_from_rs(Cursor::new(bytes))?;
    let names = book.sheet_names();
    let name = match wanted {
        Some(wanted) => names
            .iter()
            .find(|name| name.as_str() == wanted)
            .ok_or_else(|| Unreadable::NoSheet { wanted: wanted.to_owned(), found: names.join(", ") })?,
        None => names.first().ok_or(Unreadable::Empty)?,
    };
    match &mut book {
        Sheets::Xlsx(book) => by_cell(book, name),
        Sheets::Xls(_) | Sheets::Xlsb(_) | Sheets::Ods(_) => {
            let range = book.worksheet_range(name)?;
            let first = range.start().map_or(0, |(row, _)| row);
            let line = |(row, cells): (u32, &[Data])| Line {
                number: u64::from(row) + 1,
                cells: cells.iter().map(text).collect(),
            };
            Ok((first..).zip(range.rows()).map(line).collect())
        }
    }
}

/// Whether the parts of an archive come to more than `max` bytes. What is damaged is told by whoever reads it.
fn expands_beyond(bytes: &[u8], max: u64) -> bool {
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return false };
    let mut left = max;
    for nth in 0..archive.len() {
        let Ok(part) = archive.by_index(nth) else { continue };
        // What an archive says of its sizes may be wrong: they are counted.
        let read = std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).unwrap_or(0);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return true,
        }
    }
    false
}

/// The rows of a sheet, cell by cell: two cells in far corners are two cells, not the rectangle between them.
fn by_cell(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<Line>, Unreadable> {
    let mut reader = book.worksheet_cells_reader(name).map_err(calamine::Error::from)?;
    let (mut rows, mut bytes) = (BTreeMap::<u32, Vec<String>>::new(), 0_usize);
    while let Some(cell) = reader.next_cell().map_err(calamine::Error::from)? {
        let (row, column) = cell.get_position();
        let text = text(&Data::from(cell.get_value().clone()));
        if text.is_empty() {
            continue;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= COLUMNS_MAX {
            return Err(Unreadable::TooLarge { bound: bound(COLUMNS_MAX), unit: "colonnes" });
        }
        let cells = rows.entry(row).or_default();
        bytes += text.len() + (column + 1).saturating_sub(cells.len()) * size_of::<String>();
        cells.resize(cells.len().max(column + 1), String::new());
        if let Some(place) = cells.get_mut(column) {
            *place = text;
        }
        // The headings stand above the lines.
        if rows.len() > LINES_MAX + 1 {
            return Err(Unreadable::TooLarge { bound: bound(LINES_MAX), unit: "lignes" });
        }
        if bytes > CELLS_BYTES_MAX {
            return Err(Unreadable::TooLarge { bound: bound(CELLS_BYTES_MAX), unit: "octets de cellules" });
        }
    }
    Ok(rows.into_iter().map(|(row, cells)| Line { number: u64::from(row) + 1, cells }).collect())
}
/// A cell as a person would have typed it.
fn text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.trim().to_owned(),
        Data::Int(number) => number.to_string(),
        // A whole number has no decimals here: 33063, not 33063.0.
        Data::Float(number) => number.to_string(),
        Data::Bool(yes) => if *yes { "oui" } else { "non" }.to_owned(),
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            let midnight = (hour, minute, second) == (0, 0, 0);
            let time = if midnight { String::new() } else { format!(" {hour:02}:{minute:02}:{second:02}") };
            format!("{year:04}-{month:02}-{day:02}{time}")
        }
        Data::DateTime(duration) => duration.as_f64().to_string(),
        Data::DateTimeIso(text) | Data::DurationIso(text) => text.trim().to_owned(),
        Data::Error(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rust_xlsxwriter::Workbook;

    use super::*;

    fn book(cells: &[(u32, u16, &str)]) -> Vec<u8> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        for (row, column, text) in cells {
            sheet.write(*row, *column, *text).unwrap();
        }
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn cells_in_far_corners_are_not_the_rectangle_between_them() {
        let lines = rows(&book(&[(0, 0, "a"), (1_048_575, 1, "b")]), None).unwrap();
        assert_eq!(
            lines,
            [
                Line { number: 1, cells: vec!["a".to_owned()] },
                Line { number: 1_048_576, cells: vec![String::new(), "b".to_owned()] },
            ]
        );
        let wide = rows(&book(&[(0, 0, "a"), (0, 16_383, "b")]), None);
        assert!(matches!(wide, Err(Unreadable::TooLarge { unit: "colonnes", .. })), "{wide:?}");
    }

    #[test]
    fn a_workbook_is_measured_before_it_is_opened() {
        let bytes = book(&[(0, 0, &"a".repeat(30_000))]);
        assert!(bytes.len() < 20_000 && expands_beyond(&bytes, 30_000) && !expands_beyond(&bytes, 1 << 20));
        assert!(!expands_beyond(b"PK\x03\x04nothing", 1));
    }

    /// A spreadsheet of OpenDocument whose one sheet has this row.
    fn open_document(row: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let content = format!(
            "<office:document-content xmlns:office='o' xmlns:table='t' xmlns:text='x'><office:body><office:spreadsheet><table:table table:name='Un'>{row}</table:table></office:spreadsheet></office:body></office:document-content>"
        );
        let manifest = "<manifest:manifest xmlns:manifest='m'/>";
        for (name, text) in [
            ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
            ("META-INF/manifest.xml", manifest),
            ("content.xml", &content),
        ] {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn a_sheet_of_open_document_is_read_unless_its_repeats_are_beyond_measure() {
        let cell = |times: &str| {
            format!(
                "<table:table-cell office:value-type='string' {times}><text:p>a</text:p></table:table-cell>"
            )
        };
        let row = |times: &str, cell: &str| format!("<table:table-row {times}>{cell}</table:table-row>");
        let small = open_document(&row("", &cell("table:number-columns-repeated='2'")));
        let a = || "a".to_owned();
        assert_eq!(rows(&small, None).unwrap(), [Line { number: 1, cells: vec![a(), a()] }]);
        let wide = cell("table:number-columns-repeated='16384'");
        let bomb = open_document(&row("table:number-rows-repeated='1048576'", &wide));
        assert!(bomb.len() < 2_000);
        assert!(matches!(rows(&bomb, None), Err(Unreadable::TooLarge { .. })));
    }
}
