//! The households that a command names: whoever calls them otherwise than by their ids is understood here.

use super::allocation::DesignateCandidates;
use super::custody::ShareCustody;
use super::family::Merge;
use super::{Command, HouseholdCommand, PlaceCommand};
use crate::id::HouseholdId;

impl Command {
    /// Every household that it names, the one that it addresses first.
    pub fn households(&mut self) -> Vec<&mut HouseholdId> {
        match self {
            Self::Household(id, command) => {
                let mut named = vec![id];
                if let HouseholdCommand::Merge(Merge { from: other, .. })
                | HouseholdCommand::ShareCustody(ShareCustody { of: other, .. }) = command
                {
                    named.push(other);
                }
                named
            }
            Self::Place(_, PlaceCommand::DesignateCandidates(DesignateCandidates { candidates })) => {
                candidates.iter_mut().map(|candidate| &mut candidate.household).collect()
            }
            // The clock acts on what is recorded.
            Self::Place(..)
            | Self::Structure(..)
            | Self::Organisation(..)
            | Self::User(..)
            | Self::Subscription(..)
            | Self::Inquiry(..)
            | Self::Elapse(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{
        CommandKind, InquiryCommand, OrganisationCommand, StructureCommand, SubscriptionCommand, UserCommand,
    };

    #[test]
    fn no_other_command_names_a_household_in_its_body() {
        let names = |kind: &&CommandKind| {
            let mut schemas = schemars::generate::SchemaSettings::draft2020_12().into_generator();
            (kind.schema)(&mut schemas);
            schemas.definitions().contains_key("HouseholdId")
        };
        let kinds = [
            HouseholdCommand::KINDS,
            PlaceCommand::KINDS,
            StructureCommand::KINDS,
            OrganisationCommand::KINDS,
            UserCommand::KINDS,
            SubscriptionCommand::KINDS,
            InquiryCommand::KINDS,
        ];
        let naming: Vec<_> = kinds.into_iter().flatten().filter(names).map(|kind| kind.name).collect();
        assert_eq!(naming, ["merge", "share-custody", "designate-candidates"]);
    }
}
