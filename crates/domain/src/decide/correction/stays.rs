//! The dates of a stay, on both ledgers; and a stay that never was.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Found, move_occupancy};
use crate::calendar::{Day, day, months_after};
use crate::decide::command::Decide;
use crate::decide::family::were_here;
use crate::decide::request::{contact_due, update_due};
use crate::decide::stay::{existing, stay_of};
use crate::decide::{Context, Draft, household, place, words};
use crate::household::Household;
use crate::household::correction::{Reopened, StayVoided};
use crate::household::presence::Presence;
use crate::household::stay::{Stay, StaySituation};
use crate::id::{HouseholdId, StayId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::{OccupancyVoided, Title};
use crate::reference::CorrectionReason;
use crate::refusal::Refusal;

/// The stay really started at `now`.
pub(super) fn started(
    is: &Household,
    stay: StayId,
    now: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<Found, Halt> {
    let staying = stay_of(is, stay)?;
    let territory = staying.place.territory();
    existing(place(ledgers, staying.place)?, day(territory, now))?;
    if now < staying.from {
        were_here(is, staying.first(), now, Some(staying.from))?;
    }
    if let Some(left) = staying.left.iter().map(|left| left.at.0).min().filter(|left| *left < now) {
        return Err(reversed(territory, left).into());
    }
    move_stay(is, stay, staying, (now, staying.ended()), ctx, ledgers, draft)?;
    let review_due = review_due(staying, now, ctx);
    Ok(Found { review_due, ..Found::of(staying.started_by, staying.from, now) })
}

/// The stay really ended at `now`.
pub(super) fn ended(
    is: &Household,
    stay: StayId,
    now: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<Found, Halt> {
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
    move_stay(is, stay, staying, (staying.from, Some(now)), ctx, ledgers, draft)?;
    Ok(Found::of(by, at, now))
}

/// The first review follows the start, as long as none has taken place.
fn review_due(staying: &Stay, now: Timestamp, ctx: &Context<'_>) -> Option<Day> {
    let territory = staying.place.territory();
    let months = ctx.rules(territory).stay_review_months;
    let first = |from: Timestamp| Day(months_after(day(territory, from), months));
    staying.review_due.filter(|due| *due == first(staying.from)).map(|_| first(now))
}

/// Moves a stay on both ledgers, if nothing else was there (INV-1, INV-2).
fn move_stay(
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
    move_occupancy(staying.place, title, (from, to), "Cette place était occupée", ctx, ledgers, draft)?;
    let elsewhere = |one: Presence| {
        let others = is.presences().filter(|(other, _)| *other != Some(stay)).map(|(_, other)| other);
        let mut theirs = others.filter(|other| other.person == one.person);
        theirs.find(|other| other.overlaps(one.from, one.to)).map(|other| other.from)
    };
    if let Some(since) = staying.presences_from(from, to).find_map(elsewhere) {
        let sentence = format!(
            "Une personne était prise en charge ailleurs depuis le {} sur cette période.",
            words(territory, since)
        );
        return Err(Refusal::conflict("already-staying", "INV-1", sentence).since(since).into());
    }
    Ok(())
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
    if is.open_request(request.list()).is_some() {
        return None;
    }
    let listed = request.situation.qualification();
    Some(Reopened {
        request: *id,
        update_due: update_due(ctx, request.siao),
        contact_due: listed.map(|_| contact_due(ctx, request.siao)),
    })
}
