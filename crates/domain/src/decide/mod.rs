//! Decisions: a command and the ledgers it concerns in, changes or a refusal out.
//!
//! Each file rules on one part of the pathway: the commands, with what they must say, and beside each its decision.
//! A step that concerns a household and a place yields changes to both ledgers at once.

pub mod account;
pub mod allocation;
pub mod application;
pub mod clock;
pub mod consent;
pub mod correction;
pub mod custody;
pub mod erasure;
pub mod family;
pub mod follow_up;
pub mod inquiry;
pub mod inventory;
pub mod lease;
pub mod occupants;
pub mod organisation;
pub mod person_request;
pub mod protection;
pub mod referral;
pub mod registration;
pub mod request;
pub mod stay;
pub mod subscription;
pub mod user;
pub mod vacancy;

mod addressed;
mod command;
mod created;
mod death;
mod named;
mod recheck;

pub use addressed::Addressed;
pub use command::{
    Command, CommandKind, HouseholdCommand, InquiryCommand, OrganisationCommand, PlaceCommand, Service,
    StructureCommand, SubscriptionCommand, UserCommand, Visitor, catalogue,
};
pub use created::created;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar;
use crate::household::follow_up::Follower;
use crate::household::{Household, HouseholdEvent, Registration};
use crate::id::{
    CommandId, HouseholdId, InquiryId, OrganisationId, PlaceId, StructureId, SubscriptionId, Territory,
    UserId,
};
use crate::inquiry::InquiryEvent;
use crate::ledger::{AggregateId, Change, Fact, Halt, Ledgers};
use crate::matching::Standing;
use crate::organisation::OrganisationEvent;
use crate::place::{Place, PlaceEvent};
use crate::refusal::Refusal;
use crate::rules::{RuleBook, Rules};
use crate::structure::StructureEvent;
use crate::subscription::SubscriptionEvent;
use crate::user::UserEvent;

/// How far ahead of our clock a caller's may be before a fact counts as future.
const CLOCK_TOLERANCE_S: i64 = 300;

/// What a decision may know beside the ledgers: when it is taken, by which command, under which rules.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The command, from which the ids of what it creates derive.
    pub command: CommandId,
    /// Now, by the clock of the process.
    pub at: Timestamp,
    /// On whose behalf.
    pub organisation: OrganisationId,
    /// The person who asks, if it is a person who signed in.
    pub user: Option<UserId>,
    /// The dated rules.
    pub book: &'a RuleBook,
    /// For a proposal: the request's rank on the place's list, when the list is at hand.
    pub standing: Option<Standing>,
}

impl Context<'_> {
    /// Who asks, as somebody who follows a household.
    pub(crate) fn follower(&self) -> Option<Follower> {
        Some(Follower { organisation: self.organisation, worker: self.user })
    }

    /// The rules in force now in `territory`.
    #[must_use]
    pub fn rules(&self, territory: Territory) -> &Rules {
        self.book.on(territory, self.today(territory))
    }

    /// Today, where the thing is.
    #[must_use]
    pub fn today(&self, territory: Territory) -> Date {
        calendar::day(territory, self.at)
    }

    /// The instant a fact was true: `stated`, or now. The future is refused, and so is a past too long gone.
    pub(crate) fn past(
        &self,
        territory: Territory,
        stated: Option<calendar::Instant>,
    ) -> Result<Timestamp, Refusal> {
        let Some(stated) = stated else { return Ok(self.at) };
        let stated = self.happened(stated)?;
        let years = self.rules(territory).late_recording_years;
        if calendar::day(territory, stated) < calendar::months_after(self.today(territory), -12 * years) {
            return Err(Refusal::invalid(
                "date-too-old",
                "facts",
                format!("Cette date remonte à plus de {years} ans : vérifiez l'année."),
            ));
        }
        Ok(stated)
    }

    /// The instant a fact was true, however long ago: a stay that is taken over may have begun in another century.
    pub(crate) fn happened(&self, stated: calendar::Instant) -> Result<Timestamp, Refusal> {
        if stated.0.as_second() > self.at.as_second() + CLOCK_TOLERANCE_S {
            return Err(Refusal::invalid(
                "date-in-future",
                "facts",
                "Cette date est dans le futur : n'enregistrez que ce qui a eu lieu.",
            ));
        }
        Ok(stated.0)
    }
}

/// Rules on `command`.
///
/// # Errors
/// [`Halt::Need`] names a ledger that must be brought; [`Halt::Refused`] says which rule says no.
pub fn decide(command: &Command, ctx: &Context<'_>, ledgers: &Ledgers) -> Result<Vec<Change>, Halt> {
    let mut draft = Draft::default();
    command.rule(ctx, ledgers, &mut draft)?;
    Ok(draft.changes)
}

/// The changes of a decision while it is being taken.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    changes: Vec<Change>,
}

impl Draft {
    pub(crate) fn household(
        &mut self,
        id: HouseholdId,
        effective: Timestamp,
        event: impl Into<HouseholdEvent>,
    ) {
        let fact = Fact::Household(event.into());
        self.changes.push(Change { ledger: AggregateId::Household(id), fact, effective });
    }

    pub(crate) fn place(&mut self, id: PlaceId, effective: Timestamp, event: impl Into<PlaceEvent>) {
        let fact = Fact::Place(event.into());
        self.changes.push(Change { ledger: AggregateId::Place(id), fact, effective });
    }

    pub(crate) fn structure(
        &mut self,
        id: StructureId,
        effective: Timestamp,
        event: impl Into<StructureEvent>,
    ) {
        let fact = Fact::Structure(event.into());
        self.changes.push(Change { ledger: AggregateId::Structure(id), fact, effective });
    }

    pub(crate) fn organisation(
        &mut self,
        id: OrganisationId,
        effective: Timestamp,
        event: impl Into<OrganisationEvent>,
    ) {
        let fact = Fact::Organisation(event.into());
        self.changes.push(Change { ledger: AggregateId::Organisation(id), fact, effective });
    }

    pub(crate) fn user(&mut self, id: UserId, effective: Timestamp, event: impl Into<UserEvent>) {
        let fact = Fact::User(event.into());
        self.changes.push(Change { ledger: AggregateId::User(id), fact, effective });
    }

    pub(crate) fn subscription(
        &mut self,
        id: SubscriptionId,
        effective: Timestamp,
        event: impl Into<SubscriptionEvent>,
    ) {
        let fact = Fact::Subscription(event.into());
        self.changes.push(Change { ledger: AggregateId::Subscription(id), fact, effective });
    }

    pub(crate) fn inquiry(&mut self, id: InquiryId, effective: Timestamp, event: impl Into<InquiryEvent>) {
        let fact = Fact::Inquiry(event.into());
        self.changes.push(Change { ledger: AggregateId::Inquiry(id), fact, effective });
    }
}

/// The household, if it is registered and still by itself.
pub(crate) fn household(ledgers: &Ledgers, id: HouseholdId) -> Result<&Household, Halt> {
    let household = ledgers.household(id)?;
    match &household.registration {
        Registration::Registered { .. } => Ok(household),
        Registration::Unknown => Err(Refusal::unknown("Ménage").into()),
        Registration::MergedInto { into } => Err(Refusal::conflict(
            "household-merged",
            "INV-11",
            format!("Ce dossier a été fusionné avec le dossier {into} : ouvrez celui-là."),
        )
        .into()),
        Registration::Erased(erasure) => {
            let sentence = "Ce dossier est effacé : si la personne revient, enregistrez un nouveau ménage.";
            Err(Refusal::conflict("household-erased", "INV-18", sentence).since(erasure.at).into())
        }
    }
}

/// The household, if somebody is left in it: nothing is opened for those who have all died.
pub(crate) fn living(ledgers: &Ledgers, id: HouseholdId) -> Result<&Household, Halt> {
    let household = household(ledgers, id)?;
    if household.composition.members.is_empty() {
        let sentence = "La dernière personne de ce ménage est décédée : enregistrez un autre ménage.";
        return Err(Refusal::conflict("household-empty", "INV-11", sentence).into());
    }
    Ok(household)
}

/// The place, if it is known.
pub(crate) fn place(ledgers: &Ledgers, id: PlaceId) -> Result<&Place, Halt> {
    let place = ledgers.place(id)?;
    if place.inventory.description().is_some() { Ok(place) } else { Err(Refusal::unknown("Place").into()) }
}

/// A local date and time in words: `23/11/2026 à 18:04:02`.
pub(crate) fn words(territory: Territory, at: Timestamp) -> String {
    let local = at.to_zoned_datetime(calendar::time_zone(territory));
    format!(
        "{:02}/{:02}/{} à {:02}:{:02}:{:02}",
        local.day(),
        local.month(),
        local.year(),
        local.hour(),
        local.minute(),
        local.second()
    )
}

/// A day in words: `23/11/2026`.
pub(crate) fn day_words(day: Date) -> String {
    format!("{:02}/{:02}/{}", day.day(), day.month(), day.year())
}
