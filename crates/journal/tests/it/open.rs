//! Opening: the streams keep the journal's promises, or nothing is written to them.

use async_nats::jetstream::stream::Config;
use journal::{Journal, OpenError, Provision};

use crate::support::{Ground, decision, place};

#[tokio::test]
async fn a_journal_is_opened_again_with_what_it_held() {
    let ground = Ground::new().await;
    ground.journal().await.append(decision(1, &[(place(1), 0)])).await.unwrap();
    let mut config = ground.config();
    config.max_bytes *= 2;
    let again = Journal::open(config.clone()).await.unwrap();
    assert_eq!(again.last_position().await.unwrap(), 1);
    let stream = ground.raw().await.get_stream("JOURNAL").await.unwrap();
    assert_eq!(stream.cached_info().config.max_bytes, config.max_bytes);
}

#[tokio::test]
async fn nothing_recorded_can_be_removed() {
    let ground = Ground::new().await;
    ground.journal().await.append(decision(1, &[(place(1), 0)])).await.unwrap();
    let stream = ground.raw().await.get_stream("JOURNAL").await.unwrap();
    assert!(stream.delete_message(1).await.is_err());
    assert!(stream.purge().await.is_err());
}

#[tokio::test]
async fn a_stream_that_forgets_is_not_written_to() {
    let ground = Ground::new().await;
    let forgetful = Config {
        name: "JOURNAL".into(),
        subjects: vec!["evt.>".into()],
        allow_direct: true,
        allow_atomic_publish: true,
        max_bytes: 1 << 20,
        ..Config::default()
    };
    ground.raw().await.create_stream(forgetful).await.unwrap();
    let refused = Journal::open(ground.config()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unfit { stream, .. } if stream == "JOURNAL"), "{refused}");
}

#[tokio::test]
async fn a_service_without_the_right_to_create_streams_says_which_one_is_missing() {
    let ground = Ground::new().await;
    let verifying = journal::JournalConfig { provision: Provision::Verify, ..ground.config() };
    let refused = Journal::open(verifying.clone()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Missing { stream } if stream == "JOURNAL"), "{refused}");
    ground.journal().await;
    Journal::open(verifying).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_said_to_be_unreachable() {
    let gone = journal::JournalConfig::at("nats://127.0.0.1:9");
    let refused = Journal::open(gone).await.unwrap_err();
    assert!(matches!(refused, OpenError::Unreachable(_)), "{refused}");
}
