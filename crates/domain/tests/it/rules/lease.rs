//! The lease: it closes the application, the labels, the stay and everything that was still open, in one append.

use domain::calendar::Instant;
use domain::decide::allocation::{AcceptOffer, MeetCondition};
use domain::decide::application::GrantPriority;
use domain::decide::inventory::{BringOnline, TakeOffline};
use domain::decide::lease::{EndLease, SignLease};
use domain::decide::registration::AddMember;
use domain::household::application::{ApplicationSituation, Deregistration};
use domain::household::candidacy::{CandidacyOutcome, CandidacySituation};
use domain::household::priority::{LabelEnd, LabelSource};
use domain::household::request::RequestSituation;
use domain::id::{CandidacyId, HouseholdId, LeaseId, PlaceId};
use domain::money::Money;
use domain::place::PlaceSituation;
use domain::place::committee::CommitteeDecision as Decision;
use domain::structure_kind::StructureKind::{Chrs, SocialResidence};
use jiff::ToSpan;
use serde_json::json;

use crate::scenario::{World, code, day, instant};

fn sign(candidacy: CandidacyId) -> SignLease {
    SignLease {
        candidacy,
        at: None,
        from: None,
        rent: Money::euros(420),
        charges: Money::euros(60),
        deposit_to_return: false,
    }
}

/// The first of three candidates accepted the dwelling.
fn accepted() -> (World, PlaceId, Vec<(HouseholdId, CandidacyId)>) {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(3);
    w.ranked(dwelling, &candidates);
    w.does(candidates[0].0, AcceptOffer { candidacy: candidates[0].1 });
    (w, dwelling, candidates)
}

#[test]
fn a_lease_closes_the_application_the_label_the_stay_and_all_that_was_open_in_one_append() {
    let (mut w, dwelling, candidates) = accepted();
    let (household, candidacy) = candidates[0];
    let residence = w.vacancy(SocialResidence, 2);
    let stay = w.staying(household, residence);
    let request = w.qualified(household, &[Chrs]);
    let shelter = w.vacancy(Chrs, 2);
    let referral = w.referred(household, request, shelter);
    let label = GrantPriority {
        ground: code("dalo"),
        source: LabelSource::MediationBoard,
        decided_on: None,
        document: None,
    };
    w.does(household, label);
    let (elsewhere, others) = w.designated(2);
    let second = (household, w.designates(elsewhere, &[household])[0].1);
    w.ranked(elsewhere, &[second, others[0], others[1]]);

    w.pass(2.days());
    let kinds = w.does(household, sign(candidacy));
    let lease = LeaseId::created_by(w.last);
    let told = w.last_of("lease.signed").fact.body();
    assert_eq!((&told["typology"], &told["previous"]), (&json!("t2"), &json!("on_the_street")));
    for kind in [
        "lease.signed",
        "place.occupied",
        "housing_application.closed",
        "priority.withdrawn",
        "stay.ended",
        "place.vacated",
        "referral.withdrawn",
        "place.released",
        "request.cancelled",
    ] {
        assert_eq!(kinds.iter().filter(|one| **one == kind).count(), 1, "{kind} in {kinds:?}");
    }
    let is = w.household_of(household);
    let application = is.applications.values().next().unwrap();
    assert_eq!(application.situation, ApplicationSituation::Deregistered { reason: Deregistration::A });
    assert_eq!(is.labels.values().next().unwrap().ended, Some(LabelEnd::Housed));
    assert_eq!(is.stays[&stay].ended(), Some(w.now));
    assert!(!is.referrals[&referral].situation.holds());
    let RequestSituation::Cancelled { reason, .. } = &is.requests[&request].situation else { panic!() };
    assert_eq!(reason.code(), "solution_found");
    assert_eq!(is.candidacies[&candidacy].situation, CandidacySituation::Leased);
    let housed = CandidacySituation::Closed { outcome: CandidacyOutcome::HousedElsewhere };
    assert_eq!(is.candidacies[&second.1].situation, housed);
    let next = &w.household_of(others[0].0).candidacies[&others[0].1].situation;
    assert!(matches!(next, CandidacySituation::Offered { .. }), "the other dwelling goes to its next rank");
    for (loser, candidacy) in &candidates[1..] {
        let taken = CandidacySituation::Closed { outcome: CandidacyOutcome::DwellingTaken };
        assert_eq!(w.household_of(*loser).candidacies[candidacy].situation, taken);
    }
    assert_eq!(w.place_of(dwelling).situation(w.now, w.today()), PlaceSituation::Occupied);
    assert!(w.place_of(residence).current_occupancy().is_none() && w.place_of(shelter).hold.is_none());
    assert_eq!(is.leases[&lease].from, w.now);
    assert_eq!(w.refuses(household, sign(candidacy)).code, "offer-closed", "one lease");
}

#[test]
fn a_lease_supposes_an_acceptance_the_missing_document_and_a_rent() {
    let (mut w, dwelling, candidates) = accepted();
    let second = candidates[1];
    assert_eq!(w.refuses(second.0, sign(second.1)).code, "offer-not-accepted");
    let first = candidates[0];
    let free = SignLease { rent: Money::ZERO, ..sign(first.1) };
    assert_eq!(w.refuses(first.0, free).code, "amount");
    let negative = SignLease { charges: Money::cents(-1), ..sign(first.1) };
    assert_eq!(w.refuses(first.0, negative).code, "amount");
    w.does(first.0, SignLease { charges: Money::ZERO, ..sign(first.1) });
    assert!(w.place_of(dwelling).open_vacancy().is_none());

    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(3);
    w.convened(dwelling);
    let missing = Decision::AwardConditional { document: code("tax_notice"), by: day("2026-04-01") };
    let reject = || Decision::Reject { reason: code("size_mismatch") };
    let decisions = candidates.iter().map(|c| c.1).zip([missing, reject(), reject()]);
    w.does(dwelling, World::decisions(decisions, None));
    let first = candidates[0];
    w.does(first.0, AcceptOffer { candidacy: first.1 });
    let refusal = w.refuses(first.0, sign(first.1));
    assert_eq!((refusal.code, refusal.rule), ("condition-pending", "CCH R441-3 c"));
    w.does(dwelling, MeetCondition { candidacy: first.1 });
    w.does(first.0, sign(first.1));
}

#[test]
fn a_lease_is_for_a_dwelling_that_can_be_used_and_houses_everybody() {
    let (mut w, dwelling, candidates) = accepted();
    let (household, candidacy) = candidates[0];
    w.does(dwelling, TakeOffline { reason: code("works"), from: None, until: None });
    assert_eq!(w.refuses(household, sign(candidacy)).code, "dwelling-offline");
    w.does(dwelling, BringOnline { spell: None, until: Some(day("2026-03-02")) });
    w.pass(1.days());
    let mut grown = w.clone();
    for name in ["son", "daughter", "son"] {
        let member = grown.members(&format!("woman 40, {name} 3")).remove(1);
        grown.does(
            household,
            AddMember { member, reason: code("custody"), at: None, duplicate_reviewed: None },
        );
    }
    let refusal = grown.refuses(household, sign(candidacy));
    assert_eq!((refusal.code, refusal.rule), ("not-eligible", "capacity"));
    w.does(household, sign(candidacy));
}

#[test]
fn a_lease_recorded_late_is_never_older_than_its_acceptance() {
    let (mut w, dwelling, candidates) = accepted();
    let (household, candidacy) = candidates[0];
    w.pass(10.days());
    w.does(household, SignLease { at: Some(Instant(instant("2026-03-01T10:00"))), ..sign(candidacy) });
    assert_eq!(w.last_of("lease.signed").stamp.effective, instant("2026-03-02T10:00"));
    assert_eq!(w.place_of(dwelling).current_occupancy().unwrap().from, instant("2026-03-02T10:00"));
}

#[test]
fn a_lease_ends_with_its_last_day_and_frees_the_dwelling() {
    let (mut w, dwelling, candidates) = accepted();
    let (household, candidacy) = candidates[0];
    w.does(household, sign(candidacy));
    let lease = LeaseId::created_by(w.last);
    let same_day = w.clone().does(household, EndLease { lease, on: Some(day("2026-03-02")) });
    assert_eq!(same_day, ["lease.ended", "place.vacated"], "one may leave on the day of the signature");
    w.pass(400.days());
    assert_eq!(w.refuses(household, EndLease { lease, on: Some(day("2026-03-01")) }).code, "dates-reversed");
    assert_eq!(w.refuses(household, EndLease { lease, on: Some(day("2027-05-01")) }).code, "date-in-future");
    w.does(household, EndLease { lease, on: Some(day("2027-03-31")) });
    assert_eq!(w.last_of("lease.ended").stamp.effective, instant("2027-03-31T23:59:59"));
    assert!(w.place_of(dwelling).current_occupancy().is_none());
    assert_eq!(w.refuses(household, EndLease { lease, on: None }).code, "lease-ended");
    w.applies(household);
}

#[test]
fn a_lease_signed_from_a_residence_leaves_the_deposit_to_be_returned() {
    let (mut w, _, candidates) = accepted();
    let (household, candidacy) = candidates[0];
    let residence = w.vacancy(SocialResidence, 2);
    let stay = w.staying(household, residence);
    w.does(household, SignLease { deposit_to_return: true, ..sign(candidacy) });
    assert_eq!(w.household_of(household).stays[&stay].deposit_due, Some(day("2026-03-17")));
}
