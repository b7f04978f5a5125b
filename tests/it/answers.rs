//! Provider, SIAO and clock answer one referral at the same instant. The clock is the test's, so this runs in the process
//! of the test, over a real broker and real sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use desk::{Context, Running};
use domain::id::OrganisationId;
use domain::organisation::{Organisation, Verb};
use jiff::Timestamp;
use journal::Provision;
use journal::broker::Broker;
use serde_json::{Value, json};
use service::config::{Settings, Sources, load};
use service::{Edge, Handle, ManualClock, Stop};
use tests::{Answer, Caller, KINDS, Parties, Party, Waiting, bodies, until};

/// How often the three meet.
const ROUNDS: usize = 20;

struct Instance {
    caller: Caller,
    clock: ManualClock,
    stop: Stop,
    handles: Vec<Handle>,
    broker: Broker,
    _dir: tempfile::TempDir,
}

impl Instance {
    async fn start() -> Self {
        let (dir, broker) = (tempfile::tempdir().unwrap(), Broker::temporary().await.unwrap());
        let settings = |service: &str| {
            let mut settings: Settings = load(service, &Sources::default()).unwrap();
            settings.nats.url = broker.url();
            settings.data.dir = dir.path().join(service);
            settings.keys.file = dir.path().join("keys").join("kek");
            settings.http.address = ([127, 0, 0, 1], 0).into();
            settings
        };
        // It begins now: the bodies speak of today.
        let (edge, clock) = Edge::manual(Edge::system().now());
        let (stop, first) = (Stop::new(), settings("intake"));
        let context = Context::open("intake", first.clone(), edge, stop.clone(), Provision::Create, None);
        let context = context.await.unwrap();
        let of = |service: &str| Context { settings: settings(service).into(), ..context.clone() };
        let running = vec![
            intake::start(&of("intake")).await.unwrap(),
            insertion::start(&of("insertion")).await.unwrap(),
            feed::start(&of("feed")).await.unwrap(),
        ];
        for Running { view, .. } in &running {
            view.until_ready().await.unwrap();
        }
        let handles = desk::serve("continuum", running, &first, &stop).await.unwrap();
        let address = handles.iter().find_map(|handle| handle.address).unwrap();
        let parties = parties(&context).await;
        let caller = Caller::of(&format!("http://{address}"), parties.clone()).await;
        for path in ["/api/v1/worklists/siao", "/api/v1/places", "/api/v1/events"] {
            parties.known(&reqwest::Client::new(), &format!("http://{address}"), path).await;
        }
        Self { caller, clock, stop, handles, broker, _dir: dir }
    }

    async fn stop(self) {
        self.stop.stop();
        for handle in self.handles {
            handle.join().await.unwrap();
        }
        self.broker.stop().await;
    }
}

/// Those who take part, registered before anything is served.
async fn parties(context: &Context) -> Parties {
    let mut parties = Vec::new();
    for (kind, role) in KINDS {
        let id = OrganisationId::new("33".parse().unwrap(), context.edge.mint());
        let (name, territories) = ("Organisme".to_owned(), ["33".parse().unwrap()].into());
        context.register(id, Organisation { name, kind, territories, siret: None }).await.unwrap();
        let verbs = [Verb::Read, Verb::Follow, Verb::Command].into();
        let token = context.issue_token(id, role, verbs, "test", 30, 6_000).await.unwrap();
        parties.push(Party { kind, role, organisation: id.to_string(), token: token.text() });
    }
    Parties::of(parties)
}

#[tokio::test(flavor = "multi_thread")]
async fn acceptance_withdrawal_and_expiry_at_the_same_instant_leave_one_of_them() {
    let instance = Instance::start().await;
    let caller = &instance.caller;
    let waiting = caller.waiting(&bodies::household("Faure"), &["emergency_shelter"]).await;
    let place = caller.vacant("emergency_shelter", 1).await;
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..ROUNDS {
        let outcome = meet(&instance, &waiting, &place, round).await;
        *outcomes.entry(outcome).or_default() += 1;
    }
    assert_eq!(outcomes.values().sum::<usize>(), ROUNDS);
    println!("outcomes of {ROUNDS} rounds: {outcomes:?}");
    instance.stop().await;
}

/// One round: proposed, answered by three at once; who won.
async fn meet(instance: &Instance, waiting: &Waiting, place: &str, round: usize) -> String {
    let (caller, clock) = (&instance.caller, &instance.clock);
    let proposed = caller.propose(waiting, place).await;
    let file = caller.file(&waiting.household).await;
    let (referral, expires_at) = open_referral(&file);
    let late = expires_at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap();
    // One round in three begins at the last instant of an answer, one in three just behind it.
    match round % 3 {
        0 => clock.set(expires_at),
        1 => clock.set(late),
        _ => {}
    }
    let ledger = format!("/api/v1/households/{}", waiting.household);
    let accept = caller.command(&format!("{ledger}/accept-referral"), &json!({ "referral": referral }));
    let withdraw = json!({ "referral": referral, "reason": "place_reassigned" });
    let withdraw = caller.command(&format!("{ledger}/withdraw-referral"), &withdraw);
    // The SIAO takes back what it saw, not whatever it has become since.
    let withdraw = withdraw.if_match(file["version"].as_u64().unwrap());
    let asked = [tokio::spawn(accept.send()), tokio::spawn(withdraw.send())];
    let expiring = clock.clone();
    let expiry = tokio::spawn(async move {
        // As many turns of the runtime as the round has number: the three meet at another point each time.
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        expiring.set(late);
    });
    let [accepted, withdrawn] = asked.map(|asked| async { asked.await.unwrap() });
    let (accepted, withdrawn, ()) = tokio::join!(accepted, withdrawn, async { expiry.await.unwrap() });
    let [ended] = check_one_end(instance, waiting, place, proposed.position).await;
    check_told(accepted, &ended, "referral.accepted");
    check_told(withdrawn, &ended, "referral.withdrawn");
    if ended == "referral.accepted" {
        let path = format!("households/{}", waiting.household);
        caller
            .act(&path, "withdraw-referral", &json!({ "referral": referral, "reason": "place_withdrawn" }))
            .await;
    }
    ended
}

fn open_referral(file: &Value) -> (String, Timestamp) {
    let referrals = file["file"]["referrals"].as_object().unwrap();
    let (id, open) = referrals.iter().find(|(_, one)| one["situation"]["is"] == "proposed").unwrap();
    (id.clone(), open["situation"]["expires_at"].as_str().unwrap().parse().unwrap())
}

/// Waits until the referral has ended; it has ended once, and the place says the same in the same append.
async fn check_one_end(instance: &Instance, waiting: &Waiting, place: &str, after: u64) -> [String; 1] {
    let caller = &instance.caller;
    let household = format!("ledger:household/{}", waiting.household);
    until("the referral ends", || async {
        // The clock goes on, so that whoever looks once a second looks.
        instance.clock.advance(Duration::from_secs(1));
        !caller.events(after, &household).await.is_empty()
    })
    .await;
    let ends = caller.events(after, &household).await;
    let at_place = caller.events(after, &format!("ledger:place/{place}")).await;
    let kinds = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    let (ended, freed) = (kinds(&ends), kinds(&at_place));
    let [end] =
        <[String; 1]>::try_from(ended).unwrap_or_else(|ends| panic!("ended {} times: {ends:?}", ends.len()));
    let expected = if end == "referral.accepted" { "place.reserved" } else { "place.released" };
    assert_eq!(freed, [expected]);
    assert_eq!(ends[0]["command"], at_place[0]["command"], "one append");
    [end]
}

/// Whoever won is told so, and whoever lost is told why.
fn check_told(answer: Answer, ended: &str, by: &str) {
    if ended == by {
        assert_eq!(answer.recorded().types()[0], by);
        return;
    }
    let lost = match answer.status {
        409 => ["referral-closed", "referral-expired"].contains(&answer.code()),
        412 => answer.code() == "stale-version",
        // A structure that is asked no more knows nothing of the household any more.
        404 => by == "referral.accepted" && answer.code() == "unknown-id",
        _ => false,
    };
    assert!(lost, "{ended} won, {by} was told {} {}", answer.status, answer.body);
}
