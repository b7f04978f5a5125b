//! An area somebody wishes for, serves or must not be sent to.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::territory::{CommuneCode, EpciCode, departement_name, epci_name, territories_of};
use crate::id::{Malformed, Territory, text_serde};

/// A part of the country, of three sizes. Written `departement:33`, `epci:243300316`, `commune:33063`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// A whole département.
    Territory(Territory),
    /// An inter-municipal body.
    Epci(EpciCode),
    /// One commune, with its *arrondissements* if it has any.
    Commune(CommuneCode),
}

impl Area {
    /// Whether `commune` lies in this area.
    #[must_use]
    pub fn covers(&self, commune: CommuneCode) -> bool {
        match self {
            Self::Territory(territory) => commune.territory() == *territory,
            Self::Epci(epci) => commune.commune().epci == Some(*epci),
            Self::Commune(wanted) => commune == *wanted || commune.city() == *wanted,
        }
    }

    /// The départements it lies in: an inter-municipal body may reach over the border of one.
    #[must_use]
    pub fn territories(&self) -> BTreeSet<Territory> {
        match self {
            Self::Territory(territory) => BTreeSet::from([*territory]),
            Self::Epci(epci) => territories_of(*epci),
            Self::Commune(commune) => BTreeSet::from([commune.territory()]),
        }
    }

    /// The name to show: `Gironde`, `Bordeaux Métropole`, `Bordeaux`; empty for a territory without a name here.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Territory(territory) => departement_name(*territory).unwrap_or(""),
            Self::Epci(epci) => epci_name(*epci),
            Self::Commune(commune) => commune.commune().name,
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Territory(territory) => write!(f, "departement:{territory}"),
            Self::Epci(epci) => write!(f, "epci:{epci}"),
            Self::Commune(commune) => write!(f, "commune:{commune}"),
        }
    }
}

impl FromStr for Area {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.split_once(':') {
            Some(("departement", code)) => code.parse().map(Self::Territory),
            Some(("epci", siren)) => siren.parse().map(Self::Epci),
            Some(("commune", code)) => code.parse().map(Self::Commune),
            Some(_) | None => {
                Err(Malformed::new(text, "an area such as departement:33, epci:243300316 or commune:33063"))
            }
        }
    }
}

text_serde!(
    Area,
    "^(departement:([0-9]{2}|2A|2B|97[1-6])|epci:[0-9]{9}|commune:([0-9]{2}|2A|2B)[0-9]{3})$",
    "commune:33063"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn area(text: &str) -> Area {
        text.parse().unwrap()
    }

    #[test]
    fn an_area_reads_as_it_is_written() {
        for (text, name) in [
            ("departement:2B", "Haute-Corse"),
            ("epci:243300316", "Bordeaux Métropole"),
            ("commune:33063", "Bordeaux"),
        ] {
            assert_eq!((area(text).to_string().as_str(), area(text).name()), (text, name));
            let json = serde_json::to_string(&area(text)).unwrap();
            assert_eq!(serde_json::from_str::<Area>(&json).unwrap(), area(text));
        }
        for bad in ["", "33", "region:75", "departement:99", "epci:33063", "commune:243300316", "commune:"] {
            assert!(bad.parse::<Area>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_area_covers_what_lies_in_it() {
        let covers = |text: &str, code: &str| area(text).covers(code.parse().unwrap());
        assert!(covers("departement:33", "33063"));
        assert!(!covers("departement:24", "33063"));
        assert!(covers("epci:243300316", "33063"));
        assert!(!covers("epci:243300316", "33009"), "Arcachon is outside Bordeaux Métropole");
        assert!(covers("commune:33063", "33063"));
        assert!(covers("commune:75056", "75113"), "Paris covers its 13th arrondissement");
        assert!(!covers("commune:75113", "75056"), "an arrondissement does not cover Paris");
        assert!(!covers("epci:243300316", "29155"), "Ouessant belongs to no body");
    }
}
