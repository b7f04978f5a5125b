//! Events as the journal would hand them out, of kinds that exist, over a few ledgers.

use bytes::Bytes;
use domain::event::Stamp;
use domain::id::{CommandId, EventId, HouseholdId, OrganisationId, StructureId, Territory};
use domain::ledger::AggregateId;
use jiff::{SignedDuration, Timestamp};
use journal::{Digest, Recorded};
use serde_json::{Value, json};
use uuid::Uuid;

/// The timeline says that an event of this kind cannot be.
pub(crate) const CONTRADICTION: &str = "structure.closed";
/// The timeline panics on an event of this kind.
pub(crate) const PANIC: &str = "consent.withdrawn";

/// What happens to which ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fed {
    /// A household gives its nth consent.
    Consent(u8, u8),
    /// A structure opens.
    Open(u8),
    /// A structure is called otherwise.
    Rename(u8, u8),
    /// A structure closes, which the timeline refuses.
    Contradiction(u8),
    /// A household takes a consent back, on which the timeline panics.
    Panic(u8),
    /// A body that is not what its version promises.
    Damaged(u8),
    /// A body of a version nobody has written yet.
    Newer(u8),
    /// A kind nobody has heard of yet.
    UnheardOf(u8),
}

pub(crate) fn territory() -> Territory {
    "33".parse().unwrap()
}

pub(crate) fn household(n: u8) -> AggregateId {
    AggregateId::Household(HouseholdId::new(territory(), Uuid::from_u128(u128::from(n))))
}

pub(crate) fn structure(n: u8) -> AggregateId {
    AggregateId::Structure(StructureId::new(territory(), Uuid::from_u128(u128::from(n))))
}

pub(crate) fn beginning() -> Timestamp {
    "2026-01-05T08:00:00Z".parse().unwrap()
}

/// These happenings at the positions from 1 on, one command for each two, one every three hours.
pub(crate) fn events(fed: &[Fed]) -> Vec<Recorded> {
    fed.iter().zip(1..).map(|(fed, position)| event(*fed, position)).collect()
}

pub(crate) fn command(position: u64) -> CommandId {
    CommandId(Uuid::from_u128(0xc0 + u128::from((position - 1) / 2)))
}

pub(crate) fn event(fed: Fed, position: u64) -> Recorded {
    let (ledger, kind, version, body) = happening(fed);
    let nth = usize::try_from((position - 1) % 2).unwrap();
    let hours = i64::try_from(position).unwrap() * 3;
    let recorded = beginning() + SignedDuration::from_hours(hours);
    let command = command(position);
    Recorded {
        position,
        ledger,
        kind: kind.to_owned(),
        stamp: Stamp { event: EventId::of(command, nth), version, recorded, effective: recorded },
        actor: "agent-12".parse().unwrap(),
        organisation: OrganisationId::new(territory(), Uuid::from_u128(7)),
        command,
        digest: Digest([u8::try_from(position % 251).unwrap(); Digest::BYTES]),
        trace: None,
        body: Bytes::from(body.to_string()),
    }
}

fn happening(fed: Fed) -> (AggregateId, &'static str, u16, Value) {
    let uuid = |n: u8| Uuid::from_u128(0xabc0 + u128::from(n));
    let profile = |name: String| {
        let provider = format!("33-{}", uuid(1));
        json!({ "profile": { "name": name, "kind": "hotel_night", "provider": provider, "commune": "33063" } })
    };
    match fed {
        Fed::Consent(n, consent) => {
            let purpose = if consent % 2 == 0 { "share_with_providers" } else { "share_with_landlords" };
            let body = json!({
                "consent": uuid(consent), "person": uuid(99), "purpose": purpose, "channel": "oral",
            });
            (household(n), "consent.given", 1, body)
        }
        Fed::Open(n) => (structure(n), "structure.opened", 1, profile(format!("Résidence {n}"))),
        Fed::Rename(n, to) => (structure(n), "structure.changed", 1, profile(format!("Foyer {to}"))),
        Fed::Contradiction(n) => (structure(n), CONTRADICTION, 1, json!({ "from": "2026-03-14" })),
        Fed::Panic(n) => (household(n), PANIC, 1, json!({ "consent": uuid(0), "channel": "oral" })),
        Fed::Damaged(n) => (household(n), "consent.given", 1, json!({ "consent": "Mme Secret" })),
        Fed::Newer(n) => (household(n), "consent.given", u16::MAX, json!({})),
        Fed::UnheardOf(n) => (household(n), "household.dissolved", 1, json!({})),
    }
}
