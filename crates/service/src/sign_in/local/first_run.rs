//! The token with which the first account of an instance is made: printed once, by the program that made the instance.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::super::random::drawn;
use super::super::{NoRandomness, Random, Secret};

/// What is kept of a first-run token. The token has 128 bits: a fast hash tells nothing of it. Whoever keeps it removes it when
/// the first account is made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FirstRunToken([u8; 32]);

impl fmt::Debug for FirstRunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstRunToken(…)")
    }
}

impl FirstRunToken {
    /// A new token, to be printed once, and what is kept of it.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn draw(random: &dyn Random) -> Result<(Secret, Self), NoRandomness> {
        let shown = Secret::new(BASE32_NOPAD.encode(&drawn::<16>(random)?).to_ascii_lowercase());
        let kept = Self::of(&shown);
        Ok((shown, kept))
    }

    /// Whether `given` is the token, spaces around it and case apart.
    #[must_use]
    pub fn is(&self, given: &Secret) -> bool {
        let given = Secret::new(given.reveal().trim().to_ascii_lowercase());
        self.0.ct_eq(&Self::of(&given).0).into()
    }

    fn of(shown: &Secret) -> Self {
        Self(Sha256::digest(shown.reveal().as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::SystemRandom;
    use super::*;

    #[test]
    fn the_token_that_was_printed_is_the_only_one() {
        let (shown, kept) = FirstRunToken::draw(&SystemRandom).unwrap();
        assert_eq!(shown.reveal().len(), 26);
        let kept: FirstRunToken = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        assert!(kept.is(&shown));
        assert!(kept.is(&Secret::new(format!(" {}\n", shown.reveal().to_uppercase()))));
        let (another, _) = FirstRunToken::draw(&SystemRandom).unwrap();
        assert!(!kept.is(&another) && !kept.is(&Secret::new(String::new())));
        assert_eq!(format!("{kept:?}"), "FirstRunToken(…)");
    }

    #[test]
    fn without_chance_there_is_no_token() {
        struct Broken;
        impl Random for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
                Err(NoRandomness)
            }
        }
        assert_eq!(FirstRunToken::draw(&Broken).map(drop), Err(NoRandomness));
    }
}
