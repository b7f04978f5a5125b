//! Large loads.

use std::collections::HashMap;

use journal::AppendError;

use crate::support::{Ground, decision, place};

#[tokio::test]
async fn a_load_is_recorded_in_order_with_many_decisions_on_one_ledger() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    // 2,500 decisions over 10 places: each ledger many times in each batch, guarded once.
    let decisions = (0..2_500_u128).map(|n| decision(n, &[(place(n % 10), 0)]));
    let mut versions = HashMap::new();
    let mut steps = Vec::new();
    let loaded = journal.append_bulk(decisions, &mut versions, |step| steps.push(step)).await.unwrap();

    assert_eq!((loaded.decisions, loaded.events, loaded.position), (2_500, 2_500, 2_500));
    assert_eq!(steps.iter().map(|step| step.events).collect::<Vec<_>>(), [1_000, 2_000, 2_500]);
    let all = journal.range(0, 10_000).await.unwrap();
    assert!(all.iter().zip(0..).all(|(event, n)| event.command.0.as_u128() == n));
    assert_eq!(versions[&place(9)], journal.version(&place(9)).await.unwrap());

    let more = (2_500..2_510_u128).map(|n| decision(n, &[(place(n % 10), 0)]));
    journal.append_bulk(more, &mut versions, |_| {}).await.unwrap();
    assert_eq!(journal.load(&place(0)).await.unwrap().len(), 251);
}

#[tokio::test]
async fn a_load_stops_whole_where_somebody_else_wrote() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    journal.append(decision(90_000, &[(place(1_500), 0)])).await.unwrap();

    let decisions = (0..3_000_u128).map(|n| decision(n, &[(place(n), 0)]));
    let mut versions = HashMap::new();
    let stopped = journal.append_bulk(decisions, &mut versions, |_| {}).await.unwrap_err();

    assert!(matches!(stopped.source, AppendError::Conflict { .. }), "{stopped:?}");
    assert_eq!((stopped.reached.decisions, stopped.reached.events), (1_000, 1_000));
    assert_eq!(journal.last_position().await.unwrap(), 1_001);

    versions.insert(place(1_500), 1);
    let rest = (1_000..3_000_u128).map(|n| decision(n, &[(place(n), 0)]));
    journal.append_bulk(rest, &mut versions, |_| {}).await.unwrap();
    assert_eq!(journal.last_position().await.unwrap(), 3_001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_goes_on_after_the_death_of_the_broker_without_doubling_anything() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let decisions = (0..30_000_u128).map(|n| decision(n, &[(place(n % 1_000), 0)]));
    let mut versions = HashMap::new();
    let mut killed = false;
    let loaded = journal
        .append_bulk(decisions, &mut versions, |step| {
            if step.events >= 5_000 && !killed {
                killed = true;
                ground.broker.kill_hard();
            }
        })
        .await
        .unwrap();
    assert!(killed);
    assert_eq!((loaded.events, loaded.position), (30_000, 30_000));
    let all = journal.range(0, 40_000).await.unwrap();
    assert!(all.iter().zip(0..).all(|(event, n)| event.command.0.as_u128() == n));
}
