//! Holds, and the erasure that two people decide.

use domain::decide::erasure::{
    CertifyErasure, ConfirmErasure, LiftLegalHold, PlaceLegalHold, ProposeErasure, WithdrawErasure,
};
use domain::decide::family::Merge;
use domain::decide::follow_up::AssignWorker;
use domain::decide::registration::NoteSafety;
use domain::decide::request::CancelRequest;
use domain::decide::{Addressed as _, Command, HouseholdCommand, catalogue};
use domain::household::composition::Safety;
use domain::household::erasure::{ErasureGround, HoldGround};
use domain::id::{HouseholdId, UserId};
use domain::ledger::AggregateId;
use domain::organisation::OrganisationKind;
use domain::reference::CancellationReason;
use domain::rights::Role;
use domain::rules::RuleBook;
use domain::structure_kind::StructureKind::Chrs;
use domain::worklist::{Desk, tasks};
use jiff::ToSpan;

use crate::scenario::{World, code, day, gironde, instant, organisation};

/// A world with a data-protection officer and a manager who act in turn.
fn world() -> (World, UserId, UserId) {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let (officer, manager) =
        (w.invited(organisation(), Role::Auditor), w.invited(organisation(), Role::SiaoManager));
    w.asking = Some(officer);
    (w, officer, manager)
}

fn propose(ground: ErasureGround) -> ProposeErasure {
    ProposeErasure { ground }
}

fn hold(ground: HoldGround, until: &str) -> PlaceLegalHold {
    PlaceLegalHold { ground, motive: "recours devant le tribunal".to_owned(), until: day(until) }
}

fn names(w: &World, id: HouseholdId, desk: Desk) -> Vec<String> {
    let ledger = AggregateId::Household(id);
    let all = tasks(&ledger, w.ledgers.get(&ledger).unwrap(), RuleBook::shipped());
    let of = all.into_iter().filter(|task| task.desk == desk && task.stands(w.now));
    of.map(|task| serde_json::to_value(&task.kind).unwrap()["task"].as_str().unwrap().to_owned()).collect()
}

fn erased_by(w: &mut World, id: HouseholdId, first: UserId, second: UserId) {
    w.asking = Some(first);
    w.does(id, propose(ErasureGround::Request));
    w.asking = Some(second);
    assert_eq!(w.does(id, ConfirmErasure {}), ["household.erased"]);
}

#[test]
fn two_people_erase_a_household_and_neither_of_them_is_a_program() {
    let (mut w, officer, manager) = world();
    let id = w.household("woman 32, son 3");
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "erasure-not-proposed");
    w.asking = None;
    assert_eq!(w.refuses(id, propose(ErasureGround::Request)).code, "person-only");
    w.asking = Some(officer);
    assert_eq!(w.does(id, propose(ErasureGround::Request)), ["household.erasure_proposed"]);
    assert_eq!(w.refuses(id, propose(ErasureGround::Request)).code, "erasure-proposed");
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "same-person");
    assert_eq!(names(&w, id, Desk::DataProtection), ["confirm-erasure"]);
    w.asking = None;
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "person-only");
    w.asking = Some(manager);
    assert_eq!(w.does(id, WithdrawErasure {}), ["household.erasure_withdrawn"]);
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "erasure-not-proposed");
    erased_by(&mut w, id, manager, officer);
    let erasure = w.household_of(id).erasure().unwrap();
    assert_eq!((erasure.proposed_by, erasure.confirmed_by), (manager, officer));
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "household-erased");
}

#[test]
fn of_whom_is_erased_nothing_personal_and_nobody_who_followed_is_left() {
    let (mut w, officer, manager) = world();
    let id = w.household("woman 32, son 3");
    let safety = Safety { exclusion_zones: vec![code("commune:33281")], note: Some("VIOLENCE".to_owned()) };
    w.does(id, NoteSafety { safety });
    w.does(id, hold(HoldGround::Litigation, "2026-03-03"));
    w.pass(3.days());
    let before = serde_json::to_string(w.household_of(id)).unwrap();
    assert!(["Lormont", "VIOLENCE", "tribunal"].iter().all(|word| before.contains(word)));
    erased_by(&mut w, id, officer, manager);
    let is = w.household_of(id);
    let after = serde_json::to_string(is).unwrap();
    for word in ["Lormont", "0556000000", "VIOLENCE", "33281", "tribunal", "personal", "sealed"] {
        assert!(!after.contains(word), "{word} is in {after}");
    }
    assert!(is.followers.is_empty() && is.keeping == Default::default() && !is.reachable);
    assert_eq!(is.composition.members.len(), 2, "who was counted is counted");
    for desk in Desk::ALL {
        assert!(names(&w, id, desk).is_empty());
    }
    assert!(w.deadlines().iter().all(|deadline| deadline.ledger != AggregateId::Household(id)));
}

#[test]
fn after_the_erasure_the_ledger_takes_the_certificate_and_nothing_else() {
    let (mut w, officer, manager) = world();
    let (id, other) = (w.household("woman 32"), w.household("man 40"));
    let certify = |refused| CertifyErasure {
        events: 3,
        values: 2,
        refused,
        epoch: 7,
        backups_until: day("2026-04-08"),
    };
    assert_eq!(w.refuses(id, certify(2)).code, "not-erased");
    erased_by(&mut w, id, officer, manager);
    assert_eq!(w.refuses(other, Merge { from: id, links: [].into(), at: None }).code, "household-erased");
    assert_eq!(w.refuses(id, AssignWorker { organisation: None, worker: None }).code, "household-erased");
    assert_eq!(w.refuses(id, hold(HoldGround::Litigation, "2026-06-01")).code, "household-erased");
    assert_eq!(w.refuses(id, certify(1)).code, "still-readable");
    assert_eq!(w.does(id, certify(2)), ["household.erasure_certified"]);
    assert!(w.does(id, certify(2)).is_empty(), "it is certified once");
    let erasure = w.household_of(id).erasure().unwrap();
    let certificate = erasure.certificate.clone().unwrap();
    let french = certificate.french(id, erasure);
    for words in
        ["demande de la personne", "02/03/2026", "époque 7", "2 valeurs", "08/04/2026", &id.to_string()]
    {
        assert!(french.contains(words), "{words} is missing in {french}");
    }
    assert!(certificate.english(id, erasure).contains("destroyed on 2026-04-08"));
}

/// Every command there is, whatever its body, is refused on an erased household before its body matters.
#[test]
fn no_command_that_needs_a_household_finds_an_erased_one() {
    let (mut w, officer, manager) = world();
    let id = w.household("woman 32");
    erased_by(&mut w, id, officer, manager);
    let mut tried = 0;
    for kind in catalogue().filter(|kind| kind.ledger == "household" && !kind.creates) {
        // Bodies that are empty are enough for those that have nothing to say.
        let Some(Ok(command)) = HouseholdCommand::read(kind.name, serde_json::json!({})) else { continue };
        let refusal = w.ask(&command.on(id)).unwrap_err();
        assert_eq!(refusal.code, "household-erased", "{}", kind.name);
        tried += 1;
    }
    assert!(tried >= 3, "{tried}");
}

#[test]
fn a_hold_keeps_the_file_until_its_day_and_no_longer() {
    let (mut w, _, manager) = world();
    let id = w.household("woman 32");
    for (until, code) in [("2026-03-01", "hold-over"), ("2027-03-03", "hold-too-long")] {
        assert_eq!(w.refuses(id, hold(HoldGround::Litigation, until)).code, code);
    }
    let short = PlaceLegalHold { motive: "procès".to_owned(), ..hold(HoldGround::Litigation, "2026-06-01") };
    assert_eq!(w.refuses(id, short).code, "motive-too-short");
    assert_eq!(w.refuses(id, LiftLegalHold { ground: HoldGround::Litigation }).code, "no-such-hold");
    w.does(id, hold(HoldGround::Litigation, "2026-06-01"));
    w.does(id, hold(HoldGround::DaloProcedure, "2026-05-01"));
    let refusal = w.refuses(id, propose(ErasureGround::Request));
    assert_eq!(refusal.code, "legal-hold");
    assert!(refusal.sentence.contains("01/06/2026 (contentieux)"), "{}", refusal.sentence);
    w.does(id, LiftLegalHold { ground: HoldGround::Litigation });
    let refusal = w.refuses(id, propose(ErasureGround::Request));
    assert!(refusal.sentence.contains("01/05/2026 (recours DALO ou DAHO)"), "{}", refusal.sentence);
    // It is renewed by being placed again, and ends by itself on its day.
    w.does(id, hold(HoldGround::DaloProcedure, "2026-07-01"));
    w.until("2026-07-01T23:00");
    assert_eq!(w.refuses(id, propose(ErasureGround::Request)).code, "legal-hold");
    w.until("2026-07-02T00:01");
    w.does(id, propose(ErasureGround::Request));
    // One placed in between keeps the second person from confirming.
    w.does(id, hold(HoldGround::UnpaidDebt, "2026-08-01"));
    w.asking = Some(manager);
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "legal-hold");
    w.does(id, LiftLegalHold { ground: HoldGround::UnpaidDebt });
    w.does(id, ConfirmErasure {});
}

#[test]
fn who_is_housed_or_waits_is_not_erased() {
    let (mut w, _, _) = world();
    let (id, place) = (w.household("woman 32"), w.vacancy(Chrs, 2));
    let request = w.request(id);
    let refusal = w.refuses(id, propose(ErasureGround::Request));
    assert_eq!((refusal.code, refusal.sentence.contains("annulez-la")), ("household-active", true));
    let reason: CancellationReason = CancellationReason::all().next().unwrap();
    w.does(id, CancelRequest { request, reason });
    let stay = w.staying_directly(id, place);
    let refusal = w.refuses(id, propose(ErasureGround::Request));
    assert!(refusal.sentence.contains("prise en charge"), "{}", refusal.sentence);
    w.pass(2.days());
    w.ends(id, stay);
    let last = w.household_of(id).unfinished();
    assert_eq!(last, None, "nothing goes on any more");
    w.does(id, propose(ErasureGround::Request));
}

#[test]
fn who_joined_the_household_is_erased_with_it() {
    let (mut w, officer, manager) = world();
    let (first, second, third) = (w.household("woman 32"), w.household("man 40"), w.household("woman 60"));
    let merge = |from, w: &World, word| Merge {
        from,
        links: [(w.person(from, word), code("other"))].into(),
        at: None,
    };
    let joins = merge(third, &w, "woman");
    w.does(second, joins);
    let members: Vec<_> = w.household_of(second).composition.members.keys().copied().collect();
    let links = members.into_iter().map(|person| (person, code("other"))).collect();
    w.does(first, Merge { from: second, links, at: None });
    w.asking = Some(officer);
    w.does(first, propose(ErasureGround::Unlawful));
    w.asking = Some(manager);
    assert_eq!(w.does(first, ConfirmErasure {}).len(), 3);
    let all = [first, second, third].map(AggregateId::Household);
    assert_eq!(w.appended(), all.into());
    for id in [first, second, third] {
        assert!(w.household_of(id).erasure().is_some());
    }
}

#[test]
fn a_file_falls_due_two_years_after_what_happened_last_and_is_announced_thirty_days_before() {
    let (mut w, _, manager) = world();
    let id = w.household("woman 32");
    let refusal = w.refuses(id, propose(ErasureGround::Retention));
    assert_eq!(refusal.code, "retention-not-due");
    assert!(refusal.sentence.contains("02/03/2028"), "{}", refusal.sentence);
    w.until("2028-01-31T23:00");
    assert!(names(&w, id, Desk::DataProtection).is_empty());
    assert_eq!(w.until("2028-02-01T00:01"), ["household.erasure_announced"]);
    assert_eq!(names(&w, id, Desk::DataProtection), ["erasure-due"]);
    let due = w.household_of(id).announced(gironde(), RuleBook::shipped()).unwrap().due;
    assert_eq!(due, instant("2028-03-02T23:59:59"));
    // Somebody comes back: nothing is due any more, and no list has to be cleaned.
    w.does(id, AssignWorker { organisation: None, worker: Some(manager) });
    assert!(names(&w, id, Desk::DataProtection).is_empty());
    assert_eq!(w.refuses(id, propose(ErasureGround::Retention)).code, "retention-not-due");
    assert_eq!(w.until("2030-01-04T00:00"), ["household.erasure_announced"]);
    w.does(id, propose(ErasureGround::Retention));
    w.asking = Some(manager);
    assert_eq!(w.does(id, ConfirmErasure {}), ["household.erasure_confirmed"]);
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "erasure-confirmed");
    assert!(names(&w, id, Desk::DataProtection).is_empty());
    assert!(w.until("2030-02-01T23:59").is_empty(), "not before its day");
    assert_eq!(w.until("2030-02-02T00:01"), ["household.erased"]);
    assert_eq!(w.last_of("household.erased").stamp.effective, instant("2030-02-01T23:59:59"));
}

#[test]
fn what_was_agreed_for_one_day_is_not_done_on_another() {
    let (mut w, _, manager) = world();
    let id = w.household("woman 32");
    w.until("2028-02-03T00:00");
    w.does(id, propose(ErasureGround::Retention));
    w.asking = Some(manager);
    w.does(id, ConfirmErasure {});
    w.does(id, AssignWorker { organisation: None, worker: None });
    assert!(w.until("2028-06-01T00:00").is_empty(), "it came to life again");
    // Two years later it is announced anew, and two people decide anew.
    assert_eq!(w.until("2030-03-01T00:00"), ["household.erasure_announced"]);
    assert_eq!(names(&w, id, Desk::DataProtection), ["erasure-due"]);
    assert_eq!(w.refuses(id, ConfirmErasure {}).code, "erasure-not-proposed");
}

#[test]
fn a_hold_puts_the_day_off_and_the_announcement_comes_anew() {
    let (mut w, _, manager) = world();
    let id = w.household("woman 32");
    w.until("2028-02-03T00:00");
    w.does(id, propose(ErasureGround::Retention));
    w.asking = Some(manager);
    w.does(id, ConfirmErasure {});
    w.does(id, hold(HoldGround::CriminalProcedure, "2028-12-31"));
    assert!(names(&w, id, Desk::DataProtection).is_empty());
    assert_eq!(w.until("2028-12-02T00:01"), ["household.erasure_announced"]);
    let due = w.household_of(id).announced(gironde(), RuleBook::shipped()).unwrap().due;
    assert_eq!(due, instant("2028-12-31T23:59:59"));
    assert!(w.until("2029-01-05T00:00").is_empty(), "the first two did not agree to this");
}

#[test]
fn what_is_decided_ahead_waits_for_a_hold_that_ends_before_the_day() {
    let (mut w, _, manager) = world();
    let id = w.household("woman 32");
    w.until("2028-02-03T00:00");
    w.does(id, hold(HoldGround::UnpaidDebt, "2028-03-02"));
    w.does(id, propose(ErasureGround::Retention));
    w.asking = Some(manager);
    assert_eq!(w.does(id, ConfirmErasure {}), ["household.erasure_confirmed"]);
    assert_eq!(w.until("2028-03-03T00:01"), ["household.erased"]);
}

#[test]
fn a_clock_that_was_away_announces_late_and_leaves_as_much_time() {
    let (mut w, _, _) = world();
    let id = w.household("woman 32");
    w.outage_until("2028-08-01T10:00");
    let deadline = w.deadlines().into_iter().find(|d| d.ledger == AggregateId::Household(id)).unwrap();
    assert_eq!(w.fire(deadline), ["household.erasure_announced"]);
    let due = w.household_of(id).announced(gironde(), RuleBook::shipped()).unwrap().due;
    assert_eq!(due, instant("2028-08-31T23:59:59"));
    let command = Command::Elapse(deadline);
    assert!(w.ask(&command).unwrap().is_empty(), "and once");
}
