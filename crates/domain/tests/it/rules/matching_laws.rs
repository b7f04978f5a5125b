//! Laws of matching, over random waiting lists and places: what must hold whatever the inputs.

use domain::decide::referral::ProposeReferral;
use domain::decide::request::QualifyRequest;
use domain::household::Household;
use domain::household::request::PriorityClass;
use domain::id::{HouseholdId, PlaceId, RequestId};
use domain::matching::{Ranking, rank, suitable};
use domain::place::inventory::{Criteria, GenderRule};
use domain::structure_kind::StructureKind::{self, Alt, Chrs, SocialResidence};
use proptest::prelude::*;

use crate::scenario::build::qualification;
use crate::scenario::{World, code};

const KINDS: [StructureKind; 3] = [Chrs, SocialResidence, Alt];

/// A household that waits: who, for what, with which priority.
#[derive(Debug, Clone)]
struct Waits {
    people: &'static str,
    kind: usize,
    class: u8,
    danger: bool,
    dalo: bool,
}

/// A place on offer.
#[derive(Debug, Clone)]
struct Offered {
    kind: usize,
    capacity: u8,
    criteria: Criteria,
}

fn waits() -> impl Strategy<Value = Waits> {
    let people = prop::sample::select(vec![
        "man 40",
        "woman 22",
        "woman 32, son 4",
        "woman 32, husband 34, son 4",
        "man 61, brother 30",
    ]);
    (people, 0..KINDS.len(), 1_u8..6, any::<bool>(), any::<bool>())
        .prop_map(|(people, kind, class, danger, dalo)| Waits { people, kind, class, danger, dalo })
}

fn offered() -> impl Strategy<Value = Offered> {
    let gender = prop::sample::select(vec![GenderRule::Mixed, GenderRule::WomenOnly, GenderRule::MenOnly]);
    let criteria = (gender, any::<bool>(), any::<bool>(), prop::option::of(20_u8..50)).prop_map(
        |(gender, couples, children, age_max)| Criteria {
            gender,
            couples,
            children,
            age_max,
            ..Criteria::default()
        },
    );
    (0..KINDS.len(), 1_u8..5, criteria).prop_map(|(kind, capacity, criteria)| Offered {
        kind,
        capacity,
        criteria,
    })
}

struct Told {
    w: World,
    waiting: Vec<(HouseholdId, RequestId)>,
    places: Vec<PlaceId>,
}

impl Told {
    fn of(waiting: &[Waits], places: &[Offered], right: &str) -> Self {
        let mut w = World::drawn_at("2026-03-02T10:00");
        let open = |w: &mut World, one: &Offered| {
            let place = w.place_for(KINDS[one.kind], one.capacity, |d| d.criteria = one.criteria.clone());
            w.does(place, domain::decide::vacancy::DeclareVacancy { available_from: None, good_until: None });
            place
        };
        let places = places.iter().map(|one| open(&mut w, one)).collect();
        let wait = |w: &mut World, one: &Waits| {
            let mut members = w.members(one.people);
            for member in &mut members {
                member.residence = Some(code(right));
            }
            let household = w.registers(members);
            let request = w.request(household);
            let mut qualification = qualification(&[KINDS[one.kind]]);
            qualification.priority_class = PriorityClass::try_from(one.class).unwrap();
            qualification.imminent_danger = one.danger;
            w.does(household, QualifyRequest { request, qualification });
            if one.dalo {
                w.dalo(household);
            }
            (household, request)
        };
        let waiting = waiting.iter().map(|one| wait(&mut w, one)).collect();
        Self { w, waiting, places }
    }

    fn ranking(&self, place: PlaceId, order: impl Iterator<Item = HouseholdId>) -> Ranking {
        let households = order.map(|id| (id, self.w.household_of(id)));
        rank(place, self.w.place_of(place).description().unwrap(), households, self.w.today())
    }

    fn suitable(&self, is: &Household, request: RequestId, places: &[PlaceId]) -> Vec<PlaceId> {
        let places = places.iter().map(|id| (*id, self.w.place_of(*id)));
        suitable(is, request, &is.requests[&request], places, self.w.now, self.w.today()).0
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_households_and_places_are_read_changes_nothing(
        waiting in prop::collection::vec(waits(), 1..6),
        places in prop::collection::vec(offered(), 1..5),
        turn in 0_usize..6,
    ) {
        let told = Told::of(&waiting, &places, "french");
        let households = || told.waiting.iter().map(|(household, _)| *household);
        for place in &told.places {
            let straight = told.ranking(*place, households());
            prop_assert_eq!(&told.ranking(*place, households().rev()), &straight);
            let turned = households().cycle().skip(turn).take(told.waiting.len());
            prop_assert_eq!(told.ranking(*place, turned), straight);
        }
        let backwards: Vec<_> = told.places.iter().rev().copied().collect();
        for (household, request) in &told.waiting {
            let is = told.w.household_of(*household);
            prop_assert_eq!(told.suitable(is, *request, &told.places), told.suitable(is, *request, &backwards));
        }
    }

    #[test]
    fn one_more_place_takes_no_place_from_anybody(
        waiting in prop::collection::vec(waits(), 1..5),
        places in prop::collection::vec(offered(), 2..6),
    ) {
        let told = Told::of(&waiting, &places, "french");
        for (household, request) in &told.waiting {
            let is = told.w.household_of(*household);
            let all = told.suitable(is, *request, &told.places);
            let mut fewer = told.suitable(is, *request, &told.places[1..]);
            prop_assert!(fewer.iter().all(|place| all.contains(place)));
            fewer.retain(|place| all.contains(place));
            let kept: Vec<_> = all.into_iter().filter(|place| *place != told.places[0]).collect();
            prop_assert_eq!(kept, fewer, "nor does it change the order of the others");
        }
    }

    #[test]
    fn where_somebody_comes_from_changes_nothing_but_where_the_law_asks_for_a_regular_stay(
        waiting in prop::collection::vec(waits(), 1..5),
        places in prop::collection::vec(offered(), 1..5),
    ) {
        let rights = ["french", "eu", "resident_card", "asylum_seeker", "irregular"];
        let all = rights.map(|right| Told::of(&waiting, &places, right));
        for told in &all[1..] {
            for (place, offered) in told.places.iter().zip(&places) {
                if KINDS[offered.kind].regular_stay_required() {
                    continue;
                }
                let list = |told: &Told| told.ranking(*place, told.waiting.iter().map(|(household, _)| *household));
                prop_assert_eq!(list(told), list(&all[0]));
            }
        }
    }

    #[test]
    fn who_is_ranked_can_be_proposed_and_who_is_excluded_cannot(
        waiting in prop::collection::vec(waits(), 1..6),
        places in prop::collection::vec(offered(), 1..5),
        before in prop::collection::vec((0_usize..6, 0_usize..5, any::<bool>()), 0..6),
    ) {
        let mut told = Told::of(&waiting, &places, "french");
        for (who, place, accepted) in before {
            let (household, request) = told.waiting[who % told.waiting.len()];
            let proposal = World::proposal(request, told.places[place % told.places.len()]);
            let command = domain::decide::HouseholdCommand::from(proposal);
            let ruled = told.w.ask(&domain::decide::Addressed::on(command, household));
            if ruled.is_ok() && accepted {
                let referral = domain::id::ReferralId::created_by(told.w.last);
                told.w.does(household, domain::decide::referral::AcceptReferral { referral, arrival: None });
            }
        }
        let vacant = |place: &&PlaceId| {
            told.w.place_of(**place).situation(told.w.now, told.w.today()) == domain::place::PlaceSituation::Vacant
        };
        for place in told.places.iter().filter(vacant) {
            let ranking = told.ranking(*place, told.waiting.iter().map(|(household, _)| *household));
            let ranked = ranking.ranked.iter().map(|one| (one.household, one.key.request, true));
            let excluded = ranking.excluded.iter().map(|one| (one.household, one.request, false));
            for (household, request, can) in ranked.chain(excluded) {
                let deviation = Some(code("other"));
                let proposal = ProposeReferral { persons: None, request, place: *place, deviation, note: None };
                let command = domain::decide::HouseholdCommand::from(proposal);
                let ruled = told.w.rule(&domain::decide::Addressed::on(command, household), told.w.upcoming());
                prop_assert_eq!(ruled.is_ok(), can, "{:?}", ruled);
            }
        }
    }
}
