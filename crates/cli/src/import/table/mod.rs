//! Tables as people keep them: CSV of any common form, and workbooks. All come out alike: headings, then lines of text.

mod ods;
mod sheet;
mod text;

use std::path::Path;

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most lines that are read of one file.
pub const LINES_MAX: usize = 200_000;
/// Most columns of one file.
pub const COLUMNS_MAX: usize = 500;

/// What a workbook of today begins with: it is an archive.
const ZIP: &[u8] = b"PK\x03\x04";

/// A table: its headings, and its lines that are not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The headings, as written.
    pub headings: Vec<String>,
    /// The lines below them.
    pub lines: Vec<Line>,
}

/// A line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, the headings being on line 1: what a person sees beside it.
    pub number: u64,
    /// Its cells without blanks around them; a line may be shorter or longer than the headings.
    pub cells: Vec<String>,
}

/// Why a file cannot be read as a table at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file system says no.
    #[error("il ne se lit pas ({0})")]
    File(#[from] std::io::Error),
    /// Too much at once.
    #[error("le fichier a plus de {bound} {unit} : partagez-le en plusieurs")]
    TooLarge {
        /// The bound.
        bound: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// Nothing in it.
    #[error("le fichier n'a pas de ligne de titres")]
    Empty,
    /// A workbook that is not one, or is damaged.
    #[error("le classeur ne se lit pas ({0})")]
    Workbook(#[from] calamine::Error),
    /// No such sheet.
    #[error("le classeur n'a pas de feuille « {wanted} » ; il a : {found}")]
    NoSheet {
        /// The sheet that was asked for.
        wanted: String,
        /// Those there are.
        found: String,
    },
    /// Quotes or cells that do not end.
    #[error("le texte ne se lit pas comme un tableau ({0})")]
    Text(#[from] csv::Error),
}

/// Reads a file as a table: what it is is seen from its first bytes, not from its name. `sheet` names the sheet of a
/// workbook; the first one otherwise.
///
/// # Errors
/// [`Unreadable`] says what is wrong with the file as a whole.
pub fn read(path: &Path, sheet: Option<&str>) -> Result<Table, Unreadable> {
    parse(&bytes(path)?, sheet)
}

/// The bytes of a file, up to the bound.
///
/// # Errors
/// [`Unreadable::File`] and [`Unreadable::TooLarge`].
pub fn bytes(path: &Path) -> Result<Vec<u8>, Unreadable> {
    use std::io::Read as _;
    let mut read = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut read)?;
    if u64::try_from(read.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Unreadable::TooLarge { bound: FILE_BYTES_MAX, unit: "octets" });
    }
    Ok(read)
}

/// Reads bytes as a table.
///
/// # Errors
/// [`Unreadable`] says what is wrong with the file as a whole.
pub fn parse(bytes: &[u8], sheet: Option<&str>) -> Result<Table, Unreadable> {
    const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
    let rows = if bytes.starts_with(ZIP) || bytes.starts_with(COMPOUND) {
        sheet::rows(bytes, sheet)?
    } else {
        text::rows(&decode(bytes))?
    };
    let mut rows = rows.into_iter().filter(|line| line.cells.iter().any(|cell| !cell.is_empty()));
    let headings = rows.next().ok_or(Unreadable::Empty)?.cells;
    if headings.len() > COLUMNS_MAX {
        return Err(Unreadable::TooLarge { bound: bound(COLUMNS_MAX), unit: "colonnes" });
    }
    let lines: Vec<Line> = rows.take(LINES_MAX + 1).collect();
    if lines.len() > LINES_MAX {
        return Err(Unreadable::TooLarge { bound: bound(LINES_MAX), unit: "lignes" });
    }
    Ok(Table { headings, lines })
}

fn bound(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// The text of a file: what its mark says (UTF-8, UTF-16), else UTF-8, else Windows-1252, which is what a French
/// spreadsheet writes when it says « CSV ».
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8]) -> Table {
        parse(bytes, None).unwrap()
    }

    fn cells(table: &Table) -> Vec<(u64, Vec<&str>)> {
        table
            .lines
            .iter()
            .map(|line| (line.number, line.cells.iter().map(String::as_str).collect()))
            .collect()
    }

    #[test]
    fn the_separator_is_seen_from_the_headings() {
        for text in ["a;b\n1;2,5\n", "a,b\n1,\"2,5\"\n", "a\tb\n1\t2,5\n", "\"a;,x\";b\r\n1;2,5"] {
            let read = table(text.as_bytes());
            assert_eq!((read.headings.len(), cells(&read)), (2, vec![(2, vec!["1", "2,5"])]), "{text:?}");
        }
    }

    #[test]
    fn lines_bear_the_number_a_person_sees() {
        let read = table("a;b\n\n1;2\n\n\n\"two\nlines\";3\n;\n4;5\n".as_bytes());
        assert_eq!(cells(&read), [(3, vec!["1", "2"]), (6, vec!["two\nlines", "3"]), (9, vec!["4", "5"])]);
    }

    #[test]
    fn french_letters_are_read_in_every_encoding_a_spreadsheet_writes() {
        let text = "Prénom;Ville\nZoé;Œuilly\n";
        let (windows, _, lost) = encoding_rs::WINDOWS_1252.encode(text);
        assert!(!lost);
        let with_mark = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        let wide: Vec<u8> =
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), &windows, &with_mark, &wide] {
            let read = table(bytes);
            assert_eq!(read.headings, ["Prénom", "Ville"]);
            assert_eq!(cells(&read), [(2, vec!["Zoé", "Œuilly"])]);
        }
    }

    #[test]
    fn an_empty_file_says_that_it_has_no_headings() {
        assert!(matches!(parse(b"", None), Err(Unreadable::Empty)));
        assert!(matches!(parse(b"\n;;\n", None), Err(Unreadable::Empty)));
        assert!(matches!(parse(b"PK\x03\x04nothing", None), Err(Unreadable::Workbook(_))));
    }
}
