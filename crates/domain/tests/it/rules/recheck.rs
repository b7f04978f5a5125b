//! What is under way when a household changes: proposals are looked at again, accepted referrals are for people to settle.

use domain::decide::family::{Keeper, Split};
use domain::decide::referral::AcceptReferral;
use domain::decide::registration::{AddMember, CorrectIdentity, NoteSafety};
use domain::household::composition::Safety;
use domain::household::referral::ReferralSituation;
use domain::id::HouseholdId;
use domain::ledger::{AggregateId, State};
use domain::place::PlaceSituation;
use domain::rules::RuleBook;
use domain::structure_kind::StructureKind::EmergencyShelter;
use domain::worklist::{Desk, TaskKind, tasks};

use crate::scenario::{World, code, member};

fn birth(w: &World) -> AddMember {
    AddMember {
        member: member("son 0", false, w.today()),
        reason: code("birth"),
        at: None,
        duplicate_reviewed: None,
    }
}

fn checks(w: &World, household: HouseholdId) -> usize {
    let state = State::Household(Box::new(w.household_of(household).clone()));
    let check = |kind: &TaskKind| matches!(kind, TaskKind::CheckReferral { .. });
    let tasks = tasks(&AggregateId::Household(household), &state, RuleBook::shipped());
    tasks.iter().filter(|task| task.desk == Desk::Siao && check(&task.kind)).count()
}

#[test]
fn a_birth_withdraws_the_proposals_of_places_that_are_too_small_now_and_no_others() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32");
    let request = w.qualified(household, &[EmergencyShelter]);
    let (small, large) = (w.vacancy(EmergencyShelter, 1), w.vacancy(EmergencyShelter, 2));
    let (gone, kept) = (w.referred(household, request, small), w.referred(household, request, large));
    let kinds = w.does(household, birth(&w));
    assert_eq!(kinds, ["household.member_added", "referral.withdrawn", "place.released"]);
    let is = w.household_of(household);
    let reason = code("composition_changed");
    assert_eq!(is.referrals[&gone].situation, ReferralSituation::Withdrawn { reason });
    assert!(is.referrals[&kept].situation.holds() && is.requests[&request].situation.is_open());
    assert_eq!(w.place_of(small).situation(w.now, w.today()), PlaceSituation::Vacant);
}

#[test]
fn a_separation_or_a_zone_withdraws_what_is_proposed_against_it() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32, husband 34");
    let husband = w.person(household, "husband");
    let request = w.qualified(household, &[EmergencyShelter]);
    let place = w.place_for(EmergencyShelter, 2, |d| d.criteria.persons_min = 2);
    let declare = domain::decide::vacancy::DeclareVacancy { available_from: None, good_until: None };
    w.does(place, declare.clone());
    w.referred(household, request, place);
    let split = Split {
        persons: [husband].into(),
        main_applicant: husband,
        remaining_main_applicant: None,
        application: Keeper::Remaining,
        at: None,
    };
    let kinds = w.does(household, split);
    assert_eq!(kinds, ["household.split", "household.separated", "referral.withdrawn", "place.released"]);

    let near = w.vacancy(EmergencyShelter, 1);
    w.referred(household, request, near);
    let safety = Safety { exclusion_zones: vec![code("commune:33063")], note: None };
    let kinds = w.does(household, NoteSafety { safety });
    assert_eq!(kinds, ["household.safety_noted", "referral.withdrawn", "place.released"]);
}

#[test]
fn an_accepted_referral_stays_and_the_siao_is_told_to_check_it() {
    let mut w = World::at("2026-03-02T10:00");
    let household = w.household("woman 32");
    let request = w.qualified(household, &[EmergencyShelter]);
    let place = w.vacancy(EmergencyShelter, 1);
    let referral = w.referred(household, request, place);
    w.does(household, AcceptReferral { referral, arrival: None });
    w.pass(jiff::Span::new().hours(2));
    let woman = w.person(household, "woman");
    let mut corrected = member("woman 32", true, w.today());
    corrected.identity.phone = Some("0556111111".to_owned());
    w.does(household, CorrectIdentity { person: woman, member: corrected, duplicate_reviewed: None });
    assert_eq!(checks(&w, household), 0, "a telephone number changes nothing");
    assert_eq!(w.does(household, birth(&w)), ["household.member_added"]);
    assert!(w.household_of(household).referrals[&referral].situation.holds(), "they are expected");
    assert_eq!(checks(&w, household), 1);
    assert_eq!(w.refuses(household, World::moving_in(referral)).code, "over-capacity");
}
