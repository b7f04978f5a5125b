//! What `up --demo` adds: a simulated territory in an empty journal, and how to look at it.
//!
//! The simulation decides its commands by the real rules, on one core; the journal records them in bulk on the other.

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Context as _;
use desk::Context;
use domain::id::Territory;
use journal::Decision;
use service::Handle;

use crate::progress::Progress;
use crate::simulate::{Plan, Step, run};

/// The département that is simulated.
const TERRITORY: &str = "33";
/// The seed: the same demonstration everywhere, but for its dates.
const SEED: u64 = 33;
/// How many decisions wait for the journal at most.
const AHEAD: usize = 4_000;

/// Fills an empty journal; one that holds something is left as it is.
///
/// # Errors
/// When the journal cannot be read or written.
pub async fn fill(context: &Context, households: u32, years: u32) -> anyhow::Result<()> {
    if context.journal.last_position().await? > 0 {
        eprintln!("the instance is not empty: the demonstration is left as it is");
        return Ok(());
    }
    let territory: Territory = TERRITORY.parse()?;
    let plan = Plan { territory, households, years, seed: SEED, until: context.edge.now() };
    let (sender, receiver) = sync_channel(AHEAD);
    let journal = context.journal.clone();
    let simulating = tokio::task::spawn_blocking(move || simulate(&plan, &sender, &journal));
    let journal = context.journal.clone();
    let runtime = tokio::runtime::Handle::current();
    // The iterator waits for the simulation, so the load runs where waiting disturbs nobody.
    let loading = tokio::task::spawn_blocking(move || {
        let mut progress = Progress::begin("recording the demonstration", 0);
        let mut versions = HashMap::new();
        let loaded =
            runtime.block_on(journal.append_bulk(receiver, &mut versions, |at| progress.at(at.events)));
        progress.end("done");
        loaded
    });
    let loaded = loading.await?.context("cannot record the demonstration")?;
    let summary = simulating.await??;
    eprintln!("demonstration: {} households, {} events", summary.households, loaded.events);
    Ok(())
}

fn simulate(
    plan: &Plan,
    sender: &SyncSender<Decision>,
    journal: &journal::Journal,
) -> anyhow::Result<crate::simulate::Summary> {
    let mut sink = |step: Step| {
        let body = serde_json::to_vec(&step.body)?;
        let decision = Decision {
            digest: desk::digest(journal, &step.command, &body),
            origin: step.origin,
            drafts: step.changes.iter().map(Into::into).collect(),
            // The versions are the load's own: nobody else writes to an empty journal.
            expected: Vec::new(),
        };
        // The load ended early: its own error says why.
        sender.send(decision).map_err(|_| anyhow::anyhow!("the journal takes no more"))
    };
    run(plan, &mut sink, &mut |_| {})
}

/// Says how to look at the demonstration.
pub fn tell(handles: &[Handle]) {
    let Some(address) = handles.iter().find_map(|handle| handle.address) else { return };
    eprintln!("  curl -H 'Continuum-Actor: agent-1' \\");
    eprintln!("       -H 'Continuum-Organisation: 33-00000000-0000-7000-8000-000000000001' \\");
    eprintln!("       http://{address}/api/v1/worklists/siao");
    eprintln!("  continuum timeline <household> --url http://{address}");
}
