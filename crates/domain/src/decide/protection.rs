//! Protected files: who is named, and the glass that can be broken under the eyes of others.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::registration::check_note;
use super::{Context, Draft, household};
use crate::calendar::Instant;
use crate::household::protection::{
    EmergencyGround, EmergencyOpeningReviewed, OpenedInEmergency, Protected, ProtectionLifted,
};
use crate::id::{HouseholdId, UserId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::refusal::Refusal;

/// Most people who are named.
const NAMED_MAX: usize = 50;
/// Shortest and longest motive, in characters: a few words that somebody else can judge.
const MOTIVE_MIN: usize = 10;
const MOTIVE_MAX: usize = 500;

/// Protects the file, or changes who is named. Everybody else is answered as if it did not exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Protect {
    /// Those who see it, at least one.
    pub named: BTreeSet<UserId>,
}

impl Decide<HouseholdId> for Protect {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        if self.named.is_empty() || self.named.len() > NAMED_MAX {
            let sentence = format!(
                "Désignez de 1 à {NAMED_MAX} personnes : sans elles, plus personne ne verrait le dossier."
            );
            return Err(Refusal::invalid("nobody-named", "INV-17", sentence).into());
        }
        for named in &self.named {
            if ledgers.user(*named)?.profiles.is_empty() {
                return Err(Refusal::unknown("Personne désignée").into());
            }
        }
        if is.protected.as_ref() != Some(&self.named) {
            draft.household(id, ctx.at, Protected { named: self.named.clone() });
        }
        Ok(())
    }
}

/// Lifts the protection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftProtection {}

impl Decide<HouseholdId> for LiftProtection {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if household(ledgers, id)?.protected.is_some() {
            draft.household(id, ctx.at, ProtectionLifted {});
        }
        Ok(())
    }
}

/// Opens a protected file without being named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenInEmergency {
    /// Why, as a code.
    pub ground: EmergencyGround,
    /// Why, in words that somebody else can judge.
    pub motive: String,
}

impl Decide<HouseholdId> for OpenInEmergency {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let Some(user) = ctx.user else {
            let sentence = "Seule une personne connectée ouvre un dossier protégé, jamais un logiciel.";
            return Err(Refusal::invalid("person-only", "INV-17", sentence).into());
        };
        if is.shows_to(Some(user), ctx.at) {
            let sentence = "Ce dossier vous est déjà ouvert.";
            return Err(Refusal::conflict("already-shown", "INV-17", sentence).into());
        }
        if self.motive.trim().chars().count() < MOTIVE_MIN {
            let sentence = format!(
                "Expliquez l'urgence en {MOTIVE_MIN} caractères au moins : quelqu'un d'autre la relira."
            );
            return Err(Refusal::invalid("motive-too-short", "INV-17", sentence).into());
        }
        check_note(Some(&self.motive), MOTIVE_MAX)?;
        let lasts = SignedDuration::from_mins(ctx.rules(id.territory()).emergency_opening_minutes);
        let opened = OpenedInEmergency {
            user,
            organisation: ctx.organisation,
            ground: self.ground,
            motive: Personal::Known(self.motive.clone()),
            until: Instant(ctx.at + lasts),
        };
        draft.household(id, ctx.at, opened);
        Ok(())
    }
}

/// Judges an emergency opening: never one's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewEmergencyOpening {
    /// Whose opening.
    pub user: UserId,
    /// Whether it was justified.
    pub justified: bool,
}

impl Decide<HouseholdId> for ReviewEmergencyOpening {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let Some(opening) = is.openings.iter().find(|opening| opening.user == self.user) else {
            return Err(Refusal::unknown("Ouverture en urgence").into());
        };
        if ctx.user == Some(self.user) {
            let sentence = "Une autre personne doit relire cette ouverture.";
            return Err(Refusal::invalid("own-opening", "INV-17", sentence).into());
        }
        if !opening.reviewed {
            draft.household(
                id,
                ctx.at,
                EmergencyOpeningReviewed { user: self.user, justified: self.justified },
            );
        }
        Ok(())
    }
}
