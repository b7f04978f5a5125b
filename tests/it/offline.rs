//! Verbs that work on the data of an instance that does not run, and a simulation asked of one that does.

use serde_json::Value;
use tests::{Shape, World, bodies, broker_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_without_an_instance_is_told_and_nothing_is_made_there() {
    let mut world = World::start(Shape::One).await;
    world.caller().register(&bodies::household("Martin")).await;
    world.stop_program().await;
    for verb in [&["rebuild"][..], &["export", "rows", "intake"][..]] {
        let output = world.run(&[verb, &["--data", "mistyped"]].concat()).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("there is no instance") && said.contains("--data"), "{said}");
        assert!(!world.dir().join("mistyped").exists());
    }
    let data = world.data();
    let data = data.to_str().unwrap();
    let rebuilt = world.run(&["rebuild", "intake", "--data", data]).await;
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let rows = world.run(&["export", "rows", "intake", "--data", data]).await;
    assert!(rows.status.success() && rows.stdout.starts_with(b"position "));
    assert!(broker_of(&world.broker_dir()).is_none(), "no broker is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_instance_takes_a_simulated_territory() {
    let world = World::start(Shape::One).await;
    let base = world.base("intake");
    let arguments =
        ["simulate", "--territory", "33", "--households", "100", "--years", "1", "--json", "--to", &base];
    let output = world.run_with(&world.administrator(), &arguments).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let taken = figures["instance"]["taken"].as_u64().unwrap();
    let refused: u64 =
        figures["instance"]["refused"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert!(taken > 100 && refused * 2 < taken, "{figures}");
    let registered = world.caller().events(0, "type:household.registered").await;
    assert_eq!(registered.len(), 100, "{said}");
}
