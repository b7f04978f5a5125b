//! Many want the same thing at the same moment: one gets it, and every other is told so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tests::{Answer, Caller, Shape, Waiting, World, bodies, until};

/// How many households are proposed for one place.
const HOUSEHOLDS: usize = 1_000;
/// How many of them are registered at once.
const AT_ONCE: usize = 64;
/// After how many answers a process is killed: in the first moment, amid the race, when it is decided.
const KILLED_AFTER: [usize; 3] = [1, 20, 200];
/// A thousand requests are served at once.
const ROOM: [(&str, &str); 1] = [("CONTINUUM_INTAKE__HTTP__CONCURRENCY_MAX", "2048")];

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_proposals_of_one_place_one_is_recorded_and_the_others_hear_only_since_when() {
    let world = World::with(Shape::One, &ROOM).await;
    let caller = world.caller();
    let waiting = a_thousand(&caller).await;
    let place = caller.vacant("social_residence", 1).await;

    let proposals = waiting.iter().map(|one| {
        let ask = proposal(&caller, one, &place);
        tokio::spawn(async move { ask.send().await })
    });
    let answers = join_all(proposals.collect::<Vec<_>>()).await;
    let answers: Vec<Answer> = answers.into_iter().map(Result::unwrap).collect();

    let holder = check_one_holder(&waiting, answers);
    check_held_by(&caller, 0, &place, &holder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_amid_a_thousand_proposals_leaves_one_holder_and_no_doubt() {
    let world = World::with(Shape::Five, &ROOM).await;
    let caller = world.caller();
    let waiting = a_thousand(&caller).await;
    for answered in KILLED_AFTER {
        let place = caller.vacant("social_residence", 1).await;
        let before = caller.seen();
        let answers = propose_amid_a_death(&world, &waiting, &place, answered).await;
        let holder = check_one_holder(&waiting, answers);
        check_held_by(&caller, before, &place, &holder).await;
    }
}

/// Half of the proposals go to a process that is killed once so many of all are answered. Who was not answered asks the
/// process that lives, under the same key.
async fn propose_amid_a_death(
    world: &World,
    waiting: &[Waiting],
    place: &str,
    killed_after: usize,
) -> Vec<Answer> {
    let caller = world.caller();
    let other = world.serve("intake", &format!("intake-{killed_after}")).await;
    let (answered, unanswered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let proposals = waiting.iter().enumerate().map(|(n, one)| {
        let ask = proposal(&caller, one, place);
        let (answered, unanswered) = (Arc::clone(&answered), Arc::clone(&unanswered));
        let first = if n % 2 == 0 { ask.clone() } else { ask.clone().to(other.base()) };
        tokio::spawn(async move {
            let answer = match first.try_send().await {
                Ok(answer) => answer,
                Err(_) => {
                    unanswered.fetch_add(1, Ordering::AcqRel);
                    ask.send().await
                }
            };
            answered.fetch_add(1, Ordering::AcqRel);
            answer
        })
    });
    let proposals: Vec<_> = proposals.collect();
    until("so many are answered", || async { answered.load(Ordering::Acquire) >= killed_after }).await;
    other.kill_hard().await;
    let answers = join_all(proposals).await.into_iter().map(Result::unwrap).collect();
    assert!(unanswered.load(Ordering::Acquire) > 0, "somebody was still waiting when it died");
    answers
}

/// One was recorded, every other heard since when the place is taken. The household that holds it.
fn check_one_holder(waiting: &[Waiting], answers: Vec<Answer>) -> String {
    let won: Vec<usize> = (0..HOUSEHOLDS).filter(|n| answers[*n].status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", statuses(&answers));
    let holder = &waiting[won[0]].household;
    for (n, answer) in answers.into_iter().enumerate().filter(|(n, _)| *n != won[0]) {
        check_taken(answer, holder, &name(won[0]), n);
    }
    holder.clone()
}

async fn a_thousand(caller: &Caller) -> Vec<Waiting> {
    let registering = stream::iter(0..HOUSEHOLDS).map(|n| {
        let caller = caller.clone();
        async move { caller.waiting(&bodies::household(&name(n)), &["social_residence"]).await }
    });
    registering.buffered(AT_ONCE).collect().await
}

fn name(n: usize) -> String {
    format!("Candidate-{n:04}-Durand")
}

fn proposal(caller: &Caller, waiting: &Waiting, place: &str) -> tests::Ask {
    let body = json!({ "request": waiting.request, "place": place, "deviation": "better_fit" });
    let path = format!("/api/v1/households/{}/propose-referral", waiting.household);
    caller.command(&path, &body).key(&format!("{}-{place}", waiting.household))
}

/// The place is taken since when, and by whom is nobody's business.
fn check_taken(answer: Answer, holder: &str, name: &str, n: usize) {
    let problem = answer.refused(409, "place-taken");
    let told = problem.to_string();
    assert!(
        problem["since"].as_str().is_some_and(|since| since.parse::<jiff::Timestamp>().is_ok()),
        "{n}: {told}"
    );
    assert!(problem["rule"] == "INV-2" && problem["detail"].is_string(), "{n}: {told}");
    assert!(!told.contains(&holder[3..]) && !told.contains(name), "{n}: {told}");
}

/// Journal and view agree on who holds the place.
async fn check_held_by(caller: &Caller, before: u64, place: &str, holder: &str) {
    let proposed = caller.events(before, "type:referral.proposed").await;
    let held = caller.events(before, "type:place.held").await;
    assert_eq!((proposed.len(), held.len()), (1, 1));
    assert_eq!(proposed[0]["subject"], format!("household/{holder}"));
    assert_eq!(held[0]["data"]["household"], holder);
    assert_eq!(proposed[0]["command"], held[0]["command"]);
    let file = caller.get(&format!("/api/v1/places/{place}")).await.ok();
    assert_eq!((&file["situation"], &file["file"]["hold"]["household"]), (&json!("held"), &json!(holder)));
}

fn statuses(answers: &[Answer]) -> BTreeSet<(u16, &str)> {
    answers.iter().map(|answer| (answer.status, answer.code())).collect()
}

/// Ranks of one committee.
const RANKS: usize = 20;
/// Answers of each candidate at once.
const ANSWERS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_answers_to_one_dwelling_leave_one_acceptance_at_most_and_two_ledgers_that_agree() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let dwelling = caller.vacant("social_dwelling", 1).await;
    let households = candidates(&caller, &dwelling).await;

    let mut accepted = 0;
    for burst in 1..=RANKS {
        let asks = households.iter().flat_map(|(household, candidacy)| {
            (0..ANSWERS).map(|n| answer(&caller, household, candidacy, n)).collect::<Vec<_>>()
        });
        let asks: Vec<_> = asks.map(|ask| tokio::spawn(ask.send())).collect();
        assert_eq!(asks.len(), 100);
        for answer in join_all(asks).await {
            let answer = answer.unwrap();
            let expected = ["not-offered", "offer-closed", "offer-already-answered", "contended"];
            assert!(
                answer.status == 200 || (answer.status == 409 && expected.contains(&answer.code())),
                "{} {}",
                answer.status,
                answer.body
            );
        }
        accepted = check_agreement(&caller, &dwelling, &households).await;
        let left = caller.get(&format!("/api/v1/dwellings/{dwelling}")).await.ok();
        let live = |situation: &str| situation == "offered" || situation == "decided";
        let open = situations(&left).into_iter().filter(|(_, is)| live(is)).count();
        if accepted == 1 || open == 0 {
            break;
        }
        assert!(burst < RANKS, "each burst answers one offer at least: {left}");
    }
    let events = caller.events(0, &format!("ledger:place/{dwelling}")).await;
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert!(count("offer.accepted") >= accepted && count("offer.made") >= 1);
}

/// Twenty households, designated and ranked, with the candidacy of each.
async fn candidates(caller: &Caller, dwelling: &str) -> Vec<(String, String)> {
    let mut households = Vec::new();
    for nth in 1..=RANKS {
        households.push(caller.candidate(u32::try_from(nth).unwrap()).await.household);
    }
    let at = format!("dwellings/{dwelling}");
    let designated: Vec<_> = households.iter().map(|id| json!({ "household": id })).collect();
    caller.act(&at, "designate-candidates", &json!({ "candidates": designated })).await;
    caller.act(&at, "convene-committee", &json!({ "on": bodies::today() })).await;
    let file = caller.get(&format!("/api/v1/dwellings/{dwelling}")).await.ok();
    let by_candidacy = file["allocation"]["allocation"]["candidates"].as_object().unwrap();
    let mut called = Vec::new();
    for household in households {
        let reference = caller.reference(&household).await.unwrap();
        let (candidacy, _) =
            by_candidacy.iter().find(|(_, is)| is["household"] == reference.as_str()).unwrap();
        called.push((household, candidacy.clone()));
    }
    let households = called;
    let ranked = households.iter().enumerate().map(
        |(n, (_, candidacy))| json!({ "candidacy": candidacy, "decision": "award_ranked", "rank": n + 1 }),
    );
    caller.act(&at, "decide-committee", &json!({ "decisions": ranked.collect::<Vec<_>>() })).await;
    households
}

/// Two of five accept, three refuse.
fn answer(caller: &Caller, household: &str, candidacy: &str, n: usize) -> tests::Ask {
    let (command, body) = if n < 2 {
        ("accept-offer", json!({ "candidacy": candidacy }))
    } else {
        ("refuse-offer", json!({ "candidacy": candidacy, "reason": "size" }))
    };
    caller.command(&format!("/api/v1/households/{household}/{command}"), &body)
}

fn situations(dwelling: &Value) -> Vec<(String, String)> {
    let candidates = dwelling["allocation"]["allocation"]["candidates"].as_object().unwrap();
    let is = |candidate: &Value| candidate["situation"]["is"].as_str().unwrap().to_owned();
    candidates.iter().map(|(candidacy, candidate)| (candidacy.clone(), is(candidate))).collect()
}

/// The dwelling and each household say the same of every candidacy; at most one is offered or accepted. How many are
/// accepted.
async fn check_agreement(caller: &Caller, dwelling: &str, households: &[(String, String)]) -> usize {
    let file = caller.get(&format!("/api/v1/dwellings/{dwelling}")).await.ok();
    let of_dwelling = situations(&file);
    for (household, candidacy) in households {
        let own = caller.housing(household).await["candidacies"][candidacy]["situation"]["is"].clone();
        let theirs = of_dwelling.iter().find(|(id, _)| id == candidacy).unwrap();
        assert_eq!(own, theirs.1.as_str(), "{candidacy} of {household}");
    }
    let count = |wanted: &str| of_dwelling.iter().filter(|(_, is)| is == wanted).count();
    assert!(count("offered") + count("accepted") <= 1, "{of_dwelling:?}");
    count("accepted")
}
