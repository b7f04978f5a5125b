//! Who read what: on disk before the answer leaves, in order, its reasons sealed, its bulk readers told of.

use std::time::Duration;

use domain::event::Actor;
use domain::id::{EventId, HouseholdId, OrganisationId};
use jiff::ToSpan as _;
use journal::access::{AccessEntry, AccessError, Code, Outcome, Watched, Withheld};
use journal::keys::KeyFile;
use journal::{Journal, JournalConfig, OpenError};
use uuid::Uuid;

use crate::support::{Ground, at, territory};

fn family(n: u128) -> HouseholdId {
    HouseholdId::new(territory("33"), Uuid::from_u128(n))
}

fn code(text: &str) -> Code {
    text.parse().unwrap()
}

fn entry(id: u128, household: HouseholdId) -> AccessEntry {
    AccessEntry {
        id: EventId(Uuid::from_u128(id)),
        at: at("2026-03-15T10:00:00Z"),
        actor: "agent-12".parse().unwrap(),
        organisation: OrganisationId::new(territory("33"), Uuid::from_u128(7)),
        role: code("siao-coordinator"),
        action: code("read-file"),
        about: household.into(),
        purpose: code("orientation"),
        fields: vec![code("identity"), code("composition")],
        outcome: Outcome::Granted,
        reason: None,
        trace: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
    }
}

async fn with_keys(ground: &Ground) -> Journal {
    ground.journal().await.with_keys(KeyFile::draw().unwrap()).await.unwrap()
}

#[tokio::test]
async fn who_read_a_file_is_told_in_order_page_by_page_with_the_reasons_they_gave() {
    let ground = Ground::new().await;
    let journal = with_keys(&ground).await;
    journal.record_access(&[entry(1, family(1))]).await.unwrap();
    journal.record_access(&[entry(2, family(2)), entry(3, family(1))]).await.unwrap();
    let glass = AccessEntry {
        action: code("break-glass"),
        outcome: Outcome::BreakGlass,
        reason: Some("Mme Durand est à la porte".to_owned()),
        ..entry(4, family(1))
    };
    journal.record_access(std::slice::from_ref(&glass)).await.unwrap();
    let first = journal.accesses_of(family(1), 0, 2).await.unwrap();
    assert_eq!(
        first.entries.iter().map(|access| access.entry.clone()).collect::<Vec<_>>(),
        [entry(1, family(1)), entry(3, family(1))]
    );
    assert!(first.more);
    let second = journal.accesses_of(family(1), first.cursor, 2).await.unwrap();
    assert_eq!((second.entries.len(), second.more), (1, false));
    assert_eq!((&second.entries[0].entry, second.entries[0].withheld), (&glass, None));
    let after = journal.accesses_of(family(1), second.cursor, 2).await.unwrap();
    assert_eq!((after.entries.len(), after.cursor, after.more), (0, second.cursor, false));
}

#[tokio::test]
async fn a_reason_is_sealed_in_the_stream_and_gone_with_the_household() {
    let ground = Ground::new().await;
    let journal = with_keys(&ground).await;
    let said = |id, text: &str| AccessEntry { reason: Some(text.to_owned()), ..entry(id, family(1)) };
    journal.record_access(&[said(1, "Mme Durand")]).await.unwrap();
    let stream = ground.raw().await.get_stream("ACCESS").await.unwrap();
    let raw = stream.get_raw_message(1).await.unwrap();
    assert_eq!(raw.subject.as_str(), "access.33.household.00000000-0000-0000-0000-000000000001");
    let text = String::from_utf8(raw.payload.to_vec()).unwrap();
    assert!(text.contains("sealed") && !text.contains("Durand"), "{text}");

    let watching = journal.accesses_after(0, 10).await.unwrap();
    assert_eq!(watching[0].withheld, Some(Withheld::Sealed), "whoever watches does not read reasons");
    let sealed = ground.journal().await.accesses_of(family(1), 0, 10).await.unwrap();
    assert_eq!(sealed.entries[0].withheld, Some(Withheld::Sealed), "nothing opens without keys");

    journal.keys().unwrap().forget(family(1)).await.unwrap();
    journal.record_access(&[said(2, "Mme Durand encore")]).await.unwrap();
    let page = journal.accesses_of(family(1), 0, 10).await.unwrap();
    assert_eq!(
        page.entries.iter().map(|access| access.withheld).collect::<Vec<_>>(),
        [Some(Withheld::Erased); 2]
    );
    assert!(page.entries.iter().all(|access| access.entry.reason.is_none()));
}

#[tokio::test]
async fn a_reason_moved_to_another_entry_is_not_opened_there() {
    let ground = Ground::new().await;
    let journal = with_keys(&ground).await;
    journal
        .record_access(&[AccessEntry { reason: Some("un motif".to_owned()), ..entry(1, family(1)) }])
        .await
        .unwrap();
    let raw = ground.raw().await;
    let stream = raw.get_stream("ACCESS").await.unwrap();
    let found = stream.get_raw_message(1).await.unwrap();
    let moved = String::from_utf8(found.payload.to_vec()).unwrap().replace(
        "00000000-0000-0000-0000-000000000001\",\"at",
        "00000000-0000-0000-0000-000000000009\",\"at",
    );
    raw.publish(found.subject, moved.into()).await.unwrap().await.unwrap();
    let page = journal.accesses_of(family(1), 0, 10).await.unwrap();
    assert_eq!(page.entries[0].withheld, None);
    assert_eq!(page.entries[1].withheld, Some(Withheld::Damaged));
}

#[tokio::test]
async fn the_same_entries_recorded_again_are_there_once_and_those_beside_them_too() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let both = [entry(1, family(1)), entry(2, family(2))];
    journal.record_access(&both).await.unwrap();
    journal.record_access(&both).await.unwrap();
    journal.record_access(&[entry(1, family(1)), entry(3, family(3))]).await.unwrap();
    journal.record_access(&[]).await.unwrap();
    let all = journal.accesses_after(0, 10).await.unwrap();
    let ids: Vec<_> = all.iter().map(|access| access.entry.id.0.as_u128()).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_an_error_so_that_nothing_is_shown() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let reasoned = AccessEntry { reason: Some("pourquoi".to_owned()), ..entry(1, family(1)) };
    assert!(matches!(journal.record_access(&[reasoned]).await, Err(AccessError::NoKeys)));
    let long = AccessEntry { reason: Some("x".repeat(1001)), ..entry(1, family(1)) };
    assert!(matches!(journal.record_access(&[long]).await, Err(AccessError::Unwritable { .. })));
    let many: Vec<_> = (0..1001).map(|n| entry(n, family(1))).collect();
    assert!(matches!(journal.record_access(&many).await, Err(AccessError::Unwritable { .. })));
    journal.record_access(&many[..1000]).await.unwrap();

    let small = Ground::new().await;
    let config =
        JournalConfig { max_access_bytes: 20_000, ack_wait: Duration::from_secs(2), ..small.config() };
    let narrow = Journal::open(config).await.unwrap();
    let mut refused = None;
    for some in many.chunks(20) {
        refused = narrow.record_access(some).await.err();
        if refused.is_some() {
            break;
        }
    }
    assert!(matches!(refused, Some(AccessError::Full { .. })), "{refused:?}");

    small.broker.stop().await;
    let refused = narrow.record_access(&many[20..21]).await.unwrap_err();
    assert!(matches!(refused, AccessError::NoAnswer { .. }), "{refused}");
}

#[tokio::test]
async fn an_access_is_recorded_when_the_broker_comes_back_in_time() {
    let ground = Ground::new().await;
    let journal =
        Journal::open(JournalConfig { ack_wait: Duration::from_secs(30), ..ground.config() }).await.unwrap();
    ground.broker.kill_hard();
    journal.record_access(&[entry(1, family(1))]).await.unwrap();
    assert_eq!(journal.accesses_after(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_stream_that_keeps_who_read_what_for_ever_or_lets_it_be_removed_is_refused() {
    let ground = Ground::new().await;
    ground.journal().await;
    let raw = ground.raw().await;
    let found = raw.get_stream("ACCESS").await.unwrap();
    let config = found.cached_info().config.clone();
    assert_eq!(config.max_age, Duration::from_secs(365 * 24 * 3600));
    assert!(found.delete_message(1).await.is_err() && found.purge().await.is_err());

    let mut shorter = ground.config();
    shorter.access_kept_for = Duration::from_secs(180 * 24 * 3600);
    Journal::open(shorter).await.unwrap();
    assert_eq!(
        raw.get_stream("ACCESS").await.unwrap().cached_info().config.max_age,
        Duration::from_secs(180 * 24 * 3600)
    );

    raw.delete_stream("ACCESS").await.unwrap();
    raw.create_stream(async_nats::jetstream::stream::Config { max_age: Duration::ZERO, ..config.clone() })
        .await
        .unwrap();
    let refused = Journal::open(ground.config()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unfit { stream, .. } if stream == "ACCESS"), "{refused}");

    raw.delete_stream("ACCESS").await.unwrap();
    raw.create_stream(async_nats::jetstream::stream::Config { deny_delete: false, ..config }).await.unwrap();
    let refused = Journal::open(ground.config()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unfit { stream, .. } if stream == "ACCESS"), "{refused}");
}

#[tokio::test]
async fn whoever_opens_too_many_files_is_told_of_while_they_do_and_after_a_restart() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let watched = Watched {
        households: 3,
        within: Duration::from_secs(3600),
        back: Duration::ZERO,
        actions: [code("read-file")].into(),
    };
    let now = at("2026-03-15T10:30:00Z");
    let mut watch = journal.watch_bulk_reading(watched.clone(), now).await.unwrap();
    let other: Actor = "agent-99".parse().unwrap();
    let telling = async {
        for n in 0..4_u128 {
            let listed = AccessEntry { action: code("list"), ..entry(100 + n, family(50 + n)) };
            let refused = AccessEntry { outcome: Outcome::Refused, ..entry(200 + n, family(60 + n)) };
            let others = AccessEntry { actor: other.clone(), ..entry(300 + n, family(n % 3)) };
            let own = AccessEntry {
                at: at("2026-03-15T10:00:00Z") + i64::try_from(n).unwrap().minutes(),
                ..entry(400 + n, family(n))
            };
            journal.record_access(&[listed, refused, others, own]).await.unwrap();
        }
    };
    let (crossing, ()) = tokio::join!(watch.next(), telling);
    let crossing = crossing.unwrap();
    assert_eq!((crossing.actor.as_str(), crossing.households), ("agent-12", 4));

    // The same entries are read again by a watch that begins anew; none that begins after them reads them.
    let stored = journal.access_position_at(at("2026-01-01T00:00:00Z")).await.unwrap();
    assert_eq!(stored, 0);
    let mut again = journal.watch_bulk_reading(watched.clone(), now).await.unwrap();
    assert_eq!(again.next().await.unwrap().actor.as_str(), "agent-12");
    assert_eq!(journal.access_position_at(at("2200-01-01T00:00:00Z")).await.unwrap(), 16);
}
