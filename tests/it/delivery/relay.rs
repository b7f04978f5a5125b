//! A real mail relay, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tests::{PATIENCE, root};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::partners::install::python_script;

/// Who signs in, and with what.
const USER: &str = "continuum";
const PASSWORD: &str = "relais de courrier";
/// Whom mail is from.
pub(super) const FROM: &str = "continuum@siao33.example";

/// A relay that runs.
pub(super) struct Relay {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    dir: PathBuf,
    port: u64,
}

impl Relay {
    /// A relay whose files lie in `dir`; nothing where it cannot be installed and need not be.
    pub(super) async fn start(dir: &Path) -> Option<Self> {
        let scripts = root().join("tests/it/delivery/relay");
        let installed = tokio::task::spawn_blocking(move || python_script(&scripts, "relay", "relay.py"));
        let installed = match installed.await.unwrap() {
            Ok(installed) => installed,
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "mail cannot be tried: {why}");
                eprintln!("skipped: mail: {why}");
                return None;
            }
        };
        certify(dir);
        std::fs::write(dir.join("password"), format!("{PASSWORD}\n")).unwrap();
        let role = json!({
            "cert": dir.join("relay.pem"), "key": dir.join("relay.key"), "user": USER, "password": PASSWORD
        });
        let mut child = Command::new(&installed.program)
            .arg(&installed.script)
            .arg(role.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let output = BufReader::new(output).lines();
        let mut relay = Self { _child: child, input, output, dir: dir.to_owned(), port: 0 };
        relay.port = relay.hears().await["port"].as_u64().unwrap();
        Some(relay)
    }

    /// The variables under which mail goes through it.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let file = |name: &str| self.dir.join(name).to_str().unwrap().to_owned();
        let all = [
            ("CONTINUUM_FEED__MAIL__RELAY", "localhost".to_owned()),
            ("CONTINUUM_FEED__MAIL__PORT", self.port.to_string()),
            ("CONTINUUM_FEED__MAIL__USER", USER.to_owned()),
            ("CONTINUUM_FEED__MAIL__PASSWORD_FILE", file("password")),
            ("CONTINUUM_FEED__MAIL__FROM", FROM.to_owned()),
            ("CONTINUUM_FEED__MAIL__LINK", "https://continuum.example/abonnements/{subscription}".to_owned()),
            ("SSL_CERT_FILE", file("authority.pem")),
        ];
        all.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    /// What it says next.
    async fn hears(&mut self) -> Value {
        let line =
            timeout(PATIENCE, self.output.next_line()).await.expect("the relay says something").unwrap();
        serde_json::from_str(&line.expect("the relay goes on")).unwrap()
    }

    /// The next mail that it is handed, whatever it answers.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            let said = self.hears().await;
            if said["from"].is_string() {
                return said;
            }
        }
    }

    /// How it answers from now on: `take`, `later`, `never`.
    pub(super) async fn answers(&mut self, manner: &str) {
        self.input.write_all(format!("{manner}\n").as_bytes()).await.unwrap();
        while self.hears().await["manner"] != manner {}
    }
}

/// An authority, and what it vouches for under the name `localhost`.
fn certify(dir: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
    write("authority.pem", root.pem());
    write("relay.pem", leaf.pem());
    write("relay.key", key.serialize_pem());
}
