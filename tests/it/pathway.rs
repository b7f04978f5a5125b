//! The whole pathway over HTTP: from registration to a signed lease, whatever the processes.

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Caller, Live, Shape, Waiting, World, bodies};

use crate::documents::all_that_is_told_fits;

#[tokio::test(flavor = "multi_thread")]
async fn a_household_goes_from_registration_to_a_signed_lease_in_one_process() {
    from_registration_to_lease(Shape::One).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_goes_from_registration_to_a_signed_lease_in_one_process_over_a_broker_of_others() {
    from_registration_to_lease(Shape::All).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_goes_from_registration_to_a_signed_lease_across_five_processes() {
    from_registration_to_lease(Shape::Five).await;
}

async fn from_registration_to_lease(shape: Shape) {
    let world = World::start(shape).await;
    let caller = world.caller();
    let mut live = Live::open(caller.asking("/api/v1/events/stream").with("after", 0)).await;
    let waiting = reach_the_waiting_list(&caller).await;
    let place = be_matched(&caller, &waiting).await;
    let stay = move_in(&caller, &waiting, &place).await;
    let (dwelling, candidacy) = be_awarded(&caller, &waiting.household, &stay).await;
    let lease = sign(&caller, &waiting.household, &candidacy).await;
    check_what_is_left(&caller, &waiting.household, &place, &dwelling, lease).await;
    check_the_stream(&caller, &mut live).await;
    all_that_is_told_fits(&caller).await;
}

async fn reach_the_waiting_list(caller: &Caller) -> Waiting {
    let members =
        [bodies::person("main_applicant", "Awa", "Diallo"), bodies::person("child", "Ismaël", "Diallo")];
    let household = caller.register(&bodies::household_of(&members)).await;
    let ledger = format!("households/{household}");
    let file = caller.file(&household).await;
    let member =
        &file["file"]["composition"]["members"].as_object().unwrap().values().next().unwrap()["identity"];
    assert_eq!(member["last_name"], "Diallo", "its own SIAO reads the names: {file}");

    let kinds = ["social_residence"];
    caller.act(&ledger, "create-request", &bodies::request(&kinds)).await;
    let request = caller.only(&household, "requests").await;
    assert_eq!(tasks(caller, "referrer", &household).await, ["complete-request"]);
    caller.act(&ledger, "submit-request", &json!({ "request": request })).await;
    assert_eq!(tasks(caller, "siao", &household).await, ["decide-request"]);
    let assessment = json!({
        "request": request, "need": { "resources": "under600" }, "autonomy": 2, "support": 2,
        "narrative": "Travaille à mi-temps.",
    });
    caller.act(&ledger, "assess-request", &assessment).await;
    let qualify = json!({ "request": request, "qualification": bodies::qualification(&kinds, 2) });
    caller.act(&ledger, "qualify-request", &qualify).await;
    assert_eq!(tasks(caller, "siao", &household).await, ["propose-place"]);
    Waiting { household, request }
}

async fn be_matched(caller: &Caller, waiting: &Waiting) -> String {
    let kind = "social_residence";
    let structure = caller.structure(kind).await;
    let place = caller.place(&structure, kind, 2).await;
    let small = caller.place(&structure, kind, 1).await;
    assert_eq!(tasks(caller, "provider", &place).await, ["declare-vacancy"]);
    for place in [&place, &small] {
        caller.act(&format!("places/{place}"), "declare-vacancy", &json!({})).await;
    }
    let vacant = caller.asking("/api/v1/places").with("situation", "vacant").with("kind", kind);
    assert_eq!(vacant.send().await.ok()["places"].as_array().unwrap().len(), 2);

    let ranking = caller.get(&format!("/api/v1/places/{place}/ranking")).await.ok();
    assert_eq!(ranking["ranked"][0]["household"], waiting.household, "{ranking}");
    let ranking = caller.get(&format!("/api/v1/places/{small}/ranking")).await.ok();
    assert_eq!(ranking["excluded"][0]["household"], waiting.household, "too small for two: {ranking}");

    let path = format!("/api/v1/households/{}/why-not", waiting.household);
    let fits = caller.asking(&path).with("place", &place).send().await.ok();
    assert_eq!(fits["proposable"], true, "{fits}");
    let why = caller.asking(&path).with("place", &small).send().await.ok();
    assert!(why["proposable"] == false && why["sentence"].is_string(), "{why}");
    place
}

async fn move_in(caller: &Caller, waiting: &Waiting, place: &str) -> String {
    let ledger = format!("households/{}", waiting.household);
    let propose = json!({ "request": waiting.request, "place": place, "note": "Disponible de suite." });
    let proposed = caller.act(&ledger, "propose-referral", &propose).await;
    assert_eq!(proposed.types(), ["referral.proposed", "place.held"]);
    let referral = caller.only(&waiting.household, "referrals").await;
    assert_eq!(tasks(caller, "provider", &waiting.household).await, ["answer-referral"]);
    assert_eq!(
        tasks(caller, "siao", &waiting.household).await,
        [""; 0],
        "its contact is due in three months"
    );
    caller.act(&ledger, "view-referral", &json!({ "referral": referral })).await;
    caller
        .act(&ledger, "accept-referral", &json!({ "referral": referral, "arrival": bodies::today() }))
        .await;
    assert_eq!(tasks(caller, "provider", &waiting.household).await, ["admit-household"]);
    let started = caller.act(&ledger, "start-stay", &json!({ "referral": referral })).await;
    assert_eq!(started.types(), ["stay.started", "place.occupied", "request.fulfilled"]);
    let occupied = caller.get(&format!("/api/v1/places/{place}")).await.ok();
    assert_eq!(occupied["situation"], "occupied");
    let stay = caller.only(&waiting.household, "stays").await;
    caller.act(&ledger, "review-stay", &json!({ "stay": stay, "housing_ready": true })).await;
    assert!(tasks(caller, "provider", &waiting.household).await.contains(&"file-application".to_owned()));
    stay
}

async fn be_awarded(caller: &Caller, household: &str, stay: &str) -> (String, String) {
    let ledger = format!("households/{household}");
    caller.act(&ledger, "register-application", &json!({ "communes": [bodies::COMMUNE] })).await;
    assert_eq!(tasks(caller, "landlord", household).await, ["number-application"]);
    let applications = caller.housing(household).await["applications"].clone();
    let application = applications.as_object().unwrap().keys().next().unwrap();
    let numbered = json!({ "application": application, "number": bodies::number(1) });
    caller.act(&ledger, "number-application", &numbered).await;
    caller.act(&ledger, "grant-priority", &json!({ "ground": "dalo", "source": "mediation_board" })).await;
    assert_eq!(tasks(caller, "prefecture", household).await, ["propose-dwelling"]);

    let building = caller.structure("social_dwelling").await;
    let dwelling = caller.place(&building, "social_dwelling", 3).await;
    let at = format!("dwellings/{dwelling}");
    assert_eq!(tasks(caller, "landlord", &dwelling).await, ["declare-vacancy"]);
    caller.act(&at, "declare-vacancy", &json!({})).await;
    assert!(tasks(caller, "landlord", &dwelling).await.contains(&"designate-candidates".to_owned()));
    let others = [caller.candidate(2).await.household, caller.candidate(3).await.household];
    let candidates = [household, &others[0], &others[1]].map(|id| json!({ "household": id }));
    caller.act(&at, "designate-candidates", &json!({ "candidates": candidates })).await;
    assert_eq!(tasks(caller, "landlord", &dwelling).await, ["convene-committee"]);
    caller.act(&at, "convene-committee", &json!({ "on": bodies::today() })).await;
    assert_eq!(tasks(caller, "landlord", &dwelling).await, ["decide-committee"]);

    let mut decisions = Vec::new();
    for (n, id) in [household, &others[0], &others[1]].into_iter().enumerate() {
        let candidacy = candidacy_of(caller, id).await;
        decisions.push(json!({ "candidacy": candidacy, "decision": "award_ranked", "rank": n + 1 }));
    }
    caller.act(&at, "decide-committee", &json!({ "decisions": decisions })).await;
    assert_eq!(tasks(caller, "landlord", household).await, ["obtain-answer"]);
    let candidacy = candidacy_of(caller, household).await;
    let accepted = caller.act(&ledger, "accept-offer", &json!({ "candidacy": candidacy })).await;
    assert_eq!(accepted.types(), ["candidacy.accepted", "offer.accepted"]);
    assert_eq!(tasks(caller, "landlord", household).await, ["sign-lease"]);
    assert!(caller.file(household).await["file"]["stays"][stay]["situation"]["is"] != "ended");
    (dwelling, candidacy)
}

async fn sign(caller: &Caller, household: &str, candidacy: &str) -> tests::Receipt {
    let body = json!({ "candidacy": candidacy, "rent": 42_050, "charges": 6_100 });
    let signed = caller.act(&format!("households/{household}"), "sign-lease", &body).await;
    for closing in ["lease.signed", "housing_application.closed", "priority.withdrawn", "stay.ended"] {
        assert!(signed.types().contains(&closing), "{closing} in the lease's append: {signed:?}");
    }
    signed
}

async fn check_what_is_left(
    caller: &Caller,
    household: &str,
    place: &str,
    dwelling: &str,
    lease: tests::Receipt,
) {
    // One append: its events stand side by side, with nothing of others in between.
    let positions: Vec<_> = lease.events.iter().map(|event| event.3).collect();
    assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1), "{positions:?}");
    assert!(lease.types().iter().filter(|kind| **kind == "candidate.closed").count() == 2, "{lease:?}");

    let timeline = caller.get(&format!("/api/v1/households/{household}/timeline")).await.ok();
    let told: Vec<_> = types(&timeline["events"]);
    let pathway = [
        "household.registered",
        "request.created",
        "request.submitted",
        "request.assessed",
        "request.qualified",
        "referral.proposed",
        "referral.viewed",
        "referral.accepted",
        "stay.started",
        "request.fulfilled",
        "stay.reviewed",
        "housing_application.numbered",
        "candidacy.designated",
        "candidacy.decided",
        "candidacy.offered",
        "candidacy.accepted",
        "lease.signed",
        "stay.ended",
    ];
    let mut from = 0;
    for step in pathway {
        let at = told[from..].iter().position(|kind| kind == step);
        from += at.unwrap_or_else(|| panic!("{step} after {:?} in {told:?}", &told[..from]));
    }
    let is = &timeline["situation"];
    let situation = |sort: &str| is[sort].as_object().unwrap().values().next().unwrap().clone();
    assert!(situation("stays")["to"].is_string(), "{is}");
    assert_eq!(situation("applications")["situation"], json!({ "is": "deregistered", "reason": "a" }));
    assert_eq!(situation("labels")["ended"], "housed");
    assert_eq!(is["leases"].as_object().unwrap().len(), 1);

    let housing = caller.housing(household).await;
    assert_eq!(housing["leases"].as_object().unwrap().len(), 1);
    assert!(!housing.to_string().contains("Diallo"), "landlords see no name");
    for (path, situation) in [
        (format!("/api/v1/places/{place}"), "undeclared"),
        (format!("/api/v1/dwellings/{dwelling}"), "occupied"),
    ] {
        assert_eq!(caller.get(&path).await.ok()["situation"], situation, "{path}");
    }
    for desk in ["referrer", "siao", "provider", "landlord", "prefecture"] {
        assert_eq!(tasks(caller, desk, household).await, [""; 0], "{desk} has nothing left to do");
    }
    assert_eq!(tasks(caller, "provider", place).await, ["declare-vacancy"]);
}

/// Live, every event came once and in order; who comes back with `Last-Event-ID` goes on right behind it.
async fn check_the_stream(caller: &Caller, live: &mut Live) {
    let last = caller.seen();
    let told = live.up_to(last).await;
    let positions: Vec<_> = told.iter().map(tests::Told::position).collect();
    // What stands before it is who takes part, which is nobody's feed.
    let first = positions[0];
    assert_eq!(positions, (first..=last).collect::<Vec<_>>(), "no gap and no repetition");
    let read = caller.events(0, "").await;
    assert_eq!(told.iter().map(|event| event.data.clone()).collect::<Vec<_>>(), read);
    for event in &told {
        assert_eq!(event.data["type"], event.name.as_str());
        assert_eq!(event.data["sequence"], event.id);
    }
    for at in [told.len() / 3, told.len() - 2] {
        let asking = caller.asking("/api/v1/events/stream").header("last-event-id", &told[at].id);
        let resumed = Live::open(asking).await.up_to(last).await;
        assert_eq!(resumed, told[at + 1..], "resumed behind {}", told[at].id);
    }
    let filtered = caller.asking("/api/v1/events/stream").with("after", 0).with("filter", "type:lease.*");
    assert_eq!(Live::open(filtered).await.next().await.name, "lease.signed");
}

async fn candidacy_of(caller: &Caller, household: &str) -> String {
    let housing = caller.housing(household).await;
    housing["candidacies"].as_object().unwrap().keys().next().unwrap().clone()
}

/// What a desk has to do about a household or a place, in alphabetical order.
async fn tasks(caller: &Caller, desk: &str, about: &str) -> Vec<String> {
    let asking = caller.asking(&format!("/api/v1/worklists/{desk}")).with("limit", 200);
    // The SIAO registered the application: its number is awaited there, before any landlord knows of the household.
    let asking = if desk == "landlord" { asking.as_the(Kind::SiaoOperator) } else { asking };
    let list = asking.send().await.ok();
    let of_it = |task: &&Value| task["household"] == about || task["place"] == about;
    let tasks = list["tasks"].as_array().unwrap().iter().filter(of_it);
    let mut tasks: Vec<_> = tasks.map(|task| task["task"].as_str().unwrap().to_owned()).collect();
    tasks.sort();
    tasks
}

fn types(events: &Value) -> Vec<String> {
    let events = events.as_array().unwrap().iter();
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}
