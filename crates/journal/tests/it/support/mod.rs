//! What the tests have in common: a broker of their own, ledgers, decisions.

pub(crate) mod view;

use std::time::Duration;

use async_nats::jetstream::{self, Context};
use domain::event::{Actor, Origin};
use domain::id::{CommandId, HouseholdId, OrganisationId, PlaceId, StructureId, Territory};
use domain::ledger::{AggregateId, Change, Fact};
use jiff::Timestamp;
use journal::broker::Broker;
use journal::{Decision, Digest, Draft, Journal, JournalConfig};
use serde_json::{Value, json};
use uuid::Uuid;

/// A broker and the settings of a process that uses it.
pub(crate) struct Ground {
    pub(crate) broker: Broker,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        Self { broker: Broker::temporary().await.unwrap() }
    }

    pub(crate) fn config(&self) -> JournalConfig {
        JournalConfig {
            max_bytes: 256 << 20,
            max_key_bytes: 16 << 20,
            patience: Duration::from_secs(30),
            ..JournalConfig::at(self.broker.url())
        }
    }

    /// The journal as one process of the deployment opens it.
    pub(crate) async fn journal(&self) -> Journal {
        Journal::open(self.config()).await.unwrap()
    }

    /// The broker's own interface, for what the journal never does.
    pub(crate) async fn raw(&self) -> Context {
        jetstream::new(async_nats::connect(self.broker.url()).await.unwrap())
    }
}

/// The time of this machine, where a server compares with its own.
#[expect(clippy::disallowed_methods, reason = "a real server reads the real clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn territory(code: &str) -> Territory {
    code.parse().unwrap()
}

pub(crate) fn household(n: u128) -> AggregateId {
    AggregateId::Household(HouseholdId::new(territory("33"), Uuid::from_u128(n)))
}

pub(crate) fn place(n: u128) -> AggregateId {
    AggregateId::Place(PlaceId::new(territory("33"), Uuid::from_u128(n)))
}

pub(crate) fn structure(n: u128) -> AggregateId {
    AggregateId::Structure(StructureId::new(territory("33"), Uuid::from_u128(n)))
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn origin(command: u128) -> Origin {
    Origin {
        command: CommandId(Uuid::from_u128(command)),
        actor: "agent-12".parse::<Actor>().unwrap(),
        organisation: OrganisationId::new(territory("33"), Uuid::from_u128(7)),
        at: at("2026-03-15T10:00:00Z"),
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

pub(crate) fn digest(n: u8) -> Digest {
    Digest([n; Digest::BYTES])
}

pub(crate) fn draft(ledger: AggregateId, body: Value) -> Draft {
    let kind = match ledger {
        AggregateId::Household(_) => "household.registered",
        AggregateId::Place(_) => "place.closed",
        AggregateId::Structure(_) => "structure.opened",
        AggregateId::Organisation(_)
        | AggregateId::User(_)
        | AggregateId::Subscription(_)
        | AggregateId::Inquiry(_) => {
            panic!("no test writes on {ledger}")
        }
    };
    Draft { ledger, kind, version: 1, effective: at("2026-03-14T00:00:00Z"), body }
}

/// The body of an event that a ledger of this kind takes.
fn body(ledger: AggregateId) -> Value {
    match ledger {
        AggregateId::Household(_) => json!({ "adults": 1 }),
        AggregateId::Place(_) => json!({ "from": "2026-03-14" }),
        AggregateId::Structure(_) => profile(),
        AggregateId::Organisation(_)
        | AggregateId::User(_)
        | AggregateId::Subscription(_)
        | AggregateId::Inquiry(_) => {
            panic!("no test writes on {ledger}")
        }
    }
}

fn profile() -> Value {
    let provider = OrganisationId::new(territory("33"), Uuid::from_u128(7));
    json!({ "profile": { "name": "Les Tilleuls", "kind": "emergency_shelter", "provider": provider, "commune": "33063" } })
}

/// One event on each of some ledgers, each decided on a version.
pub(crate) fn decision(command: u128, on: &[(AggregateId, u64)]) -> Decision {
    Decision {
        origin: origin(command),
        digest: digest(1),
        drafts: on.iter().map(|(ledger, _)| draft(*ledger, body(*ledger))).collect(),
        expected: on.to_vec(),
    }
}

/// The opening of a structure, as a rule would decide it.
pub(crate) fn opening(ledger: AggregateId) -> Change {
    let fact = Fact::read(&ledger, "structure.opened", 1, profile()).unwrap();
    Change { ledger, fact, effective: at("2026-03-14T00:00:00Z") }
}
