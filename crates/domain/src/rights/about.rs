//! The place that a command or an event on a household's ledger is about.

use serde_json::Value;

use crate::household::Household;
use crate::id::PlaceId;

/// The place that `body`, of a command or of an event, names: itself, or by a referral, a stay, a candidacy or a lease
/// that the household's ledger knows. The first of these that is there decides.
#[must_use]
pub fn place_of(body: &Value, is: &Household) -> Option<PlaceId> {
    fn id<T: std::str::FromStr>(body: &Value, field: &str) -> Option<T> {
        body.get(field)?.as_str()?.parse().ok()
    }
    id(body, "place")
        .or_else(|| is.referrals.get(&id(body, "referral")?).map(|referral| referral.place))
        .or_else(|| is.stays.get(&id(body, "stay")?).map(|stay| stay.place))
        .or_else(|| is.candidacies.get(&id(body, "candidacy")?).map(|candidacy| candidacy.place))
        .or_else(|| is.leases.get(&id(body, "lease")?).map(|lease| lease.place))
}
