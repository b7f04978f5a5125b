//! Backups: made, restored elsewhere, and what they never hold. In small: erased means unreadable, everywhere.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

use std::path::{Path, PathBuf};

use domain::event::Actor;
use domain::id::{CommandId, HouseholdId};
use jiff::Timestamp;
use journal::backup::{self, Backup, BackupError, Manifest, Restored};
use journal::broker::{Broker, BrokerOptions};
use journal::keys::{Erasure, Erasures, Escrow, KeyError, KeyFile, KeyFileError, KeyRing};
use journal::{Draft, Journal, JournalConfig, Recorded};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::keys::{connect, on_disk};
use crate::support::{Ground, at, decision, draft, household, place};

const HOUSEHOLDS: u128 = 200;

fn officer() -> Actor {
    "officer-1".parse().unwrap()
}

fn id(n: u128) -> HouseholdId {
    HouseholdId::new("33".parse().unwrap(), Uuid::from_u128(n))
}

/// A name that occurs nowhere else.
fn marker(n: u128) -> String {
    format!("Zyxomarker{n:04}")
}

async fn back_up(journal: &Journal, to: &Path) -> Manifest {
    backup::take(journal, to, "0.0.0", at("2026-03-15T03:00:00Z"), &mut |_, _, _| {}).await.unwrap()
}

/// One household's registration, name and all.
fn registration(n: u128) -> Draft {
    draft(household(n), json!({ "people": [{ "name": { "personal": marker(n) } }], "adults": 1 }))
}

/// An installation with so many households and some events without names, as several batches and single messages.
struct Installation {
    ground: Ground,
    secrets: tempfile::TempDir,
}

impl Installation {
    async fn new() -> (Self, Journal) {
        Self::of(HOUSEHOLDS).await
    }

    async fn of(households: u128) -> (Self, Journal) {
        let (ground, secrets) = (Ground::new().await, tempfile::tempdir().unwrap());
        let installation = Self { ground, secrets };
        let journal = installation.open(&installation.ground.config()).await.unwrap();
        let decisions = (1..=households).map(|n| {
            let mut decision = decision(n, &[(household(n), 0)]);
            decision.drafts = vec![registration(n)];
            journal.append(decision)
        });
        for appended in futures_util::future::join_all(decisions).await {
            appended.unwrap();
        }
        for n in 1..=20 {
            journal.append(decision(10_000 + n, &[(place(n), 0), (place(1000 + n), 0)])).await.unwrap();
        }
        (installation, journal)
    }

    fn key(&self) -> PathBuf {
        self.secrets.path().join("key")
    }

    async fn open(&self, config: &JournalConfig) -> Result<Journal, KeyError> {
        let file = KeyFile::open_or_create(&self.key(), Some(self.ground.broker.data_dir()))?;
        Journal::open(config.clone()).await.unwrap().with_keys(file).await
    }

    fn erasures(&self) -> Vec<Erasure> {
        Erasures::at(self.secrets.path().join("key.erasures")).read().unwrap()
    }

    fn escrow(&self) -> Escrow {
        Escrow::at(self.secrets.path().join("key.escrow"))
    }
}

/// The name in an event, as it reads with these keys.
async fn name(keys: &KeyRing, event: &Recorded) -> Value {
    let body = serde_json::from_slice(&event.body).unwrap();
    let body =
        keys.open(&event.ledger, event.stamp.event, &event.kind, event.stamp.version, body).await.unwrap();
    body["people"][0]["name"].clone()
}

/// How many of the households' names read, and how many are erased.
async fn readable(journal: &Journal) -> (u128, u128) {
    readable_of(journal, HOUSEHOLDS).await
}

async fn readable_of(journal: &Journal, households: u128) -> (u128, u128) {
    let (mut read, mut erased) = (0, 0);
    for n in 1..=households {
        let events = journal.load(&household(n)).await.unwrap();
        let found = name(journal.keys().unwrap(), &events[0]).await;
        if found == json!({ "personal": marker(n) }) {
            read += 1;
        } else {
            assert_eq!(found, json!({ "erased": true }));
            erased += 1;
        }
    }
    (read, erased)
}

async fn restore(broker: &Broker, from: &Path, erasures: &[Erasure]) -> Result<Restored, BackupError> {
    let backup = Backup::open(from, &mut |_, _, _| {})?;
    backup::restore(&small(broker), &backup, erasures, &mut |_, _, _| {}).await
}

fn small(broker: &Broker) -> JournalConfig {
    JournalConfig { max_bytes: 256 << 20, max_key_bytes: 16 << 20, ..JournalConfig::at(broker.url()) }
}

fn no_name_in(dir: &Path) {
    assert!(!on_disk(dir, "Zyxomarker"), "{}", dir.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_erased_is_unreadable_on_disks_in_backups_and_in_what_is_restored_from_them() {
    let (installation, journal) = Installation::of(1_000).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let yesterday = elsewhere.path().join("yesterday");
    let manifest = back_up(&journal, &yesterday).await;
    assert_eq!((manifest.epoch, manifest.last_event()), (Some(1), 1_040));

    // The wrapped keys as whoever copied the broker's disk has them.
    let keys = journal.keys().unwrap();
    let mut stolen = Vec::new();
    let raw = connect(&installation.ground.broker).await.get_stream("KEYS").await.unwrap();
    for n in 1..=100 {
        let subject = format!("key.{}", id(n));
        stolen.push((subject.clone(), raw.get_last_raw_message_by_subject(&subject).await.unwrap().payload));
    }
    for n in 1..=100 {
        keys.erase(id(n), &officer(), at("2026-03-15T12:00:00Z"), CommandId(Uuid::from_u128(n)))
            .await
            .unwrap();
    }
    assert_eq!(keys.destroyed(id(1)).await.unwrap(), None, "until the night it can be taken back");
    keys.rotate(&officer(), at("2026-03-16T01:30:00Z"), |_, _| {}).await.unwrap();
    let destroyed = keys.destroyed(id(1)).await.unwrap().unwrap();
    assert_eq!((destroyed.epoch, destroyed.escrow_until), (1, at("2026-04-20T01:30:00Z")));
    assert_eq!(readable_of(&journal, 1_000).await, (900, 100));
    let today = elsewhere.path().join("today");
    assert_eq!(back_up(&journal, &today).await.epoch, Some(2));

    for dir in [installation.ground.broker.data_dir(), &yesterday, &today, installation.secrets.path()] {
        no_name_in(dir);
    }
    // The key files of old and new, and what is in the escrow, are in no backup.
    for file in ["key", "key.escrow"] {
        let text = std::fs::read_to_string(installation.secrets.path().join(file)).unwrap();
        let written: Value = serde_json::from_str(&text).unwrap();
        for epoch in written["epochs"].as_array().unwrap() {
            let key = epoch["key"].as_str().unwrap();
            assert!(!on_disk(&yesterday, key) && !on_disk(&today, key));
            assert!(!on_disk(installation.ground.broker.data_dir(), key));
        }
    }

    // The old wrapped keys with the new key file: none opens.
    let thief = Broker::temporary().await.unwrap();
    Journal::open(small(&thief)).await.unwrap();
    let to = connect(&thief).await;
    for subject in ["key.file", "key.epoch"] {
        let known = raw.get_last_raw_message_by_subject(subject).await.unwrap();
        to.publish(subject, known.payload).await.unwrap().await.unwrap();
    }
    for (subject, wrapped) in stolen {
        to.publish(subject, wrapped).await.unwrap().await.unwrap();
    }
    let ring = KeyRing::new(to, KeyFile::open(&installation.key(), None).unwrap());
    for n in 1..=100 {
        let refused = ring.opener(id(n)).await.unwrap_err();
        assert!(matches!(refused, KeyError::UnknownEpoch { epoch: 1 }), "{refused}");
    }

    // Yesterday's backup elsewhere, with the ledger and the escrow.
    let new = Broker::temporary().await.unwrap();
    let restored = restore(&new, &yesterday, &installation.erasures()).await.unwrap();
    assert_eq!((restored.last_event, restored.destroyed), (1_040, 100));
    let path = elsewhere.path().join("keys/kek");
    let file = KeyFile::open(&installation.key(), None).unwrap();
    let backup = Backup::open(&yesterday, &mut |_, _, _| {}).unwrap();
    let refused = backup.make_key_file(&file, None, &path).unwrap_err();
    assert!(
        matches!(refused, BackupError::Keys(KeyError::File(KeyFileError::Irretrievable { epoch: 1 }))),
        "{refused}"
    );
    backup.make_key_file(&file, Some(&installation.escrow()), &path).unwrap();
    let file = KeyFile::open(&path, None).unwrap();
    let opened = Journal::open(small(&new)).await.unwrap().with_keys(file).await.unwrap();
    assert_eq!(readable_of(&opened, 1_000).await, (900, 100));
    opened.keys().unwrap().rotate(&officer(), at("2026-03-16T12:00:00Z"), |_, _| {}).await.unwrap();
    assert_eq!(readable_of(&opened, 1_000).await, (900, 100));
    no_name_in(new.data_dir());
}

#[tokio::test]
async fn what_is_restored_stands_where_it_stood_and_goes_on_from_there() {
    let (installation, journal) = Installation::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path().join("backup");
    // What leaves for partners, of which the first messages have expired.
    let raw = installation.ground.raw().await;
    let mut feed = raw.get_stream("FEED").await.unwrap().cached_info().config.clone();
    feed.max_messages = 5;
    raw.update_stream(feed).await.unwrap();
    for n in 0..8 {
        raw.publish("feed.33", format!("{n}").into()).await.unwrap().await.unwrap();
    }
    let manifest = back_up(&journal, &dir).await;
    let names: Vec<_> = manifest.streams.iter().map(|stored| stored.stream.name.as_str()).collect();
    assert_eq!(names, ["SEALS", "ACCESS", "DELIVERIES", "FEED", "JOURNAL", "KEYS"]);

    let new = Broker::temporary().await.unwrap();
    restore(&new, &dir, &[]).await.unwrap();
    let other = installation.open(&small(&new)).await.unwrap();
    for (name, last) in [("JOURNAL", 240), ("FEED", 8)] {
        let (there, here) =
            (raw.get_stream(name).await.unwrap(), connect(&new).await.get_stream(name).await.unwrap());
        assert_eq!(here.cached_info().state.last_sequence, last);
        assert_eq!(here.cached_info().state.first_sequence, there.cached_info().state.first_sequence);
        for position in here.cached_info().state.first_sequence..=last {
            let was = there.get_raw_message(position).await.unwrap();
            let is = here.get_raw_message(position).await.unwrap();
            assert_eq!(
                (is.subject, is.payload, is.headers),
                (was.subject, was.payload, was.headers),
                "{position}"
            );
        }
    }
    assert_eq!(readable(&other).await, (HOUSEHOLDS, 0));
    // Guards go on from where they were, and a command that was recorded before is known.
    let next = decision(5000, &[(place(1), 201)]);
    assert_eq!(other.append(next).await.unwrap().last(), 241);
    // And what is restored can be backed up again, to the same.
    let again = elsewhere.path().join("again");
    back_up(&other, &again).await;
    let (one, two) = (std::fs::read(dir.join("FEED.records")), std::fs::read(again.join("FEED.records")));
    assert_eq!(one.unwrap().len(), two.unwrap().len());
}

#[tokio::test]
async fn a_backup_without_its_key_file_opens_nothing() {
    let (_installation, journal) = Installation::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path().join("backup");
    back_up(&journal, &dir).await;
    no_name_in(&dir);
    let thief = Broker::temporary().await.unwrap();
    restore(&thief, &dir, &[]).await.unwrap();
    let open = Journal::open(small(&thief)).await.unwrap();
    let refused = open.clone().with_keys(KeyFile::draw().unwrap()).await.unwrap_err();
    assert!(matches!(refused, KeyError::WrongKeyFile), "{refused}");
    // Even with the index key, which never changes, a fresh epoch does not do.
    let mut others = Vec::new();
    for n in 1..=3 {
        others.extend(open.load(&household(n)).await.unwrap());
    }
    let ring = KeyRing::new(connect(&thief).await, KeyFile::draw().unwrap());
    for event in others {
        let body = serde_json::from_slice(&event.body).unwrap();
        assert!(
            ring.open(&event.ledger, event.stamp.event, &event.kind, event.stamp.version, body)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_restore_refuses_a_damaged_backup_and_a_broker_that_is_not_empty() {
    let (installation, journal) = Installation::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path().join("backup");
    back_up(&journal, &dir).await;
    let refused = restore(&installation.ground.broker, &dir, &[]).await.unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty { .. }), "{refused}");
    let full = backup::take(&journal, &dir, "0.0.0", Timestamp::UNIX_EPOCH, &mut |_, _, _| {}).await;
    assert!(matches!(full, Err(BackupError::Occupied(_))), "{full:?}");

    let file = dir.join("JOURNAL.records");
    let good = std::fs::read(&file).unwrap();
    let new = Broker::temporary().await.unwrap();
    for at in [10, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        std::fs::write(&file, flipped).unwrap();
        let refused = restore(&new, &dir, &[]).await.unwrap_err();
        assert!(matches!(refused, BackupError::Damaged { .. }), "{refused}");
    }
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert!(matches!(restore(&new, &dir, &[]).await, Err(BackupError::Damaged { .. })));
    std::fs::write(&file, &good).unwrap();
    std::fs::rename(dir.join("manifest.json"), elsewhere.path().join("manifest.json")).unwrap();
    assert!(matches!(restore(&new, &dir, &[]).await, Err(BackupError::NoBackup(_))));
    std::fs::rename(elsewhere.path().join("manifest.json"), dir.join("manifest.json")).unwrap();
    restore(&new, &dir, &[]).await.unwrap();
}

#[tokio::test]
async fn a_half_restored_broker_cannot_be_opened() {
    let (installation, journal) = Installation::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path().join("backup");
    back_up(&journal, &dir).await;
    let options = BrokerOptions::temporary().await.unwrap();
    let new = Broker::start(options).await.unwrap();
    restore(&new, &dir, &[]).await.unwrap();
    // What is there a moment before the end: everything but the mark.
    let stream = connect(&new).await.get_stream("KEYS").await.unwrap();
    let mark = stream.get_last_raw_message_by_subject("key.file").await.unwrap();
    assert_eq!(mark.sequence, stream.cached_info().state.last_sequence, "it is written last");
    stream.delete_message(mark.sequence).await.unwrap();
    let refused = installation.open(&small(&new)).await.unwrap_err();
    assert!(matches!(refused, KeyError::KeysLost), "{refused}");
}
