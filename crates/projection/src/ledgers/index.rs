//! Entries of indexes over states, and what changes between two states.

use crate::rows::Rows;
use crate::store::StoreError;
use crate::tree::Tree;

/// One row of an index: the tree, the key, the value.
pub type IndexEntry = (Tree, Vec<u8>, Vec<u8>);

/// What becomes of the rows of an index.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    removed: Vec<(Tree, Vec<u8>)>,
    written: Vec<IndexEntry>,
}

/// Entries in the order of trees and keys; of two with the same key the later one stands.
pub(super) fn sorted(mut entries: Vec<IndexEntry>) -> Vec<IndexEntry> {
    entries.sort_by(|one, other| place(one).cmp(&place(other)));
    // `dedup` keeps the first of equals.
    entries.reverse();
    entries.dedup_by(|one, other| place(one) == place(other));
    entries.reverse();
    entries
}

/// What leads from the entries `before` to those `after`; both are sorted.
pub(super) fn difference(before: Vec<IndexEntry>, after: &[IndexEntry]) -> Difference {
    let find = |entries: &[IndexEntry], entry: &IndexEntry| {
        entries.binary_search_by(|other| place(other).cmp(&place(entry))).ok()
    };
    let is_new = |entry: &&IndexEntry| find(&before, entry).is_none_or(|at| before[at].2 != entry.2);
    let written = after.iter().filter(is_new).cloned().collect();
    let removed = before.into_iter().filter(|entry| find(after, entry).is_none());
    Difference { removed: removed.map(|(tree, key, _)| (tree, key)).collect(), written }
}

fn place(entry: &IndexEntry) -> (&'static str, &[u8]) {
    (entry.0.name(), &entry.1)
}

impl Difference {
    /// Writes it.
    pub(super) fn write(self, rows: &mut Rows<'_>) -> Result<(), StoreError> {
        for (tree, key) in self.removed {
            rows.remove(tree, key)?;
        }
        for (tree, key, value) in self.written {
            rows.insert(tree, key, &value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Tree = Tree::named("a");
    const B: Tree = Tree::named("b");

    fn entry(tree: Tree, key: &str, value: &str) -> IndexEntry {
        (tree, key.as_bytes().to_vec(), value.as_bytes().to_vec())
    }

    #[test]
    fn only_what_changed_is_written() {
        let before =
            sorted(vec![entry(B, "1", "x"), entry(A, "1", "x"), entry(A, "2", "x"), entry(A, "3", "x")]);
        let after = sorted(vec![entry(A, "2", "y"), entry(A, "1", "x"), entry(A, "4", "x")]);
        let Difference { removed, written } = difference(before, &after);
        assert_eq!(removed, [(A, b"3".to_vec()), (B, b"1".to_vec())]);
        assert_eq!(written, [entry(A, "2", "y"), entry(A, "4", "x")]);
    }

    #[test]
    fn of_two_entries_with_one_key_the_later_stands() {
        let entries = vec![entry(A, "1", "first"), entry(A, "0", ""), entry(A, "1", "second")];
        assert_eq!(sorted(entries), [entry(A, "0", ""), entry(A, "1", "second")]);
    }
}
