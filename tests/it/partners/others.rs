//! The same with the clients of other languages, each of which tries the attacks that are known.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tests::{PATIENCE, Shape, World, root, until};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::install::{self, Installed};
use super::software::{Software, Told};
use super::{Kind, OTHER, admitted, house, over_http, partner, succeeded};

fn scripts() -> PathBuf {
    root().join("crates/journal/tests/partners")
}

/// A partner's script that runs.
struct Script {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Script {
    fn start(name: &str, installed: &Installed, world: &World, told: &Told, messages: usize) -> Self {
        let stranger = world.dir().join(format!("{name}.stranger.nk"));
        let pair = journal::accounts::Pair::generate(journal::accounts::KeyKind::User).unwrap();
        std::fs::write(&stranger, pair.seed().unwrap().as_bytes()).unwrap();
        let role = json!({
            "url": told.url, "ca": null, "mode": "embedded", "messages": messages,
            "attacks": scripts().join("attacks.json"), "modules": installed.modules,
            "credentials": { "own": told.credentials, "stranger": stranger },
            "names": { "A": told.account, "B": OTHER, "CORE": OTHER, "SERVER": "N", "FORGED": "e30.e30.e30" },
        });
        let file = world.dir().join(format!("{name}.role.json"));
        std::fs::write(&file, role.to_string()).unwrap();
        let mut command = Command::new(&installed.program);
        command
            .arg(&installed.script)
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { _child: child, input, output: BufReader::new(output).lines() }
    }

    async fn tell(&mut self, what: &Value) {
        self.input.write_all(format!("{what}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("it says something").unwrap();
        serde_json::from_str(&line.expect("it goes on")).unwrap()
    }
}

async fn tried_with(name: &str, install: fn(&std::path::Path) -> Result<Installed, String>) {
    let installed = tokio::task::spawn_blocking(move || install(&scripts())).await.unwrap();
    let installed = match installed {
        Ok(installed) => installed,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{name} cannot be tried: {why}");
            eprintln!("skipped: partners that use {name}: {why}");
            return;
        }
    };
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let told = admitted(&world, &caller).await;
    let _ = caller.vacant("social_dwelling", 4).await;
    let expected = over_http(&caller, caller.seen()).await;
    let mut script = Script::start(name, &installed, &world, &told, expected.len());
    assert_eq!(script.hear().await["at"], "subscribed");
    let reader = Software::connect(&told).await.unwrap();
    let waiting = async || reader.reader().await.cached_info().num_pending;
    until("its feed is written", || async { waiting().await == u64::try_from(expected.len()).unwrap() })
        .await;
    drop(reader);
    let before = house(&world, &told).await;
    script.tell(&json!({ "do": "go" })).await;
    let own = script.hear().await;
    let read: Vec<Value> = own["feed"].as_array().unwrap().iter().map(parsed).collect();
    assert_eq!(read, expected, "{name} reads its feed");
    assert_eq!(own["receipt"]["code"], "malformed-body", "a problem as over HTTP: {own}");
    let mut tried = 0;
    loop {
        let verdict = script.hear().await;
        if verdict["at"] == "attacked" {
            assert_eq!(verdict["connected"], true);
            break;
        }
        assert_eq!(verdict["refused"], true, "{name}: {verdict}");
        tried += 1;
    }
    assert!(tried > 45, "{tried} attacks");
    assert_eq!(house(&world, &told).await, before, "the house is as it was");
    let landlord = caller.parties().the(Kind::SocialLandlord).organisation.clone();
    succeeded(&partner(&world, "revoke", &landlord, &[]).await);
    assert_eq!(script.hear().await["at"], "cut");
    script.tell(&json!({ "do": "again" })).await;
    assert_eq!(script.hear().await["connected"], false);
    script.tell(&json!({ "do": "end" })).await;
    eprintln!("{name}: {tried} attacks, none passed");
}

fn parsed(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landlord_that_uses_python_has_its_own_row_and_nothing_else() {
    tried_with("python", install::python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landlord_that_uses_javascript_has_its_own_row_and_nothing_else() {
    tried_with("javascript", install::javascript).await;
}
