//! Legal holds, and the erasure that two people decide.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::registration::check_note;
use super::{Context, Draft, day_words, household};
use crate::calendar::{Day, Instant, day, days_after, end_of_day, months_after};
use crate::household::erasure::{
    Erased, ErasureAnnounced, ErasureCertified, ErasureConfirmed, ErasureGround, ErasureProposed,
    ErasureWithdrawn, HoldGround, LegalHoldLifted, LegalHoldPlaced, Proposal,
};
use crate::household::{Household, Registration};
use crate::id::{HouseholdId, UserId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::refusal::Refusal;

/// Shortest and longest motive, in characters: a few words that somebody else can judge.
const MOTIVE_MIN: usize = 10;
const MOTIVE_MAX: usize = 500;

/// Keeps the file until a day, whatever its retention says. Asked again, it replaces the hold of the same ground.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceLegalHold {
    /// Why, as a code.
    pub ground: HoldGround,
    /// Why, in words that somebody else can judge.
    pub motive: String,
    /// Its last day, at most a year ahead: renew it then if it must last.
    pub until: Day,
}

impl Decide<HouseholdId> for PlaceLegalHold {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        household(ledgers, id)?;
        if self.motive.trim().chars().count() < MOTIVE_MIN {
            let sentence = format!(
                "Expliquez ce qui oblige à conserver le dossier, en {MOTIVE_MIN} caractères au moins."
            );
            return Err(Refusal::invalid("motive-too-short", "INV-18", sentence).into());
        }
        check_note(Some(&self.motive), MOTIVE_MAX)?;
        let today = ctx.today(id.territory());
        let months = ctx.rules(id.territory()).legal_hold_months_max;
        if self.until.0 < today {
            let sentence = "Cette date est passée : indiquez jusqu'à quand conserver le dossier.";
            return Err(Refusal::invalid("hold-over", "INV-18", sentence).into());
        }
        if self.until.0 > months_after(today, months) {
            let sentence = format!(
                "Une conservation dure {months} mois au plus : renouvelez-la à son terme si elle est encore nécessaire."
            );
            return Err(Refusal::invalid("hold-too-long", "INV-18", sentence).into());
        }
        let motive = Personal::Known(self.motive.clone());
        draft.household(id, ctx.at, LegalHoldPlaced { ground: self.ground, motive, until: self.until });
        Ok(())
    }
}

/// Lifts a hold before its day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftLegalHold {
    /// Which one.
    pub ground: HoldGround,
}

impl Decide<HouseholdId> for LiftLegalHold {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if household(ledgers, id)?.keeping.holds.contains_key(&self.ground) {
            draft.household(id, ctx.at, LegalHoldLifted { ground: self.ground });
            return Ok(());
        }
        let sentence = format!("Ce dossier n'est pas conservé pour ce motif ({}).", self.ground.words());
        Err(Refusal::conflict("no-such-hold", "INV-18", sentence).into())
    }
}

/// Proposes to erase the household; another person has to agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeErasure {
    /// Why.
    pub ground: ErasureGround,
}

impl Decide<HouseholdId> for ProposeErasure {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let by = person(ctx)?;
        can_be_erased(id, is, self.ground, ctx)?;
        if let Some(proposal) = is.proposal(id.territory(), ctx.book) {
            let other = "L'effacement est déjà proposé : confirmez-le, ou retirez la proposition.";
            return Err(Refusal::conflict("erasure-proposed", "INV-18", other).since(proposal.at).into());
        }
        draft.household(id, ctx.at, ErasureProposed { ground: self.ground, by });
        Ok(())
    }
}

/// Takes back what was proposed, one's own proposal or somebody else's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawErasure {}

impl Decide<HouseholdId> for WithdrawErasure {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let by = person(ctx)?;
        proposed(id, is, ctx)?;
        draft.household(id, ctx.at, ErasureWithdrawn { by });
        Ok(())
    }
}

/// Agrees to what somebody else proposed: the household is erased. A file that falls due later is erased on that day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmErasure {}

impl Decide<HouseholdId> for ConfirmErasure {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let by = person(ctx)?;
        let proposal = proposed(id, is, ctx)?;
        can_be_erased(id, is, proposal.ground, ctx)?;
        if proposal.by == by {
            let sentence = "Une autre personne doit confirmer l'effacement que vous avez proposé.";
            return Err(Refusal::invalid("same-person", "INV-18", sentence).into());
        }
        if proposal.confirmed_by.is_some() {
            let sentence =
                "L'effacement est déjà confirmé : il aura lieu à la fin de la durée de conservation.";
            return Err(Refusal::conflict("erasure-confirmed", "INV-18", sentence).into());
        }
        if proposal.ground == ErasureGround::Retention && ctx.at <= announced(id, is, ctx)? {
            draft.household(id, ctx.at, ErasureConfirmed { by });
            return Ok(());
        }
        erase(id, is, ctx.at, proposal, by, ledgers, draft)
    }
}

/// States what was made sure of once the erasure cannot be taken back. Asked by the instance itself, which has tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifyErasure {
    /// How many events the ledger holds.
    pub events: u64,
    /// How many sealed values they hold.
    pub values: u64,
    /// How many of them were refused to open.
    pub refused: u64,
    /// The newest epoch its key can have been wrapped under, destroyed since.
    pub epoch: u32,
    /// The last day on which an older backup and the escrow together could bring it back.
    pub backups_until: Day,
}

impl Decide<HouseholdId> for CertifyErasure {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let Some(erasure) = ledgers.household(id)?.erasure() else {
            let sentence = "Ce dossier n'est pas effacé.";
            return Err(Refusal::conflict("not-erased", "INV-18", sentence).into());
        };
        let Self { events, values, refused, epoch, backups_until } = *self;
        if refused != values {
            let sentence = "Une valeur scellée s'ouvre encore : l'effacement n'est pas certifié.";
            return Err(Refusal::invalid("still-readable", "INV-18", sentence).into());
        }
        if erasure.certificate.is_none() {
            draft.household(id, ctx.at, ErasureCertified { events, values, refused, epoch, backups_until });
        }
        Ok(())
    }
}

/// Announces that the file falls due, at `due`.
pub(super) fn announce(
    id: HouseholdId,
    due: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    let home = id.territory();
    if ctx.at > due
        && announcement_due(id, is, ctx.book) == Some(due)
        && let Some(falls_due) = is.due(home, ctx.book)
    {
        // Announced late, after an outage or for a file that was taken over, it stays on the list as long.
        let on_list = days_after(ctx.today(home), ctx.rules(home).retention_rehearsal_days);
        let falls_due = falls_due.max(end_of_day(home, on_list));
        draft.household(id, due, ErasureAnnounced { due: Instant(falls_due) });
    }
    Ok(())
}

/// Erases what two people decided ahead to erase on this day.
pub(super) fn fall_due(
    id: HouseholdId,
    due: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    if ctx.at > due
        && erasure_due(id, is, ctx.book) == Some(due)
        && is.held(id.territory(), ctx.at).is_none()
        && let Some(proposal) = is.proposal(id.territory(), ctx.book)
        && let Some(confirmed_by) = proposal.confirmed_by
    {
        erase(id, is, due, proposal, confirmed_by, ledgers, draft)?;
    }
    Ok(())
}

/// When it is to be announced that the file falls due: some days before, unless that was done.
pub(super) fn announcement_due(
    id: HouseholdId,
    is: &Household,
    book: &crate::rules::RuleBook,
) -> Option<Timestamp> {
    let home = id.territory();
    let due = is.due(home, book)?;
    if is.announced(home, book).is_some() {
        return None;
    }
    // It fires behind the day before, at the beginning of the first day of the list.
    let on = day(home, due);
    Some(end_of_day(home, days_after(on, -book.on(home, on).retention_rehearsal_days - 1)))
}

/// When the file is to be erased, if two people have agreed ahead.
pub(super) fn erasure_due(
    id: HouseholdId,
    is: &Household,
    book: &crate::rules::RuleBook,
) -> Option<Timestamp> {
    is.proposal(id.territory(), book)?.confirmed_by?;
    is.announced(id.territory(), book).map(|announced| announced.due)
}

fn person(ctx: &Context<'_>) -> Result<UserId, Refusal> {
    ctx.user.ok_or_else(|| {
        let sentence = "L'effacement se décide à deux personnes connectées, jamais par un logiciel.";
        Refusal::invalid("person-only", "INV-18", sentence)
    })
}

/// Whether it may be decided now to erase the household. At the end of the retention that is decided ahead: a hold that is
/// over by the day the file falls due hinders nobody, one that is not moves the day.
fn can_be_erased(
    id: HouseholdId,
    is: &Household,
    ground: ErasureGround,
    ctx: &Context<'_>,
) -> Result<(), Refusal> {
    if let Some(unfinished) = is.unfinished() {
        return Err(Refusal::conflict("household-active", "INV-18", unfinished.sentence()));
    }
    match ground {
        ErasureGround::Retention => announced(id, is, ctx).map(drop),
        ErasureGround::Request | ErasureGround::Unlawful => not_held(id, is, ctx),
    }
}

fn not_held(id: HouseholdId, is: &Household, ctx: &Context<'_>) -> Result<(), Refusal> {
    let Some((ground, hold)) = is.held(id.territory(), ctx.at) else { return Ok(()) };
    let (why, until) = (ground.words(), day_words(hold.until.0));
    let sentence = format!("Ce dossier est conservé jusqu'au {until} ({why}) : il ne peut pas être effacé.");
    Err(Refusal::conflict("legal-hold", "INV-18", sentence).since(hold.since))
}

/// The last instant the file may be kept, once that is announced.
fn announced(id: HouseholdId, is: &Household, ctx: &Context<'_>) -> Result<Timestamp, Refusal> {
    let home = id.territory();
    if let Some(announced) = is.announced(home, ctx.book) {
        return Ok(announced.due);
    }
    not_held(id, is, ctx)?;
    let until = is.due(home, ctx.book).map(|due| day_words(day(home, due))).unwrap_or_default();
    let days = ctx.rules(home).retention_rehearsal_days;
    let sentence = format!(
        "La durée de conservation court jusqu'au {until} : ce dossier viendra sur la liste {days} jours avant."
    );
    Err(Refusal::conflict("retention-not-due", "INV-18", sentence))
}

fn proposed(id: HouseholdId, is: &Household, ctx: &Context<'_>) -> Result<Proposal, Refusal> {
    is.proposal(id.territory(), ctx.book).ok_or_else(|| {
        let sentence = "Personne n'a proposé d'effacer ce dossier : proposez-le d'abord.";
        Refusal::conflict("erasure-not-proposed", "INV-18", sentence)
    })
}

/// Erases the household, and the ledgers of those that joined it: what was sealed there is about the same people.
fn erase(
    id: HouseholdId,
    is: &Household,
    at: Timestamp,
    proposal: Proposal,
    confirmed_by: UserId,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let mut all = BTreeSet::from([id]);
    let mut to_look_at: Vec<HouseholdId> = is.joined_by.iter().copied().collect();
    while let Some(joined) = to_look_at.pop() {
        let other = ledgers.household(joined)?;
        if matches!(other.registration, Registration::MergedInto { .. }) && all.insert(joined) {
            to_look_at.extend(other.joined_by.iter().copied());
        }
    }
    for one in all {
        let (ground, proposed_by) = (proposal.ground, proposal.by);
        draft.household(one, at, Erased { ground, proposed_by, confirmed_by });
    }
    Ok(())
}
