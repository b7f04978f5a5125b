//! Corrections: a recorded date was wrong, and both dates stay; or a stay never was.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::family::were_here;
use super::request::{contact_due, update_due};
use super::stay::{existing, stay_of};
use super::{Context, Draft, household, place, words};
use crate::calendar::{Day, Instant, day, months_after};
use crate::household::Household;
use crate::household::correction::{DatedFact, FactCorrected, Reopened, StayVoided};
use crate::household::presence::Presence;
use crate::household::request::Request;
use crate::household::stay::{Stay, StaySituation};
use crate::id::{EventId, HouseholdId, StayId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::{OccupancyCorrected, OccupancyVoided, Title};
use crate::reference::CorrectionReason;
use crate::refusal::Refusal;

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
        let (corrects, was) = match self.fact {
            DatedFact::StayStart { stay } => {
                let staying = stay_of(is, stay)?;
                let territory = staying.place.territory();
                existing(place(ledgers, staying.place)?, day(territory, now))?;
                if now < staying.from {
                    were_here(is, staying.first(), now, Some(staying.from))?;
                }
                if let Some(left) = staying.left.iter().map(|left| left.at.0).min().filter(|left| *left < now)
                {
                    return Err(reversed(territory, left).into());
                }
                self.move_stay(is, stay, staying, (now, staying.ended()), ctx, ledgers, draft)?;
                (staying.started_by, staying.from)
            }
            DatedFact::StayEnd { stay } => {
                let staying = stay_of(is, stay)?;
                let StaySituation::Ended { at, by, .. } = staying.situation else {
                    let sentence = "Cette prise en charge n'est pas terminée.";
                    return Err(Refusal::conflict("stay-not-ended", "correction", sentence).into());
                };
                if let Some(last) = staying.last_move().filter(|last| now < *last) {
                    return Err(reversed(staying.place.territory(), last).into());
                }
                if now > at {
                    were_here(is, &staying.persons, at, Some(now))?;
                }
                self.move_stay(is, stay, staying, (staying.from, Some(now)), ctx, ledgers, draft)?;
                (by, at)
            }
            DatedFact::RequestSubmission { request } => earlier_submission(is, request, now, id)?,
        };
        if was == now {
            let sentence = "C'est la date qui est déjà enregistrée.";
            return Err(Refusal::invalid("same-date", "correction", sentence).into());
        }
        let corrected = FactCorrected {
            corrects,
            fact: self.fact,
            was: Instant(was),
            is: Instant(now),
            reason: self.reason,
            review_due: self.review_due(is, now, ctx),
        };
        draft.household(id, ctx.at, corrected);
        Ok(())
    }
}

/// Somebody came or left in between.
fn reversed(territory: Territory, moved: Timestamp) -> Refusal {
    let sentence = format!(
        "Une personne est arrivée ou partie le {} : cette date ne peut pas être la bonne.",
        words(territory, moved)
    );
    Refusal::invalid("dates-reversed", "correction", sentence).since(moved)
}

/// Annuls a stay that never was: recorded on the wrong household, or in the wrong place. The place is as if nobody had
/// lived there, and the request that the stay had fulfilled waits on at its date. What was recorded stays readable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidStay {
    /// The stay.
    pub stay: StayId,
    /// Why.
    pub reason: CorrectionReason,
}

impl Decide<HouseholdId> for VoidStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = stay_of(is, self.stay)?;
        // The place may be closed by now: what never was there is still annulled.
        ledgers.place(staying.place)?;
        let (stay, corrects, reason) = (self.stay, staying.started_by, self.reason);
        let reopens = reopened(is, stay, ctx);
        draft.household(id, ctx.at, StayVoided { corrects, stay, reason, reopens });
        draft.place(staying.place, ctx.at, OccupancyVoided { title: Title::Stay { stay } });
        Ok(())
    }
}

/// The request that the stay had fulfilled, unless the household asks again already.
fn reopened(is: &Household, stay: StayId, ctx: &Context<'_>) -> Option<Reopened> {
    let (id, request) =
        is.requests.iter().find(|(_, request)| request.situation.fulfilled_by() == Some(stay))?;
    let twin = |other: &Request| {
        other.situation.is_open() && (other.file.stream, other.siao) == (request.file.stream, request.siao)
    };
    if is.requests.values().any(twin) {
        return None;
    }
    let listed = request.situation.qualification();
    Some(Reopened {
        request: *id,
        update_due: update_due(ctx, request.siao),
        contact_due: listed.map(|_| contact_due(ctx, request.siao)),
    })
}

/// INV-10: seniority moves later only by the explicit reset; a correction can only find an older date.
fn earlier_submission(
    is: &Household,
    id: crate::id::RequestId,
    now: Timestamp,
    home: HouseholdId,
) -> Result<(EventId, Timestamp), Halt> {
    let request = super::request::request(is, id)?;
    super::request::not_before_loss(is, request, now)?;
    match (request.submitted_by, request.seniority) {
        (Some(by), Some(was)) if now <= was => Ok((by, was)),
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

impl CorrectDate {
    /// The first review follows the start, as long as none has taken place.
    fn review_due(&self, is: &Household, now: Timestamp, ctx: &Context<'_>) -> Option<Day> {
        let DatedFact::StayStart { stay } = self.fact else { return None };
        let staying = is.stays.get(&stay)?;
        let territory = staying.place.territory();
        let months = ctx.rules(territory).stay_review_months;
        let first = |from: Timestamp| Day(months_after(day(territory, from), months));
        staying.review_due.filter(|due| *due == first(staying.from)).map(|_| first(now))
    }

    /// Moves a stay on both ledgers, if nothing else was there (INV-1, INV-2).
    #[expect(clippy::too_many_arguments, reason = "a step of a decision names all that it concerns")]
    fn move_stay(
        &self,
        is: &Household,
        stay: StayId,
        staying: &Stay,
        (from, to): (Timestamp, Option<Timestamp>),
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let territory = staying.place.territory();
        if to.is_some_and(|to| to <= from) {
            let sentence = "La sortie précéderait l'entrée.";
            return Err(Refusal::invalid("dates-reversed", "correction", sentence).into());
        }
        let title = Title::Stay { stay };
        let at_place = place(ledgers, staying.place)?;
        if let Some(other) = at_place.occupancy_over(from, to, Some(title)) {
            let sentence = format!(
                "Cette place était occupée depuis le {} sur cette période.",
                words(territory, other.from)
            );
            return Err(Refusal::conflict("place-taken", "INV-2", sentence).since(other.from).into());
        }
        let others = is.stays.iter().filter(|(other, _)| **other != stay);
        let others: Vec<_> =
            others.flat_map(|(_, one)| one.presences()).chain(is.moved_presences.iter().copied()).collect();
        let meets = |one: &Presence| {
            let elsewhere =
                others.iter().find(|other| other.person == one.person && other.meets(one.from, one.to));
            elsewhere.map(|other| other.from)
        };
        if let Some(since) = staying.presences_from(from, to).find_map(|one| meets(&one)) {
            let sentence = format!(
                "Une personne était prise en charge ailleurs depuis le {} sur cette période.",
                words(territory, since)
            );
            return Err(Refusal::conflict("already-staying", "INV-1", sentence).since(since).into());
        }
        draft.place(
            staying.place,
            ctx.at,
            OccupancyCorrected { title, from: Instant(from), to: to.map(Instant) },
        );
        Ok(())
    }
}
