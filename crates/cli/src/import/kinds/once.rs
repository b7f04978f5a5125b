//! References that stand twice in a file: the second line would be taken for the first one, asked again.

use std::collections::HashMap;

use crate::import::cells::Cells;
use crate::import::columns::Column;

/// The references seen so far, with their line.
#[derive(Debug, Default)]
pub(super) struct Once {
    seen: HashMap<String, u64>,
}

impl Once {
    /// Notes a fault if the reference in `column` stands on an earlier line.
    pub(super) fn check(&mut self, cells: &mut Cells<'_>, column: &Column) {
        if let Some(reference) = cells.text(column) {
            self.check_as(cells, column, reference.to_owned());
        }
    }

    /// Notes a fault at `column` if `reference` stands on an earlier line.
    pub(super) fn check_as(&mut self, cells: &mut Cells<'_>, column: &Column, reference: String) {
        let number = cells.number();
        let first = *self.seen.entry(reference).or_insert(number);
        if first != number {
            cells.fault(column, format!("déjà ligne {first} : chaque ligne a la sienne"));
        }
    }
}
