//! A partner's server, well or badly behaved, over a real socket.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use feed::webhook::attempt::Limits;
use feed::webhook::target::OfMachine;
use feed::webhook::{Client, Keys, Policy, Secret, Target};
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
    const END: &[u8] = b"\r\n\r\n";
    let mut read = Vec::new();
    let head = loop {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = read.windows(END.len()).position(|window| window == END) {
            break at + END.len();
        }
    };
    let mut body = read.split_off(head);
    let head = String::from_utf8(read).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<String, String> = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let length: usize = headers["content-length"].parse().unwrap();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
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
