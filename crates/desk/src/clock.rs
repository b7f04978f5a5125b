//! The clock: deadlines that are due fire, soonest first.

use std::time::Duration;

use domain::decide::Command;
use domain::decide::clock::Deadline;
use domain::event::{Actor, Origin};
use domain::id::OrganisationId;
use jiff::Timestamp;
use journal::ExecuteError;
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

/// Fires the deadlines of the service that `desk` works for, until asked to stop.
///
/// # Errors
/// None: a run that fails is logged and tried again.
pub async fn deadlines(desk: Desk, stop: Stop) -> anyhow::Result<()> {
    let ticker = Ticker::new("deadlines", EVERY, RUN_MAX, desk.edge().clock.clone());
    ticker.run(stop, move || once(desk.clone())).await
}

/// What is due now.
async fn once(desk: Desk) -> anyhow::Result<Next> {
    let now = desk.edge().now();
    let due = due(&desk, now)?;
    let full = due.len() == AT_ONCE;
    for deadline in due {
        fire(&desk, deadline, now).await?;
    }
    Ok(if full { Next::Now } else { Next::Tick })
}

fn due(desk: &Desk, now: Timestamp) -> anyhow::Result<Vec<Deadline>> {
    let page = match desk.ledgers().handle().reader().page() {
        Ok(page) => page,
        // Rows that are being built know no deadline yet; they will at the next tick.
        Err(_) => return Ok(Vec::new()),
    };
    let until = key::of(&now);
    let mut due = Vec::new();
    for row in page.range(DEADLINES, &[], Some(&until))?.take(AT_ONCE) {
        due.push(serde_json::from_slice(&row?.1)?);
    }
    Ok(due)
}

async fn fire(desk: &Desk, deadline: Deadline, now: Timestamp) -> anyhow::Result<()> {
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
        Ok(_) => Ok(()),
        // Another replica, or somebody's command, was faster: what is due next is seen at the next tick.
        Err(ExecuteError::Contended | ExecuteError::KeyReused { .. }) => Ok(()),
        Err(ExecuteError::Refused(refusal)) => {
            let (kind, ledger) = (deadline.kind.id(), deadline.ledger);
            tracing::warn!(deadline = kind, %ledger, code = refusal.code, "{kind} on {ledger} was refused: {}", refusal.code);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The clock belongs to no organisation: the nil UUID, in the territory of what it acts on.
fn uuid_of_the_clock() -> uuid::Uuid {
    uuid::Uuid::nil()
}
