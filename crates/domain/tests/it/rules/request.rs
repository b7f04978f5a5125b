//! The request: from draft to waiting list, out of it, and back.

use domain::calendar::Instant;
use domain::decide::family::Split;
use domain::decide::referral::{
    AcceptReferral, JudgeRefusal, RecordNoShow, RefuseReferral, WithdrawReferral,
};
use domain::decide::registration::CorrectIdentity;
use domain::decide::request::{
    AssessRequest, CancelRequest, CreateRequest, DeferRequest, QualifyRequest, ReactivateRequest,
    RejectRequest, ReturnRequest, ScheduleCommittee, SubmitRequest, TransferRequest, UpdateRequest,
};
use domain::household::request::{NeedProfile, Request, RequestSituation, RequestStream};
use domain::id::{HouseholdId, RequestId};
use domain::structure_kind::StructureKind::Chrs;
use jiff::ToSpan;

use crate::scenario::build::{file, qualification};
use crate::scenario::{World, code, day, instant};

fn request(w: &World, household: HouseholdId, request: RequestId) -> &Request {
    &w.household_of(household).requests[&request]
}

/// A request whose household refused a place for a reason that the SIAO did not receive.
fn reset(w: &mut World) -> (HouseholdId, RequestId) {
    let place = w.vacancy(Chrs, 2);
    let household = w.household("man 40, brother 30");
    let request = w.qualified(household, &[Chrs]);
    let referral = w.referred(household, request, place);
    w.does(household, RefuseReferral { referral, reason: code("location"), note: None });
    w.does(household, JudgeRefusal { referral, receivable: false });
    (household, request)
}

#[test]
fn after_the_loss_of_seniority_the_date_is_that_of_the_new_transmission() {
    let mut w = World::at("2026-03-02T10:00");
    let (household, asked) = reset(&mut w);
    w.pass(10.days());
    let update = UpdateRequest { request: asked, file: None };
    assert_eq!(w.refuses(household, update).code, "request-resubmit", "an update does not transmit");
    let dated = SubmitRequest { request: asked, at: Some(Instant(instant("2026-03-02T10:00"))) };
    assert_eq!(w.refuses(household, dated).code, "resubmission-dated");
    w.does(household, SubmitRequest { request: asked, at: None });
    let is = request(&w, household, asked);
    assert_eq!(is.seniority, Some(w.now));
    assert_eq!(is.situation.word(), "sur liste d'attente", "it need not be qualified again");
}

#[test]
fn a_lost_seniority_does_not_come_back_by_cancelling_and_reactivating() {
    let mut w = World::at("2026-03-02T10:00");
    let (household, asked) = reset(&mut w);
    w.does(household, CancelRequest { request: asked, reason: code("withdrawn") });
    w.does(household, ReactivateRequest { request: asked });
    let is = request(&w, household, asked);
    assert_eq!((is.seniority, is.situation.word()), (None, "à mettre à jour"));
    w.does(household, SubmitRequest { request: asked, at: None });
    assert_eq!(request(&w, household, asked).seniority, Some(w.now));
}

#[test]
fn a_request_that_lost_its_seniority_stays_to_be_updated_when_the_household_splits() {
    let mut w = World::at("2026-03-02T10:00");
    let (household, _) = reset(&mut w);
    let leaving = w.person(household, "brother");
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    w.does(
        household,
        Split {
            persons: [leaving].into(),
            main_applicant: leaving,
            remaining_main_applicant: None,
            application: domain::decide::family::Keeper::Remaining,
            at: None,
        },
    );
    let copies: Vec<_> = w.household_of(into).requests.values().collect();
    assert_eq!(copies.len(), 1);
    assert_eq!((copies[0].seniority, copies[0].situation.word()), (None, "à mettre à jour"));
    let theirs = *w.household_of(into).requests.keys().next().unwrap();
    w.does(into, CancelRequest { request: theirs, reason: code("withdrawn") });
    w.does(into, CreateRequest { siao: None, file: file(RequestStream::Insertion), note: None, at: None });
    let next = RequestId::created_by(w.last);
    let old = SubmitRequest { request: next, at: Some(Instant(instant("2026-03-02T09:00"))) };
    assert_eq!(w.refuses(into, old).code, "seniority-lost", "who leaves takes the loss along");
}

#[test]
fn a_refusal_is_judged_even_if_the_request_went_stale_meanwhile() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let asked = w.qualified(household, &[Chrs]);
    w.until("2026-05-28T10:00");
    w.does(household, UpdateRequest { request: asked, file: None });
    w.until("2026-07-20T10:00");
    w.does(household, QualifyRequest { request: asked, qualification: qualification(&[Chrs]) });
    w.until("2026-10-15T10:00");
    w.does(household, QualifyRequest { request: asked, qualification: qualification(&[Chrs]) });
    let place = w.vacancy(Chrs, 1);
    let referral = w.referred(household, asked, place);
    w.does(household, RefuseReferral { referral, reason: code("location"), note: None });
    let kinds = w.until("2026-11-29T10:00");
    assert!(kinds.contains(&"request.went_stale"), "{kinds:?}");
    let kinds = w.does(household, JudgeRefusal { referral, receivable: false });
    assert_eq!(kinds, ["refusal.judged", "request.seniority_reset"]);
    assert_eq!(request(&w, household, asked).seniority, None);
}

#[test]
fn a_request_is_transmitted_once_it_can_be_acted_on_and_the_first_date_counts() {
    let mut w = World::at("2026-03-02T10:00");
    let mut members = w.members("man 40");
    members[0].identity.phone = None;
    let household = w.registers(members.clone());
    let mut empty = file(RequestStream::Insertion);
    empty.wishes.clear();
    w.does(household, CreateRequest { siao: None, file: empty, note: None, at: None });
    let asked = RequestId::created_by(w.last);
    let incomplete = w.refuses(household, SubmitRequest { request: asked, at: None });
    assert_eq!(incomplete.code, "request-incomplete");
    assert!(incomplete.sentence.contains("joindre le ménage") && incomplete.sentence.contains("souhait"));

    members[0].identity.email = Some("a@example.org".to_owned());
    let person = w.person(household, "man");
    w.does(household, CorrectIdentity { person, member: members.remove(0), duplicate_reviewed: None });
    w.does(household, UpdateRequest { request: asked, file: Some(file(RequestStream::Insertion)) });
    let future = SubmitRequest { request: asked, at: Some(Instant(instant("2026-03-03T10:00"))) };
    assert_eq!(w.refuses(household, future).code, "date-in-future");
    w.does(household, SubmitRequest { request: asked, at: Some(Instant(instant("2025-11-20T09:00"))) });
    assert_eq!(request(&w, household, asked).seniority, Some(instant("2025-11-20T09:00")));
    assert_eq!(w.refuses(household, SubmitRequest { request: asked, at: None }).code, "request-situation");
    let twin = CreateRequest { siao: None, file: file(RequestStream::Insertion), note: None, at: None };
    assert_eq!(w.refuses(household, twin.clone()).code, "request-already-open");
    let urgent = CreateRequest { file: file(RequestStream::Emergency115), ..twin };
    w.does(household, urgent);
}

#[test]
fn a_request_goes_back_and_forth_between_referrer_siao_and_committee() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let asked = w.request(household);
    let none = ReturnRequest { request: asked, reasons: vec![] };
    assert_eq!(w.refuses(household, none).code, "reason-missing");
    w.does(household, ReturnRequest { request: asked, reasons: vec![code("missing_needs")] });
    let qualify = QualifyRequest { request: asked, qualification: qualification(&[Chrs]) };
    assert_eq!(w.refuses(household, qualify.clone()).code, "request-situation", "it is with the referrer");
    let assess = AssessRequest {
        request: asked,
        need: NeedProfile { step_free: true, ..NeedProfile::default() },
        autonomy: 2,
        support: 4,
        narrative: Some("Suit une formation.".to_owned()),
        at: None,
    };
    assert_eq!(w.refuses(household, AssessRequest { autonomy: 0, ..assess.clone() }).code, "scale");
    w.does(household, assess);
    let is = request(&w, household, asked);
    assert_eq!(is.situation, RequestSituation::Submitted);
    assert!(is.file.need.step_free);

    let past = ScheduleCommittee { request: asked, on: day("2026-03-01") };
    assert_eq!(w.refuses(household, past).code, "date-in-past");
    w.does(household, ScheduleCommittee { request: asked, on: day("2026-03-12") });
    let today = DeferRequest { request: asked, reason: code("documents_awaited"), until: day("2026-03-02") };
    assert_eq!(w.refuses(household, today.clone()).code, "date-in-past");
    w.does(household, DeferRequest { until: day("2026-04-02"), ..today });
    assert_eq!(request(&w, household, asked).situation.word(), "ajournée");
    let nowhere = QualifyRequest { request: asked, qualification: qualification(&[]) };
    assert_eq!(w.refuses(household, nowhere).code, "kinds-missing");
    w.does(household, qualify);
    let reject =
        RejectRequest { request: asked, reason: code("other"), note: Some("Hors public.".to_owned()) };
    assert_eq!(
        w.refuses(household, reject.clone()).code,
        "request-situation",
        "a qualified one is cancelled instead"
    );
    let other = w.household("woman 50");
    let theirs = w.request(other);
    w.does(other, RejectRequest { request: theirs, ..reject });
    assert!(!request(&w, other, theirs).situation.is_open());
}

#[test]
fn a_request_that_nobody_updates_goes_stale_and_an_update_restores_it_with_its_first_date() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let asked = w.request(household);
    w.until("2026-09-02T23:59:59");
    assert_eq!(request(&w, household, asked).situation.word(), "transmise");
    assert_eq!(w.until("2026-09-03T00:30"), ["request.went_stale"]);
    assert_eq!(w.last_of("request.went_stale").stamp.effective, instant("2026-09-02T23:59:59"));
    let is = request(&w, household, asked);
    assert_eq!((is.situation.word(), is.seniority), ("à mettre à jour", Some(instant("2026-03-02T10:00"))));
    let qualify = QualifyRequest { request: asked, qualification: qualification(&[Chrs]) };
    assert_eq!(w.refuses(household, qualify).code, "request-situation");
    w.does(household, UpdateRequest { request: asked, file: None });
    let is = request(&w, household, asked);
    assert_eq!((is.situation.word(), is.seniority), ("transmise", Some(instant("2026-03-02T10:00"))));
    let mut moved = file(RequestStream::Emergency115);
    moved.wishes.clear();
    let other_desk = UpdateRequest { request: asked, file: Some(moved) };
    assert_eq!(w.refuses(household, other_desk).code, "request-stream");
}

#[test]
fn a_household_out_of_touch_loses_its_request_and_its_place_and_gets_the_first_date_back_in_time() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let asked = w.qualified(household, &[Chrs]);
    w.until("2026-05-30T10:00");
    let place = w.vacancy(Chrs, 1);
    w.referred(household, asked, place);
    let kinds = w.until("2026-06-03T00:30");
    assert_eq!(kinds, ["referral.withdrawn", "place.released", "request.cancelled"]);
    let RequestSituation::Cancelled { reason, at, .. } = &request(&w, household, asked).situation else {
        panic!()
    };
    assert_eq!((reason.code(), *at), ("no_contact", instant("2026-06-02T23:59:59")));
    assert!(w.place_of(place).hold.is_none());

    let mut late = w.clone();
    late.until("2026-09-03T08:00");
    let refusal = late.refuses(household, ReactivateRequest { request: asked });
    assert_eq!(
        (refusal.code, refusal.since),
        ("reactivation-too-late", Some(instant("2026-06-02T23:59:59")))
    );

    w.until("2026-09-02T18:00");
    w.does(household, ReactivateRequest { request: asked });
    let is = request(&w, household, asked);
    assert_eq!(is.seniority, Some(instant("2026-03-02T10:00")));
    assert_eq!(is.situation.word(), "sur liste d'attente");
    assert_eq!(is.contact_due, Some(instant("2026-12-02T23:59:59")), "the delays start again");
    assert_eq!(w.refuses(household, ReactivateRequest { request: asked }).code, "request-situation");
}

#[test]
fn a_cancelled_request_does_not_come_back_beside_another_open_one() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let first = w.qualified(household, &[Chrs]);
    let place = w.vacancy(Chrs, 1);
    w.referred(household, first, place);
    let kinds = w.does(household, CancelRequest { request: first, reason: code("moved_away") });
    assert_eq!(kinds, ["referral.withdrawn", "place.released", "request.cancelled"]);
    w.request(household);
    assert_eq!(w.refuses(household, ReactivateRequest { request: first }).code, "request-already-open");
}

#[test]
fn a_transferred_request_keeps_its_date_and_leaves_its_places_and_wishes_behind() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let asked = w.qualified(household, &[Chrs]);
    w.referred(household, asked, place);
    w.pass(5.days());
    let transfer = TransferRequest { request: asked, to: code("24"), wishes: vec![] };
    let here = TransferRequest { to: code("33"), ..transfer.clone() };
    assert_eq!(w.refuses(household, here).code, "same-siao");
    let kinds = w.does(household, transfer);
    assert_eq!(kinds, ["referral.withdrawn", "place.released", "request.transferred", "request.updated"]);
    let is = request(&w, household, asked);
    assert_eq!((is.siao.as_str(), is.seniority), ("24", Some(instant("2026-03-02T10:00"))));
    assert!(is.file.wishes.is_empty());
    assert!(w.place_of(place).hold.is_none());

    let again = w.request(household);
    let twin = TransferRequest { request: again, to: code("24"), wishes: vec![] };
    assert_eq!(w.refuses(household, twin).code, "request-already-open", "one request of a volet per SIAO");
}

#[test]
fn a_returned_request_is_transmitted_again_once_the_missing_document_is_there() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let asked = w.request(household);
    w.does(household, ReturnRequest { request: asked, reasons: vec![code("missing_needs")] });
    w.pass(3.days());
    let dated = SubmitRequest { request: asked, at: Some(Instant(instant("2026-02-02T10:00"))) };
    assert_eq!(w.refuses(household, dated).code, "resubmission-dated");
    w.does(household, SubmitRequest { request: asked, at: None });
    let is = request(&w, household, asked);
    assert_eq!(is.situation, RequestSituation::Submitted);
    assert_eq!(is.seniority, Some(instant("2026-03-02T10:00")), "at its first date");
}

#[test]
fn a_household_that_is_expected_somewhere_is_not_out_of_touch() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let asked = w.qualified(household, &[Chrs]);
    w.until("2026-05-30T10:00");
    let place = w.vacancy(Chrs, 1);
    let referral = w.referred(household, asked, place);
    w.until("2026-06-01T10:00");
    let lapse = w.deadlines().into_iter().find(|deadline| deadline.kind.id() == "request-lapses").unwrap();
    w.does(household, AcceptReferral { referral, arrival: Some(day("2026-09-15")) });
    assert_eq!(w.until("2026-09-02T10:00"), [""; 0], "its place is kept until it comes");
    assert_eq!(w.fire(lapse), [""; 0], "nor does a replica that is behind take it");
    assert!(w.place_of(place).hold.is_some());
    w.until("2026-09-02T23:59:59");
    let mut taken_back = w.clone();
    taken_back.until("2026-10-05T10:00");
    taken_back.does(household, WithdrawReferral { referral, reason: code("place_withdrawn") });
    assert_eq!(request(&taken_back, household, asked).contact_due, Some(instant("2027-01-05T23:59:59")));
    w.does(household, RecordNoShow { referral });
    assert_eq!(request(&w, household, asked).contact_due, Some(instant("2026-12-02T23:59:59")));
}

#[test]
fn a_household_that_answers_is_in_touch() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let asked = w.qualified(household, &[Chrs]);
    w.until("2026-05-20T10:00");
    let place = w.vacancy(Chrs, 1);
    let referral = w.referred(household, asked, place);
    assert_eq!(request(&w, household, asked).contact_due, Some(instant("2026-06-02T23:59:59")));
    w.does(household, RefuseReferral { referral, reason: code("location"), note: None });
    assert_eq!(request(&w, household, asked).contact_due, Some(instant("2026-08-20T23:59:59")));
}

#[test]
fn a_request_that_is_opened_again_by_the_same_command_does_not_come_back_to_life() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 40");
    let create = CreateRequest { siao: None, file: file(RequestStream::Insertion), note: None, at: None };
    w.does(household, create.clone());
    let command = w.last;
    w.does(household, CancelRequest { request: RequestId::created_by(command), reason: code("withdrawn") });
    let again = domain::decide::Command::Household(household, create.into());
    assert_eq!(w.rule(&again, command), Ok(vec![]), "it was opened once");
}

#[test]
fn a_lost_seniority_does_not_come_back_with_another_request() {
    let mut w = World::at("2026-03-02T10:00");
    let (household, asked) = reset(&mut w);
    w.pass(10.days());
    w.does(household, CancelRequest { request: asked, reason: code("withdrawn") });
    let create = CreateRequest { siao: None, file: file(RequestStream::Insertion), note: None, at: None };
    w.does(household, create.clone());
    let next = RequestId::created_by(w.last);
    let submit = |request, at| SubmitRequest { request, at: Some(Instant(instant(at))) };
    let refusal = w.refuses(household, submit(next, "2026-03-02T09:00"));
    assert_eq!((refusal.code, refusal.since), ("seniority-lost", Some(instant("2026-03-02T10:00"))));
    w.does(household, submit(next, "2026-03-11T09:00"));
    assert_eq!(request(&w, household, next).seniority, Some(instant("2026-03-11T09:00")));
    let older = domain::decide::correction::CorrectDate {
        fact: domain::household::correction::DatedFact::RequestSubmission { request: next },
        is: Instant(instant("2026-03-01T09:00")),
        reason: code("typing_error"),
    };
    assert_eq!(w.refuses(household, older).code, "seniority-lost", "nor by a correction");
    let urgent = CreateRequest { file: file(RequestStream::Emergency115), ..create };
    w.does(household, urgent);
    let urgent = RequestId::created_by(w.last);
    w.does(household, submit(urgent, "2026-03-01T09:00"));
}

#[test]
fn a_lost_seniority_is_lost_at_the_siao_that_the_request_passes_to() {
    let mut w = World::at("2026-03-02T10:00");
    let (household, asked) = reset(&mut w);
    w.pass(1.days());
    w.does(household, SubmitRequest { request: asked, at: None });
    w.does(household, TransferRequest { request: asked, to: code("24"), wishes: vec![] });
    w.does(household, CancelRequest { request: asked, reason: code("withdrawn") });
    let siao = Some(code("24"));
    w.does(household, CreateRequest { siao, file: file(RequestStream::Insertion), note: None, at: None });
    let next = RequestId::created_by(w.last);
    let old = SubmitRequest { request: next, at: Some(Instant(instant("2026-03-02T09:00"))) };
    assert_eq!(w.refuses(household, old).code, "seniority-lost");
}

#[test]
fn who_cancels_before_a_refusal_is_judged_loses_the_seniority_all_the_same() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(Chrs, 1);
    let household = w.household("man 40");
    let asked = w.qualified(household, &[Chrs]);
    w.pass(5.days());
    let referral = w.referred(household, asked, place);
    w.does(household, RefuseReferral { referral, reason: code("location"), note: None });
    w.does(household, CancelRequest { request: asked, reason: code("withdrawn") });
    let mut again = w.clone();
    let kinds = w.does(household, JudgeRefusal { referral, receivable: false });
    assert_eq!(kinds, ["refusal.judged", "request.seniority_reset"]);
    w.does(household, ReactivateRequest { request: asked });
    let is = request(&w, household, asked);
    assert_eq!((is.seniority, is.situation.word()), (None, "à mettre à jour"));

    let create = CreateRequest { siao: None, file: file(RequestStream::Insertion), note: None, at: None };
    again.does(household, create);
    let next = RequestId::created_by(again.last);
    let old = SubmitRequest { request: next, at: Some(Instant(instant("2026-03-02T10:00"))) };
    again.does(household, old);
    let kinds = again.does(household, JudgeRefusal { referral, receivable: false });
    let expected =
        ["refusal.judged", "request.went_stale", "request.seniority_reset", "request.seniority_reset"];
    assert_eq!(kinds, expected, "the request that took its date loses it too");
    assert_eq!(request(&again, household, next).seniority, None);
}
