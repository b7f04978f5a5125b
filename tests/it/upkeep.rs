//! What an operator does with an instance that stands still: verifies it, rotates its keys, backs it up, restores it.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tests::{Process, Shape, World, bodies, program};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_verified_rotated_backed_up_and_goes_on_elsewhere() {
    let mut world = World::start(Shape::One).await;
    let caller = world.caller();
    let household = caller.register(&bodies::household("Lefort")).await;
    let before = caller.get(&format!("/api/v1/households/{household}")).await.body;
    world.stop_program().await;
    let data = world.data().display().to_string();

    let whole = verified(&world.run(&["doctor", "--verify", "--json", "--data", &data]).await);
    assert_eq!((&whole["whole"], &whole["damages"]), (&Value::Bool(true), &Value::from(0)), "{whole}");
    let head = whole["head"].as_str().unwrap().to_owned();

    let rotated = world.run(&["key", "rotate", "--by", "astreinte-7", "--data", &data]).await;
    assert!(rotated.status.success(), "{}", said(&rotated));
    let listed = world.run(&["key", "list", "--data", &data]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.starts_with("epoch 2 is in force\n"), "{listed}");
    assert!(listed.contains(" epoch 2 by astreinte-7: "), "{listed}");

    let backup = world.run(&["backup", "--to", "backup", "--data", &data]).await;
    assert!(backup.status.success(), "{}", said(&backup));
    let again = world.run(&["backup", "--to", "backup", "--data", &data]).await;
    assert!(again.status.code() == Some(1) && said(&again).contains("is not empty"), "{}", said(&again));

    let keys = format!("{data}/keys/kek");
    let restored = world.run(&["restore", "backup", "--data", "elsewhere", "--keys", &keys]).await;
    assert!(restored.status.success(), "{}", said(&restored));
    // The head that was kept apart proves that the copy is no shorter.
    let there = ["doctor", "--verify", "--json", "--data", "elsewhere", "--anchor", &head];
    let whole = verified(&world.run(&there).await);
    assert_eq!(whole["whole"], true, "{whole}");

    let elsewhere = world.dir().join("elsewhere");
    let process = up(&world, &elsewhere).await;
    let moved = tests::Caller::of(process.base(), caller.parties().clone()).await;
    let after = moved.get(&format!("/api/v1/households/{household}")).await.body;
    assert_eq!(after["file"], before["file"], "the same file, opened with the same keys");
    assert!(after["file"]["composition"].to_string().contains("Lefort"), "{after}");
    process.terminate().await;

    // One byte of what was recorded is changed behind the broker's back.
    damage(&elsewhere.join("broker"), household.as_bytes());
    let damaged = world.run(&["doctor", "--verify", "--data", "elsewhere"]).await;
    assert_eq!(damaged.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&damaged.stdout).contains("!!"), "{}", said(&damaged));
    assert!(said(&damaged).contains("damaged"), "{}", said(&damaged));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_too_small_to_show_anything_is_refused_before_anything_is_made() {
    let world = World::start(Shape::Five).await;
    let arguments = ["up", "--demo", "--demo-households", "60", "--data", "small"];
    let refused = world.run(&arguments).await;
    assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
    assert!(said(&refused).contains("60 is not in 100..=1000000"), "{}", said(&refused));
    assert!(!world.dir().join("small").exists());
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn verified(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

async fn up(world: &World, data: &Path) -> Process {
    let mut command = tokio::process::Command::new(program());
    command.current_dir(world.dir()).args(["up", "--http", "127.0.0.1:0", "--data"]).arg(data);
    Process::start(command, &world.dir().join("logs").join("elsewhere.log")).await
}

/// Changes the last byte of the first `words` in the files of messages under `dir`.
fn damage(dir: &Path, words: &[u8]) {
    let mut directories = vec![dir.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "blk") {
                let mut bytes = std::fs::read(&path).unwrap();
                let found = bytes.windows(words.len()).position(|window| window == words);
                if let Some(at) = found.filter(|_| path.to_string_lossy().contains("JOURNAL")) {
                    bytes[at + words.len() - 1] ^= 1;
                    return std::fs::write(&path, bytes).unwrap();
                }
            }
        }
    }
    panic!("nothing to damage");
}
