//! After a change of the household, its open referrals are looked at again (a place may have become too small).

use std::collections::BTreeSet;

use super::referral::withdraw;
use super::{Context, Draft, place};
use crate::household::Household;
use crate::household::referral::ReferralSituation;
use crate::id::HouseholdId;
use crate::ledger::{AggregateId, Fact, Halt, Ledgers};
use crate::matching::outgrown;
use crate::reference::WithdrawalReason;

/// Withdraws the proposals that no longer fit the household as the decision leaves it; their requests wait on at their
/// rank. A referral that was accepted stays: the household is expected, so people decide, and a worklist says so.
pub(super) fn recheck(
    id: HouseholdId,
    is: &Household,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let proposed = |situation: &ReferralSituation| matches!(situation, ReferralSituation::Proposed { .. });
    if !is.live_referrals().any(|(_, referral)| proposed(&referral.situation)) {
        return Ok(());
    }
    let mut after = is.clone();
    for (nth, change) in draft.changes.iter().enumerate() {
        if let (AggregateId::Household(of), Fact::Household(event)) = (change.ledger, &change.fact)
            && of == id
        {
            after.evolve(event, &change.stamp(ctx.command, nth, ctx.at));
        }
    }
    let mut misfits = BTreeSet::new();
    for (referral, open) in after.live_referrals().filter(|(_, open)| proposed(&open.situation)) {
        let description = place(ledgers, open.place)?.description();
        if let (Some(description), Some(request)) = (description, after.requests.get(&open.request))
            && outgrown(&after, request, open.persons.as_ref(), description, ctx.today(request.siao))
                .is_some()
        {
            misfits.insert(referral);
        }
    }
    withdraw(id, is, &misfits, WithdrawalReason::composition_changed(), ctx, ledgers, draft)
}
