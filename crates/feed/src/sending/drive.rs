//! One endpoint: its messages one after the other, each until it is taken, given up or no longer there.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use service::{Edge, Stop};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::breaker::{self, Breaker, Leave};
use super::carrier::{Carriers, Route};
use super::outbox::{Message, Note, Outbox, Outcome, Position, Pulled};
use super::retry::{self, Share, later};
use super::verdict::{Failure, Verdict};
use crate::webhook::MessageId;

/// How long is waited when an outbox does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// An endpoint that takes longer over a message is slow: it goes on, and waits, among those that fail.
const QUICK: Duration = Duration::from_secs(1);

/// What names an endpoint in logs and orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub Uuid);

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known of an endpoint that is to be sent to.
#[derive(Debug)]
pub struct Endpoint<O> {
    /// What carries its messages, and where to.
    pub route: Route,
    /// Where its messages come from.
    pub outbox: O,
    /// Its cursor: the position of the last message that was delivered.
    pub after: Position,
    /// How often the message after the cursor was tried in vain already, as the last [`Note::attempt`] said. Such an endpoint is
    /// not trusted to answer quickly.
    pub tried: u32,
}

/// Why an endpoint is no longer sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was asked for.
    Stopped,
    /// The endpoint wants no messages any more.
    Gone,
    /// A message was tried often enough.
    GivenUp,
}

/// Which attempts an endpoint waits for before its own is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// Those of endpoints that took their last message quickly.
    Quick,
    /// Those of all others: however many of them hang, nobody else waits for them.
    Slow,
}

/// What all endpoints share.
pub(super) struct Shared {
    pub(super) carriers: Carriers,
    pub(super) breaker: breaker::Limits,
    pub(super) edge: Edge,
    pub(super) quick: Semaphore,
    pub(super) slow: Semaphore,
}

/// An endpoint that is being sent to.
pub(super) struct Drive<O> {
    shared: Arc<Shared>,
    id: EndpointId,
    endpoint: Endpoint<O>,
    stop: Stop,
    /// The message that failed last, once one did since this began.
    head: Option<MessageId>,
    breaker: Breaker,
    lane: Lane,
    /// Nothing is sent before then.
    due: Timestamp,
}

impl<O: Outbox> Drive<O> {
    pub(super) fn new(shared: Arc<Shared>, id: EndpointId, endpoint: Endpoint<O>, stop: Stop) -> Self {
        let lane = if endpoint.tried == 0 { Lane::Quick } else { Lane::Slow };
        let (breaker, due) = (Breaker::default(), Timestamp::MIN);
        Self { shared, id, endpoint, stop, head: None, breaker, lane, due }
    }

    /// Sends until there is a reason to end, and tells where the cursor stands then.
    pub(super) async fn run(mut self) -> (Ended, Position) {
        let ended = self.go_on().await;
        (ended, self.endpoint.after)
    }

    /// Asked to stop, it finishes the attempt that is under way; told to, it drops it.
    async fn go_on(&mut self) -> Ended {
        let (shared, stop) = (self.shared.clone(), self.stop.clone());
        loop {
            let permit = tokio::select! {
                biased;
                () = stop.stopping() => return Ended::Stopped,
                permit = self.turn(&shared) => permit,
            };
            let ended = tokio::select! {
                biased;
                () = stop.killed() => return Ended::Stopped,
                ended = self.step(permit) => ended,
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// Returns when it is this endpoint's turn: its time has come, there may be a message, and there is room for an attempt.
    async fn turn<'a>(&self, shared: &'a Shared) -> Option<SemaphorePermit<'a>> {
        shared.edge.clock.reached(self.due).await;
        self.endpoint.outbox.ready(self.endpoint.after).await;
        let lane = match self.lane {
            Lane::Quick => &shared.quick,
            Lane::Slow => &shared.slow,
        };
        // It fails when the lane is closed, which nobody does.
        lane.acquire().await.ok()
    }

    /// Sends the next message, once.
    async fn step(&mut self, permit: Option<SemaphorePermit<'_>>) -> Option<Ended> {
        let message = self.pull().await?;
        let now = self.shared.edge.now();
        let (breaker, leave) = self.breaker.ask(&self.shared.breaker, now);
        self.breaker = breaker;
        match leave {
            Leave::Granted => {}
            Leave::Rest { until } => return self.wait_until(until),
            // One attempt at a time: nobody else probes this endpoint.
            Leave::Wait => return self.wait_until(later(now, self.shared.breaker.rest)),
        }
        if self.head.as_ref().is_some_and(|head| head != message.id()) {
            self.endpoint.tried = 0;
        }
        let began = Instant::now();
        let verdict = self.attempt(&message, now, permit).await;
        let outcome = self.settle(&message, verdict, began.elapsed());
        let note = self.note(&message, outcome);
        if !self.noted(&note).await {
            return Some(Ended::Stopped);
        }
        self.follow(&message, outcome)
    }

    /// Makes an attempt and gives back its room.
    async fn attempt(
        &self,
        message: &Message,
        now: Timestamp,
        permit: Option<SemaphorePermit<'_>>,
    ) -> Verdict {
        let mut sent = pin!(self.shared.carriers.attempt(&self.endpoint.route, message, now));
        if self.lane == Lane::Slow {
            return sent.await;
        }
        if let Ok(verdict) = timeout(QUICK, &mut sent).await {
            return verdict;
        }
        // It turns out to be slow: it goes on in the room of its kind as soon as there is any.
        tokio::select! {
            verdict = &mut sent => verdict,
            _moved = self.shared.slow.acquire() => {
                drop(permit);
                sent.await
            }
        }
    }

    /// The next message, if there is one.
    async fn pull(&mut self) -> Option<Message> {
        let after = self.endpoint.after;
        let failed = match self.endpoint.outbox.next(after).await {
            Ok(Pulled::Message(message)) if message.position() > after => return Some(message),
            Ok(Pulled::Message(_)) => anyhow::anyhow!("a message stands before the cursor"),
            Ok(Pulled::Nothing { upto }) => {
                self.endpoint.after = after.max(upto);
                return None;
            }
            Err(error) => error,
        };
        tracing::warn!(endpoint.id = %self.id, "cannot read what endpoint {} is to be told: {failed:#}", self.id);
        self.due = later(self.shared.edge.now(), PAUSE);
        None
    }

    /// Nothing more is sent before `until`.
    fn wait_until(&mut self, until: Timestamp) -> Option<Ended> {
        self.due = until;
        None
    }

    /// What the verdict means for this message and the next attempt.
    fn settle(&mut self, message: &Message, verdict: Verdict, took: Duration) -> Outcome {
        let now = self.shared.edge.now();
        self.endpoint.tried = self.endpoint.tried.saturating_add(1);
        self.head = Some(message.id().clone());
        self.lane = if took <= QUICK { Lane::Quick } else { Lane::Slow };
        match verdict {
            Verdict::Delivered => {
                self.breaker = self.breaker.succeeded();
                Outcome::Delivered
            }
            Verdict::Gone => Outcome::Gone,
            Verdict::Never { why } => Outcome::GivenUp { why },
            Verdict::Failed { why, asked } => {
                self.lane = Lane::Slow;
                self.breaker = self.breaker.failed(&self.shared.breaker, now);
                self.failed(why, asked, now)
            }
        }
    }

    /// When is tried again, if at all.
    fn failed(&self, why: Failure, asked: Option<Duration>, now: Timestamp) -> Outcome {
        let [.., a, b, c, d] = *self.shared.edge.mint().as_bytes();
        let drawn = Share(u32::from_be_bytes([a, b, c, d]));
        match retry::next(self.endpoint.tried, drawn, asked, now) {
            retry::Next::GiveUp => Outcome::GivenUp { why },
            retry::Next::At(due) => match self.breaker {
                Breaker::Open { until } => Outcome::Again { why, due: due.max(until) },
                Breaker::Closed { .. } | Breaker::Probing => Outcome::Again { why, due },
            },
        }
    }

    fn note(&self, message: &Message, outcome: Outcome) -> Note {
        let (position, id) = (message.position(), message.id().clone());
        Note { position, id, at: self.shared.edge.now(), attempt: self.endpoint.tried, outcome }
    }

    /// Notes what became of a message, until that is kept; `false` if it was asked to stop first.
    async fn noted(&self, note: &Note) -> bool {
        while let Err(failed) = self.endpoint.outbox.note(note).await {
            tracing::warn!(endpoint.id = %self.id, "cannot note what became of a message of endpoint {}: {failed:#}", self.id);
            tokio::select! {
                () = self.stop.stopping() => return false,
                () = self.shared.edge.clock.passed(PAUSE) => {}
            }
        }
        true
    }

    /// Goes on after what was noted.
    fn follow(&mut self, message: &Message, outcome: Outcome) -> Option<Ended> {
        match outcome {
            Outcome::Delivered => {
                self.endpoint.after = message.position();
                self.endpoint.tried = 0;
                self.head = None;
                self.due = Timestamp::MIN;
                None
            }
            Outcome::Again { why, due } => {
                tracing::info!(
                    endpoint.id = %self.id, message.id = %message.id(), attempt = self.endpoint.tried, why = why.code(),
                    "message {} was not taken by endpoint {} and is sent again: {why}", message.id(), self.id
                );
                self.wait_until(due)
            }
            Outcome::GivenUp { why } => {
                tracing::warn!(
                    endpoint.id = %self.id, message.id = %message.id(), attempt = self.endpoint.tried, why = why.code(),
                    "message {} was not taken by endpoint {} for too long, nothing more is sent: {why}", message.id(), self.id
                );
                Some(Ended::GivenUp)
            }
            Outcome::Gone => Some(Ended::Gone),
        }
    }
}
