//! The referral: proposed, answered, expired; each step on both ledgers at once.

use std::collections::BTreeSet;

use domain::decide::referral::{
    AcceptReferral, DeclineReferral, JudgeRefusal, ProposeReferral, RecordNoShow, RefuseReferral,
    ViewReferral, WithdrawReferral,
};
use domain::decide::request::{CreateRequest, QualifyRequest, SubmitRequest};
use domain::decide::stay::{Leaving, StartStay};
use domain::household::referral::ReferralSituation as Situation;
use domain::household::request::{RequestSituation, RequestStream};
use domain::id::{HouseholdId, PersonId, ReferralId, RequestId, StayId};
use domain::matching::Standing;
use domain::matching::suitable;
use domain::place::PlaceSituation;
use domain::refusal::RefusalClass;
use domain::structure_kind::StructureKind::{self, Chrs, EmergencyShelter, SocialDwelling, SocialResidence};
use jiff::ToSpan;
use uuid::Uuid;

use crate::scenario::{World, code, day, instant};

fn situation(w: &World, household: HouseholdId, referral: ReferralId) -> &Situation {
    &w.household_of(household).referrals[&referral].situation
}

fn place_situation(w: &World, place: domain::id::PlaceId) -> PlaceSituation {
    w.place_of(place).situation(w.now, w.today())
}

#[test]
fn of_several_live_referrals_one_is_accepted_and_the_others_are_withdrawn_and_freed_in_the_same_append() {
    let mut w = World::at("2026-03-02T10:00");
    let (one, two, three) = (w.vacancy(Chrs, 2), w.vacancy(Chrs, 3), w.vacancy(SocialResidence, 2));
    let household = w.household("woman 32, daughter 5");
    let request = w.qualified(household, &[Chrs, SocialResidence]);
    let first = w.referred(household, request, one);
    let second = w.referred(household, request, two);
    let third = w.referred(household, request, three);
    assert_eq!([one, two, three].map(|place| place_situation(&w, place)), [PlaceSituation::Held; 3]);

    let kinds = w.does(household, AcceptReferral { referral: second, arrival: Some(day("2026-03-09")) });
    assert_eq!(kinds.iter().filter(|kind| **kind == "referral.withdrawn").count(), 2);
    assert_eq!(kinds.iter().filter(|kind| **kind == "place.released").count(), 2);
    assert!(kinds.starts_with(&["referral.accepted", "place.reserved"]), "{kinds:?}");
    assert_eq!(w.appended().len(), 4, "one append to the household and the three places");

    assert!(matches!(situation(&w, household, second), Situation::Accepted { .. }));
    for withdrawn in [first, third] {
        let Situation::Withdrawn { reason } = situation(&w, household, withdrawn) else { panic!() };
        assert_eq!(reason.code(), "placed_elsewhere");
    }
    assert_eq!(place_situation(&w, one), PlaceSituation::Vacant);
    assert_eq!(place_situation(&w, three), PlaceSituation::Vacant);
    let hold = w.place_of(two).hold.as_ref().unwrap();
    assert_eq!((hold.referral, hold.until), (second, None), "an accepted place waits for the household");
    assert_eq!(w.refuses(household, World::proposal(request, one)).code, "already-accepted");
}

#[test]
fn a_place_is_held_by_one_referral_and_the_refusal_says_since_when_but_never_for_whom() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 2);
    let (first, second) = (w.household("woman 32"), w.household("man 40"));
    let (theirs, other) = (w.qualified(first, &[Chrs]), w.qualified(second, &[Chrs]));
    w.referred(first, theirs, place);
    w.pass(3.hours());

    let refusal = w.refuses(second, World::proposal(other, place));
    assert_eq!((refusal.code, refusal.rule, refusal.class), ("place-taken", "INV-2", RefusalClass::Conflict));
    assert_eq!(refusal.since, Some(instant("2026-03-02T10:00")));
    assert!(refusal.sentence.contains("02/03/2026 à 10:00:00"), "{refusal}");
    assert!(!refusal.sentence.contains(&first.to_string()));
    assert_eq!(w.refuses(first, World::proposal(theirs, place)).code, "place-taken");
}

#[test]
fn a_household_has_at_most_six_open_referrals() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    for _ in 0..6 {
        let place = w.vacancy(Chrs, 1);
        w.referred(household, request, place);
    }
    let seventh = w.vacancy(Chrs, 1);
    assert_eq!(w.refuses(household, World::proposal(request, seventh)).code, "referrals-count");
}

#[test]
fn each_kind_of_housing_has_its_delay_of_answer_and_days_end_at_midnight_of_the_territory() {
    for (kind, expires) in [
        (StructureKind::HotelNight, "2026-03-02T22:00:00"),
        (StructureKind::EmergencyShelter, "2026-03-02T22:00:00"),
        (Chrs, "2026-03-09T23:59:59"),
        (StructureKind::Alt, "2026-03-09T23:59:59"),
        (SocialResidence, "2026-03-17T23:59:59"),
        (StructureKind::FamilyBoardingHouse, "2026-03-17T23:59:59"),
        (StructureKind::SubletIntermediation, "2026-03-17T23:59:59"),
    ] {
        let mut w = World::at("2026-03-02T10:00");
        let place = w.vacancy(kind, 1);
        let household = w.household("man 40");
        let request = w.qualified(household, &[kind]);
        let referral = w.referred(household, request, place);
        let Situation::Proposed { expires_at, .. } = situation(&w, household, referral) else { panic!() };
        assert_eq!(*expires_at, instant(expires), "{kind}");
        assert_eq!(w.place_of(place).hold.as_ref().unwrap().until, Some(*expires_at), "{kind}");
    }
}

#[test]
fn a_referral_expires_once_frees_its_place_and_keeps_the_rank() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let seniority = w.household_of(household).requests[&request].seniority;
    let referral = w.referred(household, request, place);
    let deadline = *w.deadlines().iter().find(|d| d.kind.id() == "referral-expires").unwrap();

    assert_eq!(w.fire(deadline), [""; 0], "before its time the clock does nothing");
    w.outage_until("2026-03-09T23:59:59");
    assert_eq!(w.fire(deadline), [""; 0], "the last second belongs to the answer");
    w.outage_until("2026-03-12T08:00");
    assert_eq!(w.fire(deadline), ["referral.expired", "place.released"]);
    assert_eq!(w.fire(deadline), [""; 0], "once");
    let expired = w.last_of("referral.expired");
    assert_eq!(expired.stamp.effective, instant("2026-03-09T23:59:59"), "it was over when its time was over");
    assert_eq!(expired.stamp.recorded, w.now);
    assert!(expired.by_clock);
    assert_eq!(situation(&w, household, referral), &Situation::Expired);
    assert!(w.place_of(place).hold.is_none());
    let asked = &w.household_of(household).requests[&request];
    assert_eq!(asked.seniority, seniority);
    assert!(matches!(asked.situation, RequestSituation::Qualified(_)));
}

#[test]
fn an_answer_that_comes_late_is_refused_whether_or_not_the_clock_was_there() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let referral = w.referred(household, request, place);
    w.outage_until("2026-03-10T00:00");
    let late = w.refuses(household, AcceptReferral { referral, arrival: None });
    assert_eq!((late.code, late.rule), ("referral-expired", "INV-3"));
    assert_eq!(late.since, Some(instant("2026-03-09T23:59:59")));
    assert_eq!(w.refuses(household, decline(referral, "no_place", None)).code, "referral-expired");
    assert_eq!(w.refuses(household, refuse(referral, "location", None)).code, "referral-expired");
    assert_eq!(w.refuses(household, ViewReferral { referral }).code, "referral-expired");
    w.until("2026-03-10T00:01");
    assert_eq!(w.refuses(household, AcceptReferral { referral, arrival: None }).code, "referral-closed");
}

fn decline(referral: ReferralId, reason: &str, note: Option<&str>) -> DeclineReferral {
    DeclineReferral { referral, reason: code(reason), note: note.map(str::to_owned) }
}

fn refuse(referral: ReferralId, reason: &str, note: Option<&str>) -> RefuseReferral {
    RefuseReferral { referral, reason: code(reason), note: note.map(str::to_owned) }
}

#[test]
fn a_refusal_carries_a_reason_and_other_says_which() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let referral = w.referred(household, request, place);
    for silent in [None, Some(""), Some("  ")] {
        let refusal = w.refuses(household, decline(referral, "other", silent));
        assert_eq!((refusal.code, refusal.rule), ("reason-unexplained", "INV-9"));
        assert_eq!(w.refuses(household, refuse(referral, "other", silent)).code, "reason-unexplained");
    }
    let long = "é".repeat(281);
    assert_eq!(w.refuses(household, decline(referral, "no_place", Some(&long))).code, "note-too-long");
    let kinds = w.does(household, decline(referral, "other", Some(&"é".repeat(280))));
    assert_eq!(kinds, ["referral.declined_by_provider", "place.released"], "the SIAO and the person read it");
    assert_eq!(w.last_of("referral.declined_by_provider").fact.body()["reason"], "other");
    assert!(matches!(situation(&w, household, referral), Situation::DeclinedByProvider { .. }));
    assert_eq!(w.refuses(household, refuse(referral, "location", None)).code, "referral-closed");
}

#[test]
fn a_refusal_judged_not_receivable_costs_the_seniority_and_withdraws_the_other_referrals() {
    let mut w = World::at("2026-03-02T10:00");
    let (one, two) = (w.vacancy(Chrs, 1), w.vacancy(Chrs, 1));
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let (first, second) = (w.referred(household, request, one), w.referred(household, request, two));
    w.does(household, refuse(first, "type_of_place", None));
    let asked = &w.household_of(household).requests[&request];
    assert_eq!(asked.seniority, Some(instant("2026-03-02T10:00")), "until it is judged, the rank is kept");

    let kinds = w.does(household, JudgeRefusal { referral: first, receivable: false });
    let expected = [
        "refusal.judged",
        "referral.withdrawn",
        "place.released",
        "request.went_stale",
        "request.seniority_reset",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(place_situation(&w, two), PlaceSituation::Vacant);
    assert!(matches!(situation(&w, household, second), Situation::Withdrawn { .. }));
    let asked = &w.household_of(household).requests[&request];
    assert_eq!((asked.seniority, asked.situation.word()), (None, "à mettre à jour"));
    let again = JudgeRefusal { referral: first, receivable: true };
    assert_eq!(w.refuses(household, again).code, "already-judged");
}

#[test]
fn a_refusal_judged_receivable_changes_nothing_to_the_rank() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let referral = w.referred(household, request, place);
    assert_eq!(w.refuses(household, JudgeRefusal { referral, receivable: false }).code, "no-refusal");
    w.does(household, refuse(referral, "location", None));
    w.pass(4.days());
    assert_eq!(w.does(household, JudgeRefusal { referral, receivable: true }), ["refusal.judged"]);
    let asked = &w.household_of(household).requests[&request];
    assert_eq!(
        (asked.seniority, asked.situation.word()),
        (Some(instant("2026-03-02T10:00")), "sur liste d'attente")
    );
}

#[test]
fn a_household_may_still_refuse_after_the_provider_accepted_and_nobody_coming_keeps_the_rank() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let referral = w.referred(household, request, place);
    assert_eq!(w.does(household, ViewReferral { referral }), ["referral.viewed"]);
    assert_eq!(w.refuses(household, ViewReferral { referral }).code, "already-viewed");
    assert_eq!(w.refuses(household, RecordNoShow { referral }).code, "referral-closed", "not accepted yet");
    let past = AcceptReferral { referral, arrival: Some(day("2026-03-01")) };
    assert_eq!(w.refuses(household, past).code, "date-in-past");
    w.does(household, AcceptReferral { referral, arrival: Some(day("2026-03-02")) });
    assert_eq!(w.refuses(household, decline(referral, "no_place", None)).code, "referral-closed");
    let mut other = w.clone();
    assert_eq!(
        other.does(household, refuse(referral, "cost", None)),
        ["referral.declined_by_household", "place.released"]
    );

    w.pass(20.days());
    assert!(
        matches!(situation(&w, household, referral), Situation::Accepted { .. }),
        "an acceptance does not expire"
    );
    assert_eq!(w.does(household, RecordNoShow { referral }), ["referral.no_show", "place.released"]);
    let asked = &w.household_of(household).requests[&request];
    assert_eq!(asked.seniority, Some(instant("2026-03-02T10:00")));
    assert_eq!(asked.situation.word(), "sur liste d'attente");
    assert!(w.place_of(place).hold.is_none());
}

#[test]
fn the_siao_takes_a_referral_back_while_it_holds() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    let referral = w.referred(household, request, place);
    let withdraw = WithdrawReferral { referral, reason: code("error") };
    assert_eq!(w.does(household, withdraw.clone()), ["referral.withdrawn", "place.released"]);
    assert_eq!(w.refuses(household, withdraw).code, "referral-closed");
}

#[test]
fn to_propose_somebody_before_the_first_of_the_list_needs_a_reason() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    w.standing = Some(Standing { rank: 3, of: 12, digest: Uuid::from_u128(7) });
    let refusal = w.refuses(household, World::proposal(request, place));
    assert_eq!((refusal.code, refusal.class), ("deviation-unexplained", RefusalClass::Invalid));
    assert!(refusal.sentence.contains("3e sur 12"), "{refusal}");
    let mut proposal = World::proposal(request, place);
    proposal.deviation = Some(code("children_schooling"));
    w.does(household, proposal);
    let rationale = &w.last_of("referral.proposed").fact.body()["rationale"];
    assert_eq!(
        (&rationale["deviation"], &rationale["standing"]["rank"]),
        (&"children_schooling".into(), &3.into())
    );

    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    w.standing = Some(Standing { rank: 1, of: 12, digest: Uuid::from_u128(7) });
    w.does(household, World::proposal(request, place));
}

#[test]
fn a_dwelling_is_never_proposed_by_referral() {
    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.vacancy(SocialDwelling, 4);
    let household = w.household("man 40");
    let request = w.qualified(household, &[SocialDwelling]);
    let refusal = w.refuses(household, World::proposal(request, dwelling));
    assert_eq!((refusal.code, refusal.rule), ("committee-required", "CCH L441-2"));
}

#[test]
fn a_night_of_the_115_takes_nothing_from_the_volet_insertion() {
    let mut w = World::at("2026-03-02T10:00");
    let (room, bed, other_bed) =
        (w.vacancy(SocialResidence, 1), w.vacancy(EmergencyShelter, 1), w.vacancy(EmergencyShelter, 1));
    let household = w.household("man 40");
    let insertion = w.qualified(household, &[SocialResidence]);
    let urgent = CreateRequest {
        siao: None,
        file: crate::scenario::build::file(RequestStream::Emergency115),
        note: None,
        at: None,
    };
    w.does(household, urgent);
    let night = RequestId::created_by(w.last);
    w.does(household, SubmitRequest { request: night, at: None });
    let qualification = crate::scenario::build::qualification(&[EmergencyShelter]);
    w.does(household, QualifyRequest { request: night, qualification });
    let for_room = w.referred(household, insertion, room);
    let for_bed = w.referred(household, night, bed);
    let for_other = w.referred(household, night, other_bed);
    w.does(household, AcceptReferral { referral: for_bed, arrival: None });
    assert!(matches!(situation(&w, household, for_other), Situation::Withdrawn { .. }));
    assert!(matches!(situation(&w, household, for_room), Situation::Proposed { .. }));
    w.does(household, World::moving_in(for_bed));
    let night = StayId::created_by(w.last);
    w.does(household, AcceptReferral { referral: for_room, arrival: None });
    let leaving = Leaving {
        stay: night,
        at: None,
        destination: code("social_residence"),
        reason: code("solution_found"),
        deposit_to_return: false,
    };
    w.does(household, StartStay { leaving: Some(leaving), ..World::moving_in(for_room) });
    assert_eq!(w.household_of(household).active_stays().count(), 1);
}

#[test]
fn a_household_too_large_for_one_unit_is_placed_in_two_and_its_request_fulfilled_when_all_are() {
    let mut w = World::at("2026-03-02T10:00");
    let places = [(); 3].map(|()| w.vacancy(Chrs, 2));
    let household = w.household("woman 40, husband 41, son 9, daughter 7");
    let request = w.qualified(household, &[Chrs]);
    let person = |w: &World, who: &str| w.person(household, who);
    let first = BTreeSet::from([person(&w, "woman"), person(&w, "son")]);
    let second = BTreeSet::from([person(&w, "husband"), person(&w, "daughter")]);
    let naming = |place, persons: &BTreeSet<PersonId>| ProposeReferral {
        persons: Some(persons.clone()),
        ..World::proposal(request, place)
    };
    assert_eq!(w.refuses(household, World::proposal(request, places[0])).rule, "capacity");
    let stranger = BTreeSet::from([PersonId(Uuid::from_u128(1))]);
    assert_eq!(w.refuses(household, naming(places[0], &stranger)).code, "unknown-id");
    w.does(household, naming(places[0], &first));
    let for_first = ReferralId::created_by(w.last);
    w.does(household, naming(places[1], &second));
    let for_second = ReferralId::created_by(w.last);
    w.does(household, naming(places[2], &first));
    let spare = ReferralId::created_by(w.last);
    let kinds = w.does(household, AcceptReferral { referral: for_first, arrival: None });
    assert_eq!(kinds, ["referral.accepted", "place.reserved", "referral.withdrawn", "place.released"]);
    assert!(matches!(situation(&w, household, spare), Situation::Withdrawn { .. }), "of the same persons");
    assert!(matches!(situation(&w, household, for_second), Situation::Proposed { .. }), "of the others");
    assert_eq!(w.refuses(household, naming(places[2], &first)).code, "already-accepted");

    let planned_end = Some(day("2026-09-02"));
    let moves = |referral| StartStay { planned_end, ..World::moving_in(referral) };
    let beyond = StartStay { persons: Some(second.clone()), ..moves(for_first) };
    assert_eq!(w.refuses(household, beyond).code, "not-referred");
    assert_eq!(w.does(household, moves(for_first)), ["stay.started", "place.occupied"]);
    assert_eq!(w.refuses(household, naming(places[2], &first)).code, "already-placed");
    let (is, third) = (w.household_of(household), [(places[2], w.place_of(places[2]))]);
    let (fitting, _) = suitable(is, request, &is.requests[&request], third, w.now, w.today());
    assert_eq!(fitting, [places[2]], "for the two who have no place yet");
    assert!(w.household_of(household).requests[&request].situation.is_open());
    w.does(household, AcceptReferral { referral: for_second, arrival: None });
    let kinds = w.does(household, moves(for_second));
    assert_eq!(kinds, ["stay.started", "place.occupied", "request.fulfilled"]);
    let is = w.household_of(household);
    assert_eq!(is.active_stays().count(), 2);
    assert!(is.active_stays().all(|(_, stay)| stay.persons.len() == 2));
}

#[test]
fn who_is_not_placed_yet_is_proposed_without_being_named() {
    let mut w = World::at("2026-03-02T10:00");
    let places = [(); 2].map(|()| w.vacancy(SocialResidence, 1));
    let household = w.household("woman 40, husband 41");
    let request = w.qualified(household, &[SocialResidence]);
    let persons = Some(BTreeSet::from([w.person(household, "woman")]));
    w.does(household, ProposeReferral { persons, ..World::proposal(request, places[0]) });
    let referral = ReferralId::created_by(w.last);
    w.does(household, AcceptReferral { referral, arrival: None });
    w.does(household, World::moving_in(referral));
    let rest = w.referred(household, request, places[1]);
    w.does(household, AcceptReferral { referral: rest, arrival: None });
    assert!(w.does(household, World::moving_in(rest)).contains(&"request.fulfilled"));
}
