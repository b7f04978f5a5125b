//! A partner's program: started, told what to do, listened to.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{client, install};

/// How long a step of a partner may take on a machine that is busy.
const STEP: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
    Rust,
}

impl Language {
    pub(super) const ALL: [Self; 3] = [Self::Python, Self::JavaScript, Self::Rust];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Rust => "rust",
        }
    }
}

pub(super) struct Driver {
    pub(super) language: Language,
    told: mpsc::Sender<Value>,
    said: mpsc::Receiver<(Instant, Value)>,
    process: Option<Child>,
    last: Instant,
    last_said: Value,
}

/// Where the partners' scripts are.
pub(super) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/partners")
}

impl Driver {
    /// Starts a partner in its role, or says why this machine cannot.
    pub(super) async fn start(language: Language, role: &Value, dir: &Path) -> Result<Self, String> {
        let (told, orders) = mpsc::channel::<Value>(8);
        let (says, said) = mpsc::channel(1024);
        let mut process = None;
        if language == Language::Rust {
            tokio::spawn(client::run(role.clone(), orders, says));
        } else {
            let installed = tokio::task::spawn_blocking(move || match language {
                Language::Python => install::python(&scripts()),
                Language::JavaScript => install::javascript(&scripts()),
                Language::Rust => unreachable!("it is part of this program"),
            });
            let installed = installed.await.unwrap()?;
            let mut role = role.clone();
            role["modules"] = json!(installed.modules);
            let file = dir.join(format!("{}.role.json", language.name()));
            std::fs::write(&file, role.to_string()).unwrap();
            let mut command = Command::new(&installed.program);
            command.arg(installed.script).arg(&file).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.kill_on_drop(true).spawn().map_err(|why| why.to_string())?;
            tokio::spawn(write(child.stdin.take().unwrap(), orders));
            tokio::spawn(read(child.stdout.take().unwrap(), says));
            process = Some(child);
        }
        Ok(Self { language, told, said, process, last: Instant::now(), last_said: Value::Null })
    }

    pub(super) async fn tell(&mut self, what: Value) {
        self.told.send(what).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let heard = timeout(STEP, self.said.recv()).await;
        let (name, last) = (self.language.name(), &self.last_said);
        let heard = heard.unwrap_or_else(|_| panic!("{name} says nothing after {last}"));
        let (at, said) = heard.unwrap_or_else(|| panic!("{name} has ended after {last}"));
        (self.last, self.last_said) = (at, said.clone());
        said
    }

    /// When what was heard last was said.
    pub(super) fn last_heard(&self) -> Instant {
        self.last
    }

    /// Waits until it is `at` a step.
    pub(super) async fn expect(&mut self, at: &str) -> Value {
        let said = self.hear().await;
        assert_eq!(said["at"], json!(at), "{}: {said}", self.language.name());
        said
    }

    /// What became of each attack.
    pub(super) async fn verdicts(&mut self) -> Vec<Value> {
        let mut verdicts = Vec::new();
        loop {
            let said = self.hear().await;
            if said["at"] == json!("attacked") {
                assert_eq!(said["connected"], json!(true), "{} was there to the end", self.language.name());
                return verdicts;
            }
            verdicts.push(said);
        }
    }

    pub(super) async fn end(mut self) {
        self.tell(json!({ "do": "end" })).await;
        if let Some(mut process) = self.process.take() {
            timeout(STEP, process.wait()).await.unwrap().unwrap();
        }
    }
}

async fn write(mut stdin: tokio::process::ChildStdin, mut orders: mpsc::Receiver<Value>) {
    while let Some(order) = orders.recv().await {
        if stdin.write_all(format!("{order}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stdout: tokio::process::ChildStdout, says: mpsc::Sender<(Instant, Value)>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        if says.send((Instant::now(), said)).await.is_err() {
            return;
        }
    }
}
