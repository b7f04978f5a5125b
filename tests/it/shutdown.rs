//! Ending in good order, and never two on one directory.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tests::{Live, Shape, World, alive, bodies, broker_of};

/// The grace of the shipped configuration.
const GRACE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_the_program_finishes_what_is_under_way_and_leaves_no_broker() {
    let mut world = World::start(Shape::One).await;
    let caller = world.caller();
    caller.register(&bodies::household("Garnier")).await;
    let mut live = Live::open(caller.asking("/api/v1/events/stream").with("after", 0)).await;
    let (program, broker) = (world.pid(), broker_of(&world.broker_dir()).unwrap());
    assert_eq!(live.next().await.name, "household.registered");
    let commands = (0..50).map(|n| {
        let command = caller.command("/api/v1/households", &bodies::household(&format!("Garnier {n}")));
        tokio::spawn(command.key(&format!("k{n}")).try_send())
    });
    let commands: Vec<_> = commands.collect();
    // The first of them is on its way.
    live.next().await;
    let begun = Instant::now();
    let status = world.stop_program().await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(begun.elapsed() < GRACE, "within its grace: {:?}", begun.elapsed());
    assert!(!alive(program) && !alive(broker), "neither program nor broker is left");
    assert!(broker_of(&world.broker_dir()).is_none());
    while live.try_next().await.is_some() {}

    let answers = join_all(commands).await.into_iter().filter_map(|answer| answer.unwrap().ok());
    let acknowledged: Vec<_> = answers.filter(|answer| answer.status == 201).map(|a| a.recorded()).collect();
    world.start_program().await;
    let events = caller.events(0, "").await;
    for receipt in &acknowledged {
        let (id, _, _, position) = &receipt.events[0];
        let at = events.iter().find(|event| event["sequence"] == position.to_string().as_str());
        assert_eq!(
            at.map(|event| &event["id"]),
            Some(&serde_json::json!(id)),
            "what was acknowledged is there"
        );
    }
    assert!(!acknowledged.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_that_was_interrupted_is_not_served_as_if_it_were_whole() {
    let world = World::start(Shape::Five).await;
    let data = world.dir().join("demo");
    let up = || {
        let mut command = tokio::process::Command::new(tests::program());
        let size = ["--demo-households", "2000", "--demo-years", "2"];
        command.current_dir(world.dir()).args(["up", "--demo"]).args(size);
        command.args(["--http", "127.0.0.1:0", "--data"]).arg(&data);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).kill_on_drop(true);
        command.spawn().unwrap()
    };
    let filling = up();
    tests::until("something is recorded", || async { recorded(&data.join("broker")) > 100_000 }).await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(filling.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = tokio::time::timeout(GRACE, filling.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        ended.stdout.is_empty() && said.contains("stopped while the demonstration was recorded"),
        "{said}"
    );
    assert!(broker_of(&data.join("broker")).is_none(), "no broker is left");
    let again = tokio::time::timeout(GRACE, up().wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(again.stdout.is_empty() && said.contains("remove that directory and start again"), "{said}");
}

/// How many bytes of messages a broker has written under this directory.
fn recorded(dir: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.path() {
        path if path.is_dir() => recorded(&path),
        path if path.extension().is_some_and(|extension| extension == "blk") => {
            entry.metadata().map_or(0, |file| file.len())
        }
        _ => 0,
    };
    entries.flatten().map(size).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let world = World::start(Shape::One).await;
    let data = world.data();
    let second = world.run(&["up", "--http", "127.0.0.1:0", "--data", data.to_str().unwrap()]).await;
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(
        said.contains("in use by another running instance") && said.contains("choose another data directory"),
        "{said}"
    );
    assert!(second.stdout.is_empty(), "it is never ready");
    world.caller().register(&bodies::household("Perrin")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_ends_alone_when_asked_and_two_never_share_their_rows() {
    let mut world = World::start(Shape::Five).await;
    let caller = world.caller();
    caller.register(&bodies::household("Robin")).await;
    let data = world.data().join("views").join("intake");
    let (nats, keys) = (world.broker_url(), world.dir().join("keys/kek"));
    let second = tokio::process::Command::new(tests::program())
        .args(["serve", "intake"])
        .current_dir(world.dir())
        .env("CONTINUUM_INTAKE__HTTP__ADDRESS", "127.0.0.1:0")
        .env("CONTINUUM_INTAKE__NATS__URL", nats)
        .env("CONTINUUM_INTAKE__NATS__CREDENTIALS_FILE", world.credentials("intake"))
        .env("CONTINUUM_INTAKE__DATA__DIR", &data)
        .env("CONTINUUM_INTAKE__KEYS__FILE", keys)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot open the views of intake"), "{said}");
    for service in ["feed", "supervision", "landlord", "insertion", "intake"] {
        let status = world.stop_service(service).await;
        assert_eq!(status.code(), Some(0), "{service}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_and_a_wrong_word_end_with_64_before_anything_is_started() {
    let world = World::start(Shape::One).await;
    for (arguments, said) in [
        (&["serve", "intake", "--config", "nowhere.toml"][..], "nowhere.toml"),
        (&["serve", "matching"][..], "matching"),
        (&["up", "--http", "here"][..], "--http"),
    ] {
        let output = world.run(arguments).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
    }
}
