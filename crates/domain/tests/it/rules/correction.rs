//! Corrections: a recorded date was wrong; both dates stay.

use domain::calendar::Instant;
use domain::decide::allocation::AcceptOffer;
use domain::decide::correction::{CorrectDate, VoidStay};
use domain::decide::family::{Keeper, Split};
use domain::decide::lease::{EndLease, SignLease};
use domain::decide::referral::AcceptReferral;
use domain::decide::stay::{AdmitDirectly, EndStay, ReviewStay, StartStay};
use domain::history::{Moment, situation};
use domain::household::HouseholdEvent;
use domain::household::correction::DatedFact;
use domain::household::request::RequestSituation;
use domain::id::{HouseholdId, LeaseId, PlaceId, StayId};
use domain::ledger::{AggregateId, Fact};
use domain::money::Money;
use domain::structure_kind::StructureKind::{Chrs, EmergencyShelter};
use jiff::ToSpan;

use crate::scenario::{World, code, day, instant};

fn correct(fact: DatedFact, is: &str) -> CorrectDate {
    CorrectDate { fact, is: Instant(instant(is)), reason: code("typing_error") }
}

fn admit(place: PlaceId, at: &str) -> AdmitDirectly {
    AdmitDirectly { place, at: Some(Instant(instant(at))), persons: None, planned_end: None, leaving: None }
}

fn end(stay: StayId, at: &str) -> EndStay {
    EndStay {
        stay,
        at: Some(Instant(instant(at))),
        destination: code("street"),
        reason: code("other"),
        deposit_to_return: false,
    }
}

fn events(w: &World, household: HouseholdId) -> Vec<(HouseholdEvent, domain::event::Stamp)> {
    let of = w.log.iter().filter(|recorded| recorded.ledger == AggregateId::Household(household));
    of.filter_map(|recorded| match &recorded.fact {
        Fact::Household(event) => Some((event.clone(), recorded.stamp)),
        Fact::Place(_)
        | Fact::Structure(_)
        | Fact::Organisation(_)
        | Fact::User(_)
        | Fact::Subscription(_)
        | Fact::Inquiry(_) => None,
    })
    .collect()
}

#[test]
fn a_correction_names_the_event_it_corrects_and_both_dates_stay() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 1);
    let household = w.household("man 40");
    w.until("2026-03-20T10:00");
    w.does(household, admit(place, "2026-03-15T10:00"));
    let stay = StayId::created_by(w.last);
    let started = w.last_of("stay.started").stamp;
    w.until("2026-04-01T10:00");
    let start = DatedFact::StayStart { stay };
    assert_eq!(w.refuses(household, correct(start, "2026-03-15T10:00")).code, "same-date");
    assert_eq!(
        w.refuses(household, correct(DatedFact::StayEnd { stay }, "2026-03-30T10:00")).code,
        "stay-not-ended"
    );
    let kinds = w.does(household, correct(start, "2026-03-12T10:00"));
    assert_eq!(kinds, ["place.occupancy_corrected", "fact.corrected"]);

    let corrected = w.last_of("fact.corrected").fact.body();
    assert_eq!(corrected["corrects"], started.event.to_string());
    assert_eq!(
        (&corrected["was"], &corrected["is"]),
        (&"2026-03-15T09:00:00Z".into(), &"2026-03-12T09:00:00Z".into())
    );
    assert_eq!(w.household_of(household).stays[&stay].from, instant("2026-03-12T10:00"));
    assert_eq!(w.place_of(place).current_occupancy().unwrap().from, instant("2026-03-12T10:00"));

    let events = events(&w, household);
    let at = |as_of: &str, known_at: &str| {
        let moment = Moment { as_of: Some(instant(as_of)), known_at: Some(instant(known_at)) };
        situation(&events, moment).active_stays().count()
    };
    assert_eq!(at("2026-03-13T10:00", "2026-03-25T10:00"), 0, "what we knew before the correction");
    assert_eq!(at("2026-03-13T10:00", "2026-04-02T10:00"), 1, "what we know since");
    assert_eq!(at("2026-03-16T10:00", "2026-03-18T10:00"), 0, "nobody had recorded it yet");
}

#[test]
fn a_correction_does_not_put_two_households_into_a_place_or_a_person_into_two_places() {
    let mut w = World::at("2026-03-02T10:00");
    let (one, two) = (w.place(EmergencyShelter, 1), w.place(EmergencyShelter, 1));
    let (first, second) = (w.household("man 40"), w.household("man 22"));
    w.until("2026-04-20T10:00");
    w.does(first, admit(one, "2026-03-05T10:00"));
    let stay = StayId::created_by(w.last);
    w.does(first, end(stay, "2026-03-20T10:00"));
    w.does(second, admit(one, "2026-03-22T10:00"));
    let later = StayId::created_by(w.last);
    w.does(first, admit(two, "2026-03-21T10:00"));

    let ends = DatedFact::StayEnd { stay };
    assert_eq!(w.refuses(first, correct(ends, "2026-03-22T10:01")).rule, "INV-2");
    assert_eq!(w.refuses(first, correct(ends, "2026-03-21T10:01")).rule, "INV-1");
    assert_eq!(w.refuses(first, correct(ends, "2026-03-05T10:00")).code, "dates-reversed");
    assert_eq!(
        w.refuses(second, correct(DatedFact::StayStart { stay: later }, "2026-03-19T10:00")).rule,
        "INV-2"
    );
    assert_eq!(w.refuses(first, correct(ends, "2026-05-01T10:00")).code, "date-in-future");
    w.does(first, correct(ends, "2026-03-21T10:00"));
    assert_eq!(w.household_of(first).stays[&stay].ended(), Some(instant("2026-03-21T10:00")));
    let before_the_place = correct(DatedFact::StayStart { stay }, "2026-03-01T23:00");
    assert_eq!(w.refuses(first, before_the_place).code, "place-not-open");
}

#[test]
fn seniority_is_only_ever_corrected_to_an_older_date() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let request = w.qualified(household, &[Chrs]);
    w.pass(10.days());
    let submission = DatedFact::RequestSubmission { request };
    let later = w.refuses(household, correct(submission, "2026-03-05T10:00"));
    assert_eq!((later.code, later.rule), ("seniority-later", "INV-10"));
    assert_eq!(w.does(household, correct(submission, "2026-02-10T10:00")), ["fact.corrected"]);
    assert_eq!(w.household_of(household).requests[&request].seniority, Some(instant("2026-02-10T10:00")));
    let draft = w.household("woman 20");
    w.does(
        draft,
        domain::decide::request::CreateRequest {
            siao: None,
            file: crate::scenario::build::file(domain::household::request::RequestStream::Insertion),
            note: None,
            at: None,
        },
    );
    let request = domain::id::RequestId::created_by(w.last);
    let unsent = correct(DatedFact::RequestSubmission { request }, "2026-02-10T10:00");
    assert_eq!(w.refuses(draft, unsent).code, "not-submitted");
}

#[test]
fn a_stay_is_not_corrected_into_the_time_when_somebody_lived_in_another_household() {
    let mut w = World::at("2026-05-02T10:00");
    let (place, other) = (w.place(EmergencyShelter, 2), w.place(EmergencyShelter, 1));
    let household = w.household("woman 32, husband 34");
    let husband = w.person(household, "husband");
    w.does(household, admit(place, "2026-05-02T10:00"));
    let stay = StayId::created_by(w.last);
    w.until("2026-06-25T10:00");
    w.does(household, end(stay, "2026-06-01T10:00"));
    let split = Split {
        persons: [husband].into(),
        main_applicant: husband,
        remaining_main_applicant: None,
        application: Keeper::Remaining,
        at: Some(Instant(instant("2026-06-10T10:00"))),
    };
    let early = Split { at: Some(Instant(instant("2026-05-30T10:00"))), ..split.clone() };
    let early = w.refuses(household, early);
    assert_eq!((early.code, early.rule), ("date-before-stay", "INV-1"));
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    w.does(household, split);
    w.does(into, admit(other, "2026-06-12T10:00"));
    let ends = DatedFact::StayEnd { stay };
    let refusal = w.refuses(household, correct(ends, "2026-06-18T10:00"));
    assert_eq!((refusal.code, refusal.rule), ("in-another-household", "INV-11"));
    w.does(household, correct(ends, "2026-06-09T10:00"));
}

#[test]
fn a_request_transmitted_before_it_was_recorded_reads_as_transmitted_from_that_day() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let file = crate::scenario::build::file(domain::household::request::RequestStream::Insertion);
    w.does(household, domain::decide::request::CreateRequest { siao: None, file, note: None, at: None });
    let request = domain::id::RequestId::created_by(w.last);
    let at = Some(Instant(instant("2026-02-10T10:00")));
    w.does(household, domain::decide::request::SubmitRequest { request, at });
    let events = events(&w, household);
    let read = |as_of: Option<&str>| {
        let moment = Moment { as_of: as_of.map(instant), known_at: None };
        situation(&events, moment).requests.get(&request).map(|request| request.situation.word())
    };
    assert_eq!(read(None), Some("transmise"));
    assert_eq!(read(Some("2026-02-15T10:00")), Some("transmise"));
    assert_eq!(read(Some("2026-02-09T10:00")), None);
    assert_eq!(situation(&events, Moment::default()), *w.household_of(household));
}

#[test]
fn an_entry_dated_before_the_acceptance_reads_as_an_admission() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let request = w.qualified(household, &[EmergencyShelter]);
    let place = w.vacancy(EmergencyShelter, 1);
    let referral = w.referred(household, request, place);
    w.pass(2.hours());
    w.does(household, AcceptReferral { referral, arrival: None });
    let early = Some(Instant(instant("2026-03-02T11:00")));
    w.does(household, StartStay { at: early, ..World::moving_in(referral) });
    let events = events(&w, household);
    for as_of in ["2026-03-02T11:30", "2026-03-05T10:00"] {
        let read = situation(&events, Moment { as_of: Some(instant(as_of)), known_at: None });
        assert_eq!(read.live_referrals().count(), 0, "{as_of}");
        assert_eq!(read.active_stays().count(), 1, "{as_of}");
    }
    assert_eq!(situation(&events, Moment::default()), *w.household_of(household));
}

#[test]
fn a_stay_on_the_wrong_household_is_annulled_and_frees_the_history_of_the_place() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(EmergencyShelter, 1);
    let (wrong, right) = (w.household("man 40"), w.household("man 41"));
    let stay = w.staying(wrong, place);
    let started = w.last_of("stay.started").stamp;
    let request = *w.household_of(wrong).requests.keys().next().unwrap();
    w.until("2026-03-20T10:00");
    w.ends(wrong, stay);
    assert_eq!(w.refuses(right, admit(place, "2026-03-05T10:00")).rule, "INV-2");

    let void = VoidStay { stay, reason: code("wrong_household") };
    assert_eq!(w.does(wrong, void.clone()), ["stay.voided", "place.occupancy_voided"]);
    assert_eq!(w.last_of("stay.voided").fact.body()["corrects"], started.event.to_string());
    let is = w.household_of(wrong);
    assert!(is.stays.is_empty() && w.place_of(place).occupancies.is_empty());
    let waits = &is.requests[&request];
    assert!(matches!(waits.situation, RequestSituation::Qualified(_)) && waits.update_due.is_some());
    assert_eq!(waits.seniority, Some(instant("2026-03-02T10:00")));
    assert_eq!(is.live_referrals().count(), 0);
    assert_eq!(w.refuses(wrong, void).code, "unknown-id");
    w.does(right, admit(place, "2026-03-05T10:00"));

    let events = events(&w, wrong);
    let known = |known_at: &str| {
        let moment = Moment { as_of: Some(instant("2026-03-10T10:00")), known_at: Some(instant(known_at)) };
        situation(&events, moment).active_stays().count()
    };
    assert_eq!(known("2026-03-15T10:00"), 1, "what we believed then");
    assert_eq!(known("2026-03-21T10:00"), 0, "what we know since");
    assert_eq!(situation(&events, Moment::default()), *w.household_of(wrong));
}

#[test]
fn a_running_stay_that_is_annulled_gives_the_place_and_its_vacancy_back() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(EmergencyShelter, 1);
    let household = w.household("man 40");
    let stay = w.staying_directly(household, place);
    w.pass(1.day());
    w.does(household, VoidStay { stay, reason: code("wrong_place") });
    assert!(w.place_of(place).current_occupancy().is_none());
    let request = w.qualified(household, &[EmergencyShelter]);
    w.referred(household, request, place);
}

#[test]
fn the_first_review_follows_a_corrected_start_and_a_later_one_does_not() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(Chrs, 1);
    let household = w.household("man 40");
    w.until("2026-03-20T10:00");
    let stay = w.staying_directly(household, place);
    let due = |w: &World| w.household_of(household).stays[&stay].review_due;
    assert_eq!(due(&w), Some(day("2026-09-20")));
    w.does(household, correct(DatedFact::StayStart { stay }, "2026-03-10T10:00"));
    assert_eq!(due(&w), Some(day("2026-09-10")));
    w.pass(40.days());
    let review = ReviewStay { stay, housing_ready: false, note: None, at: None };
    w.does(household, review);
    let next = due(&w);
    w.does(household, correct(DatedFact::StayStart { stay }, "2026-03-12T10:00"));
    assert_eq!(due(&w), next);
}

#[test]
fn the_dates_of_a_lease_move_on_both_ledgers_and_its_end_stays_after_its_signature() {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(3);
    w.convened(dwelling);
    w.ranked(dwelling, &candidates);
    let (household, candidacy) = candidates[0];
    w.does(household, AcceptOffer { candidacy });
    w.pass(3.days());
    let (rent, charges) = (Money::euros(420), Money::ZERO);
    w.does(household, SignLease { candidacy, at: None, from: None, rent, charges, deposit_to_return: false });
    let lease = LeaseId::created_by(w.last);
    let signed = w.last_of("lease.signed").stamp;
    w.pass(20.days());
    let signature = DatedFact::LeaseSignature { lease };
    let really = (signed.effective + 24.hours()).to_string();
    let moved =
        CorrectDate { fact: signature, is: Instant(really.parse().unwrap()), reason: code("typing_error") };
    assert_eq!(w.does(household, moved), ["place.occupancy_corrected", "fact.corrected"]);
    assert_eq!(w.household_of(household).leases[&lease].from, signed.effective + 24.hours());
    assert_eq!(w.place_of(dwelling).current_occupancy().unwrap().from, signed.effective + 24.hours());
    let over = DatedFact::LeaseEnd { lease };
    assert_eq!(w.refuses(household, correct(over, "2026-03-20T10:00")).code, "lease-not-ended");
    w.does(household, EndLease { lease, on: None });
    assert_eq!(w.refuses(household, correct(over, "2026-03-03T10:00")).code, "dates-reversed");
    let facts = events(&w, household);
    let before = Moment { as_of: Some(signed.effective + 1.hours()), known_at: None };
    assert!(situation(&facts, before).leases.is_empty(), "the right date, once it is known");
    let then = Moment { known_at: Some(signed.recorded), ..before };
    assert_eq!(situation(&facts, then).leases.len(), 1, "what was believed that day");
}

#[test]
fn an_older_filing_moves_the_validity_and_no_correction_makes_it_younger() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32");
    let application = w.applies(household);
    let filed = w.household_of(household).applications[&application].filed_on;
    let fact = DatedFact::ApplicationFiling { application };
    let same = CorrectDate { fact, is: Instant(w.now), reason: code("typing_error") };
    assert_eq!(w.refuses(household, same).code, "same-date", "known by its day");
    assert_eq!(w.refuses(household, correct(fact, "2026-02-20T10:00")).code, "number-month");
    assert_eq!(w.does(household, correct(fact, "2026-03-01T15:00")), ["fact.corrected"]);
    let is = &w.household_of(household).applications[&application];
    assert_eq!(
        (filed, is.filed_on, is.valid_until),
        (day("2026-03-02"), day("2026-03-01"), day("2027-03-01"))
    );
    let younger = w.refuses(household, correct(fact, "2026-03-02T09:00"));
    assert_eq!((younger.code, younger.rule), ("seniority-later", "INV-10"));
}

#[test]
fn a_label_decided_on_another_day_has_another_deadline_for_the_prefet() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32");
    w.dalo(household);
    let (label, was) = {
        let (label, is) = w.household_of(household).labels.iter().next().unwrap();
        (*label, is.clone())
    };
    w.does(household, correct(DatedFact::LabelDecision { label }, "2026-01-15T10:00"));
    let is = &w.household_of(household).labels[&label];
    assert_eq!(is.decided_on, day("2026-01-15"));
    assert!(is.proposal_due < was.proposal_due, "{:?} {:?}", is.proposal_due, was.proposal_due);
    let facts = events(&w, household);
    let early = Moment { as_of: Some(instant("2026-01-20T10:00")), known_at: None };
    assert_eq!(situation(&facts, early).labels.len(), 1);
}
