//! The integrity chain: what is sealed and when, by whom, and what a verification says of it.

use std::path::PathBuf;
use std::time::Duration;

use domain::id::{EventId, HouseholdId, OrganisationId};
use jiff::{Timestamp, ToSpan as _};
use journal::access::{AccessEntry, Code, Outcome};
use journal::keys::KeyFile;
use journal::seals::{
    Cadence, Damage, Hash, Known, Report, SealError, SealKey, SealKeyError, Sealer, What, keep, verify,
};
use journal::{Journal, JournalConfig};
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::support::{Ground, at, decision, place, territory};

/// A broker, and a place apart for the signing key.
struct Deployment {
    ground: Ground,
    secrets: TempDir,
}

impl Deployment {
    async fn new() -> Self {
        Self { ground: Ground::new().await, secrets: tempfile::tempdir().unwrap() }
    }

    fn key(&self) -> PathBuf {
        self.secrets.path().join("seal-key")
    }

    async fn sealer(&self, journal: &Journal, messages: u64) -> Result<Sealer, SealError> {
        let cadence = Cadence { messages, ..Cadence::default() };
        Sealer::open(journal.clone(), &self.key(), Some(self.ground.broker.data_dir()), cadence, noon()).await
    }

    async fn verified(&self, journal: &Journal) -> Report {
        let known = Known::beside(&self.key()).unwrap();
        verify(journal, &known, noon(), |_| {}).await.unwrap()
    }
}

fn noon() -> Timestamp {
    at("2026-03-15T12:00:00Z")
}

async fn record(journal: &Journal, numbers: std::ops::Range<u128>) {
    for n in numbers {
        journal.append(decision(n + 1, &[(place(n), 0)])).await.unwrap();
    }
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
        about: HouseholdId::new(territory("33"), Uuid::from_u128(n)).into(),
        purpose: code("orientation"),
        fields: vec![code("identity")],
        outcome: Outcome::Granted,
        reason: None,
        trace: None,
    }
}

/// What is said of one stream: complete up to, sealed up to, not sealed yet.
fn said(report: &Report, stream: &str) -> (u64, u64, u64) {
    let found = report.streams.iter().find(|found| found.stream == stream).unwrap();
    (found.complete_up_to, found.sealed_up_to, found.unsealed)
}

#[tokio::test]
async fn events_are_sealed_by_the_dozen_or_once_they_have_waited_a_minute() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    record(&journal, 0..3).await;
    let mut sealer = deployment.sealer(&journal, 12).await.unwrap();
    assert_eq!(sealer.step(noon()).await.unwrap(), 1, "what was there before has waited long enough");
    record(&journal, 3..28).await;
    journal.record_access(&[access(1)]).await.unwrap();
    assert_eq!(sealer.step(noon()).await.unwrap(), 2, "two dozens, the rest waits");
    assert_eq!(sealer.step(noon() + 59.seconds()).await.unwrap(), 0);
    let report = deployment.verified(&journal).await;
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((said(&report, "JOURNAL"), said(&report, "ACCESS")), ((27, 27, 1), (0, 0, 1)));
    assert_eq!(sealer.step(noon() + 60.seconds()).await.unwrap(), 2);
    let report = deployment.verified(&journal).await;
    assert_eq!((said(&report, "JOURNAL"), said(&report, "ACCESS")), ((28, 28, 0), (1, 1, 0)));
    assert_eq!(sealer.step(noon() + 600.seconds()).await.unwrap(), 0, "nothing new, no seal");
    assert_eq!((report.entries, report.compared()), (6, 29));
    assert_eq!(sealer.head().map(|(_, head)| head), report.head);
}

#[tokio::test]
async fn sealers_that_work_at_once_never_fork_the_chain() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    let (first, second, third) = tokio::join!(
        deployment.sealer(&journal, 2),
        deployment.sealer(&journal, 2),
        deployment.sealer(&journal, 2)
    );
    let mut sealers = [first.unwrap(), second.unwrap(), third.unwrap()];
    for round in 0..10 {
        record(&journal, round * 5..round * 5 + 5).await;
        let [first, second, third] = &mut sealers;
        let (first, second, third) =
            tokio::join!(first.seal_all(noon()), second.seal_all(noon()), third.seal_all(noon()));
        assert_eq!(first.unwrap() + second.unwrap() + third.unwrap(), 3, "each event once");
    }
    let report = deployment.verified(&journal).await;
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(said(&report, "JOURNAL"), (50, 50, 0));
}

#[tokio::test]
async fn a_broker_that_dies_under_the_sealer_costs_nothing_but_time() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    let mut sealer = deployment.sealer(&journal, 3).await.unwrap();
    for round in 0..4 {
        record(&journal, round * 10..round * 10 + 10).await;
        let (_, ()) = tokio::join!(sealer.seal_all(noon()), async { deployment.ground.broker.kill_hard() });
        deployment.ground.broker.ready().await.unwrap();
        while sealer.seal_all(noon()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let report = deployment.verified(&journal).await;
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(said(&report, "JOURNAL"), (40, 40, 0));
}

#[tokio::test]
async fn the_task_seals_what_is_left_when_the_process_ends() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(keep(journal.clone(), deployment.key(), Cadence::default(), stopped, noon));
    record(&journal, 0..1).await;
    while said(&deployment.verified(&journal).await, "JOURNAL").1 == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    record(&journal, 1..5).await;
    stop.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(said(&deployment.verified(&journal).await, "JOURNAL"), (5, 5, 0));
}

#[tokio::test]
async fn the_chain_tells_which_key_signed_since_when_and_other_sealers_learn_of_a_new_one() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    let mut one = deployment.sealer(&journal, 10).await.unwrap();
    let mut other = deployment.sealer(&journal, 10).await.unwrap();
    record(&journal, 0..2).await;
    one.seal_all(noon()).await.unwrap();
    let next = one.rotate_key(noon() + 1.hours()).await.unwrap();
    record(&journal, 2..4).await;
    other.seal_all(noon()).await.unwrap();
    record(&journal, 4..6).await;
    deployment.sealer(&journal, 10).await.unwrap().seal_all(noon()).await.unwrap();
    let report = deployment.verified(&journal).await;
    assert!(report.is_whole(), "{report:?}");
    let keys: Vec<_> = report.keys.iter().map(|since| (since.entry, since.at)).collect();
    assert_eq!(keys, [(1, noon()), (3, noon() + 1.hours())]);
    assert_eq!(report.keys[1].key, next.to_string());
    assert_eq!(said(&report, "JOURNAL"), (6, 6, 0));
}

#[tokio::test]
async fn a_chain_is_never_begun_anew_nor_signed_with_another_key() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    let inside = deployment.ground.broker.data_dir().join("seal-key");
    let refused = Sealer::open(
        journal.clone(),
        &inside,
        Some(deployment.ground.broker.data_dir()),
        Cadence::default(),
        noon(),
    );
    assert!(matches!(refused.await, Err(SealError::Key(SealKeyError::InsideBroker { .. }))));
    record(&journal, 0..2).await;
    deployment.sealer(&journal, 10).await.unwrap().seal_all(noon()).await.unwrap();

    let stranger = deployment.secrets.path().join("stranger");
    let opened = Sealer::open(journal.clone(), &stranger, None, Cadence::default(), noon()).await;
    assert!(matches!(opened, Err(SealError::KeyMissing { .. })), "no key is made beside a chain");
    SealKey::open_or_create(&stranger, None).unwrap();
    let opened = Sealer::open(journal.clone(), &stranger, None, Cadence::default(), noon()).await;
    assert!(matches!(opened, Err(SealError::StrangerKey { .. })));
    let report = verify(&journal, &Known::beside(&stranger).unwrap(), noon(), |_| {}).await.unwrap();
    assert_eq!(report.first.map(|damage| damage.what), Some(What::Replaced));

    let raw = deployment.ground.raw().await;
    let config = raw.get_stream("SEALS").await.unwrap().cached_info().config.clone();
    raw.delete_stream("SEALS").await.unwrap();
    raw.create_stream(config).await.unwrap();
    let opened = deployment.sealer(&journal, 10).await;
    assert!(matches!(opened, Err(SealError::CutOff { position: 2 })), "{opened:?}");
    let report = deployment.verified(&journal).await;
    assert_eq!(report.first.map(|damage| damage.what), Some(What::CutOff));
}

#[tokio::test]
async fn a_head_kept_apart_tells_a_chain_that_was_cut_off_together_with_the_journal() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    record(&journal, 0..4).await;
    deployment.sealer(&journal, 2).await.unwrap().seal_all(noon()).await.unwrap();
    let head = deployment.verified(&journal).await.head.unwrap();
    let kept = |heads: Vec<Hash>| Known { heads, ..Known::default() };
    let report = verify(&journal, &kept(vec![head]), noon(), |_| {}).await.unwrap();
    assert!(report.is_whole());
    let other = Hash::of(&[b"another day"]);
    let report = verify(&journal, &kept(vec![head, other]), noon(), |_| {}).await.unwrap();
    let damage = Damage { stream: "SEALS".to_owned(), sequence: 3, what: What::CutOff };
    assert_eq!((report.first, report.damages), (Some(damage), 1));
}

#[tokio::test]
async fn who_read_what_may_be_gone_by_its_age_and_by_nothing_else() {
    let deployment = Deployment::new().await;
    let brief = JournalConfig { access_kept_for: Duration::from_secs(2), ..deployment.ground.config() };
    let journal = Journal::open(brief).await.unwrap();
    let mut sealer = deployment.sealer(&journal, 4).await.unwrap();
    journal.record_access(&(0..6).map(access).collect::<Vec<_>>()).await.unwrap();
    sealer.seal_all(noon()).await.unwrap();
    while !journal.accesses_after(0, 10).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    journal.record_access(&(6..9).map(access).collect::<Vec<_>>()).await.unwrap();
    sealer.seal_all(noon()).await.unwrap();
    let known = Known::beside(&deployment.key()).unwrap();
    let later = at("2100-01-01T00:00:00Z");
    let report = verify(&journal, &known, later, |_| {}).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(said(&report, "ACCESS"), (9, 9, 0));
    let expired: u64 = report.streams.iter().map(|stream| stream.expired).sum();
    assert!((6..=9).contains(&expired), "{report:?}");

    // The same, by a clock for which they are young.
    let report = verify(&journal, &known, at("2020-01-01T00:00:00Z"), |_| {}).await.unwrap();
    let damage = Damage { stream: "ACCESS".to_owned(), sequence: 1, what: What::Missing };
    assert_eq!(report.first, Some(damage));
    assert!(report.damages >= 6);
}

#[tokio::test]
async fn an_erased_household_changes_nothing_of_what_is_sealed() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await.with_keys(KeyFile::draw().unwrap()).await.unwrap();
    let reasoned = AccessEntry { reason: Some("un motif".to_owned()), ..access(1) };
    journal.record_access(&[reasoned]).await.unwrap();
    record(&journal, 0..2).await;
    deployment.sealer(&journal, 2).await.unwrap().seal_all(noon()).await.unwrap();
    journal.keys().unwrap().forget(HouseholdId::new(territory("33"), Uuid::from_u128(1))).await.unwrap();
    assert!(deployment.verified(&journal).await.is_whole());
}

#[tokio::test]
async fn a_process_that_notes_nothing_and_signs_nothing_verifies_all_the_same() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    let empty = verify(&journal, &Known::default(), noon(), |_| {}).await.unwrap();
    assert!(empty.is_whole() && empty.head.is_none());
    record(&journal, 0..7).await;
    deployment.sealer(&journal, 2).await.unwrap().seal_all(noon()).await.unwrap();
    let mut seen = Vec::new();
    let report = verify(&journal, &Known::default(), noon(), |checked| seen.push(checked)).await.unwrap();
    assert!(report.is_whole());
    assert_eq!(seen.last().map(|checked| (checked.messages, checked.of)), Some((7, 7)));
}

#[tokio::test]
async fn an_access_removed_before_it_was_sealed_stops_the_sealer_and_is_named() {
    let deployment = Deployment::new().await;
    let journal = deployment.ground.journal().await;
    let raw = deployment.ground.raw().await;
    let config = raw.get_stream("ACCESS").await.unwrap().cached_info().config.clone();
    raw.delete_stream("ACCESS").await.unwrap();
    let open = async_nats::jetstream::stream::Config { deny_delete: false, ..config };
    let stream = raw.create_stream(open).await.unwrap();
    journal.record_access(&[access(1), access(2)]).await.unwrap();
    let mut sealer = deployment.sealer(&journal, 10).await.unwrap();
    sealer.seal_all(noon()).await.unwrap();
    journal.record_access(&[access(3), access(4)]).await.unwrap();
    stream.delete_message(3).await.unwrap();
    let refused = sealer.seal_all(noon()).await.unwrap_err();
    assert!(
        matches!(&refused, SealError::Damaged { stream, position: 3, .. } if stream == "ACCESS"),
        "{refused}"
    );
    let report = deployment.verified(&journal).await;
    let damage = Damage { stream: "ACCESS".to_owned(), sequence: 3, what: What::Missing };
    assert_eq!((report.first, report.damages), (Some(damage), 1));
    assert_eq!(report.streams.iter().find(|found| found.stream == "ACCESS").unwrap().complete_up_to, 2);
}
