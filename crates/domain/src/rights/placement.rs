//! Who is told of what is available.

use super::{Action, Caller, Circumstances, Resource, decide};
use crate::calendar;
use crate::household::Household;
use crate::household::consent::Reader;
use crate::organisation::OrganisationKind;
use crate::placement::{Placement, PlacementId};
use crate::reference::ConsentPurpose;

/// Being told of households that are ready for a home of their own, without a name.
pub const READY_HOUSEHOLDS: Action = Action::read("placement", "households");

/// Whether the caller, who asks `action`, may be told of something that is, or was, available. `household` is what is known now
/// of the household that it is about: of one that is protected since, that is erased, or whose persons object to be shown to
/// landlords, nothing is told, whatever was told before.
#[must_use]
pub fn is_told_of_placement(
    caller: &Caller,
    action: Action,
    id: PlacementId,
    is: &Placement,
    household: Option<&Household>,
    at: Circumstances<'_>,
) -> bool {
    match id {
        PlacementId::Place(_) => is.provider.is_some_and(|provider| {
            let supply = Resource::Supply { territory: is.territory, provider };
            decide(caller, action, &supply, at).is_ok()
        }),
        PlacementId::Household(_) => {
            // Its role says whether it is told; what it signed in with, whether it may ask so.
            let ready = Action { verb: action.verb, ..READY_HOUSEHOLDS };
            let told = decide(caller, ready, &Resource::Any, at).is_ok();
            told && caller.territories.contains(&is.territory)
                && household.is_some_and(|household| is_shown(caller, household, is, at))
        }
    }
}

/// Whether the caller may see who was told of something that is available: whoever runs it, and the SIAO of the territory, which
/// steers what is told. Both only what they may be told of themselves, as [`is_told_of_placement`] says.
#[must_use]
pub fn sees_recipients(caller: &Caller, is: &Placement) -> bool {
    let steers = caller.kind == OrganisationKind::SiaoOperator && caller.territories.contains(&is.territory);
    steers || is.provider == Some(caller.organisation)
}

fn is_shown(caller: &Caller, household: &Household, is: &Placement, at: Circumstances<'_>) -> bool {
    let today = calendar::day(is.territory, at.now);
    let reader =
        Reader { organisation: caller.organisation, kind: caller.kind, territories: &caller.territories };
    let objected = caller.kind == OrganisationKind::SocialLandlord
        && household.objects(ConsentPurpose::share_with_landlords(), reader, today);
    household.protected.is_none() && household.erasure().is_none() && !objected
}
