//! Matching: each hard rule fails when it must and only then, and the order is the one that is written down.

use domain::decide::application::GrantPriority;
use domain::decide::inventory::{ClosePlace, TakeOffline};
use domain::decide::referral::AcceptReferral;
use domain::decide::registration::{AddMember, CorrectIdentity, NoteSafety};
use domain::decide::request::{AssessRequest, QualifyRequest, UpdateRequest};
use domain::decide::vacancy::WithdrawVacancy;
use domain::household::composition::Safety;
use domain::household::priority::LabelSource;
use domain::household::request::{NeedProfile, PriorityClass, Request, RequestStream, ResourceBracket};
use domain::id::{HouseholdId, RequestId};
use domain::matching::{EligibilityRule as Rule, Exclusion, assess, outgrown, proposable, rank, suitable};
use domain::place::PlaceSituation;
use domain::place::inventory::{Criteria, Description, GenderRule};
use domain::structure_kind::StructureKind::{self, Alt, Chrs, EmergencyShelter, SocialResidence};
use jiff::ToSpan;

use crate::scenario::build::{file, qualification};
use crate::scenario::{World, code, day};

/// A household on the waiting list, and a place description it fits.
struct Case {
    w: World,
    household: HouseholdId,
    request: RequestId,
    place: Description,
}

impl Case {
    fn new(people: &str, kind: StructureKind) -> Self {
        let mut w = World::at("2026-03-02T10:00");
        let place = w.place(kind, 4);
        let place = w.place_of(place).description().unwrap().clone();
        let household = w.household(people);
        let request = w.qualified(household, &[kind]);
        let case = Self { w, household, request, place };
        assert_eq!(case.first(), None, "{people} fits to begin with");
        case
    }

    fn request(&self) -> &Request {
        &self.w.household_of(self.household).requests[&self.request]
    }

    /// The first rule that says no.
    fn first(&self) -> Option<Rule> {
        let household = self.w.household_of(self.household);
        assess(household, self.request(), &self.place, self.w.today()).map(|verdict| verdict.rule)
    }

    fn needs(mut self, say: impl FnOnce(&mut NeedProfile)) -> Self {
        let mut need = self.request().file.need.stated();
        say(&mut need);
        let (request, autonomy, support) = (self.request, 3, 3);
        let assess = AssessRequest { request, need, autonomy, support, narrative: None, at: None };
        self.w.does(self.household, assess);
        self
    }

    fn place(mut self, say: impl FnOnce(&mut Description)) -> Self {
        say(&mut self.place);
        self
    }

    fn criteria(self, say: impl FnOnce(&mut Criteria)) -> Self {
        self.place(|place| say(&mut place.criteria))
    }

    fn wishes(mut self, areas: &[&str]) -> Self {
        let mut changed = file(RequestStream::Insertion);
        changed.recommended = [StructureKind::Chrs].into();
        changed.wishes = areas.iter().map(|area| code(area)).collect();
        self.w.does(self.household, UpdateRequest { request: self.request, file: Some(changed) });
        self
    }

    fn avoids(mut self, areas: &[&str]) -> Self {
        let exclusion_zones = areas.iter().map(|area| code(area)).collect();
        self.w.does(self.household, NoteSafety { safety: Safety { exclusion_zones, note: None } });
        self
    }

    fn residence(mut self, right: &str) -> Self {
        let mut members = self.w.members("woman 32, son 4");
        for member in &mut members {
            member.residence = Some(code(right));
        }
        self.household = self.w.registers(members);
        self.request = self.w.qualified(self.household, &[self.place.kind]);
        self
    }

    #[track_caller]
    fn fails(self, rule: Rule) {
        assert_eq!(self.first(), Some(rule));
    }

    #[track_caller]
    fn passes(self) {
        assert_eq!(self.first(), None);
    }
}

fn family() -> Case {
    Case::new("woman 32, husband 34, son 4", Chrs)
}

#[test]
fn the_request_is_on_the_waiting_list_and_up_to_date() {
    let mut stale = family();
    stale.w.outage_until("2026-05-30T10:00");
    let request = stale.request;
    stale.w.does(stale.household, UpdateRequest { request, file: None });
    stale.w.until("2026-08-20T10:00");
    stale.w.does(stale.household, QualifyRequest { request, qualification: qualification(&[Chrs]) });
    stale.w.until("2026-11-10T10:00");
    stale.w.does(stale.household, QualifyRequest { request, qualification: qualification(&[Chrs]) });
    stale.w.until("2026-12-02T10:00");
    stale.fails(Rule::RequestReady);
    let mut submitted = family();
    submitted.household = submitted.w.household("man 40");
    submitted.request = submitted.w.request(submitted.household);
    submitted.fails(Rule::RequestReady);
}

#[test]
fn every_hard_rule_fails_when_it_must_and_only_then() {
    family().place(|p| p.kind = SocialResidence).fails(Rule::KindQualified);

    family().place(|p| p.capacity = 2).fails(Rule::Capacity);
    family().place(|p| p.capacity = 3).passes();
    family().criteria(|c| c.persons_min = 4).fails(Rule::PersonsMin);
    family().criteria(|c| c.persons_min = 3).passes();

    family().criteria(|c| c.gender = GenderRule::WomenOnly).fails(Rule::Gender);
    family().criteria(|c| c.gender = GenderRule::MenOnly).fails(Rule::Gender);
    Case::new("woman 32, son 4", Chrs).criteria(|c| c.gender = GenderRule::WomenOnly).passes();
    family().criteria(|c| c.couples = false).fails(Rule::Couple);
    Case::new("woman 32, sister 30", Chrs).criteria(|c| c.couples = false).passes();
    family().criteria(|c| c.children = false).fails(Rule::Children);
    Case::new("woman 32, husband 34", Chrs).criteria(|c| c.children = false).passes();
    family().criteria(|c| c.age_min = Some(33)).fails(Rule::Age);
    family().criteria(|c| c.age_max = Some(33)).fails(Rule::Age);
    family().criteria(|c| (c.age_min, c.age_max) = (Some(32), Some(34))).passes();

    family().needs(|n| n.wheelchair = true).fails(Rule::Wheelchair);
    family().needs(|n| n.wheelchair = true).criteria(|c| c.wheelchair = true).passes();
    family().needs(|n| n.step_free = true).fails(Rule::StepFree);
    family().needs(|n| n.step_free = true).criteria(|c| c.step_free = true).passes();
    let two = |n: &mut NeedProfile| n.animals = [code("dog"), code("cat")].into();
    family().needs(two).criteria(|c| c.animals = [code("cat")].into()).fails(Rule::Animals);
    family().needs(two).criteria(|c| c.animals = [code("dog"), code("cat")].into()).passes();

    family().needs(|n| n.violence_dedicated = true).fails(Rule::Violence);
    family().criteria(|c| c.violence_dedicated = true).fails(Rule::Violence);
    family().needs(|n| n.violence_dedicated = true).criteria(|c| c.violence_dedicated = true).passes();
    family().needs(|n| n.justice_measure = true).criteria(|c| c.justice = false).fails(Rule::Justice);
    family().needs(|n| n.justice_measure = true).passes();

    let least = |c: &mut Criteria| c.resources_min = Some(ResourceBracket::From1200);
    family().criteria(least).fails(Rule::Resources);
    family().needs(|n| n.resources = None).criteria(least).fails(Rule::Resources);
    family().needs(|n| n.resources = Some(ResourceBracket::From1200)).criteria(least).passes();
    family().needs(|n| n.resources = None).passes();
}

#[test]
fn the_household_lives_where_it_wishes_and_never_where_it_must_not() {
    family().wishes(&["commune:33009", "departement:24"]).fails(Rule::Territory);
    family().wishes(&["commune:33009", "epci:243300316"]).passes();
    family().wishes(&[]).passes();
    family().wishes(&[]).place(|p| p.commune = code("24322")).fails(Rule::Territory);

    family().avoids(&["commune:33063"]).fails(Rule::ExclusionZone);
    family().avoids(&["epci:243300316"]).fails(Rule::ExclusionZone);
    family().avoids(&["commune:33009"]).passes();
    family().avoids(&["commune:33063"]).avoids(&[]).passes();
}

#[test]
fn what_cannot_be_read_here_excludes_every_place() {
    let mut case = family().avoids(&["commune:33009"]);
    case.w.seal(case.household);
    let household = case.w.household_of(case.household);
    let today = case.w.today();
    let verdict = assess(household, case.request(), &case.place, today).unwrap();
    assert_eq!((verdict.rule, verdict.since), (Rule::Violence, None), "nor is it said since when");
    let verdict = outgrown(household, case.request(), None, &case.place, today).unwrap();
    assert_eq!((verdict.rule, verdict.since), (Rule::ExclusionZone, None), "nor is it said since when");
    let mut case = family();
    case.w.seal(case.household);
    let household = case.w.household_of(case.household);
    assert_eq!(outgrown(household, case.request(), None, &case.place, today), None, "no zone was noted");
    case.fails(Rule::Violence);
}

/// Two sealed values cannot be compared: the decision that records one says since when it has been so.
#[test]
fn a_sealed_need_keeps_its_date_while_it_is_confirmed() {
    let since = |case: &Case| {
        let is = case.w.household_of(case.household);
        assess(is, case.request(), &case.place, case.w.today()).unwrap().since.unwrap()
    };
    let mut case = family().needs(|n| n.justice_measure = true).criteria(|c| c.justice = false);
    case.w.until("2026-03-05T10:00");
    let mut case = case.needs(|n| n.wheelchair = true).criteria(|c| c.wheelchair = true);
    assert_eq!(since(&case), day("2026-03-02"), "another need is no fact of it");
    case.w.until("2026-03-07T10:00");
    let mut case = case.needs(|n| n.violence_dedicated = true);
    assert_eq!(since(&case), day("2026-03-07"));
    case.w.until("2026-03-09T10:00");
    let case = case.needs(|n| n.violence_dedicated = false);
    assert_eq!(since(&case), day("2026-03-02"), "a measure that was never lifted");
    let case = case.criteria(|c| (c.justice, c.violence_dedicated) = (true, true));
    assert_eq!(since(&case), day("2026-03-09"), "the place is for those who need one");
    let mut case = family().criteria(|c| c.resources_min = Some(ResourceBracket::From1800));
    case.w.until("2026-03-11T10:00");
    let case = case.wishes(&["commune:33063"]).needs(|n| n.resources = Some(ResourceBracket::From600));
    assert_eq!(since(&case), day("2026-03-02"), "the file was written again, the resources are the same");
}

#[test]
fn regular_stay_is_asked_for_where_the_law_says_so_and_nowhere_else() {
    for right in ["irregular", "asylum_seeker", "not_stated"] {
        Case::new("woman 32, son 4", Alt).residence(right).fails(Rule::RegularStay);
        for kind in [EmergencyShelter, Chrs, SocialResidence] {
            Case::new("woman 32, son 4", kind).residence(right).passes();
        }
    }
    for right in ["french", "eu", "resident_card", "temporary_card"] {
        Case::new("woman 32, son 4", Alt).residence(right).passes();
    }
}

#[test]
fn the_order_is_danger_then_dalo_then_class_then_fit_then_seniority() {
    let mut w = World::at("2026-03-02T10:00");
    let place = w.place(Chrs, 3);
    let description = w.place_of(place).description().unwrap().clone();
    let mut waits = |people: &str, class: u8, danger: bool, dalo: bool| {
        w.pass(1.day());
        let household = w.household(people);
        let request = w.request(household);
        let mut qualification = qualification(&[Chrs]);
        qualification.priority_class = PriorityClass::try_from(class).unwrap();
        qualification.imminent_danger = danger;
        w.does(household, QualifyRequest { request, qualification });
        if dalo {
            let source = LabelSource::MediationBoard;
            w.does(
                household,
                GrantPriority { ground: code("dalo"), source, decided_on: None, document: None },
            );
        }
        request
    };
    let single_third = waits("man 40", 3, false, false);
    let family_third = waits("man 40, brother 30, sister 20", 3, false, false);
    let younger_family = waits("man 40, brother 30, sister 20", 3, false, false);
    let first_class = waits("man 40", 1, false, false);
    let dalo = waits("man 40", 5, false, true);
    let danger = waits("man 40", 5, true, false);
    let too_many = waits("man 40, brother 1, brother 2, brother 3", 1, true, true);

    let households = || {
        w.ledgers.iter().filter_map(|(id, state)| match (id, state) {
            (domain::ledger::AggregateId::Household(id), domain::ledger::State::Household(is)) => {
                Some((*id, &**is))
            }
            _ => None,
        })
    };
    let ranking = rank(place, &description, households(), w.today());
    let order: Vec<_> = ranking.ranked.iter().map(|ranked| ranked.key.request).collect();
    assert_eq!(order, [danger, dalo, first_class, family_third, younger_family, single_third]);
    assert_eq!(ranking.excluded.len(), 1);
    assert_eq!((ranking.excluded[0].request, ranking.excluded[0].verdict.rule), (too_many, Rule::Capacity));
    let standing = ranking.standing(first_class).unwrap();
    assert_eq!((standing.rank, standing.of, standing.digest), (3, 6, ranking.digest));
    assert_eq!(ranking.standing(too_many), None);
}

#[test]
fn the_places_for_a_request_come_best_fit_first_and_the_others_say_why() {
    let mut w = World::at("2026-03-02T10:00");
    let (large, small) = (w.vacancy(Chrs, 4), w.vacancy(Chrs, 2));
    let (tight, other_kind, undeclared) = (w.vacancy(Chrs, 1), w.vacancy(Alt, 2), w.place(Chrs, 2));
    let household = w.household("woman 32, son 4");
    let request = w.qualified(household, &[Chrs]);
    let places: Vec<_> = [large, small, tight, other_kind, undeclared].map(|id| (id, w.place_of(id))).into();
    let is = w.household_of(household);
    let (fitting, others) = suitable(is, request, &is.requests[&request], places, w.now, w.today());
    assert_eq!(fitting, [small, large]);
    assert_eq!(others.len(), 3);
    let text = |id| serde_json::to_string(&others[id]).unwrap();
    assert!(text(&tight).contains("capacity") && text(&other_kind).contains("kind-qualified"));
    assert!(text(&undeclared).contains("undeclared"));
}

#[test]
fn each_answer_says_since_when_its_fact_is_so_on_the_local_day() {
    let since = |case: &Case, rule| {
        let is = case.w.household_of(case.household);
        let verdict = assess(is, case.request(), &case.place, case.w.today()).unwrap();
        assert_eq!(verdict.rule, rule);
        verdict.since.unwrap()
    };
    // Just after midnight in Gironde it is still the day before by universal time.
    let mut case = family();
    let household = case.household;
    case.w.until("2026-04-10T00:30");
    let mut joins = case.w.members("woman 32, sister 19");
    let sister = joins.remove(1);
    let reason = code("reunification");
    case.w.does(household, AddMember { member: sister, reason, at: None, duplicate_reviewed: None });
    let mut small = case.place(|p| p.capacity = 3);
    assert_eq!(since(&small, Rule::Capacity), day("2026-04-10"));
    small.place.capacity = 4;
    small.place.criteria.children = false;
    assert_eq!(since(&small, Rule::Children), day("2026-03-02"), "the child was there before");

    small.w.until("2026-04-20T10:00");
    let mut main = small.w.members("woman 32").remove(0);
    main.identity.phone = Some("0556000001".to_owned());
    let person = small.w.person(household, "woman");
    small.w.does(household, CorrectIdentity { person, member: main, duplicate_reviewed: None });
    assert_eq!(since(&small, Rule::Children), day("2026-03-02"), "a telephone number is no fact of it");

    let case = family().needs(|n| n.step_free = true);
    assert_eq!(since(&case, Rule::StepFree), day("2026-03-02"));
    let mut case = case;
    case.w.until("2026-03-05T10:00");
    let case = case.needs(|n| (n.step_free, n.wheelchair) = (true, true));
    assert_eq!(since(&case, Rule::Wheelchair), day("2026-03-05"));
    assert_eq!(since(&case.criteria(|c| c.wheelchair = true), Rule::StepFree), day("2026-03-02"));

    let mut case = family();
    case.w.until("2026-03-07T10:00");
    let qualification = qualification(&[SocialResidence]);
    case.w.does(case.household, QualifyRequest { request: case.request, qualification });
    assert_eq!(since(&case, Rule::KindQualified), day("2026-03-07"));
    case.w.until("2026-12-02T10:00");
    let stale = case.request().dates.since(domain::household::dated::Dated::Situation).unwrap();
    let on = domain::calendar::Day(domain::calendar::day(crate::scenario::gironde(), stale));
    assert_eq!(since(&case, Rule::RequestReady), on);

    let mut case = family();
    case.w.until("2026-03-09T10:00");
    let case = case.avoids(&["commune:33063"]);
    assert_eq!(since(&case, Rule::ExclusionZone), day("2026-03-09"));

    // She turned 33 last year, in the month before the last.
    let mut case = family().criteria(|c| c.age_max = Some(34));
    case.w.until("2027-02-10T10:00");
    assert_eq!(since(&case, Rule::RequestReady).0.year(), 2026);
    let is = case.w.household_of(case.household);
    let request = {
        let mut request = case.request().clone();
        let qualified = crate::scenario::build::qualification(&[Chrs]);
        request.situation = domain::household::request::RequestSituation::Qualified(qualified);
        request
    };
    let verdict = assess(is, &request, &case.place, case.w.today()).unwrap();
    assert_eq!((verdict.rule, verdict.fact.as_str()), (Rule::Age, "35 ans"));
    assert_eq!(verdict.since, Some(day("2027-01-31")), "the day he was 35 for sure");
}

#[test]
fn a_place_that_is_not_on_offer_says_why_and_since_when() {
    let mut w = World::at("2026-03-02T10:00");
    let [closed, offline, held, undeclared, occupied] = [0; 5].map(|_| w.vacancy(Chrs, 2));
    let household = w.household("woman 32, son 4");
    let request = w.qualified(household, &[Chrs]);
    let other = w.household("man 40");
    let others = w.qualified(other, &[Chrs]);
    w.until("2026-03-04T00:30");
    w.referred(other, others, held);
    let lodger = w.household("man 50");
    w.staying_directly(lodger, occupied);
    w.does(closed, WithdrawVacancy { reason: code("works") });
    w.does(closed, ClosePlace { from: day("2026-03-04") });
    w.does(offline, TakeOffline { reason: code("works"), from: None, until: None });
    w.does(undeclared, WithdrawVacancy { reason: code("works") });
    w.until("2026-03-06T10:00");
    let places: Vec<_> = [closed, offline, held, undeclared, occupied].map(|id| (id, w.place_of(id))).into();
    let is = w.household_of(household);
    let (fitting, others) = suitable(is, request, &is.requests[&request], places, w.now, w.today());
    assert!(fitting.is_empty());
    for (place, expected) in [
        (closed, PlaceSituation::Closed),
        (offline, PlaceSituation::Offline),
        (held, PlaceSituation::Held),
        (undeclared, PlaceSituation::Undeclared),
        (occupied, PlaceSituation::Occupied),
    ] {
        let Exclusion::Unavailable { situation, fact, since } = &others[&place] else { panic!() };
        assert_eq!((*situation, *since), (expected, Some(day("2026-03-04"))), "{fact}");
    }
}

#[test]
fn what_is_ranked_can_be_proposed_and_who_is_expected_elsewhere_is_not_ranked() {
    let mut w = World::at("2026-03-02T10:00");
    let places: Vec<_> = (0..8).map(|_| w.vacancy(Chrs, 2)).collect();
    let household = w.household("woman 32, son 4");
    let request = w.qualified(household, &[Chrs]);
    let found = |w: &World, place| {
        let is = w.household_of(household);
        let description = w.place_of(place).description().unwrap().clone();
        proposable(is, request, &is.requests[&request], &description, w.today()).map(|verdict| verdict.rule)
    };
    let mut last = None;
    for place in &places[..6] {
        assert_eq!(found(&w, *place), None);
        last = Some(w.referred(household, request, *place));
    }
    assert_eq!(found(&w, places[6]), Some(Rule::Available));
    assert_eq!(w.refuses(household, World::proposal(request, places[6])).code, "referrals-count");
    let referral = last.unwrap();
    w.does(household, AcceptReferral { referral, arrival: None });
    assert_eq!(found(&w, places[6]), Some(Rule::Available));
    assert_eq!(w.refuses(household, World::proposal(request, places[6])).code, "already-accepted");
    let is = w.household_of(household);
    let description = w.place_of(places[6]).description().unwrap();
    let ranking = rank(places[6], description, [(household, is)], w.today());
    assert!(ranking.ranked.is_empty());
    assert_eq!(ranking.excluded[0].verdict.since, Some(day("2026-03-02")));
    assert_eq!(
        assess(is, &is.requests[&request], description, w.today()),
        None,
        "it is eligible all the same"
    );
}
