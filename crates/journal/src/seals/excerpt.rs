//! All messages on one subject, with the seals that prove that none was left out, changed or added. Pure: it is checked
//! without the broker, with nothing but the public key of the seals.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, PublicKey, Says, Seal};
use super::tree::{leaf, mark, whose};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its place in its stream.
    pub position: u64,
    /// Its body, to the letter.
    pub body: String,
}

/// The messages on one subject, and all seals of their stream over a time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    /// The subject.
    pub subject: String,
    /// The entries of the chain about its keys, to the letter, in order.
    pub keys: Vec<String>,
    /// The seals, to the letter, in order and without a gap.
    pub seals: Vec<String>,
    /// The messages, in order.
    pub lines: Vec<Line>,
}

/// What an excerpt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Since when nothing is missing.
    pub since: Timestamp,
    /// Until when nothing is missing.
    pub until: Timestamp,
    /// How many lines are proven.
    pub lines: usize,
    /// How many lines stand behind the last seal: nothing is known of them yet.
    pub unsealed: usize,
}

/// Why an excerpt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// There is no seal in it.
    #[error("there is no seal in it: nothing is proven yet, a seal comes within a minute")]
    NoSeal,
    /// Something that should be a seal is none.
    #[error("the seal number {0} is not one any more")]
    NotASeal(usize),
    /// A seal was signed by a key that nobody vouches for.
    #[error("the seal number {0} was signed by a key that is not the one given, nor one that followed it")]
    StrangerKey(usize),
    /// The signature of a seal is not that of its key.
    #[error("the signature of the seal number {0} is wrong")]
    WrongSignature(usize),
    /// A seal was left out, or the seals are not in order.
    #[error("a seal is missing behind position {0}")]
    Gap(u64),
    /// A seal does not say whose the messages are.
    #[error(
        "the seal over positions {from} to {to} comes from an older program: it proves nothing of a single subject"
    )]
    Unmarked {
        /// The first position under it.
        from: u64,
        /// The last position under it.
        to: u64,
    },
    /// A line was left out.
    #[error("the line at position {0} was removed")]
    Removed(u64),
    /// A line was changed.
    #[error("the line at position {0} is not what was recorded")]
    Changed(u64),
    /// A line was added, given twice, or moved.
    #[error("the line at position {0} does not belong here")]
    Added(u64),
}

impl Excerpt {
    /// Checks it with a public key of the seals, or several: those that came into use after them are found in it.
    ///
    /// # Errors
    /// The first [`Flaw`].
    pub fn check(&self, known: &[PublicKey]) -> Result<Proven, Flaw> {
        let trusted = self.trusted(known);
        let mut lines = BTreeMap::new();
        for line in &self.lines {
            if lines.insert(line.position, line.body.as_str()).is_some() {
                return Err(Flaw::Added(line.position));
            }
        }
        let mut proven: Option<(Proven, u64)> = None;
        for (nth, text) in (1..).zip(&self.seals) {
            let seal = signed(text, nth, &trusted)?;
            if let Some((_, to)) = &proven
                && *to + 1 != seal.from
            {
                return Err(Flaw::Gap(*to));
            }
            let found = self.covered(&seal, &mut lines)?;
            let begun = proven.map_or((seal.since, 0), |(before, _)| (before.since, before.lines));
            let (since, before) = begun;
            let so_far = Proven { since, until: seal.until, lines: before + found, unsealed: 0 };
            proven = Some((so_far, seal.to));
        }
        let (proven, to) = proven.ok_or(Flaw::NoSeal)?;
        // What is left stands behind all seals, or under none.
        match lines.first_key_value() {
            Some((position, _)) if *position <= to => Err(Flaw::Added(*position)),
            Some(_) | None => Ok(Proven { unsealed: lines.len(), ..proven }),
        }
    }

    /// The keys that are known, and those that they handed over to.
    fn trusted(&self, known: &[PublicKey]) -> BTreeSet<PublicKey> {
        let mut trusted: BTreeSet<PublicKey> = known.iter().copied().collect();
        for entry in self.keys.iter().filter_map(|text| Entry::of_bytes(text.as_bytes())) {
            if let Says::Rotated { next } = entry.says
                && trusted.contains(&entry.key)
                && entry.is_signed()
            {
                trusted.insert(next);
            }
        }
        trusted
    }

    /// Takes the lines out that stand under a seal, all of them and as they were; how many there were.
    fn covered(&self, seal: &Seal, lines: &mut BTreeMap<u64, &str>) -> Result<usize, Flaw> {
        if seal.whose.len() != seal.marks.len() {
            return Err(Flaw::Unmarked { from: seal.from, to: seal.to });
        }
        let own = whose(&self.subject);
        let mut found = 0;
        for ((position, sealed), of) in (seal.from..=seal.to).zip(&seal.marks).zip(&seal.whose) {
            if *of != own {
                continue;
            }
            let body = lines.remove(&position).ok_or(Flaw::Removed(position))?;
            if mark(&leaf(position, &self.subject, [], body.as_bytes())) != *sealed {
                return Err(Flaw::Changed(position));
            }
            found += 1;
        }
        Ok(found)
    }
}

/// The seal in this text, if a key that is trusted signed it.
fn signed(text: &str, nth: usize, trusted: &BTreeSet<PublicKey>) -> Result<Seal, Flaw> {
    let entry = Entry::of_bytes(text.as_bytes()).ok_or(Flaw::NotASeal(nth))?;
    if !trusted.contains(&entry.key) {
        return Err(Flaw::StrangerKey(nth));
    }
    if !entry.is_signed() {
        return Err(Flaw::WrongSignature(nth));
    }
    match entry.says {
        Says::Sealed(seal) => Ok(seal),
        Says::Begun | Says::Rotated { .. } => Err(Flaw::NotASeal(nth)),
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::super::hash::Hash;
    use super::super::tree::root;
    use super::*;

    const OWN: &str = "access.33.household.own";
    const OTHER: &str = "access.33.household.other";

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    /// Every third message is about us.
    fn message(position: u64) -> (&'static str, String) {
        (if position.is_multiple_of(3) { OWN } else { OTHER }, format!("{{\"n\":{position}}}"))
    }

    fn seal(signing: &SigningKey, from: u64, to: u64, marked: bool) -> String {
        let messages: Vec<_> = (from..=to).map(|position| (position, message(position))).collect();
        let leaves: Vec<Hash> = messages
            .iter()
            .map(|(position, (subject, body))| leaf(*position, subject, [], body.as_bytes()))
            .collect();
        let at = |second: u64| Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        let seal = Seal {
            stream: "ACCESS".to_owned(),
            from,
            to,
            since: at(from),
            until: at(to),
            root: root(&leaves).unwrap(),
            marks: leaves.iter().map(mark).collect(),
            whose: if marked {
                messages.iter().map(|(_, (subject, _))| whose(subject)).collect()
            } else {
                Vec::new()
            },
        };
        text(&Entry::sign(signing, Hash::NONE, at(to), Says::Sealed(seal)))
    }

    fn text(entry: &Entry) -> String {
        String::from_utf8(entry.to_bytes()).unwrap()
    }

    /// Twenty-four messages under three seals, the key handed over before the third; two more behind.
    fn excerpt() -> Excerpt {
        let handed_over = Says::Rotated { next: PublicKey::of(&key(2)) };
        let rotated = Entry::sign(&key(1), Hash::NONE, Timestamp::UNIX_EPOCH, handed_over);
        let own = (1..=27).filter(|position| message(*position).0 == OWN);
        Excerpt {
            subject: OWN.to_owned(),
            keys: vec![text(&rotated)],
            seals: vec![seal(&key(1), 1, 8, true), seal(&key(1), 9, 16, true), seal(&key(2), 17, 24, true)],
            lines: own.map(|position| Line { position, body: message(position).1 }).collect(),
        }
    }

    fn known() -> [PublicKey; 1] {
        [PublicKey::of(&key(1))]
    }

    #[test]
    fn an_excerpt_proves_since_when_and_until_when_nothing_is_missing() {
        let proven = excerpt().check(&known()).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(proven, Proven { since: at(1), until: at(24), lines: 8, unsealed: 1 });
        // About somebody of whom nobody read anything, the same seals prove that.
        let nobody =
            Excerpt { subject: "access.33.household.nobody".to_owned(), lines: Vec::new(), ..excerpt() };
        assert_eq!(nobody.check(&known()).map(|proven| proven.lines), Ok(0));
    }

    #[test]
    fn a_line_that_is_removed_changed_added_or_moved_is_found_wherever_it_is() {
        for at in 0..8 {
            let position = excerpt().lines[at].position;
            let mut removed = excerpt();
            removed.lines.remove(at);
            assert_eq!(removed.check(&known()), Err(Flaw::Removed(position)));
            let mut changed = excerpt();
            changed.lines[at].body.push(' ');
            assert_eq!(changed.check(&known()), Err(Flaw::Changed(position)));
            let mut twice = excerpt();
            twice.lines.push(twice.lines[at].clone());
            assert_eq!(twice.check(&known()), Err(Flaw::Added(position)));
            let mut moved = excerpt();
            moved.lines[at].position += 1;
            assert_eq!(moved.check(&known()), Err(Flaw::Removed(position)));
        }
        let mut added = excerpt();
        added.lines.push(Line { position: 4, body: message(4).1 });
        assert_eq!(added.check(&known()), Err(Flaw::Added(4)), "a line about somebody else");
    }

    #[test]
    fn a_seal_that_is_removed_forged_or_signed_by_a_stranger_is_found() {
        let mut gap = excerpt();
        gap.seals.remove(1);
        assert_eq!(gap.check(&known()), Err(Flaw::Gap(8)));
        let mut forged = excerpt();
        forged.seals[1] = seal(&key(3), 9, 16, true);
        assert_eq!(forged.check(&known()), Err(Flaw::StrangerKey(2)));
        let mut resigned = excerpt();
        resigned.seals[1] = resigned.seals[1].replacen("\"from\":9", "\"from\":8", 1);
        assert!(matches!(resigned.check(&known()), Err(Flaw::NotASeal(2) | Flaw::WrongSignature(2))));
        let no_hand_over = Excerpt { keys: Vec::new(), ..excerpt() };
        assert_eq!(no_hand_over.check(&known()), Err(Flaw::StrangerKey(3)));
        let stranger = [PublicKey::of(&key(3))];
        assert_eq!(excerpt().check(&stranger), Err(Flaw::StrangerKey(1)));
        let nothing = Excerpt { seals: Vec::new(), ..excerpt() };
        assert_eq!(nothing.check(&known()), Err(Flaw::NoSeal));
    }

    #[test]
    fn a_seal_of_an_older_program_is_read_and_proves_nothing_of_one_subject() {
        let mut older = excerpt();
        older.seals[0] = seal(&key(1), 1, 8, false);
        assert_eq!(older.check(&known()), Err(Flaw::Unmarked { from: 1, to: 8 }));
    }
}
