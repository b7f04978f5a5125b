//! Keys whose bytes sort as the values they stand for, so that a range of keys is a range of dates or of ids.
//!
//! A key is a tuple of parts: `key::of(&(due, ledger, "hold"))`. Every part but a text has a fixed width or ends
//! itself, so a prefix of the parts is a prefix of the bytes: `key::of(&due)` begins every key due then.

mod ids;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

/// A value that can be written into a key.
pub trait Part {
    /// Appends bytes that sort as the values do.
    fn write(&self, key: &mut Vec<u8>);
}

/// A value that can be read back from a key.
pub trait ReadPart: Sized {
    /// Takes the value off the front of `key`; `None` if the bytes are not of such a value.
    fn read(key: &mut &[u8]) -> Option<Self>;
}

/// The bytes of a part, or of a tuple of parts.
#[must_use]
pub fn of<P: Part + ?Sized>(part: &P) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    part.write(&mut key);
    key
}

/// The parts of a key; `None` if it holds anything else or anything more.
#[must_use]
pub fn read<P: ReadPart>(mut key: &[u8]) -> Option<P> {
    let parts = P::read(&mut key)?;
    key.is_empty().then_some(parts)
}

/// The first key that does not begin with `prefix`; `None` if there is none.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

fn take<const N: usize>(key: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = key.split_first_chunk::<N>()?;
    *key = rest;
    Some(*head)
}

macro_rules! unsigned {
    ($($int:ty),+) => {$(
        impl Part for $int {
            fn write(&self, key: &mut Vec<u8>) {
                key.extend_from_slice(&self.to_be_bytes());
            }
        }

        impl ReadPart for $int {
            fn read(key: &mut &[u8]) -> Option<Self> {
                take(key).map(Self::from_be_bytes)
            }
        }
    )+};
}

unsigned!(u8, u16, u32, u64);

impl Part for bool {
    fn write(&self, key: &mut Vec<u8>) {
        key.push(u8::from(*self));
    }
}

impl ReadPart for bool {
    fn read(key: &mut &[u8]) -> Option<Self> {
        match take(key)? {
            [0] => Some(false),
            [1] => Some(true),
            [_] => None,
        }
    }
}

/// The sign bit turned over, so that negative numbers sort before positive ones.
impl Part for i64 {
    fn write(&self, key: &mut Vec<u8>) {
        self.cast_unsigned().wrapping_add(1 << 63).write(key);
    }
}

impl ReadPart for i64 {
    fn read(key: &mut &[u8]) -> Option<Self> {
        u64::read(key).map(|shifted| shifted.wrapping_sub(1 << 63).cast_signed())
    }
}

/// Eight bytes of seconds and four of nanoseconds: exact, so that a deadline read back equals the one written.
impl Part for Timestamp {
    fn write(&self, key: &mut Vec<u8>) {
        let nanoseconds = self.as_nanosecond();
        let second = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
        let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0);
        second.write(key);
        rest.write(key);
    }
}

impl ReadPart for Timestamp {
    fn read(key: &mut &[u8]) -> Option<Self> {
        let (second, rest) = <(i64, u32)>::read(key)?;
        Timestamp::from_nanosecond(i128::from(second) * 1_000_000_000 + i128::from(rest)).ok()
    }
}

/// Two bytes of year, one of month, one of day.
impl Part for Date {
    fn write(&self, key: &mut Vec<u8>) {
        let year = self.year().cast_unsigned().wrapping_add(1 << 15);
        (year, self.month().cast_unsigned(), self.day().cast_unsigned()).write(key);
    }
}

impl ReadPart for Date {
    fn read(key: &mut &[u8]) -> Option<Self> {
        let (year, month, day) = <(u16, u8, u8)>::read(key)?;
        Date::new(year.wrapping_sub(1 << 15).cast_signed(), month.cast_signed(), day.cast_signed()).ok()
    }
}

/// Ended by two zero bytes; a zero byte inside is written `00 FF`, so that no text is the beginning of another.
impl Part for str {
    fn write(&self, key: &mut Vec<u8>) {
        for byte in self.bytes() {
            key.push(byte);
            if byte == 0 {
                key.push(u8::MAX);
            }
        }
        key.extend_from_slice(&[0, 0]);
    }
}

impl Part for String {
    fn write(&self, key: &mut Vec<u8>) {
        self.as_str().write(key);
    }
}

impl ReadPart for String {
    fn read(key: &mut &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        loop {
            match take(key)? {
                [0] => match take(key)? {
                    [0] => return String::from_utf8(text).ok(),
                    [u8::MAX] => text.push(0),
                    [_] => return None,
                },
                [byte] => text.push(byte),
            }
        }
    }
}

impl Part for Uuid {
    fn write(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(self.as_bytes());
    }
}

impl ReadPart for Uuid {
    fn read(key: &mut &[u8]) -> Option<Self> {
        take(key).map(Uuid::from_bytes)
    }
}

impl<P: Part + ?Sized> Part for &P {
    fn write(&self, key: &mut Vec<u8>) {
        (**self).write(key);
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),+))+) => {$(
        impl<$($name: Part),+> Part for ($($name,)+) {
            fn write(&self, key: &mut Vec<u8>) {
                $(self.$index.write(key);)+
            }
        }

        impl<$($name: ReadPart),+> ReadPart for ($($name,)+) {
            fn read(key: &mut &[u8]) -> Option<Self> {
                Some(($($name::read(key)?,)+))
            }
        }
    )+};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
}

#[cfg(test)]
mod tests {
    use domain::id::PlaceId;
    use domain::ledger::AggregateId;
    use proptest::prelude::*;

    use super::*;

    fn a_timestamp() -> impl Strategy<Value = Timestamp> {
        (-60_000_000_000_i64..200_000_000_000, 0_i128..1_000_000_000).prop_map(|(second, rest)| {
            Timestamp::from_nanosecond(i128::from(second) * 1_000_000_000 + rest).unwrap()
        })
    }

    proptest! {
        #[test]
        fn keys_sort_as_the_values_they_stand_for(
            one in (a_timestamp(), "[\\x00a-c\u{e9}]{0,4}", any::<u64>(), any::<i64>()),
            other in (a_timestamp(), "[\\x00a-c\u{e9}]{0,4}", any::<u64>(), any::<i64>()),
        ) {
            prop_assert_eq!(of(&one).cmp(&of(&other)), one.cmp(&other));
            prop_assert_eq!(of(&(&one.1, one.2)).cmp(&of(&(&other.1, other.2))), (&one.1, one.2).cmp(&(&other.1, other.2)));
            prop_assert_eq!(of(&one.3).cmp(&of(&other.3)), one.3.cmp(&other.3));
        }

        #[test]
        fn a_key_reads_as_it_was_written(
            parts in (a_timestamp(), "\\PC{0,5}", any::<u64>(), any::<i64>(), any::<bool>()),
            number in any::<u128>(),
        ) {
            prop_assert_eq!(read(&of(&parts)), Some(parts));
            for home in ["33", "2A", "974"] {
                let ledger = AggregateId::Place(PlaceId::new(home.parse().unwrap(), Uuid::from_u128(number)));
                prop_assert_eq!(read(&of(&ledger)), Some(ledger));
            }
        }

        #[test]
        fn a_prefix_of_the_parts_is_a_prefix_of_the_key(due in a_timestamp(), text in "\\PC{0,5}") {
            let (whole, part) = (of(&(due, text)), of(&due));
            prop_assert!(whole.starts_with(&part));
            prop_assert!(after_prefix(&part).is_none_or(|end| whole < end));
        }
    }

    #[test]
    fn days_sort_as_they_follow_each_other() {
        use jiff::civil::date;
        let days = [date(-44, 3, 15), date(1, 1, 1), date(1999, 12, 31), date(2026, 1, 31), date(2026, 2, 1)];
        assert!(days.is_sorted_by_key(of));
        assert!(days.iter().all(|day| read(&of(day)) == Some(*day)));
    }

    #[test]
    fn nothing_comes_after_a_prefix_of_ff() {
        assert_eq!(after_prefix(&[1, 0xff]), Some(vec![2]));
        assert_eq!(after_prefix(&[0xff, 0xff]), None);
        assert_eq!(after_prefix(&[]), None);
    }

    #[test]
    fn bytes_too_many_or_too_few_are_not_a_key() {
        let mut bytes = of(&7_u64);
        assert_eq!(read::<u32>(&bytes), None);
        bytes.pop();
        assert_eq!(read::<u64>(&bytes), None);
    }
}
