//! `continuum simulate`: a synthetic territory whose people, places and decisions are drawn from a seed.
//!
//! A discrete-event simulation in memory. What somebody does is a real command, decided by the real rules at its
//! simulated time on the ledgers as they stand then; deadlines fire as the clock of the services fires them. So what
//! comes out is valid by construction: whatever the rules refuse is counted, and not written.
//!
//! **Invariant.** The same plan gives the same steps, byte for byte: chance comes from the seed alone, and nothing is
//! iterated in an order that is not fixed.
//!
//! **Invariant.** Nothing happens after the end of the plan, and nothing is known before it happens.
//!
//! **Invariant.** Nobody real is meant: names are drawn independently of each other, telephone numbers come from the
//! ranges kept for fiction, e-mail addresses from a domain kept for examples.

mod agenda;
mod applications;
mod arrivals;
mod asking;
mod coordinator;
mod desks;
mod dice;
mod dwellings;
mod families;
mod geography;
mod names;
mod people;
mod places;
mod purse;
mod react;
mod referrals;
mod replay;
mod requests;
mod seldom;
mod settings;
mod stays;
mod summary;
mod supply;
#[cfg(test)]
mod tests;
mod verb;
mod world;

use clap::builder::RangedI64ValueParser;
use domain::decide::Command;
use domain::event::Origin;
use domain::id::Territory;
use domain::ledger::Change;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use desks::{Desk, DeskKind};
pub use replay::{Line, brought_up_to};
pub use summary::Summary;
pub use verb::Simulate;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The département.
    pub territory: Territory,
    /// How many households are registered between the first day and the last.
    pub households: u32,
    /// How many years.
    pub years: u32,
    /// What chance starts from.
    pub seed: u64,
    /// The last instant.
    pub until: Timestamp,
}

/// The organisations of a plan, in the order they are numbered in.
#[must_use]
pub fn desks_of(plan: &Plan) -> Vec<Desk> {
    world::desks_of(plan).all().to_vec()
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    /// No communes are known there.
    #[error("no communes are known in {territory}: simulate another département")]
    NoCommunes {
        /// The département.
        territory: Territory,
    },
    /// Facts older than the rules allow would have to be recorded.
    #[error("{years} years: simulate from 1 to {MAX_YEARS} years")]
    Years {
        /// What was asked for.
        years: u32,
    },
    /// Too many for one territory.
    #[error("{households} households: simulate from {MIN_HOUSEHOLDS} to {MAX_HOUSEHOLDS}")]
    Households {
        /// What was asked for.
        households: u32,
    },
}

/// Fewest households: with fewer, most kinds of structure would have nobody.
pub const MIN_HOUSEHOLDS: u32 = 100;
/// Most households: more than any département has.
pub const MAX_HOUSEHOLDS: u32 = 1_000_000;
/// Most years.
pub const MAX_YEARS: u32 = 20;

/// Reads how many households are asked for; others than can be simulated are bad usage.
#[must_use]
pub fn households() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(MIN_HOUSEHOLDS)..=i64::from(MAX_HOUSEHOLDS))
}

/// Reads how many years are asked for; others than can be simulated are bad usage.
#[must_use]
pub fn years() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(MAX_YEARS))
}

impl Plan {
    /// Checks that the plan can be carried out.
    ///
    /// # Errors
    /// [`BadPlan`] says what to change.
    pub fn check(&self) -> Result<(), BadPlan> {
        let Self { territory, households, years, .. } = *self;
        if domain::reference::territory::communes_of(territory).is_empty() {
            return Err(BadPlan::NoCommunes { territory });
        }
        if !(1..=MAX_YEARS).contains(&years) {
            return Err(BadPlan::Years { years });
        }
        if !(MIN_HOUSEHOLDS..=MAX_HOUSEHOLDS).contains(&households) {
            return Err(BadPlan::Households { households });
        }
        Ok(())
    }
}

/// How a command would be asked for over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where: `/api/v1/households/33-…/propose-referral`.
    pub path: String,
    /// The *Idempotency-Key*. The command's id is what the services make of it.
    pub key: Uuid,
}

/// One command that was decided.
#[derive(Debug, Clone)]
pub struct Step {
    /// The command.
    pub command: Command,
    /// Its body as JSON; null for what the clock does.
    pub body: Value,
    /// How it would be asked for; none for what the clock does.
    pub asked: Option<Asked>,
    /// Who asked, when, under which command id.
    pub origin: Origin,
    /// What was decided: never empty.
    pub changes: Vec<Change>,
}

/// How far the simulation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The simulated time.
    pub at: Timestamp,
    /// Its first instant.
    pub from: Timestamp,
    /// Its last instant.
    pub until: Timestamp,
    /// Commands so far.
    pub commands: u64,
    /// Events so far.
    pub events: u64,
}

/// How many steps lie between two calls of `progress`.
const PROGRESS_EVERY: u64 = 2_048;

/// Carries `plan` out. Each step goes to `sink` in order, with its changes already decided; `progress` is called now
/// and then. A plan that cannot be carried out (see [`Plan::check`]) gives no step.
///
/// # Errors
/// The first error of `sink`, at once.
pub fn run<E>(
    plan: &Plan,
    sink: &mut dyn FnMut(Step) -> Result<(), E>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, E> {
    let mut world = world::World::new(*plan);
    if plan.check().is_ok() {
        world.begin();
    }
    let mut told = 0;
    while world.advance() {
        for step in world.steps.drain(..) {
            sink(step)?;
        }
        if world.summary.commands >= told + PROGRESS_EVERY {
            told = world.summary.commands;
            progress(world.progress());
        }
    }
    progress(world.progress());
    Ok(world.end())
}
