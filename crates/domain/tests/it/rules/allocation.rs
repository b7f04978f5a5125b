//! The allocation of a social dwelling: candidates, committee (CALEOL), offers rank by rank.

use domain::decide::allocation::{
    AcceptOffer, AssignVacancy, CheckDocuments, ConveneCommittee, DesignateCandidates, Designated,
    MeetCondition, NotifyOffer, RefuseOffer,
};
use domain::decide::application::{CloseApplication, RegisterApplication, WithdrawPriority};
use domain::decide::vacancy::WithdrawVacancy;
use domain::household::application::Deregistration;
use domain::household::candidacy::{CandidacyOutcome, CandidacySituation as Situation};
use domain::household::priority::LabelEnd;
use domain::id::{CandidacyId, HouseholdId, LabelId, PlaceId};
use domain::place::committee::{
    CommitteeDecision as Decision, CommitteeException as Exception, Fingerprint, NotificationMeans,
};
use domain::structure_kind::StructureKind::{Chrs, SocialDwelling};
use jiff::ToSpan;

use crate::scenario::{World, code, day, instant};

type Candidates = Vec<(HouseholdId, CandidacyId)>;

fn situation(w: &World, candidate: (HouseholdId, CandidacyId)) -> Situation {
    w.household_of(candidate.0).candidacies[&candidate.1].situation.clone()
}

fn outcome(w: &World, candidate: (HouseholdId, CandidacyId)) -> CandidacyOutcome {
    match situation(w, candidate) {
        Situation::Closed { outcome } => outcome,
        Situation::Designated
        | Situation::Decided { .. }
        | Situation::Offered { .. }
        | Situation::Accepted
        | Situation::Leased => panic!("the candidacy is not closed"),
    }
}

fn reject() -> Decision {
    Decision::Reject { reason: code("size_mismatch") }
}

fn conditional(by: &str) -> Decision {
    Decision::AwardConditional { document: code("income_proof"), by: day(by) }
}

/// A dwelling whose committee sits on 2 March 2026, and its candidates.
fn convened(candidates: usize) -> (World, PlaceId, Candidates) {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(candidates);
    w.convened(dwelling);
    (w, dwelling, candidates)
}

/// Three candidates whom the committee ranked in their order.
fn ranked() -> (World, PlaceId, Candidates) {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(3);
    w.ranked(dwelling, &candidates);
    (w, dwelling, candidates)
}

#[test]
fn a_committee_examines_three_candidacies_or_says_which_exception_of_the_law_holds() {
    let all = |candidates: &Candidates, exception| {
        let (first, others) = candidates.split_first().unwrap();
        let award = [(first.1, Decision::Award)];
        World::decisions(award.into_iter().chain(others.iter().map(|c| (c.1, reject()))), exception)
    };
    for count in [1, 2] {
        let (mut w, dwelling, candidates) = convened(count);
        for absent in [None, Some(Exception::DaloDesignation), Some(Exception::PlaiAdapte)] {
            let refusal = w.refuses(dwelling, all(&candidates, absent));
            assert_eq!((refusal.code, refusal.rule), ("three-candidates", "INV-6"), "{count} {absent:?}");
        }
        w.does(dwelling, all(&candidates, Some(Exception::InsufficientCandidates)));
    }
    let (mut w, dwelling, candidates) = convened(3);
    w.does(dwelling, all(&candidates, None));

    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.vacancy(SocialDwelling, 2);
    let household = w.household("woman 40");
    w.applies(household);
    w.dalo(household);
    w.does(dwelling, DesignateCandidates { candidates: vec![Designated { household, dalo: true }] });
    let candidacy = CandidacyId::nth_created_by(w.last, 0);
    w.convened(dwelling);
    w.does(dwelling, World::decisions([(candidacy, Decision::Award)], Some(Exception::DaloDesignation)));

    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.place_for(SocialDwelling, 2, |d| d.plai_adapte = true);
    w.does(dwelling, domain::decide::vacancy::DeclareVacancy { available_from: None, good_until: None });
    let household = w.household("woman 40");
    w.applies(household);
    let candidates = w.designates(dwelling, &[household]);
    w.convened(dwelling);
    w.does(dwelling, all(&candidates, Some(Exception::PlaiAdapte)));
}

#[test]
fn the_prefet_designates_under_dalo_only_whom_the_board_has_recognised() {
    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.vacancy(SocialDwelling, 2);
    let (recognised, other) = (w.household("woman 40"), w.household("man 50"));
    let one = |household, dalo| Designated { household, dalo };
    for household in [recognised, other] {
        w.applies(household);
    }
    let claim = DesignateCandidates { candidates: vec![one(recognised, true)] };
    let refusal = w.refuses(dwelling, claim.clone());
    assert_eq!((refusal.code, refusal.rule), ("dalo-label-missing", "CCH L441-2-3"));
    w.dalo(recognised);
    let label = LabelId::created_by(w.last);
    let mut alone = w.clone();
    w.does(dwelling, DesignateCandidates { candidates: vec![one(recognised, true), one(other, false)] });
    let ids = [0, 1].map(|n| CandidacyId::nth_created_by(w.last, n));
    w.convened(dwelling);
    let both = [(ids[0], Decision::Award), (ids[1], reject())];
    let refusal = w.refuses(dwelling, World::decisions(both, Some(Exception::DaloDesignation)));
    assert_eq!(refusal.rule, "INV-6", "another candidate is not excused by it");

    alone.does(dwelling, claim);
    let candidacy = CandidacyId::nth_created_by(alone.last, 0);
    alone.convened(dwelling);
    let decide = World::decisions([(candidacy, Decision::Award)], Some(Exception::DaloDesignation));
    let mut withdrawn = alone.clone();
    withdrawn.does(recognised, WithdrawPriority { label, why: LabelEnd::Error });
    assert_eq!(withdrawn.refuses(dwelling, decide.clone()).rule, "INV-6", "the label is gone");
    alone.does(dwelling, decide);
}

#[test]
fn when_everybody_is_out_another_round_begins_and_the_vacancy_can_expire() {
    let (mut w, dwelling, candidates) = ranked();
    for (household, candidacy) in &candidates {
        w.does(*household, RefuseOffer { candidacy: *candidacy, reason: code("size") });
    }
    let mut forgotten = w.clone();
    assert_eq!(forgotten.until("2026-03-18T08:00"), ["vacancy.expired"]);
    let again = w.designates(dwelling, &[candidates[0].0]);
    assert_eq!(
        w.refuses(dwelling, World::decisions([(again[0].1, Decision::Award)], None)).code,
        "committee-missing"
    );
    w.convened(dwelling);
    let exception = Some(Exception::InsufficientCandidates);
    w.does(dwelling, World::decisions([(again[0].1, Decision::Award)], exception));
    assert!(matches!(situation(&w, again[0]), Situation::Offered { .. }));
    assert_eq!(outcome(&w, candidates[0]), CandidacyOutcome::Refused { reason: code("size") });
}

#[test]
fn a_session_examines_those_who_were_designated_by_its_day_as_they_were_that_day() {
    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.vacancy(SocialDwelling, 4);
    let [late, a, b, expiring] = ["man 50", "man 51", "man 52", "woman 40"].map(|people| w.household(people));
    for household in [late, a, b] {
        w.applies(household);
    }
    let register = RegisterApplication {
        filed_on: Some(day("2025-03-10")),
        number: Some(code("0330325000012AB123")),
        renewed_on: None,
        communes: vec![],
    };
    w.does(expiring, register);
    let candidates = w.designates(dwelling, &[expiring, a, b]);
    w.does(dwelling, ConveneCommittee { on: day("2026-03-09") });
    w.until("2026-03-12T10:00");
    assert_eq!(outcome(&w, candidates[0]), CandidacyOutcome::Deregistered);
    let designate = DesignateCandidates { candidates: vec![Designated { household: late, dalo: false }] };
    assert_eq!(w.refuses(dwelling, designate).code, "session-held");
    let ranks = candidates.iter().zip(1..).map(|(c, rank)| (c.1, Decision::AwardRanked { rank }));
    w.does(dwelling, World::decisions(ranks, None));
    assert_eq!(outcome(&w, candidates[0]), CandidacyOutcome::Deregistered, "decided, and out all the same");
    assert!(matches!(situation(&w, candidates[1]), Situation::Offered { .. }));
}

#[test]
fn the_condition_of_an_award_is_not_over_before_it_is_set() {
    let (mut w, dwelling, candidates) = convened(3);
    w.outage_until("2026-03-10T10:00");
    let decide = |by| {
        let decisions = [conditional(by), reject(), reject()];
        World::decisions(candidates.iter().map(|c| c.1).zip(decisions), None)
    };
    assert_eq!(w.refuses(dwelling, decide("2026-03-09")).code, "date-in-past");
    w.does(dwelling, decide("2026-03-10"));
}

#[test]
fn a_dwelling_is_for_a_household_that_it_can_house_and_whose_stay_is_regular() {
    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.vacancy(SocialDwelling, 2);
    let three = w.household("woman 40, son 9, son 8");
    let mut members = w.members("woman 40");
    members[0].residence = Some(code("not_stated"));
    let unknown = w.registers(members);
    for (household, rule) in [(three, "capacity"), (unknown, "regular-stay")] {
        w.applies(household);
        let designate = DesignateCandidates { candidates: vec![Designated { household, dalo: false }] };
        let refusal = w.refuses(dwelling, designate);
        assert_eq!((refusal.code, refusal.rule), ("not-eligible", rule));
    }
}

#[test]
fn each_candidacy_receives_exactly_one_decision() {
    let (mut w, dwelling, candidates) = convened(3);
    let [a, b, c] = [candidates[0].1, candidates[1].1, candidates[2].1];
    let stranger = CandidacyId(uuid::Uuid::from_u128(9));
    for decisions in [
        vec![(a, Decision::Award), (b, reject())],
        vec![(a, Decision::Award), (b, reject()), (b, reject())],
        vec![(a, Decision::Award), (b, reject()), (c, reject()), (c, reject())],
        vec![(a, Decision::Award), (b, reject()), (stranger, reject())],
    ] {
        let refusal = w.refuses(dwelling, World::decisions(decisions, None));
        assert_eq!((refusal.code, refusal.rule), ("one-decision-each", "INV-7"));
    }
}

#[test]
fn a_dwelling_is_awarded_once_and_ranks_have_no_gap() {
    let (mut w, dwelling, candidates) = convened(3);
    let rank = |rank| Decision::AwardRanked { rank };
    for (decisions, code) in [
        ([Decision::Award, Decision::Award, reject()], "one-award"),
        ([Decision::Award, conditional("2026-04-01"), reject()], "one-award"),
        ([rank(1), rank(1), reject()], "ranks"),
        ([rank(1), rank(3), reject()], "ranks"),
        ([rank(2), rank(3), reject()], "ranks"),
        ([rank(0), rank(1), reject()], "ranks"),
    ] {
        let decisions = candidates.iter().map(|c| c.1).zip(decisions.clone());
        let refusal = w.refuses(dwelling, World::decisions(decisions, None));
        assert_eq!((refusal.code, refusal.rule), (code, "INV-7"));
    }
    let decisions = candidates.iter().map(|c| c.1).zip([rank(2), Decision::Award, rank(1)]);
    w.does(dwelling, World::decisions(decisions, None));
    assert!(
        matches!(situation(&w, candidates[1]), Situation::Offered { .. }),
        "the award comes before ranks"
    );
}

#[test]
fn what_is_not_awarded_is_closed_with_its_reason_and_what_is_first_is_offered_for_ten_days() {
    let (mut w, dwelling, candidates) = convened(4);
    let inadmissible = Decision::Inadmissible { reason: code("resources_above_ceiling") };
    let decisions =
        [Decision::AwardRanked { rank: 1 }, Decision::AwardRanked { rank: 2 }, reject(), inadmissible];
    let kinds = w.does(dwelling, World::decisions(candidates.iter().map(|c| c.1).zip(decisions), None));
    assert_eq!(kinds.iter().filter(|kind| **kind == "candidacy.decided").count(), 4);
    assert_eq!(kinds.iter().filter(|kind| **kind == "candidacy.closed").count(), 2);
    assert_eq!(kinds[kinds.len() - 2..], ["offer.made", "candidacy.offered"]);
    assert_eq!(
        situation(&w, candidates[0]),
        Situation::Offered { answer_by: instant("2026-03-12T23:59:59") }
    );
    assert!(matches!(situation(&w, candidates[1]), Situation::Decided { .. }));
    assert_eq!(outcome(&w, candidates[2]), CandidacyOutcome::NotAwarded);
    let decided = w.last_of("committee.decided").fact.body();
    assert_eq!(decided["decisions"][3]["reason"], "resources_above_ceiling");
    let early = w.refuses(candidates[1].0, AcceptOffer { candidacy: candidates[1].1 });
    assert_eq!(early.code, "not-offered");
}

#[test]
fn ten_days_of_silence_are_a_refusal_and_the_next_rank_is_offered() {
    let (mut w, dwelling, candidates) = ranked();
    w.until("2026-03-12T23:59:59");
    assert!(matches!(situation(&w, candidates[0]), Situation::Offered { .. }));
    let kinds = w.until("2026-03-13T08:00");
    assert_eq!(kinds, ["candidate.closed", "candidacy.closed", "offer.made", "candidacy.offered"]);
    assert_eq!(outcome(&w, candidates[0]), CandidacyOutcome::Lapsed);
    assert_eq!(w.last_of("candidacy.closed").stamp.effective, instant("2026-03-12T23:59:59"));
    let next = Situation::Offered { answer_by: instant("2026-03-23T23:59:59") };
    assert_eq!(situation(&w, candidates[1]), next);
    w.until("2026-04-10T08:00");
    assert_eq!(outcome(&w, candidates[2]), CandidacyOutcome::Lapsed, "rank after rank, until nobody waits");
    assert!(w.place_of(dwelling).vacancy.as_ref().unwrap().allocation.at_stake().is_none());
}

#[test]
fn the_ten_days_run_from_the_day_the_offer_was_received_and_never_become_fewer() {
    let (mut w, dwelling, candidates) = ranked();
    let (first, second) = (candidates[0], candidates[1]);
    let notify = |received: &str, proof: Option<&str>| NotifyOffer {
        candidacy: first.1,
        received: day(received),
        means: NotificationMeans::RegisteredLetter,
        proof: proof.map(|proof| proof.parse().unwrap()),
    };
    w.until("2026-03-05T09:00");
    assert_eq!(w.refuses(dwelling, notify("2026-03-06", None)).code, "received-later");
    for wrong in ["", "5e", &"5E".repeat(32), &"g".repeat(64)] {
        assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
    }
    let not_yet = NotifyOffer { candidacy: second.1, ..notify("2026-03-05", None) };
    assert_eq!(w.refuses(dwelling, not_yet).code, "not-offered");
    let proof = "5e".repeat(32);
    let kinds = w.does(dwelling, notify("2026-03-05", Some(&proof)));
    assert_eq!(kinds, ["offer.notified", "candidacy.notified"]);
    let until = |at| Situation::Offered { answer_by: instant(at) };
    assert_eq!(situation(&w, first), until("2026-03-15T23:59:59"));
    assert_eq!(w.last_of("offer.notified").fact.body()["proof"], proof);
    // Another acknowledgement tells of an earlier day: nobody loses days that were promised.
    w.does(dwelling, notify("2026-03-03", None));
    assert_eq!(situation(&w, first), until("2026-03-15T23:59:59"));
    w.until("2026-03-15T23:59:59");
    assert_eq!(situation(&w, first), until("2026-03-15T23:59:59"));
    let kinds = w.until("2026-03-16T08:00");
    assert_eq!(kinds, ["candidate.closed", "candidacy.closed", "offer.made", "candidacy.offered"]);
    assert_eq!(w.last_of("candidacy.closed").stamp.effective, instant("2026-03-15T23:59:59"));
    assert_eq!(w.refuses(dwelling, notify("2026-03-15", None)).code, "offer-closed");
}

#[test]
fn an_outage_of_the_clock_never_shortens_the_ten_days_of_the_next_rank() {
    let (mut w, _, candidates) = ranked();
    w.outage_until("2026-03-20T15:00");
    let late = w.refuses(candidates[0].0, AcceptOffer { candidacy: candidates[0].1 });
    assert_eq!((late.code, late.since), ("offer-lapsed", Some(instant("2026-03-12T23:59:59"))));
    let reason = code("size");
    assert_eq!(
        w.refuses(candidates[0].0, RefuseOffer { candidacy: candidates[0].1, reason }).code,
        "offer-lapsed"
    );
    w.until("2026-03-20T15:01");
    let next = Situation::Offered { answer_by: instant("2026-03-30T23:59:59") };
    assert_eq!(situation(&w, candidates[1]), next);
}

#[test]
fn a_refusal_offers_the_next_rank_at_once_even_after_an_acceptance() {
    let (mut w, _, candidates) = ranked();
    let (first, second) = (candidates[0], candidates[1]);
    w.does(first.0, AcceptOffer { candidacy: first.1 });
    assert_eq!(situation(&w, first), Situation::Accepted);
    assert_eq!(w.refuses(first.0, AcceptOffer { candidacy: first.1 }).code, "offer-already-answered");
    w.pass(20.days());
    assert_eq!(situation(&w, first), Situation::Accepted, "an acceptance does not lapse");
    let kinds = w.does(first.0, RefuseOffer { candidacy: first.1, reason: code("district") });
    assert_eq!(kinds, ["candidate.closed", "candidacy.closed", "offer.made", "candidacy.offered"]);
    assert_eq!(outcome(&w, first), CandidacyOutcome::Refused { reason: code("district") });
    assert!(matches!(situation(&w, second), Situation::Offered { .. }));
    assert_eq!(w.refuses(first.0, AcceptOffer { candidacy: first.1 }).code, "offer-closed");
}

#[test]
fn a_conditional_award_lapses_when_its_document_does_not_come() {
    let decide = |w: &mut World, dwelling, candidates: &Candidates| {
        let decisions = [conditional("2026-04-01"), Decision::AwardRanked { rank: 1 }, reject()];
        w.does(dwelling, World::decisions(candidates.iter().map(|c| c.1).zip(decisions), None));
    };
    let (mut w, dwelling, candidates) = convened(3);
    decide(&mut w, dwelling, &candidates);
    let first = candidates[0];
    w.does(first.0, AcceptOffer { candidacy: first.1 });
    let mut met = w.clone();
    let kinds = w.until("2026-04-02T08:00");
    assert_eq!(kinds, ["candidate.closed", "candidacy.closed", "offer.made", "candidacy.offered"]);
    assert_eq!(outcome(&w, first), CandidacyOutcome::ConditionLapsed);
    assert!(matches!(situation(&w, candidates[1]), Situation::Offered { .. }));
    assert_eq!(w.refuses(dwelling, MeetCondition { candidacy: first.1 }).code, "no-condition");

    met.until("2026-04-01T20:00");
    assert_eq!(met.refuses(dwelling, MeetCondition { candidacy: candidates[1].1 }).code, "no-condition");
    met.does(dwelling, MeetCondition { candidacy: first.1 });
    assert_eq!(met.until("2026-04-30T08:00"), [""; 0]);
    assert_eq!(situation(&met, first), Situation::Accepted);
}

#[test]
fn nobody_is_a_candidate_or_examined_without_a_valid_number() {
    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.vacancy(SocialDwelling, 2);
    let household = w.household("woman 40");
    let designate = DesignateCandidates { candidates: vec![Designated { household, dalo: false }] };
    assert_eq!(w.refuses(dwelling, designate.clone()).code, "no-valid-number", "no application");
    w.does(
        household,
        RegisterApplication { filed_on: None, number: None, renewed_on: None, communes: vec![] },
    );
    assert_eq!(w.refuses(dwelling, designate.clone()).rule, "INV-5", "not numbered yet");

    let expiring = w.household("woman 41");
    w.does(
        expiring,
        RegisterApplication {
            filed_on: Some(day("2025-03-10")),
            number: Some(code("0330325000012AB123")),
            renewed_on: None,
            communes: vec![],
        },
    );
    let others: Vec<_> = (0..2)
        .map(|_| {
            let household = w.household("man 50");
            w.applies(household);
            household
        })
        .collect();
    let candidates = w.designates(dwelling, &[expiring, others[0], others[1]]);
    w.does(dwelling, ConveneCommittee { on: day("2026-03-12") });
    let decisions = || candidates.iter().zip(1..).map(|(c, rank)| (c.1, Decision::AwardRanked { rank }));
    w.outage_until("2026-03-12T10:00");
    assert_eq!(w.refuses(dwelling, World::decisions(decisions(), None)).code, "no-valid-number");
    let kinds = w.until("2026-03-12T10:01");
    assert!(kinds.contains(&"housing_application.expired"), "{kinds:?}");
    assert_eq!(outcome(&w, candidates[0]), CandidacyOutcome::Deregistered);
    let left = World::decisions(
        candidates[1..].iter().zip(1..).map(|(c, rank)| (c.1, Decision::AwardRanked { rank })),
        Some(Exception::InsufficientCandidates),
    );
    w.does(dwelling, left);
}

#[test]
fn a_committee_decides_once_on_its_day_and_not_before() {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(3);
    let ranks = || candidates.iter().zip(1..).map(|(c, rank)| (c.1, Decision::AwardRanked { rank }));
    let decide = || World::decisions(ranks(), None);
    assert_eq!(w.refuses(dwelling, decide()).code, "committee-missing");
    assert_eq!(w.refuses(dwelling, ConveneCommittee { on: day("2026-03-01") }).code, "date-in-past");
    w.does(dwelling, ConveneCommittee { on: day("2026-03-09") });
    assert_eq!(w.refuses(dwelling, decide()).code, "committee-not-held");
    w.until("2026-03-09T09:00");
    w.does(dwelling, decide());
    assert_eq!(w.refuses(dwelling, decide()).code, "committee-decided");
    assert_eq!(w.refuses(dwelling, ConveneCommittee { on: day("2026-03-16") }).code, "committee-decided");
    let household = w.household("man 50");
    w.applies(household);
    let late = DesignateCandidates { candidates: vec![Designated { household, dalo: false }] };
    assert_eq!(w.refuses(dwelling, late).code, "committee-decided");
}

#[test]
fn candidates_are_designated_once_each_on_a_dwelling_that_is_on_offer() {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(1);
    let household = candidates[0].0;
    let one = || Designated { household, dalo: false };
    let again = DesignateCandidates { candidates: vec![one()] };
    assert_eq!(w.refuses(dwelling, again.clone()).code, "already-candidate");
    assert_eq!(w.refuses(dwelling, DesignateCandidates { candidates: vec![] }).code, "candidates-count");
    let twice = DesignateCandidates { candidates: vec![one(), one()] };
    assert_eq!(w.refuses(dwelling, twice).code, "candidates-count");
    let shelter = w.vacancy(Chrs, 1);
    assert_eq!(w.refuses(shelter, again.clone()).code, "not-a-dwelling");
    let undeclared = w.place(SocialDwelling, 2);
    assert_eq!(w.refuses(undeclared, again).code, "no-vacancy");
}

#[test]
fn a_holder_that_does_not_designate_in_time_gives_the_dwelling_back() {
    let mut w = World::at("2026-03-02T10:00");
    let dwelling = w.place(SocialDwelling, 2);
    let declare =
        domain::decide::vacancy::DeclareVacancy { available_from: None, good_until: Some(day("2026-05-01")) };
    w.does(dwelling, declare);
    let assign =
        AssignVacancy { kind: code("state_priority"), organisation: None, designate_by: None, flow: Some(4) };
    let past = AssignVacancy { designate_by: Some(day("2026-03-01")), ..assign.clone() };
    assert_eq!(w.refuses(dwelling, past).code, "date-in-past");
    w.does(dwelling, assign.clone());
    assert_eq!(w.last_of("vacancy.assigned_to_holder").fact.body()["flow"], 4);
    let mut designated = w.clone();
    assert_eq!(w.until("2026-03-18T08:00"), ["vacancy.returned_to_landlord"]);
    assert_eq!(w.last_of("vacancy.returned_to_landlord").stamp.effective, instant("2026-03-17T23:59:59"));
    assert!(w.place_of(dwelling).open_vacancy().unwrap().holder.is_none());
    w.does(dwelling, assign.clone());

    let household = designated.household("man 50");
    designated.applies(household);
    designated.designates(dwelling, &[household]);
    assert_eq!(designated.refuses(dwelling, assign).code, "already-designated");
    assert_eq!(designated.until("2026-03-18T08:00"), [""; 0]);
}

#[test]
fn who_renounces_leaves_the_dwelling_to_the_next_and_a_withdrawn_dwelling_tells_everybody() {
    let (mut w, dwelling, candidates) = ranked();
    let application = *w.household_of(candidates[0].0).applications.keys().next().unwrap();
    let renounce = CloseApplication { application, reason: Deregistration::B };
    let kinds = w.does(candidates[0].0, renounce);
    assert_eq!(kinds[0], "housing_application.closed");
    assert!(matches!(situation(&w, candidates[1]), Situation::Offered { .. }));

    let kinds = w.does(dwelling, WithdrawVacancy { reason: code("sale") });
    assert_eq!(kinds.iter().filter(|kind| **kind == "candidacy.closed").count(), 2);
    for candidate in &candidates[1..] {
        assert_eq!(outcome(&w, *candidate), CandidacyOutcome::DwellingWithdrawn);
    }
    assert_eq!(w.refuses(candidates[1].0, AcceptOffer { candidacy: candidates[1].1 }).code, "offer-closed");
    assert_eq!(w.until("2026-06-01T08:00"), [""; 0], "nothing is left to lapse");
}

#[test]
fn candidates_keep_the_rank_of_their_holder_and_their_files_are_checked() {
    let mut w = World::at("2026-03-02T10:00");
    let (dwelling, candidates) = w.designated(2);
    let late = w.household("man 50");
    w.applies(late);
    let late = w.designates(dwelling, &[late])[0];
    let of = |w: &World, candidate: (HouseholdId, CandidacyId)| {
        w.place_of(dwelling).open_vacancy().unwrap().allocation.candidates[&candidate.1].clone()
    };
    let ranks = [candidates[0], candidates[1], late].map(|candidate| of(&w, candidate).rank);
    assert_eq!(ranks, [Some(1), Some(2), Some(3)]);
    assert_eq!(of(&w, late).missing, None, "not checked yet");
    let check = CheckDocuments { candidacy: late.1, missing: [code("income_proof")].into() };
    assert_eq!(w.does(dwelling, check.clone()), ["documents.checked"]);
    assert_eq!(of(&w, late).missing, Some([code("income_proof")].into()));
    w.does(dwelling, CheckDocuments { missing: [].into(), ..check.clone() });
    assert_eq!(of(&w, late).missing, Some([].into()), "complete");
    w.does(dwelling, WithdrawVacancy { reason: code("sale") });
    assert_eq!(w.refuses(dwelling, check).code, "no-vacancy");
}
