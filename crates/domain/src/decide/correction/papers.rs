//! The dates of a lease, of an application and of a label.

use jiff::Timestamp;

use super::{Found, move_occupancy};
use crate::calendar::{Day, day, start_of_day};
use crate::decide::application::{check_number, proposal_due, valid_until};
use crate::decide::{Context, Draft, day_words};
use crate::household::Household;
use crate::id::{ApplicationId, HouseholdId, LabelId, LeaseId, PlaceId};
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::Title;
use crate::refusal::Refusal;

/// The lease was really signed at `now`.
pub(super) fn signed(
    is: &Household,
    lease: LeaseId,
    now: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<Found, Halt> {
    let of = is.leases.get(&lease).ok_or_else(|| Refusal::unknown("Bail"))?;
    move_lease(of.place, lease, (now, of.ended), ctx, ledgers, draft)?;
    Ok(Found::of(of.signed_by, of.from, now))
}

/// The lease really ended at `now`.
pub(super) fn lease_ended(
    is: &Household,
    lease: LeaseId,
    now: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<Found, Halt> {
    let of = is.leases.get(&lease).ok_or_else(|| Refusal::unknown("Bail"))?;
    let (Some(by), Some(was)) = (of.ended_by, of.ended) else {
        let sentence = "Ce bail n'est pas terminé.";
        return Err(Refusal::conflict("lease-not-ended", "correction", sentence).into());
    };
    move_lease(of.place, lease, (of.from, Some(now)), ctx, ledgers, draft)?;
    Ok(Found::of(by, was, now))
}

/// Moves a lease on both ledgers, if nothing else was there (INV-2).
fn move_lease(
    at: PlaceId,
    lease: LeaseId,
    (from, to): (Timestamp, Option<Timestamp>),
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    if to.is_some_and(|to| to < from) {
        let sentence = "La fin du bail précéderait sa signature.";
        return Err(Refusal::invalid("dates-reversed", "correction", sentence).into());
    }
    move_occupancy(at, Title::Lease { lease }, (from, to), "Ce logement était occupé", ctx, ledgers, draft)
}

/// The application was really filed on the day of `now`: like the seniority of a request, its date only gets older.
pub(super) fn filed(
    id: HouseholdId,
    is: &Household,
    application: ApplicationId,
    now: Timestamp,
    ctx: &Context<'_>,
) -> Result<Found, Halt> {
    let territory = id.territory();
    let of =
        is.applications.get(&application).ok_or_else(|| Refusal::unknown("Demande de logement social"))?;
    let filed_on = Day(day(territory, now));
    if filed_on > of.filed_on {
        let sentence =
            format!("L'ancienneté ne recule pas : la demande est déposée le {}.", day_words(of.filed_on.0));
        return Err(Refusal::conflict("seniority-later", "INV-10", sentence).into());
    }
    if let Some(number) = of.known_number() {
        check_number(*number, filed_on)?;
    }
    let morning = |day: Day| start_of_day(territory, day.0);
    let never_renewed = of.valid_until == valid_until(of.filed_on, ctx, id);
    Ok(Found {
        day: Some(filed_on),
        valid_until: never_renewed.then(|| valid_until(filed_on, ctx, id)),
        ..Found::of(of.registered_by, morning(of.filed_on), morning(filed_on))
    })
}

/// The label was really granted on the day of `now`.
pub(super) fn decided(
    id: HouseholdId,
    is: &Household,
    label: LabelId,
    now: Timestamp,
    ctx: &Context<'_>,
) -> Result<Found, Halt> {
    let territory = id.territory();
    let of = is.labels.get(&label).ok_or_else(|| Refusal::unknown("Label"))?;
    let decided_on = Day(day(territory, now));
    let morning = |day: Day| start_of_day(territory, day.0);
    Ok(Found {
        day: Some(decided_on),
        proposal_due: proposal_due(of.ground, decided_on, ctx, id),
        ..Found::of(of.granted_by, morning(of.decided_on), morning(decided_on))
    })
}
