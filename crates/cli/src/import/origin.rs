//! Where a file comes from, and the ids that follow from it.
//!
//! A key is a function of what the source calls the thing, never of the line it stands on. The ids of what a command
//! creates are a function of the key, so a later file finds what an earlier one created without asking the server.

use std::collections::BTreeSet;

use domain::calendar::Day;
use domain::id::{
    CommandId, HouseholdId, OrganisationId, PersonId, PlaceId, RequestId, StructureId, Territory,
};
use uuid::Uuid;

/// The name space of the keys of imports (a random UUID drawn once).
const KEYS: Uuid = Uuid::from_u128(0x3d3a_77c1_6a50_4f0e_9a55_5be2_04d1_c6f8);

/// Where a file comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// On whose behalf the file is imported.
    pub organisation: OrganisationId,
    /// The département of the households and of places that name none.
    pub territory: Territory,
    /// The system the references are of, where the organisation has several whose references could meet.
    pub source: String,
    /// Who imported the households that the file refers to, if somebody else did.
    pub households_of: OrganisationId,
    /// Who imported the structures and places that the file refers to, if somebody else did.
    pub places_of: OrganisationId,
    /// The last renewal of the applications of a file of the register, which does not tell it.
    pub renewed_on: Option<Day>,
}

/// What a reference is the reference of. Names are part of keys: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    Household,
    Structure,
    Place,
    Stay,
    Application,
}

impl Thing {
    fn name(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Structure => "structure",
            Self::Place => "place",
            Self::Stay => "stay",
            Self::Application => "application",
        }
    }
}

impl Origin {
    /// A file of `organisation`, all of whose references are its own.
    #[must_use]
    pub fn of(organisation: OrganisationId) -> Self {
        let (territory, source) = (organisation.territory(), String::new());
        Self {
            organisation,
            territory,
            source,
            households_of: organisation,
            places_of: organisation,
            renewed_on: None,
        }
    }

    /// The *Idempotency-Key* of `command` about the thing that the source calls `reference`. References may tell who
    /// somebody is: the key carries only a digest.
    pub(crate) fn key(&self, thing: Thing, reference: &str, command: &str) -> String {
        let name = [self.source.as_str(), thing.name(), reference, command].join("\u{0}");
        format!("import.{command}.{}", Uuid::new_v5(&KEYS, name.as_bytes()))
    }

    fn created(&self, by: OrganisationId, thing: Thing, reference: &str, command: &str) -> CommandId {
        CommandId::of_key(&by.to_string(), &self.key(thing, reference, command))
    }

    /// The household that the source calls `reference`; an id of Continuum is taken as it is.
    pub(crate) fn household(&self, reference: &str) -> HouseholdId {
        reference.parse().unwrap_or_else(|_| {
            let command = self.created(self.households_of, Thing::Household, reference, "register");
            HouseholdId::created_by(self.territory, command)
        })
    }

    /// The first persons of the household that the source calls `reference`, in the order in which an import registers
    /// them.
    pub(crate) fn persons(&self, reference: &str, count: u8) -> BTreeSet<PersonId> {
        let command = self.created(self.households_of, Thing::Household, reference, "register");
        (0..usize::from(count)).map(|nth| PersonId::nth_created_by(command, nth)).collect()
    }

    /// The structure that the source calls `reference`, in `territory`; an id of Continuum is taken as it is.
    pub(crate) fn structure(&self, reference: &str, territory: Territory) -> StructureId {
        reference.parse().unwrap_or_else(|_| {
            StructureId::created_by(
                territory,
                self.created(self.places_of, Thing::Structure, reference, "open"),
            )
        })
    }

    /// The place that the source calls `reference`, in `territory`; an id of Continuum is taken as it is.
    pub(crate) fn place(&self, reference: &str, territory: Territory) -> PlaceId {
        reference.parse().unwrap_or_else(|_| {
            PlaceId::created_by(territory, self.created(self.places_of, Thing::Place, reference, "open"))
        })
    }

    /// The request that the command of this key creates.
    pub(crate) fn request(&self, key: &str) -> RequestId {
        RequestId::created_by(CommandId::of_key(&self.organisation.to_string(), key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_what_the_source_calls_things() {
        let organisation = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();
        let origin = Origin::of(organisation);
        assert_eq!(origin.household("M-1"), Origin::of(organisation).household("M-1"));
        assert_ne!(origin.household("M-1"), origin.household("M-2"));
        let other = Origin { source: "old register".to_owned(), ..Origin::of(organisation) };
        assert_ne!(origin.household("M-1"), other.household("M-1"), "two sources may use the same reference");
        let given = "2A-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
        assert_eq!(origin.household(given).to_string(), given);
    }

    #[test]
    fn a_provider_finds_the_households_that_the_siao_imported() {
        let siao = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();
        let provider = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a91".parse().unwrap();
        let own = Origin::of(provider);
        let referring = Origin { households_of: siao, ..Origin::of(provider) };
        assert_ne!(own.household("M-1"), Origin::of(siao).household("M-1"));
        assert_eq!(referring.household("M-1"), Origin::of(siao).household("M-1"));
    }

    #[test]
    fn a_key_tells_nothing_and_fits_a_header() {
        let organisation = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();
        let key = Origin::of(organisation).key(Thing::Household, "DUPONT Jean né le 01/01/1970", "register");
        assert!(key.len() <= 128 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
        assert!(!key.contains("DUPONT"));
    }
}
