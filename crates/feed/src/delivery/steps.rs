//! Keeping the sender in step with the subscriptions that stand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::id::SubscriptionId;
use domain::subscription::{Delivery, Flow, Restart, Standing, Way};
use jiff::Timestamp;
use journal::deliveries::{DeliveryRecord, Outcome, Reach, ReplayReach};
use service::config::Webhooks;
use service::{Problem, Stop};
use tokio::time::timeout;

use super::chain::Chain;
use super::outbox::Told;
use super::route::{NoRoute, Routes};
use crate::placements;
use crate::sending::sender::NotTaken;
use crate::sending::{Endpoint, EndpointId, Position, Sender};
use crate::source::Source;
use crate::webhook::Policy;

/// How long is waited between two looks, however much is recorded.
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// How long without one: a secret that was rotated stops signing with time.
const LOOKED_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// How long is waited until an endpoint that is taken down has ended.
const REMOVED_WITHIN: Duration = Duration::from_millis(100);
/// By whose word something is recorded that was no attempt.
const OWNER: &str = "owner";
/// How long until what failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What may be sent to, as the operator says.
pub(crate) fn allowed(settings: Option<&Webhooks>) -> Policy {
    settings.map_or_else(Policy::default, |is| Policy {
        plain_http: is.plain_http,
        allowed: is.allowed_networks.as_slice().into(),
    })
}

/// What an endpoint was put up with: another one takes its place when any of it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Put {
    round: u32,
    generation: u32,
    beside: Option<u32>,
    /// What is to be sent again, by its number; 0 for nothing.
    replay: u32,
}

/// What of a subscription is sent now.
fn sent(is: &Standing, now: Timestamp) -> Option<(Put, &Delivery)> {
    let delivery = is.delivery.as_ref().filter(|_| is.flow == Flow::Running)?;
    match delivery.way {
        Way::Webhook { .. } | Way::Mail { .. } => {}
        // Written by who writes partners' feeds.
        Way::Broker {} => return None,
    }
    let (round, generation) = (delivery.round, is.secret.generation);
    let replay = is.replay.map_or(0, |replay| replay.number);
    Some((Put { round, generation, beside: is.secret.beside(now), replay }, delivery))
}

/// Has every subscription with a way sent to, from where it stopped, until asked to stop.
///
/// # Errors
/// None: what fails is logged and tried again, and holds up no other subscription.
pub(crate) async fn bring(
    source: Source,
    routes: Routes,
    sender: Sender<Told>,
    stop: Stop,
) -> anyhow::Result<()> {
    let (put, acknowledged) = (BTreeMap::new(), BTreeMap::new());
    let mut steps = Steps { source, routes, sender, put, acknowledged };
    while !stop.is_stopping() {
        let seen = steps.source.view.position();
        let within = if steps.look().await { LOOKED_AT_LEAST_EVERY } else { AGAIN_AFTER };
        let (view, clock) = (&steps.source.view, &steps.source.desk.edge().clock);
        let changed = async {
            view.reached(seen.saturating_add(1), within).await;
            clock.passed(LOOKED_EVERY).await;
        };
        tokio::select! {
            () = stop.stopping() => {}
            () = changed => {}
        }
    }
    Ok(())
}

struct Steps {
    source: Source,
    routes: Routes,
    sender: Sender<Told>,
    /// What was put up, and what stopped in its round and is not put up again.
    put: BTreeMap<SubscriptionId, Put>,
    /// Up to where it is recorded that owners have acknowledged.
    acknowledged: BTreeMap<SubscriptionId, u64>,
}

impl Steps {
    /// Puts up what is new, takes down what is over; `false` if something is to be tried again soon.
    async fn look(&mut self) -> bool {
        // Rows that are being built know nobody yet.
        let Ok(all) = self.standing() else { return false };
        let now = self.source.desk.edge().now();
        let mut level = true;
        let mut kept = BTreeSet::new();
        for (id, is, began) in &all {
            let id = *id;
            let late = |why: &anyhow::Error| {
                tracing::warn!(subscription.id = %id, "what was asked for subscription {id} is not done yet: {why:#}");
            };
            level &= self.acknowledge(id, is).await.inspect_err(late).is_ok();
            let Some((put, delivery)) = sent(is, now) else { continue };
            kept.insert(id);
            level &= self.keep(id, is, delivery, put, *began).await.inspect_err(late).unwrap_or(false);
        }
        let over: Vec<_> = self.put.keys().filter(|id| !kept.contains(*id)).copied().collect();
        for id in over {
            // It is asked for at once; an attempt that hangs is not waited for, others may be new meanwhile.
            let _ = self.take_down(id).await;
            self.put.remove(&id);
        }
        level
    }

    /// Has a subscription sent to as `put` says; `false` if that is to be tried again.
    async fn keep(
        &mut self,
        id: SubscriptionId,
        is: &Standing,
        delivery: &Delivery,
        put: Put,
        began: u64,
    ) -> anyhow::Result<bool> {
        let before = self.put.get(&id).copied();
        if before == Some(put) {
            return Ok(true);
        }
        // To go back, what goes forward must have ended.
        if before.is_some_and(|before| before.replay != put.replay) && !self.take_down(id).await {
            return Ok(false);
        }
        self.begin(id, is, delivery, put, began).await?;
        self.put.insert(id, put);
        Ok(true)
    }

    /// Ends the sending to a subscription; `false` if an attempt is still under way.
    async fn take_down(&self, id: SubscriptionId) -> bool {
        timeout(REMOVED_WITHIN, self.sender.remove(EndpointId(id.uuid()))).await.is_ok()
    }

    /// Every subscription that stands, and from which position on it is sent what it is told.
    fn standing(&self) -> Result<Vec<(SubscriptionId, Standing, u64)>, Problem> {
        let page = self.source.reading.now()?;
        let all = self.source.all_standing(&page)?;
        let since = |(id, is)| placements::sent_since(&page, id).map(|began| (id, is, began));
        all.into_iter().map(since).collect()
    }

    /// Records what an owner has acknowledged beside what was sent to it.
    async fn acknowledge(&mut self, id: SubscriptionId, is: &Standing) -> anyhow::Result<()> {
        let upto = is.acknowledged;
        if self.acknowledged.get(&id).copied().unwrap_or_default() >= upto {
            return Ok(());
        }
        let journal = self.source.desk.journal();
        let (mut chain, _) = Chain::end(journal, id, 0).await?;
        if chain.reach.acknowledged < upto {
            let round = is.delivery.as_ref().map_or(0, |delivery| delivery.round);
            let record = |mut reach: Reach| {
                reach.acknowledged = upto;
                self.record(OWNER, round, (upto, None), Outcome::Acknowledged, reach)
            };
            chain.put(journal, record).await?;
        }
        self.acknowledged.insert(id, upto);
        Ok(())
    }

    async fn begin(
        &self,
        id: SubscriptionId,
        is: &Standing,
        delivery: &Delivery,
        put: Put,
        began: u64,
    ) -> anyhow::Result<()> {
        let (journal, round) = (self.source.desk.journal(), put.round);
        let (mut chain, last) = Chain::end(journal, id, began).await?;
        match chain.reach.stopped.clone() {
            Some(stopped) if stopped.round == round => return Ok(()),
            Some(stopped) if delivery.restart == Restart::PastIt && stopped.item.is_some() => {
                let position = stopped.position;
                let record = |mut reach: Reach| {
                    reach.pass(position.saturating_sub(1), position, true);
                    self.record(OWNER, round, (position, stopped.item.clone()), Outcome::SetAside, reach)
                };
                chain.put(journal, record).await?;
            }
            Some(_) | None => {}
        }
        let after = take_up(&mut chain.reach, is);
        let route = match self.routes.of(&self.source, id, is, delivery).await? {
            Ok(route) => route,
            Err(NoRoute(why)) => {
                let outcome = Outcome::NotSent { why: why.to_owned() };
                let way = delivery.way.name();
                let record = |reach: Reach| self.record(way, round, (after, None), outcome.clone(), reach);
                return Ok(chain.put(journal, record).await?);
            }
        };
        let tried = last.map_or(0, |last| match last.outcome {
            Outcome::Again { .. } if last.round == round => last.attempt,
            Outcome::Again { .. }
            | Outcome::Delivered
            | Outcome::Sent
            | Outcome::SetAside
            | Outcome::Acknowledged
            | Outcome::GivenUp { .. }
            | Outcome::Gone
            | Outcome::NotSent { .. } => 0,
        });
        let link = self.routes.link.clone();
        let outbox = Told::new(self.source.clone(), id, (round, put.replay), link, chain);
        let endpoint = Endpoint { route, outbox, after: Position(after), tried };
        match self.sender.put(EndpointId(id.uuid()), endpoint).await {
            // Everything ends: nobody looks again.
            Ok(()) | Err(NotTaken::Stopped) => Ok(()),
            Err(full @ NotTaken::Full) => Err(full.into()),
        }
    }

    /// The record of something that was no attempt.
    fn record(
        &self,
        way: &str,
        round: u32,
        (position, item): (u64, Option<String>),
        outcome: Outcome,
        reach: Reach,
    ) -> DeliveryRecord {
        DeliveryRecord {
            way: way.to_owned(),
            round,
            position,
            item,
            digest: None,
            attempt: 0,
            at: self.source.desk.edge().now(),
            outcome,
            gathered: None,
            reach,
        }
    }
}

/// Begins with the replay that was asked for last, if it is not over, and tells after which position is sent.
fn take_up(reach: &mut Reach, is: &Standing) -> u64 {
    let Some(asked) = is.replay else { return reach.cursor };
    let known = reach.replay.filter(|known| known.number == asked.number);
    let replay = known.unwrap_or(ReplayReach { number: asked.number, cursor: asked.after });
    reach.replay = Some(replay);
    if replay.cursor < asked.until.min(reach.cursor) { replay.cursor } else { reach.cursor }
}
