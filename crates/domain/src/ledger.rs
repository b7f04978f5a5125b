//! Ledgers and what is written to them.
//!
//! A decision reads one or several ledgers and yields changes to them; the journal appends all of its changes or none,
//! each ledger guarded by the version the decision was taken on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::event::{Event, Stamp, Undecodable};
use crate::household::{Household, HouseholdEvent};
use crate::id::{
    CommandId, EventId, HouseholdId, InquiryId, Malformed, OrganisationId, PlaceId, StructureId,
    SubscriptionId, Territory, UserId,
};
use crate::inquiry::{Inquiry, InquiryEvent};
use crate::organisation::{OrganisationEvent, OrganisationLedger};
use crate::place::{Place, PlaceEvent};
use crate::refusal::Refusal;
use crate::structure::{Structure, StructureEvent};
use crate::subscription::{Subscription, SubscriptionEvent};
use crate::user::{User, UserEvent};

/// The name of one ledger: what kind of thing, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AggregateId {
    /// Everything that happens to one household.
    Household(HouseholdId),
    /// Everything that happens to one place or dwelling.
    Place(PlaceId),
    /// A structure that places belong to.
    Structure(StructureId),
    /// An organisation that takes part, with the tokens of its software.
    Organisation(OrganisationId),
    /// Somebody who signs in.
    User(UserId),
    /// What an organisation wants to be told of.
    Subscription(SubscriptionId),
    /// A question about capacity.
    Inquiry(InquiryId),
}

impl AggregateId {
    /// The household whose ledger it is, if it is one's.
    #[must_use]
    pub fn household(self) -> Option<HouseholdId> {
        if let Self::Household(id) = self { Some(id) } else { None }
    }

    /// The word for this kind of ledger in subjects: `household`, `place`, `structure`, `organisation`, `user`, `subscription`,
    /// `inquiry`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Household(_) => "household",
            Self::Place(_) => "place",
            Self::Structure(_) => "structure",
            Self::Organisation(_) => "organisation",
            Self::User(_) => "user",
            Self::Subscription(_) => "subscription",
            Self::Inquiry(_) => "inquiry",
        }
    }

    /// Where the thing was created.
    #[must_use]
    pub fn territory(&self) -> Territory {
        match self {
            Self::Household(id) => id.territory(),
            Self::Place(id) => id.territory(),
            Self::Structure(id) => id.territory(),
            Self::Organisation(id) => id.territory(),
            Self::User(id) => id.territory(),
            Self::Subscription(id) => id.territory(),
            Self::Inquiry(id) => id.territory(),
        }
    }

    /// Its number without the home.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        match self {
            Self::Household(id) => id.uuid(),
            Self::Place(id) => id.uuid(),
            Self::Structure(id) => id.uuid(),
            Self::Organisation(id) => id.uuid(),
            Self::User(id) => id.uuid(),
            Self::Subscription(id) => id.uuid(),
            Self::Inquiry(id) => id.uuid(),
        }
    }

    /// The ledger of this kind name, home and number; `None` if no ledger is called so.
    #[must_use]
    pub fn from_parts(name: &str, territory: Territory, uuid: Uuid) -> Option<Self> {
        match name {
            "household" => Some(Self::Household(HouseholdId::new(territory, uuid))),
            "place" => Some(Self::Place(PlaceId::new(territory, uuid))),
            "structure" => Some(Self::Structure(StructureId::new(territory, uuid))),
            "organisation" => Some(Self::Organisation(OrganisationId::new(territory, uuid))),
            "user" => Some(Self::User(UserId::new(territory, uuid))),
            "subscription" => Some(Self::Subscription(SubscriptionId::new(territory, uuid))),
            "inquiry" => Some(Self::Inquiry(InquiryId::new(territory, uuid))),
            _ => None,
        }
    }
}

impl fmt::Display for AggregateId {
    /// `household/33-0192f1c2-…`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}-{}", self.name(), self.territory(), self.uuid())
    }
}

impl FromStr for AggregateId {
    type Err = Malformed;

    fn from_str(s: &str) -> Result<Self, Malformed> {
        const EXPECTED: &str = "a ledger such as household/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
        let (name, id) = s.split_once('/').ok_or_else(|| Malformed::new(s, EXPECTED))?;
        match name {
            "household" => id.parse().map(Self::Household),
            "place" => id.parse().map(Self::Place),
            "structure" => id.parse().map(Self::Structure),
            "organisation" => id.parse().map(Self::Organisation),
            "user" => id.parse().map(Self::User),
            "subscription" => id.parse().map(Self::Subscription),
            "inquiry" => id.parse().map(Self::Inquiry),
            _ => Err(Malformed::new(s, EXPECTED)),
        }
    }
}

crate::id::text_serde!(
    AggregateId,
    "^(household|place|structure|organisation|user|subscription|inquiry)/.+$",
    "household/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90"
);

/// An event of any ledger.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// On a household ledger.
    Household(HouseholdEvent),
    /// On a place ledger.
    Place(PlaceEvent),
    /// On a structure ledger.
    Structure(StructureEvent),
    /// On an organisation ledger.
    Organisation(OrganisationEvent),
    /// On a user ledger.
    User(UserEvent),
    /// On a subscription ledger.
    Subscription(SubscriptionEvent),
    /// On an inquiry ledger.
    Inquiry(InquiryEvent),
}

impl Fact {
    /// The event's kind: `referral.proposed`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Household(e) => e.kind(),
            Self::Place(e) => e.kind(),
            Self::Structure(e) => e.kind(),
            Self::Organisation(e) => e.kind(),
            Self::User(e) => e.kind(),
            Self::Subscription(e) => e.kind(),
            Self::Inquiry(e) => e.kind(),
        }
    }

    /// The version of the shape this program writes.
    #[must_use]
    pub fn version(&self) -> u16 {
        match self {
            Self::Household(e) => e.version(),
            Self::Place(e) => e.version(),
            Self::Structure(e) => e.version(),
            Self::Organisation(e) => e.version(),
            Self::User(e) => e.version(),
            Self::Subscription(e) => e.version(),
            Self::Inquiry(e) => e.version(),
        }
    }

    /// The body alone, personal values marked `{"personal": …}`.
    #[must_use]
    pub fn body(&self) -> Value {
        match self {
            Self::Household(e) => e.body(),
            Self::Place(e) => e.body(),
            Self::Structure(e) => e.body(),
            Self::Organisation(e) => e.body(),
            Self::User(e) => e.body(),
            Self::Subscription(e) => e.body(),
            Self::Inquiry(e) => e.body(),
        }
    }

    /// Reads an event of `ledger`, of any version ever written.
    ///
    /// # Errors
    /// [`Undecodable`] when the kind or version is unknown to this program, or the shape is wrong.
    pub fn read(ledger: &AggregateId, kind: &str, version: u16, body: Value) -> Result<Self, Undecodable> {
        match ledger {
            AggregateId::Household(_) => HouseholdEvent::read(kind, version, body).map(Self::Household),
            AggregateId::Place(_) => PlaceEvent::read(kind, version, body).map(Self::Place),
            AggregateId::Structure(_) => StructureEvent::read(kind, version, body).map(Self::Structure),
            AggregateId::Organisation(_) => {
                OrganisationEvent::read(kind, version, body).map(Self::Organisation)
            }
            AggregateId::User(_) => UserEvent::read(kind, version, body).map(Self::User),
            AggregateId::Subscription(_) => {
                SubscriptionEvent::read(kind, version, body).map(Self::Subscription)
            }
            AggregateId::Inquiry(_) => InquiryEvent::read(kind, version, body).map(Self::Inquiry),
        }
    }

    /// Reads an event of `ledger` as it is stored, of any version ever written.
    ///
    /// # Errors
    /// As [`Fact::read`]; what is not JSON has not the promised shape either.
    pub fn parse(ledger: &AggregateId, kind: &str, version: u16, body: &[u8]) -> Result<Self, Undecodable> {
        match ledger {
            AggregateId::Household(_) => HouseholdEvent::parse(kind, version, body).map(Self::Household),
            AggregateId::Place(_) => PlaceEvent::parse(kind, version, body).map(Self::Place),
            AggregateId::Structure(_) => StructureEvent::parse(kind, version, body).map(Self::Structure),
            AggregateId::Organisation(_) => {
                OrganisationEvent::parse(kind, version, body).map(Self::Organisation)
            }
            AggregateId::User(_) => UserEvent::parse(kind, version, body).map(Self::User),
            AggregateId::Subscription(_) => {
                SubscriptionEvent::parse(kind, version, body).map(Self::Subscription)
            }
            AggregateId::Inquiry(_) => InquiryEvent::parse(kind, version, body).map(Self::Inquiry),
        }
    }
}

/// One event that a decision adds to one ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The ledger it is written to.
    pub ledger: AggregateId,
    /// What happened.
    pub fact: Fact,
    /// When it was true; the date of recording is the journal's.
    pub effective: Timestamp,
}

impl Change {
    /// Its stamp as the `nth` event of `command`, recorded at this instant.
    #[must_use]
    pub fn stamp(&self, command: CommandId, nth: usize, recorded: Timestamp) -> Stamp {
        let (event, version) = (EventId::of(command, nth), self.fact.version());
        Stamp { event, version, recorded, effective: self.effective }
    }
}

/// What one ledger amounts to: the fold of its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ledger", rename_all = "snake_case")]
pub enum State {
    /// A household.
    Household(Box<Household>),
    /// A place.
    Place(Box<Place>),
    /// A structure.
    Structure(Box<Structure>),
    /// An organisation.
    Organisation(Box<OrganisationLedger>),
    /// A user.
    User(Box<User>),
    /// A subscription.
    Subscription(Box<Subscription>),
    /// An inquiry.
    Inquiry(Box<Inquiry>),
}

impl State {
    /// The state of a ledger on which nothing is written yet.
    #[must_use]
    pub fn empty(ledger: &AggregateId) -> Self {
        match ledger {
            AggregateId::Household(_) => Self::Household(Box::default()),
            AggregateId::Place(_) => Self::Place(Box::default()),
            AggregateId::Structure(_) => Self::Structure(Box::default()),
            AggregateId::Organisation(_) => Self::Organisation(Box::default()),
            AggregateId::User(_) => Self::User(Box::default()),
            AggregateId::Subscription(_) => Self::Subscription(Box::default()),
            AggregateId::Inquiry(_) => Self::Inquiry(Box::default()),
        }
    }

    /// Adds one recorded fact. Cannot fail: it already happened. A fact of another kind of ledger changes nothing.
    pub fn evolve(&mut self, fact: &Fact, stamp: &Stamp) {
        match (self, fact) {
            (Self::Household(state), Fact::Household(event)) => state.evolve(event, stamp),
            (Self::Place(state), Fact::Place(event)) => state.evolve(event, stamp),
            (Self::Structure(state), Fact::Structure(event)) => state.evolve(event, stamp),
            (Self::Organisation(state), Fact::Organisation(event)) => state.evolve(event, stamp),
            (Self::User(state), Fact::User(event)) => state.evolve(event, stamp),
            (Self::Subscription(state), Fact::Subscription(event)) => state.evolve(event, stamp),
            (Self::Inquiry(state), Fact::Inquiry(event)) => state.evolve(event, stamp),
            (
                Self::Household(_)
                | Self::Place(_)
                | Self::Structure(_)
                | Self::Organisation(_)
                | Self::User(_)
                | Self::Subscription(_)
                | Self::Inquiry(_),
                _,
            ) => {}
        }
    }
}

macro_rules! only {
    ($($(#[$doc:meta])* $name:ident: $variant:ident($is:ty)),+ $(,)?) => {
        /// What it is, for whoever asks about one kind of ledger alone: a new kind concerns none of them.
        impl State {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Option<&$is> {
                if let Self::$variant(is) = self { Some(is) } else { None }
            })+
        }
    };
}

only! {
    /// The household, if it is one.
    household: Household(Household),
    /// The place, if it is one.
    place: Place(Place),
    /// The structure, if it is one.
    structure: Structure(Structure),
    /// The organisation, if it is one.
    organisation: Organisation(OrganisationLedger),
    /// The user, if it is one.
    user: User(User),
    /// The subscription, if it is one.
    subscription: Subscription(Subscription),
    /// The inquiry, if it is one.
    inquiry: Inquiry(Inquiry),
}

impl State {
    /// Makes the sealed values that the state keeps readable for a decision. `open` is given the event that sealed a
    /// value, its schema (`household.registered/1`) and the sealed form `{"sealed": …}`; it answers
    /// `{"personal": …}` or `{"erased": true}`, or nothing if the value must stay sealed.
    pub fn open(&mut self, open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>) {
        match self {
            Self::Household(state) => state.open(open),
            Self::User(state) => state.open(open),
            Self::Place(_)
            | Self::Structure(_)
            | Self::Organisation(_)
            | Self::Subscription(_)
            | Self::Inquiry(_) => {}
        }
    }
}

/// The ledgers at hand when a decision is taken.
#[derive(Debug, Clone, Default)]
pub struct Ledgers {
    states: BTreeMap<AggregateId, State>,
}

impl Ledgers {
    /// Brings one ledger to the decision.
    pub fn insert(&mut self, id: AggregateId, state: State) {
        self.states.insert(id, state);
    }

    /// Adds changes that were recorded, in order: for programs that hold the ledgers in memory.
    pub fn record(&mut self, change: &Change, stamp: &Stamp) {
        self.states
            .entry(change.ledger)
            .or_insert_with(|| State::empty(&change.ledger))
            .evolve(&change.fact, stamp);
    }

    /// The ledgers at hand, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&AggregateId, &State)> {
        self.states.iter()
    }

    /// A ledger by its name, if at hand.
    #[must_use]
    pub fn get(&self, id: &AggregateId) -> Option<&State> {
        self.states.get(id)
    }

    /// The household, or the need of it.
    pub(crate) fn household(&self, id: HouseholdId) -> Result<&Household, Halt> {
        let ledger = AggregateId::Household(id);
        self.states.get(&ledger).and_then(State::household).ok_or(Halt::Need(ledger))
    }

    /// The place, or the need of it.
    pub(crate) fn place(&self, id: PlaceId) -> Result<&Place, Halt> {
        let ledger = AggregateId::Place(id);
        self.states.get(&ledger).and_then(State::place).ok_or(Halt::Need(ledger))
    }

    /// The structure, or the need of it.
    pub(crate) fn structure(&self, id: StructureId) -> Result<&Structure, Halt> {
        let ledger = AggregateId::Structure(id);
        self.states.get(&ledger).and_then(State::structure).ok_or(Halt::Need(ledger))
    }

    /// The organisation, or the need of it.
    pub(crate) fn organisation(&self, id: OrganisationId) -> Result<&OrganisationLedger, Halt> {
        let ledger = AggregateId::Organisation(id);
        self.states.get(&ledger).and_then(State::organisation).ok_or(Halt::Need(ledger))
    }

    /// The subscription, or the need of it.
    pub(crate) fn subscription(&self, id: SubscriptionId) -> Result<&Subscription, Halt> {
        let ledger = AggregateId::Subscription(id);
        self.states.get(&ledger).and_then(State::subscription).ok_or(Halt::Need(ledger))
    }

    /// The inquiry, or the need of it.
    pub(crate) fn inquiry(&self, id: InquiryId) -> Result<&Inquiry, Halt> {
        let ledger = AggregateId::Inquiry(id);
        self.states.get(&ledger).and_then(State::inquiry).ok_or(Halt::Need(ledger))
    }

    /// The user, or the need of them.
    pub(crate) fn user(&self, id: UserId) -> Result<&User, Halt> {
        let ledger = AggregateId::User(id);
        self.states.get(&ledger).and_then(State::user).ok_or(Halt::Need(ledger))
    }
}

/// Why a decision yields nothing, for now or for good.
#[derive(Debug, Clone, PartialEq)]
pub enum Halt {
    /// The decision concerns a ledger that is not at hand: load it and decide again.
    Need(AggregateId),
    /// A rule says no.
    Refused(Refusal),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
