//! Structures and places: what is part of the supply, and when it cannot be used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, day_words, place, words};
use crate::calendar::{Day, Instant, start_of_day};
use crate::id::{OfflineSpellId, PlaceId, StructureId};
use crate::ledger::{Halt, Ledgers};
use crate::place::Place;
use crate::place::inventory::{
    BackOnline, Description, Inventory, OfflineSpell, PlaceChanged, PlaceClosed, PlaceOpened, TakenOffline,
};
use crate::reference::OfflineReason;
use crate::refusal::Refusal;
use crate::structure::{Profile, Structure, StructureChanged, StructureClosed, StructureOpened};

/// Largest place, in persons: a collective room or a house.
const CAPACITY_MAX: u8 = 60;
/// Longest name, label or address, in characters.
const TEXT_MAX: usize = 200;

fn check_text(text: &str, what: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.chars().count() > TEXT_MAX {
        let sentence = format!("{what} : de 1 à {TEXT_MAX} caractères.");
        return Err(Refusal::invalid("text-length", "inventory", sentence));
    }
    Ok(())
}

fn check_profile(profile: &Profile) -> Result<(), Refusal> {
    check_text(&profile.name, "Le nom de la structure")?;
    profile.address.as_deref().map_or(Ok(()), |address| check_text(address, "L'adresse"))?;
    profile.reference.as_deref().map_or(Ok(()), |reference| check_text(reference, "La référence"))?;
    match profile.finess.as_deref() {
        Some(finess) if finess.len() != 9 || !finess.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            let sentence = "Un numéro FINESS compte neuf caractères.";
            Err(Refusal::invalid("finess", "inventory", sentence))
        }
        Some(_) | None => Ok(()),
    }
}

/// Opens a structure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenStructure {
    /// What it is.
    pub profile: Profile,
    /// Since when, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<StructureId> for OpenStructure {
    const CREATES: bool = true;

    fn decide(
        &self,
        id: StructureId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let known = ledgers.structure(id)? != &Structure::Unknown;
        if known && id == StructureId::created_by(id.territory(), ctx.command) {
            return Ok(());
        }
        if known {
            return Err(Refusal::conflict("already-open", "INV-16", "Cette structure existe déjà.").into());
        }
        check_profile(&self.profile)?;
        let at = self.at.map_or(Ok(ctx.at), |at| ctx.happened(at))?;
        draft.structure(id, at, StructureOpened { profile: self.profile.clone() });
        Ok(())
    }
}

fn open_structure(ledgers: &Ledgers, id: StructureId) -> Result<&Profile, Halt> {
    match ledgers.structure(id)? {
        Structure::Open { profile } => Ok(profile),
        Structure::Unknown => Err(Refusal::unknown("Structure").into()),
        Structure::Closed { from, .. } => {
            let sentence = format!("Cette structure est fermée depuis le {}.", day_words(from.0));
            Err(Refusal::conflict("structure-closed", "inventory", sentence).into())
        }
    }
}

/// Changes a structure. Its kind and its commune stay: another kind is another structure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStructure {
    /// What it is now.
    pub profile: Profile,
}

impl Decide<StructureId> for ChangeStructure {
    fn decide(
        &self,
        id: StructureId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = open_structure(ledgers, id)?;
        check_profile(&self.profile)?;
        if is.kind != self.profile.kind || is.commune != self.profile.commune {
            let sentence =
                "Le type et la commune d'une structure ne changent pas : fermez celle-ci et créez l'autre.";
            return Err(Refusal::invalid("structure-kind", "inventory", sentence).into());
        }
        draft.structure(id, ctx.at, StructureChanged { profile: self.profile.clone() });
        Ok(())
    }
}

/// Closes a structure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseStructure {
    /// First day without it.
    pub from: Day,
}

impl Decide<StructureId> for CloseStructure {
    fn decide(
        &self,
        id: StructureId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        open_structure(ledgers, id)?;
        draft.structure(id, ctx.at, StructureClosed { from: self.from });
        Ok(())
    }
}

/// Opens a place in a structure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPlace {
    /// What it is.
    pub description: Description,
    /// First day, if not today.
    #[serde(default)]
    pub from: Option<Day>,
}

impl Decide<PlaceId> for OpenPlace {
    const CREATES: bool = true;

    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let known = ledgers.place(id)?.inventory != Inventory::Unknown;
        if known && id == PlaceId::created_by(id.territory(), ctx.command) {
            return Ok(());
        }
        if known {
            return Err(Refusal::conflict("already-open", "INV-16", "Cette place existe déjà.").into());
        }
        check_description(&self.description, ledgers)?;
        let from = self.from.unwrap_or_else(|| Day(ctx.today(id.territory())));
        let stated = Instant(start_of_day(id.territory(), from.0));
        // A place of today may have opened in another century.
        let at = ctx.happened(stated)?;
        draft.place(id, at, PlaceOpened { from, description: self.description.clone() });
        Ok(())
    }
}

fn check_description(is: &Description, ledgers: &Ledgers) -> Result<(), Halt> {
    // A structure never disappears and its kind never changes: reading it without a guard is safe.
    let structure = open_structure(ledgers, is.structure)?;
    check_text(&is.label, "Le numéro ou la référence de la place")?;
    if structure.kind != is.kind {
        let sentence = format!("La structure est de type {} : la place l'est aussi.", structure.kind);
        return Err(Refusal::invalid("place-kind", "inventory", sentence).into());
    }
    if structure.provider != is.provider {
        let sentence = "La place est gérée par l'organisme de sa structure.";
        return Err(Refusal::invalid("place-provider", "inventory", sentence).into());
    }
    if !(1..=CAPACITY_MAX).contains(&is.capacity) {
        let sentence = format!("La capacité d'une place va de 1 à {CAPACITY_MAX} personnes.");
        return Err(Refusal::invalid("capacity", "INV-4", sentence).into());
    }
    let criteria = &is.criteria;
    let ages_cross = matches!((criteria.age_min, criteria.age_max), (Some(min), Some(max)) if min > max);
    if criteria.persons_min > is.capacity || ages_cross {
        let sentence = "Les critères de la place se contredisent (nombre de personnes ou âges).";
        return Err(Refusal::invalid("criteria", "inventory", sentence).into());
    }
    Ok(())
}

/// Changes a place: capacity, public, rent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePlace {
    /// What it is now.
    pub description: Description,
}

impl Decide<PlaceId> for ChangePlace {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        open(is, id, ctx)?;
        check_description(&self.description, ledgers)?;
        if let Some(occupancy) = is.current_occupancy()
            && self.description.capacity < occupancy.persons
        {
            let sentence =
                format!("{} personnes y vivent : la capacité ne peut pas être moindre.", occupancy.persons);
            return Err(Refusal::conflict("over-capacity", "INV-4", sentence).into());
        }
        draft.place(id, ctx.at, PlaceChanged { description: self.description.clone() });
        Ok(())
    }
}

fn open<'a>(is: &'a Place, id: PlaceId, ctx: &Context<'_>) -> Result<&'a Description, Refusal> {
    is.description_on(ctx.today(id.territory()))
        .ok_or_else(|| Refusal::conflict("place-closed", "inventory", "Cette place est fermée."))
}

/// Closes a place for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosePlace {
    /// First day without it.
    pub from: Day,
}

impl Decide<PlaceId> for ClosePlace {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        open(is, id, ctx)?;
        self.check_date(is, id)?;
        if is.current_occupancy().is_some() || is.hold.is_some() {
            let sentence = "Quelqu'un y vit ou y est attendu : la place ne peut pas fermer maintenant.";
            return Err(Refusal::conflict("place-in-use", "INV-2", sentence).into());
        }
        if is.open_vacancy().is_some_and(|vacancy| !vacancy.allocation.is_idle()) {
            let sentence = "Des candidats sont désignés : retirez d'abord la mise à disposition.";
            return Err(Refusal::conflict("place-in-use", "INV-2", sentence).into());
        }
        draft.place(id, ctx.at, PlaceClosed { from: self.from });
        Ok(())
    }
}

impl ClosePlace {
    /// A place closes after it opened, and not before the last one who lived there left.
    fn check_date(&self, is: &Place, id: PlaceId) -> Result<(), Refusal> {
        let opened = match &is.inventory {
            Inventory::Open { from, .. } | Inventory::Closed { opened: from, .. } => Some(*from),
            Inventory::Unknown => None,
        };
        if opened.is_some_and(|opened| self.from < opened) {
            let sentence = "La fermeture précède l'ouverture de la place.";
            return Err(Refusal::invalid("dates-reversed", "inventory", sentence));
        }
        let from = start_of_day(id.territory(), self.from.0);
        if let Some(until) = is.occupancy_over(from, None, None).and_then(|occupancy| occupancy.to) {
            let sentence = format!(
                "Quelqu'un y a vécu jusqu'au {} : la place n'était pas fermée.",
                words(id.territory(), until)
            );
            return Err(Refusal::conflict("occupied-since", "INV-2", sentence).since(until));
        }
        Ok(())
    }
}

/// Makes a place unavailable for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOffline {
    /// Why.
    pub reason: OfflineReason,
    /// First day, if not today.
    #[serde(default)]
    pub from: Option<Day>,
    /// Last day, known or expected.
    #[serde(default)]
    pub until: Option<Day>,
}

impl Decide<PlaceId> for TakeOffline {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        let spell = OfflineSpellId::created_by(ctx.command);
        if is.offline.contains_key(&spell) {
            return Ok(());
        }
        open(is, id, ctx)?;
        let today = ctx.today(id.territory());
        let from = self.from.unwrap_or(Day(today));
        if self.until.is_some_and(|until| until < from) {
            let sentence = "La fin d'indisponibilité précède son début.";
            return Err(Refusal::invalid("dates-reversed", "inventory", sentence).into());
        }
        let meets = |spell: &OfflineSpell| {
            spell.until.is_none_or(|until| from <= until)
                && self.until.is_none_or(|until| spell.from <= until)
        };
        if is.offline.values().any(|spell| !spell.over && meets(spell)) {
            let sentence = "Cette place est déjà indisponible à cette date.";
            return Err(Refusal::conflict("already-offline", "inventory", sentence).into());
        }
        if is.current_occupancy().is_some() || is.hold.is_some() {
            let sentence =
                "Quelqu'un y vit ou y est attendu : convenez d'abord d'un départ ou retirez l'orientation.";
            return Err(Refusal::conflict("place-in-use", "INV-2", sentence).into());
        }
        draft.place(id, ctx.at, TakenOffline { spell, reason: self.reason, from, until: self.until });
        Ok(())
    }
}

/// Makes a place available again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BringOnline {
    /// The spell that ends; the running one if absent.
    #[serde(default)]
    pub spell: Option<OfflineSpellId>,
    /// Its last day, if not today.
    #[serde(default)]
    pub until: Option<Day>,
}

impl Decide<PlaceId> for BringOnline {
    fn decide(
        &self,
        id: PlaceId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = place(ledgers, id)?;
        let running =
            is.offline.iter().find(|(spell, is)| !is.over && self.spell.is_none_or(|one| one == **spell));
        let Some((spell, running)) = running else {
            let sentence = "Cette place n'est pas indisponible.";
            return Err(Refusal::conflict("not-offline", "inventory", sentence).into());
        };
        let until = self.until.unwrap_or_else(|| Day(ctx.today(id.territory())));
        if until < running.from {
            let sentence = "La fin d'indisponibilité précède son début.";
            return Err(Refusal::invalid("dates-reversed", "inventory", sentence).into());
        }
        draft.place(id, ctx.at, BackOnline { spell: *spell, until });
        Ok(())
    }
}
