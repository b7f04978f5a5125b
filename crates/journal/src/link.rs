//! The connection to the broker, and what every part of the journal needs to know about it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, HeaderMap, Message, Request, RequestErrorKind};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::sleep;
use zeroize::Zeroizing;

use crate::config::JournalConfig;

/// The longest pause between two attempts to connect again: a restarted broker must be noticed at once.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// How often the state of the connection is looked at by whoever waits for its loss: the client library tells of it, but
/// drops what it tells when too much happens at once.
const LOOK: Duration = Duration::from_millis(250);

/// The broker did not answer. Whether a request without an answer took effect is unknown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the broker did not answer when asked to {action}: {why}; try again, or check that it runs")]
pub struct Unreachable {
    /// What was asked: `read a ledger`.
    pub action: &'static str,
    /// What the client library says, without personal data.
    pub why: String,
}

impl Unreachable {
    pub(crate) fn new(action: &'static str, why: impl std::fmt::Display) -> Self {
        Self { action, why: why.to_string() }
    }
}

/// One shared connection.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) client: Client,
    /// How often the connection was lost so far: whoever waits for an answer stops waiting when it grows.
    losses: watch::Receiver<u64>,
    pub(crate) ack_wait: Duration,
}

/// A moment in the life of a connection: another one means that it was lost in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    losses: u64,
    connects: u64,
}

/// How a request ended without an answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// Nobody listens on the subject: nothing happened.
    Nobody,
    /// Sent, perhaps received, never answered.
    Unknown(String),
    /// Never sent.
    Unsent(String),
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nobody => f.write_str("no stream listens"),
            Self::Unknown(why) | Self::Unsent(why) => f.write_str(why),
        }
    }
}

impl Link {
    pub(crate) async fn connect(config: &JournalConfig) -> Result<Self, Unreachable> {
        let unreachable = |e: &dyn std::fmt::Display| Unreachable::new("connect", e);
        let (lost, losses) = watch::channel(0);
        let lost = Arc::new(lost);
        let mut options = ConnectOptions::new()
            .name(&config.name)
            .event_callback(move |event| {
                note(&event, &lost);
                std::future::ready(())
            })
            .reconnect_delay_callback(|attempts| {
                let doubled = 10 << attempts.min(10);
                Duration::from_millis(doubled).min(RECONNECT_PAUSE)
            });
        if let Some(prefix) = &config.inbox {
            options = options.custom_inbox_prefix(prefix);
        }
        options = options.connection_timeout(config.connect_within);
        if let Some(path) = &config.root_certificates {
            options = options.add_root_certificates(path.clone());
        }
        if let Some(path) = &config.credentials {
            let said = tokio::fs::read_to_string(path).await.map(Zeroizing::new);
            options = sign_in(options, &said.map_err(|e| unreachable(&e))?).map_err(|e| unreachable(&e))?;
        }
        let addresses: Vec<&str> = config.url.split(',').map(str::trim).collect();
        if addresses.iter().any(|address| address.starts_with("tls://")) {
            // For all of them, so that no credentials ever cross a wire in clear.
            options = options.require_tls(true).tls_first();
        }
        let client = options.connect(addresses).await.map_err(|e| unreachable(&e))?;
        Ok(Self { client, losses, ack_wait: config.ack_wait })
    }

    /// A mark for [`Link::lost_since`], taken before something is sent.
    pub(crate) fn mark(&self) -> Mark {
        let connects = self.client.statistics().connects.load(Ordering::Relaxed);
        Mark { losses: *self.losses.borrow(), connects }
    }

    /// Resolves once the connection was lost after `mark`.
    pub(crate) async fn lost_since(&self, mark: Mark) {
        let mut losses = self.losses.clone();
        let told = async {
            if losses.wait_for(|now| *now != mark.losses).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let seen = async {
            while self.connected() && self.mark() == mark {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = told => {}
            () = seen => {}
        }
    }

    /// Whether the broker is connected at this moment.
    pub(crate) fn connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Asks and waits for one answer, no longer than `ack_wait` and not beyond the loss of the connection.
    pub(crate) async fn request(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        body: Bytes,
    ) -> Result<Message, Silence> {
        if !self.connected() {
            return Err(Silence::Unsent("the connection to the broker is down".to_owned()));
        }
        let mark = self.mark();
        let mut request = Request::new().payload(body).timeout(Some(self.ack_wait));
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        tokio::select! {
            answer = self.client.send_request(subject, request) => answer.map_err(|e| match e.kind() {
                RequestErrorKind::NoResponders => Silence::Nobody,
                RequestErrorKind::TimedOut => Silence::Unknown(format!("no answer within {:?}", self.ack_wait)),
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => Silence::Unsent(e.to_string()),
                RequestErrorKind::Other => Silence::Unknown(e.to_string()),
            }),
            () = self.lost_since(mark) => Err(Silence::Unknown("the connection was lost".to_owned())),
        }
    }
}

/// Signs in with what a file of credentials says: a token and its seed (`.creds`), or a seed alone.
fn sign_in(options: ConnectOptions, said: &str) -> Result<ConnectOptions, std::io::Error> {
    if said.contains("NATS USER JWT") {
        return options.credentials(said);
    }
    let seed = said.trim();
    match nkeys::KeyPair::from_seed(seed) {
        Ok(_) => Ok(options.nkey(seed.to_owned())),
        Err(why) => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why)),
    }
}

/// Counts losses and says in the log what happens to the connection.
fn note(event: &Event, lost: &watch::Sender<u64>) {
    match event {
        Event::Disconnected => {
            tracing::warn!("the connection to the broker was lost");
            lost.send_modify(|n| *n += 1);
        }
        Event::Connected => tracing::info!("connected to the broker"),
        Event::SlowConsumer(subscription) => {
            tracing::warn!(subscription, "a reader was too slow and will read again")
        }
        Event::ServerError(error) => tracing::warn!(%error, "the broker reports an error"),
        Event::ClientError(error) => tracing::debug!(%error, "the client reports an error"),
        Event::LameDuckMode | Event::Draining | Event::Closed => {
            tracing::info!(%event, "the connection changes")
        }
    }
}
