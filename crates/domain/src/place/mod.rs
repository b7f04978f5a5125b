//! The place ledger: everything that happens to one place or dwelling.

pub mod committee;
pub mod inventory;
pub mod occupancy;
pub mod vacancy;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, day, days_after, start_of_day};
use crate::event::{Stamp, families};
use crate::id::{CommitteeId, Territory, VacancyId};
use inventory::{Description, Inventory, OfflineSpells};
use occupancy::{Hold, Occupancy};
use vacancy::{Vacancy, VacancySituation};

families! {
    /// What can happen to a place, by sub-machine.
    pub enum PlaceEvent {
        Inventory(inventory::InventoryEvent),
        Occupancy(occupancy::OccupancyEvent),
        Vacancy(vacancy::VacancyEvent),
        Committee(committee::CommitteeEvent),
    }
}

/// A place or dwelling: the fold of its ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// What it is, and whether it exists.
    pub inventory: Inventory,
    /// When it could or cannot be used.
    pub offline: OfflineSpells,
    /// The referral that holds it (INV-2: at most one).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Who lives or lived there, in the order it was recorded.
    pub occupancies: Vec<Occupancy>,
    /// The first day it will be free, when a departure is announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departure: Option<Day>,
    /// Every vacancy there has been: a declaration that is asked again is not another one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub vacancies: BTreeSet<VacancyId>,
    /// Every session of the committee that it was on the agenda of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub committees: BTreeSet<CommitteeId>,
    /// The last vacancy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vacancy: Option<Vacancy>,
}

impl Place {
    /// What the place is, while nobody has said that it closes.
    #[must_use]
    pub fn description(&self) -> Option<&Description> {
        match &self.inventory {
            Inventory::Open { description, .. } => Some(description),
            Inventory::Unknown | Inventory::Closed { .. } => None,
        }
    }

    /// What the place is, if it is part of the supply on `day`: one that is to close is, until then.
    #[must_use]
    pub fn description_on(&self, day: Date) -> Option<&Description> {
        match &self.inventory {
            Inventory::Open { description, .. } => Some(description),
            Inventory::Closed { from, description, .. } => (day < from.0).then_some(&**description),
            Inventory::Unknown => None,
        }
    }

    /// The off-line spell that covers `day`, if one does.
    #[must_use]
    pub fn offline_on(&self, day: Date) -> Option<&inventory::OfflineSpell> {
        self.offline.values().find(|spell| {
            spell.from.0 <= day
                && (if spell.over { spell.until.is_some_and(|until| day <= until.0) } else { true })
        })
    }

    /// Where the place stands at `at`, in one word.
    #[must_use]
    pub fn situation(&self, at: Timestamp, day: Date) -> PlaceSituation {
        match &self.inventory {
            Inventory::Unknown => return PlaceSituation::Unknown,
            Inventory::Closed { from, .. } if from.0 <= day => return PlaceSituation::Closed,
            Inventory::Closed { .. } | Inventory::Open { .. } => {}
        }
        if self.current_occupancy().is_some() {
            PlaceSituation::Occupied
        } else if self.hold.is_some() {
            PlaceSituation::Held
        } else if self.offline_on(day).is_some() {
            PlaceSituation::Offline
        } else if self.open_vacancy().is_some_and(|vacancy| at <= vacancy.good_until) {
            PlaceSituation::Vacant
        } else {
            PlaceSituation::Undeclared
        }
    }

    /// Since when the place has stood where it stands at `at`.
    #[must_use]
    pub fn situation_since(&self, at: Timestamp, territory: Territory) -> Option<Timestamp> {
        let day = day(territory, at);
        match self.situation(at, day) {
            PlaceSituation::Unknown => None,
            PlaceSituation::Closed => match &self.inventory {
                Inventory::Closed { from, .. } => Some(start_of_day(territory, from.0)),
                Inventory::Open { .. } | Inventory::Unknown => None,
            },
            PlaceSituation::Occupied => self.current_occupancy().map(|occupancy| occupancy.from),
            PlaceSituation::Held => self.hold.as_ref().map(|hold| hold.since),
            PlaceSituation::Offline => {
                self.offline_on(day).map(|spell| start_of_day(territory, spell.from.0))
            }
            PlaceSituation::Vacant => self.open_vacancy().map(|vacancy| vacancy.declared),
            PlaceSituation::Undeclared => self.empty_since(at, territory),
        }
    }

    /// Since when the place has been empty, part of the supply, usable, and not on offer.
    pub(crate) fn empty_since(&self, at: Timestamp, territory: Territory) -> Option<Timestamp> {
        let opened = match &self.inventory {
            Inventory::Open { from, .. } => Some(start_of_day(territory, from.0)),
            Inventory::Closed { opened, .. } => Some(start_of_day(territory, opened.0)),
            Inventory::Unknown => None,
        };
        let freed = self.occupancies.iter().filter_map(|occupancy| occupancy.to);
        let back = self.offline.values().filter(|spell| spell.over).filter_map(|spell| spell.until);
        let back = back.map(|last| start_of_day(territory, days_after(last.0, 1)));
        let ended = self.vacancy.as_ref().and_then(|vacancy| match vacancy.situation {
            VacancySituation::Open => Some(vacancy.good_until),
            VacancySituation::Expired | VacancySituation::Withdrawn { .. } => vacancy.ended,
            VacancySituation::Filled => None,
        });
        opened.into_iter().chain(freed).chain(back).chain(ended).filter(|since| *since <= at).max()
    }

    /// Adds one recorded fact: it already happened, so this cannot fail, and an event about something that this ledger
    /// does not know changes nothing.
    pub fn evolve(&mut self, event: &PlaceEvent, stamp: &Stamp) {
        match event {
            PlaceEvent::Inventory(e) => self.fold_inventory(e, stamp),
            PlaceEvent::Occupancy(e) => self.fold_occupancy(e, stamp),
            PlaceEvent::Vacancy(e) => self.fold_vacancy(e, stamp),
            PlaceEvent::Committee(e) => self.fold_committee(e, stamp),
        }
    }
}

/// Where a place stands, in one word.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PlaceSituation {
    /// Nothing is known of it.
    Unknown,
    /// No longer part of the supply.
    Closed,
    /// Somebody lives there.
    Occupied,
    /// A referral holds it.
    Held,
    /// It cannot be used.
    Offline,
    /// On offer.
    Vacant,
    /// Empty, but no vacancy is declared, or the last one expired.
    Undeclared,
}

impl PlaceSituation {
    /// The situation in a few French words, for lists.
    #[must_use]
    pub fn label_fr(self) -> &'static str {
        match self {
            Self::Unknown => "place inconnue",
            Self::Closed => "place fermée",
            Self::Occupied => "place occupée",
            Self::Held => "place retenue par une orientation",
            Self::Offline => "place indisponible",
            Self::Vacant => "place libre",
            Self::Undeclared => "place non déclarée libre, ou non confirmée à temps",
        }
    }
}
