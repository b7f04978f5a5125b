//! Members join a running stay later, or leave it before the others (INV-1, INV-2, INV-4).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::family::were_here;
use super::stay::{Exit, admits, existing, running};
use super::{Context, Draft, household, place, words};
use crate::calendar::{Instant, day};
use crate::household::Household;
use crate::household::occupants::StayJoined;
use crate::household::presence::Presence;
use crate::household::stay::Stay;
use crate::id::{HouseholdId, PersonId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::{OccupantsChanged, Title};
use crate::reference::{ExitDestination, ExitReason};
use crate::refusal::Refusal;

/// Members join a running stay: a newborn once there is room, a partner after a reunion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinStay {
    /// The stay.
    pub stay: StayId,
    /// Who joins.
    pub persons: BTreeSet<PersonId>,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for JoinStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        let members = &is.composition.members;
        if self.persons.is_empty() || !self.persons.iter().all(|person| members.contains_key(person)) {
            return Err(Refusal::unknown("Personne").into());
        }
        if !staying.persons.is_disjoint(&self.persons) {
            let sentence = "L'une de ces personnes est déjà dans cette prise en charge.";
            return Err(Refusal::conflict("already-staying", "INV-1", sentence).into());
        }
        let territory = staying.place.territory();
        let at = within(staying, self.at, ctx)?;
        were_here(is, &self.persons, at, None)?;
        free_elsewhere(is, staying, &self.persons, at)?;
        let room = existing(place(ledgers, staying.place)?, day(territory, at))?;
        let persons = staying.persons.len() + self.persons.len();
        if persons > usize::from(room.capacity) {
            let sentence = format!("{persons} personnes pour {} places.", room.capacity);
            return Err(Refusal::conflict("over-capacity", "INV-4", sentence).into());
        }
        let today = ctx.today(territory);
        let admitted = |person: &PersonId| {
            members.get(person).is_some_and(|member| admits(room, &member.to_record(*person), today))
        };
        if !self.persons.iter().all(admitted) {
            let sentence = "La place n'accueille pas l'une de ces personnes.";
            return Err(Refusal::conflict("public-not-admitted", "INV-4", sentence).into());
        }
        draft.household(id, at, StayJoined { stay: self.stay, persons: self.persons.clone() });
        counted(self.stay, staying, id, persons, at, draft);
        Ok(())
    }
}

/// Members leave a running stay, which goes on for the others; they stay in the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveStay {
    /// The stay.
    pub stay: StayId,
    /// Who leaves; not everybody, which is the end of the stay.
    pub persons: BTreeSet<PersonId>,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Where to.
    pub destination: ExitDestination,
    /// Why.
    pub reason: ExitReason,
}

impl Decide<HouseholdId> for LeaveStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        if self.persons.is_empty() || !self.persons.is_subset(&staying.persons) {
            return Err(Refusal::unknown("Personne").into());
        }
        if self.persons.len() == staying.persons.len() {
            let sentence =
                "Toutes les personnes de la prise en charge s'en vont : mettez-y fin, avec la destination.";
            return Err(Refusal::conflict("stay-would-be-empty", "INV-1", sentence).into());
        }
        let at = within(staying, self.at, ctx)?;
        let exit = Exit { at, destination: self.destination, reason: self.reason, deposit: false };
        exit.write_for(&self.persons, id, is, self.stay, ctx, ledgers, draft)
    }
}

/// When it happened: not before the stay began.
fn within(staying: &Stay, stated: Option<Instant>, ctx: &Context<'_>) -> Result<jiff::Timestamp, Refusal> {
    let territory = staying.place.territory();
    let at = ctx.past(territory, stated)?;
    if at < staying.from {
        let sentence = format!("La prise en charge a commencé le {}.", words(territory, staying.from));
        return Err(Refusal::invalid("dates-reversed", "stay", sentence).since(staying.from));
    }
    Ok(at)
}

/// INV-1: who joins is in no stay from then on, this one included: who came back before they had left never left.
fn free_elsewhere(
    is: &Household,
    joined: &Stay,
    persons: &BTreeSet<PersonId>,
    at: jiff::Timestamp,
) -> Result<(), Refusal> {
    let theirs = |one: &Presence| persons.contains(&one.person) && one.overlaps(at, None);
    let Some(since) = is.presences().map(|(_, one)| one).find(theirs).map(|one| one.from) else {
        return Ok(());
    };
    let sentence = format!(
        "Une personne est déjà prise en charge depuis le {} : elle doit d'abord en sortir.",
        words(joined.place.territory(), since)
    );
    Err(Refusal::conflict("already-staying", "INV-1", sentence).since(since))
}

/// The place counts as many persons as the stay.
fn counted(
    stay: StayId,
    staying: &Stay,
    household: HouseholdId,
    persons: usize,
    at: jiff::Timestamp,
    draft: &mut Draft,
) {
    let persons = u8::try_from(persons).unwrap_or(u8::MAX);
    draft.place(staying.place, at, OccupantsChanged { title: Title::Stay { stay }, household, persons });
}
