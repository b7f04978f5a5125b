//! The short words an entry is made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an entry says in a word of a closed list that others keep: `read-file`, `siao-coordinator`, `identity`. One to
/// forty lowercase letters, digits and `-`, `_` or `.`, the first a letter. So no name and no sentence passes for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

/// The text is not a code. It is not repeated here: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code is 1 to 40 lowercase letters, digits, '-', '_' or '.', and begins with a letter")]
pub struct NotACode;

impl Code {
    /// The code as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        let fits = (1..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
        if fits { Ok(Self(text)) } else { Err(NotACode) }
    }
}

impl FromStr for Code {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        Self::try_from(text.to_owned())
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_word_of_a_list_and_neither_a_name_nor_a_sentence() {
        for good in ["read-file", "list", "siao.coordinator", "need_1", &"a".repeat(40)] {
            assert_eq!(good.parse::<Code>().unwrap().as_str(), good);
        }
        for bad in ["", "Dupont", "read file", "1st", "-a", "élan", &"a".repeat(41)] {
            assert_eq!(bad.parse::<Code>(), Err(NotACode), "{bad}");
        }
        assert!(serde_json::from_str::<Code>("\"Mme Dupont\"").is_err());
    }
}
