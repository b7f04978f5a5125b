//! What makes a damaged store recognisable: every row carries a fingerprint, the checkpoint carries their sum.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How many bytes of a stored value are its fingerprint.
const WIDTH: usize = 8;

/// The checkpoint's key: before those of every tree.
pub(super) const CHECKPOINT: [u8; 1] = [0];

/// The fingerprint of a row: over its stored key and its value, so a value found under another key is noticed.
pub(super) fn fingerprint(key: &[u8], value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, xxh3_64(key))
}

/// A value as stored: its fingerprint, then itself.
pub(super) fn sealed(fingerprint: u64, value: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(WIDTH + value.len());
    stored.extend_from_slice(&fingerprint.to_be_bytes());
    stored.extend_from_slice(value);
    stored
}

/// The value that was stored under `key`, and its fingerprint; `None` if they do not belong together.
pub(super) fn unsealed<'a>(key: &[u8], stored: &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (head, value) = stored.split_first_chunk::<WIDTH>()?;
    let stated = u64::from_be_bytes(*head);
    (fingerprint(key, value) == stated).then_some((stated, value))
}

/// Where a store stands: written in the same batch as the rows it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Checkpoint {
    /// The position of the last event applied; 0 for none.
    pub(crate) position: u64,
    /// The sum of the fingerprints of all rows, modulo 2^64: a lost, added or old row changes it.
    pub(crate) sum: u64,
    /// How many rows there are.
    pub(crate) rows: u64,
    /// Whether rows were being written without their checkpoint: such a store can only be thrown away.
    pub(crate) unfinished: bool,
}

impl Checkpoint {
    /// Counts a row in, and out the one it replaces.
    pub(super) fn replace(&mut self, old: Option<u64>, new: Option<u64>) {
        if let Some(old) = old {
            self.sum = self.sum.wrapping_sub(old);
            self.rows = self.rows.wrapping_sub(1);
        }
        if let Some(new) = new {
            self.sum = self.sum.wrapping_add(new);
            self.rows = self.rows.wrapping_add(1);
        }
    }

    /// With the rows that were counted apart.
    pub(super) fn plus(self, added: Self) -> Self {
        Self { sum: self.sum.wrapping_add(added.sum), rows: self.rows.wrapping_add(added.rows), ..self }
    }

    /// As stored.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut value = Vec::with_capacity(25);
        for number in [self.position, self.sum, self.rows] {
            value.extend_from_slice(&number.to_be_bytes());
        }
        value.push(u8::from(self.unfinished));
        sealed(fingerprint(&CHECKPOINT, &value), &value)
    }

    /// As read; `None` if the bytes are damaged.
    pub(super) fn from_bytes(stored: &[u8]) -> Option<Self> {
        let (_, value) = unsealed(&CHECKPOINT, stored)?;
        let (numbers, [unfinished]) = value.as_chunks::<8>() else { return None };
        let [position, sum, rows] = <[[u8; 8]; 3]>::try_from(numbers).ok()?.map(u64::from_be_bytes);
        Some(Self { position, sum, rows, unfinished: *unfinished != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_under_another_key_or_with_a_turned_bit_is_noticed() {
        let stored = sealed(fingerprint(b"key", b"value"), b"value");
        assert_eq!(unsealed(b"key", &stored).map(|(_, value)| value), Some(&b"value"[..]));
        assert_eq!(unsealed(b"kez", &stored), None);
        for bit in 0..stored.len() * 8 {
            let mut turned = stored.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unsealed(b"key", &turned), None, "bit {bit}");
        }
    }

    #[test]
    fn a_checkpoint_reads_as_it_was_written() {
        let checkpoint = Checkpoint { position: 7, sum: u64::MAX, rows: 3, unfinished: true };
        let mut bytes = checkpoint.to_bytes();
        assert_eq!(Checkpoint::from_bytes(&bytes), Some(checkpoint));
        bytes[9] ^= 1;
        assert_eq!(Checkpoint::from_bytes(&bytes), None);
        assert_eq!(Checkpoint::from_bytes(&[]), None);
    }
}
