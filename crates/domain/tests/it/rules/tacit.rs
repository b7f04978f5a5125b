//! CHRS: social aid, reviews and extensions; what silence means, and who writes it down (CASF R345-4, INV-12).

use domain::calendar::Instant;
use domain::decide::stay::{
    AdmitDirectly, DecideAdmission, DecideExtension, EndStay, RequestExtension, ReviewStay,
};
use domain::household::stay::{Extension, SocialAid, Stay};
use domain::id::{HouseholdId, StayId};
use domain::structure_kind::StructureKind::{Alt, Chrs, EmergencyShelter};

use crate::scenario::{World, code, day, instant};

/// A CHRS stay since 2 March 2026, planned to end on 2 March 2027.
fn chrs() -> (World, HouseholdId, StayId) {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let stay = w.staying(household, place);
    (w, household, stay)
}

fn is(w: &World, household: HouseholdId, stay: StayId) -> &Stay {
    &w.household_of(household).stays[&stay]
}

fn extension(stay: StayId, until: &str) -> RequestExtension {
    RequestExtension { stay, until: day(until), motive: "Formation en cours.".to_owned() }
}

#[test]
fn a_month_of_silence_on_the_social_aid_is_acceptance_and_only_the_clock_says_so() {
    let (mut w, household, stay) = chrs();
    w.until("2026-04-02T23:59:59");
    assert!(matches!(is(&w, household, stay).social_aid, Some(SocialAid::Sent { .. })));
    assert_eq!(w.until("2026-04-03T08:00"), ["admission.deemed_accepted"]);
    assert_eq!(is(&w, household, stay).social_aid, Some(SocialAid::Accepted { tacit: true }));
    let deemed = w.last_of("admission.deemed_accepted");
    assert_eq!((deemed.by_clock, deemed.stamp.effective), (true, instant("2026-04-02T23:59:59")));
    let answer = DecideAdmission { stay, accepted: false };
    assert_eq!(w.refuses(household, answer).code, "no-social-aid-pending");
}

#[test]
fn the_prefet_answers_within_the_month_and_not_after_even_if_the_clock_was_down() {
    let (mut w, household, stay) = chrs();
    let mut late = w.clone();
    w.until("2026-03-20T10:00");
    w.does(household, DecideAdmission { stay, accepted: false });
    assert_eq!(is(&w, household, stay).social_aid, Some(SocialAid::Refused));
    assert_eq!(w.until("2026-05-01T10:00"), [""; 0]);

    late.outage_until("2026-04-03T00:00");
    let refusal = late.refuses(household, DecideAdmission { stay, accepted: false });
    assert_eq!((refusal.code, refusal.since), ("tacitly-accepted", Some(instant("2026-04-02T23:59:59"))));
    assert_eq!(late.until("2026-04-03T00:01"), ["admission.deemed_accepted"]);
}

#[test]
fn each_review_sets_the_next_within_six_months() {
    let (mut w, household, stay) = chrs();
    w.until("2026-08-20T10:00");
    let review = ReviewStay { stay, housing_ready: true, note: None, at: None };
    let before = ReviewStay { at: Some(Instant(instant("2026-03-01T10:00"))), ..review.clone() };
    assert_eq!(w.refuses(household, before).code, "dates-reversed");
    w.does(household, ReviewStay { at: Some(Instant(instant("2026-08-18T10:00"))), ..review.clone() });
    let stays = is(&w, household, stay);
    assert_eq!((stays.review_due, stays.ready.is_some()), (Some(day("2027-02-18")), true));

    let place = w.vacancy(EmergencyShelter, 1);
    let other = w.household("man 22");
    w.does(other, AdmitDirectly { place, at: None, persons: None, planned_end: None, leaving: None });
    let stay = StayId::created_by(w.last);
    w.does(other, ReviewStay { stay, ..review });
    assert_eq!(is(&w, other, stay).review_due, None, "the law asks for reviews in a CHRS");
}

#[test]
fn an_extension_is_reasoned_says_whether_it_comes_late_and_is_granted_by_a_month_of_silence() {
    let (mut w, household, stay) = chrs();
    w.until("2027-02-02T10:00");
    let silent = RequestExtension { motive: " ".to_owned(), ..extension(stay, "2027-09-02") };
    assert_eq!(w.refuses(household, silent).code, "reason-missing");
    assert_eq!(w.refuses(household, extension(stay, "2027-03-02")).code, "dates-reversed");
    let mut late = w.clone();
    w.does(household, extension(stay, "2027-09-02"));
    assert_eq!(w.last_of("stay.extension_requested").fact.body()["late"], false, "one month before the end");
    assert_eq!(w.refuses(household, extension(stay, "2027-10-02")).code, "extension-pending");
    assert_eq!(w.until("2027-03-03T08:00"), ["stay.deemed_extended"]);
    assert_eq!(
        (is(&w, household, stay).planned_end, &is(&w, household, stay).extension),
        (Some(day("2027-09-02")), &None)
    );
    let deadline_again = DecideExtension { stay, granted: false, until: None, motive: None };
    assert_eq!(w.refuses(household, deadline_again).code, "no-extension-pending");

    late.until("2027-02-03T10:00");
    late.does(household, extension(stay, "2027-09-02"));
    assert_eq!(late.last_of("stay.extension_requested").fact.body()["late"], true);
}

#[test]
fn the_prefecture_grants_an_extension_longer_than_the_stay_or_refuses_it_in_time() {
    let (mut w, household, stay) = chrs();
    w.until("2027-01-10T10:00");
    w.does(household, extension(stay, "2027-09-02"));
    let grant = DecideExtension { stay, granted: true, until: Some(day("2027-06-02")), motive: None };
    let shorter = DecideExtension { until: Some(day("2027-03-02")), ..grant.clone() };
    assert_eq!(w.refuses(household, shorter).code, "dates-reversed");
    let mut late = w.clone();
    let mut refusing = w.clone();
    w.does(household, grant.clone());
    assert_eq!(is(&w, household, stay).planned_end, Some(day("2027-06-02")));
    assert_eq!(w.until("2027-03-10T10:00"), [""; 0], "an express answer leaves nothing to silence");

    let refuse =
        DecideExtension { granted: false, until: None, motive: Some("Relogé.".to_owned()), ..grant };
    refusing.does(household, refuse.clone());
    assert_eq!(is(&refusing, household, stay).extension, Some(Extension::Refused));
    assert_eq!(is(&refusing, household, stay).planned_end, Some(day("2027-03-02")));
    refusing.does(household, extension(stay, "2027-04-02"));

    late.outage_until("2027-02-11T00:00");
    assert_eq!(late.refuses(household, refuse).code, "tacitly-accepted");
}

#[test]
fn a_stay_that_ended_waits_for_no_answer() {
    let (mut w, household, stay) = chrs();
    w.until("2026-03-20T10:00");
    w.does(household, extension(stay, "2027-09-02"));
    w.does(
        household,
        EndStay {
            stay,
            at: None,
            destination: code("private_rental"),
            reason: code("solution_found"),
            deposit_to_return: false,
        },
    );
    assert_eq!(w.until("2026-06-01T10:00"), [""; 0]);
    assert_eq!(w.refuses(household, DecideAdmission { stay, accepted: true }).code, "stay-ended");
    assert_eq!(w.refuses(household, extension(stay, "2028-01-01")).code, "stay-ended");
}

#[test]
fn silence_extends_a_stay_in_a_chrs_and_no_other() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Alt, 1);
    let household = w.household("man 40");
    let stay = w.staying_directly(household, place);
    w.until("2026-07-01T10:00");
    w.does(household, extension(stay, "2027-03-02"));
    assert_eq!(w.until("2026-09-30T10:00"), [""; 0], "no text makes silence an answer here");
    assert!(matches!(is(&w, household, stay).extension, Some(Extension::Requested { tacit_at: None, .. })));
    let late = DecideExtension { stay, granted: true, until: None, motive: None };
    w.does(household, late);
    assert_eq!(is(&w, household, stay).planned_end, Some(day("2027-03-02")));
}

#[test]
fn the_month_of_the_prefet_runs_from_the_day_the_request_was_sent_not_from_an_entry_recorded_late() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    w.until("2026-04-11T10:00");
    let at = Some(Instant(instant("2026-03-02T18:00")));
    let planned_end = Some(day("2026-09-02"));
    w.does(household, AdmitDirectly { place, at, persons: None, planned_end, leaving: None });
    let stay = StayId::created_by(w.last);
    assert_eq!(
        is(&w, household, stay).social_aid,
        Some(SocialAid::Sent { tacit_at: instant("2026-05-11T23:59:59") })
    );
    assert_eq!(w.until("2026-04-20T10:00"), [""; 0]);
    w.does(household, DecideAdmission { stay, accepted: false });
}
