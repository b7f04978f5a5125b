//! Leaves and the tree over them. Pure.
//!
//! The tree is that of RFC 9162: leaves and inner nodes are hashed in separate domains, so that a node never passes for
//! a leaf, and a tree of n leaves splits at the largest power of two below n.

use sha2::{Digest as _, Sha256};

use super::hash::Hash;

/// What is hashed before a leaf.
const LEAF: u8 = 0;
/// What is hashed before two nodes.
const NODE: u8 = 1;

/// How many bytes of each leaf a seal keeps, so that what was changed can be named. Nobody finds another message with
/// the same 128 bits.
pub const MARK_BYTES: usize = 16;

/// The first bytes of a leaf.
pub type Mark = [u8; MARK_BYTES];

/// The leaf of one message: of its place, its subject, its headers and the hash of its payload. A payload that is dropped
/// one day can leave its hash behind.
///
/// `headers` are names and values in the order of the message; the order of names makes no difference, that of several
/// values under one name does. Headers of the broker (`Nats-…`) are not part of the message: they told it how to store it.
#[must_use]
pub fn leaf<'a>(
    sequence: u64,
    subject: &str,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    payload: &[u8],
) -> Hash {
    let mut headers: Vec<_> = headers.into_iter().filter(|(name, _)| !name.starts_with("Nats-")).collect();
    // Stable: values under one name stay in their order.
    headers.sort_by_key(|(name, _)| *name);
    let mut hasher = Sha256::new();
    hasher.update([LEAF]);
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(&sequence.to_be_bytes());
    part(subject.as_bytes());
    part(&(headers.len() as u64).to_be_bytes());
    for (name, value) in headers {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    part(&Sha256::digest(payload));
    Hash(hasher.finalize().into())
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([NODE]);
    hasher.update(left.0);
    hasher.update(right.0);
    Hash(hasher.finalize().into())
}

/// How many bytes of the hash of a subject a seal keeps.
pub const WHOSE_BYTES: usize = 8;

/// Whose a message is: the first bytes of the hash of its subject.
pub type Whose = [u8; WHOSE_BYTES];

/// What a hash of a subject is about.
const WHOSE: &[u8] = b"continuum/seal-whose/1";

/// Whose a message on this subject is. Subjects hold random numbers: the mark says nothing to whoever does not know the
/// subject, and whoever does finds all its messages by it.
#[must_use]
pub fn whose(subject: &str) -> Whose {
    let hash = Hash::of(&[WHOSE, subject.as_bytes()]);
    let mut mark = [0; WHOSE_BYTES];
    mark.copy_from_slice(&hash.0[..WHOSE_BYTES]);
    mark
}

/// The root of the tree over some leaves; none over no leaves.
#[must_use]
pub fn root(leaves: &[Hash]) -> Option<Hash> {
    // The roots of whole subtrees so far, with the number of their leaves; smaller ones follow larger ones.
    let mut whole: Vec<(usize, Hash)> = Vec::new();
    for leaf in leaves {
        let (mut count, mut hash) = (1, *leaf);
        while let Some((_, left)) = whole.pop_if(|(size, _)| *size == count) {
            hash = node(&left, &hash);
            count *= 2;
        }
        whole.push((count, hash));
    }
    let (_, mut hash) = whole.pop()?;
    while let Some((_, left)) = whole.pop() {
        hash = node(&left, &hash);
    }
    Some(hash)
}

/// The mark of a leaf.
#[must_use]
pub fn mark(leaf: &Hash) -> Mark {
    let mut mark = [0; MARK_BYTES];
    mark.copy_from_slice(&leaf.0[..MARK_BYTES]);
    mark
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, word by word.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [one] => *one,
            some => {
                let split = some.len().next_power_of_two() / 2;
                node(&defined(&some[..split]), &defined(&some[split..]))
            }
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (1..=count as u64).map(|n| leaf(n, "evt.33.place.x", [], &n.to_be_bytes())).collect()
    }

    #[test]
    fn the_root_is_that_of_the_definition_for_every_number_of_leaves() {
        assert_eq!(root(&[]), None);
        for count in 1..=130 {
            let leaves = leaves(count);
            assert_eq!(root(&leaves), Some(defined(&leaves)), "{count}");
        }
    }

    #[test]
    fn the_tree_is_that_of_certificate_transparency() {
        // The hash of one empty leaf in RFC 9162, made of the same two domains.
        let empty = Hash(Sha256::digest([LEAF]).into());
        assert_eq!(empty.to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn parts_that_read_the_same_in_one_line_have_different_leaves() {
        let one = leaf(1, "ab", [("c", "d")], b"e");
        for other in [
            leaf(1, "a", [("bc", "d")], b"e"),
            leaf(1, "ab", [("cd", "")], b"e"),
            leaf(1, "ab", [("c", "d"), ("c", "d")], b"e"),
            leaf(1, "ab", [], b"cde"),
            leaf(2, "ab", [("c", "d")], b"e"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn the_order_of_names_is_nothing_and_that_of_values_is_something() {
        let one = leaf(1, "s", [("a", "1"), ("b", "2"), ("b", "3"), ("Nats-Expected-Stream", "X")], b"");
        assert_eq!(one, leaf(1, "s", [("b", "2"), ("b", "3"), ("a", "1")], b""));
        assert_ne!(one, leaf(1, "s", [("b", "3"), ("b", "2"), ("a", "1")], b""));
    }

    proptest! {
        #[test]
        fn no_message_can_be_changed_moved_removed_or_repeated_under_the_same_root(
            count in 1_usize..200, at in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), kind in 0..4,
        ) {
            let before = leaves(count);
            let (at, to) = (at.index(count), to.index(count));
            let mut after = before.clone();
            match kind {
                0 => after[at] = leaf(at as u64 + 1, "evt.33.place.x", [], b"other"),
                1 => after.swap(at, to),
                2 => { after.remove(at); }
                _ => after.insert(to, before[at]),
            }
            prop_assert_eq!(before == after, root(&before) == root(&after));
        }
    }
}
