//! Corrections: a recorded date was wrong, and both dates stay; or a stay never was.

mod papers;
mod stays;

pub use stays::VoidStay;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, household, place, words};
use crate::calendar::{Day, Instant};
use crate::household::Household;
use crate::household::correction::{DatedFact, FactCorrected};
use crate::id::{EventId, HouseholdId, PlaceId, RequestId};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::{OccupancyCorrected, Title};
use crate::reference::CorrectionReason;
use crate::refusal::Refusal;

/// The fact that is corrected, and what follows from its date.
struct Found {
    /// The event that recorded it.
    corrects: EventId,
    /// The date that it gave.
    was: Timestamp,
    /// The right date.
    is: Timestamp,
    /// The day of the right date, where the fact is known by its day.
    day: Option<Day>,
    /// When the first review of a stay is due, if none has taken place.
    review_due: Option<Day>,
    /// Until when an application is valid that was never renewed.
    valid_until: Option<Day>,
    /// When the préfet must have proposed.
    proposal_due: Option<Day>,
}

impl Found {
    fn of(corrects: EventId, was: Timestamp, is: Timestamp) -> Self {
        Self { corrects, was, is, day: None, review_due: None, valid_until: None, proposal_due: None }
    }
}

/// Corrects the date of a recorded fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectDate {
    /// The fact.
    pub fact: DatedFact,
    /// When it was true.
    pub is: Instant,
    /// Why.
    pub reason: CorrectionReason,
}

impl Decide<HouseholdId> for CorrectDate {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let now = ctx.past(id.territory(), Some(self.is))?;
        let found = match self.fact {
            DatedFact::StayStart { stay } => stays::started(is, stay, now, ctx, ledgers, draft)?,
            DatedFact::StayEnd { stay } => stays::ended(is, stay, now, ctx, ledgers, draft)?,
            DatedFact::RequestSubmission { request } => earlier_submission(is, request, now, id)?,
            DatedFact::LeaseSignature { lease } => papers::signed(is, lease, now, ctx, ledgers, draft)?,
            DatedFact::LeaseEnd { lease } => papers::lease_ended(is, lease, now, ctx, ledgers, draft)?,
            DatedFact::ApplicationFiling { application } => papers::filed(id, is, application, now, ctx)?,
            DatedFact::LabelDecision { label } => papers::decided(id, is, label, now, ctx)?,
        };
        if found.was == found.is {
            let sentence = "C'est la date qui est déjà enregistrée.";
            return Err(Refusal::invalid("same-date", "correction", sentence).into());
        }
        let corrected = FactCorrected {
            corrects: found.corrects,
            fact: self.fact,
            was: Instant(found.was),
            is: Instant(found.is),
            reason: self.reason,
            review_due: found.review_due,
            day: found.day,
            valid_until: found.valid_until,
            proposal_due: found.proposal_due,
        };
        draft.household(id, ctx.at, corrected);
        Ok(())
    }
}

/// Moves an occupancy on the ledger of its place, if nobody else was there (INV-2); `taken` says that somebody was.
fn move_occupancy(
    at: PlaceId,
    title: Title,
    (from, to): (Timestamp, Option<Timestamp>),
    taken: &str,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    if let Some(other) = place(ledgers, at)?.occupancy_over(from, to, Some(title)) {
        let sentence = format!("{taken} depuis le {} sur cette période.", words(at.territory(), other.from));
        return Err(Refusal::conflict("place-taken", "INV-2", sentence).since(other.from).into());
    }
    draft.place(at, ctx.at, OccupancyCorrected { title, from: Instant(from), to: to.map(Instant) });
    Ok(())
}

/// INV-10: seniority moves later only by the explicit reset; a correction can only find an older date.
fn earlier_submission(
    is: &Household,
    id: RequestId,
    now: Timestamp,
    home: HouseholdId,
) -> Result<Found, Halt> {
    let request = super::request::request(is, id)?;
    super::request::not_before_loss(is, request, now)?;
    match (request.submitted_by, request.seniority) {
        (Some(by), Some(was)) if now <= was => Ok(Found::of(by, was, now)),
        (Some(_), Some(was)) => {
            let sentence = format!(
                "L'ancienneté ne recule pas : la transmission est datée du {}.",
                words(home.territory(), was)
            );
            Err(Refusal::conflict("seniority-later", "INV-10", sentence).into())
        }
        (_, _) => {
            Err(Refusal::conflict("not-submitted", "correction", "Cette demande n'a pas été transmise.")
                .into())
        }
    }
}
