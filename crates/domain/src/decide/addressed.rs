//! To which ledger a command is addressed, and which one it creates.

use super::{
    Command, HouseholdCommand, InquiryCommand, OrganisationCommand, PlaceCommand, StructureCommand,
    SubscriptionCommand, UserCommand,
};
use crate::id::{
    CommandId, HouseholdId, InquiryId, OrganisationId, PlaceId, StructureId, SubscriptionId, Territory,
    UserId,
};

/// The commands of one kind of ledger.
pub trait Addressed: Sized {
    /// The id of such a ledger.
    type Id: Copy + std::fmt::Display + std::str::FromStr<Err = crate::id::Malformed>;

    /// The command, addressed to a ledger that exists.
    fn on(self, id: Self::Id) -> Command;

    /// Where the ledger that it creates will be at home; none if it creates none.
    fn home(&self) -> Option<Territory>;

    /// The command, addressed to the ledger that it creates, which is a function of the command's id.
    fn creating(self, home: Territory, command: CommandId) -> Command;
}

impl Addressed for HouseholdCommand {
    type Id = HouseholdId;

    fn on(self, id: HouseholdId) -> Command {
        Command::Household(id, self)
    }

    fn home(&self) -> Option<Territory> {
        if let Self::Register(register) = self { Some(register.territory) } else { None }
    }

    fn creating(self, home: Territory, command: CommandId) -> Command {
        self.on(HouseholdId::created_by(home, command))
    }
}

impl Addressed for PlaceCommand {
    type Id = PlaceId;

    fn on(self, id: PlaceId) -> Command {
        Command::Place(id, self)
    }

    fn home(&self) -> Option<Territory> {
        if let Self::OpenPlace(open) = self { Some(open.description.commune.territory()) } else { None }
    }

    fn creating(self, home: Territory, command: CommandId) -> Command {
        self.on(PlaceId::created_by(home, command))
    }
}

impl Addressed for StructureCommand {
    type Id = StructureId;

    fn on(self, id: StructureId) -> Command {
        Command::Structure(id, self)
    }

    fn home(&self) -> Option<Territory> {
        if let Self::OpenStructure(open) = self { Some(open.profile.commune.territory()) } else { None }
    }

    fn creating(self, home: Territory, command: CommandId) -> Command {
        self.on(StructureId::created_by(home, command))
    }
}

impl Addressed for OrganisationCommand {
    type Id = OrganisationId;

    fn on(self, id: OrganisationId) -> Command {
        Command::Organisation(id, self)
    }

    fn home(&self) -> Option<Territory> {
        if let Self::Register(register) = self { Some(register.territory) } else { None }
    }

    fn creating(self, home: Territory, command: CommandId) -> Command {
        let own = if let Self::Register(register) = &self { register.id } else { None };
        self.on(own.unwrap_or_else(|| OrganisationId::created_by(home, command)))
    }
}

impl Addressed for UserCommand {
    type Id = UserId;

    fn on(self, id: UserId) -> Command {
        Command::User(id, self)
    }

    fn home(&self) -> Option<Territory> {
        if let Self::Invite(invite) = self {
            invite.profiles.first().map(|profile| profile.organisation.territory())
        } else {
            None
        }
    }

    fn creating(self, home: Territory, command: CommandId) -> Command {
        self.on(UserId::created_by(home, command))
    }
}

impl Addressed for SubscriptionCommand {
    type Id = SubscriptionId;

    fn on(self, id: SubscriptionId) -> Command {
        Command::Subscription(id, self)
    }

    fn home(&self) -> Option<Territory> {
        if let Self::Open(open) = self { Some(open.territory) } else { None }
    }

    fn creating(self, home: Territory, command: CommandId) -> Command {
        self.on(SubscriptionId::created_by(home, command))
    }
}

impl Addressed for InquiryCommand {
    type Id = InquiryId;

    fn on(self, id: InquiryId) -> Command {
        Command::Inquiry(id, self)
    }

    fn home(&self) -> Option<Territory> {
        if let Self::Open(open) = self { Some(open.territory) } else { None }
    }

    fn creating(self, home: Territory, command: CommandId) -> Command {
        self.on(InquiryId::created_by(home, command))
    }
}
