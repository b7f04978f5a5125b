//! The social-housing application, its numéro unique and the priority labels.

use domain::decide::application::{
    CloseApplication, GrantPriority, LiftWarning, NumberApplication, RegisterApplication, RenewApplication,
    WarnApplication, WithdrawPriority,
};
use domain::decide::inventory::{BringOnline, OpenPlace, TakeOffline};
use domain::decide::vacancy::{DeclareVacancy, WithdrawVacancy};
use domain::decide::{Addressed as _, HouseholdCommand, PlaceCommand};
use domain::household::application::{
    Application, ApplicationSituation, Deregistration, UniqueRegistrationNumber as Number,
};
use domain::household::priority::{LabelEnd, LabelSource};
use domain::id::{ApplicationId, HouseholdId, LabelId};
use domain::place::committee::CommitteeDecision as Decision;
use domain::structure_kind::StructureKind::Chrs;

use crate::scenario::{World, code, day, instant};

const REGISTER: RegisterApplication =
    RegisterApplication { filed_on: None, number: None, renewed_on: None, communes: Vec::new() };

fn is(w: &World, household: HouseholdId, application: ApplicationId) -> &Application {
    &w.household_of(household).applications[&application]
}

fn deregistered(reason: Deregistration) -> ApplicationSituation {
    ApplicationSituation::Deregistered { reason }
}

/// An application of 2 March 2026.
fn applicant() -> (World, HouseholdId, ApplicationId) {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 40");
    let application = w.applies(household);
    (w, household, application)
}

#[test]
fn a_numéro_unique_is_eighteen_characters_of_territory_month_year_sequence_and_counter() {
    for good in [
        "1110318016982G1104",
        "0330326000001AB123",
        "02A1299123456ABCDE",
        "974062600000112345",
        "0010100000000AAAAA",
    ] {
        assert_eq!(good.parse::<Number>().unwrap().as_str(), good);
    }
    for (bad, why) in [
        ("0330326000001AB12", "seventeen"),
        ("0330326000001AB1234", "nineteen"),
        ("0330026000001AB123", "month 00"),
        ("0331326000001AB123", "month 13"),
        ("0960326000001AB123", "no such département"),
        ("1120318016982G1104", "no such region"),
        ("1330326000001AB123", "no leading 0"),
        ("0330326O00001AB123", "a letter in the sequence"),
        ("0330326000001ab123", "small letters"),
        ("0330326000001AB 23", "a blank"),
    ] {
        assert!(bad.parse::<Number>().is_err(), "{why}: {bad}");
    }
}

#[test]
fn a_household_has_one_application_and_its_number_names_the_month_of_filing() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 40");
    let other_month = RegisterApplication { number: Some(code("0330226000001AB123")), ..REGISTER };
    assert_eq!(w.refuses(household, other_month).code, "number-month");
    let future = RegisterApplication { filed_on: Some(day("2026-03-03")), ..REGISTER };
    assert_eq!(w.refuses(household, future).code, "date-in-future");
    w.does(household, REGISTER);
    let application = ApplicationId::created_by(w.last);
    let wrong = NumberApplication { application, number: code("0330426000001AB123") };
    assert_eq!(w.refuses(household, wrong).code, "number-month");
    let number = NumberApplication { application, number: code("0330326000001AB123") };
    w.does(household, number.clone());
    assert_eq!(w.refuses(household, number).code, "number-known");
    assert_eq!(w.refuses(household, REGISTER).code, "application-exists");
}

#[test]
fn an_application_is_valid_one_year_and_a_renewal_keeps_its_number_and_date() {
    let (mut w, household, application) = applicant();
    let number = is(&w, household, application).number.clone();
    assert_eq!(is(&w, household, application).valid_until, day("2027-03-02"));
    w.until("2027-03-02T20:00");
    let renew = RenewApplication { application, communes: Some(vec![code("33063")]) };
    let mut late = w.clone();
    w.does(household, renew.clone());
    let renewed = is(&w, household, application);
    assert_eq!(
        (&renewed.number, renewed.filed_on, renewed.valid_until),
        (&number, day("2026-03-02"), day("2028-03-02"))
    );

    late.outage_until("2027-03-03T08:00");
    let refusal = late.refuses(household, renew.clone());
    assert_eq!((refusal.code, refusal.since), ("application-closed", Some(instant("2027-03-02T23:59:59"))));
    assert_eq!(late.until("2027-03-03T08:01"), ["housing_application.expired"]);
    assert_eq!(is(&late, household, application).situation, deregistered(Deregistration::E));
    assert_eq!(late.refuses(household, renew).code, "application-closed");
    late.does(household, REGISTER);
}

#[test]
fn a_taken_over_application_says_when_it_was_last_renewed() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 40");
    let old = RegisterApplication { filed_on: Some(day("2022-05-10")), ..REGISTER };
    let future = RegisterApplication { renewed_on: Some(day("2026-03-03")), ..old.clone() };
    assert_eq!(w.refuses(household, future).code, "date-in-future");
    w.does(household, RegisterApplication { renewed_on: Some(day("2025-05-02")), ..old });
    let (_, taken_over) = w.household_of(household).live_application().unwrap();
    assert_eq!((taken_over.filed_on, taken_over.valid_until), (day("2022-05-10"), day("2026-05-02")));
}

#[test]
fn an_application_of_an_earlier_file_is_taken_over_however_old_and_as_expired_as_it_is() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 40");
    let old = RegisterApplication { filed_on: Some(day("2022-05-10")), ..REGISTER };
    let kinds = w.does(household, old);
    assert_eq!(kinds, ["housing_application.registered", "housing_application.expired"]);
    let expired = is(&w, household, ApplicationId::created_by(w.last));
    assert_eq!(expired.situation, deregistered(Deregistration::E));
    assert_eq!(expired.ended, Some(instant("2023-05-10T23:59:59")));
    let ancient = RegisterApplication { filed_on: Some(day("2009-05-10")), ..REGISTER };
    assert_eq!(w.refuses(household, ancient.clone()).code, "date-too-old", "is the year right?");
    w.does(household, RegisterApplication { renewed_on: Some(day("2026-03-01")), ..ancient });
    let (_, live) = w.household_of(household).live_application().unwrap();
    assert_eq!((live.filed_on, live.valid_until), (day("2009-05-10"), day("2027-03-01")));
}

#[test]
fn a_creation_that_is_asked_again_creates_nothing_even_when_what_it_created_is_over() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 40");
    w.does(household, REGISTER);
    let registered = w.last;
    let close =
        CloseApplication { application: ApplicationId::created_by(registered), reason: Deregistration::B };
    w.does(household, close);
    let label = GrantPriority {
        ground: code("l441_1_d"),
        source: LabelSource::Siao,
        decided_on: None,
        document: None,
    };
    w.does(household, label.clone());
    let granted = w.last;
    let withdraw = WithdrawPriority { label: LabelId::created_by(granted), why: LabelEnd::GroundsGone };
    w.does(household, withdraw);
    for (command, id) in
        [(HouseholdCommand::from(REGISTER), registered), (HouseholdCommand::from(label), granted)]
    {
        assert_eq!(w.rule(&command.on(household), id), Ok(vec![]));
    }

    let place = w.place(Chrs, 1);
    let opened = w.last;
    let description = w.place_of(place).description().unwrap().clone();
    let vacancy = DeclareVacancy { available_from: None, good_until: None };
    w.does(place, vacancy.clone());
    let declared = w.last;
    w.does(place, WithdrawVacancy { reason: code("works") });
    let offline = TakeOffline { reason: code("works"), from: None, until: None };
    w.does(place, offline.clone());
    let taken = w.last;
    w.does(place, BringOnline { spell: None, until: None });
    w.does(place, vacancy.clone());
    for (command, id) in [
        (PlaceCommand::from(OpenPlace { description, from: None }), opened),
        (PlaceCommand::from(vacancy), declared),
        (PlaceCommand::from(offline), taken),
    ] {
        assert_eq!(w.rule(&command.on(place), id), Ok(vec![]));
    }
}

#[test]
fn a_warning_strikes_off_after_a_month_of_silence_and_a_renewal_answers_it() {
    {
        let (mut w, household, application) = applicant();
        let ground = Deregistration::C;
        w.does(household, WarnApplication { application, ground });
        let mut answered = w.clone();
        w.until("2026-04-02T23:59:59");
        assert!(is(&w, household, application).is_live());
        let mut late = w.clone();
        assert_eq!(w.until("2026-04-03T08:00"), ["housing_application.closed"]);
        assert_eq!(is(&w, household, application).situation, deregistered(ground));
        assert!(w.last_of("housing_application.closed").by_clock);

        late.outage_until("2026-04-03T08:00");
        let renew = RenewApplication { application, communes: None };
        assert_eq!(late.refuses(household, renew.clone()).code, "application-closed");
        answered.until("2026-04-02T18:00");
        answered.does(household, renew);
        assert_eq!(answered.until("2026-05-01T08:00"), [""; 0]);
        assert!(is(&answered, household, application).is_live());
    }
    let (mut w, household, application) = applicant();
    for ground in [Deregistration::A, Deregistration::B, Deregistration::E, Deregistration::F] {
        assert_eq!(w.refuses(household, WarnApplication { application, ground }).code, "warning-ground");
    }
}

#[test]
fn inadmissible_is_what_a_committee_declared_and_no_renewal_mends_it() {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(3);
    let household = candidates[0].0;
    let application = *w.household_of(household).applications.keys().next().unwrap();
    let warn = WarnApplication { application, ground: Deregistration::D };
    let refusal = w.refuses(household, warn.clone());
    assert_eq!((refusal.code, refusal.rule), ("not-inadmissible", "CCH R441-2-8"));
    w.convened(dwelling);
    let inadmissible = Decision::Inadmissible { reason: code("resources_above_ceiling") };
    let decisions = [inadmissible, Decision::AwardRanked { rank: 1 }, Decision::AwardRanked { rank: 2 }];
    w.does(dwelling, World::decisions(candidates.iter().map(|c| c.1).zip(decisions), None));
    let not_this_one = *w.household_of(candidates[1].0).applications.keys().next().unwrap();
    let other = WarnApplication { application: not_this_one, ..warn.clone() };
    assert_eq!(w.refuses(candidates[1].0, other).code, "not-inadmissible");
    assert_eq!(w.refuses(household, LiftWarning { application }).code, "not-warned");
    w.does(household, warn);
    let mut mended = w.clone();
    w.until("2026-03-10T10:00");
    w.does(household, RenewApplication { application, communes: None });
    let mut late = w.clone();
    w.until("2026-04-03T08:00");
    assert_eq!(is(&w, household, application).situation, deregistered(Deregistration::D));
    late.outage_until("2026-04-03T08:00");
    assert_eq!(late.refuses(household, LiftWarning { application }).code, "application-closed");

    mended.until("2026-04-02T10:00");
    let kinds = mended.does(household, LiftWarning { application });
    assert_eq!(kinds, ["housing_application.warning_lifted"]);
    mended.until("2026-04-03T08:00");
    assert!(is(&mended, household, application).is_live());
}

#[test]
fn nobody_strikes_off_for_an_award_without_a_lease_or_in_place_of_the_clock() {
    let (mut w, household, application) = applicant();
    let close = |reason| CloseApplication { application, reason };
    let award = w.refuses(household, close(Deregistration::A));
    assert_eq!((award.code, award.rule), ("lease-required", "INV-8"));
    for reason in [Deregistration::C, Deregistration::D, Deregistration::E] {
        assert_eq!(w.refuses(household, close(reason)).code, "closed-by-clock");
    }
    w.does(household, close(Deregistration::B));
    assert_eq!(is(&w, household, application).situation, deregistered(Deregistration::B));
    assert_eq!(w.refuses(household, close(Deregistration::F)).code, "application-closed");
}

#[test]
fn dalo_and_daho_come_from_the_mediation_board_and_start_the_prefet_s_delay() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 40");
    let grant = |ground: &str, source| GrantPriority {
        ground: code(ground),
        source,
        decided_on: Some(day("2026-02-20")),
        document: None,
    };
    for (ground, source) in [
        ("dalo", LabelSource::Prefecture),
        ("daho", LabelSource::Siao),
        ("l441_1_d", LabelSource::MediationBoard),
    ] {
        assert_eq!(w.refuses(household, grant(ground, source)).code, "label-source", "{ground}");
    }
    let mut due = |ground: &str, source| {
        w.does(household, grant(ground, source));
        w.household_of(household).labels[&LabelId::created_by(w.last)].proposal_due
    };
    assert_eq!(due("dalo", LabelSource::MediationBoard), Some(day("2026-05-20")));
    assert_eq!(due("daho", LabelSource::MediationBoard), Some(day("2026-04-03")));
    assert_eq!(due("l441_1_d", LabelSource::Siao), None);
    let label = LabelId::created_by(w.last);
    let again = grant("l441_1_d", LabelSource::Convention);
    assert_eq!(w.refuses(household, again.clone()).code, "label-exists");
    let housed = WithdrawPriority { label, why: LabelEnd::Housed };
    assert_eq!(w.refuses(household, housed).rule, "INV-8");
    let gone = WithdrawPriority { label, why: LabelEnd::GroundsGone };
    w.does(household, gone.clone());
    assert_eq!(w.refuses(household, gone).code, "label-ended");
    w.does(household, again);
}

#[test]
fn a_label_refers_to_the_decision_that_grants_it_and_names_nobody() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 40");
    let grant = |document: &str| {
        let body = serde_json::json!({ "ground": "dalo", "source": "mediation_board", "document": document });
        serde_json::from_value::<GrantPriority>(body)
    };
    for bad in ["", "Lormont", "Décision 12", &"1".repeat(41)] {
        assert!(grant(bad).is_err(), "{bad}");
    }
    w.does(household, grant("DALO-2026/0123").unwrap());
    assert_eq!(
        w.last_of("priority.granted").fact.body()["document"],
        serde_json::json!({ "personal": "DALO-2026/0123" })
    );
}

/// INV-5: no committee examines a number that the register struck off, however late the clock is.
#[test]
fn a_warning_that_is_over_strikes_off_before_the_clock_has_written_it_down() {
    let mut w = World::at("2026-01-05T10:00");
    let household = w.household("woman 32");
    let application = w.applies(household);
    w.does(household, WarnApplication { application, ground: Deregistration::C });
    let is = &w.household_of(household).applications[&application];
    let ApplicationSituation::Warned { strikes_at, .. } = is.situation else { panic!("{:?}", is.situation) };
    let last = domain::calendar::day(household.territory(), strikes_at);
    assert!(is.number_on(last, household.territory()).is_some());
    assert!(is.number_on(last.tomorrow().unwrap(), household.territory()).is_none());
}
