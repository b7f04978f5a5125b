//! The household's record: who it is, what must be avoided, what it consents to.

use domain::calendar::Instant;
use domain::decide::allocation::AcceptOffer;
use domain::decide::application::{GrantPriority, RegisterApplication};
use domain::decide::consent::{GiveConsent, WithdrawConsent};
use domain::decide::lease::SignLease;
use domain::decide::registration::{
    AddMember, CorrectIdentity, DeclarePregnancy, NoteSafety, Register, RemoveMember,
};
use domain::decide::request::CreateRequest;
use domain::decide::stay::AdmitDirectly;
use domain::household::application::{ApplicationSituation, Deregistration};
use domain::household::composition::{Expected, Safety};
use domain::household::consent::ConsentChannel;
use domain::household::priority::LabelSource;
use domain::household::request::RequestStream;
use domain::id::{ConsentId, HouseholdId, LabelId, PersonId, StayId};
use domain::ledger::AggregateId;
use domain::money::Money;
use domain::place::inventory::GenderRule;
use domain::reference::MemberLink;
use domain::structure_kind::StructureKind::{Chrs, EmergencyShelter, SocialDwelling};
use jiff::ToSpan;

use crate::scenario::build::{admit, file};
use crate::scenario::{World, code, day, gironde, instant, member};

fn born(w: &World, text: &str) -> AddMember {
    AddMember { member: member(text, false, w.today()), reason: code("birth"), at: None }
}

#[test]
fn a_household_is_registered_once_with_one_main_applicant_and_believable_people() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, daughter 5");
    let register = |members| Register {
        territory: gironde(),
        members,
        expected: None,
        reachable_through_structure: false,
        at: None,
        note: None,
    };
    let again = register(w.members("woman 32"));
    assert_eq!(w.refuses(household, again).rule, "INV-16");
    let new = HouseholdId::created_by(gironde(), w.upcoming());
    assert_eq!(w.refuses(new, register(vec![])).code, "members-count");
    let mut two = w.members("woman 32, man 30");
    two[1].link = MemberLink::main_applicant();
    assert_eq!(w.refuses(new, register(two)).code, "main-applicant");
    let mut nameless = w.members("woman 32");
    nameless[0].identity.last_name = " ".to_owned();
    assert_eq!(w.refuses(new, register(nameless)).code, "identity-incomplete");
    let mut unborn = w.members("woman 32");
    unborn[0].identity.birth_date = day("2026-03-03");
    assert_eq!(w.refuses(new, register(unborn)).code, "birth-date-impossible");
    let mut ancient = w.members("woman 32");
    ancient[0].identity.birth_date = day("1905-01-01");
    assert_eq!(w.refuses(new, register(ancient)).code, "birth-date-impossible");
}

#[test]
fn a_birth_joins_the_stay_if_there_is_room_and_the_household_in_any_case() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 2);
    let household = w.household("woman 32");
    w.does(
        household,
        DeclarePregnancy {
            expected: Some(Expected { due: day("2026-05-01"), children: 2, certified: true }),
        },
    );
    w.does(household, admit(place));
    let stay = StayId::created_by(w.last);
    w.pass(60.days());

    let birth = born(&w, "daughter 0");
    assert_eq!(w.does(household, birth), ["place.occupants_changed", "household.member_added"]);
    let is = w.household_of(household);
    assert_eq!((is.composition.members.len(), is.stays[&stay].persons.len()), (2, 2));
    assert_eq!(is.composition.expected.as_ref().unwrap().children, 1, "twins: one is still to come");
    assert_eq!(w.place_of(place).current_occupancy().unwrap().persons, 2);

    let birth = born(&w, "son 0");
    assert_eq!(w.does(household, birth), ["household.member_added"], "no room for three");
    let is = w.household_of(household);
    assert_eq!((is.composition.members.len(), is.stays[&stay].persons.len()), (3, 2));
    assert!(is.composition.expected.is_none());
    assert_eq!(is.composition.typology(w.today()), "40", "a woman with children");
}

#[test]
fn a_newcomer_whom_the_place_does_not_admit_joins_the_household_but_not_the_stay() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place_for(EmergencyShelter, 4, |d| {
        d.criteria.gender = GenderRule::WomenOnly;
        d.criteria.age_min = Some(18);
        d.criteria.age_max = Some(35);
    });
    let household = w.household("woman 32");
    w.does(household, admit(place));
    let stay = StayId::created_by(w.last);
    let joins = |w: &mut World, text: &str, reason: &str| {
        let member = member(text, false, w.today());
        w.does(household, AddMember { member, reason: code(reason), at: None });
        let person = PersonId::created_by(w.last);
        w.household_of(household).stays[&stay].persons.contains(&person)
    };
    assert!(!joins(&mut w, "husband 34", "couple_formed"), "women only");
    assert!(!joins(&mut w, "mother 60", "relative_joined"), "up to 35 years");
    assert!(joins(&mut w, "son 0", "birth"), "a newborn boy is no man");
    assert!(joins(&mut w, "sister 20", "relative_joined"));
    assert_eq!(w.place_of(place).current_occupancy().unwrap().persons, 3);
}

#[test]
fn a_person_leaves_with_a_successor_if_they_were_the_main_applicant() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 3);
    let household = w.household("woman 32, husband 34, son 3");
    let [woman, husband, son] = ["woman", "husband", "son"].map(|word| w.person(household, word));
    w.does(household, admit(place));
    let leaves =
        |person, main_applicant| RemoveMember { person, reason: code("death"), main_applicant, at: None };
    assert_eq!(w.refuses(household, leaves(woman, None)).code, "main-applicant");
    assert_eq!(w.refuses(household, leaves(woman, Some(woman))).code, "unknown-id");
    assert_eq!(w.refuses(household, leaves(son, Some(husband))).code, "main-applicant", "she is still there");
    let kinds = w.does(household, leaves(woman, Some(husband)));
    assert_eq!(kinds, ["place.occupants_changed", "household.member_left"]);
    let mains = |w: &World| {
        let members = &w.household_of(household).composition.members;
        members.values().filter(|person| person.link == MemberLink::main_applicant()).count()
    };
    assert_eq!((mains(&w), w.place_of(place).current_occupancy().unwrap().persons), (1, 2));
    w.does(household, leaves(son, None));
    let last = w.refuses(household, RemoveMember { reason: code("moved_out"), ..leaves(husband, None) });
    assert_eq!((last.code, last.rule), ("last-member", "INV-11"));
    let main = AddMember { member: member("woman 50", true, w.today()), reason: code("return"), at: None };
    assert_eq!(w.refuses(household, main).code, "main-applicant");
}

#[test]
fn the_last_person_of_a_stay_does_not_vanish_from_it() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 1);
    let household = w.household("woman 32, son 19");
    let son = w.person(household, "son");
    w.does(household, AdmitDirectly { persons: Some([son].into()), ..admit(place) });
    let leaves = RemoveMember { person: son, reason: code("majority"), main_applicant: None, at: None };
    let refusal = w.refuses(household, leaves);
    assert_eq!((refusal.code, refusal.rule), ("stay-would-be-empty", "INV-1"));
}

#[test]
fn an_identity_is_corrected_without_changing_who_applies() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, son 3");
    let (woman, son) = (w.person(household, "woman"), w.person(household, "son"));
    let mut corrected = member("woman 33", true, w.today());
    corrected.identity.last_name = "Mériadeck".to_owned();
    w.does(household, CorrectIdentity { person: woman, member: corrected.clone() });
    let is = w.household_of(household);
    assert_eq!(is.composition.profile(w.today(), None).oldest_adult, 33);
    assert!(is.reachable);
    assert_eq!(
        w.refuses(household, CorrectIdentity { person: son, member: corrected }).code,
        "main-applicant"
    );
}

#[test]
fn a_consent_is_given_for_a_purpose_and_taken_back_once() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32");
    let person = w.person(household, "woman");
    let give = GiveConsent {
        person,
        purpose: code("share_with_landlords"),
        recipient: None,
        channel: ConsentChannel::Written,
        until: Some(day("2026-12-31")),
        given_on: Some(day("2026-02-27")),
    };
    let lapsed = GiveConsent { until: Some(day("2026-03-01")), ..give.clone() };
    assert_eq!(w.refuses(household, lapsed).code, "consent-lapsed");
    w.does(household, give);
    let consent = ConsentId::created_by(w.last);
    assert_eq!(w.last_of("consent.given").stamp.effective, instant("2026-02-27T00:00"));
    w.does(household, WithdrawConsent { consent, channel: ConsentChannel::Telephone });
    let again = WithdrawConsent { consent, channel: ConsentChannel::Telephone };
    assert_eq!(w.refuses(household, again).code, "consent-already-withdrawn");
    assert!(!w.household_of(household).consents[&consent].given);
}

#[test]
fn notes_and_zones_are_bounded() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32");
    let zones = vec![code("commune:33063"); 51];
    let safety = NoteSafety { safety: Safety { exclusion_zones: zones, note: None } };
    assert_eq!(w.refuses(household, safety).code, "zones-count");
    let note = NoteSafety { safety: Safety { exclusion_zones: vec![], note: Some("x".repeat(2_001)) } };
    assert_eq!(w.refuses(household, note).code, "note-too-long");
    let expected = Some(Expected { due: day("2026-08-01"), children: 0, certified: false });
    assert_eq!(w.refuses(household, DeclarePregnancy { expected }).code, "expected-children");
    let long_ago = AddMember { at: Some(Instant(instant("2015-01-01T10:00"))), ..born(&w, "son 12") };
    assert_eq!(w.refuses(household, long_ago).code, "date-too-old");
}

#[test]
fn who_separates_forms_another_household_and_does_not_vanish() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, husband 34");
    let person = w.person(household, "husband");
    for reason in ["separation", "household_split"] {
        let leaves = RemoveMember { person, reason: code(reason), main_applicant: None, at: None };
        let refusal = w.refuses(household, leaves);
        assert_eq!((refusal.code, refusal.rule), ("split-required", "INV-11"), "{reason}");
    }
}

#[test]
fn the_death_of_somebody_who_lived_alone_ends_all_that_was_under_way() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(EmergencyShelter, 1);
    let household = w.household("man 60");
    let request = w.qualified(household, &[Chrs]);
    let application = w.applies(household);
    let granted = GrantPriority {
        ground: code("dalo"),
        source: LabelSource::MediationBoard,
        decided_on: Some(day("2026-02-02")),
        document: None,
    };
    w.does(household, granted);
    let label = LabelId::created_by(w.last);
    let stay = w.staying_directly(household, place);
    let offered = w.vacancy(Chrs, 1);
    w.referred(household, request, offered);
    let dwelling = w.vacancy(SocialDwelling, 1);
    let (_, candidacy) = w.designates(dwelling, &[household])[0];
    w.pass(3.days());
    let person = w.person(household, "man");
    let at = Some(Instant(instant("2026-03-04T10:00")));
    let dies = RemoveMember { person, reason: code("death"), main_applicant: None, at };
    w.does(household, dies);

    let is = w.household_of(household);
    assert!(is.composition.members.is_empty());
    assert_eq!(is.stays[&stay].ended(), Some(instant("2026-03-04T10:00")));
    assert!(!is.requests[&request].situation.is_open() && is.live_referrals().next().is_none());
    let closed = ApplicationSituation::Deregistered { reason: Deregistration::Deceased };
    assert_eq!(is.applications[&application].situation, closed, "not a renunciation");
    assert!(is.labels[&label].ended.is_some() && !is.candidacies[&candidacy].is_live());
    assert!(w.place_of(place).current_occupancy().is_none() && w.place_of(offered).hold.is_none());
    let of =
        w.deadlines().into_iter().filter(|deadline| deadline.ledger == AggregateId::Household(household));
    let kinds: Vec<_> = of.map(|deadline| deadline.kind.id()).collect();
    assert_eq!(kinds, ["erasure-announced"], "only its file is left, for two years");
    let birth = born(&w, "son 3");
    assert_eq!(w.refuses(household, birth).code, "household-empty");
    let file = file(RequestStream::Insertion);
    let asks = CreateRequest { siao: None, file, note: None, at: None };
    assert_eq!(w.refuses(household, asks).code, "household-empty");
    let applies = RegisterApplication { filed_on: None, number: None, renewed_on: None, communes: vec![] };
    assert_eq!(w.refuses(household, applies).code, "household-empty");
}

#[test]
fn the_death_of_a_sole_tenant_ends_the_lease() {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(3);
    w.ranked(dwelling, &candidates);
    let (household, candidacy) = candidates[0];
    w.does(household, AcceptOffer { candidacy });
    let (rent, charges) = (Money::euros(420), Money::euros(60));
    w.does(household, SignLease { candidacy, at: None, from: None, rent, charges, deposit_to_return: false });
    let son = w.person(household, "son");
    let moved = RemoveMember { person: son, reason: code("custody"), main_applicant: None, at: None };
    w.does(household, moved);
    w.pass(5.days());
    let person = w.person(household, "woman");
    let dies = RemoveMember { person, reason: code("death"), main_applicant: None, at: None };
    assert_eq!(w.does(household, dies), ["lease.ended", "place.vacated", "household.member_left"]);
    assert!(w.place_of(dwelling).current_occupancy().is_none());
}
