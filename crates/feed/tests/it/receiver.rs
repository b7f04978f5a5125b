//! A partner's server, well or badly behaved, over a real socket; and the memory of what an endpoint is to be told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use feed::webhook::attempt::Limits;
use feed::webhook::target::OfMachine;
use feed::webhook::{Client, Keys, Message, Note, Outbox, Outcome, Policy, Position, Pulled, Secret, Target};
use jiff::Timestamp;
use service::outgoing::Tls;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How a receiver behaves towards those who ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads and answers with these bytes, then closes.
    Says(String),
    /// Reads and never answers.
    Silent,
    /// Begins with these bytes and goes on one byte at a time, for ever.
    Trickles(&'static str),
    /// Begins with these bytes and goes on as fast as it can, for ever.
    Floods(&'static str),
}

impl Manner {
    /// Answers with this status and these headers.
    pub(crate) fn answers(status: u16, headers: &str) -> Self {
        Self::Says(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n{headers}\r\n"))
    }

    pub(crate) fn well() -> Self {
        Self::answers(204, "")
    }

    /// Whether a message is taken by whoever behaves so.
    fn takes(&self) -> bool {
        match self {
            Self::Says(text) => text.starts_with("HTTP/1.1 2"),
            Self::Trickles(text) | Self::Floods(text) => {
                text.starts_with("HTTP/1.1 2") && text.contains("\r\n\r\n")
            }
            Self::Silent => false,
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) taken: bool,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A server on 127.0.0.1.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) manner: Arc<watch::Sender<Manner>>,
    pub(crate) came: Arc<watch::Sender<Vec<Came>>>,
    /// How many connections are open, and how many were at most.
    pub(crate) open: Arc<watch::Sender<(usize, usize)>>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::start_at("127.0.0.1:0", manner, None).await
    }

    pub(crate) async fn start_at(at: &str, manner: Manner, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            manner: Arc::new(watch::Sender::new(manner)),
            came: Arc::default(),
            open: Arc::default(),
        };
        let served = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (served, tls) = (served.clone(), tls.clone());
                tokio::spawn(async move {
                    served.open.send_modify(|(now, most)| {
                        *now += 1;
                        *most = (*most).max(*now);
                    });
                    match tls {
                        None => served.serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                served.serve(stream).await;
                            }
                        }
                    }
                    served.open.send_modify(|(now, _)| *now -= 1);
                });
            }
        });
        receiver
    }

    pub(crate) fn target(&self) -> Target {
        policy().read(&format!("http://{}/hooks", self.address)).unwrap()
    }

    /// Behaves otherwise from now on; connections that hang are closed.
    pub(crate) fn behave(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    /// The messages that were taken, each once: who receives forgets what it has already.
    pub(crate) fn taken(&self) -> Vec<String> {
        let mut taken: Vec<String> = Vec::new();
        for came in self.came.borrow().iter().filter(|came| came.taken) {
            let id = came.header("webhook-id").to_owned();
            if !taken.contains(&id) {
                taken.push(id);
            }
        }
        taken
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) {
        let mut manners = self.manner.subscribe();
        let manner = manners.borrow_and_update().clone();
        let Some(mut came) = read(&mut stream).await else { return };
        came.taken = manner.takes();
        self.came.send_modify(|all| all.push(came));
        tokio::select! {
            () = answer(&mut stream, manner) => {}
            _ = manners.changed() => {}
        }
        let _ = stream.shutdown().await;
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, manner: Manner) {
    match manner {
        Manner::Says(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
        }
        Manner::Silent => {
            // Until the other end hangs up.
            let _ = stream.read_u8().await;
        }
        Manner::Trickles(begin) => {
            let mut beat = tokio::time::interval(Duration::from_millis(5));
            let mut next = stream.write_all(begin.as_bytes()).await;
            while next.is_ok() {
                beat.tick().await;
                next = stream.write_all(b"a").await;
            }
        }
        Manner::Floods(begin) => {
            let mut next = stream.write_all(begin.as_bytes()).await;
            while next.is_ok() {
                next = stream.write_all(&[b'a'; 8192]).await;
            }
        }
    }
}

/// Reads one request; nothing if the other end hangs up first.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Came> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<String, String> = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(Came { line, headers, body, taken: false })
}

/// HTTP to 127.0.0.1 is allowed.
pub(crate) fn policy() -> Policy {
    Policy { plain_http: true, allowed: Arc::new(["127.0.0.1".parse().unwrap()]) }
}

/// What makes attempts that take `whole` at most.
pub(crate) fn client(whole: Duration) -> Client {
    let limits = Limits { whole, ..Limits::default() };
    Client::new(policy(), limits, Tls::trusting(&[]).unwrap(), Arc::new(OfMachine))
}

pub(crate) fn noon() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

pub(crate) fn secret() -> Secret {
    Secret::of(&[42; 32]).unwrap()
}

pub(crate) fn keys() -> Keys {
    Keys::One(secret())
}

/// What an endpoint is to be told, and what became of it.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) messages: Arc<watch::Sender<Vec<Message>>>,
    pub(crate) notes: Arc<watch::Sender<Vec<Note>>>,
    /// How many times it will fail to note.
    pub(crate) fails: Arc<watch::Sender<usize>>,
}

impl Memory {
    /// Holds `count` messages, at every other position.
    pub(crate) fn of(count: u64) -> Self {
        let memory = Self::default();
        (1..=count).for_each(|nth| memory.add(nth));
        memory
    }

    pub(crate) fn add(&self, nth: u64) {
        self.messages.send_modify(|all| all.push(message(nth)));
    }

    /// The position of the last message that was noted as delivered.
    pub(crate) fn cursor(&self) -> Position {
        let notes = self.notes.borrow();
        let delivered = notes.iter().filter(|note| note.outcome == Outcome::Delivered);
        delivered.map(|note| note.position).max().unwrap_or_default()
    }

    /// Returns once `count` attempts were noted.
    pub(crate) async fn noted(&self, count: usize) -> Vec<Note> {
        let mut notes = self.notes.subscribe();
        let noted = notes.wait_for(|notes| notes.len() >= count).await.unwrap();
        noted.clone()
    }

    /// Returns once the message at the `nth` position was delivered.
    pub(crate) async fn delivered(&self, nth: u64) {
        let mut notes = self.notes.subscribe();
        let delivered =
            |note: &Note| note.outcome == Outcome::Delivered && note.position >= Position(2 * nth);
        notes.wait_for(|notes| notes.iter().any(delivered)).await.unwrap();
    }
}

pub(crate) fn message(nth: u64) -> Message {
    let body = Bytes::from(format!(r#"{{"type":"referral.proposed","data":{{"nth":{nth}}}}}"#));
    Message::new(Position(2 * nth), name(nth).parse().unwrap(), body).unwrap()
}

pub(crate) fn name(nth: u64) -> String {
    format!("msg_{nth}")
}

pub(crate) fn names(count: u64) -> Vec<String> {
    (1..=count).map(name).collect()
}

impl Outbox for Memory {
    async fn ready(&self, after: Position) {
        let mut messages = self.messages.subscribe();
        let ready = messages.wait_for(|all| all.iter().any(|message| message.position() > after)).await;
        ready.unwrap();
    }

    async fn next(&self, after: Position) -> anyhow::Result<Pulled> {
        let messages = self.messages.borrow();
        let next = messages.iter().find(|message| message.position() > after);
        Ok(next.map_or(Pulled::Nothing { upto: after }, |message| Pulled::Message(message.clone())))
    }

    async fn note(&self, note: &Note) -> anyhow::Result<()> {
        if *self.fails.borrow() > 0 {
            self.fails.send_modify(|left| *left -= 1);
            anyhow::bail!("the disk is full");
        }
        self.notes.send_modify(|notes| notes.push(note.clone()));
        Ok(())
    }
}
