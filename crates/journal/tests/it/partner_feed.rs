//! What leaves for partners, and each partner's reader of it.

use async_nats::jetstream::consumer::pull;
use domain::id::EventId;
use journal::OpenError;
use journal::accounts::{AccountKey, KeyKind, Pair};
use journal::partner_feed::{Outgoing, Published};
use uuid::Uuid;

use crate::support::Ground;

fn account() -> AccountKey {
    AccountKey::of(&Pair::generate(KeyKind::Account).unwrap()).unwrap()
}

#[tokio::test]
async fn a_partner_is_told_once_of_each_event_until_its_reader_is_removed() {
    let ground = Ground::new().await;
    let partners = ground.journal().await.partners();
    let (one, other) = (account(), account());
    let what =
        Outgoing { event: EventId(Uuid::from_u128(1)), topic: "place".parse().unwrap(), body: "{}".into() };
    for _ in 0..2 {
        partners.admit(&one).await.unwrap();
    }
    partners.admit(&other).await.unwrap();
    assert_eq!(partners.publish_to(&one, &what).await.unwrap(), Published::Stored(1));
    assert_eq!(partners.publish_to(&one, &what).await.unwrap(), Published::Known);
    assert_eq!(partners.publish_to(&other, &what).await.unwrap(), Published::Stored(2));

    let stream = ground.raw().await.get_stream("FEED").await.unwrap();
    let reader = stream.get_consumer::<pull::Config>(one.as_str()).await.unwrap();
    assert_eq!(reader.cached_info().num_pending, 1, "its own message and not the other's");
    assert!(stream.delete_message(1).await.is_err());
    assert!(stream.purge().await.is_err());

    for _ in 0..2 {
        partners.revoke(&one).await.unwrap();
    }
    assert!(stream.get_consumer::<pull::Config>(one.as_str()).await.is_err());
    assert!(stream.get_consumer::<pull::Config>(other.as_str()).await.is_ok());
}

#[tokio::test]
async fn a_feed_that_never_forgets_is_not_written_to() {
    let ground = Ground::new().await;
    let endless = async_nats::jetstream::stream::Config {
        name: "FEED".into(),
        subjects: vec!["feed.>".into()],
        max_bytes: 1 << 20,
        deny_delete: true,
        deny_purge: true,
        ..Default::default()
    };
    ground.raw().await.create_stream(endless).await.unwrap();
    let refused = journal::Journal::open(ground.config()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unfit { stream, .. } if stream == "FEED"), "{refused}");
}
