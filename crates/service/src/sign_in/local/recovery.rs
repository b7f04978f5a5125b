//! The codes for the day the telephone is lost: shown once, on paper from then on, each good for one sign-in.
//!
//! They have 80 bits, few enough to be typed from paper; what is kept of them is therefore hashed as slowly as a password
//! (ASVS 5.0, 6.5.2). Those made together share a salt, so that checking one costs one hash and not ten.

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use super::super::random::drawn;
use super::super::{Random, Secret};
use super::hasher::{HashError, Hasher, StoredHash, found, made};

/// How many codes are made at once.
pub const CODES: usize = 10;

/// The size of a code, in bytes.
const CODE_SIZE: usize = 10;

/// The longest text that is looked at as a code, in bytes.
const TEXT_MAX: usize = 64;

/// What is kept of the codes of an account that are not used yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecoveryCodes(Vec<StoredHash>);

/// Codes that were just made.
#[derive(Debug)]
pub struct Drawn {
    /// The codes, to be shown once and forgotten: `abcd-efgh-ijkl-mnop`.
    pub shown: Vec<Secret>,
    /// What is kept of them, in the place of all earlier ones.
    pub kept: RecoveryCodes,
}

impl RecoveryCodes {
    /// New codes.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub async fn draw(hasher: &Hasher, random: &dyn Random) -> Result<Drawn, HashError> {
        let salt = drawn::<16>(random)?;
        let mut codes = Vec::with_capacity(CODES);
        for _ in 0..CODES {
            codes.push(Secret::new(BASE32_NOPAD.encode(&drawn::<CODE_SIZE>(random)?)));
        }
        let shown = codes.iter().map(grouped).collect();
        let cost = hasher.cost();
        let hashes =
            hasher.in_turn(move || codes.iter().map(|code| made(cost, code, &salt)).collect()).await?;
        Ok(Drawn { shown, kept: Self(hashes) })
    }

    /// What to keep once `given` was used, if it is one of the codes; none if it is not. Case, hyphens and spaces do not count.
    /// Whoever keeps the rest must do so before letting anybody in, and on the very state that was read, or two could use
    /// one code.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub async fn used(&self, given: &Secret, hasher: &Hasher) -> Result<Option<Self>, HashError> {
        if self.0.is_empty() || given.reveal().len() > TEXT_MAX {
            return Ok(None);
        }
        let plain = given.reveal().chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
        let code = Secret::new(plain.collect::<String>().to_ascii_uppercase());
        let kept = self.0.clone();
        let index = hasher.in_turn(move || found(&code, &kept)).await?;
        Ok(index.map(|index| {
            let mut rest = self.clone();
            rest.0.remove(index);
            rest
        }))
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.len()
    }
}

/// A code as it is shown, in groups of four small letters and digits.
fn grouped(code: &Secret) -> Secret {
    let small = Secret::new(code.reveal().to_ascii_lowercase());
    let mut shown = String::with_capacity(small.reveal().len() + 3);
    for (index, letter) in small.reveal().chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            shown.push('-');
        }
        shown.push(letter);
    }
    Secret::new(shown)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::SystemRandom;
    use super::super::Cost;
    use super::*;

    fn cheap() -> Hasher {
        Hasher::new(Cost { memory_kib: 64, passes: 1, lanes: 1 })
    }

    #[tokio::test]
    async fn each_code_is_good_once_and_the_others_stay_good() {
        let hasher = cheap();
        let Drawn { shown, mut kept } = RecoveryCodes::draw(&hasher, &SystemRandom).await.unwrap();
        let different: BTreeSet<_> = shown.iter().map(Secret::reveal).collect();
        assert_eq!((shown.len(), different.len(), kept.left()), (CODES, CODES, CODES));
        for (used, code) in (1..).zip(&shown) {
            kept = kept.used(code, &hasher).await.unwrap().unwrap();
            assert_eq!(kept.left(), CODES - used);
            assert_eq!(kept.used(code, &hasher).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn a_code_is_read_as_people_type_it_and_nothing_else_is_one() {
        let hasher = cheap();
        let Drawn { shown, kept } = RecoveryCodes::draw(&hasher, &SystemRandom).await.unwrap();
        let code = shown[3].reveal();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3));
        let typed = [code.to_uppercase(), code.replace('-', ""), code.replace('-', " ")];
        for typed in typed {
            assert!(kept.used(&Secret::new(typed), &hasher).await.unwrap().is_some());
        }
        for wrong in ["", "----", "aaaa-aaaa-aaaa-aaaa", &code[1..], &code.repeat(4)] {
            assert_eq!(kept.used(&Secret::new(wrong.to_owned()), &hasher).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn what_is_kept_tells_no_code_and_can_be_stored() {
        let hasher = cheap();
        let drawn = RecoveryCodes::draw(&hasher, &SystemRandom).await.unwrap();
        let stored = serde_json::to_string(&drawn.kept).unwrap();
        let said = format!("{stored}{drawn:?}").to_lowercase();
        for code in &drawn.shown {
            assert!(!said.contains(code.reveal()) && !said.contains(&code.reveal().replace('-', "")));
        }
        let read: RecoveryCodes = serde_json::from_str(&stored).unwrap();
        assert!(read.used(&drawn.shown[0], &hasher).await.unwrap().is_some());
    }
}
