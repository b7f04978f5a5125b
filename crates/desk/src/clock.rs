//! The clock: deadlines that are due fire, soonest first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use domain::decide::Command;
use domain::decide::clock::Deadline;
use domain::event::{Actor, Origin};
use domain::id::OrganisationId;
use jiff::{SignedDuration, Timestamp};
use journal::{ExecuteError, LocalError};
use projection::key;
use service::ticker::Next;
use service::{Stop, TraceContext, ticker::Ticker};

use crate::index::DEADLINES;
use crate::take::{Ask, Desk};

/// How often the clock looks, if nothing falls due before. In a process that many write to, new deadlines appear at any
/// time; they are never sooner than this in practice, and never lost.
const EVERY: Duration = Duration::from_secs(1);
/// The longest one run may take.
const RUN_MAX: Duration = Duration::from_secs(60);
/// How many deadlines one run fires.
const AT_ONCE: usize = 256;
/// How many due deadlines one run looks through for those it may fire.
const LOOKED_AT_MAX: usize = 20_000;
/// How long a deadline that did not fire is left alone at first; each time, twice as long.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(2);
/// How long at most.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// Fires the deadlines of the service that `desk` works for, until asked to stop.
///
/// One that cannot fire (its ledger stands still, a rule says no) is tried again later and later, and holds up no other.
///
/// # Errors
/// None: a run that fails is logged and tried again.
pub async fn deadlines(desk: Desk, stop: Stop) -> anyhow::Result<()> {
    let ticker = Ticker::new("deadlines", EVERY, RUN_MAX, desk.edge().clock.clone());
    let put_off = PutOff::default();
    ticker.run(stop, move || once(desk.clone(), put_off.clone())).await
}

/// Deadlines that did not fire, by when they are tried again. A clone is the same.
#[derive(Debug, Clone, Default)]
struct PutOff(Arc<Mutex<BTreeMap<Deadline, Pause>>>);

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Timestamp,
    lasts: SignedDuration,
}

impl PutOff {
    /// Keeps those of `due` that may be tried now; forgets what is no longer due.
    fn ready(&self, due: Vec<Deadline>, now: Timestamp) -> Vec<Deadline> {
        let mut paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paused.retain(|deadline, _| due.binary_search(deadline).is_ok());
        due.into_iter().filter(|one| paused.get(one).is_none_or(|pause| pause.until <= now)).collect()
    }

    /// Leaves `deadline` alone for a while; gives back for how long.
    fn put_off(&self, deadline: Deadline, now: Timestamp) -> SignedDuration {
        let mut paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = paused.get(&deadline).map_or(FIRST_PAUSE, |pause| (pause.lasts * 2).min(LONGEST_PAUSE));
        let until = now.checked_add(lasts).unwrap_or(Timestamp::MAX);
        paused.insert(deadline, Pause { until, lasts });
        lasts
    }
}

/// What became of a deadline.
enum Fired {
    /// It is recorded.
    Recorded,
    /// It did not fire: why, in a word for the log.
    Not(&'static str),
}

/// What is due now.
async fn once(desk: Desk, put_off: PutOff) -> anyhow::Result<Next> {
    let now = desk.edge().now();
    let mut ready = put_off.ready(due(&desk, now)?, now);
    let more = ready.len() > AT_ONCE;
    ready.truncate(AT_ONCE);
    let mut recorded = 0;
    for deadline in ready {
        match fire(&desk, deadline, now).await? {
            Fired::Recorded => recorded += 1,
            Fired::Not(why) => {
                let (kind, ledger, pause) =
                    (deadline.kind.id(), deadline.ledger, put_off.put_off(deadline, now));
                // Whoever is slow to see what another replica did says nothing; whatever stays is said louder.
                if pause <= FIRST_PAUSE * 4 {
                    tracing::debug!(deadline = kind, %ledger, why, "{kind} on {ledger} did not fire: {why}");
                } else {
                    tracing::warn!(deadline = kind, %ledger, why, "{kind} on {ledger} does not fire: {why}; to be tried again in {pause:#}");
                }
            }
        }
    }
    Ok(if more && recorded > 0 { Next::Now } else { Next::Tick })
}

/// The deadlines that are due, soonest first.
fn due(desk: &Desk, now: Timestamp) -> anyhow::Result<Vec<Deadline>> {
    let page = match desk.ledgers().handle().reader().page() {
        Ok(page) => page,
        // Rows that are being built know no deadline yet; they will at the next tick.
        Err(_) => return Ok(Vec::new()),
    };
    let until = key::of(&now);
    let mut due: Vec<Deadline> = Vec::new();
    for row in page.range(DEADLINES, &[], Some(&until))?.take(LOOKED_AT_MAX) {
        due.push(serde_json::from_slice(&row?.1)?);
    }
    due.sort_unstable();
    Ok(due)
}

/// Fires one deadline.
///
/// # Errors
/// What concerns all of them: the broker is down or full, or refuses this service.
async fn fire(desk: &Desk, deadline: Deadline, now: Timestamp) -> anyhow::Result<Fired> {
    let trace = TraceContext::root();
    let origin = Origin {
        command: deadline.command(),
        actor: Actor::clock(),
        organisation: OrganisationId::new(deadline.ledger.territory(), uuid_of_the_clock()),
        at: now,
        trace: Some(trace.to_header()),
    };
    let ask =
        Ask { command: Command::Elapse(deadline), body: Vec::new(), origin, version: None, standing: None };
    match desk.take(&ask).await {
        Ok(receipt) if receipt.events.is_empty() => Ok(Fired::Not("it no longer holds")),
        Ok(_) => Ok(Fired::Recorded),
        Err(
            error @ (ExecuteError::Unreachable(_)
            | ExecuteError::Full { .. }
            | ExecuteError::Denied { .. }
            | ExecuteError::Local(LocalError::Unserved { .. } | LocalError::Damaged { .. })),
        ) => Err(error).context("no deadline fires"),
        Err(ExecuteError::Refused(refusal)) => Ok(Fired::Not(refusal.code)),
        Err(ExecuteError::Contended | ExecuteError::Stale { .. }) => Ok(Fired::Not("others were faster")),
        Err(ExecuteError::KeyReused { .. }) => Ok(Fired::Not("another command has its id")),
        Err(ExecuteError::Local(LocalError::Halted { .. })) => Ok(Fired::Not("its ledger stands still")),
        Err(
            error @ (ExecuteError::Unwritable(_)
            | ExecuteError::Endless { .. }
            | ExecuteError::Undecodable { .. }
            | ExecuteError::Sealed { .. }
            | ExecuteError::Damaged(_)),
        ) => {
            let (kind, ledger) = (deadline.kind.id(), deadline.ledger);
            tracing::error!(deadline = kind, %ledger, error = %error, "{kind} on {ledger} failed: {error}");
            Ok(Fired::Not("it failed"))
        }
    }
}

/// The clock belongs to no organisation: the nil UUID, in the territory of what it acts on.
fn uuid_of_the_clock() -> uuid::Uuid {
    uuid::Uuid::nil()
}

#[cfg(test)]
mod tests {
    use domain::decide::clock::DeadlineKind;
    use domain::id::{HouseholdId, RequestId};
    use domain::ledger::AggregateId;
    use uuid::Uuid;

    use super::*;

    fn deadline(n: u128) -> Deadline {
        let household = HouseholdId::new("33".parse().unwrap(), Uuid::from_u128(n));
        let request = serde_json::from_value::<RequestId>(Uuid::from_u128(n).to_string().into()).unwrap();
        let due = noon();
        Deadline {
            due,
            ledger: AggregateId::Household(household),
            kind: DeadlineKind::RequestStale { request },
        }
    }

    fn noon() -> Timestamp {
        "2026-03-15T12:00:00Z".parse().unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        noon().checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_deadline_that_did_not_fire_is_left_alone_longer_and_longer_and_holds_up_no_other() {
        let (put_off, one, other) = (PutOff::default(), deadline(1), deadline(2));
        let due = || vec![one, other];
        assert_eq!(put_off.ready(due(), noon()), due());
        put_off.put_off(one, noon());
        assert_eq!(put_off.ready(due(), after(1)), [other]);
        assert_eq!(put_off.ready(due(), after(2)), due());
        put_off.put_off(one, after(2));
        assert_eq!(put_off.ready(due(), after(5)), [other]);
        assert_eq!(put_off.ready(due(), after(6)), due());
        let mut pause = FIRST_PAUSE;
        for _ in 0..20 {
            pause = put_off.put_off(one, noon());
        }
        assert_eq!(pause, LONGEST_PAUSE);
    }

    #[test]
    fn what_is_no_longer_due_is_forgotten() {
        let (put_off, one) = (PutOff::default(), deadline(1));
        put_off.put_off(one, noon());
        put_off.put_off(one, noon());
        assert_eq!(put_off.ready(Vec::new(), noon()), []);
        assert_eq!(put_off.put_off(one, noon()), FIRST_PAUSE);
    }
}
