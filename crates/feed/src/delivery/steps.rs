//! Keeping the sender in step with the subscriptions that stand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context as _;
use domain::id::SubscriptionId;
use domain::subscription::{Delivery, Flow, Standing, Way};
use jiff::Timestamp;
use journal::deliveries::{DeliveryRecord, Outcome, Tip};
use service::config::Webhooks;
use service::{Problem, Stop};
use tokio::time::timeout;

use super::outbox::{Told, WEBHOOK};
use super::secret;
use crate::placements;
use crate::source::Source;
use crate::webhook::sender::NotTaken;
use crate::webhook::{Endpoint, EndpointId, Policy, Position, Sender};

/// How long is waited between two looks, however much is recorded.
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// How long without one: a secret that was rotated stops signing with time.
const LOOKED_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// How long is waited until an endpoint that is taken down has ended.
const REMOVED_WITHIN: Duration = Duration::from_millis(100);
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
}

/// What of a subscription is sent now.
fn sent(is: &Standing, now: Timestamp) -> Option<(Put, &Delivery)> {
    let delivery = is.delivery.as_ref().filter(|_| is.flow == Flow::Running)?;
    let (round, generation) = (delivery.round, is.secret.generation);
    Some((Put { round, generation, beside: is.secret.beside(now) }, delivery))
}

/// Has every subscription with a way sent to, from where it stopped, until asked to stop.
///
/// # Errors
/// None: what fails is logged and tried again, and holds up no other subscription.
pub(crate) async fn bring(
    source: Source,
    policy: Policy,
    sender: Sender<Told>,
    stop: Stop,
) -> anyhow::Result<()> {
    let mut steps = Steps { source, policy, sender, put: BTreeMap::new() };
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
    policy: Policy,
    sender: Sender<Told>,
    /// What was put up, and what stopped in its round and is not put up again.
    put: BTreeMap<SubscriptionId, Put>,
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
            let Some((put, delivery)) = sent(is, now) else { continue };
            kept.insert(*id);
            if self.put.get(id) == Some(&put) {
                continue;
            }
            match self.begin(*id, is, delivery, put.round, *began).await {
                Ok(()) => {
                    self.put.insert(*id, put);
                }
                Err(why) => {
                    tracing::warn!(subscription.id = %id, "subscription {id} is not sent to yet: {why:#}");
                    level = false;
                }
            }
        }
        let over: Vec<_> = self.put.keys().filter(|id| !kept.contains(*id)).copied().collect();
        for id in over {
            // It is asked for at once; an attempt that hangs is not waited for, others may be new meanwhile.
            let _ = timeout(REMOVED_WITHIN, self.sender.remove(EndpointId(id.uuid()))).await;
            self.put.remove(&id);
        }
        level
    }

    /// Every subscription that stands, and from which position on it is sent what it is told.
    fn standing(&self) -> Result<Vec<(SubscriptionId, Standing, u64)>, Problem> {
        let page = self.source.reading.now()?;
        let all = self.source.all_standing(&page)?;
        let since = |(id, is)| placements::sent_since(&page, id).map(|began| (id, is, began));
        all.into_iter().map(since).collect()
    }

    async fn begin(
        &self,
        id: SubscriptionId,
        is: &Standing,
        delivery: &Delivery,
        round: u32,
        began: u64,
    ) -> anyhow::Result<()> {
        let journal = self.source.desk.journal();
        let last = journal.last_delivery(id).await?;
        let stopped = |last: &DeliveryRecord| last.round == round && last.outcome.stops();
        if last.as_ref().is_some_and(|last| stopped(&last.record)) {
            return Ok(());
        }
        let tip = last.as_ref().map_or(Tip::NONE, |last| last.tip);
        let cursor = last.as_ref().map_or(began, |last| last.record.cursor.max(began));
        let tried = last.as_ref().map_or(0, |last| match last.record.outcome {
            Outcome::Again { .. } if last.record.round == round => last.record.attempt,
            Outcome::Again { .. }
            | Outcome::Delivered
            | Outcome::GivenUp { .. }
            | Outcome::Gone
            | Outcome::NotSent { .. } => 0,
        });
        let Way::Webhook { url } = &delivery.way;
        let Ok(target) = self.policy.read(url) else {
            let record = DeliveryRecord {
                way: WEBHOOK.to_owned(),
                round,
                position: cursor,
                item: None,
                digest: None,
                attempt: 0,
                at: self.source.desk.edge().now(),
                outcome: Outcome::NotSent { why: "refused-target".to_owned() },
                cursor,
            };
            journal.record_delivery(id, &tip, &record).await?;
            return Ok(());
        };
        let ring = journal.keys().context("this journal was opened without keys")?;
        let keys = secret::signing(ring, id, is.secret, self.source.desk.edge().now())?;
        let outbox = Told::new(self.source.clone(), id, round, tip, cursor);
        let endpoint = Endpoint { target, keys, outbox, after: Position(cursor), tried };
        match self.sender.put(EndpointId(id.uuid()), endpoint).await {
            // Everything ends: nobody looks again.
            Ok(()) | Err(NotTaken::Stopped) => Ok(()),
            Err(full @ NotTaken::Full) => Err(full.into()),
        }
    }
}
