//! A small world to tell stories in: ledgers in memory, a clock in the story's hands, and a journal that keeps what
//! was recorded the way the real one does.
//!
//! Every command goes through its JSON, every event through its body, and every decision starts with no ledger at hand:
//! it must ask for each one it reads, as it must of the journal. A change to a ledger that was not asked for would be
//! written without a guard; the world refuses it.

pub(crate) mod build;
mod people;
pub(crate) mod shapes;

use std::collections::BTreeSet;

use domain::decide::clock::{Deadline, deadlines};
use domain::decide::{
    Addressed, Command, Context, HouseholdCommand, InquiryCommand, OrganisationCommand, PlaceCommand,
    StructureCommand, SubscriptionCommand, UserCommand, decide,
};
use domain::event::Stamp;
use domain::household::Household;
use domain::id::{
    CommandId, EventId, HouseholdId, InquiryId, OrganisationId, PlaceId, StructureId, SubscriptionId,
    Territory, UserId,
};
use domain::ledger::{AggregateId, Change, Fact, Halt, Ledgers, State};
use domain::matching::Standing;
use domain::place::Place;
use domain::refusal::Refusal;
use domain::rights::{Matrix, mask_file};
use domain::rules::RuleBook;
use jiff::civil::DateTime;
use jiff::{Span, Timestamp, ToSpan};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use people::member;

/// One recorded event.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) ledger: AggregateId,
    pub(crate) fact: Fact,
    pub(crate) stamp: Stamp,
    /// The command that recorded it: events of one command were appended together.
    pub(crate) command: CommandId,
    /// Whether the clock recorded it.
    pub(crate) by_clock: bool,
}

/// Ledgers, a clock and a journal.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) ledgers: Ledgers,
    pub(crate) log: Vec<Recorded>,
    pub(crate) now: Timestamp,
    /// The person who asks, if it is one.
    pub(crate) asking: Option<UserId>,
    /// On whose behalf, if not the usual organisation's.
    pub(crate) acting: Option<OrganisationId>,
    /// The rank of the next proposal on its place's list, where the list is at hand.
    pub(crate) standing: Option<Standing>,
    pub(crate) last: CommandId,
    asked: u64,
    known: BTreeSet<EventId>,
    /// Whether it is drawn by chance: what it writes differs from run to run, and adds nothing to the history.
    drawn: bool,
}

/// A ledger that can be addressed by its id.
pub(crate) trait Target: Copy {
    type Command: Addressed<Id = Self>;
}

impl Target for HouseholdId {
    type Command = HouseholdCommand;
}

impl Target for PlaceId {
    type Command = PlaceCommand;
}

impl Target for StructureId {
    type Command = StructureCommand;
}

impl Target for OrganisationId {
    type Command = OrganisationCommand;
}

impl Target for UserId {
    type Command = UserCommand;
}

impl Target for InquiryId {
    type Command = InquiryCommand;
}

impl Target for SubscriptionId {
    type Command = SubscriptionCommand;
}

/// The body of a command.
pub(crate) trait Body: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug {}

impl<B: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug> Body for B {}

pub(crate) fn gironde() -> Territory {
    "33".parse().unwrap()
}

/// An instant of the civil time of Gironde: `2026-03-01T10:00`.
pub(crate) fn instant(local: &str) -> Timestamp {
    let local: DateTime = local.parse().unwrap();
    local.to_zoned_datetime(domain::calendar::time_zone(gironde())).unwrap().timestamp()
}

/// A civil day: `2026-03-01`.
pub(crate) fn day(text: &str) -> domain::calendar::Day {
    domain::calendar::Day(text.parse().unwrap())
}

/// A code of a closed list.
pub(crate) fn code<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn organisation() -> OrganisationId {
    OrganisationId::new(gironde(), Uuid::from_u128(0x0192_f1c2_7d5e_7c3a_9b1f_2f6d_0c1e_8a90))
}

impl World {
    /// An empty world at this local time, of a story that is drawn by chance.
    pub(crate) fn drawn_at(local: &str) -> Self {
        Self { drawn: true, ..Self::at(local) }
    }

    /// An empty world at this local time.
    pub(crate) fn at(local: &str) -> Self {
        Self {
            ledgers: Ledgers::default(),
            log: Vec::new(),
            now: instant(local),
            asking: None,
            acting: None,
            standing: None,
            last: CommandId(Uuid::nil()),
            asked: 0,
            known: BTreeSet::new(),
            drawn: false,
        }
    }

    /// The id of the next command: any two differ.
    fn next_command(&mut self) -> CommandId {
        self.asked += 1;
        self.last = CommandId(Uuid::from_u64_pair(0x00c0_ffee, self.asked));
        self.last
    }

    /// The context in which `command` is decided now.
    pub(crate) fn context(&self, command: CommandId) -> Context<'static> {
        Context {
            command,
            at: self.now,
            organisation: self.acting.unwrap_or_else(organisation),
            book: RuleBook::shipped(),
            user: self.asking,
            standing: self.standing.clone(),
        }
    }

    /// Rules on `command` from nothing, bringing each ledger when it is asked for.
    pub(crate) fn rule(&self, command: &Command, id: CommandId) -> Result<Vec<Change>, Refusal> {
        let ctx = self.context(id);
        let mut hand = Ledgers::default();
        for _ in 0..500 {
            match decide(command, &ctx, &hand) {
                Ok(changes) => {
                    for change in &changes {
                        let read = hand.get(&change.ledger).is_some();
                        assert!(read, "{} writes {} without reading it", command.name(), change.ledger);
                    }
                    return Ok(changes);
                }
                Err(Halt::Refused(refusal)) => return Err(refusal),
                Err(Halt::Need(ledger)) => {
                    assert!(hand.get(&ledger).is_none(), "{ledger} is at hand and asked for again");
                    let state = self.ledgers.get(&ledger).cloned();
                    hand.insert(ledger, state.unwrap_or_else(|| State::empty(&ledger)));
                }
            }
        }
        panic!("{} never has all the ledgers it wants", command.name());
    }

    /// Every field of a household's file belongs to a group of the matrix: what nobody classified, nobody would see.
    fn check_classified(&self, ledger: &AggregateId) {
        let Some(State::Household(is)) = self.ledgers.get(ledger) else { return };
        let file = serde_json::to_value(is).unwrap();
        let everything = crate::rights::everything();
        let shown = mask_file(Matrix::shipped(), &everything, file, &|_| true, "", self.now);
        assert_eq!(shown.unclassified, BTreeSet::new(), "config/rights.toml, [fields]");
    }

    /// Records what a command decided, as the journal would: an event that is known already changes nothing.
    pub(crate) fn record(&mut self, id: CommandId, changes: &[Change], by_clock: bool) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        for (n, change) in changes.iter().enumerate() {
            let stamp = change.stamp(id, n, self.now);
            if !self.known.insert(stamp.event) {
                continue;
            }
            if !self.drawn {
                shapes::check_known(change);
            }
            let fact = through_json(change);
            kinds.push(fact.kind());
            self.ledgers.record(&Change { fact: fact.clone(), ..change.clone() }, &stamp);
            self.check_classified(&change.ledger);
            self.log.push(Recorded { ledger: change.ledger, fact, stamp, command: id, by_clock });
        }
        kinds
    }

    /// Asks and records; a refusal records nothing.
    pub(crate) fn ask(&mut self, command: &Command) -> Result<Vec<&'static str>, Refusal> {
        let id = self.next_command();
        let changes = self.rule(command, id)?;
        Ok(self.record(id, &changes, false))
    }

    /// `on` does this: the kinds of the events that were recorded, in their order.
    #[track_caller]
    pub(crate) fn does<T: Target, B: Body + Into<T::Command>>(
        &mut self,
        on: T,
        body: B,
    ) -> Vec<&'static str> {
        let command = written(body).into().on(on);
        match self.ask(&command) {
            Ok(kinds) => kinds,
            Err(refusal) => panic!("{} is refused ({}): {refusal}", command.name(), refusal.code),
        }
    }

    /// `on` may not do this: the refusal. Nothing is recorded.
    #[track_caller]
    pub(crate) fn refuses<T: Target, B: Body + Into<T::Command>>(&mut self, on: T, body: B) -> Refusal {
        let command = written(body).into().on(on);
        let before = self.log.len();
        match self.ask(&command) {
            Ok(kinds) => panic!("{} is accepted: {kinds:?}", command.name()),
            Err(refusal) => {
                assert_eq!(self.log.len(), before, "a refusal wrote something");
                refusal
            }
        }
    }

    /// Lets time pass without the clock doing anything: an outage.
    pub(crate) fn outage_until(&mut self, local: &str) -> &mut Self {
        let then = instant(local);
        assert!(then >= self.now, "time does not go back");
        self.now = then;
        self
    }

    /// Lets time pass under a punctual clock: every deadline fires one second after it is due.
    pub(crate) fn until(&mut self, local: &str) -> Vec<&'static str> {
        let then = instant(local);
        assert!(then >= self.now, "time does not go back");
        let mut kinds = Vec::new();
        while let Some(next) = self.deadlines().into_iter().filter(|d| d.due < then).min() {
            assert!(kinds.len() < 10_000, "{} never stops firing", next.kind.id());
            self.now = self.now.max(next.due.saturating_add(1.seconds()).unwrap());
            let fired = self.fire(next);
            assert!(!fired.is_empty(), "{} is due, fires, and changes nothing", next.kind.id());
            kinds.extend(fired);
        }
        self.now = self.now.max(then);
        kinds
    }

    /// Lets `span` pass under a punctual clock.
    pub(crate) fn pass(&mut self, span: Span) -> Vec<&'static str> {
        let zone = domain::calendar::time_zone(gironde());
        let then = self.now.to_zoned_datetime(zone).checked_add(span).unwrap().datetime();
        self.until(&then.to_string())
    }

    /// Every deadline that some ledger waits for.
    pub(crate) fn deadlines(&self) -> Vec<Deadline> {
        self.ledgers.iter().flat_map(|(id, state)| deadlines(id, state)).collect()
    }

    /// Fires one deadline, due or not.
    #[track_caller]
    pub(crate) fn fire(&mut self, deadline: Deadline) -> Vec<&'static str> {
        let id = deadline.command();
        match self.rule(&Command::Elapse(deadline), id) {
            Ok(changes) => self.record(id, &changes, true),
            Err(refusal) => {
                panic!("the clock is refused {} ({}): {refusal}", deadline.kind.id(), refusal.code)
            }
        }
    }

    pub(crate) fn household_of(&self, id: HouseholdId) -> &Household {
        match self.ledgers.get(&AggregateId::Household(id)) {
            Some(State::Household(household)) => household,
            Some(
                State::Place(_)
                | State::Structure(_)
                | State::Organisation(_)
                | State::User(_)
                | State::Subscription(_)
                | State::Inquiry(_),
            )
            | None => {
                panic!("no household {id}")
            }
        }
    }

    pub(crate) fn place_of(&self, id: PlaceId) -> &Place {
        match self.ledgers.get(&AggregateId::Place(id)) {
            Some(State::Place(place)) => place,
            Some(
                State::Household(_)
                | State::Structure(_)
                | State::Organisation(_)
                | State::User(_)
                | State::Subscription(_)
                | State::Inquiry(_),
            )
            | None => panic!("no place {id}"),
        }
    }

    /// Seals the personal values of a household, as a service that lacks their key sees them.
    pub(crate) fn seal(&mut self, household: HouseholdId) {
        let ledger = AggregateId::Household(household);
        let mut state = State::empty(&ledger);
        for recorded in self.log.iter().filter(|recorded| recorded.ledger == ledger) {
            let (kind, version) = (recorded.fact.kind(), recorded.fact.version());
            let body = sealed(&recorded.fact.body());
            state.evolve(&Fact::read(&ledger, kind, version, body).unwrap(), &recorded.stamp);
        }
        self.ledgers.insert(ledger, state);
    }

    /// The ledgers that the last command wrote to.
    pub(crate) fn appended(&self) -> BTreeSet<AggregateId> {
        let of = self.log.iter().filter(|recorded| recorded.command == self.last);
        of.map(|recorded| recorded.ledger).collect()
    }

    /// What was recorded last of this kind.
    #[track_caller]
    pub(crate) fn last_of(&self, kind: &str) -> &Recorded {
        self.log
            .iter()
            .rev()
            .find(|recorded| recorded.fact.kind() == kind)
            .unwrap_or_else(|| panic!("no {kind}"))
    }
}

/// The body of a command, which comes back from its JSON as it was.
fn written<B: Body>(body: B) -> B {
    let text = serde_json::to_string(&body).unwrap();
    let read: B = serde_json::from_str(&text).unwrap();
    assert_eq!(read, body, "a command reads as it is written");
    body
}

/// The fact of a change as it comes back from its JSON.
fn through_json(change: &Change) -> Fact {
    let text = change.fact.body().to_string();
    let body = serde_json::from_str(&text).unwrap();
    let read = Fact::read(&change.ledger, change.fact.kind(), change.fact.version(), body);
    assert_eq!(read.as_ref(), Ok(&change.fact), "{} reads as it is written: {text}", change.fact.kind());
    read.unwrap()
}

/// A body whose personal values are sealed, as it is in the journal.
pub(crate) fn sealed(body: &Value) -> Value {
    match body {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("personal") => {
            json!({ "sealed": { "v": 1, "key": "1", "nonce": "AAAA", "text": "c2VhbGVk" } })
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), sealed(value))).collect(),
        Value::Array(values) => values.iter().map(sealed).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => body.clone(),
    }
}
