//! Moving out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::running;
use crate::calendar::{Day, Instant, day, days_after};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, household, place, words};
use crate::household::Household;
use crate::household::stay::{PersonsLeft, Stay, StayEnded};
use crate::id::{HouseholdId, PersonId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::{OccupantsChanged, Title, Vacated};
use crate::reference::{ExitDestination, ExitReason};
use crate::refusal::Refusal;

/// An exit from a stay.
pub(in crate::decide) struct Exit {
    pub(in crate::decide) at: Timestamp,
    pub(in crate::decide) destination: ExitDestination,
    pub(in crate::decide) reason: ExitReason,
    pub(in crate::decide) deposit: bool,
}

pub(super) fn checked_exit(destination: ExitDestination) -> Result<(), Refusal> {
    if destination.exit_class().ends_stay() {
        return Ok(());
    }
    let sentence = "Une absence prévue n'est pas une sortie : enregistrez une absence.";
    Err(Refusal::invalid("absence-is-not-exit", "stay", sentence))
}

impl Exit {
    /// Ends the stay if all of it are among `moving`; otherwise those leave it, and it goes on for the others.
    #[expect(clippy::too_many_arguments, reason = "a step of a decision names all that it concerns")]
    pub(in crate::decide) fn write_for(
        &self,
        moving: &BTreeSet<PersonId>,
        id: HouseholdId,
        is: &Household,
        stay: StayId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let staying = running(is, stay)?;
        let persons: BTreeSet<_> = staying.persons.intersection(moving).copied().collect();
        if persons.is_empty() {
            let sentence = "Aucune des personnes qui arrivent ne vit dans la place quittée.";
            return Err(Refusal::invalid("nobody-leaves", "INV-1", sentence).into());
        }
        if persons.len() == staying.persons.len() {
            return self.write(id, is, stay, ctx, ledgers, draft);
        }
        if self.deposit {
            let sentence = "La prise en charge continue pour les autres : le dépôt se rend à leur sortie.";
            return Err(Refusal::invalid("stay-goes-on", "stay", sentence).into());
        }
        place(ledgers, staying.place)?;
        let since = persons.iter().map(|person| staying.since(*person)).max();
        self.check(staying, since, ctx)?;
        let remaining = u8::try_from(staying.persons.len() - persons.len()).unwrap_or(u8::MAX);
        let (destination, reason) = (self.destination, self.reason);
        draft.household(id, self.at, PersonsLeft { stay, persons, destination, reason });
        let title = Title::Stay { stay };
        draft.place(staying.place, self.at, OccupantsChanged { title, household: id, persons: remaining });
        Ok(())
    }

    /// The exit is one, of the past, and neither before the entry nor before `latest`.
    fn check(&self, staying: &Stay, latest: Option<Timestamp>, ctx: &Context<'_>) -> Result<(), Refusal> {
        checked_exit(self.destination)?;
        let territory = staying.place.territory();
        ctx.past(territory, Some(Instant(self.at)))?;
        if self.at < staying.from {
            let sentence = format!("La sortie précède l'entrée du {}.", words(territory, staying.from));
            return Err(Refusal::invalid("dates-reversed", "stay", sentence));
        }
        if let Some(latest) = latest.filter(|latest| self.at < *latest) {
            let sentence = format!(
                "La sortie précède ce qui est enregistré le {} : une personne est arrivée ou partie.",
                words(territory, latest)
            );
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).since(latest));
        }
        Ok(())
    }

    /// Ends the stay and frees its place, within the decision that is being taken.
    pub(in crate::decide) fn write(
        &self,
        id: HouseholdId,
        is: &Household,
        stay: StayId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let staying = running(is, stay)?;
        place(ledgers, staying.place)?;
        self.check(staying, staying.last_move(), ctx)?;
        let territory = staying.place.territory();
        let days = ctx.rules(territory).residence_deposit_return_days;
        let deposit_due = self.deposit.then(|| Day(days_after(day(territory, self.at), days)));
        let (destination, reason) = (self.destination, self.reason);
        draft.household(id, self.at, StayEnded { stay, destination, reason, deposit_due });
        draft.place(staying.place, self.at, Vacated { title: Title::Stay { stay } });
        Ok(())
    }
}

/// Ends a stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndStay {
    /// The stay.
    pub stay: StayId,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Where to.
    pub destination: ExitDestination,
    /// Why.
    pub reason: ExitReason,
    /// Whether a deposit is to be returned (within fifteen days in a résidence sociale).
    #[serde(default)]
    pub deposit_to_return: bool,
}

impl Decide<HouseholdId> for EndStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let at = ctx.past(id.territory(), self.at)?;
        let exit =
            Exit { at, destination: self.destination, reason: self.reason, deposit: self.deposit_to_return };
        exit.write(id, is, self.stay, ctx, ledgers, draft)
    }
}
