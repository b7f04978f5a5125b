//! Names that are minted into tokens and written into configuration files.

use std::fmt;
use std::str::FromStr;

/// The most characters a name may have.
const LONGEST: usize = 64;

/// A name of an operator, an account or a user: letters, digits, `-` and `_` only.
///
/// **Invariant.** A name is one whole literal token of a subject: it holds no `.`, `*` or `>`. The broker itself takes a
/// user called `*` and widens whatever is derived from the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// The text is no [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to {LONGEST} letters, digits, hyphens and underscores: nothing was minted")]
pub struct BadName;

impl Name {
    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Name {
    /// A name that stands in this program and needs no check; the test of [`super::rights`] looks at all of them.
    pub(super) fn trusted(name: &'static str) -> Self {
        Self(name.to_owned())
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let fits = (1..=LONGEST).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName)
        }
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
