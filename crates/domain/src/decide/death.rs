//! The death of somebody who lived alone: everything that was under way ends with them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::stay::Exit;
use super::{Context, Draft, place};
use crate::household::Household;
use crate::household::application::{ApplicationClosed, Deregistration};
use crate::household::candidacy::{CandidacyOutcome, LeaseEnded};
use crate::household::priority::{LabelEnd, PriorityWithdrawn};
use crate::household::request::RequestCancelled;
use crate::id::HouseholdId;
use crate::ledger::{Halt, Ledgers};
use crate::place::occupancy::{Title, Vacated};
use crate::reference::{CancellationReason, ExitDestination, ExitReason, WithdrawalReason};

/// Ends stays and leases on the day of the death, closes the application, withdraws labels, referrals and requests.
pub(super) fn close_everything(
    id: HouseholdId,
    is: &Household,
    at: Timestamp,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let (destination, reason) = (ExitDestination::deceased(), ExitReason::deceased());
    for (stay, _) in is.active_stays() {
        Exit { at, destination, reason, deposit: false }.write(id, is, stay, ctx, ledgers, draft)?;
    }
    for (lease, signed) in is.leases.iter().filter(|(_, lease)| lease.ended.is_none()) {
        place(ledgers, signed.place)?;
        let at = at.max(signed.from);
        draft.household(id, at, LeaseEnded { lease: *lease });
        draft.place(signed.place, at, Vacated { title: Title::Lease { lease: *lease } });
    }
    let live: BTreeSet<_> = is.live_referrals().map(|(referral, _)| referral).collect();
    super::referral::withdraw(id, is, &live, WithdrawalReason::request_closed(), ctx, ledgers, draft)?;
    for (request, _) in is.requests.iter().filter(|(_, request)| request.situation.is_open()) {
        let reason = CancellationReason::deceased();
        draft.household(id, ctx.at, RequestCancelled { request: *request, reason });
    }
    if let Some((application, _)) = is.live_application() {
        draft.household(id, ctx.at, ApplicationClosed { application, reason: Deregistration::Deceased });
    }
    for (label, _) in is.labels.iter().filter(|(_, label)| label.ended.is_none()) {
        draft.household(id, ctx.at, PriorityWithdrawn { label: *label, why: LabelEnd::GroundsGone });
    }
    let outcome = CandidacyOutcome::Deregistered;
    super::allocation::close_candidacies(id, is, &outcome, None, ctx, ledgers, draft)
}
