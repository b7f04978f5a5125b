//! What `up --demo` adds: a simulated territory in an empty journal, and how to look at it.
//!
//! The simulation decides its commands by the real rules, on one core; the journal records them in bulk on the other.
//!
//! **Invariant.** A demonstration that was interrupted is never served as if it were whole: the data directory says so
//! until the last event is recorded.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Context as _;
use desk::Context;
use domain::id::{HouseholdId, OrganisationId, Territory};
use domain::ledger::AggregateId;
use domain::organisation::Verb;
use journal::Decision;
use serde::{Deserialize, Serialize};

use crate::progress::Progress;
use crate::simulate::{Desk, DeskKind, Plan, Step, Summary, desks_of, run};

/// The département that is simulated.
const TERRITORY: &str = "33";
/// The seed: the same demonstration everywhere, but for its dates.
const SEED: u64 = 33;
/// How long the tokens of a demonstration are good, in days.
const TOKEN_DAYS: i64 = 30;
/// How many requests each of them may make in a minute.
const PER_MINUTE: u32 = 6_000;
/// How many decisions wait for the journal at most.
const AHEAD: usize = 4_000;

/// The demonstration of one data directory, as the file `demo.json` in it says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "demonstration", rename_all = "snake_case")]
pub enum Demo {
    /// It is being recorded, or was when the program ended.
    Begun,
    /// It is whole.
    Whole {
        /// Who can look at it: one of each role.
        roles: Vec<Role>,
        /// A household whose pathway leads to a lease.
        household: Option<HouseholdId>,
    },
}

/// On whose behalf the demonstration can be looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    /// What the organisation does.
    kind: DeskKind,
    /// The organisation.
    organisation: OrganisationId,
    /// The token of its software, good for a month.
    token: String,
}

impl Demo {
    fn file(data: &Path) -> PathBuf {
        data.join("demo.json")
    }

    fn read(data: &Path) -> anyhow::Result<Option<Self>> {
        let file = Self::file(data);
        match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| format!("{} is not what up --demo writes", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    fn write(&self, data: &Path) -> anyhow::Result<()> {
        let file = Self::file(data);
        let text = serde_json::to_vec_pretty(self)?;
        // It holds tokens.
        crate::credentials::write_secret(&file, &text)
    }
}

/// Fills an empty journal; one that holds something is left as it is. Gives back what there is to look at: nothing if
/// the journal holds something else than a demonstration.
///
/// # Errors
/// When the journal cannot be read or written, or a demonstration in it is not whole.
pub async fn fill(
    context: &Context,
    data: &Path,
    households: u32,
    years: u32,
) -> anyhow::Result<Option<Demo>> {
    if context.journal.last_position().await? > 0 {
        return match Demo::read(data)? {
            Some(Demo::Begun) => anyhow::bail!(
                "the demonstration in {} was interrupted while it was recorded: remove that directory and start again",
                data.display()
            ),
            Some(whole @ Demo::Whole { .. }) => Ok(Some(whole)),
            None => {
                eprintln!("the instance is not empty: nothing is simulated, it is left as it is");
                Ok(None)
            }
        };
    }
    Demo::Begun.write(data)?;
    let whole = record(context, households, years).await?;
    whole.write(data)?;
    Ok(Some(whole))
}

async fn record(context: &Context, households: u32, years: u32) -> anyhow::Result<Demo> {
    let territory: Territory = TERRITORY.parse()?;
    let plan = Plan { territory, households, years, seed: SEED, until: context.edge.now() };
    let (sender, receiver) = sync_channel(AHEAD);
    let journal = context.journal.clone();
    let simulating = tokio::task::spawn_blocking(move || simulate(&plan, &sender, &journal));
    let journal = context.journal.clone();
    let runtime = tokio::runtime::Handle::current();
    let stop = context.stop.clone();
    // The iterator waits for the simulation, so the load runs where waiting disturbs nobody.
    let loading = tokio::task::spawn_blocking(move || {
        let mut progress = Progress::begin("recording the demonstration", 0);
        let mut versions = HashMap::new();
        // Asked to stop, it takes no more; the simulation sees that nobody listens, and ends.
        let decisions = receiver.into_iter().take_while(|_| !stop.is_stopping());
        let loaded =
            runtime.block_on(journal.append_bulk(decisions, &mut versions, |at| progress.at(at.events)));
        progress.end("done");
        loaded
    });
    let loaded = loading.await?.context("cannot record the demonstration")?;
    let simulated = simulating.await?;
    anyhow::ensure!(!context.stop.is_stopping(), "stopped while the demonstration was recorded");
    let (_, household) = simulated.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let (household, roles) = (*household, sign_ins(context, &desks_of(&plan)).await?);
    let (summary, _) = simulated?;
    eprintln!("demonstration: {} households, {} events", summary.households, loaded.events);
    Ok(Demo::Whole { roles, household })
}

/// Simulates into `sender`. What came out of it, and the household that signed a lease last.
fn simulate(
    plan: &Plan,
    sender: &SyncSender<Decision>,
    journal: &journal::Journal,
) -> anyhow::Result<(Summary, Option<HouseholdId>)> {
    let mut housed = None;
    let mut sink = |step: Step| {
        for change in &step.changes {
            if let (AggregateId::Household(household), "lease.signed") = (change.ledger, change.fact.kind()) {
                housed = Some(household);
            }
        }
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
    let summary = run(plan, &mut sink, &mut |_| {})?;
    Ok((summary, housed))
}

/// Registers the organisations; one of each role gets a token.
async fn sign_ins(context: &Context, desks: &[Desk]) -> anyhow::Result<Vec<Role>> {
    let mut roles: Vec<Role> = Vec::new();
    for (nth, desk) in desks.iter().enumerate() {
        context.register(desk.organisation, desk.is(nth)).await?;
        if roles.iter().all(|role| role.kind != desk.kind) {
            let (kind, organisation) = (desk.kind, desk.organisation);
            let verbs = [Verb::Read, Verb::Follow, Verb::Command].into();
            let (label, days) = ("Démonstration", TOKEN_DAYS);
            let token =
                context.issue_token(organisation, kind.role(), verbs, label, days, PER_MINUTE).await?;
            roles.push(Role { kind, organisation, token: token.text() });
        }
    }
    Ok(roles)
}

impl Demo {
    /// Says how to look at the demonstration, at `address`.
    pub fn tell(&self, address: SocketAddr) {
        let Self::Whole { roles, household } = self else { return };
        eprintln!("\nWhat each role has to do now:");
        for Role { kind, token, .. } in roles {
            let desk = kind.worklist();
            eprintln!("  curl -H 'Authorization: Bearer {token}' http://{address}/api/v1/worklists/{desk}");
        }
        if let Some(household) = household {
            let siao = roles.iter().find(|role| role.kind == DeskKind::Siao);
            let token = siao.map(|role| role.token.as_str()).unwrap_or_default();
            eprintln!(
                "\nA pathway to a lease:\n  CONTINUUM_TOKEN={token} continuum timeline {household} --url http://{address}"
            );
        }
        eprintln!("\nThe API describes itself at http://{address}/api/openapi.json");
    }
}
