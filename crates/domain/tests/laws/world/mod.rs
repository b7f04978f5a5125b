//! A small world in which random commands are asked: a few households, places and structures, and the clock.

mod allocation;
mod applications;
mod clock;
mod dice;
mod family;
mod keeping;
mod operations;
mod referrals;
mod requests;
mod settle;
mod stays;
mod supply;
mod watch;

use std::borrow::Cow;
use std::collections::BTreeSet;

use domain::calendar::{self, Instant};
use domain::decide::{Addressed, Command, Context, HouseholdCommand, PlaceCommand, StructureCommand, decide};
use domain::event::Stamp;
use domain::household::{Household, Registration};
use domain::id::{CommandId, HouseholdId, OrganisationId, PlaceId, StructureId, Territory};
use domain::ledger::{AggregateId, Change, Fact, Halt, Ledgers, State};
use domain::place::Place;
use domain::refusal::Refusal;
use domain::rules::RuleBook;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use dice::Dice;
pub(crate) use dice::{Op, op};

/// What must hold after each accepted command.
pub(crate) type Law = fn(&World, &Recorded) -> Result<(), String>;

/// What one accepted command recorded.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The command.
    pub(crate) asked: Command,
    /// Its id.
    pub(crate) command: CommandId,
    /// When it was asked.
    pub(crate) at: Timestamp,
    /// The ledgers it wrote to, as they were before.
    pub(crate) before: Ledgers,
    /// Its facts, in order.
    pub(crate) facts: Vec<(AggregateId, Fact, Stamp)>,
}

impl Recorded {
    /// Whether the clock gave the command.
    pub(crate) fn by_clock(&self) -> bool {
        matches!(self.asked, Command::Elapse(_))
    }
}

/// The world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ledgers: Ledgers,
    /// Everything recorded, in the order of the journal.
    pub(crate) log: Vec<(AggregateId, Fact, Stamp)>,
    pub(crate) at: Timestamp,
    pub(crate) households: Vec<HouseholdId>,
    pub(crate) places: Vec<PlaceId>,
    pub(crate) structures: Vec<StructureId>,
    /// Every accepted command, to be asked again.
    pub(crate) accepted: Vec<(Command, CommandId)>,
    /// Changes of deadlines that fired a second time: must be none.
    pub(crate) fired_twice: usize,
    law: Law,
    broken: Option<String>,
    asked: u64,
}

/// Where the world is.
fn home() -> Territory {
    "33".parse().unwrap()
}

/// Who runs everything.
fn provider() -> OrganisationId {
    OrganisationId::new(home(), Uuid::from_u128(7))
}

impl World {
    /// Lets time pass, fires what is due unless the clock is late, and asks one random command.
    pub(crate) fn carry_out(&mut self, op: &Op) -> Result<(), String> {
        let mut dice = Dice::of(op);
        self.at = self.at.checked_add(i64::from(op.hours).hours()).unwrap();
        if !op.late {
            self.fire();
            if dice.one_in(3) {
                self.tend(&mut dice);
            }
        }
        let _ = operations::OPERATIONS[op.what].2(self, &mut dice);
        self.ask_again(&mut dice);
        self.broken.take().map_or(Ok(()), Err)
    }

    /// The name of the operation of a step, for whoever reads a failure.
    pub(crate) fn called(op: &Op) -> &'static str {
        operations::OPERATIONS[op.what].1
    }

    fn mint(&mut self) -> CommandId {
        self.asked += 1;
        CommandId(Uuid::from_u128(u128::from(self.asked) | 0x7000 << 64))
    }

    fn of(&mut self, id: HouseholdId, body: impl Into<HouseholdCommand>) -> Result<CommandId, Refusal> {
        let command = self.mint();
        self.ask(&body.into().on(id), command).map(|()| command)
    }

    fn at_place(&mut self, id: PlaceId, body: impl Into<PlaceCommand>) -> Result<CommandId, Refusal> {
        let command = self.mint();
        self.ask(&body.into().on(id), command).map(|()| command)
    }

    fn at_structure(
        &mut self,
        id: StructureId,
        body: impl Into<StructureCommand>,
    ) -> Result<CommandId, Refusal> {
        let command = self.mint();
        self.ask(&body.into().on(id), command).map(|()| command)
    }

    /// What a command would change now, whether or not it was asked before.
    pub(crate) fn decide(&self, asked: &Command, command: CommandId) -> Result<Vec<Change>, Refusal> {
        let (organisation, book) = (provider(), RuleBook::shipped());
        // Asked again, by the same person: a function of the command.
        let user = Some(watch::worker(command.0.as_u64_pair().1));
        let context = Context { command, at: self.at, organisation, user, book, standing: None };
        let mut ledgers = Cow::Borrowed(&self.ledgers);
        loop {
            match decide(asked, &context, &ledgers) {
                Ok(changes) => return Ok(changes),
                Err(Halt::Need(ledger)) => ledgers.to_mut().insert(ledger, State::empty(&ledger)),
                Err(Halt::Refused(refusal)) => return Err(refusal),
            }
        }
    }

    /// Asks as one asks the journal: what is recorded under this id already is not decided again.
    fn ask(&mut self, asked: &Command, command: CommandId) -> Result<(), Refusal> {
        if self.accepted.iter().any(|(_, known)| *known == command) {
            return Ok(());
        }
        let changes = self.decide(asked, command)?;
        if changes.is_empty() {
            return Ok(());
        }
        let mut before = Ledgers::default();
        for change in &changes {
            let state = self.ledgers.get(&change.ledger).cloned();
            before.insert(change.ledger, state.unwrap_or_else(|| State::empty(&change.ledger)));
            self.meet(change.ledger);
        }
        let mut facts = Vec::new();
        for (n, change) in changes.iter().enumerate() {
            let (kind, version, body) = (change.fact.kind(), change.fact.version(), change.fact.body());
            let read = Fact::read(&change.ledger, kind, version, body).unwrap();
            assert_eq!(read, change.fact, "an event reads as it was written");
            let stamp = change.stamp(command, n, self.at);
            self.ledgers.record(change, &stamp);
            facts.push((change.ledger, read, stamp));
        }
        self.log.extend(facts.iter().cloned());
        self.accepted.push((asked.clone(), command));
        let recorded = Recorded { asked: asked.clone(), command, at: self.at, before, facts };
        if self.broken.is_none() {
            let verdict = (self.law)(self, &recorded);
            self.broken = verdict.err().map(|why| format!("{} at {}: {why}", asked.name(), self.at));
        }
        Ok(())
    }

    /// Remembers a ledger that is written to for the first time.
    fn meet(&mut self, ledger: AggregateId) {
        match ledger {
            AggregateId::Household(id) if !self.households.contains(&id) => self.households.push(id),
            AggregateId::Place(id) if !self.places.contains(&id) => self.places.push(id),
            AggregateId::Structure(id) if !self.structures.contains(&id) => self.structures.push(id),
            AggregateId::Household(_)
            | AggregateId::Place(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_) => {}
        }
    }

    /// Asks an earlier command again under its id, as a client does that lost the answer.
    fn ask_again(&mut self, dice: &mut Dice) {
        if let Some((asked, command)) = dice.pick(self.accepted.clone()) {
            let recorded = self.log.len();
            let _ = self.ask(&asked, command);
            assert_eq!(self.log.len(), recorded, "{} is recorded once", asked.name());
        }
    }

    /// Today, where the world is.
    fn today(&self) -> Date {
        calendar::day(home(), self.at)
    }

    /// When something is said to have happened: mostly now, sometimes hours or weeks ago.
    fn stated(&self, dice: &mut Dice) -> Option<Instant> {
        let hours = match dice.below(6) {
            0 => dice.below(60),
            1 => dice.below(1_200),
            _ => return None,
        };
        let hours = i64::try_from(hours).unwrap();
        Some(Instant(self.at.checked_sub(hours.hours()).unwrap()))
    }

    /// Hours or weeks ago.
    fn earlier(&self, dice: &mut Dice) -> Instant {
        let hours = i64::try_from(1 + dice.below(1_200)).unwrap();
        Instant(self.at.checked_sub(hours.hours()).unwrap())
    }

    /// A household that is registered and as `fits` says; now and then any at all.
    fn a_household(&self, dice: &mut Dice, fits: impl Fn(&Household) -> bool) -> Option<HouseholdId> {
        let any = dice.one_in(12);
        dice.pick(self.households.iter().copied().filter(|id| {
            let is = self.household(*id);
            any || (matches!(is.registration, Registration::Registered { .. }) && fits(is))
        }))
    }

    /// A place as `fits` says; now and then any at all.
    fn a_place(&self, dice: &mut Dice, fits: impl Fn(&Place) -> bool) -> Option<PlaceId> {
        let any = dice.one_in(12);
        dice.pick(self.places.iter().copied().filter(|id| any || fits(self.place(*id))))
    }

    pub(crate) fn household(&self, id: HouseholdId) -> &Household {
        household_in(&self.ledgers, id)
    }

    pub(crate) fn place(&self, id: PlaceId) -> &Place {
        place_in(&self.ledgers, id)
    }

    /// The kinds of events and the names of commands that were recorded.
    pub(crate) fn reached(&self) -> (BTreeSet<&'static str>, BTreeSet<(&'static str, &'static str)>) {
        let kinds = self.log.iter().map(|(_, fact, _)| fact.kind()).collect();
        let commands = self.accepted.iter().filter(|(asked, _)| !matches!(asked, Command::Elapse(_)));
        (kinds, commands.map(|(asked, _)| (asked.ledger().name(), asked.name())).collect())
    }
}

/// A household at hand.
pub(crate) fn household_in(ledgers: &Ledgers, id: HouseholdId) -> &Household {
    match ledgers.get(&AggregateId::Household(id)) {
        Some(State::Household(is)) => is,
        Some(
            State::Place(_)
            | State::Structure(_)
            | State::Organisation(_)
            | State::User(_)
            | State::Subscription(_)
            | State::Inquiry(_),
        )
        | None => {
            panic!("{id} is not at hand")
        }
    }
}

/// A place at hand.
pub(crate) fn place_in(ledgers: &Ledgers, id: PlaceId) -> &Place {
    match ledgers.get(&AggregateId::Place(id)) {
        Some(State::Place(is)) => is,
        Some(
            State::Household(_)
            | State::Structure(_)
            | State::Organisation(_)
            | State::User(_)
            | State::Subscription(_)
            | State::Inquiry(_),
        )
        | None => {
            panic!("{id} is not at hand")
        }
    }
}
