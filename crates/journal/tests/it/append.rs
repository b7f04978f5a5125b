//! Appending decisions.

use futures_util::future::join_all;
use journal::{AppendError, Unwritable};
use serde_json::json;

use crate::support::{Ground, decision, draft, household, place, structure, territory};

#[tokio::test]
async fn a_decision_on_a_version_that_has_passed_is_refused_and_writes_nothing() {
    let ground = Ground::new().await;
    let (here, there) = (ground.journal().await, ground.journal().await);
    let first = here.append(decision(1, &[(place(1), 0)])).await.unwrap().last();
    assert_eq!(first, 1);

    for journal in [&here, &there] {
        let late = journal.append(decision(2, &[(place(1), 0)])).await;
        assert!(matches!(late, Err(AppendError::Conflict { ledger: Some(l) }) if l == place(1)), "{late:?}");
    }
    assert_eq!(here.last_position().await.unwrap(), 1);
    assert_eq!(there.append(decision(3, &[(place(1), first)])).await.unwrap().last(), 2);
}

#[tokio::test]
async fn two_ledgers_are_written_together_or_not_at_all() {
    let ground = Ground::new().await;
    let (here, there) = (ground.journal().await, ground.journal().await);
    let both = here.append(decision(1, &[(household(1), 0), (place(1), 0)])).await.unwrap();
    assert_eq!(both.positions, [1, 2]);

    let half = there.append(decision(2, &[(household(1), 1), (place(1), 0)])).await;
    assert!(matches!(half, Err(AppendError::Conflict { .. })), "{half:?}");
    assert_eq!(here.load(&household(1)).await.unwrap().len(), 1);
    assert_eq!(here.load(&place(1)).await.unwrap().len(), 1);

    let both = there.append(decision(3, &[(place(1), 2), (household(1), 1)])).await.unwrap();
    assert_eq!(both.positions, [3, 4]);
}

#[tokio::test]
async fn of_a_thousand_decisions_on_one_version_exactly_one_is_recorded() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let all = (0..1000).map(|n| journal.append(decision(n, &[(place(1), 0), (household(n), 0)])));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(all).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 999));
    assert!(lost.iter().all(|answer| matches!(answer, Err(AppendError::Conflict { .. }))));
    assert_eq!(journal.load(&place(1)).await.unwrap().len(), 1);
    assert_eq!(journal.last_position().await.unwrap(), 2);
}

#[tokio::test]
async fn decisions_that_share_a_batch_with_losers_are_recorded() {
    let ground = Ground::new().await;
    let (here, there) = (ground.journal().await, ground.journal().await);
    for n in (0..200).step_by(7) {
        there.append(decision(10_000 + n, &[(place(n), 0)])).await.unwrap();
    }
    // `here` has not seen these events: it cannot know beforehand which of its decisions lose.
    let all = (0..200).map(|n| here.append(decision(n, &[(place(n), 0), (household(n), 0)])));
    for (n, answer) in join_all(all).await.into_iter().enumerate() {
        assert_eq!(answer.is_ok(), n % 7 != 0, "{n}: {answer:?}");
    }
}

#[tokio::test]
async fn writers_on_their_own_ledgers_are_all_served_in_the_order_of_each() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let writers = (0..64_u128).map(|writer| {
        let journal = journal.clone();
        async move {
            let mut version = 0;
            for nth in 0..20 {
                let asked = decision(writer * 100 + nth, &[(place(writer), version)]);
                version = journal.append(asked).await.unwrap().last();
            }
        }
    });
    join_all(writers).await;
    let all = journal.range(0, 10_000).await.unwrap();
    assert_eq!(all.len(), 64 * 20);
    assert!(all.iter().zip(1..).all(|(event, position)| event.position == position));
    for writer in 0..64_u128 {
        let own = journal.load(&place(writer)).await.unwrap();
        let commands: Vec<_> = own.iter().map(|event| event.command.0.as_u128()).collect();
        assert_eq!(commands, (0..20).map(|nth| writer * 100 + nth).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_breaks_a_rule_of_the_journal_is_not_sent() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let refused = async |decision| match journal.append(decision).await {
        Err(AppendError::Unwritable(why)) => why,
        other => panic!("{other:?}"),
    };

    let mut unguarded = decision(1, &[(place(1), 0), (place(2), 0)]);
    unguarded.expected.pop();
    assert!(matches!(refused(unguarded).await, Unwritable::Unguarded { ledger } if ledger == place(2)));

    let mut idle = decision(1, &[(place(1), 0)]);
    idle.expected.push((place(2), 0));
    assert!(matches!(refused(idle).await, Unwritable::IdleGuard { ledger } if ledger == place(2)));

    assert!(matches!(refused(decision(1, &[])).await, Unwritable::Empty));

    let mut heavy = decision(1, &[(place(1), 0)]);
    heavy.drafts[0].body = json!({ "text": "x".repeat(64 * 1024) });
    assert!(matches!(refused(heavy).await, Unwritable::TooHeavy { .. }));

    let mut personal = decision(1, &[(household(1), 0)]);
    personal.drafts[0].body = json!({ "name": { "personal": "Nadia Benali" } });
    assert!(matches!(refused(personal).await, Unwritable::NoKeys { .. }));

    assert_eq!(journal.last_position().await.unwrap(), 0);
}

#[tokio::test]
async fn personal_values_are_sealed_on_the_way_and_have_no_place_beside_households() {
    let ground = Ground::new().await;
    let secrets = tempfile::tempdir().unwrap();
    let file = journal::keys::KeyFile::open_or_create(&secrets.path().join("key"), None).unwrap();
    let journal = ground.journal().await.with_keys(file).await.unwrap();
    let mut named = decision(1, &[(household(1), 0)]);
    named.drafts[0].body = json!({ "name": { "personal": "Nadia Benali" }, "adults": 1 });
    journal.append(named.clone()).await.unwrap();

    let event = journal.load(&household(1)).await.unwrap().remove(0);
    assert!(!String::from_utf8_lossy(&event.body).contains("Nadia"));
    let keys = journal.keys().unwrap();
    let sealed = event.value().unwrap();
    let opened =
        keys.open(&event.ledger, event.stamp.event, &event.kind, event.stamp.version, sealed).await.unwrap();
    assert_eq!(opened, named.drafts[0].body);

    for ledger in [place(1), structure(1)] {
        let mut misplaced = decision(2, &[(ledger, 0)]);
        misplaced.drafts[0] = draft(ledger, json!({ "name": { "personal": "Nadia Benali" } }));
        let answer = journal.append(misplaced).await;
        assert!(matches!(answer, Err(AppendError::Unwritable(Unwritable::Unsealed(_)))), "{answer:?}");
    }
}

#[tokio::test]
async fn territories_of_different_streams_are_written_apart() {
    let ground = Ground::new().await;
    let mut config = ground.config();
    let cut = std::collections::BTreeMap::from([(territory("2A"), "CORSE".to_owned())]);
    config.partitions = journal::Partitions::new(cut);
    let journal = journal::Journal::open(config).await.unwrap();
    let corse = "place/2A-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();

    let answer = journal.append(decision(1, &[(place(1), 0), (corse, 0)])).await;
    assert!(
        matches!(answer, Err(AppendError::Unwritable(Unwritable::AcrossPartitions { .. }))),
        "{answer:?}"
    );

    assert_eq!(journal.append(decision(2, &[(place(1), 0)])).await.unwrap().last(), 1);
    assert_eq!(journal.append(decision(3, &[(corse, 0)])).await.unwrap().last(), 1);
    assert_eq!(journal.range(0, 10).await.unwrap()[0].ledger, place(1));
    assert_eq!(journal.of(territory("2A")).range(0, 10).await.unwrap()[0].ledger, corse);
}

#[tokio::test]
async fn a_full_journal_says_so_and_keeps_what_it_has() {
    let ground = Ground::new().await;
    let mut config = ground.config();
    config.max_bytes = 64 << 10;
    let journal = journal::Journal::open(config).await.unwrap();
    let mut recorded = 0;
    let refused = loop {
        let mut asked = decision(u128::from(recorded), &[(place(u128::from(recorded)), 0)]);
        asked.drafts[0].body = json!({ "text": "x".repeat(4096) });
        match journal.append(asked).await {
            Ok(_) => recorded += 1,
            Err(error) => break error,
        }
        assert!(recorded < 100, "the limit is not kept");
    };
    assert!(matches!(refused, AppendError::Full { .. }), "{refused:?}");
    assert_eq!(journal.range(0, 100).await.unwrap().len() as u64, recorded);
}

#[tokio::test]
async fn a_full_journal_holds_whole_decisions_and_only_those_it_acknowledged() {
    for (together, limit) in [(1, 64 << 10), (20, 256 << 10), (500, 4 << 20)] {
        let ground = Ground::new().await;
        let mut config = ground.config();
        config.max_bytes = limit;
        let journal = journal::Journal::open(config).await.unwrap();
        let mut acknowledged = Vec::new();
        let mut full = false;
        for round in 0..100_u128 {
            // Decisions on two ledgers each, of sizes that do not divide the limit.
            let all = (0..together).map(|n| {
                let n = 1000 * round + n;
                let mut asked = decision(n, &[(household(n), 0), (place(n), 0)]);
                let length = 200 + usize::try_from(n % 7).unwrap() * 50;
                asked.drafts[0].body = json!({ "text": "x".repeat(length) });
                journal.append(asked)
            });
            for answer in join_all(all).await {
                match answer {
                    Ok(appended) => acknowledged.extend(appended.positions),
                    Err(AppendError::Full { .. }) => full = true,
                    Err(other) => panic!("{other}"),
                }
            }
            if full {
                break;
            }
        }
        assert!(full, "the limit is kept");
        let events = journal.range(0, usize::MAX).await.unwrap();
        for pair in events.chunks(2) {
            let commands: Vec<_> = pair.iter().map(|event| event.command).collect();
            assert_eq!(commands, [pair[0].command; 2], "half a decision at {}", pair[0].position);
        }
        acknowledged.sort_unstable();
        let positions: Vec<_> = events.iter().map(|event| event.position).collect();
        println!("{together}: {} stored, {} acknowledged", positions.len(), acknowledged.len());
        assert_eq!(positions, acknowledged, "nothing that was refused is there");
    }
}
