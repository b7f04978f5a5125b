//! Commands of partners over the broker.
//!
//! A partner's software publishes on `cmd.<territory>.<aggregate>.<command>`, for instance
//! `cmd.33.households.propose-referral`, and waits for one answer:
//!
//! | header | meaning |
//! |---|---|
//! | `Nats-Msg-Id` | the partner's own id of this command; the same for the same command, however often it is sent |
//! | `Continuum-Id` | the id of what the command is about; absent when the command creates something |
//! | `Continuum-Version` | the version of it that the command insists on, if any |
//! | `traceparent` | the partner's trace (W3C), if it has one |
//!
//! The body is the command's JSON as over HTTP. The answer's body is the receipt, or a problem document with the headers
//! `Nats-Service-Error` and `Nats-Service-Error-Code`; `Continuum-Status` holds the status that HTTP would give.
//!
//! The gateway itself refuses with `unknown-path` (404), `malformed-header`, `malformed-id`, `malformed-body`, `too-deep` (400),
//! `body-too-large` (413), `too-many-requests` (429), `too-busy` (503) and, when the outcome is unknown, `timed-out`
//! (504): send the command again with the same id then.
//!
//! **Invariant.** Who asks is said by the broker alone: the partner's account imports the subject as
//! `cmd.<account>.<territory>.<aggregate>.<command>`, and it can import no other's.
//!
//! **Invariant.** The command's id is derived from account and message id. Nothing a partner sends is stored before it is
//! decided, so no partner's message id can take another's place.
//!
//! **Invariant.** Everything is bounded: bytes, depth, commands per second and partner, commands under way. The bound that
//! was met is named in the answer.
//!
//! In the core account each gateway is a service of NATS's micro protocol, with an endpoint for each command: it answers
//! `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, so that any tool for such services finds it and says what it takes and how much
//! of it. The house's own operators ask (`ops`); partners do not see any of it.

mod answer;
mod bucket;
mod command;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::service::{Request, Service, ServiceExt, endpoint::Endpoint};
use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

pub use answer::{Answer, Handler, STATUS};
pub use bucket::Rate;
pub use command::{MAX_COMMAND_BYTES, MAX_DEPTH, PartnerCommand, TARGET, VERSION};

use crate::config::JournalConfig;
use crate::link::{Link, Unreachable};
use answer::Problem;
use bucket::Buckets;

/// How the broker calls the way back to another account. An answer goes nowhere else: not into a stream.
const ACROSS: [&str; 2] = ["_R_.", "_GR_."];

/// How long the last answers may take to leave when a gateway is stopped.
const LEAVING: Duration = Duration::from_secs(2);

/// What a gateway takes.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// Its name in the micro protocol, and of the group that shares the work: all replicas of one service say the same.
    /// Letters, digits, `-` and `_`.
    pub name: String,
    /// The commands it takes; none means all. A command that no gateway takes is answered at once by the broker: nobody
    /// listens.
    pub takes: Vec<Taken>,
    /// How many commands each partner may send.
    pub rate: Rate,
    /// How many commands may be under way at once, of all partners.
    pub under_way: usize,
    /// How long one may take. After that the partner hears that the outcome is unknown and asks again.
    pub within: Duration,
}

/// A command that a gateway takes: an endpoint in the micro protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// On which kind of thing: `households`.
    pub aggregate: String,
    /// What is asked: `propose-referral`.
    pub command: String,
    /// What a tool is told of it: where its schema is, which right it needs.
    pub metadata: HashMap<String, String>,
}

/// Where a gateway listens, and how that is called in the micro protocol.
struct Place {
    name: String,
    subject: String,
    metadata: HashMap<String, String>,
}

impl GatewayOptions {
    /// All commands, the usual rates, 64 at once, 30 seconds each.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            takes: Vec::new(),
            rate: Rate::default(),
            under_way: 64,
            within: Duration::from_secs(30),
        }
    }

    fn places(&self) -> Vec<Place> {
        if self.takes.is_empty() {
            let metadata = HashMap::new();
            return vec![Place { name: "commands".to_owned(), subject: "cmd.*.>".to_owned(), metadata }];
        }
        let place = |Taken { aggregate, command, metadata }: &Taken| Place {
            name: format!("{aggregate}-{command}"),
            subject: format!("cmd.*.*.{aggregate}.{command}"),
            metadata: metadata.clone(),
        };
        self.takes.iter().map(place).collect()
    }
}

/// Why a gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The broker cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The broker's client takes no such service: its name is not one.
    #[error("the gateway cannot listen: {0}")]
    Unfit(String),
}

/// A running gateway. Dropping it stops it at once; [`Self::stop`] lets what is under way be answered.
#[derive(Debug)]
pub struct Gateway {
    service: Option<Service>,
    task: Option<JoinHandle<()>>,
    link: Link,
}

impl Gateway {
    /// Connects on its own, with the gateway's credentials, and listens.
    ///
    /// # Errors
    /// [`GatewayError::Unreachable`]; [`GatewayError::Unfit`].
    pub async fn start(
        config: &JournalConfig,
        options: GatewayOptions,
        handler: impl Handler,
    ) -> Result<Self, GatewayError> {
        let link = Link::connect(config).await?;
        let unfit = |why: async_nats::Error| GatewayError::Unfit(why.to_string());
        let service = link
            .client
            .service_builder()
            .description("takes the commands of partners")
            .queue_group(&options.name)
            .start(&options.name, env!("CARGO_PKG_VERSION"))
            .await
            .map_err(unfit)?;
        let mut endpoints = SelectAll::new();
        for Place { name, subject, metadata } in options.places() {
            let endpoint = service.endpoint_builder().name(name).metadata(metadata);
            endpoints.push(endpoint.add(subject).await.map_err(unfit)?);
        }
        // What is subscribed counts once the broker has heard of it.
        link.client.flush().await.map_err(|why| GatewayError::Unfit(why.to_string()))?;
        let listening = Listening {
            link: link.clone(),
            buckets: Buckets::new(options.rate),
            free: Arc::new(Semaphore::new(options.under_way)),
            within: options.within,
            handler: Arc::new(handler),
        };
        let task = tokio::spawn(listening.run(endpoints));
        Ok(Self { service: Some(service), task: Some(task), link })
    }

    /// Takes no more commands and returns when those under way are answered.
    pub async fn stop(mut self) {
        if let Some(service) = self.service.take() {
            // An error means that nobody listens any more.
            let _ = service.stop().await;
        }
        if let Some(mut task) = self.task.take() {
            tokio::select! {
                _ = &mut task => {}
                () = gone(&self.link) => task.abort(),
            }
        }
    }
}

/// Waits until the broker does not answer: subscriptions of the client do not end then, and nothing can be answered.
async fn gone(link: &Link) {
    loop {
        sleep(LEAVING).await;
        if !link.connected() {
            return;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// The task of a gateway.
struct Listening<H> {
    link: Link,
    buckets: Buckets,
    free: Arc<Semaphore>,
    within: Duration,
    handler: Arc<H>,
}

impl<H: Handler> Listening<H> {
    async fn run(mut self, mut requests: SelectAll<Endpoint>) {
        let mut under_way = JoinSet::new();
        while let Some(request) = requests.next().await {
            while under_way.try_join_next().is_some() {}
            if !request
                .message
                .reply
                .as_ref()
                .is_some_and(|reply| ACROSS.iter().any(|way| reply.starts_with(way)))
            {
                tracing::warn!("a command whose answer would not go back to another account was not taken");
                continue;
            }
            match self.admit(&request) {
                Ok((command, permit)) => {
                    let (handler, within) = (Arc::clone(&self.handler), self.within);
                    under_way.spawn(async move {
                        let answer = timeout(within, handler.take(command)).await;
                        send(&request, answer.unwrap_or_else(|_| too_late())).await;
                        drop(permit);
                    });
                }
                Err(problem) => send(&request, problem.into()).await,
            }
        }
        while under_way.join_next().await.is_some() {}
        // Without a broker they never leave.
        match timeout(LEAVING, self.link.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::warn!(%why, "the last answers to partners may not have left"),
            Err(_) => {
                tracing::warn!("the last answers to partners have not left: the broker does not answer")
            }
        }
    }

    fn admit(&mut self, request: &Request) -> Result<(PartnerCommand, OwnedSemaphorePermit), Problem> {
        let account = command::account(&request.message.subject);
        // Counted before it is read: a flood of nonsense is a flood.
        if let Some(account) = account
            && self.buckets.take(&account, Instant::now()).is_err()
        {
            return Err(Problem::new(429, "too-many-requests", "slow down; nothing was recorded"));
        }
        let command = PartnerCommand::read(&request.message)?;
        let permit = Arc::clone(&self.free).try_acquire_owned();
        let permit = permit
            .map_err(|_| Problem::new(503, "too-busy", "ask again in a moment; nothing was recorded"))?;
        Ok((command, permit))
    }
}

fn too_late() -> Answer {
    let detail = "whether the command was recorded is unknown: send it again with the same Nats-Msg-Id";
    Problem::new(504, "timed-out", detail).into()
}

async fn send(request: &Request, answer: Answer) {
    let (body, headers) = answer.into_message();
    if let Err(why) = request.respond_with_headers(Ok(body), headers).await {
        tracing::warn!(%why, "an answer to a partner was not sent");
    }
}
