//! The chain as a whole: each entry names the one before, and the key that may sign the next. Pure.

use std::collections::BTreeMap;

use super::entry::{Entry, PublicKey, Says, Seal};
use super::hash::Hash;

/// Why an entry does not belong where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not an entry any more.
    Changed,
    /// Entries in front of it are gone.
    Missing,
    /// It does not name the entry in front of it.
    Forked,
    /// It stands on the subject of another, or has headers.
    Misplaced,
    /// A key signed it that the chain does not know.
    UnknownKey,
    /// Its signature is not that of its key.
    WrongSignature,
    /// It does not begin where the seal before ended.
    WrongStretch,
}

/// What one stream was sealed up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// The position of the last message under a seal; 0 for none.
    pub to: u64,
    /// Whether a seal behind it may be gone, so that the next one may begin further on.
    loose: bool,
}

/// The chain as far as it was read. Fed with entries in order, it says which of them do not belong there, and goes on.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    head: Option<Hash>,
    position: u64,
    key: Option<PublicKey>,
    reach: BTreeMap<String, Reach>,
    /// Whether the last entry was none: what the next one must name is not known then.
    torn: bool,
    /// Whether the first seal of a stream may be gone.
    loose: bool,
}

impl Chain {
    /// The hash of the last entry; none if there is none.
    #[must_use]
    pub fn head(&self) -> Option<Hash> {
        self.head
    }

    /// The position of the last entry, counted from 1.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The key that signs the next entry.
    #[must_use]
    pub fn key(&self) -> Option<PublicKey> {
        self.key
    }

    /// What a stream was sealed up to.
    #[must_use]
    pub fn reach(&self, stream: &str) -> Reach {
        self.reach.get(stream).copied().unwrap_or_default()
    }

    /// The streams that have seals.
    pub fn streams(&self) -> impl Iterator<Item = &str> {
        self.reach.keys().map(String::as_str)
    }

    /// The chain as its last entries tell it, the rest unread: for whoever only adds to it. `last` are the last entry
    /// about keys and the last of each stream, with their positions.
    ///
    /// # Errors
    /// The position of an entry that is not what it should be.
    pub(super) fn resume(last: &[(u64, Entry)]) -> Result<Self, u64> {
        let mut chain = Self::default();
        for (position, entry) in last {
            match &entry.says {
                Says::Begun => chain.key = Some(entry.key),
                Says::Rotated { next } => chain.key = Some(*next),
                Says::Sealed(seal) => {
                    chain.reach.insert(seal.stream.clone(), Reach { to: seal.to, loose: false });
                }
            }
            if !entry.is_signed() {
                return Err(*position);
            }
            if *position > chain.position {
                (chain.position, chain.head) = (*position, Some(entry.hash()));
            }
        }
        Ok(chain)
    }

    /// Takes the next entry, or says why it does not belong here. After a fault the chain goes on behind it, so that
    /// one damage is not counted again with every entry that follows.
    ///
    /// `plain` is whether the message had no headers of its own. `expiring` names the stream whose messages may be gone
    /// by age before they were sealed.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn accept(
        &mut self,
        position: u64,
        subject: &str,
        plain: bool,
        bytes: &[u8],
        expiring: &str,
    ) -> Result<Entry, Fault> {
        let skipped = position != self.position + 1;
        self.position = position;
        let read = Entry::of_bytes(bytes);
        if skipped || read.is_none() {
            self.loose = true;
            self.reach.values_mut().for_each(|reach| reach.loose = true);
        }
        let Some(entry) = read else {
            self.torn = true;
            return Err(if skipped { Fault::Missing } else { Fault::Changed });
        };
        let torn = std::mem::replace(&mut self.torn, false);
        let previous = self.head.replace(entry.hash());
        let fault = if skipped {
            Some(Fault::Missing)
        } else if !torn && previous.unwrap_or(Hash::NONE) != entry.previous {
            Some(Fault::Forked)
        } else if subject != entry.subject() || !plain {
            Some(Fault::Misplaced)
        } else if !entry.is_signed() {
            Some(Fault::WrongSignature)
        } else {
            None
        };
        let lost = torn || fault.is_some();
        match (self.key, &entry.says) {
            (None, Says::Begun) if position == 1 => self.key = Some(entry.key),
            // The entry that named this key may be the one that is gone.
            (_, Says::Rotated { .. } | Says::Sealed(_)) if lost => self.key = Some(entry.key),
            (Some(key), Says::Rotated { .. } | Says::Sealed(_)) if key == entry.key => {}
            (Some(_) | None, Says::Begun | Says::Rotated { .. } | Says::Sealed(_)) => {
                return Err(fault.unwrap_or(Fault::UnknownKey));
            }
        }
        if let Some(fault) = fault {
            self.follow(&entry);
            return Err(fault);
        }
        let known = self.follow(&entry);
        match &entry.says {
            Says::Sealed(seal) if !begins_well(seal, known, expiring) => Err(Fault::WrongStretch),
            Says::Begun | Says::Rotated { .. } | Says::Sealed(_) => Ok(entry),
        }
    }

    /// Notes what an entry says; what its stream was sealed up to before.
    fn follow(&mut self, entry: &Entry) -> Reach {
        match &entry.says {
            Says::Begun => Reach::default(),
            Says::Rotated { next } => {
                self.key = Some(*next);
                Reach::default()
            }
            Says::Sealed(seal) => {
                let unknown = Reach { to: 0, loose: self.loose };
                let reached = Reach { to: seal.to, loose: false };
                self.reach.insert(seal.stream.clone(), reached).unwrap_or(unknown)
            }
        }
    }
}

/// Whether a seal goes on where the one before ended.
fn begins_well(seal: &Seal, before: Reach, expiring: &str) -> bool {
    seal.from == before.to + 1 || ((before.loose || seal.stream == expiring) && seal.from > before.to)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::tree::{leaf, mark, root, whose};
    use super::*;

    const EXPIRING: &str = "ACCESS";

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn seal(stream: &str, from: u64, to: u64) -> Says {
        let leaves: Vec<Hash> = (from..=to).map(|n| leaf(n, stream, [], &n.to_be_bytes())).collect();
        let (since, until) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let marks = leaves.iter().map(mark).collect();
        Says::Sealed(Seal {
            stream: stream.to_owned(),
            from,
            to,
            since,
            until,
            root: root(&leaves).unwrap(),
            marks,
            whose: if stream == EXPIRING { vec![whose(stream); leaves.len()] } else { Vec::new() },
        })
    }

    /// A chain over two streams, its key rotated in the middle, as it would lie in the stream.
    fn chain(length: usize) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let (mut signing, mut journal, mut access) = (key(1), 0, 0);
        for n in 0..length {
            let says = match n {
                0 => Says::Begun,
                _ if n == length / 2 => Says::Rotated { next: PublicKey::of(&key(2)) },
                _ if n % 3 == 0 => {
                    access += 2;
                    seal(EXPIRING, access - 1, access)
                }
                _ => {
                    journal += 3;
                    seal("JOURNAL", journal - 2, journal)
                }
            };
            let previous = entries.last().map_or(Hash::NONE, Entry::hash);
            let rotated = matches!(says, Says::Rotated { .. });
            entries.push(Entry::sign(&signing, previous, Timestamp::UNIX_EPOCH, says));
            if rotated {
                signing = key(2);
            }
        }
        entries
    }

    /// What a reader finds in entries that lie one behind the other.
    fn read<'a>(lying: impl IntoIterator<Item = (u64, &'a str, &'a [u8])>) -> (Chain, Vec<(u64, Fault)>) {
        let (mut chain, mut faults) = (Chain::default(), Vec::new());
        for (position, subject, bytes) in lying {
            if let Err(fault) = chain.accept(position, subject, true, bytes, EXPIRING) {
                faults.push((position, fault));
            }
        }
        (chain, faults)
    }

    fn lying(entries: &[Entry]) -> Vec<(u64, String, Vec<u8>)> {
        (1..).zip(entries).map(|(n, entry)| (n, entry.subject(), entry.to_bytes())).collect()
    }

    fn found(lying: &[(u64, String, Vec<u8>)]) -> (Chain, Vec<(u64, Fault)>) {
        read(lying.iter().map(|(position, subject, bytes)| (*position, subject.as_str(), bytes.as_slice())))
    }

    #[test]
    fn an_honest_chain_is_accepted_entry_by_entry_and_resumed_from_its_ends() {
        let entries = chain(20);
        let (whole, faults) = found(&lying(&entries));
        assert_eq!(faults, []);
        assert_eq!(whole.head(), entries.last().map(Entry::hash));
        let mut last: BTreeMap<String, (u64, Entry)> = BTreeMap::new();
        for (position, entry) in (1..).zip(entries) {
            last.insert(entry.subject(), (position, entry));
        }
        let last: Vec<_> = last.into_values().collect();
        let resumed = Chain::resume(&last).unwrap();
        assert_eq!((resumed.head(), resumed.position(), resumed.key()), (whole.head(), 20, whole.key()));
        assert_eq!(resumed.reach("JOURNAL"), whole.reach("JOURNAL"));
    }

    #[test]
    fn a_key_that_the_chain_was_not_told_of_signs_nothing() {
        let mut entries = chain(10);
        let previous = entries.last().map_or(Hash::NONE, Entry::hash);
        entries.push(Entry::sign(&key(1), previous, Timestamp::UNIX_EPOCH, seal("JOURNAL", 100, 101)));
        assert_eq!(found(&lying(&entries)).1, [(11, Fault::UnknownKey)], "the key before the rotation");
        entries.pop();
        let begun = Entry::sign(&key(3), previous, Timestamp::UNIX_EPOCH, Says::Begun);
        entries.push(begun);
        assert_eq!(found(&lying(&entries)).1, [(11, Fault::UnknownKey)], "a second beginning");
    }

    #[test]
    fn a_signed_seal_that_leaves_events_out_is_not_accepted() {
        let mut entries = chain(3);
        let previous = entries.last().map_or(Hash::NONE, Entry::hash);
        let reached = found(&lying(&entries)).0.reach("JOURNAL").to;
        entries.push(Entry::sign(
            &key(2),
            previous,
            Timestamp::UNIX_EPOCH,
            seal("JOURNAL", reached + 2, reached + 3),
        ));
        assert_eq!(found(&lying(&entries)).1, [(4, Fault::WrongStretch)]);
    }

    #[test]
    fn one_damage_in_the_middle_is_one_fault_wherever_it_is() {
        for at in 1..19 {
            let mut removed = lying(&chain(20));
            removed.remove(at);
            assert_eq!(found(&removed).1, [(at as u64 + 2, Fault::Missing)]);
            let mut changed = lying(&chain(20));
            changed[at].2[0] = b'!';
            assert_eq!(found(&changed).1, [(at as u64 + 1, Fault::Changed)]);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_done_to_a_chain_is_a_fault_or_another_head(
            length in 2_usize..24, at in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
            byte in any::<prop::sample::Index>(), bit in 0_u8..8, kind in 0..6,
        ) {
            let entries = chain(length);
            let before = lying(&entries);
            let mut after = before.clone();
            let (at, to) = (at.index(length), to.index(length));
            match kind {
                0 => {
                    let place = byte.index(after[at].2.len());
                    after[at].2[place] ^= 1 << bit;
                }
                1 => { after.remove(at); }
                // Gone, and the others moved up, as in a stream that was written anew.
                2 => {
                    after.remove(at);
                    (1..).zip(&mut after).for_each(|(n, entry)| entry.0 = n);
                }
                3 => {
                    let (one, other) = (after[at].0, after[to].0);
                    after.swap(at, to);
                    (after[at].0, after[to].0) = (one, other);
                }
                4 => after.truncate(at),
                _ => after[at].1 = "seal.OTHER".to_owned(),
            }
            let (chain, faults) = found(&after);
            let noticed = !faults.is_empty() || chain.head() != entries.last().map(Entry::hash);
            prop_assert_eq!(noticed, after != before);
        }
    }
}
