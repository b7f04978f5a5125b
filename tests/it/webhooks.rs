//! What a subscription is told is sent to its owner's server, signed, and what became of it is kept.

use std::sync::Arc;
use std::time::Duration;

use domain::organisation::OrganisationKind as Kind;
use feed::webhook::Secret;
use feed::webhook::sign::Received;
use serde_json::{Value, json};
use tests::{Caller, Receipt, Shape, World, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How a server behaves towards those who send to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Answers with this status.
    Answers(u16),
    /// Sends elsewhere.
    Redirects,
    /// Reads and never answers.
    Silent,
    /// Answers one byte at a time, for ever, and never a whole head.
    Trickles,
}

/// A message as it came: its three headers and its body, and whether it was taken.
#[derive(Debug, Clone)]
struct Came {
    id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
    taken: bool,
    at: std::time::Instant,
}

impl Came {
    fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn position(&self) -> u64 {
        self.event()["sequence"].as_str().unwrap().parse().unwrap()
    }

    fn is_signed_with(&self, secret: &str) -> bool {
        let received = Received { id: &self.id, timestamp: &self.timestamp, signature: &self.signature };
        let secret: Secret = secret.parse().unwrap();
        received.verify(&secret, &self.body, service::Edge::system().now()).is_ok()
    }
}

/// An owner's server, on a port of its own.
#[derive(Clone)]
struct Receiver {
    url: String,
    manner: Arc<watch::Sender<Manner>>,
    came: Arc<watch::Sender<Vec<Came>>>,
}

impl Receiver {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a-path-that-nobody-guesses", listener.local_addr().unwrap());
        let receiver = Self { url, manner: Arc::new(watch::Sender::new(manner)), came: Arc::default() };
        let served = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                // Whoever hangs up early is no failure of the server.
                tokio::spawn(async move { drop(served.serve(stream).await) });
            }
        });
        receiver
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let header = |name: &str| {
            let line = text.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap()
        };
        let length: usize = header("content-length").parse().unwrap();
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let manner = *self.manner.borrow();
        let came = Came {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body: bytes[head..].to_vec(),
            taken: matches!(manner, Manner::Answers(200..300)),
            at: std::time::Instant::now(),
        };
        self.came.send_modify(|all| all.push(came));
        match manner {
            Manner::Answers(status) => {
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await
            }
            Manner::Redirects => {
                let answer = "HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer.as_bytes()).await
            }
            Manner::Silent => stream.read_buf(&mut bytes).await.map(drop),
            Manner::Trickles => {
                stream.write_all(b"HTTP/1.1 200 x\r\nx-long: ").await?;
                let mut beat = tokio::time::interval(Duration::from_millis(100));
                loop {
                    beat.tick().await;
                    stream.write_all(b"a").await?;
                }
            }
        }
    }

    /// Waits until so many messages were taken, and gives those.
    async fn taken(&self, count: usize) -> Vec<Came> {
        let taken = |all: &[Came]| all.iter().filter(|came| came.taken).cloned().collect::<Vec<_>>();
        until("messages are taken", || async { taken(&self.came.borrow()).len() >= count }).await;
        taken(&self.came.borrow())
    }
}

/// The variables under which servers of this machine may be sent to.
const ALLOWED: &[(&str, &str)] = &[
    ("CONTINUUM_FEED__WEBHOOKS__PLAIN_HTTP", "true"),
    ("CONTINUUM_FEED__WEBHOOKS__ALLOWED_NETWORKS", "127.0.0.0/8"),
];

/// The role of the software of the SIAO.
const ROLE: &str = "siao_manager";

async fn asked(caller: &Caller, path: &str, body: &Value) -> Receipt {
    let key = uuid::Uuid::new_v4().to_string();
    caller.command(path, body).as_the(Kind::SiaoOperator).key(&key).send().await.recorded()
}

async fn does(caller: &Caller, id: &str, command: &str, body: &Value) -> Receipt {
    asked(caller, &format!("/api/v1/subscriptions/{id}/{command}"), body).await
}

/// A subscription of the SIAO to places, sent to `url`.
async fn sent_to(caller: &Caller, url: &str) -> String {
    let body =
        json!({ "territory": "33", "label": "Ce que nous cherchons", "wants": { "offers": ["place"] } });
    let id = asked(caller, "/api/v1/subscriptions", &body).await.id;
    deliver(caller, &id, url).await;
    id
}

async fn deliver(caller: &Caller, id: &str, url: &str) -> Receipt {
    let body = json!({ "way": { "webhook": { "url": url } }, "role": ROLE });
    does(caller, id, "deliver", &body).await
}

async fn shown(caller: &Caller, id: &str, what: &str) -> Value {
    let path = format!("/api/v1/subscriptions/{id}/{what}");
    caller.asking(&path).as_the(Kind::SiaoOperator).send().await.ok()
}

async fn attempts(caller: &Caller, id: &str) -> Vec<Value> {
    shown(caller, id, "deliveries?limit=200").await["deliveries"].as_array().unwrap().clone()
}

/// Each record names the one before, and they are numbered.
fn is_a_chain(attempts: &[Value]) -> bool {
    let numbered = attempts.iter().zip(1..).all(|(is, n)| is["number"] == json!(n));
    numbered && attempts.windows(2).all(|pair| pair[0]["hash"] == pair[1]["previous"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_available_is_sent_signed_and_what_became_of_it_is_kept() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let earlier = caller.vacant("chrs", 1).await;
    let id = sent_to(&caller, &receiver.url).await;
    let secret = shown(&caller, &id, "secret").await;
    let place = caller.vacant("chrs", 2).await;
    let came = receiver.taken(1).await.remove(0);
    let event = came.event();
    assert_eq!(event["subject"], format!("place/{place}"), "not {earlier}, which was there before");
    assert_eq!(event["id"], came.id);
    assert!(came.is_signed_with(secret["secret"].as_str().unwrap()));
    let told = shown(&caller, &id, &format!("events?after={}", came.position() - 1)).await;
    assert_eq!(told["events"][0], event, "what is sent is what is answered");

    until("the delivery is kept", || async { attempts(&caller, &id).await.len() == 1 }).await;
    let kept = attempts(&caller, &id).await;
    assert_eq!(kept[0]["outcome"], json!({ "is": "delivered" }));
    assert_eq!((&kept[0]["item"], &kept[0]["attempt"]), (&json!(came.id), &json!(1)));
    assert_eq!(kept[0]["position"], came.position());
    let health = shown(&caller, &id, "health").await;
    assert_eq!((&health["state"], &health["waiting"]), (&json!("running"), &json!(0)));

    // Both secrets sign for a day, so that the owner may turn when it likes.
    does(&caller, &id, "rotate-secret", &json!({})).await;
    let turning = shown(&caller, &id, "secret").await;
    assert_eq!(turning["old"]["secret"], secret["secret"]);
    assert_ne!(turning["secret"], secret["secret"]);
    let many = |receiver: &Receiver| receiver.came.borrow().len();
    until("both sign", || async {
        let before = many(&receiver);
        caller.vacant("chrs", 1).await;
        until("it is sent", || async { many(&receiver) > before }).await;
        receiver.came.borrow().last().is_some_and(|came| came.signature.contains(' '))
    })
    .await;
    let last = receiver.came.borrow().last().unwrap().clone();
    for secret in [&turning["secret"], &turning["old"]["secret"]] {
        assert!(last.is_signed_with(secret.as_str().unwrap()));
    }
    let logged = world.logged();
    for hidden in ["a-path-that-nobody-guesses", secret["secret"].as_str().unwrap(), "whsec_"] {
        assert!(!logged.contains(hidden), "the log names {hidden}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_behaves_badly_delays_nobody_and_gets_everything_in_order_when_it_recovers() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let well = Receiver::start(Manner::Answers(204)).await;
    sent_to(&caller, &well.url).await;
    let manners = [Manner::Silent, Manner::Answers(500), Manner::Redirects, Manner::Trickles];
    let mut bad = Vec::new();
    for manner in manners {
        let receiver = Receiver::start(manner).await;
        let id = sent_to(&caller, &receiver.url).await;
        bad.push((id, receiver));
    }
    let mut slowest = Duration::ZERO;
    for n in 1..=3 {
        let begun = std::time::Instant::now();
        caller.vacant("chrs", 1).await;
        let told = well.taken(n).await;
        slowest = slowest.max(told[n - 1].at.saturating_duration_since(begun));
    }
    println!("beside four bad receivers, a good one is told within {slowest:?} of the command's beginning");
    assert!(
        slowest < Duration::from_secs(10),
        "the others' timeouts of 15 s are not waited for: {slowest:?}"
    );
    for (id, receiver) in &bad {
        until("it is tried", || async { !receiver.came.borrow().is_empty() }).await;
        receiver.manner.send_replace(Manner::Answers(200));
        let waiting = shown(&caller, id, "health").await["waiting"].as_u64().unwrap();
        assert!(waiting <= 3);
    }
    let expected: Vec<_> = well.taken(3).await.iter().map(|came| came.id.clone()).collect();
    for (id, receiver) in &bad {
        let taken: Vec<_> = receiver.taken(3).await.iter().map(|came| came.id.clone()).collect();
        assert_eq!(taken, expected, "everything, in order, once");
        until("all is kept", || async { shown(&caller, id, "health").await["waiting"] == json!(0) }).await;
        let kept = attempts(&caller, id).await;
        assert!(is_a_chain(&kept), "{kept:?}");
        assert_eq!(kept[0]["outcome"]["is"], "again", "{kept:?}");
        let delivered = kept.iter().filter(|is| is["outcome"]["is"] == "delivered").count();
        assert_eq!(delivered, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_killed_goes_on_where_it_was_with_exactly_what_was_missed() {
    let mut world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let id = sent_to(&caller, &receiver.url).await;
    caller.vacant("chrs", 1).await;
    receiver.taken(1).await;
    until("it is kept", || async { attempts(&caller, &id).await.len() == 1 }).await;
    receiver.manner.send_replace(Manner::Silent);
    let (second, third) = (caller.vacant("chrs", 2).await, caller.vacant("chrs", 3).await);
    until("the second is under way", || async { receiver.came.borrow().len() == 2 }).await;
    world.kill_program().await;
    receiver.manner.send_replace(Manner::Answers(204));
    world.start_program().await;
    let taken = receiver.taken(3).await;
    let subjects: Vec<_> = taken.iter().skip(1).map(|came| came.event()["subject"].clone()).collect();
    assert_eq!(subjects, [json!(format!("place/{second}")), json!(format!("place/{third}"))]);
    until("all is kept", || async { attempts(&caller, &id).await.len() == 3 }).await;
    assert!(is_a_chain(&attempts(&caller, &id).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_stopped_is_seen_to_have_stopped_until_its_owner_resumes_it() {
    let world = World::with(Shape::One, ALLOWED).await;
    let caller = world.caller();
    let receiver = Receiver::start(Manner::Answers(410)).await;
    let id = sent_to(&caller, &receiver.url).await;
    let place = caller.vacant("chrs", 1).await;
    let state = || async { shown(&caller, &id, "health").await["state"].clone() };
    until("it stops", || async { state().await == "stopped" }).await;
    assert_eq!(attempts(&caller, &id).await.last().unwrap()["outcome"]["is"], "gone");
    receiver.manner.send_replace(Manner::Answers(204));
    does(&caller, &id, "resume-delivery", &json!({})).await;
    let came = receiver.taken(1).await.remove(0);
    assert_eq!(came.event()["subject"], format!("place/{place}"), "it begins with what was not taken");
    until("it runs", || async { state().await == "running" }).await;
    // What must not be sent to is never connected to, and says so.
    deliver(&caller, &id, "http://10.0.0.1/").await;
    caller.vacant("chrs", 1).await;
    until("it is refused", || async { state().await == "stopped" }).await;
    let last = shown(&caller, &id, "health").await["last"].clone();
    assert_eq!(last["outcome"], json!({ "is": "not_sent", "why": "refused-target" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_sees_where_a_subscription_is_sent_nor_its_secret() {
    let world = World::start(Shape::One).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let id = sent_to(&caller, "https://sne.example/a-path-that-nobody-guesses").await;
    let file = caller.asking(&format!("/api/v1/subscriptions/{id}")).as_the(Kind::SiaoOperator);
    assert_eq!(file.send().await.ok()["delivery"]["url"], "https://sne.example/a-path-that-nobody-guesses");
    for what in ["", "/secret", "/deliveries", "/health"] {
        let path = format!("/api/v1/subscriptions/{id}{what}");
        let _ = stranger.asking(&path).as_the(Kind::SiaoOperator).send().await.refused(404, "unknown-id");
        let _ = caller.asking(&path).as_the(Kind::SocialLandlord).send().await.refused(404, "unknown-id");
    }
    // What leaves unasked tells no more than whoever has it sent may know.
    let body =
        json!({ "way": { "webhook": { "url": "https://sne.example/" } }, "role": "prefecture_officer" });
    let path = format!("/api/v1/subscriptions/{id}/deliver");
    let key = uuid::Uuid::new_v4().to_string();
    let other = caller.command(&path, &body).as_the(Kind::SiaoOperator).key(&key).send().await;
    let _ = other.refused(403, "not-allowed");
}
