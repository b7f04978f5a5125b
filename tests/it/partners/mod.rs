//! A landlord's software on the broker: it is told what its row of the matrix shows and nothing else, asks what its role may,
//! and is cut off when it is revoked.

mod discovery;
#[path = "../../../crates/journal/tests/partners/install.rs"]
pub(crate) mod install;
mod others;
mod page;
mod software;
mod subjects;
mod subscribed;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use desk::collection;
use domain::decide::{Service, catalogue};
use domain::organisation::OrganisationKind as Kind;
use domain::rights::{Matrix, Role};
use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tests::{Caller, Live, Shape, World, bodies, until};

use software::{Software, Told};

/// The name of the household that a landlord has nothing to do with.
const CANARY: &str = "Zephyrin-Canari";

/// Somebody else's account: nobody's, which is as good.
const OTHER: &str = "ACSU3Q6LTLBVLGAQUONAGXJHVNWGSKKAUA7IY5TB4Z7PLEKSR5O6JTGR";

/// How many subscriptions are tried at once: an account has fifty.
const LISTENED_AT_ONCE: usize = 40;

/// The arguments that name this world to `continuum partner`.
fn place(world: &World) -> Vec<String> {
    let text = |path: &Path| path.display().to_string();
    let mut arguments = vec!["--url".to_owned(), world.base("supervision")];
    arguments.extend(match world.shape() {
        Shape::One => vec!["--data".to_owned(), text(&world.data())],
        Shape::All | Shape::Five => vec![
            "--operator".to_owned(),
            text(world.operator()),
            "--config".to_owned(),
            text(&world.feed_config()),
        ],
    });
    arguments
}

async fn partner(world: &World, verb: &str, organisation: &str, more: &[&str]) -> std::process::Output {
    let place = place(world);
    let mut arguments = vec!["partner", verb, "--organisation", organisation];
    arguments.extend(place.iter().map(String::as_str));
    arguments.extend(more);
    world.run_with(&world.administrator(), &arguments).await
}

fn succeeded(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Admits the landlord of `caller`: what its developers were told.
async fn admitted(world: &World, caller: &Caller) -> Told {
    let landlord = &caller.parties().the(Kind::SocialLandlord).organisation;
    let out = world.dir().join("handed-over");
    let handing = ["--out", out.to_str().unwrap(), "--with-token"];
    let rights = ["--role", "landlord_officer", "--verb", "read", "--verb", "follow", "--verb", "command"];
    let label = ["--label", "Logiciel du bailleur"];
    let said = partner(world, "add", landlord, &[&rights[..], &label, &handing].concat()).await;
    let told = Told::read(&succeeded(&said), &out, landlord);
    let mode = std::fs::metadata(&told.credentials).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    told
}

/// What the landlord reads over HTTP, from the beginning.
async fn over_http(caller: &Caller, up_to: u64) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), 0);
    while cursor < up_to {
        let asking = caller.asking("/api/v1/events").as_the(Kind::SocialLandlord);
        let page = asking.with("after", cursor).with("limit", 200).with("at_least", up_to).send().await.ok();
        cursor = page["cursor"].as_u64().unwrap();
        events.extend(page["events"].as_array().unwrap().iter().cloned());
    }
    events
}

fn position(event: &Value) -> u64 {
    event["sequence"].as_str().unwrap().parse().unwrap()
}

/// The streams in the hands of a user of the house.
async fn streams(world: &World, told: &Told, user: &str) -> jetstream::Context {
    jetstream::new(connected(world, told, user).await)
}

/// A user of the house on the broker.
async fn connected(world: &World, told: &Told, user: &str) -> async_nats::Client {
    let options = async_nats::ConnectOptions::new().custom_inbox_prefix(format!("_INBOX_{user}"));
    let options = match world.shape() {
        Shape::One => {
            let file = world.data().join("accounts").join(format!("{user}.nk"));
            options.nkey(std::fs::read_to_string(file).unwrap().trim().to_owned())
        }
        Shape::All | Shape::Five => {
            options.credentials(&std::fs::read_to_string(world.credentials(user)).unwrap()).unwrap()
        }
    };
    options.connect(&told.url).await.unwrap()
}

/// Everything in the house that an attack could have changed.
async fn house(world: &World, told: &Told) -> Value {
    let streams = streams(world, told, "admin").await;
    let mut seen = json!({});
    for name in ["JOURNAL", "KEYS", "ACCESS", "FEED", "SEALS", "DELIVERIES"] {
        let info = streams.get_stream(name).await.unwrap().get_info().await.unwrap();
        seen[name] = json!(info.config);
        // The integrity chain grows by itself.
        if name != "SEALS" {
            seen[format!("{name} holds")] = json!([info.state.messages, info.state.last_sequence]);
        }
    }
    seen
}

/// What the partner was told last of this sort, read or not: the position of the event.
async fn told_last(streams: &jetstream::Context, told: &Told, topic: &str) -> Option<u64> {
    let feed = streams.get_stream_no_info("FEED").await.unwrap();
    let last = feed.get_last_raw_message_by_subject(&format!("feed.{}.{topic}", told.account)).await.ok()?;
    last.headers.get(journal::partner_feed::POSITION).map(|position| position.as_str().parse().unwrap())
}

/// The landlord is told what it would read over HTTP and its commands are those of HTTP; gives back the dwelling.
async fn does_its_work(caller: &Caller, software: &Software) -> String {
    let building = caller.structure("social_dwelling").await;
    let dwelling = caller.place(&building, "social_dwelling", 4).await;
    let (status, receipt) =
        software.command("33.dwellings.declare-vacancy", "k1", Some(&dwelling), &json!({})).await;
    assert_eq!(status, 200, "{receipt}");
    assert_eq!((&receipt["id"], &receipt["repeated"]), (&json!(dwelling), &json!(false)));
    assert_eq!(receipt["events"][0]["type"], "vacancy.declared");
    let position = receipt["position"].as_u64().unwrap();
    caller.told(position);
    let (status, again) =
        software.command("33.dwellings.declare-vacancy", "k1", Some(&dwelling), &json!({})).await;
    assert_eq!((status, &again["repeated"], &again["events"]), (200, &json!(true), &receipt["events"]));
    let (status, problem) = software.command("33.dwellings.close", "k1", Some(&dwelling), &json!({})).await;
    assert!(status >= 400, "{problem}");
    let (status, problem) =
        software.command("33.dwellings.declare-vacancy", "k2", Some(&dwelling), &json!({})).await;
    let same = caller.command(&format!("/api/v1/dwellings/{dwelling}/declare-vacancy"), &json!({}));
    let same = same.as_the(Kind::SocialLandlord).send().await;
    for member in ["type", "title", "status", "code", "detail", "rule"] {
        assert_eq!(problem[member], same.body[member], "{problem} {}", same.body);
    }
    assert_eq!(status, same.status, "{problem}");

    let read = software.read_up_to(position).await;
    assert_eq!(read, over_http(caller, position).await, "told what it reads");
    let kinds: BTreeSet<&str> = read.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["structure.opened", "place.opened", "vacancy.declared"]));
    dwelling
}

/// What waits unread is taken back when its household objects.
async fn no_longer_told(world: &World, caller: &Caller, software: &Software, dwelling: &str, read: u64) {
    let streams = streams(world, &software.told, "ops").await;
    let last = async |topic: &str| told_last(&streams, &software.told, topic).await;
    assert_eq!(last("household").await, None, "no household was its business yet");
    let candidate = caller.candidate(1).await;
    let designate = json!({ "candidates": [{ "household": candidate.household }] });
    let designated = caller.act(&format!("dwellings/{dwelling}"), "designate-candidates", &designate).await;
    until("the candidate is told", || async { last("household").await.is_some() }).await;
    let reference = caller.reference(&candidate.household).await.unwrap();
    until("so is all else", || async { last(">").await >= Some(designated.position) }).await;

    let file = format!("/api/v1/households/{}", candidate.household);
    let shown = caller.asking(&file).as_the(Kind::SocialLandlord).send().await.ok();
    let person = shown["file"]["composition"]["members"].as_object().unwrap().keys().next().unwrap().clone();
    let object = json!({
        "person": person, "purpose": "share_with_landlords", "channel": "oral",
        "recipient": caller.provider("social_dwelling"),
    });
    caller.act(&format!("households/{}", candidate.household), "object", &object).await;
    let begun = Instant::now();
    until("what waited is taken back", || async { last("household").await.is_none() }).await;
    eprintln!("taken back {:?} after the objection", begun.elapsed());
    let rest = over_http(caller, caller.seen()).await;
    let rest: Vec<Value> = rest.into_iter().filter(|event| position(event) > read).collect();
    let again = software.read_up_to(position(rest.last().expect("the place was its business"))).await;
    assert_eq!(again, rest, "told again as it may be known");
    let told = json!(again).to_string();
    assert!(!told.contains(&candidate.household) && !told.contains(&reference), "{again:?}");
}

/// It calls a household by its own reference, which the SIAO told it, and is told of it by no other word.
async fn calls_by_reference(caller: &Caller, software: &Software, dwelling: &str) {
    let household = caller.candidate(2).await.household;
    let reference = caller.reference(&household).await.unwrap();
    let designating = async |key: &str, word: &str| {
        let body = json!({ "candidates": [{ "household": word }] });
        software.command("33.dwellings.designate-candidates", key, Some(dwelling), &body).await
    };
    let (status, problem) = designating("by-id", &household).await;
    assert_eq!((status, &problem["id"]), (404, &json!(household)), "{problem}");
    let (status, receipt) = designating("by-reference", &reference).await;
    assert_eq!(status, 200, "{receipt}");
    caller.told(receipt["position"].as_u64().unwrap());
    let read = over_http(caller, caller.seen()).await;
    let told = software.read_up_to(position(read.last().unwrap())).await;
    for said in [&receipt, &json!(told), &json!(read)] {
        let said = said.to_string();
        assert!(said.contains(&reference) && !said.contains(&household), "{said}");
    }
    let new: Vec<&Value> =
        read.iter().filter(|event| told.iter().any(|one| one["id"] == event["id"])).collect();
    assert_eq!(new, told.iter().collect::<Vec<_>>(), "told what it reads");
}

/// Every command of the catalogue, on a household that is not its business: how many.
async fn tries_every_command(software: &Software, household: &str) -> usize {
    let role = Matrix::shipped().role(Role::LandlordOfficer).unwrap();
    let services = [Service::Intake, Service::Insertion, Service::Landlord, Service::Feed];
    let mut tries = Vec::new();
    for kind in catalogue() {
        let collections: BTreeSet<&str> = services.map(|service| collection(kind.ledger, service)).into();
        tries.extend(collections.into_iter().map(|on| (kind, on)));
    }
    for some in tries.chunks(16) {
        let asked = some.iter().map(|(kind, on)| async move {
            let name = format!("33.{on}.{}", kind.name);
            let target = (!kind.creates).then_some(household);
            let (status, answer) = software.command(&name, &format!("try-{name}"), target, &json!({})).await;
            (name, status, answer)
        });
        for ((kind, on), (name, status, answer)) in some.iter().zip(join_all(asked).await) {
            let allowed = role.actions.contains(&format!("{}.{}", kind.ledger, kind.name));
            // No gateway takes what is asked of supervision.
            let of_desks = kind.services.iter().filter(|service| services.contains(service));
            let taken = of_desks.into_iter().any(|service| collection(kind.ledger, *service) == *on);
            let expected: &[u16] = match (taken, allowed) {
                (true, true) => &[400, 404, 409, 422],
                (true, false) => &[403],
                (false, _) => &[404],
            };
            assert!(expected.contains(&status), "{name}: {status} {answer}");
            assert!(!answer.to_string().contains(CANARY), "{name}: {answer}");
        }
    }
    tries.len()
}

/// Everything it has no business with, while the house works.
async fn tries_everything(world: &World, caller: &Caller, software: &Software) {
    let household = caller.register(&bodies::household(CANARY)).await;
    let mut heard = Vec::new();
    let subjects: Vec<String> = subjects::to_hear(OTHER).into_iter().collect();
    for some in subjects.chunks(LISTENED_AT_ONCE) {
        let mut ears = Vec::new();
        for subject in some {
            ears.push((subject, software.client.subscribe(subject.clone()).await.unwrap()));
        }
        software.client.flush().await.unwrap();
        // Something to be heard: an event, a key, an access.
        let other = caller.register(&bodies::household(CANARY)).await;
        let _ = caller.file(&other).await;
        // What was sent to it before is there when it is answered.
        let _ = software.reader().await;
        for (subject, mut ear) in ears {
            while let Some(Some(message)) = ear.next().now_or_never() {
                // Its own answers come to its own inbox, which it may listen to.
                if !message.subject.starts_with("_INBOX.") {
                    heard.push(format!("{subject}: {}", message.subject));
                }
            }
        }
    }
    assert!(heard.is_empty(), "{heard:#?}");

    let before = house(world, &software.told).await;
    let asked: Vec<String> = subjects::to_ask(OTHER, &household).into_iter().collect();
    assert!(asked.len() > 150, "{} subjects", asked.len());
    for some in asked.chunks(64) {
        for (subject, answer) in
            some.iter().zip(join_all(some.iter().map(|subject| software.attempt(subject))).await)
        {
            assert_eq!(answer, None, "{subject}");
        }
    }
    let tried = tries_every_command(software, &household).await;
    eprintln!("{} patterns heard, {} subjects asked, {tried} commands tried", subjects.len(), asked.len());
    assert_eq!(house(world, &software.told).await, before, "the house is as it was");
}

async fn a_landlord(shape: Shape) {
    let world = World::start(shape).await;
    let caller = world.caller();
    let told = admitted(&world, &caller).await;
    let software = Software::connect(&told).await.unwrap();
    let dwelling = does_its_work(&caller, &software).await;
    let position = caller.seen();
    no_longer_told(&world, &caller, &software, &dwelling, position).await;
    calls_by_reference(&caller, &software, &dwelling).await;
    tries_everything(&world, &caller, &software).await;

    let landlord = caller.parties().the(Kind::SocialLandlord).organisation.clone();
    let listed = partner_list(&world).await;
    assert!(listed.contains(&format!("{landlord} {} admitted", told.account)), "{listed}");
    assert!(listed.contains("landlord_officer read,follow,command 600 a minute"), "{listed}");
    let refused =
        partner(&world, "add", &landlord, &["--role", "landlord_officer", "--verb", "read", "--label", "x"])
            .await;
    assert!(!refused.status.success(), "a partner is admitted once");

    let (told, software) = renewed(&world, &landlord, told, software).await;
    let bearer = format!("Bearer {}", told.token.trim());
    let mut live = Live::open(caller.asking("/api/v1/events/stream").header("authorization", &bearer)).await;
    let begun = Instant::now();
    let revoking = async {
        succeeded(&partner(&world, "revoke", &landlord, &[]).await);
        begun.elapsed()
    };
    let cut = async {
        software.is_cut_off().await;
        begun.elapsed()
    };
    let ended = async {
        while live.try_next().await.is_some() {}
        begun.elapsed()
    };
    let (revoked, cut, ended) = tokio::join!(revoking, cut, ended);
    eprintln!(
        "{shape:?}: asked, done after {revoked:?}; cut off after {cut:?}, stream ended after {ended:?}"
    );
    // security.md P7, with what starting a program takes on a busy machine.
    assert!(cut.max(ended) < Duration::from_secs(15), "{cut:?} {ended:?}");
    assert!(Software::connect(&told).await.is_err(), "nothing opens any more");
    assert!(partner_list(&world).await.contains("revoked"), "it is listed as revoked");
}

/// New credentials in the same account, where the feed goes on; the former open nothing.
async fn renewed(world: &World, landlord: &str, former: Told, software: Software) -> (Told, Software) {
    let out = world.dir().join("renewed");
    let rotated = partner(world, "rotate", landlord, &["--out", out.to_str().unwrap(), "--with-token"]).await;
    let told = Told::read(&succeeded(&rotated), &out, landlord);
    assert_eq!(told.account, former.account);
    software.is_cut_off().await;
    assert!(Software::connect(&former).await.is_err(), "the former credentials open nothing");
    let software = Software::connect(&told).await.unwrap();
    let reader = software.reader().await;
    assert_eq!(reader.cached_info().num_pending, 0, "what was read stays read");
    (told, software)
}

async fn partner_list(world: &World) -> String {
    let place = place(world);
    let arguments: Vec<&str> =
        ["partner", "list"].into_iter().chain(place.iter().map(String::as_str)).collect();
    succeeded(&world.run_with(&world.administrator(), &arguments).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landlord_on_the_broker_of_one_machine_has_its_own_row_and_nothing_else() {
    a_landlord(Shape::One).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landlord_on_a_shared_broker_has_its_own_row_and_nothing_else() {
    a_landlord(Shape::Five).await;
}
