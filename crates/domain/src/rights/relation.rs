//! What an organisation is to a household.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Caller, Circumstances};
use crate::calendar;
use crate::household::Household;
use crate::household::consent::Reader;
use crate::household::referral::ReferralSituation;
use crate::id::{HouseholdId, OrganisationId, PlaceId};
use crate::organisation::OrganisationKind;
use crate::reference::ConsentPurpose;

/// Who runs each place that a household's ledger names.
pub type Providers = BTreeMap<PlaceId, OrganisationId>;

/// What an organisation is to a household. It can be several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It follows the household, and so does the person who asks.
    Follows,
    /// It is the SIAO of the household's home, or that a request is addressed to.
    Siao,
    /// One of its places was proposed, and it has not answered yet.
    Proposed,
    /// The household is expected in one of its places, lives there, or left lately.
    Houses,
    /// The household is a candidate for one of its dwellings or its tenant, or was lately.
    Designated,
    /// It registered the household's application for social housing.
    Registers,
    /// It answers for the household's département.
    Territory,
    /// It answers for the département of a household that is erased: nobody is anything else to it.
    Erased,
}

/// Whether the organisation was told something of the household before it was erased, and is told that it is, so that it
/// erases what it keeps itself (GDPR art. 19): the SIAO, the préfet and the mediation board of its home or of a request, who
/// followed it at any time, who runs a place that was proposed to it, that it lived in, was a candidate for or rented (`providers`), and
/// who registered an application of it.
#[must_use]
pub fn is_told_of_erasure(caller: &Caller, id: HouseholdId, is: &Household, providers: &Providers) -> bool {
    let Some(erasure) = is.erasure() else { return false };
    let of_territory = matches!(
        caller.kind,
        OrganisationKind::SiaoOperator | OrganisationKind::Prefecture | OrganisationKind::MediationBoard
    );
    let mut addressed = is.requests.values().map(|request| request.siao).chain([id.territory()]);
    let mut counters = is.applications.values().filter_map(|application| application.counter);
    erasure.followed_by.contains(&caller.organisation)
        || of_territory && addressed.any(|territory| caller.territories.contains(&territory))
        || providers.values().any(|provider| *provider == caller.organisation)
        || counters.any(|counter| counter == caller.organisation)
}

/// All that the caller's organisation is to the household at this instant, less what a person of the household objects
/// to (GDPR art. 21).
#[must_use]
pub fn relations(
    caller: &Caller,
    id: HouseholdId,
    is: &Household,
    providers: &Providers,
    at: Circumstances<'_>,
) -> BTreeSet<Relation> {
    let own = |place: &PlaceId| providers.get(place) == Some(&caller.organisation);
    let lately =
        |ended: Timestamp| at.now.duration_since(ended).as_hours() <= 24 * at.rules.after_departure_days;
    let today = calendar::day(id.territory(), at.now);
    let reader =
        Reader { organisation: caller.organisation, kind: caller.kind, territories: &caller.territories };
    let objects = |purpose| is.objects(purpose, reader, today);
    let at_home = caller.territories.contains(&id.territory());
    if is.erasure().is_some() {
        return at_home.then_some(Relation::Erased).into_iter().collect();
    }
    let mut all = BTreeSet::new();
    let mut hold = |relation, holds: bool| {
        if holds {
            all.insert(relation);
        }
    };
    // A token acts for all workers of its organisation; a person for themselves.
    let in_charge = |worker| caller.user.is_none() || worker == caller.user;
    let follower = is.follower(caller.organisation);
    let follows = follower.is_some_and(|follower| follower.worker.is_none() || in_charge(follower.worker));
    hold(Relation::Follows, follows && !objects(ConsentPurpose::share_with_support_services()));
    let addressed = is
        .requests
        .values()
        .any(|request| request.situation.is_open() && caller.territories.contains(&request.siao));
    hold(Relation::Siao, at_home || addressed && !objects(ConsentPurpose::share_with_other_siao()));
    hold(Relation::Territory, at_home);
    let proposed = is.referrals.values().any(|referral| {
        own(&referral.place) && matches!(referral.situation, ReferralSituation::Proposed { .. })
    });
    hold(Relation::Proposed, proposed && !objects(ConsentPurpose::share_with_providers()));
    let expected = is.referrals.values().any(|referral| {
        own(&referral.place) && matches!(referral.situation, ReferralSituation::Accepted { .. })
    });
    let housed = is.stays.values().any(|stay| own(&stay.place) && stay.ended().is_none_or(lately));
    hold(Relation::Houses, expected || housed);
    let candidate =
        is.candidacies.values().any(|candidacy| own(&candidacy.place) && candidacy.closed.is_none_or(lately));
    let tenant = is.leases.values().any(|lease| own(&lease.place) && lease.ended.is_none_or(lately));
    hold(Relation::Designated, tenant || candidate && !objects(ConsentPurpose::share_with_landlords()));
    let registers = is
        .applications
        .values()
        .any(|application| application.is_live() && application.counter == Some(caller.organisation));
    hold(Relation::Registers, registers && !objects(ConsentPurpose::share_with_landlords()));
    all
}
