//! A simulation as lines of a file, and asked of a running instance.
//!
//! A running instance decides by its own clock: what the simulated past decided on some day happens today. So dates that
//! lay ahead of a command are moved to lie as far ahead of today, and what waited for a session is decided at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Context as _;
use domain::calendar::{day, days_after};
use domain::decide::Command;
use domain::event::Actor;
use domain::id::OrganisationId;
use domain::ledger::AggregateId;
use domain::likeness::REVIEWED;
use domain::reference::DuplicateReviewReason;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::names::Names;
use super::purse::Purse;
use super::{Plan, Step, Summary, run};
use crate::client::Client;
use crate::import::http::Instance;
use crate::import::plan::Outgoing;
use crate::import::{self, Answer};
use crate::progress::Progress;

/// How many commands are asked for side by side.
const AT_ONCE: usize = 32;
/// How many steps wait to be asked for.
const AHEAD: usize = 1_024;

/// One command of a simulation, as a line of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The simulated time.
    pub at: Timestamp,
    /// On whose behalf.
    pub organisation: OrganisationId,
    /// Who asked.
    pub actor: Actor,
    /// Where: `/api/v1/households`.
    pub path: String,
    /// The *Idempotency-Key*.
    pub key: Uuid,
    /// The body.
    pub body: Value,
}

impl Line {
    /// The line of a step; none for what the clock did, which no client can ask for.
    #[must_use]
    pub fn of(step: Step) -> Option<Self> {
        let asked = step.asked?;
        let domain::event::Origin { organisation, actor, at, .. } = step.origin;
        Some(Self { at, organisation, actor, path: asked.path, key: asked.key, body: step.body })
    }
}

/// How a date in the body of a command is brought up to date.
enum Dated {
    /// As far ahead of today as it lay ahead of the simulated day.
    Ahead(&'static str),
    /// Today: what waits for it would wait for ever.
    Today(&'static str),
    /// Left out: now.
    Now(&'static str),
    /// The simulated time, where the body states none: these commands may be late.
    AsItWas(&'static str),
}

/// The dates of a command.
fn dates_of(command: &str) -> &'static [Dated] {
    use Dated::{Ahead, AsItWas, Now, Today};
    match command {
        "register" | "create-request" | "submit-request" | "assess-request" => &[AsItWas("at")],
        "schedule-committee" | "convene-committee" => &[Today("on")],
        "defer-request" | "request-extension" => &[Ahead("until")],
        "accept-referral" => &[Now("arrival")],
        "start-stay" | "admit-directly" | "take-over-stay" => &[Ahead("planned_end")],
        "end-stay" => &[Now("at")],
        "record-absence" => &[Ahead("from"), Ahead("to")],
        "take-offline" => &[Now("from"), Ahead("until")],
        "bring-online" => &[Now("until")],
        "declare-vacancy" | "confirm-vacancy" => &[Now("available_from"), Ahead("good_until")],
        "assign-vacancy" => &[Ahead("designate_by")],
        "close" => &[Ahead("from")],
        _ => &[],
    }
}

/// The body of `command`, asked for at `at` in the simulation, as it can be asked for on `today`.
#[must_use]
pub fn brought_up_to(today: Date, command: &Command, at: Timestamp, mut body: Value) -> Value {
    let territory = command.territory();
    let simulated = day(territory, at);
    let moved = |text: &str| {
        let date: Date = text.parse().ok()?;
        let ahead = (date - simulated).get_days();
        Some(days_after(today, i64::from(ahead)).to_string())
    };
    let Some(fields) = body.as_object_mut() else { return body };
    for dated in dates_of(command.name()) {
        match dated {
            Dated::Ahead(name) => {
                if let Some(text) = fields.get(*name).and_then(Value::as_str).and_then(moved) {
                    fields.insert((*name).to_owned(), Value::String(text));
                }
            }
            Dated::Today(name) => {
                fields.insert((*name).to_owned(), json!(today.to_string()));
            }
            Dated::Now(name) => {
                fields.remove(*name);
            }
            Dated::AsItWas(name) => {
                if fields.get(*name).is_none_or(Value::is_null) {
                    fields.insert((*name).to_owned(), json!(at));
                }
            }
        }
    }
    if let Some(decisions) = fields.get_mut("decisions").and_then(Value::as_array_mut) {
        for decision in decisions {
            if let Some(text) = decision.get("by").and_then(Value::as_str).and_then(moved) {
                decision["by"] = Value::String(text);
            }
        }
    }
    body
}

/// What a running instance made of a simulation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Outcome {
    /// Commands that were taken.
    pub(super) taken: u64,
    /// Commands that were not, by code.
    pub(super) refused: BTreeMap<String, u64>,
}

/// Asks the instance at `base` for the commands of `plan`: those on different ledgers side by side, those on the same in
/// order.
///
/// # Errors
/// When nothing answers at `base`, or what answers takes nothing.
pub(super) async fn ask(plan: Plan, base: &str, token: Option<String>) -> anyhow::Result<(Summary, Outcome)> {
    // Every command is asked for by an organisation of its own.
    let administrator = Client::new(base, token)?;
    let purse = Purse::filled(&administrator, &super::desks_of(&plan)).await?;
    let names = Names::told_at(&administrator, &purse)?;
    let instance = Instance::at(base, None)?;
    let (sender, receiver) = sync_channel(AHEAD);
    let simulating = tokio::task::spawn_blocking(move || simulate(&plan, &sender));
    let today = day(plan.territory, plan.until);
    let mut asking = Asking::new(instance, purse, names, today);
    let mut progress = Progress::begin(format!("asking {base}"), 0);
    // Steps come from another thread: waiting for them must not hold up those that are being asked for.
    let mut steps = Steps { receiver, held: None };
    loop {
        let (batch, rest) = tokio::task::spawn_blocking(move || {
            let batch = steps.disjoint();
            (batch, steps)
        })
        .await?;
        steps = rest;
        if batch.is_empty() {
            break;
        }
        asking.all(batch).await?;
        progress.at(asking.outcome.taken);
    }
    progress.end(&format!("{} commands taken", asking.outcome.taken));
    let summary = simulating.await??;
    anyhow::ensure!(
        asking.outcome.taken > 0 || asking.outcome.refused.is_empty(),
        "{base} took none of the commands: {:?}",
        asking.outcome.refused
    );
    Ok((summary, asking.outcome))
}

fn simulate(plan: &Plan, sender: &SyncSender<Step>) -> anyhow::Result<Summary> {
    let mut sink = |step: Step| {
        if step.asked.is_none() {
            return Ok(());
        }
        // Whoever asks stopped: its own error says why.
        sender.send(step).map_err(|_| anyhow::anyhow!("the instance is asked for no more"))
    };
    run(plan, &mut sink, &mut |_| {})
}

/// Steps as they come.
struct Steps {
    receiver: Receiver<Step>,
    held: Option<Step>,
}

impl Steps {
    /// The next steps that concern different ledgers.
    fn disjoint(&mut self) -> Vec<Step> {
        let (mut batch, mut ledgers) = (Vec::new(), BTreeSet::<AggregateId>::new());
        while batch.len() < AT_ONCE {
            let Some(step) = self.held.take().or_else(|| self.receiver.recv().ok()) else { break };
            let touched: Vec<AggregateId> =
                step.changes.iter().map(|change| change.ledger).chain(read_by(&step.command)).collect();
            if touched.iter().any(|ledger| ledgers.contains(ledger)) {
                self.held = Some(step);
                break;
            }
            ledgers.extend(touched);
            batch.push(step);
        }
        batch
    }
}

/// The ledgers that a command reads without changing them: a place that opens reads its structure.
fn read_by(command: &Command) -> Option<AggregateId> {
    use domain::decide::PlaceCommand;
    let Command::Place(_, PlaceCommand::OpenPlace(open)) = command else { return None };
    Some(AggregateId::Structure(open.description.structure))
}

struct Asking {
    instance: Instance,
    purse: Purse,
    names: Names,
    today: Date,
    /// Requests that were transmitted before: the next time it is at today's date.
    transmitted: HashSet<Value>,
    outcome: Outcome,
}

impl Asking {
    fn new(instance: Instance, purse: Purse, names: Names, today: Date) -> Self {
        Self { instance, purse, names, today, transmitted: HashSet::new(), outcome: Outcome::default() }
    }

    async fn all(&mut self, batch: Vec<Step>) -> anyhow::Result<()> {
        let mut lines = Vec::with_capacity(batch.len());
        for mut step in batch {
            step.body = brought_up_to(self.today, &step.command, step.origin.at, step.body);
            if step.command.name() == "submit-request"
                && let Some(fields) = step.body.as_object_mut()
                && !self.transmitted.insert(fields.get("request").cloned().unwrap_or_default())
            {
                fields.remove("at");
            }
            let mut command = step.command.clone();
            let Some(line) = Line::of(step) else { continue };
            let kind = self.purse.kind(line.organisation);
            lines.push(match kind {
                Some(kind) => self.names.written(line, &mut command, kind).await?,
                None => line,
            });
        }
        let (instance, purse) = (&self.instance, &self.purse);
        let asked = futures_util::stream::iter(lines)
            .map(|line| one(instance, purse, line))
            .buffer_unordered(AT_ONCE);
        let answers: Vec<anyhow::Result<Option<String>>> = asked.collect().await;
        for answer in answers {
            match answer? {
                None => self.outcome.taken += 1,
                Some(code) => *self.outcome.refused.entry(code).or_default() += 1,
            }
        }
        Ok(())
    }
}

/// Asks for one command, again where the instance says to; the code of the refusal if it is refused.
async fn one(instance: &Instance, purse: &Purse, mut line: Line) -> anyhow::Result<Option<String>> {
    let token =
        purse.token(line.organisation).with_context(|| format!("{} has no token", line.organisation))?;
    let instance = instance.signed_in_with(token).context("a token is not one")?;
    let refused = post(&instance, &line).await?;
    // The instance's list is another one than the simulation's, and the coordinator has to say why.
    if refused.as_deref() == Some("deviation-unexplained") {
        line.body["deviation"] = json!("better_fit");
        return post(&instance, &line).await;
    }
    // Names are drawn from short lists: two people who were born on one day often share theirs.
    if refused.as_deref() == Some(import::POSSIBLE_DUPLICATE) {
        line.body[REVIEWED] = json!({ "reason": DuplicateReviewReason::other_person() });
        return post(&instance, &line).await;
    }
    Ok(refused)
}

async fn post(instance: &Instance, line: &Line) -> anyhow::Result<Option<String>> {
    let (path, key, body) = (line.path.clone(), line.key.to_string(), line.body.clone());
    match import::ask(&Outgoing { path, key, body }, instance).await? {
        Answer::Taken { .. } => Ok(None),
        Answer::Problem(problem) => Ok(Some(problem.code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::decide::HouseholdCommand;
    use domain::decide::request::{ScheduleCommittee, SubmitRequest};
    use domain::decide::stay::RequestExtension;
    use jiff::civil::date;

    fn brought(command: impl Into<HouseholdCommand> + Serialize) -> Value {
        let at: Timestamp = "2024-03-10T10:00:00Z".parse().unwrap();
        let body = serde_json::to_value(&command).unwrap();
        let id = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();
        brought_up_to(date(2026, 3, 9), &Command::Household(id, command.into()), at, body)
    }

    #[test]
    fn what_lay_ahead_lies_as_far_ahead_of_today() {
        let stay = domain::id::StayId(Uuid::nil());
        let until = domain::calendar::Day(date(2024, 4, 9));
        assert_eq!(brought(RequestExtension { stay, until, motive: "m".into() })["until"], "2026-04-08");
    }

    #[test]
    fn what_waits_for_a_session_is_decided_today_and_seniority_stays() {
        let request = domain::id::RequestId(Uuid::nil());
        let on = domain::calendar::Day(date(2024, 3, 21));
        assert_eq!(brought(ScheduleCommittee { request, on })["on"], "2026-03-09");
        assert_eq!(brought(SubmitRequest { request, at: None })["at"], "2024-03-10T10:00:00Z");
    }
}
