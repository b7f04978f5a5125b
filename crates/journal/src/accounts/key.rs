//! Keys by which the broker knows operators, accounts and users (Ed25519, in the broker's own notation).

use std::fmt;
use std::str::FromStr;

use nkeys::{KeyPair, KeyPairType};
use zeroize::Zeroizing;

use super::AccountsError;

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Who signs accounts: `O…`.
    Operator,
    /// An account: `A…`.
    Account,
    /// Somebody who connects: `U…`.
    User,
}

impl KeyKind {
    fn to_nkeys(self) -> KeyPairType {
        match self {
            Self::Operator => KeyPairType::Operator,
            Self::Account => KeyPairType::Account,
            Self::User => KeyPairType::User,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Operator => 'O',
            Self::Account => 'A',
            Self::User => 'U',
        }
    }
}

/// The text is no public key of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the public key of this kind: {expected}")]
pub struct BadKey {
    /// What a key of this kind looks like.
    pub expected: &'static str,
}

/// A pair of keys. The secret half is a *seed*; it is shown by [`Self::seed`] alone and wiped when dropped.
pub struct Pair {
    kind: KeyKind,
    keys: KeyPair,
}

impl Pair {
    /// A new pair from the system's source of randomness.
    ///
    /// # Errors
    /// [`AccountsError::Key`] when the system gives no randomness.
    pub fn generate(kind: KeyKind) -> Result<Self, AccountsError> {
        let mut drawn = Zeroizing::new([0; 32]);
        getrandom::fill(drawn.as_mut_slice()).map_err(|why| AccountsError::Key(why.to_string()))?;
        let keys = KeyPair::new_from_raw(kind.to_nkeys(), *drawn);
        Ok(Self { kind, keys: keys.map_err(|why| AccountsError::Key(why.to_string()))? })
    }

    /// The pair of a seed.
    ///
    /// # Errors
    /// [`AccountsError::Key`] when the text is no seed, or one of another kind. The error does not repeat it.
    pub fn from_seed(kind: KeyKind, seed: &str) -> Result<Self, AccountsError> {
        let keys = KeyPair::from_seed(seed.trim()).map_err(|why| AccountsError::Key(why.to_string()))?;
        if keys.public_key().starts_with(kind.letter()) {
            Ok(Self { kind, keys })
        } else {
            Err(AccountsError::Key(format!("the seed is not one of an {kind:?}")))
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> String {
        self.keys.public_key()
    }

    /// The secret half.
    ///
    /// # Errors
    /// [`AccountsError::Key`] when the library cannot write it.
    pub fn seed(&self) -> Result<Zeroizing<String>, AccountsError> {
        self.keys.seed().map(Zeroizing::new).map_err(|why| AccountsError::Key(why.to_string()))
    }

    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, AccountsError> {
        self.keys.sign(text).map_err(|why| AccountsError::Key(why.to_string()))
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("kind", &self.kind).field("public", &self.public()).finish()
    }
}

/// A public key as a type of its own, checked down to its checksum.
macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The key as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The public key of a pair.
            ///
            /// # Errors
            /// [`BadKey`] when the pair is of another kind.
            pub fn of(pair: &Pair) -> Result<Self, BadKey> {
                pair.public().parse()
            }
        }

        impl FromStr for $name {
            type Err = BadKey;

            fn from_str(text: &str) -> Result<Self, BadKey> {
                let expected = BadKey { expected: $expected };
                if !text.starts_with($kind.letter()) || nkeys::from_public_key(text).is_err() {
                    return Err(expected);
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadKey;

            fn try_from(text: String) -> Result<Self, BadKey> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> Self {
                key.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

public_key! {
    /// The public key of an account: the identity of an external organisation on the broker. It stands in subjects, put
    /// there by the server.
    AccountKey, KeyKind::Account, "A and 55 more letters and digits"
}

public_key! {
    /// The public key of a user: who connects.
    UserKey, KeyKind::User, "U and 55 more letters and digits"
}
