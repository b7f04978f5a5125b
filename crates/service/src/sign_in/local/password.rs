//! Which passwords may be set.

use unicode_normalization::UnicodeNormalization as _;

use super::super::Secret;
use super::common;

/// The fewest characters of a password.
pub const PASSWORD_MIN: usize = 12;

/// The most characters of a password.
pub const PASSWORD_MAX: usize = 256;

/// The most bytes that are looked at at all: a character has four at most, and more before it is normalised.
const BYTES_MAX: usize = 4_096;

/// The name of this product, which is the first thing to be guessed here.
const PRODUCT: &str = "continuum";

/// The shortest login, or part of it before an `@`, that a password must not contain, in characters.
const LOGIN_MIN: usize = 3;

/// Why a password may not be set. What it is made of is nobody's business: there are no rules of composition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has fewer than [`PASSWORD_MIN`] characters.
    #[error("the password has fewer than {PASSWORD_MIN} characters")]
    TooShort,
    /// It has more than [`PASSWORD_MAX`] characters.
    #[error("the password has more than {PASSWORD_MAX} characters")]
    TooLong,
    /// It is among those tried first, or one of them with something before and after it, or a few characters again and again.
    #[error("the password is a common one")]
    Common,
    /// It contains the login.
    #[error("the password contains the login")]
    ContainsLogin,
    /// It contains the name of this product.
    #[error("the password contains the name of the product")]
    ContainsProduct,
}

/// A password that may be set, normalised (NFC).
#[derive(Debug, Clone)]
pub struct AdmittedPassword(Secret);

impl AdmittedPassword {
    /// `given` as a password of the account `login`.
    ///
    /// # Errors
    ///
    /// [`Unfit`].
    pub fn new(given: &Secret, login: &str) -> Result<Self, Unfit> {
        let text = normalised(given.reveal()).ok_or(Unfit::TooLong)?;
        let length = text.reveal().chars().count();
        if length < PASSWORD_MIN {
            return Err(Unfit::TooShort);
        }
        if length > PASSWORD_MAX {
            return Err(Unfit::TooLong);
        }
        let folded = Secret::new(text.reveal().to_lowercase());
        if folded.reveal().contains(PRODUCT) {
            return Err(Unfit::ContainsProduct);
        }
        let login = login.nfc().collect::<String>().to_lowercase();
        let name = login.split('@').next().unwrap_or_default();
        let contains = |part: &str| part.chars().count() >= LOGIN_MIN && folded.reveal().contains(part);
        if contains(&login) || contains(name) {
            return Err(Unfit::ContainsLogin);
        }
        if common::is_common(folded.reveal()) {
            return Err(Unfit::Common);
        }
        Ok(Self(text))
    }

    pub(super) fn text(&self) -> &Secret {
        &self.0
    }
}

/// The text in the one form in which it is hashed; none when it is longer than any password.
pub(super) fn normalised(given: &str) -> Option<Secret> {
    (given.len() <= BYTES_MAX).then(|| Secret::new(given.nfc().collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admitted(text: &str) -> Result<AdmittedPassword, Unfit> {
        AdmittedPassword::new(&Secret::new(text.to_owned()), "jeanne.martin@example.org")
    }

    #[test]
    fn long_passwords_of_any_letters_are_admitted() {
        for fine in [
            "quatre mots choisis au hasard",
            "été, hiver & puis rien d'autre",
            "密碼密鑰長江黃河泰山華山",
            "7305518264930",
            "                 un blanc",
            &"plus long encore ".repeat(15),
        ] {
            assert!(admitted(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn what_would_be_tried_first_is_refused_with_its_reason() {
        for (text, why) in [
            ("", Unfit::TooShort),
            ("onze lettre", Unfit::TooShort),
            // Eleven characters, and more before they are normalised.
            ("e\u{301}tudie\u{301} hier", Unfit::TooShort),
            (&"a b".repeat(100), Unfit::TooLong),
            (&"x".repeat(10_000), Unfit::TooLong),
            ("qwerty123456", Unfit::Common),
            ("QWERTY123456", Unfit::Common),
            ("motdepasse2026!", Unfit::Common),
            ("Password12345", Unfit::Common),
            ("!!azertyuiop!!", Unfit::Common),
            ("soleilsoleilsoleil", Unfit::Common),
            ("motdepassemotdepasse", Unfit::Common),
            ("1azertyuiopAzertyuiop!", Unfit::Common),
            ("abcabcabcabc", Unfit::Common),
            ("111111111111", Unfit::Common),
            ("123456789012", Unfit::Common),
            ("abcdefghijklmn", Unfit::Common),
            ("zyxwvutsrqpo", Unfit::Common),
            ("moi jeanne.martin ici", Unfit::ContainsLogin),
            ("JEANNE.MARTIN@example.org", Unfit::ContainsLogin),
            ("le bon Continuum", Unfit::ContainsProduct),
        ] {
            assert_eq!(admitted(text).map(drop), Err(why), "{text}");
        }
    }

    #[test]
    fn a_login_of_two_letters_is_in_too_many_words_to_matter() {
        let text = Secret::new("quatre mots choisis au hasard".to_owned());
        assert!(AdmittedPassword::new(&text, "mo").is_ok());
        assert_eq!(AdmittedPassword::new(&text, "mot").map(drop), Err(Unfit::ContainsLogin));
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_admitted_or_refused_and_admitted_again_in_its_normal_form(text in "\\PC{0,300}") {
            if let Ok(admitted_text) = admitted(&text) {
                let length = admitted_text.text().reveal().chars().count();
                prop_assert!((PASSWORD_MIN..=PASSWORD_MAX).contains(&length));
                prop_assert!(admitted(admitted_text.text().reveal()).is_ok());
            }
        }
    }
}
