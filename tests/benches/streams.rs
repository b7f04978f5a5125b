//! How long it takes from a command to everybody who follows what is available, and what those who only wait cost:
//! `cargo bench -p tests --bench streams`. The real program, its broker, and all who listen share this machine; each of them
//! has a filter of its own.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::organisation::OrganisationKind as Kind;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde_json::json;
use tests::{Caller, Shape, World, bodies};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// How many follow while commands are sent.
const FOLLOWING: usize = 1_000;
/// How many are open at once when nothing happens.
const OPEN: usize = 5_000;
/// How many commands are sent, each once everybody was told of the one before.
const COMMANDS: usize = 200;
/// How many are sent one after the other, whoever was told.
const IN_A_ROW: usize = 100;
/// How many places there are, each for a rent of its own.
const PLACES: usize = 20;
/// The rent of the first of them, in cents; each next one costs as much more.
const RENT: u64 = 10_000;
/// How many streams are opened at once.
const AT_ONCE: usize = 64;
/// How long everybody may take to be told.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing more may come once everybody was told what there was.
const SILENCE: Duration = Duration::from_secs(2);
/// More streams than a service takes by itself, and the connections for them.
const ROOM: [(&str, &str); 7] = [
    ("CONTINUUM_FEED__LIMITS__STREAM_CLIENTS_MAX", "6000"),
    ("CONTINUUM_FEED__LIMITS__PER_ORGANISATION_MAX", "600000"),
    ("CONTINUUM_INTAKE__HTTP__CONNECTIONS_MAX", "7000"),
    ("CONTINUUM_INSERTION__HTTP__CONNECTIONS_MAX", "7000"),
    ("CONTINUUM_LANDLORD__HTTP__CONNECTIONS_MAX", "7000"),
    ("CONTINUUM_SUPERVISION__HTTP__CONNECTIONS_MAX", "7000"),
    ("CONTINUUM_FEED__HTTP__CONNECTIONS_MAX", "7000"),
];

/// What one who follows was told: the position of each event, and when.
type Heard = Arc<Mutex<Vec<(u64, Instant)>>>;

/// One who follows places up to a rent.
struct Follower {
    /// The most it pays, in cents.
    rent_max: u64,
    heard: Heard,
    reading: JoinHandle<()>,
}

impl Follower {
    /// Follows through a connection of its own, over which nothing else is sent.
    async fn start(world: &World, token: &str, rent_max: u64) -> Self {
        let base = world.base("feed");
        let address = base.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /api/v1/placements/stream?offer=place&rent_max={rent_max} HTTP/1.1\r\nhost: {address}\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = connection.read_buf(&mut bytes).await.unwrap();
            assert!(read > 0, "the stream opens");
        }
        assert!(bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes));
        let heard = Heard::default();
        let reading = tokio::spawn(listen(connection, bytes, heard.clone()));
        Self { rent_max, heard, reading }
    }

    /// What it should have been told: the positions of what costs no more than it pays.
    fn expected<'a>(&'a self, sent: &'a [Sent]) -> impl Iterator<Item = u64> + 'a {
        sent.iter().filter(|sent| sent.rent <= self.rent_max).map(|sent| sent.position)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Notes the id of each event as it comes.
async fn listen(mut connection: TcpStream, mut bytes: Vec<u8>, heard: Heard) {
    loop {
        while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = bytes.drain(..end + 2).collect();
            let id = String::from_utf8_lossy(&frame)
                .lines()
                .find_map(|line| line.strip_prefix("id: ")?.parse().ok());
            heard.lock().unwrap().extend(id.map(|id: u64| (id, Instant::now())));
        }
        if connection.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// A command that everybody was to be told of whose rent it fits.
struct Sent {
    position: u64,
    rent: u64,
    at: Instant,
}

/// A place, on offer or not.
struct Place {
    id: String,
    rent: u64,
    open: bool,
}

impl Place {
    async fn of(caller: &Caller, structure: &str, nth: usize) -> Self {
        let rent = RENT * (nth as u64 + 1);
        let mut body = bodies::place(structure, "chrs", caller.provider("chrs"), 2);
        body["description"]["rent"] = rent.into();
        let id = caller.post("/api/v1/places", &body).await.recorded().id;
        Self { id, rent, open: false }
    }

    /// Offers it, or takes it back.
    async fn turn(&mut self, caller: &Caller) -> Sent {
        let ledger = format!("places/{}", self.id);
        self.open = !self.open;
        let at = Instant::now();
        let receipt = match self.open {
            true => caller.act(&ledger, "declare-vacancy", &json!({})).await,
            false => caller.act(&ledger, "withdraw-vacancy", &json!({ "reason": "works" })).await,
        };
        Sent { position: receipt.position, rent: self.rent, at }
    }
}

/// Opens so many streams, each with a filter of its own.
async fn follow(world: &World, token: &str, already: usize, many: usize) -> Vec<Follower> {
    let most = RENT * (PLACES as u64 + 1);
    let rents = (already..many).map(|nth| most * (nth as u64 + 1) / many as u64 + nth as u64);
    stream::iter(rents)
        .map(|rent| Follower::start(world, token, rent))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Waits until everybody was told of everything; then nobody may be told anything else.
async fn told(followers: &[Follower], sent: &[Sent]) {
    let deadline = Instant::now() + PATIENCE;
    let wanted: Vec<_> = followers.iter().map(|follower| follower.expected(sent).count()).collect();
    while followers.iter().zip(&wanted).any(|(one, wanted)| one.heard.lock().unwrap().len() < *wanted) {
        assert!(Instant::now() < deadline, "not everybody was told");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Says how long everybody waited, and that each was told exactly what was theirs, in order.
fn report(what: &str, followers: &[Follower], sent: &[Sent], from: usize) {
    let mut took = Vec::new();
    let mut fitting = 0;
    for follower in followers {
        let heard = follower.heard.lock().unwrap();
        let positions: Vec<u64> = heard.iter().map(|(position, _)| *position).collect();
        let expected: Vec<u64> = follower.expected(sent).collect();
        assert_eq!(positions, expected, "lost, repeated or in excess");
        fitting += expected.len();
        for (position, at) in &*heard {
            let of = sent[from..].iter().find(|sent| sent.position == *position);
            took.extend(of.map(|sent| at.duration_since(sent.at)));
        }
    }
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "{what:38} told {:>7}  half {:>9.1?}  99 % {:>9.1?}  last {:>9.1?}  ({fitting} in all, none lost, none in excess)",
        took.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// The memory of the program, in MiB.
fn memory(pid: i32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}

/// The processor time that the program has had.
fn spent(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|n| n.parse().unwrap())
        .collect();
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}

#[tokio::main]
async fn main() {
    let world = World::with(Shape::One, &ROOM).await;
    let caller = world.caller();
    let token = caller.parties().the(Kind::SiaoOperator).token.clone();
    let structure = caller.structure("chrs").await;
    let mut places = join_all((0..PLACES).map(|nth| Place::of(&caller, &structure, nth))).await;
    let bare = memory(world.pid());

    let mut followers = follow(&world, &token, 0, FOLLOWING).await;
    let mut sent = Vec::new();
    for nth in 0..COMMANDS {
        sent.push(places[nth * 7 % PLACES].turn(&caller).await);
        told(&followers, &sent).await;
    }
    report("1000 follow, one command at a time", &followers, &sent, 0);
    for nth in 0..IN_A_ROW {
        sent.push(places[nth * 7 % PLACES].turn(&caller).await);
    }
    told(&followers, &sent).await;
    tokio::time::sleep(SILENCE).await;
    report("1000 follow, commands in a row", &followers, &sent, COMMANDS);

    let already = followers.len();
    followers.extend(follow(&world, &token, already, OPEN).await);
    assert_eq!(followers.len(), OPEN);
    let (before, began) = (spent(world.pid()), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let share = (spent(world.pid()) - before).as_secs_f64() / began.elapsed().as_secs_f64();
    println!(
        "{OPEN} open streams                      {:.0} MiB, {bare:.0} MiB before the first; {:.0} % of one core while nothing happens",
        memory(world.pid()),
        share * 100.0
    );
    for follower in &followers {
        assert!(!follower.reading.is_finished(), "a stream ended by itself");
    }
}
