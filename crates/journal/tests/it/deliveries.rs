//! What became of what was sent: a chain for each subscription, which two who write at once do not break.

use domain::id::SubscriptionId;
use journal::deliveries::{
    DeliveryError, DeliveryRecord, Outcome, Reach, Receipt, Tip, Unproven, subject_of,
};
use journal::seals::{Hash, SealKey};
use uuid::Uuid;

use crate::support::Ground;

fn subscription(n: u128) -> SubscriptionId {
    SubscriptionId::new("33".parse().unwrap(), Uuid::from_u128(n))
}

fn record(position: u64, outcome: Outcome) -> DeliveryRecord {
    let cursor = if outcome == Outcome::Delivered { position } else { position - 1 };
    DeliveryRecord {
        way: "webhook".to_owned(),
        round: 1,
        position,
        item: Some(format!("item-{position}")),
        digest: Some(Hash([7; 32])),
        attempt: 1,
        at: "2026-03-02T10:00:00Z".parse().unwrap(),
        outcome,
        gathered: None,
        reach: Reach { cursor, ..Reach::default() },
    }
}

#[tokio::test]
async fn records_of_a_subscription_follow_each_other_whatever_is_written_of_others() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    assert_eq!(journal.last_delivery(subscription(1)).await.unwrap(), None);
    let due = "2026-03-02T10:05:00Z".parse().unwrap();
    let again = Outcome::Again { why: "status".to_owned(), status: Some(500), due };
    let mut tip = Tip::NONE;
    let mut written = Vec::new();
    for (n, outcome) in [again, Outcome::Delivered, Outcome::Gone].into_iter().enumerate() {
        let record = record(n as u64 + 2, outcome);
        tip = journal.record_delivery(subscription(1), &tip, &record).await.unwrap();
        journal.record_delivery(subscription(n as u128 + 2), &Tip::NONE, &record).await.unwrap();
        written.push(record);
    }
    let page = journal.deliveries_of(subscription(1), 0, 2).await.unwrap();
    assert!(page.more);
    let rest = journal.deliveries_of(subscription(1), page.cursor, 10).await.unwrap();
    assert!(!rest.more);
    let all: Vec<_> = page.records.into_iter().chain(rest.records).collect();
    assert_eq!(all.iter().map(|lying| lying.record.clone()).collect::<Vec<_>>(), written);
    assert_eq!(all[0].previous, Hash::NONE);
    assert!(all.windows(2).all(|pair| pair[1].previous == pair[0].tip.hash));
    assert_eq!(all.iter().map(|lying| lying.tip.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(journal.last_delivery(subscription(1)).await.unwrap().unwrap().tip, tip);
}

#[tokio::test]
async fn of_two_who_write_at_once_one_is_told_and_what_is_asked_twice_is_recorded_once() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let id = subscription(1);
    let tip = journal.record_delivery(id, &Tip::NONE, &record(2, Outcome::Delivered)).await.unwrap();
    // The answer went astray, and it is asked again.
    let again = journal.record_delivery(id, &Tip::NONE, &record(2, Outcome::Delivered)).await.unwrap();
    assert_eq!(again, tip);
    let other = journal.record_delivery(id, &Tip::NONE, &record(3, Outcome::Delivered)).await;
    assert!(matches!(other, Err(DeliveryError::Overtaken)), "{other:?}");
    assert_eq!(journal.deliveries_of(id, 0, 10).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn nobody_removes_what_was_recorded_and_a_chain_with_a_foreign_link_is_not_read() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let id = subscription(1);
    journal.record_delivery(id, &Tip::NONE, &record(2, Outcome::Delivered)).await.unwrap();
    let raw = ground.raw().await;
    let stream = raw.get_stream("DELIVERIES").await.unwrap();
    assert!(stream.delete_message(1).await.is_err());
    assert!(stream.purge().await.is_err());
    // Whoever writes past the program does not know what to name.
    let forged = journal.deliveries_of(id, 0, 1).await.unwrap().records.remove(0).body;
    raw.publish(subject_of(id), forged.into()).await.unwrap().await.unwrap();
    assert!(journal.deliveries_of(id, 0, 10).await.is_err());
}

#[tokio::test]
async fn a_receipt_with_a_changed_byte_a_missing_or_a_moved_line_proves_nothing() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let id = subscription(1);
    let mut tip = Tip::NONE;
    for position in 2..=5 {
        tip = journal.record_delivery(id, &tip, &record(position, Outcome::Delivered)).await.unwrap();
    }
    let records = journal.deliveries_of(id, 0, 10).await.unwrap().records;
    let dir = tempfile::tempdir().unwrap();
    let key = SealKey::open_or_create(&dir.path().join("seal-key"), None).unwrap();
    let receipt = Receipt::sign(&key, id, &records[1..]).unwrap();
    let known = [key.public()];
    let proven = receipt.check(&known).unwrap();
    assert_eq!((proven.first, proven.last, proven.delivered), (2, 4, 3));
    assert_eq!(Receipt::sign(&key, id, &[]), None);
    let read: Receipt = serde_json::from_str(&serde_json::to_string(&receipt).unwrap()).unwrap();
    assert_eq!(read, receipt);

    let with = |change: &dyn Fn(&mut Receipt)| {
        let mut changed = receipt.clone();
        change(&mut changed);
        changed.check(&known)
    };
    for line in 0..3 {
        let text = &receipt.records[line];
        for at in (0..text.len()).filter(|at| text.as_bytes()[*at].is_ascii_alphanumeric()) {
            let changed = with(&|is| {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
                is.records[line] = String::from_utf8(bytes).unwrap();
            });
            assert!(changed.is_err(), "byte {at} of line {line}: {changed:?}");
        }
        assert!(with(&|is| drop(is.records.remove(line))).is_err(), "without line {line}");
    }
    assert_eq!(with(&|is| is.records.swap(0, 1)), Err(Unproven::Broken { line: 2 }));
    assert_eq!(with(&|is| is.records.push(receipt.records[0].clone())), Err(Unproven::Broken { line: 4 }));
    assert_eq!(with(&|is| is.records.clear()), Err(Unproven::Empty));
    assert_eq!(with(&|is| is.subscription = subscription(2)), Err(Unproven::Unsigned));
    assert_eq!(with(&|is| is.signature = "00".repeat(64)), Err(Unproven::Unsigned));
    assert_eq!(with(&|is| is.continuum_receipt = 2), Err(Unproven::Form));
    let other = SealKey::open_or_create(&dir.path().join("other"), None).unwrap();
    assert_eq!(receipt.check(&[other.public()]), Err(Unproven::Stranger));
    let forged = Receipt::sign(&other, id, &records[1..]).unwrap();
    assert_eq!(forged.check(&known), Err(Unproven::Stranger));
    assert_eq!(
        Receipt { key: receipt.key.clone(), ..forged }.check(&known),
        Err(Unproven::Unsigned),
        "whoever names the key has not signed with it"
    );
}
