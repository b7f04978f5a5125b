//! Erasing: the key of a household goes before the answer does; what was cut short is finished, and certified once the
//! night's rotation has made it irreversible.
//!
//! Nothing is remembered of an erasure but the event that decided it: who, when and by which command stand in its envelope,
//! and whoever removes the key, however late, writes the same line to the erasure ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use domain::calendar::{Day, day};
use domain::decide::erasure::CertifyErasure;
use domain::decide::{Command, HouseholdCommand};
use domain::event::{Actor, Origin};
use domain::id::{CommandId, HouseholdId, OrganisationId};
use domain::ledger::AggregateId;
use jiff::Timestamp;
use journal::keys::KeyRing;
use journal::{ExecuteError, Journal, ReadError, Receipt, Recorded};
use projection::key;
use serde_json::Value;
use service::ticker::{Next, Ticker};
use service::{Stop, TraceContext};

use crate::forgetful::{ERASED as KIND, erases};
use crate::index::ERASED;
use crate::take::{Ask, Desk};

/// How often it is looked for what is left to finish.
const EVERY: Duration = Duration::from_secs(5);
/// The longest one run may take.
const RUN_MAX: Duration = Duration::from_secs(120);
/// How many households one run looks at.
const AT_ONCE: usize = 1_000;

/// Removes the keys of the households that these events erased.
///
/// # Errors
/// The erasure is recorded, and a key may still be there: ask again.
pub(crate) async fn remove_keys(journal: &Journal, receipt: &Receipt) -> Result<(), ExecuteError> {
    for event in receipt.events.iter().filter(|event| event.kind == KIND) {
        let (ledger, before) = (event.ledger, event.position.saturating_sub(1));
        let events = journal.since(&ledger, before).await.map_err(|error| match error {
            ReadError::Unreachable(why) => ExecuteError::Unreachable(why),
            error @ (ReadError::Refused { .. } | ReadError::Malformed(_) | ReadError::Nothing { .. }) => {
                ExecuteError::Damaged(error)
            }
        })?;
        let Some(keys) = journal.keys() else { continue };
        if let (Some(id), Some(erased)) = (ledger.household(), events.iter().find(|event| erases(event))) {
            let removed = remove_key(keys, id, erased).await;
            removed.map_err(|source| ExecuteError::Sealed { ledger, source })?;
        }
    }
    Ok(())
}

async fn remove_key(
    keys: &KeyRing,
    id: HouseholdId,
    erased: &Recorded,
) -> Result<(), journal::keys::KeyError> {
    keys.erase(id, &erased.actor, erased.stamp.effective, erased.command).await
}

/// Finishes erasures until asked to stop: removes the keys of households that are erased and have one still, because the
/// process that erased them ended in between; certifies those whose key-encryption key is destroyed.
///
/// # Errors
/// None: a run that fails is logged and tried again.
pub async fn finish_erasures(desk: Desk, stop: Stop) -> anyhow::Result<()> {
    let ticker = Ticker::new("erasures", EVERY, RUN_MAX, desk.edge().clock.clone());
    let settled = Settled::default();
    ticker.run(stop, move || once(desk.clone(), settled.clone())).await
}

/// Households whose key is known to be removed, by the rotation they wait for the successor of: until there is one,
/// there is nothing to look at. A clone is the same.
#[derive(Debug, Clone, Default)]
struct Settled(Arc<Mutex<BTreeMap<HouseholdId, Option<Timestamp>>>>);

impl Settled {
    /// Those of `found` that there is something to do for.
    fn unsettled(&self, found: Vec<HouseholdId>, rotation: Option<Timestamp>) -> Vec<HouseholdId> {
        let mut settled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        settled.retain(|id, _| found.contains(id));
        found.into_iter().filter(|id| settled.get(id) != Some(&rotation)).collect()
    }

    fn settle(&self, id: HouseholdId, rotation: Option<Timestamp>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, rotation);
    }
}

async fn once(desk: Desk, settled: Settled) -> anyhow::Result<Next> {
    let Some(keys) = desk.journal().keys().cloned() else { return Ok(Next::Tick) };
    let found = uncertified(&desk)?;
    if found.is_empty() {
        return Ok(Next::Tick);
    }
    let rotation = keys.last_rotation().await?;
    for id in settled.unsettled(found, rotation) {
        match finish(&desk, &keys, id).await {
            Ok(()) => settled.settle(id, rotation),
            // One that does not go on holds up no other.
            Err(error) => {
                tracing::warn!(household = %id, error = %error, "the erasure of {id} is not finished: {error:#}");
            }
        }
    }
    Ok(Next::Tick)
}

/// The households that are erased and not certified.
fn uncertified(desk: &Desk) -> anyhow::Result<Vec<HouseholdId>> {
    // Rows that are being built know of none yet; they will at the next tick.
    let Ok(page) = desk.ledgers().handle().reader().page() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for row in page.range(ERASED, &[], None)?.take(AT_ONCE) {
        found.extend(key::read::<AggregateId>(&row?.0).and_then(AggregateId::household));
    }
    Ok(found)
}

/// Removes the key if it is there, and certifies the erasure if it cannot be taken back any more.
async fn finish(desk: &Desk, keys: &KeyRing, id: HouseholdId) -> anyhow::Result<()> {
    let ledger = AggregateId::Household(id);
    if !keys.is_forgotten(id).await? {
        let events = desk.journal().load(&ledger).await?;
        let erased = events.iter().find(|event| erases(event)).context("it was never erased")?;
        remove_key(keys, id, erased).await?;
        tracing::info!(household = %id, "the key of {id}, which was erased, was still there: removed");
    }
    let Some(destroyed) = keys.destroyed(id).await? else { return Ok(()) };
    let events = desk.journal().load(&ledger).await?;
    let erased = events.iter().find(|event| erases(event)).context("it was never erased")?;
    let (values, refused) = try_to_open(keys, id, &events).await?;
    let certify = CertifyErasure {
        events: u64::try_from(events.len()).unwrap_or(u64::MAX),
        values,
        refused,
        epoch: destroyed.epoch,
        backups_until: Day(day(id.territory(), destroyed.escrow_until)),
    };
    let origin = Origin {
        command: CommandId::of_deadline(&ledger.to_string(), "certify-erasure", erased.stamp.effective),
        actor: Actor::clock(),
        // As the clock, it belongs to no organisation.
        organisation: OrganisationId::new(id.territory(), uuid::Uuid::nil()),
        at: desk.edge().now(),
        trace: Some(TraceContext::root().to_header()),
    };
    let command = Command::Household(id, HouseholdCommand::CertifyErasure(certify));
    let ask = Ask { command, body: Vec::new(), origin, version: None, standing: None };
    desk.take(&ask).await.map(drop).context("the certificate is not recorded")
}

/// Tries to open everything that was sealed on the ledger: how many values there are, and how many do not open.
async fn try_to_open(keys: &KeyRing, id: HouseholdId, events: &[Recorded]) -> anyhow::Result<(u64, u64)> {
    // What is remembered here is no proof: the stream is asked.
    keys.evict(id);
    let opener = keys.opener(id).await?;
    let (mut values, mut refused) = (0, 0);
    for event in events {
        let body = event.value()?;
        values += count(&body, "sealed");
        let schema = format!("{}/{}", event.kind, event.stamp.version);
        refused += count(&opener.open(&schema, event.stamp.event, body)?, "erased");
    }
    Ok((values, refused))
}

/// How many values in `body` are marked so.
fn count(body: &Value, marker: &str) -> u64 {
    match body {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key(marker) => 1,
        Value::Object(fields) => fields.values().map(|value| count(value, marker)).sum(),
        Value::Array(values) => values.iter().map(|value| count(value, marker)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_waits_for_a_rotation_is_looked_at_again_when_there_is_one() {
        let id = |n| HouseholdId::new("33".parse().unwrap(), uuid::Uuid::from_u128(n));
        let night = |n: i64| Some(Timestamp::from_second(n * 86_400).unwrap());
        let settled = Settled::default();
        let both = || vec![id(1), id(2)];
        assert_eq!(settled.unsettled(both(), night(1)), both());
        settled.settle(id(1), night(1));
        assert_eq!(settled.unsettled(both(), night(1)), [id(2)]);
        assert_eq!(settled.unsettled(both(), night(2)), both());
    }

    #[test]
    fn values_are_counted_wherever_they_stand() {
        let body =
            json!({ "a": [{ "sealed": {} }, { "sealed": {}, "b": 1 }], "c": { "d": { "sealed": 1 } } });
        assert_eq!((count(&body, "sealed"), count(&body, "erased")), (2, 0));
    }
}
