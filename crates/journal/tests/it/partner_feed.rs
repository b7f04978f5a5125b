//! What leaves for partners, and each partner's reader of it.

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Config;
use journal::accounts::{AccountKey, KeyKind, Pair};
use journal::partner_feed::{FeedError, Outgoing, Partners};
use journal::{Journal, OpenError};
use uuid::Uuid;

use crate::support::Ground;

fn account() -> AccountKey {
    AccountKey::of(&Pair::generate(KeyKind::Account).unwrap()).unwrap()
}

fn about(position: u64) -> Outgoing {
    Outgoing {
        id: Uuid::from_u128(position.into()).to_string(),
        position,
        topic: "place".parse().unwrap(),
        body: position.to_string().into(),
    }
}

async fn positions(partners: &Partners, account: &AccountKey) -> Vec<u64> {
    partners.told_after(account, 0, 100).await.unwrap().iter().map(|told| told.position).collect()
}

#[tokio::test]
async fn a_partner_is_told_once_of_each_event_in_order_until_its_reader_is_removed() {
    let ground = Ground::new().await;
    let partners = ground.journal().await.partners();
    let (one, other) = (account(), account());
    for _ in 0..2 {
        partners.admit(&one, 7).await.unwrap();
    }
    partners.admit(&other, 0).await.unwrap();
    assert_eq!(partners.progress(&one).await.unwrap().unwrap().cursor, 7);
    assert!(partners.last(&one).await.unwrap().is_none());
    let first = partners.publish_to(&one, 0, &about(10)).await.unwrap();
    let theirs = partners.publish_to(&other, 0, &about(10)).await.unwrap();
    let second = partners.publish_to(&one, first, &about(12)).await.unwrap();
    // Whoever has not heard of the last one, a second process or one that was answered too late, tells nothing.
    for after in [0, first, theirs] {
        let again = partners.publish_to(&one, after, &about(12)).await.unwrap_err();
        assert!(matches!(again, FeedError::Overtaken), "{again}");
    }
    assert_eq!(positions(&partners, &one).await, [10, 12]);
    assert_eq!(positions(&partners, &other).await, [10]);
    assert_eq!(partners.last(&one).await.unwrap().unwrap().sequence, second);

    let stream = ground.raw().await.get_stream("FEED").await.unwrap();
    let reader = stream.get_consumer::<pull::Config>(one.as_str()).await.unwrap();
    assert_eq!(reader.cached_info().num_pending, 2, "its own messages and not the other's");
    assert!(stream.purge().await.is_err());

    for _ in 0..2 {
        partners.revoke(&one).await.unwrap();
    }
    assert!(stream.get_consumer::<pull::Config>(one.as_str()).await.is_err());
    assert!(stream.get_consumer::<pull::Config>(other.as_str()).await.is_ok());
    assert_eq!(
        positions(&partners, &one).await,
        [0; 0],
        "what was not read is not left for whoever comes next"
    );
    assert_eq!(positions(&partners, &other).await, [10]);
}

#[tokio::test]
async fn what_was_not_read_is_taken_back_and_may_be_told_again() {
    use futures_util::TryStreamExt as _;
    let ground = Ground::new().await;
    let partners = ground.journal().await.partners();
    let account = account();
    partners.admit(&account, 0).await.unwrap();
    let mut last = 0;
    for position in 1..=4 {
        last = partners.publish_to(&account, last, &about(position)).await.unwrap();
    }
    let stream = ground.raw().await.get_stream("FEED").await.unwrap();
    let reader = stream.get_consumer::<pull::Config>(account.as_str()).await.unwrap();
    let fetched = reader.fetch().max_messages(1).messages().await.unwrap();
    for message in fetched.try_collect::<Vec<_>>().await.unwrap() {
        message.double_ack().await.unwrap();
    }
    let progress = partners.progress(&account).await.unwrap().unwrap();
    assert_eq!((progress.acknowledged, progress.unread), (1, 3));
    partners.take_back(&account, progress.acknowledged).await.unwrap();
    assert_eq!(positions(&partners, &account).await, [1]);
    let again = partners.publish_to(&account, 1, &about(2)).await.unwrap();
    partners.publish_to(&account, again, &about(4)).await.unwrap();
    let mut read = Vec::new();
    let fetched = reader.fetch().max_messages(10).messages().await.unwrap();
    for message in fetched.try_collect::<Vec<_>>().await.unwrap() {
        read.push(String::from_utf8_lossy(&message.payload).into_owned());
    }
    assert_eq!(read, ["2", "4"]);
    partners.revoke(&account).await.unwrap();
    assert_eq!(positions(&partners, &account).await, [1], "what was acknowledged stays told");
}

fn feed() -> Config {
    Config {
        name: "FEED".into(),
        subjects: vec!["feed.>".into()],
        max_bytes: 1 << 20,
        deny_purge: true,
        ..Config::default()
    }
}

#[tokio::test]
async fn a_feed_that_never_forgets_is_not_written_to() {
    let ground = Ground::new().await;
    ground.raw().await.create_stream(feed()).await.unwrap();
    let refused = Journal::open(ground.config()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unfit { stream, .. } if stream == "FEED"), "{refused}");
}

#[tokio::test]
async fn a_feed_of_before_is_made_anew_if_nobody_was_told_anything() {
    let of_before = || Config { deny_delete: true, max_age: journal::config::FEED_AGE, ..feed() };
    let ground = Ground::new().await;
    ground.raw().await.create_stream(of_before()).await.unwrap();
    let partners = Journal::open(ground.config()).await.unwrap().partners();
    let account = account();
    partners.publish_to(&account, 0, &about(1)).await.unwrap();
    partners.take_back(&account, 0).await.unwrap();
    assert_eq!(positions(&partners, &account).await, [0; 0]);

    let ground = Ground::new().await;
    ground.raw().await.create_stream(of_before()).await.unwrap();
    ground.raw().await.publish("feed.x", "".into()).await.unwrap().await.unwrap();
    let refused = Journal::open(ground.config()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unfit { stream, .. } if stream == "FEED"), "{refused}");
}
