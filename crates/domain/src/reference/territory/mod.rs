//! Départements, EPCI and communes (official geographic code, see `config/territories/README.md`).
//!
//! The tables are compiled in and read at their first use: 35,000 communes borrow their names from the program
//! itself. A commune that has merged into another since the edition of the table is not known any more.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::BadList;
use crate::id::Territory;

mod codes;
#[cfg(test)]
mod tests;

pub use codes::{CommuneCode, EpciCode};

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

/// The départements that an inter-municipal body has communes in.
#[must_use]
pub fn territories_of(epci: EpciCode) -> BTreeSet<Territory> {
    let communes = TABLES.communes.iter().filter(|commune| commune.epci == Some(epci));
    communes
        .filter_map(|commune| commune.code.parse::<CommuneCode>().ok())
        .map(CommuneCode::territory)
        .collect()
}

/// The name of an inter-municipal body.
#[must_use]
pub fn epci_name(epci: EpciCode) -> &'static str {
    // A code exists only if the table has it.
    TABLES.epci_place(epci).map_or("", |place| TABLES.epcis[place].1)
}

fn known_epci(epci: EpciCode) -> bool {
    TABLES.epci_place(epci).is_some()
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
            rows("epci", include_str!("../../../../../config/territories/epci.csv"), |[siren, name]| {
                Some((EpciCode::read(siren)?, name))
            })?;
        let departements = rows(
            "departements",
            include_str!("../../../../../config/territories/departements.csv"),
            |[code, name, region_code, region_name]| {
                Some(Departement { territory: code.parse().ok()?, name, region_code, region_name })
            },
        )?;
        let communes = rows(
            "communes",
            include_str!("../../../../../config/territories/communes.csv"),
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
