//! The key ring on a real broker.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

use async_nats::jetstream::{self, Context};
use domain::id::{EventId, HouseholdId, PlaceId, Territory};
use domain::ledger::AggregateId;
use futures_util::future::join_all;
use journal::broker::Broker;
use journal::keys::{KeyError, KeyFile, KeyRing};
use journal::sealing::SealError;
use journal::{Journal, JournalConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const KIND: &str = "household.registered";

/// A broker with the journal's streams, and a key file beside it.
pub(crate) struct Deployment {
    pub(crate) broker: Broker,
    pub(crate) secrets: TempDir,
}

impl Deployment {
    pub(crate) async fn new() -> Self {
        let broker = Broker::temporary().await.unwrap();
        Journal::open(JournalConfig::at(broker.url())).await.unwrap();
        Self { broker, secrets: tempfile::tempdir().unwrap() }
    }

    /// What one process of the deployment holds.
    pub(crate) async fn ring(&self) -> KeyRing {
        self.ring_of("key").await
    }

    /// What one process of a machine holds whose key file is called so.
    pub(crate) async fn ring_of(&self, name: &str) -> KeyRing {
        let path = self.secrets.path().join(name);
        let file = KeyFile::open_or_create(&path, Some(self.broker.data_dir())).unwrap();
        KeyRing::new(connect(&self.broker).await, file)
    }

    /// How many keys there are, besides the mark of the key file, the epoch in force and the fence.
    async fn keys(&self) -> u64 {
        connect(&self.broker).await.get_stream("KEYS").await.unwrap().cached_info().state.messages - 3
    }
}

pub(crate) async fn connect(broker: &Broker) -> Context {
    jetstream::new(async_nats::connect(broker.url()).await.unwrap())
}

fn gironde() -> Territory {
    "33".parse().unwrap()
}

pub(crate) fn household(n: u128) -> HouseholdId {
    HouseholdId::new(gironde(), Uuid::from_u128(n))
}

pub(crate) fn ledger(n: u128) -> AggregateId {
    AggregateId::Household(household(n))
}

pub(crate) fn event(n: u128) -> EventId {
    EventId(Uuid::from_u128(n))
}

pub(crate) fn nadia() -> Value {
    json!({ "people": [{ "name": { "personal": "Nadia Benali" }, "born": "1990-03" }], "adults": 1 })
}

pub(crate) fn erased() -> Value {
    json!({ "people": [{ "name": { "erased": true }, "born": "1990-03" }], "adults": 1 })
}

#[tokio::test]
async fn what_one_process_seals_another_opens_after_the_broker_died() {
    let deployment = Deployment::new().await;
    let sealed = deployment.ring().await.seal(&ledger(1), event(1), KIND, 1, nadia()).await.unwrap();
    assert!(!sealed.to_string().contains("Nadia"), "{sealed}");

    deployment.broker.kill_hard();
    deployment.broker.ready().await.unwrap();

    let other = deployment.ring().await;
    assert_eq!(other.open(&ledger(1), event(1), KIND, 1, sealed.clone()).await.unwrap(), nadia());
    let opener = other.opener(household(1)).await.unwrap();
    let one = opener.open("household.registered/1", event(1), sealed["people"][0]["name"].clone()).unwrap();
    assert_eq!(one, json!({ "personal": "Nadia Benali" }));
}

#[tokio::test]
async fn processes_that_draw_a_key_at_the_same_moment_use_the_same_one() {
    let deployment = Deployment::new().await;
    let rings = join_all((0..8).map(|_| deployment.ring())).await;
    let ledger = ledger(1);
    let sealed = join_all(rings.iter().map(|ring| ring.seal(&ledger, event(1), KIND, 1, nadia()))).await;
    for sealed in sealed {
        let sealed = sealed.unwrap();
        for ring in &rings {
            assert_eq!(ring.open(&ledger, event(1), KIND, 1, sealed.clone()).await.unwrap(), nadia());
        }
    }
    assert_eq!(deployment.keys().await, 1);
}

#[tokio::test]
async fn a_forgotten_household_is_unreadable_everywhere_and_never_has_a_key_again() {
    let deployment = Deployment::new().await;
    let (here, there) = (deployment.ring().await, deployment.ring().await);
    let sealed = here.seal(&ledger(1), event(1), KIND, 1, nadia()).await.unwrap();
    let neighbour = here.seal(&ledger(2), event(2), KIND, 1, nadia()).await.unwrap();
    assert_eq!(there.open(&ledger(1), event(1), KIND, 1, sealed.clone()).await.unwrap(), nadia());

    let (one, two) = tokio::join!(here.forget(household(1)), there.forget(household(1)));
    one.unwrap();
    two.unwrap();
    here.forget(household(1)).await.unwrap();

    for ring in [&here, &there, &deployment.ring().await] {
        assert_eq!(ring.open(&ledger(1), event(1), KIND, 1, sealed.clone()).await.unwrap(), erased());
        assert_eq!(ring.open(&ledger(2), event(2), KIND, 1, neighbour.clone()).await.unwrap(), nadia());
        let refused = ring.seal(&ledger(1), event(3), KIND, 1, nadia()).await.unwrap_err();
        assert!(matches!(refused, KeyError::Forgotten(h) if h == household(1).into()), "{refused}");
        let refused = ring.create_many(&[household(1), household(3)]).await.unwrap_err();
        assert!(matches!(refused, KeyError::Forgotten(_)), "{refused}");
    }
}

#[tokio::test]
async fn a_removed_key_is_overwritten_on_the_brokers_disk() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    ring.seal(&ledger(1), event(1), KIND, 1, nadia()).await.unwrap();
    let stream = connect(&deployment.broker).await.get_stream("KEYS").await.unwrap();
    let stored = stream.get_last_raw_message_by_subject(&format!("key.{}", household(1))).await.unwrap();
    let wrapped =
        serde_json::from_slice::<Value>(&stored.payload).unwrap()["wrapped"].as_str().unwrap().to_owned();
    assert!(on_disk(deployment.broker.data_dir(), &wrapped));

    ring.forget(household(1)).await.unwrap();
    assert!(!on_disk(deployment.broker.data_dir(), &wrapped));
}

/// Whether any file below `dir` holds `text`.
pub(crate) fn on_disk(dir: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return on_disk(&path, text);
        }
        // The broker may have replaced a file since it was listed.
        std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    })
}

#[tokio::test]
async fn keys_for_a_load_are_drawn_in_batches_and_spare_those_that_exist() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    let early = ring.seal(&ledger(1500), event(1), KIND, 1, nadia()).await.unwrap();
    let households: Vec<_> = (1..=2500).chain(1..=10).map(household).collect();

    let (one, two) = tokio::join!(ring.create_many(&households), async {
        deployment.ring().await.create_many(&households).await
    });
    one.unwrap();
    two.unwrap();

    assert_eq!(deployment.keys().await, 2500);
    assert_eq!(ring.open(&ledger(1500), event(1), KIND, 1, early).await.unwrap(), nadia());
    let late = deployment.ring().await.seal(&ledger(2500), event(2), KIND, 1, nadia()).await.unwrap();
    assert_eq!(ring.open(&ledger(2500), event(2), KIND, 1, late).await.unwrap(), nadia());
}

#[tokio::test]
async fn a_lost_key_file_is_an_error_and_never_an_erasure() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    ring.check().await.unwrap();
    let sealed = ring.seal(&ledger(1), event(1), KIND, 1, nadia()).await.unwrap();

    let stranger = KeyRing::new(connect(&deployment.broker).await, KeyFile::draw().unwrap());
    for failure in [
        stranger.check().await.unwrap_err(),
        stranger.open(&ledger(1), event(1), KIND, 1, sealed).await.unwrap_err(),
        stranger.seal(&ledger(2), event(2), KIND, 1, nadia()).await.unwrap_err(),
        stranger.forget(household(1)).await.unwrap_err(),
    ] {
        assert!(matches!(failure, KeyError::WrongKeyFile), "{failure}");
    }
}

#[tokio::test]
async fn personal_values_are_refused_on_the_ledger_of_a_place() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    let place = AggregateId::Place(PlaceId::new(gironde(), Uuid::from_u128(1)));
    let refused = ring.seal(&place, event(1), "place.opened", 1, nadia()).await.unwrap_err();
    assert!(matches!(refused, KeyError::NoKeyFor(l) if l == place), "{refused}");
    let clear = json!({ "rooms": 2 });
    assert_eq!(ring.seal(&place, event(1), "place.opened", 1, clear.clone()).await.unwrap(), clear);
}

#[tokio::test]
async fn a_value_sealed_for_another_event_is_refused_on_both_ways() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    let sealed = ring.seal(&ledger(1), event(1), KIND, 1, nadia()).await.unwrap();
    let refused = ring.seal(&ledger(1), event(2), KIND, 1, sealed.clone()).await.unwrap_err();
    assert!(matches!(refused, KeyError::Seal(SealError::AlreadySealed { .. })), "{refused}");
    let refused = ring.open(&ledger(1), event(2), KIND, 1, sealed).await.unwrap_err();
    assert!(matches!(refused, KeyError::Open(_)), "{refused}");
}

#[tokio::test]
async fn a_digest_depends_on_every_part_its_place_and_the_key_file() {
    let deployment = Deployment::new().await;
    let (ring, same) = (deployment.ring().await, deployment.ring().await);
    let stranger = KeyRing::new(connect(&deployment.broker).await, KeyFile::draw().unwrap());
    let digest = ring.digest(&[b"command", b"ab", b"c"]);
    assert_eq!(same.digest(&[b"command", b"ab", b"c"]), digest);
    for other in [
        ring.digest(&[b"command", b"a", b"bc"]),
        ring.digest(&[b"command", b"abc"]),
        ring.digest(&[b"identity", b"ab", b"c"]),
        stranger.digest(&[b"command", b"ab", b"c"]),
    ] {
        assert_ne!(other, digest);
    }
}

#[tokio::test]
async fn an_empty_stream_of_keys_beside_a_journal_with_events_was_lost() {
    let ground = crate::support::Ground::new().await;
    let secrets = tempfile::tempdir().unwrap();
    let file = || KeyFile::open_or_create(&secrets.path().join("key"), None).unwrap();
    let journal = ground.journal().await;
    assert!(!journal.has_keys().await.unwrap());
    let journal = journal.with_keys(file()).await.unwrap();
    assert!(journal.has_keys().await.unwrap());
    journal.append(crate::support::decision(1, &[(crate::support::place(1), 0)])).await.unwrap();
    ground.journal().await.with_keys(file()).await.unwrap();

    ground.raw().await.delete_stream("KEYS").await.unwrap();
    let lost = ground.journal().await.with_keys(file()).await;
    assert!(matches!(lost.err(), Some(KeyError::KeysLost)));
}
