//! How things are asked: a real command, decided by the real rules, with the key and the path that HTTP would have.

use domain::decide::{Command, Context, HouseholdCommand, PlaceCommand, StructureCommand, decide};
use domain::event::Origin;
use domain::id::{CommandId, HouseholdId, PlaceId, StructureId};
use domain::ledger::{AggregateId, Halt, State};
use domain::matching::Standing;
use domain::rules::RuleBook;
use domain::structure_kind::StructureKind;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::desks::Who;
use super::dice::scatter;
use super::world::World;
use super::{Asked, Step};

impl World {
    /// Asks for something on a household's ledger. The command's id if it was taken.
    pub(super) fn ask<B>(&mut self, who: Who, id: HouseholdId, body: B) -> Option<CommandId>
    where
        B: Serialize + Into<HouseholdCommand>,
    {
        self.ask_with(who, id, body, None)
    }

    /// The same, with the rank of the request for a proposal.
    pub(super) fn ask_with<B>(
        &mut self,
        who: Who,
        id: HouseholdId,
        body: B,
        standing: Option<Standing>,
    ) -> Option<CommandId>
    where
        B: Serialize + Into<HouseholdCommand>,
    {
        let (key, command) = self.key(who);
        let value = json(&body);
        let asked: HouseholdCommand = body.into();
        let path = format!("/api/v1/households/{id}/{}", asked.name());
        self.take(who, key, command, Command::Household(id, asked), value, path, standing)
    }

    /// Registers a household.
    pub(super) fn register<B>(&mut self, who: Who, body: B) -> Option<HouseholdId>
    where
        B: Serialize + Into<HouseholdCommand>,
    {
        let (key, command) = self.key(who);
        let id = HouseholdId::created_by(self.plan.territory, command);
        let value = json(&body);
        let path = "/api/v1/households".to_owned();
        let asked = Command::Household(id, body.into());
        self.take(who, key, command, asked, value, path, None).map(|_| id)
    }

    /// Asks for something on a place's ledger. The command's id if it was taken.
    pub(super) fn ask_place<B>(&mut self, who: Who, id: PlaceId, body: B) -> Option<CommandId>
    where
        B: Serialize + Into<PlaceCommand>,
    {
        let (key, command) = self.key(who);
        let value = json(&body);
        let asked: PlaceCommand = body.into();
        let kind = self.place(id).and_then(|place| place.inventory.description()).map(|is| is.kind);
        let collection =
            if kind.is_some_and(StructureKind::let_by_committee) { "dwellings" } else { "places" };
        let path = format!("/api/v1/{collection}/{id}/{}", asked.name());
        self.take(who, key, command, Command::Place(id, asked), value, path, None)
    }

    /// Opens a place of this kind.
    pub(super) fn open_place<B>(&mut self, who: Who, kind: StructureKind, body: B) -> Option<PlaceId>
    where
        B: Serialize + Into<PlaceCommand>,
    {
        let (key, command) = self.key(who);
        let id = PlaceId::created_by(self.plan.territory, command);
        let value = json(&body);
        let path = if kind.let_by_committee() { "/api/v1/dwellings" } else { "/api/v1/places" };
        let asked = Command::Place(id, body.into());
        self.take(who, key, command, asked, value, path.to_owned(), None).map(|_| id)
    }

    /// Asks for something on a structure's ledger; `id` is none for a structure that opens. Its id if it was taken.
    pub(super) fn ask_structure<B>(
        &mut self,
        who: Who,
        kind: StructureKind,
        id: Option<StructureId>,
        body: B,
    ) -> Option<StructureId>
    where
        B: Serialize + Into<StructureCommand>,
    {
        let (key, command) = self.key(who);
        let value = json(&body);
        let asked: StructureCommand = body.into();
        let collection = if kind.let_by_committee() { "buildings" } else { "structures" };
        let path = match id {
            Some(id) => format!("/api/v1/{collection}/{id}/{}", asked.name()),
            None => format!("/api/v1/{collection}"),
        };
        let id = id.unwrap_or_else(|| StructureId::created_by(self.plan.territory, command));
        self.take(who, key, command, Command::Structure(id, asked), value, path, None).map(|_| id)
    }

    /// A new key, dated with the simulated time, and the command id that the services make of it.
    fn key(&mut self, who: Who) -> (Uuid, CommandId) {
        self.asked += 1;
        let millis = u64::try_from(self.now.as_millisecond()).unwrap_or(0);
        let noise = scatter(self.plan.seed.rotate_left(17) ^ self.asked);
        let key = Uuid::from_u64_pair(
            millis << 16 | 0x7000 | (self.asked & 0x0fff),
            noise & !(0b11 << 62) | (0b10 << 62),
        );
        (key, CommandId::of_key(&who.organisation.to_string(), &key.to_string()))
    }

    #[expect(clippy::too_many_arguments, reason = "everything that a request over HTTP says")]
    fn take(
        &mut self,
        who: Who,
        key: Uuid,
        id: CommandId,
        command: Command,
        body: Value,
        path: String,
        standing: Option<Standing>,
    ) -> Option<CommandId> {
        let origin = Origin {
            command: id,
            actor: who.actor(),
            organisation: who.organisation,
            at: self.now,
            trace: None,
        };
        self.submit(command, body, Some(Asked { path, key }), origin, standing).then_some(id)
    }

    /// Decides a command and records what it changes. False if nothing was recorded.
    pub(super) fn submit(
        &mut self,
        command: Command,
        body: Value,
        asked: Option<Asked>,
        origin: Origin,
        standing: Option<Standing>,
    ) -> bool {
        let context = Context {
            command: origin.command,
            at: origin.at,
            organisation: origin.organisation,
            book: RuleBook::shipped(),
            user: None,
            standing,
        };
        let changes = loop {
            match decide(&command, &context, &self.ledgers) {
                Ok(changes) => break changes,
                Err(Halt::Need(ledger)) => self.ledgers.insert(ledger, State::empty(&ledger)),
                Err(Halt::Refused(refusal)) => {
                    self.summary.refuse(command.name(), &refusal);
                    return false;
                }
            }
        };
        if changes.is_empty() {
            return false;
        }
        let mut touched: Vec<AggregateId> = Vec::with_capacity(2);
        for (nth, change) in changes.iter().enumerate() {
            self.ledgers.record(change, &change.stamp(origin.command, nth, origin.at));
            *self.summary.events.entry(change.fact.kind()).or_default() += 1;
            if !touched.contains(&change.ledger) {
                touched.push(change.ledger);
            }
        }
        self.summary.commands += 1;
        for ledger in touched {
            self.index(ledger);
        }
        for change in &changes {
            self.react(change);
        }
        self.steps.push(Step { command, body, asked, origin, changes });
        true
    }
}

/// The body as a client would send it.
fn json(body: &impl Serialize) -> Value {
    // Commands are plain structs with string keys: serde_json cannot refuse them.
    serde_json::to_value(body).unwrap_or(Value::Null)
}
