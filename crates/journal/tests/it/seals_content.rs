//! What lies in the streams, read through the broker's own interface, and an instance whose content is known.

use std::collections::BTreeMap;
use std::path::Path;

use async_nats::HeaderMap;
use domain::id::{EventId, HouseholdId, OrganisationId};
use jiff::Timestamp;
use journal::access::{AccessEntry, Code, Outcome};
use journal::seals::{Cadence, Known, Sealer};
use journal::{Journal, JournalConfig, Provision};
use uuid::Uuid;

use crate::support::{at, decision, household, territory};

/// The streams under the chain, and the chain.
pub(crate) const STREAMS: [&str; 3] = ["JOURNAL", "ACCESS", "SEALS"];

/// One message, without what the broker added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The messages of each stream by position, a hole where there is none.
pub(crate) type Content = BTreeMap<&'static str, Vec<Option<Message>>>;

/// Everything that the broker at `url` can still show.
pub(crate) async fn content(url: &str) -> Content {
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await.unwrap());
    let mut content = Content::new();
    for name in STREAMS {
        let Ok(stream) = jetstream.get_stream(name).await else {
            content.insert(name, Vec::new());
            continue;
        };
        let mut messages = Vec::new();
        for position in 1..=stream.cached_info().state.last_sequence {
            let found = stream.get_raw_message(position).await.ok();
            messages.push(found.map(|found| Message {
                subject: found.subject.to_string(),
                headers: own(&found.headers),
                body: found.payload.to_vec(),
            }));
        }
        content.insert(name, messages);
    }
    content
}

fn own(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut own: Vec<_> = headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name.to_string(), value.to_string())))
        .filter(|(name, _)| !name.starts_with("Nats-"))
        .collect();
    own.sort();
    own
}

/// The settings of the small instance: limits so narrow that each stream has several files.
pub(crate) fn small(url: &str, provision: Provision) -> JournalConfig {
    JournalConfig {
        max_bytes: 140_000,
        max_access_bytes: 140_000,
        max_seal_bytes: 140_000,
        max_key_bytes: 1 << 20,
        provision,
        ..JournalConfig::at(url)
    }
}

pub(crate) fn noon() -> Timestamp {
    at("2026-03-15T12:00:00Z")
}

fn access(n: u128) -> AccessEntry {
    let code = |text: &str| text.parse::<Code>().unwrap();
    AccessEntry {
        id: EventId(Uuid::from_u128(n)),
        at: noon(),
        actor: "agent-12".parse().unwrap(),
        organisation: OrganisationId::new(territory("33"), Uuid::from_u128(7)),
        role: code("siao"),
        action: code("read-file"),
        about: HouseholdId::new(territory("33"), Uuid::from_u128(n % 5)).into(),
        purpose: code("orientation"),
        fields: vec![code("identity")],
        outcome: Outcome::Granted,
        reason: None,
        trace: None,
    }
}

/// Fills the instance at `url` with events and accesses, all of them under seals, the key rotated once; what is known of
/// it outside of the broker.
pub(crate) async fn fill(url: &str, key: &Path) -> Known {
    let journal = Journal::open(small(url, Provision::Create)).await.unwrap();
    let cadence = Cadence { messages: 15, ..Cadence::default() };
    let mut sealer = Sealer::open(journal.clone(), key, None, cadence, noon()).await.unwrap();
    for round in 0..2_u128 {
        for n in round * 40..round * 40 + 40 {
            journal.append(decision(n + 1, &[(household(n), 0)])).await.unwrap();
        }
        journal.record_access(&(round * 20..round * 20 + 20).map(access).collect::<Vec<_>>()).await.unwrap();
        sealer.seal_all(noon()).await.unwrap();
        if round == 0 {
            sealer.rotate_key(noon()).await.unwrap();
        }
    }
    Known::beside(key).unwrap()
}

/// How many damages are tried in all: 200, or as many as CONTINUUM_DAMAGES says.
pub(crate) fn damages() -> u64 {
    std::env::var("CONTINUUM_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

/// Numbers that look drawn and are the same in every run (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `count`, which is not 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % count as u64).unwrap()
    }
}
