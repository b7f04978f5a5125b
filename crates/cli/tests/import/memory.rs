//! An instance in memory: it decides with the domain's own rules over ledgers it keeps, and remembers keys as the journal
//! does. What it leaves out is what import does not see: durability, sealing, views.

use std::collections::HashMap;
use std::sync::Mutex;

use cli::import::plan::Outgoing;
use cli::import::{Answer, Problem, Target, Unreachable};
use domain::decide::{Addressed, Command, Context, HouseholdCommand, PlaceCommand, StructureCommand, decide};
use domain::id::{CommandId, OrganisationId};
use domain::ledger::{AggregateId, Halt, Ledgers, State};
use domain::refusal::{Refusal, RefusalClass};
use domain::rules::RuleBook;
use jiff::Timestamp;
use serde_json::Value;

/// An instance that takes commands of one organisation at one instant.
pub(crate) struct Memory {
    organisation: OrganisationId,
    at: Timestamp,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    ledgers: Ledgers,
    taken: HashMap<CommandId, Command>,
    events: usize,
}

impl Memory {
    pub(crate) fn of(organisation: OrganisationId, at: &str) -> Self {
        Self { organisation, at: at.parse().unwrap(), kept: Mutex::default() }
    }

    /// How many events are recorded.
    pub(crate) fn events(&self) -> usize {
        self.kept.lock().unwrap().events
    }

    /// Reads the ledgers.
    pub(crate) fn ledgers(&self) -> Ledgers {
        self.kept.lock().unwrap().ledgers.clone()
    }

    /// How many households are registered.
    pub(crate) fn households(&self) -> usize {
        self.ledgers().iter().filter(|(id, state)| matches!((id, state), (AggregateId::Household(_), State::Household(is)) if !is.composition.members.is_empty())).count()
    }

    /// Takes the command of this path, key and body.
    pub(crate) fn take(&self, path: &str, key: &str, body: Value) -> Result<bool, Problem> {
        let id = CommandId::of_key(&self.organisation.to_string(), key);
        let command = read(path, id, body)?;
        let mut kept = self.kept.lock().unwrap();
        if let Some(before) = kept.taken.get(&id) {
            return if *before == command {
                Ok(true)
            } else {
                Err(problem(422, "idempotency-key-reused", ""))
            };
        }
        let book = RuleBook::shipped();
        let ctx = Context {
            command: id,
            at: self.at,
            organisation: self.organisation,
            user: None,
            book,
            standing: None,
        };
        let changes = loop {
            match decide(&command, &ctx, &kept.ledgers) {
                Ok(changes) => break changes,
                Err(Halt::Need(ledger)) => kept.ledgers.insert(ledger, State::empty(&ledger)),
                Err(Halt::Refused(refusal)) => return Err(refused(&refusal)),
            }
        };
        for (nth, change) in changes.iter().enumerate() {
            kept.ledgers.record(change, &change.stamp(id, nth, self.at));
        }
        kept.events += changes.len();
        kept.taken.insert(id, command);
        Ok(false)
    }
}

impl Target for Memory {
    async fn send(&self, request: &Outgoing) -> Result<Answer, Unreachable> {
        Ok(match self.take(&request.path, &request.key, request.body.clone()) {
            Ok(repeated) => Answer::Taken { repeated },
            Err(problem) => Answer::Problem(problem),
        })
    }
}

fn problem(status: u16, code: &str, detail: &str) -> Problem {
    Problem { status, code: code.to_owned(), detail: detail.to_owned(), ..Problem::default() }
}

fn refused(refusal: &Refusal) -> Problem {
    let (status, code) = match refusal.class {
        RefusalClass::Unknown => (404, "unknown-id"),
        RefusalClass::Conflict => (409, refusal.code),
        RefusalClass::Invalid => (422, refusal.code),
    };
    problem(status, code, &refusal.sentence)
}

/// The command that a path and a body ask for.
fn read(path: &str, id: CommandId, body: Value) -> Result<Command, Problem> {
    let parts: Vec<&str> = path.strip_prefix("/api/v1/").unwrap_or_default().split('/').collect();
    match parts[..] {
        ["households"] => created::<HouseholdCommand>(HouseholdCommand::read("register", body), id),
        ["places" | "dwellings"] => created::<PlaceCommand>(PlaceCommand::read("open", body), id),
        ["structures" | "buildings"] => created::<StructureCommand>(StructureCommand::read("open", body), id),
        ["households", to, name] => addressed::<HouseholdCommand>(HouseholdCommand::read(name, body), to),
        ["places" | "dwellings", to, name] => addressed::<PlaceCommand>(PlaceCommand::read(name, body), to),
        _ => Err(problem(404, "unknown-path", "")),
    }
    .and_then(|command| {
        if own(parts[0], &command) { Ok(command) } else { Err(problem(422, "other-collection", "")) }
    })
}

type Body<C> = Option<Result<C, serde_json::Error>>;

fn command<C>(body: Body<C>) -> Result<C, Problem> {
    match body {
        Some(Ok(command)) => Ok(command),
        Some(Err(error)) => Err(problem(400, "malformed-body", &error.to_string())),
        None => Err(problem(404, "unknown-path", "")),
    }
}

fn created<C: Addressed>(body: Body<C>, id: CommandId) -> Result<Command, Problem> {
    let command = command(body)?;
    let home = command.home().unwrap();
    Ok(command.creating(home, id))
}

fn addressed<C: Addressed>(body: Body<C>, to: &str) -> Result<Command, Problem> {
    Ok(command(body)?.on(to.parse().map_err(|_| problem(400, "malformed-id", ""))?))
}

/// Landlords answer for dwellings and buildings, providers for places and structures.
fn own(collection: &str, command: &Command) -> bool {
    let kind = match command {
        Command::Place(_, PlaceCommand::OpenPlace(open)) => open.description.kind,
        Command::Structure(_, StructureCommand::OpenStructure(open)) => open.profile.kind,
        Command::Household(..)
        | Command::Place(..)
        | Command::Structure(..)
        | Command::Organisation(..)
        | Command::User(..)
        | Command::Subscription(..)
        | Command::Inquiry(..)
        | Command::Elapse(_) => return true,
    };
    kind.let_by_committee() == matches!(collection, "dwellings" | "buildings")
}
