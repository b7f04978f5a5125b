//! Codes of communes and EPCI: only those that exist can be written in an event.

use std::fmt;
use std::str::FromStr;

use super::{Commune, commune, known_epci};
use crate::id::{Malformed, Territory, text_serde};

/// The code of a commune that is known to exist.
#[derive(Clone, Copy)]
pub struct CommuneCode(&'static Commune);

impl CommuneCode {
    /// The code as written: `33063`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.code
    }

    /// The commune itself.
    #[must_use]
    pub fn commune(self) -> &'static Commune {
        self.0
    }

    /// Its département.
    #[must_use]
    pub fn territory(self) -> Territory {
        self.0.territory
    }

    /// The commune that an *arrondissement* of Paris, Lyon or Marseille is part of; any other commune is its own.
    #[must_use]
    pub fn city(self) -> Self {
        let whole = match self.as_str().as_bytes() {
            [b'7', b'5', b'1', ..] => "75056",
            [b'6', b'9', b'3', b'8', _] => "69123",
            [b'1', b'3', b'2', ..] => "13055",
            _ => return self,
        };
        commune(whole).map_or(self, CommuneCode)
    }
}

impl PartialEq for CommuneCode {
    fn eq(&self, other: &Self) -> bool {
        self.0.code == other.0.code
    }
}

impl Eq for CommuneCode {}

impl PartialOrd for CommuneCode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CommuneCode {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.code.cmp(other.0.code)
    }
}

impl std::hash::Hash for CommuneCode {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.code.hash(state);
    }
}

impl fmt::Display for CommuneCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

impl fmt::Debug for CommuneCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

impl From<&'static Commune> for CommuneCode {
    fn from(commune: &'static Commune) -> Self {
        Self(commune)
    }
}

impl FromStr for CommuneCode {
    type Err = Malformed;

    fn from_str(code: &str) -> Result<Self, Malformed> {
        commune(code)
            .map(CommuneCode)
            .ok_or_else(|| Malformed::new(code, "the INSEE code of a commune such as 33063"))
    }
}

text_serde!(CommuneCode, "^([0-9]{2}|2A|2B)[0-9]{3}$", "33063");

/// The SIREN number of an inter-municipal body that is known to exist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpciCode(u32);

impl EpciCode {
    pub(super) fn read(siren: &str) -> Option<Self> {
        let digits = siren.len() == 9 && siren.bytes().all(|byte| byte.is_ascii_digit());
        if digits { siren.parse().ok().map(Self) } else { None }
    }
}

impl fmt::Display for EpciCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:09}", self.0)
    }
}

impl fmt::Debug for EpciCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EpciCode {
    type Err = Malformed;

    fn from_str(siren: &str) -> Result<Self, Malformed> {
        Self::read(siren)
            .filter(|code| known_epci(*code))
            .ok_or_else(|| Malformed::new(siren, "the SIREN number of an EPCI such as 243300316"))
    }
}

text_serde!(EpciCode, "^[0-9]{9}$", "243300316");
