//! Communes and areas as files write them: by code or by name.

use std::collections::HashMap;

use domain::id::Territory;
use domain::reference::territory::{communes_of, departements, epci_name, epcis_of};
use domain::reference::{Area, CommuneCode};

use super::choices::Unread;
use super::words::{fold, nearest};

/// What can be named in one territory. Made once for a file: its lines name the same communes again and again.
pub(crate) struct Areas {
    territory: Territory,
    communes: HashMap<String, CommuneCode>,
    wider: HashMap<String, Area>,
}

impl Areas {
    /// The communes and EPCI of `territory`, and every département.
    pub(crate) fn of(territory: Territory) -> Self {
        let communes =
            communes_of(territory).iter().map(|commune| (fold(commune.name), CommuneCode::from(commune)));
        let epcis = epcis_of(territory).into_iter().map(|epci| (fold(epci_name(epci)), Area::Epci(epci)));
        let departements = departements().iter().map(|one| (fold(one.name), Area::Territory(one.territory)));
        Self { territory, communes: communes.collect(), wider: epcis.chain(departements).collect() }
    }

    /// The territory whose names are known.
    pub(crate) fn territory(&self) -> Territory {
        self.territory
    }

    /// A commune, by its INSEE code or by its name. A spreadsheet that took the code for a number lost its first zero:
    /// it is put back.
    pub(crate) fn commune(&self, text: &str) -> Result<CommuneCode, Unread> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let code = if digits && text.len() == 4 { format!("0{text}") } else { text.to_owned() };
        if let Ok(commune) = code.parse() {
            return Ok(commune);
        }
        match self.communes.get(&fold(text)) {
            Some(commune) => Ok(*commune),
            None => {
                let near = nearest(text, communes_of(self.territory).iter().map(|commune| commune.name));
                Err(Unread::Unknown { nearest: near.map(str::to_owned) })
            }
        }
    }

    /// An area: written as the API writes it, as the code of a commune, of a département or of an EPCI, or by the name of
    /// one of those.
    pub(crate) fn area(&self, text: &str) -> Result<Area, Unread> {
        let text = text.trim();
        if let Ok(area) = text.parse() {
            return Ok(area);
        }
        if let Ok(epci) = text.parse() {
            return Ok(Area::Epci(epci));
        }
        if let Ok(territory) = text.parse() {
            return Ok(Area::Territory(territory));
        }
        match self.wider.get(&fold(text)) {
            Some(area) => Ok(*area),
            None => self.commune(text).map(Area::Commune),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_read_by_code_and_by_name() {
        let gironde = Areas::of("33".parse().unwrap());
        for (text, expected) in [
            ("commune:33063", "commune:33063"),
            ("33063", "commune:33063"),
            ("BORDEAUX", "commune:33063"),
            ("Gironde", "departement:33"),
            ("33", "departement:33"),
            ("243300316", "epci:243300316"),
            ("bordeaux metropole", "epci:243300316"),
            ("1004", "commune:01004"),
        ] {
            assert_eq!(gironde.area(text).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(
            gironde.area("Bordeau").unwrap_err(),
            Unread::Unknown { nearest: Some("Bordeaux".to_owned()) }
        );
        assert!(gironde.area("Brest").is_err(), "names are looked for in the territory of the import");
    }
}
