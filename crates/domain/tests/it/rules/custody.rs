//! Children in shared custody, and children to be born: counted where a place is looked for.

use domain::decide::custody::{EndSharedCustody, ShareCustody};
use domain::decide::family::{Keeper, Merge, Split};
use domain::decide::referral::ProposeReferral;
use domain::decide::registration::DeclarePregnancy;
use domain::decide::stay::AdmitDirectly;
use domain::household::composition::Expected;
use domain::id::{HouseholdId, PersonId};
use domain::reference::MemberLink;
use domain::structure_kind::StructureKind::{Chrs, EmergencyShelter};
use jiff::ToSpan;

use crate::scenario::{World, day};

/// A couple that separates; the child stays with the mother, and the father's household.
fn separated(w: &mut World) -> (HouseholdId, HouseholdId, PersonId) {
    let mother = w.household("woman 32, husband 34, son 3");
    let (husband, son) = (w.person(mother, "husband"), w.person(mother, "son"));
    let father = HouseholdId::created_by(mother.territory(), w.upcoming());
    let split = Split {
        persons: [husband].into(),
        main_applicant: husband,
        remaining_main_applicant: None,
        application: Keeper::Remaining,
        at: None,
    };
    w.does(mother, split);
    (mother, father, son)
}

fn share(of: HouseholdId, person: PersonId) -> ShareCustody {
    ShareCustody { of, person, at: None }
}

fn fits(w: &World, household: HouseholdId, proposal: ProposeReferral) -> bool {
    let mut tried = w.clone();
    let command = domain::decide::HouseholdCommand::from(proposal);
    tried.ask(&domain::decide::Addressed::on(command, household)).is_ok()
}

#[test]
fn a_child_in_shared_custody_is_counted_in_both_searches_and_belongs_to_one_stay() {
    let mut w = World::at("2026-03-02T10:00");
    let (mother, father, son) = separated(&mut w);
    let requests = [mother, father].map(|household| w.qualified(household, &[Chrs]));
    let (one, two) = (w.vacancy(Chrs, 1), w.vacancy(Chrs, 2));
    assert!(fits(&w, father, World::proposal(requests[1], one)));
    assert_eq!(w.does(father, share(mother, son)), ["household.custody_shared"]);
    for (household, request) in [mother, father].into_iter().zip(requests) {
        assert!(!fits(&w, household, World::proposal(request, one)), "two persons for one place");
        assert!(fits(&w, household, World::proposal(request, two)));
    }
    let is = w.household_of(father);
    assert!(!is.composition.members.contains_key(&son), "he belongs to his mother's household");
    assert_eq!(is.composition.typology(w.today()), "10", "a man alone, who has his son half of the time");

    let shelter = w.place(EmergencyShelter, 3);
    let both = AdmitDirectly {
        place: shelter,
        at: None,
        persons: Some([w.person(father, "husband"), son].into()),
        planned_end: None,
        leaving: None,
    };
    assert_eq!(w.refuses(father, both).code, "unknown-id", "no stay of his takes the child in");
    w.does(father, EndSharedCustody { person: son, at: None });
    assert!(fits(&w, father, World::proposal(requests[1], one)));
    assert_eq!(w.refuses(father, EndSharedCustody { person: son, at: None }).code, "unknown-id");
}

#[test]
fn only_a_minor_of_another_household_is_shared_and_once() {
    let mut w = World::at("2026-03-02T10:00");
    let (mother, father, son) = separated(&mut w);
    let woman = w.person(mother, "woman");
    assert_eq!(w.refuses(father, share(mother, woman)).code, "not-a-minor");
    assert_eq!(w.refuses(mother, share(mother, son)).code, "already-a-member");
    assert_eq!(w.refuses(father, share(father, son)).code, "unknown-id");
    w.does(father, share(mother, son));
    assert_eq!(w.refuses(father, share(mother, son)).code, "already-counted");

    let mut grown = w.clone();
    grown.outage_until("2041-03-02T10:00");
    assert_eq!(grown.household_of(father).composition.profile(grown.today(), None).shared, 0, "he is 18");

    let husband = w.person(father, "husband");
    let links = [(husband, MemberLink::spouse_or_partner())].into();
    w.does(mother, Merge { from: father, links, at: None });
    let joined = w.household_of(mother).composition.profile(w.today(), None);
    assert_eq!((joined.persons, joined.shared), (3, 0), "together again, he is counted once");
}

#[test]
fn a_certified_pregnancy_counts_where_a_lasting_place_is_looked_for_and_not_tonight() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32");
    let request = w.qualified(household, &[Chrs, EmergencyShelter]);
    let (lasting, tonight) = (w.vacancy(Chrs, 1), w.vacancy(EmergencyShelter, 1));
    let declared = |certified| DeclarePregnancy {
        expected: Some(Expected { due: day("2026-08-01"), children: 1, certified }),
    };
    w.does(household, declared(false));
    assert!(fits(&w, household, World::proposal(request, lasting)), "no certificate yet");
    w.referred(household, request, lasting);
    w.pass(1.day());
    let kinds = w.does(household, declared(true));
    assert_eq!(kinds, ["household.pregnancy_declared", "referral.withdrawn", "place.released"]);
    assert!(!fits(&w, household, World::proposal(request, lasting)));
    assert!(fits(&w, household, World::proposal(request, tonight)));
    assert_eq!(w.household_of(household).composition.typology(w.today()), "20", "a woman alone so far");
}

#[test]
fn a_minor_who_applies_is_judged_by_age_where_the_place_is_for_the_young_and_as_a_minor_elsewhere() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("man 17");
    let request = w.qualified(household, &[Chrs]);
    let mut place = |age_min: Option<u8>| {
        let place = w.place_for(Chrs, 1, |d| {
            d.criteria.children = false;
            (d.criteria.age_min, d.criteria.age_max) = (age_min, Some(25));
        });
        w.does(place, domain::decide::vacancy::DeclareVacancy { available_from: None, good_until: None });
        place
    };
    let (young, adults, unsaid) = (place(Some(16)), place(Some(18)), place(None));
    assert!(fits(&w, household, World::proposal(request, young)), "sixteen to twenty-five");
    assert!(!fits(&w, household, World::proposal(request, adults)));
    assert!(!fits(&w, household, World::proposal(request, unsaid)), "a place for adults");
}
