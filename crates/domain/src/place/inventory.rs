//! The inventory: what the place is, when it exists, when it cannot be used.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::event::{Stamp, events};
use crate::id::{OfflineSpellId, OrganisationId, StructureId};
use crate::money::Money;
use crate::place::{Place, PlaceEvent};
use crate::reference::{Animal, CommuneCode, OfflineReason, PlaceCategory};
use crate::structure_kind::StructureKind;

/// Who a place is for: the hard criteria that matching checks, each by a rule with an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Criteria {
    /// Which sexes are admitted among adults.
    pub gender: GenderRule,
    /// Whether couples are admitted.
    pub couples: bool,
    /// Whether minors are admitted.
    pub children: bool,
    /// Fewest persons.
    pub persons_min: u8,
    /// Youngest age of an adult, in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_min: Option<u8>,
    /// Oldest age of an adult, in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_max: Option<u8>,
    /// Animals that are admitted.
    pub animals: BTreeSet<Animal>,
    /// A wheelchair can enter and turn.
    pub wheelchair: bool,
    /// Ground floor or lift.
    pub step_free: bool,
    /// Reserved for victims of violence.
    pub violence_dedicated: bool,
    /// Households under a measure of justice are admitted.
    pub justice: bool,
    /// The least monthly resources, as a bracket, where the fee asks for some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources_min: Option<crate::household::request::ResourceBracket>,
}

impl Default for Criteria {
    /// Open to all, without special equipment.
    fn default() -> Self {
        Self {
            gender: GenderRule::Mixed,
            couples: true,
            children: true,
            persons_min: 1,
            age_min: None,
            age_max: None,
            animals: BTreeSet::new(),
            wheelchair: false,
            step_free: false,
            violence_dedicated: false,
            justice: true,
            resources_min: None,
        }
    }
}

/// Which adults a place admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenderRule {
    /// All.
    Mixed,
    /// Women only.
    WomenOnly,
    /// Men only.
    MenOnly,
}

/// What a place is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The structure it belongs to.
    pub structure: StructureId,
    /// What kind of structure or dwelling: the structure's own kind.
    pub kind: StructureKind,
    /// Who runs it: the only one that answers for it.
    pub provider: OrganisationId,
    /// Number on the door, lot, reference of the provider.
    pub label: String,
    /// SI-SIAO category (chambre individuelle, T1…).
    pub category: PlaceCategory,
    /// How many persons it can house.
    pub capacity: u8,
    /// Where it is.
    pub commune: CommuneCode,
    /// Who it is for.
    #[serde(default)]
    pub criteria: Criteria,
    /// Monthly rent or fee, in cents, if it is known in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rent: Option<Money>,
    /// Whether it was built with the PLAI-adapté subsidy: a committee may examine fewer than three candidates.
    #[serde(default)]
    pub plai_adapte: bool,
}

/// A spell during which the place cannot be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfflineSpell {
    /// Why.
    pub reason: OfflineReason,
    /// First day.
    pub from: Day,
    /// Last day, known or expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Whether it is over.
    pub over: bool,
}

/// Whether the place exists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Inventory {
    /// Nothing is written on this ledger.
    #[default]
    Unknown,
    /// Part of the supply.
    Open {
        /// Since when.
        from: Day,
        /// What it is.
        description: Box<Description>,
    },
    /// No longer part of it.
    Closed {
        /// Since when it existed.
        opened: Day,
        /// Since when it no longer does.
        from: Day,
        /// What it was.
        description: Box<Description>,
    },
}

/// `place.opened`: part of the supply from the effective date on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceOpened {
    /// First day.
    pub from: Day,
    /// What it is.
    pub description: Description,
}

/// `place.changed`: another capacity, public or rent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceChanged {
    /// What it is now.
    pub description: Description,
}

/// `place.closed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceClosed {
    /// First day without it.
    pub from: Day,
}

/// `place.taken_offline`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TakenOffline {
    /// The spell.
    pub spell: OfflineSpellId,
    /// Why.
    pub reason: OfflineReason,
    /// First day.
    pub from: Day,
    /// Last day, known or expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
}

/// `place.back_online`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackOnline {
    /// The spell that ends.
    pub spell: OfflineSpellId,
    /// Its last day.
    pub until: Day,
}

events! {
    /// What can happen to the inventory of a place.
    pub enum InventoryEvent in PlaceEvent::Inventory {
        "place.opened" v 1 => PlaceOpened(PlaceOpened),
        "place.changed" v 1 => PlaceChanged(PlaceChanged),
        "place.closed" v 1 => PlaceClosed(PlaceClosed),
        "place.taken_offline" v 1 => TakenOffline(TakenOffline),
        "place.back_online" v 1 => BackOnline(BackOnline),
    }
}

impl Inventory {
    /// What the place is or was, if it is known.
    #[must_use]
    pub fn description(&self) -> Option<&Description> {
        match self {
            Self::Unknown => None,
            Self::Open { description, .. } | Self::Closed { description, .. } => Some(description),
        }
    }
}

/// Off-line spells of a place.
pub type OfflineSpells = BTreeMap<OfflineSpellId, OfflineSpell>;

impl Place {
    pub(super) fn fold_inventory(&mut self, event: &InventoryEvent, _: &Stamp) {
        use InventoryEvent as E;
        match event {
            E::PlaceOpened(e) => {
                self.inventory =
                    Inventory::Open { from: e.from, description: Box::new(e.description.clone()) };
            }
            E::PlaceChanged(e) => {
                if let Inventory::Open { description, .. } | Inventory::Closed { description, .. } =
                    &mut self.inventory
                {
                    **description = e.description.clone();
                }
            }
            E::PlaceClosed(e) => {
                if let Inventory::Open { from: opened, description } = &self.inventory {
                    self.inventory =
                        Inventory::Closed { opened: *opened, from: e.from, description: description.clone() };
                }
            }
            E::TakenOffline(e) => {
                let spell = OfflineSpell { reason: e.reason, from: e.from, until: e.until, over: false };
                self.offline.insert(e.spell, spell);
            }
            E::BackOnline(e) => {
                if let Some(spell) = self.offline.get_mut(&e.spell) {
                    spell.until = Some(e.until);
                    spell.over = true;
                }
            }
        }
    }
}
