//! A projection of a journal on a real broker.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::event::{Actor, Origin};
use domain::id::{CommandId, OrganisationId};
use domain::ledger::{AggregateId, Change, Fact, Halt, Ledgers as AtHand};
use journal::broker::{Broker, BrokerOptions};
use journal::{Command, Decision, Digest, Draft, Journal, JournalConfig, Local as _, Receipt};
use projection::ledgers::{Ledgers, state};
use projection::{Opened, Projection, Readiness};
use serde_json::json;
use uuid::Uuid;

use crate::support::events::{beginning, structure, territory};
use crate::support::{PATIENCE, options, views};

async fn journal(broker: &Broker) -> Journal {
    let config = JournalConfig {
        max_bytes: 256 << 20,
        max_key_bytes: 16 << 20,
        patience: PATIENCE,
        visible_within: PATIENCE,
        ..JournalConfig::at(broker.url())
    };
    Journal::open(config).await.unwrap()
}

fn origin(command: u128) -> Origin {
    Origin {
        command: CommandId(Uuid::from_u128(command)),
        actor: "agent-12".parse::<Actor>().unwrap(),
        organisation: OrganisationId::new(territory(), Uuid::from_u128(7)),
        at: beginning(),
        trace: None,
    }
}

fn renaming(ledger: AggregateId, name: &str) -> Change {
    let provider = OrganisationId::new(territory(), Uuid::from_u128(7));
    let body = json!({
        "profile": { "name": name, "kind": "hotel_night", "provider": provider, "commune": "33063" }
    });
    Change { ledger, fact: Fact::read(&ledger, "structure.opened", 1, body).unwrap(), effective: beginning() }
}

/// Opens a structure, deciding on what the projection shows.
async fn open(journal: &Journal, ledgers: &Ledgers, command: u128, ledger: AggregateId) -> Receipt {
    let origin = origin(command);
    let command = Command { origin: &origin, digest: Digest([1; Digest::BYTES]), expected: None };
    let asked = AtomicU64::new(0);
    let decide = |at_hand: &AtHand| {
        asked.fetch_add(1, Ordering::Relaxed);
        match at_hand.get(&ledger) {
            None => Err(Halt::Need(ledger)),
            Some(_) => Ok(vec![renaming(ledger, "Résidence des Tilleuls")]),
        }
    };
    let receipt = journal.execute(ledgers, &command, decide).await.unwrap();
    assert!(receipt.visible);
    receipt
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_taken_on_the_rows_and_shown_by_them_when_it_is_answered() {
    let broker = Broker::temporary().await.unwrap();
    let journal = journal(&broker).await;
    let directory = tempfile::tempdir().unwrap();
    let (projection, opened) =
        Projection::start(journal.clone(), views(), options(directory.path())).await.unwrap();
    assert_eq!(opened, Opened::Fresh);
    let handle = projection.handle();
    handle.until_ready().await.unwrap();
    let ledgers = Ledgers::of(handle.clone());
    for n in 1..=20 {
        let ledger = structure(n % 3);
        let receipt = open(&journal, &ledgers, u128::from(n), ledger).await;
        assert_eq!(receipt.position, u64::from(n));
        let page = handle.reader().page().unwrap();
        assert!(state(&page, &ledger).unwrap().unwrap().version >= receipt.position);
    }
    let again = open(&journal, &ledgers, 20, structure(2)).await;
    assert!(again.repeated, "recognised by the rows");
    assert_eq!(ledgers.command(CommandId(Uuid::from_u128(20))).unwrap().unwrap().events, again.events);

    let live = handle.reader().page().unwrap().dump().unwrap();
    handle.rebuild().await.unwrap();
    assert_eq!(handle.reader().page().unwrap().dump().unwrap(), live);
    drop(ledgers);
    projection.stop().await;
    let (projection, opened) = Projection::start(journal, views(), options(directory.path())).await.unwrap();
    assert_eq!(opened, Opened::Resumed { position: 20 });
    projection.stop().await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_is_followed_again_and_an_event_nobody_can_read_halts_its_ledger() {
    let data = tempfile::tempdir().unwrap();
    let temporary = BrokerOptions::temporary().await.unwrap();
    let binary = temporary.binary.clone();
    let start =
        || BrokerOptions { max_store_bytes: Some(1 << 40), ..BrokerOptions::new(&binary, data.path()) };
    let broker = Broker::start(start()).await.unwrap();
    let port = broker.port();
    let journal = journal(&broker).await;
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) =
        Projection::start(journal.clone(), views(), options(directory.path())).await.unwrap();
    let handle = projection.handle();
    handle.until_ready().await.unwrap();
    let ledgers = Ledgers::of(handle.clone());
    open(&journal, &ledgers, 1, structure(1)).await;
    broker.stop().await;
    while !matches!(handle.ready(), Readiness::Unreachable { .. }) {
        tokio::task::yield_now().await;
    }
    assert!(handle.reader().page().is_ok(), "the rows are shown all the same");
    let broker = Broker::start(BrokerOptions { port: Some(port), ..start() }).await.unwrap();
    open(&journal, &ledgers, 2, structure(2)).await;
    handle.until_ready().await.unwrap();

    let unreadable = Draft {
        ledger: structure(1),
        kind: "structure.opened",
        version: 1,
        effective: beginning(),
        body: json!({ "profile": "none" }),
    };
    let decision = Decision {
        origin: origin(3),
        digest: Digest([2; Digest::BYTES]),
        drafts: vec![unreadable],
        expected: vec![(structure(1), 1)],
    };
    journal.append(decision).await.unwrap();
    assert!(handle.reached(3, PATIENCE).await);
    open(&journal, &ledgers, 4, structure(2)).await;
    assert_eq!((handle.ready(), handle.halted()), (Readiness::Ready, 1));
    drop(ledgers);
    projection.stop().await;
    broker.stop().await;
}
