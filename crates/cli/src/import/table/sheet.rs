//! Workbooks (XLSX, ODS, XLS): one sheet as rows of text, dates written `2026-03-09`.

use std::io::Cursor;

use calamine::{Data, Reader as _, open_workbook_auto_from_rs};

use super::{Line, Unreadable};

/// The rows of a sheet, the headings among them.
pub(super) fn rows(bytes: &[u8], wanted: Option<&str>) -> Result<Vec<Line>, Unreadable> {
    let mut book = open_workbook_auto_from_rs(Cursor::new(bytes))?;
    let names = book.sheet_names();
    let name = match wanted {
        Some(wanted) => names
            .iter()
            .find(|name| name.as_str() == wanted)
            .ok_or_else(|| Unreadable::NoSheet { wanted: wanted.to_owned(), found: names.join(", ") })?,
        None => names.first().ok_or(Unreadable::Empty)?,
    };
    let range = book.worksheet_range(name)?;
    let first = range.start().map_or(0, |(row, _)| u64::from(row)) + 1;
    let number = |index: usize| first + u64::try_from(index).unwrap_or(u64::MAX);
    Ok(range
        .rows()
        .enumerate()
        .map(|(index, cells)| Line { number: number(index), cells: cells.iter().map(text).collect() })
        .collect())
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
