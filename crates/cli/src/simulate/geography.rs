//! Where things are: real communes, most of them in and around the chief town of the département.

use std::collections::BTreeMap;

use domain::id::Territory;
use domain::reference::territory::{communes_of, epci_name};
use domain::reference::{Area, CommuneCode, EpciCode};

use super::dice::Dice;
use super::settings::Settings;

/// What the chief town weighs, against [`AROUND`] for the communes around it and [`ELSEWHERE`] for all others.
const TOWN: u32 = 45_000;
const AROUND: u32 = 30_000;
const ELSEWHERE: u32 = 25_000;

/// The communes of a territory, weighted.
pub(super) struct Geography {
    territory: Territory,
    communes: Vec<(CommuneCode, u32)>,
    town: Option<CommuneCode>,
}

impl Geography {
    /// The communes of `territory`; none if the tables know none.
    pub(super) fn of(territory: Territory, settings: &Settings) -> Self {
        let all: Vec<CommuneCode> = communes_of(territory).iter().map(CommuneCode::from).collect();
        let named = settings.towns.iter().copied().find(|town| town.territory() == territory);
        let town = named.or_else(|| all.first().copied());
        let Some(chief) = town else { return Self { territory, communes: Vec::new(), town } };
        // Paris, Lyon and Marseille are written by their arrondissements.
        let is_town = |one: &CommuneCode| one.city() == chief;
        let split = all.iter().filter(|one| is_town(one)).count() > 1;
        let all: Vec<CommuneCode> = all.into_iter().filter(|one| !(split && *one == chief)).collect();
        let around = chief.commune().epci;
        let is_around = |one: &CommuneCode| !is_town(one) && one.commune().epci == around;
        let towns = count(all.iter().filter(|one| is_town(one)));
        let neighbours = count(all.iter().filter(|one| is_around(one)));
        let bodies = Bodies::of(all.iter().filter(|one| !is_town(one) && !is_around(one)));
        let weight = |one: &CommuneCode| {
            if is_town(one) {
                TOWN / towns
            } else if is_around(one) {
                AROUND / neighbours
            } else {
                bodies.weight(*one)
            }
        };
        let communes = all.iter().map(|one| (*one, weight(one))).collect();
        Self { territory, communes, town }
    }

    /// A commune, the larger towns more often.
    pub(super) fn commune(&self, dice: &mut Dice) -> Option<CommuneCode> {
        let place = dice.weigh(self.communes.iter().map(|(_, weight)| *weight));
        self.communes.get(place).map(|(commune, _)| *commune)
    }

    /// Where a household would live: anywhere, around the chief town, or in some communes.
    pub(super) fn wishes(&self, dice: &mut Dice) -> Vec<Area> {
        match dice.weigh([38, 34, 12, 16].into_iter()) {
            0 => Vec::new(),
            1 => self.town.and_then(|town| town.commune().epci).map(Area::Epci).into_iter().collect(),
            2 => vec![Area::Territory(self.territory)],
            _ => {
                let mut wished: Vec<Area> =
                    (0..dice.between(1, 4)).filter_map(|_| self.commune(dice)).map(area_of).collect();
                wished.sort_unstable();
                wished.dedup();
                wished
            }
        }
    }

    /// Communes that an application for social housing names.
    pub(super) fn named(&self, dice: &mut Dice) -> Vec<CommuneCode> {
        let mut named: Vec<CommuneCode> =
            (0..dice.between(1, 5)).filter_map(|_| self.commune(dice)).map(CommuneCode::city).collect();
        named.sort_unstable();
        named.dedup();
        named
    }
}

/// The body that a commune belongs to, or the commune itself.
fn area_of(commune: CommuneCode) -> Area {
    commune.commune().epci.map_or(Area::Commune(commune), Area::Epci)
}

fn count<T>(all: impl Iterator<Item = T>) -> u32 {
    u32::try_from(all.count()).unwrap_or(u32::MAX).max(1)
}

/// The other inter-municipal bodies: how much each weighs, and how many communes share it.
struct Bodies {
    total: u32,
    shares: BTreeMap<Option<EpciCode>, (u32, u32)>,
}

impl Bodies {
    fn of<'a>(communes: impl Iterator<Item = &'a CommuneCode>) -> Self {
        let mut shares: BTreeMap<Option<EpciCode>, (u32, u32)> = BTreeMap::new();
        for commune in communes {
            let epci = commune.commune().epci;
            shares.entry(epci).or_insert_with(|| (epci.map_or(1, size), 0)).1 += 1;
        }
        Self { total: shares.values().map(|(weight, _)| *weight).sum::<u32>().max(1), shares }
    }

    /// The commune that gives its name to the body weighs as much as all others of it.
    fn weight(&self, commune: CommuneCode) -> u32 {
        let epci = commune.commune().epci;
        let (weight, communes) = self.shares.get(&epci).copied().unwrap_or((1, 1));
        let share = ELSEWHERE * weight / self.total / 2;
        let seat = epci.is_some_and(|epci| epci_name(epci).contains(commune.commune().name));
        share / communes.max(1) + if seat { share } else { 0 }
    }
}

/// How much a body weighs, by its kind: the law gives each kind to larger towns than the one before.
fn size(epci: EpciCode) -> u32 {
    match epci_name(epci).split_once(' ') {
        Some(("CC", _)) => 2,
        Some(("CA", _)) => 10,
        Some((_, _)) | None => 25,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_it_is_around_the_chief_town() {
        let geography = Geography::of("33".parse().unwrap(), Settings::shipped());
        let mut dice = Dice::of(3);
        let drawn: Vec<_> = (0..1_000).filter_map(|_| geography.commune(&mut dice)).collect();
        let of = |name: &str| drawn.iter().filter(|commune| commune.commune().name == name).count();
        assert_eq!(drawn.len(), 1_000);
        assert!((350..550).contains(&of("Bordeaux")), "{}", of("Bordeaux"));
        assert!(of("Arcachon") + of("Libourne") > 0);
    }

    #[test]
    fn paris_is_written_by_its_arrondissements() {
        let geography = Geography::of("75".parse().unwrap(), Settings::shipped());
        let mut dice = Dice::of(3);
        let drawn: Vec<_> = (0..200).filter_map(|_| geography.commune(&mut dice)).collect();
        assert!(drawn.iter().all(|commune| commune.as_str() != "75056"));
        let distinct: std::collections::BTreeSet<_> = drawn.iter().map(|one| one.as_str()).collect();
        assert_eq!(distinct.len(), 20);
    }

    #[test]
    fn every_territory_of_the_tables_has_communes_of_its_own() {
        for departement in domain::reference::territory::departements() {
            let geography = Geography::of(departement.territory, Settings::shipped());
            let mut dice = Dice::of(1);
            for _ in 0..50 {
                let commune = geography.commune(&mut dice).unwrap();
                assert_eq!(commune.territory(), departement.territory, "{}", departement.name);
            }
        }
    }
}
