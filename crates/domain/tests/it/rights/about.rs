//! The place that a command or an event is about, by whatever it names of a household's ledger.

use domain::decide::allocation::AcceptOffer;
use domain::decide::lease::SignLease;
use domain::id::{CandidacyId, HouseholdId, LeaseId, PlaceId, StayId};
use domain::money::Money;
use domain::rights::place_of;
use domain::structure_kind::StructureKind::{Chrs, SocialDwelling, SocialResidence};
use serde_json::{Value, json};

use crate::scenario::World;

/// The first of the candidates is ranked first, accepts the dwelling and signs.
pub(super) fn lets(
    w: &mut World,
    dwelling: PlaceId,
    candidates: &[(HouseholdId, CandidacyId)],
) -> (HouseholdId, LeaseId) {
    w.ranked(dwelling, candidates);
    let (household, candidacy) = candidates[0];
    w.does(household, AcceptOffer { candidacy });
    let (rent, charges) = (Money::euros(420), Money::euros(60));
    w.does(household, SignLease { candidacy, at: None, from: None, rent, charges, deposit_to_return: false });
    (household, LeaseId::created_by(w.last))
}

#[test]
fn what_names_a_referral_a_stay_a_candidacy_or_a_lease_is_about_its_place() {
    let mut w = World::at("2026-03-02T09:00");
    let (let_to_it, candidates) = w.designated(3);
    let household = candidates[0].0;
    let shelter = w.place(Chrs, 2);
    let stay = w.staying_directly(household, shelter);
    let residence = w.vacancy(SocialResidence, 2);
    let request = w.qualified(household, &[SocialResidence]);
    let referral = w.referred(household, request, residence);
    let wished = w.vacancy(SocialDwelling, 4);
    let candidacy = w.designates(wished, &[household])[0].1;
    let (_, lease) = lets(&mut w, let_to_it, &candidates);
    let about = |body: Value| place_of(&body, w.household_of(household));

    assert_eq!(about(json!({ "place": shelter })), Some(shelter));
    assert_eq!(about(json!({ "referral": referral })), Some(residence));
    assert_eq!(about(json!({ "stay": stay })), Some(shelter));
    assert_eq!(about(json!({ "candidacy": candidacy })), Some(wished));
    assert_eq!(about(json!({ "lease": lease })), Some(let_to_it));
    // The first that is known decides.
    assert_eq!(about(json!({ "lease": lease, "place": wished })), Some(wished));
    assert_eq!(about(json!({ "lease": lease, "stay": stay })), Some(shelter));
    let unknown = StayId::created_by(w.upcoming());
    assert_eq!(about(json!({ "stay": unknown, "lease": lease })), Some(let_to_it));
    for nothing in [json!({ "stay": unknown }), json!({ "place": "here" }), json!({ "note": "bonjour" })] {
        assert_eq!(about(nothing), None);
    }
}
