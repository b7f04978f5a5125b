//! Many endpoints at once.
//!
//! **Invariant.** An endpoint has one attempt under way at most, whether it is replaced or put back meanwhile. What is kept of
//! one that waits is its cursor; bodies are in memory only while they are sent, so that their number is bounded by that of
//! attempts at once.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use service::{Edge, Stop};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use super::breaker;
use super::carrier::Carriers;
use super::drive::{Drive, Ended, Endpoint, EndpointId, Shared};
use super::outbox::{Outbox, Position};

/// How many orders wait to be taken.
const ORDERS_MAX: usize = 64;

/// What bounds the sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many attempts are made at once with endpoints that took their last message quickly, or are new.
    pub at_once: usize,
    /// How many attempts are made at once with the others, and go on that take longer than a second: they take the room of the
    /// quick no longer than that, as long as there is some of their own.
    pub slow_at_once: usize,
    /// How many endpoints there may be.
    pub endpoints_max: usize,
    /// When an endpoint is left alone.
    pub breaker: breaker::Limits,
}

impl Default for Settings {
    /// 64 attempts at once and 256 of slow ones; 1000 endpoints.
    fn default() -> Self {
        Self { at_once: 64, slow_at_once: 256, endpoints_max: 1_000, breaker: breaker::Limits::default() }
    }
}

/// Why an order was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// There are as many endpoints as there may be.
    #[error("there are as many endpoints as there may be")]
    Full,
    /// Nothing is sent any more.
    #[error("nothing is sent any more")]
    Stopped,
}

/// What gives orders. A clone gives them to the same [`Rounds`].
#[derive(Debug)]
pub struct Sender<O> {
    orders: mpsc::Sender<Order<O>>,
}

impl<O> Clone for Sender<O> {
    fn clone(&self) -> Self {
        Self { orders: self.orders.clone() }
    }
}

#[derive(Debug)]
enum Order<O> {
    Put(EndpointId, Box<Endpoint<O>>, oneshot::Sender<Result<(), NotTaken>>),
    Remove(EndpointId, oneshot::Sender<()>),
}

impl<O: Outbox> Sender<O> {
    /// Has `endpoint` sent to from now on; in the place of the one of the same id, once its attempt that is under way has ended,
    /// and then not from before what that one delivered: to go back, remove it first.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn put(&self, id: EndpointId, endpoint: Endpoint<O>) -> Result<(), NotTaken> {
        let (reply, taken) = oneshot::channel();
        let order = Order::Put(id, Box::new(endpoint), reply);
        self.orders.send(order).await.map_err(|_| NotTaken::Stopped)?;
        taken.await.unwrap_or(Err(NotTaken::Stopped))
    }

    /// Has an endpoint sent to no more. When this returns, nothing is under way any more; it is no error if nothing was.
    ///
    /// # Errors
    /// [`NotTaken::Stopped`], when everything is ending anyway.
    pub async fn remove(&self, id: EndpointId) -> Result<(), NotTaken> {
        let (reply, ended) = oneshot::channel();
        self.orders.send(Order::Remove(id, reply)).await.map_err(|_| NotTaken::Stopped)?;
        ended.await.map_err(|_| NotTaken::Stopped)
    }
}

/// An endpoint that is sent to.
struct Running<O> {
    stop: Stop,
    /// What takes its place when it has ended.
    successor: Option<Box<Endpoint<O>>>,
    /// Who waits for its end.
    waiting: Vec<oneshot::Sender<()>>,
}

/// What takes orders and sends.
pub struct Rounds<O> {
    shared: Arc<Shared>,
    orders: mpsc::Receiver<Order<O>>,
    endpoints: HashMap<EndpointId, Running<O>>,
    endpoints_max: usize,
    tasks: JoinSet<Arrival>,
}

/// Which endpoint is no longer sent to, why, and where its cursor stands.
type Arrival = (EndpointId, (Ended, Position));

/// What sends by `carriers` within `settings`, with the time and the randomness of `edge`, and what gives it orders.
#[must_use]
pub fn sender<O: Outbox>(carriers: Carriers, settings: &Settings, edge: Edge) -> (Sender<O>, Rounds<O>) {
    let (giver, orders) = mpsc::channel(ORDERS_MAX);
    let shared = Shared {
        carriers,
        breaker: settings.breaker,
        edge,
        quick: Semaphore::new(settings.at_once.max(1)),
        slow: Semaphore::new(settings.slow_at_once.max(1)),
    };
    let rounds = Rounds {
        shared: Arc::new(shared),
        orders,
        endpoints: HashMap::new(),
        endpoints_max: settings.endpoints_max,
        tasks: JoinSet::new(),
    };
    (Sender { orders: giver }, rounds)
}

impl<O: Outbox> Rounds<O> {
    /// Takes orders and sends until asked to stop; then attempts that are under way end and are noted. Told to stop hard, they
    /// are dropped: their messages are sent again by whoever comes next.
    ///
    /// # Errors
    /// Sending to an endpoint panicked: the process no longer does what it promises.
    pub async fn run(mut self, stop: Stop) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                () = stop.stopping() => break,
                Some(ended) = self.tasks.join_next() => self.ended(ended, &stop)?,
                Some(order) = self.orders.recv() => self.take(order, &stop),
                // Nobody can give orders any more, and nothing is sent.
                else => stop.stopping().await,
            }
        }
        self.orders.close();
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("sending to an endpoint panicked")?;
        }
        Ok(())
    }

    fn take(&mut self, order: Order<O>, stop: &Stop) {
        match order {
            // Whoever gave an order and does not wait for an answer needs none.
            Order::Put(id, endpoint, reply) => {
                let _ = reply.send(self.put(id, endpoint, stop));
            }
            Order::Remove(id, reply) => match self.endpoints.get_mut(&id) {
                Some(running) => {
                    running.successor = None;
                    running.waiting.push(reply);
                    running.stop.stop();
                }
                None => {
                    let _ = reply.send(());
                }
            },
        }
    }

    fn put(&mut self, id: EndpointId, endpoint: Box<Endpoint<O>>, stop: &Stop) -> Result<(), NotTaken> {
        if let Some(running) = self.endpoints.get_mut(&id) {
            running.successor = Some(endpoint);
            running.stop.stop();
            return Ok(());
        }
        if self.endpoints.len() >= self.endpoints_max {
            return Err(NotTaken::Full);
        }
        self.begin(id, *endpoint, stop);
        Ok(())
    }

    fn begin(&mut self, id: EndpointId, endpoint: Endpoint<O>, stop: &Stop) {
        let stop = stop.child();
        let drive = Drive::new(self.shared.clone(), id, endpoint, stop.clone());
        self.endpoints.insert(id, Running { stop, successor: None, waiting: Vec::new() });
        self.tasks.spawn(async move { (id, Box::pin(drive.run()).await) });
    }

    fn ended(&mut self, ended: Result<Arrival, JoinError>, stop: &Stop) -> anyhow::Result<()> {
        let (id, (why, cursor)) = ended.context("sending to an endpoint panicked")?;
        match why {
            Ended::Stopped => tracing::debug!(endpoint.id = %id, "endpoint {id} is no longer sent to"),
            Ended::Gone => tracing::info!(endpoint.id = %id, "endpoint {id} wants no messages any more"),
            // Said where it was given up.
            Ended::GivenUp => {}
        }
        let Some(running) = self.endpoints.remove(&id) else { return Ok(()) };
        for waiting in running.waiting {
            let _ = waiting.send(());
        }
        if let Some(mut successor) = running.successor {
            successor.after = successor.after.max(cursor);
            self.begin(id, *successor, stop);
        }
        Ok(())
    }
}
