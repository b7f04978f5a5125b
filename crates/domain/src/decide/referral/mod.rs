//! The referral: proposed, answered, expired; each step on both ledgers at once.

mod answer;
mod outcome;
mod proposal;

pub use answer::{AcceptReferral, DeclineReferral, RefuseReferral, ViewReferral};
pub use outcome::{JudgeRefusal, RecordNoShow, WithdrawReferral};
pub use proposal::ProposeReferral;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::calendar::Instant;
use crate::decide::request::contact_due;
use crate::decide::{Context, Draft, household, place, words};
use crate::household::Household;
use crate::household::referral::{
    Referral, ReferralExpired, ReferralSituation as Situation, ReferralWithdrawn,
};
use crate::household::request::RequestStream;
use crate::id::{HouseholdId, PersonId, ReferralId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::Released;
use crate::place::{Place, PlaceSituation};
use crate::reference::WithdrawalReason;
use crate::refusal::Refusal;

/// The place can be promised now (INV-2). Who holds it is never told.
pub(super) fn on_offer(place: &Place, territory: Territory, ctx: &Context<'_>) -> Result<(), Refusal> {
    let taken = |at: Timestamp| {
        let sentence =
            format!("Cette place a été prise le {}. Choisissez-en une autre.", words(territory, at));
        Refusal::conflict("place-taken", "INV-2", sentence).since(at)
    };
    let no = |sentence: &str| Refusal::conflict("place-not-on-offer", "INV-2", sentence);
    match place.situation(ctx.at, ctx.today(territory)) {
        PlaceSituation::Vacant => Ok(()),
        PlaceSituation::Held => Err(taken(place.hold.as_ref().map_or(ctx.at, |hold| hold.since))),
        PlaceSituation::Occupied => Err(taken(place.current_occupancy().map_or(ctx.at, |o| o.from))),
        PlaceSituation::Offline => Err(no("Cette place est indisponible en ce moment.")),
        PlaceSituation::Undeclared => {
            Err(no("Cette place n'est pas déclarée libre, ou ne l'a pas été confirmée à temps."))
        }
        PlaceSituation::Closed => Err(no("Cette place est fermée.")),
        PlaceSituation::Unknown => Err(Refusal::unknown("Place")),
    }
}

/// The referral, if the household has it.
pub(super) fn referral(is: &Household, id: ReferralId) -> Result<&Referral, Halt> {
    is.referrals.get(&id).ok_or_else(|| Refusal::unknown("Orientation").into())
}

fn closed(situation: &Situation) -> Halt {
    let sentence = format!("Cette orientation est {} : il n'y a plus à y répondre.", situation.word());
    Refusal::conflict("referral-closed", "INV-3", sentence).into()
}

/// The referral, still open and in time (INV-3: by our clock, not the caller's).
fn answerable<'a>(
    is: &'a Household,
    id: ReferralId,
    ctx: &Context<'_>,
    home: Territory,
) -> Result<&'a Referral, Halt> {
    let asked = referral(is, id)?;
    match &asked.situation {
        Situation::Proposed { expires_at, .. } if ctx.at > *expires_at => {
            let sentence = format!("Cette orientation a expiré le {}.", words(home, *expires_at));
            Err(Refusal::conflict("referral-expired", "INV-3", sentence).since(*expires_at).into())
        }
        Situation::Proposed { .. } => Ok(asked),
        Situation::Accepted { .. }
        | Situation::Admitted { .. }
        | Situation::DeclinedByProvider { .. }
        | Situation::DeclinedByHousehold { .. }
        | Situation::Expired
        | Situation::Withdrawn { .. }
        | Situation::NoShow => Err(closed(&asked.situation)),
    }
}

/// The open referrals of a stream, or of all, that lose their object when these persons have a place.
///
/// A night found by the 115 takes nothing from the volet insertion: only its own stream is concerned.
pub(super) fn moot(
    is: &Household,
    persons: &BTreeSet<PersonId>,
    stream: Option<RequestStream>,
) -> BTreeSet<ReferralId> {
    let concerned = |of: &Referral| {
        of.is_for_any_of(persons) && stream.is_none_or(|stream| is.stream_of(of) == Some(stream))
    };
    is.live_referrals().filter(|(_, of)| concerned(of)).map(|(id, _)| id).collect()
}

/// Withdraws the referrals of `which` and frees their places, within the decision that is being taken.
pub(super) fn withdraw(
    id: HouseholdId,
    is: &Household,
    which: &BTreeSet<ReferralId>,
    reason: WithdrawalReason,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    for (referral, open) in is.live_referrals().filter(|(referral, _)| which.contains(referral)) {
        place(ledgers, open.place)?;
        let expected = matches!(open.situation, Situation::Accepted { .. });
        let contact_due = in_touch(is, open, ctx).filter(|_| expected);
        draft.household(id, ctx.at, ReferralWithdrawn { referral, reason, contact_due });
        draft.place(open.place, ctx.at, Released { referral });
    }
    Ok(())
}

/// Until when the request of a referral waits for the next contact.
fn in_touch(is: &Household, of: &Referral, ctx: &Context<'_>) -> Option<Instant> {
    is.requests.get(&of.request).map(|request| contact_due(ctx, request.siao))
}

/// The clock: nobody answered in time (INV-3: a referral expires once).
pub(super) fn expire(
    id: HouseholdId,
    which: ReferralId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    let asked = referral(is, which)?;
    if let Situation::Proposed { expires_at, .. } = asked.situation
        && ctx.at > expires_at
    {
        place(ledgers, asked.place)?;
        draft.household(id, expires_at, ReferralExpired { referral: which });
        draft.place(asked.place, expires_at, Released { referral: which });
    }
    Ok(())
}
