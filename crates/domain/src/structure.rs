//! The structure ledger: the establishment or building that places belong to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::event::{Stamp, events, families};
use crate::id::OrganisationId;
use crate::reference::CommuneCode;
use crate::structure_kind::StructureKind;

/// What a structure is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, as on the door.
    pub name: String,
    /// Its kind.
    pub kind: StructureKind,
    /// Who runs it.
    pub provider: OrganisationId,
    /// Where it is.
    pub commune: CommuneCode,
    /// Number and street. Kept out where the address must stay secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// FINESS number, nine digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finess: Option<String>,
    /// The provider's own reference, so that an import finds it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// `structure.opened`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StructureOpened {
    /// What it is.
    pub profile: Profile,
}

/// `structure.changed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StructureChanged {
    /// What it is now.
    pub profile: Profile,
}

/// `structure.closed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StructureClosed {
    /// First day without it.
    pub from: Day,
}

events! {
    /// What can happen to the profile of a structure.
    pub enum ProfileEvent in StructureEvent::Profile {
        "structure.opened" v 1 => StructureOpened(StructureOpened),
        "structure.changed" v 1 => StructureChanged(StructureChanged),
        "structure.closed" v 1 => StructureClosed(StructureClosed),
    }
}

families! {
    /// What can happen to a structure.
    pub enum StructureEvent {
        Profile(ProfileEvent),
    }
}

/// A structure: the fold of its ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Structure {
    /// Nothing is written on this ledger.
    #[default]
    Unknown,
    /// Running.
    Open {
        /// What it is.
        profile: Profile,
    },
    /// Closed.
    Closed {
        /// What it was.
        profile: Profile,
        /// First day without it.
        from: Day,
    },
}

impl Structure {
    /// What the structure is or was, if it is known.
    #[must_use]
    pub fn profile(&self) -> Option<&Profile> {
        match self {
            Self::Unknown => None,
            Self::Open { profile } | Self::Closed { profile, .. } => Some(profile),
        }
    }

    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &StructureEvent, _: &Stamp) {
        let StructureEvent::Profile(event) = event;
        match event {
            ProfileEvent::StructureOpened(e) => *self = Self::Open { profile: e.profile.clone() },
            ProfileEvent::StructureChanged(e) => {
                if let Self::Open { profile } | Self::Closed { profile, .. } = self {
                    profile.clone_from(&e.profile);
                }
            }
            ProfileEvent::StructureClosed(e) => {
                if let Some(profile) = self.profile() {
                    *self = Self::Closed { profile: profile.clone(), from: e.from };
                }
            }
        }
    }
}
