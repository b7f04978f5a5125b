//! An owner's server, which behaves as it is told to.

use std::sync::Arc;
use std::time::Duration;

use feed::webhook::Secret;
use feed::webhook::sign::Received;
use serde_json::Value;
use tests::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How a server behaves towards those who send to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
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
pub(super) struct Came {
    pub(super) id: String,
    timestamp: String,
    pub(super) signature: String,
    body: Vec<u8>,
    pub(super) taken: bool,
    pub(super) at: std::time::Instant,
}

impl Came {
    pub(super) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn position(&self) -> u64 {
        self.event()["sequence"].as_str().unwrap().parse().unwrap()
    }

    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        let received = Received { id: &self.id, timestamp: &self.timestamp, signature: &self.signature };
        let secret: Secret = secret.parse().unwrap();
        received.verify(&secret, &self.body, service::Edge::system().now()).is_ok()
    }
}

/// An owner's server, on a port of its own.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    pub(super) manner: Arc<watch::Sender<Manner>>,
    pub(super) came: Arc<watch::Sender<Vec<Came>>>,
}

impl Receiver {
    pub(super) async fn start(manner: Manner) -> Self {
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
    pub(super) async fn taken(&self, count: usize) -> Vec<Came> {
        let taken = |all: &[Came]| all.iter().filter(|came| came.taken).cloned().collect::<Vec<_>>();
        until("messages are taken", || async { taken(&self.came.borrow()).len() >= count }).await;
        taken(&self.came.borrow())
    }
}
