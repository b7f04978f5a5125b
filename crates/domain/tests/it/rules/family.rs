//! One household becomes two, or two become one: persons are conserved, seniority is kept.

use domain::calendar::Instant;
use domain::decide::application::{GrantPriority, RegisterApplication, WarnApplication};
use domain::decide::clock::{Deadline, DeadlineKind};
use domain::decide::consent::GiveConsent;
use domain::decide::family::{Keeper, Merge, Split};
use domain::decide::registration::{DeclarePregnancy, NoteSafety};
use domain::decide::request::{CreateRequest, DeferRequest, SubmitRequest, UpdateRequest};
use domain::decide::stay::{AdmitDirectly, GiveNotice, RecordAbsence, TakeOverStay};
use domain::household::Registration;
use domain::household::application::{ApplicationSituation, Deregistration};
use domain::household::composition::{Expected, Safety};
use domain::household::consent::ConsentChannel;
use domain::household::priority::LabelSource;
use domain::household::request::{RequestSituation, RequestStream};
use domain::household::stay::{NoticeMotive, StaySituation};
use domain::id::{ApplicationId, ConsentId, HouseholdId, LabelId, PersonId, RequestId, StayId};
use domain::ledger::AggregateId;
use domain::personal::Personal;
use domain::reference::{MemberLink, PriorityGround};
use domain::structure_kind::StructureKind::{Chrs, EmergencyShelter, SocialResidence};
use jiff::ToSpan;

use crate::scenario::build::file;
use crate::scenario::{World, code, day, instant};

fn split(person: PersonId) -> Split {
    Split {
        persons: [person].into(),
        main_applicant: person,
        remaining_main_applicant: None,
        application: Keeper::Remaining,
        at: None,
    }
}

/// The main applicant of the household that joins becomes the partner of the other one.
fn merge(w: &World, from: HouseholdId) -> Merge {
    let main = MemberLink::main_applicant();
    let joining = w.household_of(from).composition.members.iter().filter(|(_, is)| is.link == main);
    let links = joining.map(|(person, _)| (*person, MemberLink::spouse_or_partner())).collect();
    Merge { from, links, at: None }
}

fn admit(place: domain::id::PlaceId) -> AdmitDirectly {
    AdmitDirectly { place, at: None, persons: None, planned_end: None, leaving: None }
}

#[test]
fn a_couple_separates_during_a_stay_and_both_keep_the_same_seniority() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 3);
    let household = w.household("woman 32, husband 34, son 3");
    let request = w.qualified(household, &[Chrs]);
    w.does(household, admit(place));
    let stay = StayId::created_by(w.last);
    w.pass(40.days());
    let husband = w.person(household, "husband");
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    let kinds = w.does(household, split(husband));
    assert_eq!(kinds, ["place.occupants_changed", "household.split", "household.separated"]);

    let (stays, leaves) = (w.household_of(household), w.household_of(into));
    assert_eq!((stays.composition.members.len(), leaves.composition.members.len()), (2, 1));
    assert_eq!(leaves.composition.members[&husband].link, MemberLink::main_applicant());
    assert_eq!(stays.stays[&stay].persons.len(), 2, "the stay of the others goes on");
    assert!(stays.stays[&stay].is_active() && leaves.stays.is_empty());
    assert_eq!(w.place_of(place).current_occupancy().unwrap().persons, 2);
    let copy = leaves.requests.values().next().unwrap();
    assert_eq!(copy.seniority, stays.requests[&request].seniority);
    assert_eq!(copy.seniority, Some(instant("2026-03-02T10:00")));
    assert!(matches!(copy.situation, RequestSituation::Qualified(_)));

    let other = w.vacancy(Chrs, 1);
    let copy = *w.household_of(into).requests.keys().next().unwrap();
    w.referred(into, copy, other);
}

#[test]
fn a_split_leaves_somebody_and_names_who_applies_on_both_sides() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, husband 34");
    let (woman, husband) = (w.person(household, "woman"), w.person(household, "husband"));
    let both = Split { persons: [woman, husband].into(), ..split(woman) };
    assert_eq!(w.refuses(household, both).code, "split-of-all");
    assert_eq!(w.refuses(household, Split { persons: [].into(), ..split(woman) }).code, "unknown-id");
    assert_eq!(
        w.refuses(household, Split { main_applicant: woman, ..split(husband) }).code,
        "main-applicant"
    );
    assert_eq!(w.refuses(household, split(woman)).code, "main-applicant", "who replaces her?");
    let herself = Split { remaining_main_applicant: Some(woman), ..split(woman) };
    assert_eq!(w.refuses(household, herself).code, "unknown-id");
    w.does(household, Split { remaining_main_applicant: Some(husband), ..split(woman) });
    let remaining = &w.household_of(household).composition.members;
    assert_eq!((remaining.len(), remaining[&husband].link), (1, MemberLink::main_applicant()));

    let household = w.household("woman 32, husband 34, son 12");
    let (husband, son) = (w.person(household, "husband"), w.person(household, "son"));
    let second = Split { remaining_main_applicant: Some(husband), ..split(son) };
    assert_eq!(w.refuses(household, second).code, "main-applicant", "she is still there");
}

#[test]
fn who_lives_in_a_unit_of_their_own_takes_the_stay_along_with_what_is_pending() {
    let mut w = World::at("2026-03-02T10:00");
    let (hers, his) = (w.place(EmergencyShelter, 1), w.place(Chrs, 1));
    let household = w.household("woman 32, husband 34");
    let [woman, husband] = ["woman", "husband"].map(|word| w.person(household, word));
    w.does(household, AdmitDirectly { persons: Some([woman].into()), ..admit(hers) });
    let planned_end = Some(day("2026-12-31"));
    w.does(household, AdmitDirectly { persons: Some([husband].into()), planned_end, ..admit(his) });
    let stay = StayId::created_by(w.last);
    let before = w.household_of(household).stays[&stay].clone();
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    w.does(household, split(husband));
    assert!(!w.household_of(household).stays.contains_key(&stay), "his is written on his ledger now");
    assert_eq!(w.household_of(household).active_stays().count(), 1, "hers goes on");
    let moved = &w.household_of(into).stays[&stay];
    assert_eq!(
        (moved.from, &moved.social_aid),
        (before.from, &before.social_aid),
        "the préfet still decides"
    );
    let at_place = w.place_of(his).current_occupancy().unwrap();
    assert_eq!((at_place.household, at_place.persons), (into, 1));
    assert!(w.until("2026-04-10T10:00").contains(&"admission.deemed_accepted"));
    w.ends(into, stay);
}

#[test]
fn who_leaves_the_others_in_a_stay_waits_again_with_the_date_of_the_request_that_led_there() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.vacancy(EmergencyShelter, 2);
    let household = w.household("woman 32, husband 34");
    let stay = w.staying(household, place);
    w.pass(90.days());
    let husband = w.person(household, "husband");
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    w.does(household, split(husband));
    let stays = w.household_of(household);
    assert!(stays.requests.values().all(|request| !request.situation.is_open()), "they are housed");
    assert_eq!(stays.stays[&stay].persons.len(), 1);
    let (copy, waits) = w.household_of(into).requests.iter().next().unwrap();
    assert_eq!(waits.seniority, Some(instant("2026-03-02T10:00")));
    assert!(matches!(waits.situation, RequestSituation::Qualified(_)));
    assert!(waits.update_due.is_some() && waits.contact_due.is_some(), "its deadlines run anew");
    let (copy, other) = (*copy, w.vacancy(EmergencyShelter, 1));
    w.referred(into, copy, other);
}

#[test]
fn zones_to_avoid_consents_and_the_stage_of_a_request_go_with_those_who_leave_but_no_note() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, husband 34");
    let woman = w.person(household, "woman");
    let husband = w.person(household, "husband");
    let request = w.request(household);
    let (reason, until) = (code("assessment_awaited"), day("2026-04-15"));
    w.does(household, DeferRequest { request, reason, until });
    let consent = GiveConsent {
        person: woman,
        purpose: code("share_with_landlords"),
        recipient: None,
        channel: ConsentChannel::Written,
        until: None,
        given_on: None,
    };
    w.does(household, consent);
    let consent = ConsentId::created_by(w.last);
    let zones = vec![code("commune:33063")];
    let note = Some("ne pas laisser de message".to_owned());
    w.does(household, NoteSafety { safety: Safety { exclusion_zones: zones.clone(), note } });
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    let kinds = w.does(household, Split { remaining_main_applicant: Some(husband), ..split(woman) });
    assert_eq!(kinds, ["household.split", "household.separated", "household.safety_noted"]);

    let leaves = w.household_of(into);
    assert!(leaves.consents[&consent].given && !w.household_of(household).consents.contains_key(&consent));
    let safety = leaves.safety.as_ref().unwrap().value.known().unwrap();
    assert_eq!(*safety, Safety { exclusion_zones: zones, note: None });
    let copy = leaves.requests.values().next().unwrap();
    assert_eq!(copy.situation, RequestSituation::Deferred { reason, until });
}

#[test]
fn the_application_goes_with_one_side_with_its_number_and_date_unless_a_candidacy_runs() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, husband 34");
    let application = w.applies(household);
    let filed = w.household_of(household).applications[&application].clone();
    let husband = w.person(household, "husband");
    let leaving = Split { application: Keeper::Leaving, ..split(husband) };

    let mut candidate = w.clone();
    let dwelling = candidate.vacancy(domain::structure_kind::StructureKind::SocialDwelling, 2);
    candidate.designates(dwelling, &[household]);
    let refusal = candidate.refuses(household, leaving.clone());
    assert_eq!((refusal.code, refusal.rule), ("candidacy-running", "INV-5"));
    candidate.does(household, split(husband));
    assert!(candidate.household_of(household).live_application().is_some());

    w.pass(100.days());
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    w.does(household, leaving);
    assert!(w.household_of(household).live_application().is_none());
    let (_, moved) = w.household_of(into).live_application().unwrap();
    assert_eq!(
        (moved.known_number(), moved.filed_on, moved.valid_until),
        (filed.known_number(), filed.filed_on, filed.valid_until)
    );
}

#[test]
fn two_become_one_and_the_oldest_seniority_is_kept() {
    let mut w = World::at("2026-01-05T10:00");
    let older = w.household("man 34");
    w.qualified(older, &[Chrs]);
    w.until("2026-03-02T10:00");
    let younger = w.household("woman 32");
    let request = w.qualified(younger, &[Chrs]);
    let place = w.place(EmergencyShelter, 1);
    w.does(older, admit(place));
    let stay = StayId::created_by(w.last);

    let kinds = w.does(younger, merge(&w, older));
    assert_eq!(kinds, ["place.occupants_changed", "household.merged", "household.merged_into"]);
    let joined = w.household_of(younger);
    assert_eq!(joined.composition.members.len(), 2);
    assert_eq!(joined.requests.len(), 1, "requests of one volet become one");
    assert_eq!(joined.requests[&request].seniority, Some(instant("2026-01-05T10:00")));
    assert!(joined.stays[&stay].is_active());
    assert_eq!(w.place_of(place).current_occupancy().unwrap().household, younger);
    let gone = w.household_of(older);
    assert_eq!(gone.registration, Registration::MergedInto { into: younger });
    assert!(gone.composition.members.is_empty() && gone.active_stays().next().is_none());
    assert!(gone.requests.values().all(|request| request.situation == RequestSituation::Absorbed));
    let refusal = w.refuses(older, merge(&w, younger));
    assert_eq!((refusal.code, refusal.rule), ("household-merged", "INV-11"));
    assert!(refusal.sentence.contains(&younger.to_string()));
    assert_eq!(w.refuses(younger, merge(&w, younger)).code, "merge-with-itself");
}

#[test]
fn a_merge_keeps_the_only_seniority_there_is() {
    let mut w = World::at("2026-01-05T10:00");
    let (waiting, new) = (w.household("man 34"), w.household("woman 32"));
    w.qualified(waiting, &[Chrs]);
    w.pass(30.days());
    w.does(new, CreateRequest { siao: None, file: file(RequestStream::Insertion), note: None, at: None });
    let draft = RequestId::created_by(w.last);
    w.does(new, merge(&w, waiting));
    assert_eq!(w.household_of(new).requests[&draft].seniority, Some(instant("2026-01-05T10:00")));
    let again = w.refuses(new, SubmitRequest { request: draft, at: None });
    assert_eq!(again.code, "request-situation", "it is on the waiting list, as theirs was");
}

#[test]
fn requests_of_other_volets_and_applications_come_along() {
    let mut w = World::at("2026-01-05T10:00");
    let (one, two) = (w.household("man 34"), w.household("woman 32"));
    w.qualified(one, &[Chrs]);
    let theirs = w.applies(one);
    let number = w.household_of(one).applications[&theirs].known_number().copied();
    w.until("2026-02-10T10:00");
    w.does(two, CreateRequest { siao: None, file: file(RequestStream::Emergency115), note: None, at: None });
    let mut both = w.clone();
    w.does(two, merge(&w, one));
    let joined = w.household_of(two);
    assert_eq!(joined.requests.len(), 2);
    assert_eq!(joined.live_application().unwrap().1.known_number(), number.as_ref());
    let former = &w.household_of(one).applications[&theirs];
    assert_eq!(former.situation, ApplicationSituation::Deregistered { reason: Deregistration::F });

    let ours = both.applies(two);
    both.does(two, merge(&both, one));
    let kept = &both.household_of(two).applications[&ours];
    assert_eq!(kept.filed_on, day("2026-01-05"), "numbers become one, the oldest filing counts");
}

#[test]
fn labels_consents_and_a_pregnancy_come_along_and_the_request_that_is_further_along_remains() {
    let mut w = World::at("2026-01-05T10:00");
    let (waiting, new) = (w.household("man 34"), w.household("woman 32"));
    w.qualified(waiting, &[Chrs]);
    let person = w.person(waiting, "man");
    let granted = GrantPriority {
        ground: PriorityGround::all().find(|ground| ground.code() == "dalo").unwrap(),
        source: LabelSource::MediationBoard,
        decided_on: Some(day("2026-01-02")),
        document: None,
    };
    w.does(waiting, granted);
    let label = LabelId::created_by(w.last);
    let consent = GiveConsent {
        person,
        purpose: code("share_with_landlords"),
        recipient: None,
        channel: ConsentChannel::Oral,
        until: None,
        given_on: None,
    };
    w.does(waiting, consent);
    let consent = ConsentId::created_by(w.last);
    let expected = Some(Expected { due: day("2026-06-01"), children: 1, certified: true });
    w.does(waiting, DeclarePregnancy { expected: expected.clone() });
    w.pass(20.days());
    let mut draft = file(RequestStream::Insertion);
    draft.need.wheelchair = true;
    w.does(new, CreateRequest { siao: None, file: draft, note: None, at: None });
    let request = RequestId::created_by(w.last);
    w.does(new, merge(&w, waiting));

    let joined = w.household_of(new);
    assert!(joined.labels[&label].ended.is_none() && joined.consents[&consent].given);
    assert_eq!(joined.composition.expected, expected);
    let one = &joined.requests[&request];
    assert!(matches!(one.situation, RequestSituation::Qualified(_)), "theirs was on the waiting list");
    assert_eq!(one.seniority, Some(instant("2026-01-05T10:00")));
    assert!(one.file.need.wheelchair, "and ours needs a place that a wheelchair can enter");
    let gone = w.household_of(waiting);
    assert!(gone.labels.is_empty() && gone.consents.is_empty() && gone.composition.expected.is_none());
}

#[test]
fn an_application_without_a_number_takes_the_other_one_s_and_a_warning_still_runs() {
    let mut w = World::at("2026-01-05T10:00");
    let (numbered, new) = (w.household("man 34"), w.household("woman 32"));
    let theirs = w.applies(numbered);
    let theirs = w.household_of(numbered).applications[&theirs].clone();
    w.pass(20.days());
    let register = RegisterApplication { filed_on: None, number: None, renewed_on: None, communes: vec![] };
    w.does(new, register);
    let ours = ApplicationId::created_by(w.last);
    let mut alone = w.clone();
    w.does(new, merge(&w, numbered));
    let kept = &w.household_of(new).applications[&ours];
    assert_eq!((kept.known_number(), kept.valid_until), (theirs.known_number(), theirs.valid_until));
    assert_eq!(kept.filed_on, theirs.filed_on);

    let (application, _) = alone.household_of(numbered).live_application().unwrap();
    alone.does(numbered, WarnApplication { application, ground: Deregistration::C });
    let warned = alone.household_of(numbered).applications[&application].situation.clone();
    let third = alone.household("woman 50");
    alone.does(third, merge(&alone, numbered));
    assert_eq!(alone.household_of(third).live_application().unwrap().1.situation, warned);
}

#[test]
fn a_merge_asks_what_the_joining_applicant_is_to_the_other_one() {
    let mut w = World::at("2026-03-02T10:00");
    let (grandmother, family) = (w.household("woman 70"), w.household("woman 32, son 3"));
    let person = w.person(grandmother, "woman");
    let mut joins = Merge { from: grandmother, links: [].into(), at: None };
    assert_eq!(w.refuses(family, joins.clone()).code, "link-missing");
    joins.links.insert(person, MemberLink::main_applicant());
    assert_eq!(w.refuses(family, joins.clone()).code, "main-applicant");
    joins.links.insert(person, MemberLink::parent());
    w.does(family, joins);
    let joined = &w.household_of(family).composition;
    assert_eq!(joined.members[&person].link, MemberLink::parent());
    assert!(!joined.profile(w.today(), None).couple, "a grandmother is no partner");

    let many = w.household(&format!("woman 40{}", ", sister 20".repeat(17)));
    let refusal = w.refuses(many, merge(&w, family));
    assert_eq!(refusal.code, "members-count", "18 and 3");
}

#[test]
fn a_household_with_something_under_way_does_not_dissolve_into_another() {
    let mut w = World::at("2026-03-02T10:00");
    let (one, two) = (w.household("man 34"), w.household("woman 32"));
    let request = w.qualified(one, &[Chrs]);
    let place = w.vacancy(Chrs, 1);
    w.referred(one, request, place);
    let refusal = w.refuses(two, merge(&w, one));
    assert_eq!(refusal.code, "merge-not-settled");
    assert!(refusal.sentence.contains("orientation"), "{refusal}");
    w.does(one, merge(&w, two));

    let awaits = w.household("man 50");
    let place = w.vacancy(Chrs, 1);
    w.staying(awaits, place);
    let three = w.household("woman 40");
    assert!(w.refuses(three, merge(&w, awaits)).sentence.contains("préfet"));
    w.until("2026-04-03T10:00");
    w.does(three, merge(&w, awaits));
}

#[test]
fn a_notice_or_an_absence_of_the_household_that_joins_still_runs() {
    let mut w = World::at("2026-03-02T10:00");
    let places = [(); 2].map(|()| w.place(SocialResidence, 1));
    let (one, two, other) = (w.household("man 34"), w.household("man 36"), w.household("woman 32"));
    w.does(one, admit(places[0]));
    let leaving = StayId::created_by(w.last);
    w.does(one, GiveNotice { stay: leaving, motive: NoticeMotive::Other, received_on: None });
    w.does(two, admit(places[1]));
    let away = StayId::created_by(w.last);
    w.does(two, RecordAbsence { stay: away, from: day("2026-03-05"), to: day("2026-03-12") });
    w.does(other, merge(&w, one));
    w.does(other, merge(&w, two));
    let joined = w.household_of(other);
    assert_eq!(joined.stays[&leaving].situation, StaySituation::Leaving { ends_on: day("2026-04-02") });
    let absent = StaySituation::Absent { from: day("2026-03-05"), to: day("2026-03-12") };
    assert_eq!(joined.stays[&away].situation, absent);
}

#[test]
fn zones_to_avoid_come_along_and_unreadable_ones_exclude_every_place() {
    let zone = |text: &str| NoteSafety { safety: Safety { exclusion_zones: vec![code(text)], note: None } };
    let mut w = World::at("2026-03-02T10:00");
    let (one, two, other) = (w.household("man 34"), w.household("woman 32"), w.household("woman 50"));
    w.does(one, zone("commune:33063"));
    w.does(two, zone("departement:24"));
    let kinds = w.does(two, merge(&w, one));
    assert_eq!(kinds, ["household.merged", "household.safety_noted", "household.merged_into"]);
    let safety = w.household_of(two).safety.as_ref().unwrap().value.known().unwrap().clone();
    assert_eq!(safety.exclusion_zones, [code("departement:24"), code("commune:33063")]);

    w.seal(two);
    w.does(other, merge(&w, two));
    let kept = w.household_of(other).safety.as_ref().unwrap();
    assert_eq!(kept.value, Personal::Erased(true));
    let request = w.qualified(other, &[EmergencyShelter]);
    let place = w.vacancy(EmergencyShelter, 4);
    assert_eq!(w.refuses(other, World::proposal(request, place)).rule, "exclusion-zone");
}

#[test]
fn two_who_cannot_be_reached_cannot_be_reached_together() {
    let mut w = World::at("2026-03-02T10:00");
    let mut silent = w.members("man 34");
    silent[0].identity.phone = None;
    let (one, two) = (w.registers(silent.clone()), w.registers(silent));
    let other = w.household("woman 32");
    w.does(one, merge(&w, two));
    assert!(!w.household_of(one).reachable);
    w.does(one, merge(&w, other));
    assert!(w.household_of(one).reachable);
}

#[test]
fn what_was_before_the_separation_belongs_to_the_ledger_of_then() {
    let mut w = World::at("2026-03-02T10:00");
    let places = [(); 2].map(|()| w.place(EmergencyShelter, 2));
    let household = w.household("woman 32, husband 34");
    let husband = w.person(household, "husband");
    w.does(household, admit(places[0]));
    w.until("2026-04-10T10:00");
    let into = HouseholdId::created_by(household.territory(), w.upcoming());
    w.does(household, Split { at: Some(Instant(instant("2026-04-01T10:00"))), ..split(husband) });
    let entry = |at: &str| AdmitDirectly { at: Some(Instant(instant(at))), ..admit(places[1]) };
    let early = w.refuses(into, entry("2026-03-25T10:00"));
    assert_eq!((early.code, early.rule), ("in-another-household", "INV-11"));
    let past = TakeOverStay {
        place: places[1],
        from: Instant(instant("2026-03-20T10:00")),
        persons: None,
        planned_end: None,
        ended: None,
    };
    assert_eq!(w.refuses(into, past).code, "in-another-household");
    let back = Merge { at: Some(Instant(instant("2026-03-31T10:00"))), ..merge(&w, into) };
    assert_eq!(w.refuses(household, back).code, "in-another-household");
    w.does(into, entry("2026-04-01T10:00"));
}

#[test]
fn a_deadline_of_a_household_that_joined_another_one_finds_nothing_to_do() {
    let mut w = World::at("2026-03-02T10:00");
    let (one, two) = (w.household("man 34"), w.household("woman 32"));
    let request = w.request(one);
    let due = w.household_of(one).requests[&request].update_due.unwrap();
    w.does(two, merge(&w, one));
    w.outage_until("2026-12-02T10:00");
    let deadline =
        Deadline { due, ledger: AggregateId::Household(one), kind: DeadlineKind::RequestStale { request } };
    assert_eq!(w.fire(deadline), [""; 0]);
    let copy = *w.household_of(two).requests.keys().next().unwrap();
    assert_eq!(w.pass(1.second()), ["request.went_stale"], "the copy waits for the same day");
    w.does(two, UpdateRequest { request: copy, file: None });
}
