//! Départements, EPCI and communes (official geographic code, see `config/territories/README.md`).
//!
//! The tables are compiled in and read at their first use: 35,000 communes borrow their names from the program
//! itself. A commune that has merged into another since the edition of the table is not known any more.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use super::BadList;
use crate::id::{Malformed, Territory, text_serde};

/// A commune, or one of the municipal *arrondissements* of Paris, Lyon and Marseille.
#[derive(Debug, PartialEq, Eq)]
pub struct Commune {
    /// The INSEE code: `33063`.
    pub code: &'static str,
    /// The name: `Bordeaux`.
    pub name: &'static str,
    /// The inter-municipal body it belongs to; four islands belong to none.
    pub epci: Option<EpciCode>,
    /// Its département.
    pub territory: Territory,
}

/// A département, with its region.
#[derive(Debug, PartialEq, Eq)]
pub struct Departement {
    /// The territory it is.
    pub territory: Territory,
    /// The name: `Gironde`.
    pub name: &'static str,
    /// The INSEE code of the region, two digits, overseas too: `75`, `04`.
    pub region_code: &'static str,
    /// The name of the region.
    pub region_name: &'static str,
}

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
    fn read(siren: &str) -> Option<Self> {
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
            .filter(|code| TABLES.epci_place(*code).is_some())
            .ok_or_else(|| Malformed::new(siren, "the SIREN number of an EPCI such as 243300316"))
    }
}

text_serde!(EpciCode, "^[0-9]{9}$", "243300316");

/// The commune of this INSEE code.
#[must_use]
pub fn commune(code: &str) -> Option<&'static Commune> {
    let communes = &TABLES.communes;
    communes.binary_search_by_key(&code, |commune| commune.code).ok().map(|place| &communes[place])
}

/// Every commune of a département, by code. Paris, Lyon and Marseille stand beside their *arrondissements*.
#[must_use]
pub fn communes_of(territory: Territory) -> &'static [Commune] {
    let communes = &TABLES.communes;
    let prefix = territory.as_str();
    // The code of a commune begins with that of its département, so a département is one run of the table.
    let first = communes.partition_point(|commune| &commune.code[..prefix.len()] < prefix);
    let count = communes[first..].partition_point(|commune| commune.code.starts_with(prefix));
    &communes[first..first + count]
}

/// Every inter-municipal body that has a commune in the département, by number. Some reach into several.
#[must_use]
pub fn epcis_of(territory: Territory) -> Vec<EpciCode> {
    let mut epcis: Vec<EpciCode> = communes_of(territory).iter().filter_map(|commune| commune.epci).collect();
    epcis.sort_unstable();
    epcis.dedup();
    epcis
}

/// The name of an inter-municipal body.
#[must_use]
pub fn epci_name(epci: EpciCode) -> &'static str {
    // A code exists only if the table has it.
    TABLES.epci_place(epci).map_or("", |place| TABLES.epcis[place].1)
}

/// Every département, by code.
#[must_use]
pub fn departements() -> &'static [Departement] {
    &TABLES.departements
}

/// The département of this territory.
#[must_use]
pub fn departement(territory: Territory) -> Option<&'static Departement> {
    let all = departements();
    all.binary_search_by_key(&territory, |departement| departement.territory).ok().map(|place| &all[place])
}

/// The name of a département.
#[must_use]
pub fn departement_name(territory: Territory) -> Option<&'static str> {
    departement(territory).map(|departement| departement.name)
}

struct Tables {
    communes: Vec<Commune>,
    epcis: Vec<(EpciCode, &'static str)>,
    departements: Vec<Departement>,
}

impl Tables {
    fn read() -> Result<Self, BadList> {
        let epcis =
            rows("epci", include_str!("../../../../config/territories/epci.csv"), |[siren, name]| {
                Some((EpciCode::read(siren)?, name))
            })?;
        let departements = rows(
            "departements",
            include_str!("../../../../config/territories/departements.csv"),
            |[code, name, region_code, region_name]| {
                Some(Departement { territory: code.parse().ok()?, name, region_code, region_name })
            },
        )?;
        let communes = rows(
            "communes",
            include_str!("../../../../config/territories/communes.csv"),
            |[code, name, epci, departement]| {
                let epci = if epci.is_empty() { None } else { Some(EpciCode::read(epci)?) };
                code.starts_with(departement).then_some(())?;
                Some(Commune { code, name, epci, territory: departement.parse().ok()? })
            },
        )?;
        Ok(Self { communes, epcis, departements })
    }

    fn epci_place(&self, epci: EpciCode) -> Option<usize> {
        self.epcis.binary_search_by_key(&epci, |(code, _)| *code).ok()
    }
}

/// Reads a table of `N` columns under a heading.
fn rows<T, const N: usize>(
    list: &'static str,
    text: &'static str,
    read: impl Fn([&'static str; N]) -> Option<T>,
) -> Result<Vec<T>, BadList> {
    // One allocation that fits: the tables stay for the life of the process.
    let mut table = Vec::with_capacity(text.bytes().filter(|byte| *byte == b'\n').count());
    for (index, line) in text.lines().enumerate().skip(1) {
        let mut cells = line.split(';');
        let row: [&'static str; N] = std::array::from_fn(|_| cells.next().unwrap_or(""));
        let complete = cells.next().is_none();
        let bad = || BadList { list, line: index + 1, what: format!("« {line} » is not such a row") };
        table.push(Some(row).filter(|_| complete).and_then(&read).ok_or_else(bad)?);
    }
    Ok(table)
}

#[expect(clippy::expect_used, reason = "the texts are compiled in, and a test reads them")]
static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read().expect("tables that were tested"));

#[cfg(test)]
mod tests {
    use super::*;

    fn territory(code: &str) -> Territory {
        code.parse().unwrap()
    }

    #[test]
    fn the_tables_are_sorted_and_whole() {
        let tables = Tables::read().unwrap();
        assert_eq!(
            (tables.communes.len(), tables.epcis.len(), tables.departements.len()),
            (34_990, 1_255, 101)
        );
        assert!(tables.communes.is_sorted_by(|a, b| a.code < b.code));
        assert!(tables.epcis.is_sorted_by(|a, b| a.0 < b.0));
        assert!(tables.departements.is_sorted_by(|a, b| a.territory < b.territory));
        assert!(tables.communes.iter().all(|c| c.code.len() == 5 && !c.name.is_empty()));
        assert!(tables.epcis.iter().all(|(_, name)| !name.is_empty()));
        for commune in &tables.communes {
            assert!(commune.epci.is_none_or(|epci| tables.epci_place(epci).is_some()), "{}", commune.code);
        }
    }

    #[test]
    fn every_commune_is_in_exactly_one_département() {
        let counted: usize = departements().iter().map(|d| communes_of(d.territory).len()).sum();
        assert_eq!(counted, 34_990);
        for departement in departements() {
            let communes = communes_of(departement.territory);
            assert!(!communes.is_empty(), "{}", departement.name);
            assert!(communes.iter().all(|c| c.territory == departement.territory), "{}", departement.name);
        }
        assert_eq!(communes_of(territory("33")).len(), 535);
        assert_eq!(communes_of(territory("976")).len(), 17);
        assert_eq!(communes_of(territory("2A")).len(), 124);
    }

    #[test]
    fn a_region_has_two_digits_and_one_name() {
        let mut regions: Vec<_> = departements().iter().map(|d| (d.region_code, d.region_name)).collect();
        regions.sort_unstable();
        regions.dedup();
        assert_eq!(regions.len(), 18);
        assert!(regions.iter().all(|(code, _)| code.len() == 2 && code.bytes().all(|b| b.is_ascii_digit())));
        assert_eq!(departement(territory("974")).unwrap().region_code, "04");
        assert_eq!(departement_name(territory("33")), Some("Gironde"));
    }

    #[test]
    fn a_commune_is_found_by_its_code() {
        let bordeaux = commune("33063").unwrap();
        assert_eq!(bordeaux.name, "Bordeaux");
        assert_eq!(bordeaux.territory, territory("33"));
        assert_eq!(epci_name(bordeaux.epci.unwrap()), "Bordeaux Métropole");
        assert_eq!(commune("29155").unwrap().epci, None, "Ouessant is an island of its own");
        for unknown in ["", "33", "33999", "330633", "3306é"] {
            assert!(commune(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_code_reads_as_it_is_written_and_must_exist() {
        let code: CommuneCode = serde_json::from_str("\"2A004\"").unwrap();
        assert_eq!(
            (code.commune().name, serde_json::to_string(&code).unwrap()),
            ("Ajaccio", "\"2A004\"".into())
        );
        let epci: EpciCode = "243300316".parse().unwrap();
        assert_eq!(epci.to_string(), "243300316");
        for unknown in ["000000000", "999999999", "24330031", "+43300316"] {
            assert!(unknown.parse::<EpciCode>().is_err(), "{unknown}");
        }
        let error = "33999".parse::<CommuneCode>().unwrap_err();
        assert_eq!(error.to_string(), "« 33999 » is not the INSEE code of a commune such as 33063");
    }

    #[test]
    fn an_arrondissement_is_part_of_its_city() {
        for (part, whole) in
            [("75113", "Paris"), ("69381", "Lyon"), ("13201", "Marseille"), ("33063", "Bordeaux")]
        {
            assert_eq!(part.parse::<CommuneCode>().unwrap().city().commune().name, whole);
        }
        let cities = departements()
            .iter()
            .flat_map(|d| communes_of(d.territory))
            .filter(|c| CommuneCode(c).city().as_str() != c.code)
            .count();
        assert_eq!(cities, 20 + 9 + 16);
    }

    #[test]
    fn the_bodies_of_a_département_include_those_that_reach_into_it() {
        let gironde = epcis_of(territory("33"));
        assert!(gironde.contains(&"243300316".parse().unwrap()));
        assert!(gironde.is_sorted());
        assert_eq!(epcis_of(territory("75")).len(), 1);
    }
}
