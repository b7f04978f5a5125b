//! Rotation of the key-encryption key on a real broker, with everybody at work.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use domain::event::Actor;
use domain::id::CommandId;
use jiff::{SignedDuration, Timestamp};
use journal::keys::{Erasures, Escrow, KeyError, KeyFile, KeyFileError, KeyRing, Step};
use serde_json::Value;
use uuid::Uuid;

use crate::keys::{Deployment, KIND, connect, erased, event, household, ledger, nadia, on_disk};

fn officer() -> Actor {
    "officer-1".parse().unwrap()
}

fn night(n: i64) -> Timestamp {
    "2026-03-15T01:30:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * n)
}

async fn seal(ring: &KeyRing, n: u128) -> Value {
    ring.seal(&ledger(n), event(n), KIND, 1, nadia()).await.unwrap()
}

async fn open(ring: &KeyRing, n: u128, sealed: &Value) -> Value {
    ring.open(&ledger(n), event(n), KIND, 1, sealed.clone()).await.unwrap()
}

impl Deployment {
    fn epochs(&self, name: &str) -> Vec<u32> {
        KeyFile::open(&self.secrets.path().join(name), None).unwrap().epochs()
    }
}

#[tokio::test]
async fn a_rotation_puts_every_key_under_a_new_epoch_and_destroys_the_old_one() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    let mut sealed = Vec::new();
    for n in 1..=5 {
        sealed.push(seal(&ring, n).await);
    }
    ring.forget(household(5)).await.unwrap();
    let first = std::fs::read_to_string(deployment.secrets.path().join("key")).unwrap();
    let first =
        serde_json::from_str::<Value>(&first).unwrap()["epochs"][0]["key"].as_str().unwrap().to_owned();

    let mut steps = Vec::new();
    let rotated = ring.rotate(&officer(), night(0), |step, _| steps.extend(step.cloned())).await.unwrap();
    assert_eq!((rotated.epoch, rotated.keys, rotated.rewrapped, rotated.resumed), (2, 4, 4, false));
    assert_eq!(
        steps[..5],
        [
            Step::Proposed { epoch: 2 },
            Step::Announced,
            Step::Rewrapped { keys: 4 },
            Step::Verified { keys: 4 },
            Step::Escrowed
        ]
    );

    let other = deployment.ring().await;
    for (n, sealed) in (1..=4).zip(&sealed) {
        assert_eq!(open(&other, n, sealed).await, nadia());
    }
    assert_eq!(open(&other, 5, &sealed[4]).await, erased());
    assert_eq!(other.census().await.unwrap(), [(None, 1), (Some(2), 4)]);
    assert_eq!(deployment.epochs("key"), [2]);
    assert!(!std::fs::read_to_string(deployment.secrets.path().join("key")).unwrap().contains(&first));
    assert!(!on_disk(deployment.broker.data_dir(), &first));

    let (epoch, records) = other.rotations().await.unwrap();
    assert_eq!((epoch, records.len()), (2, 1));
    assert_eq!(
        (records[0].epoch, &records[0].by, records[0].at, records[0].keys),
        (2, &officer(), night(0), 4)
    );
    assert_eq!(other.last_rotation().await.unwrap(), Some(night(0)));
}

#[tokio::test]
async fn a_retired_epoch_stays_in_the_escrow_for_as_long_as_backups_do() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    for n in 0..40 {
        ring.rotate(&officer(), night(n), |_, _| {}).await.unwrap();
    }
    let escrow = Escrow::at(deployment.secrets.path().join("key.escrow")).list().unwrap();
    assert_eq!(escrow.first(), Some(&(5, night(4))));
    assert_eq!(escrow.last(), Some(&(40, night(39))));
    assert_eq!(deployment.epochs("key"), [41]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_rotations_while_keys_are_drawn_opened_and_erased() {
    let deployment = Arc::new(Deployment::new().await);
    deployment.ring().await.check().await.unwrap();
    // A machine with a copy of the key file of its own.
    let secrets = deployment.secrets.path();
    std::fs::copy(secrets.join("key"), secrets.join("copy")).unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for worker in 0..4_u128 {
        let (deployment, stop) = (Arc::clone(&deployment), Arc::clone(&stop));
        workers.push(tokio::spawn(async move {
            let name = if worker % 2 == 0 { "key" } else { "copy" };
            let ring = deployment.ring_of(name).await;
            let mut done: Vec<(u128, Value)> = Vec::new();
            let mut next = worker * 1_000_000;
            while !stop.load(Ordering::Relaxed) {
                next += 1;
                done.push((next, seal(&ring, next).await));
                ring.create_many(&[household(next + 500_000), household(next + 600_000)]).await.unwrap();
                let (old, sealed) = &done[usize::try_from(next * 7919).unwrap() % done.len()];
                ring.evict(household(*old));
                assert_eq!(open(&ring, *old, sealed).await, nadia());
                if next % 10 == 0 {
                    let (gone, _) = done.remove(0);
                    ring.forget(household(gone)).await.unwrap();
                }
            }
            done
        }));
    }

    let (here, there) = (deployment.ring().await, deployment.ring_of("copy").await);
    for n in 0..3 {
        here.rotate(&officer(), night(2 * n), |_, _| {}).await.unwrap();
        there.rotate(&officer(), night(2 * n + 1), |_, _| {}).await.unwrap();
    }
    // Two machines at the same moment.
    let by = officer();
    let (one, two) =
        tokio::join!(here.rotate(&by, night(10), |_, _| {}), there.rotate(&by, night(10), |_, _| {}));
    one.unwrap();
    two.unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    here.rotate(&officer(), night(20), |_, _| {}).await.unwrap();

    for name in ["key", "copy"] {
        let fresh = deployment.ring_of(name).await;
        for (n, sealed) in &all {
            assert_eq!(open(&fresh, *n, sealed).await, nadia(), "{n} by {name}");
        }
        let (epoch, records) = fresh.rotations().await.unwrap();
        let census = fresh.census().await.unwrap();
        assert!(census.iter().all(|(under, _)| under.is_none_or(|under| under == epoch)), "{census:?}");
        assert_eq!(deployment.epochs(name), [epoch]);
        assert!(records.len() >= 8, "{records:?}");
    }
}

#[tokio::test]
async fn a_rotation_cut_short_after_any_step_loses_nothing_and_is_finished_by_the_next() {
    let deployment = Deployment::new().await;
    let secrets = deployment.secrets.path();
    let mut sealed: Vec<(u128, Value)> = Vec::new();
    let ring = deployment.ring().await;
    for n in 1..=20 {
        sealed.push((n, seal(&ring, n).await));
    }
    std::fs::copy(secrets.join("key"), secrets.join("copy")).unwrap();
    let mut last = None;
    // Proposed, announced, re-wrapped, verified, escrowed, retired, recorded.
    for steps in 1..=7 {
        let ring = deployment.ring().await;
        let mut rotation = ring.rotation(&officer(), night(i64::from(steps)));
        for _ in 0..steps {
            last = Some(rotation.step(&mut |_| {}).await.unwrap());
        }
        drop((rotation, ring));

        // Processes that start now, here and on another machine, open everything and draw keys.
        for name in ["key", "copy"] {
            let other = deployment.ring_of(name).await;
            for (n, sealed) in &sealed {
                assert_eq!(open(&other, *n, sealed).await, nadia(), "after {steps} steps, {name}");
            }
            let next = u128::try_from(sealed.len()).unwrap() + 1;
            sealed.push((next, seal(&other, next).await));
        }
        let finished = deployment.ring().await.rotate(&officer(), night(20), |_, _| {}).await.unwrap();
        assert_eq!(finished.resumed, (2..7).contains(&steps), "after {steps} steps");
        let other = deployment.ring_of("copy").await;
        for (n, sealed) in &sealed {
            assert_eq!(open(&other, *n, sealed).await, nadia(), "finished after {steps} steps");
        }
        let keys = u64::try_from(sealed.len()).unwrap();
        assert_eq!(other.census().await.unwrap(), [(Some(finished.epoch), keys)]);
        assert_eq!((deployment.epochs("key").len(), deployment.epochs("copy").len()), (1, 1));
    }
    assert!(matches!(last, Some(Step::Recorded(_))), "{last:?}");
}

#[tokio::test]
async fn a_process_that_slept_through_a_rotation_cannot_write_a_key_that_nobody_can_unwrap() {
    let deployment = Deployment::new().await;
    let sleeper = deployment.ring().await;
    seal(&sleeper, 1).await;
    deployment.ring().await.rotate(&officer(), night(0), |_, _| {}).await.unwrap();

    let sealed = seal(&sleeper, 2).await;
    sleeper.create_many(&[household(3), household(4)]).await.unwrap();
    let other = deployment.ring().await;
    assert_eq!(open(&other, 2, &sealed).await, nadia());
    assert_eq!(other.census().await.unwrap(), [(Some(2), 4)]);
}

#[tokio::test]
async fn a_machine_that_missed_two_rotations_says_so_and_does_no_harm() {
    let deployment = Deployment::new().await;
    let secrets = deployment.secrets.path();
    let ring = deployment.ring().await;
    let sealed = seal(&ring, 1).await;
    std::fs::copy(secrets.join("key"), secrets.join("copy")).unwrap();
    ring.rotate(&officer(), night(0), |_, _| {}).await.unwrap();
    ring.rotate(&officer(), night(1), |_, _| {}).await.unwrap();

    let late = deployment.ring_of("copy").await;
    for failure in [
        late.check().await.unwrap_err(),
        late.open(&ledger(1), event(1), KIND, 1, sealed.clone()).await.unwrap_err(),
        late.seal(&ledger(2), event(2), KIND, 1, nadia()).await.unwrap_err(),
        late.rotate(&officer(), night(2), |_, _| {}).await.unwrap_err(),
    ] {
        assert!(matches!(failure, KeyError::UnknownEpoch { epoch: 3 }), "{failure}");
    }
    std::fs::copy(secrets.join("key"), secrets.join("copy")).unwrap();
    assert_eq!(open(&deployment.ring_of("copy").await, 1, &sealed).await, nadia());
}

#[tokio::test]
async fn a_damaged_key_keeps_the_old_epoch_from_being_destroyed() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    let sealed = seal(&ring, 1).await;
    seal(&ring, 2).await;
    let raw = connect(&deployment.broker).await;
    let subject = format!("key.{}", household(2));
    let stream = raw.get_stream("KEYS").await.unwrap();
    let found = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
    let text = String::from_utf8(found.payload.to_vec()).unwrap();
    let damaged = text.replace("\"wrapped\":\"", "\"wrapped\":\"A");
    raw.publish(subject, damaged.into()).await.unwrap().await.unwrap();

    let refused = ring.rotate(&officer(), night(0), |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, KeyError::Damaged { holder } if holder == household(2).into()), "{refused}");
    assert_eq!(deployment.epochs("key"), [1, 2], "both are there");
    assert_eq!(open(&deployment.ring().await, 1, &sealed).await, nadia());

    ring.forget(household(2)).await.unwrap();
    let rotated = ring.rotate(&officer(), night(1), |_, _| {}).await.unwrap();
    assert_eq!((rotated.epoch, rotated.keys, rotated.resumed), (2, 1, true));
}

#[tokio::test]
async fn who_is_erased_stands_in_the_ledger_first_and_is_forgotten_again_when_a_journal_opens() {
    let ground = crate::support::Ground::new().await;
    let secrets = tempfile::tempdir().unwrap();
    let file = || KeyFile::open_or_create(&secrets.path().join("key"), None).unwrap();
    let journal = ground.journal().await.with_keys(file()).await.unwrap();
    let ring = journal.keys().unwrap();
    let sealed = seal(ring, 1).await;
    let kept = seal(ring, 2).await;
    let raw = ground.raw().await;
    let subject = format!("key.{}", household(1));
    let stream = raw.get_stream("KEYS").await.unwrap();
    let wrapped = stream.get_last_raw_message_by_subject(&subject).await.unwrap().payload;

    for _ in 0..2 {
        ring.erase(household(1), &officer(), night(0), CommandId(Uuid::from_u128(9))).await.unwrap();
    }
    assert_eq!(open(ring, 1, &sealed).await, erased());
    let lines = Erasures::at(secrets.path().join("key.erasures")).read().unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].holder, &lines[0].by, lines[0].at), (household(1).into(), &officer(), night(0)));

    // A restored backup brings the key back.
    raw.publish(subject, wrapped).await.unwrap().await.unwrap();
    let restored = ground.journal().await.with_keys(file()).await.unwrap();
    assert_eq!(open(restored.keys().unwrap(), 1, &sealed).await, erased());
    assert_eq!(open(restored.keys().unwrap(), 2, &kept).await, nadia());

    // Without its line nobody is erased.
    let ledger = secrets.path().join("key.erasures");
    std::fs::remove_file(&ledger).unwrap();
    std::fs::create_dir(&ledger).unwrap();
    let refused = ring.erase(household(2), &officer(), night(0), CommandId(Uuid::from_u128(9))).await;
    assert!(matches!(refused, Err(KeyError::Erasures(_))), "{refused:?}");
    assert_eq!(open(ring, 2, &kept).await, nadia());
}

#[tokio::test]
async fn an_erasure_is_beyond_recall_once_a_rotation_that_began_after_it_is_finished() {
    let deployment = Deployment::new().await;
    let (ring, other) = (deployment.ring().await, deployment.ring().await);
    let (one, two) = (seal(&ring, 1).await, seal(&ring, 2).await);
    assert_eq!(open(&other, 1, &one).await, nadia());
    let erase = async |n: u128| {
        ring.erase(household(n), &officer(), night(0), CommandId(Uuid::from_u128(n))).await.unwrap();
    };
    assert!(!ring.is_forgotten(household(1)).await.unwrap());
    erase(1).await;
    assert!(ring.is_forgotten(household(1)).await.unwrap());
    // A rotation that began before the second erasure may have put its key under the new epoch.
    let mut rotation = ring.rotation(&officer(), night(1));
    while !matches!(rotation.step(&mut |_| {}).await.unwrap(), Step::Verified { .. }) {}
    assert_eq!(ring.destroyed(household(1)).await.unwrap(), None, "not finished yet");
    erase(2).await;
    while !matches!(rotation.step(&mut |_| {}).await.unwrap(), Step::Recorded(_)) {}
    assert_eq!(ring.destroyed(household(1)).await.unwrap().unwrap().epoch, 1);
    assert_eq!(ring.destroyed(household(2)).await.unwrap(), None);
    ring.rotate(&officer(), night(2), |_, _| {}).await.unwrap();
    let destroyed = ring.destroyed(household(2)).await.unwrap().unwrap();
    assert_eq!((destroyed.epoch, destroyed.at), (2, night(2)));
    // Whoever never erased learns of it, and opens nothing any more; what it still remembers is no proof.
    assert_eq!(open(&other, 2, &two).await, erased());
    other.learn_erased(household(1));
    assert_eq!(open(&other, 1, &one).await, erased());
}

#[tokio::test]
async fn who_learns_of_an_erasure_opens_nothing_even_before_the_key_is_removed() {
    let deployment = Deployment::new().await;
    let (ring, other) = (deployment.ring().await, deployment.ring().await);
    let sealed = seal(&ring, 1).await;
    assert_eq!(open(&other, 1, &sealed).await, nadia());
    other.learn_erased(household(1));
    assert_eq!(open(&other, 1, &sealed).await, erased());
    assert!(!other.is_forgotten(household(1)).await.unwrap(), "the stream still has it");
    assert_eq!(open(&ring, 1, &sealed).await, nadia());
}

#[tokio::test]
async fn keys_in_memory_only_are_neither_rotated_nor_erased_for_good() {
    let deployment = Deployment::new().await;
    let ring = KeyRing::new(connect(&deployment.broker).await, KeyFile::draw().unwrap());
    seal(&ring, 1).await;
    let rotated = ring.rotate(&officer(), night(0), |_, _| {}).await.unwrap_err();
    let erased = ring.erase(household(1), &officer(), night(0), CommandId(Uuid::nil())).await.unwrap_err();
    for refused in [rotated, erased] {
        assert!(matches!(refused, KeyError::File(KeyFileError::NowhereKept)), "{refused}");
    }
}

/// `cargo test -p journal --release --test it -- --ignored a_hundred_thousand --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_hundred_thousand_keys_are_rotated() {
    let deployment = Deployment::new().await;
    let ring = deployment.ring().await;
    let holders: Vec<_> = (1..=100_000).map(household).collect();
    ring.create_many(&holders).await.unwrap();
    let begun = Instant::now();
    let mut said = begun;
    let rotated = ring
        .rotate(&officer(), night(0), |step, _| {
            if let Some(step) = step {
                println!("{:>8.3} s {step:?}", said.elapsed().as_secs_f64());
                said = Instant::now();
            }
        })
        .await
        .unwrap();
    println!("{:>8.3} s in all", begun.elapsed().as_secs_f64());
    assert_eq!(rotated.keys, 100_000);
}
