//! The page for partners' developers: each of its examples runs as it stands there, against the whole product.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use domain::organisation::OrganisationKind as Kind;
use feed::webhook::sign::{ID, Received, SIGNATURE, TIMESTAMP};
use feed::webhook::{Keys, MessageId, Secret};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Deserializer, Value, json};
use service::Edge;
use tests::{Caller, Shape, World, root};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::install::{self, Installed};
use super::software::Told;
use super::{admitted, over_http, position};

/// How long an example may run: curl notices that nobody reads a stream any more when the stream says that it still is there.
const EXAMPLE: std::time::Duration = std::time::Duration::from_secs(180);

/// The example of this name.
fn example(name: &str) -> String {
    let page = std::fs::read_to_string(root().join("deploy/PARTNERS.md")).unwrap();
    let (_, after) =
        page.split_once(&format!("<!-- run: {name} -->\n```")).unwrap_or_else(|| panic!("no {name}"));
    let (code, _) = after.split_once("\n```").unwrap();
    code.split_once('\n').unwrap().1.to_owned() + "\n"
}

/// What runs a script of this language; nothing where this machine has not got it and nobody insists.
async fn interpreter(
    language: &'static str,
    installed: fn(&Path) -> Result<Installed, String>,
) -> Option<Installed> {
    let scripts = root().join("crates/journal/tests/partners");
    match tokio::task::spawn_blocking(move || installed(&scripts)).await.unwrap() {
        Ok(installed) => Some(installed),
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{language} cannot be tried: {why}");
            eprintln!("{language} is not tried: {why}");
            None
        }
    }
}

/// Writes a script beside the libraries that it uses.
fn written(home: &Path, code: &str, ending: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().prefix("page-").suffix(ending).tempfile_in(home).unwrap();
    std::fs::write(file.path(), code).unwrap();
    file
}

/// Runs a program to its end: what it prints.
async fn ran(mut command: Command, input: &str) -> String {
    let piped =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(EXAMPLE, child.wait_with_output()).await.expect("an example ends").unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    said
}

/// What a developer was handed.
struct Handed {
    site: String,
    told: Told,
    token: PathBuf,
}

impl Handed {
    fn to(&self, mut command: Command, dwelling: &str) -> Command {
        command
            .env("SITE", &self.site)
            .env("TOKEN_FILE", &self.token)
            .env("BROKER", &self.told.url)
            .env("ACCOUNT", &self.told.account)
            .env("CREDENTIALS", &self.told.credentials)
            .env("DWELLING", dwelling);
        command
    }
}

/// The subscription is opened, what became of two dwellings is read after a cursor, and the stream goes on behind the first.
async fn with_curl(handed: &Handed) {
    let mut shell = Command::new("bash");
    shell.args(["--noprofile", "--norc", "-e", "-c", &example("curl")]);
    let printed = ran(handed.to(shell, ""), "").await;
    let printed: Vec<Value> = Deserializer::from_str(&printed)
        .into_iter()
        .collect::<Result<_, _>>()
        .expect("JSON alone is printed");
    let [page, after, resumed] = printed.as_slice() else { panic!("{printed:#?}") };
    let [first, second] = page["events"].as_array().unwrap().as_slice() else { panic!("{page}") };
    for event in [first, second] {
        assert_eq!(event["type"], "placement.available", "{event}");
    }
    assert_eq!(after["events"], json!([]));
    assert_eq!(resumed, second);
}

/// Reads what an example says of events: position and type.
fn lines(printed: &str) -> Vec<(u64, String)> {
    let line = |line: &str| {
        let (position, kind) = line.split_once(' ').unwrap();
        (position.parse().unwrap(), kind.to_owned())
    };
    printed.lines().map(line).collect()
}

/// One partner after the other declares a dwelling vacant and reads on in the one feed.
async fn on_the_broker(caller: &Caller, handed: &Handed, dwellings: &[String; 3]) {
    let mut read = Vec::new();
    if let Some(python) = interpreter("python", install::python).await {
        let script = written(&python.modules, &example("python"), ".py");
        let mut command = Command::new(&python.program);
        command.arg(script.path());
        read.extend(lines(&ran(handed.to(command, &dwellings[0]), "").await));
    }
    if let Some(javascript) = interpreter("javascript", install::javascript).await {
        let script = written(&javascript.modules, &example("javascript"), ".mjs");
        let mut command = Command::new(&javascript.program);
        command.arg(script.path());
        read.extend(lines(&ran(handed.to(command, &dwellings[1]), "").await));
    }
    let source = std::fs::read_to_string(root().join("tests/examples/partner.rs")).unwrap();
    assert_eq!(example("rust"), source, "tests/examples/partner.rs is the example of the page");
    let program = tokio::task::spawn_blocking(|| tests::example("partner")).await.unwrap();
    read.extend(lines(&ran(handed.to(Command::new(program), &dwellings[2]), "").await));

    let last = read.last().unwrap().0;
    let known = over_http(caller, last).await;
    let known: Vec<(u64, String)> =
        known.iter().map(|event| (position(event), event["type"].as_str().unwrap().to_owned())).collect();
    assert_eq!(read, known, "each event once, in order, whoever reads on");
    assert!(known.iter().filter(|(_, kind)| kind == "vacancy.declared").count() >= 3);
}

async fn every_example_runs(shape: Shape) {
    let world = World::start(shape).await;
    let caller = world.caller();
    let told = admitted(&world, &caller).await;
    let landlord = &caller.parties().the(Kind::SocialLandlord).organisation;
    let token = world.dir().join("handed-over").join(format!("{landlord}.token"));
    let handed = Handed { site: world.base("feed"), told, token };
    let building = caller.structure("social_dwelling").await;
    let mut dwellings = Vec::new();
    for _ in 0..5 {
        dwellings.push(caller.place(&building, "social_dwelling", 4).await);
    }
    for dwelling in dwellings.drain(..2) {
        caller.act(&format!("dwellings/{dwelling}"), "declare-vacancy", &json!({})).await;
    }
    with_curl(&handed).await;
    on_the_broker(&caller, &handed, &dwellings.try_into().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_page_for_partners_developers_runs_on_one_machine() {
    every_example_runs(Shape::One).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_page_for_partners_developers_runs_on_a_shared_broker() {
    every_example_runs(Shape::Five).await;
}

/// A message as a receiver may get it, and whether our own verifier believes it.
fn messages() -> Vec<(Value, bool)> {
    let [mine, former, other] = [7_u8, 8, 9].map(|byte| Secret::of(&[byte; 32]).unwrap());
    let id: MessageId = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W".parse().unwrap();
    let body = r#"{"type":"placement.available","label":"Été"}"#.as_bytes();
    let now = Edge::system().now();
    let ago = |seconds| now - SignedDuration::from_secs(seconds);
    let turning = Keys::Turning { new: mine.clone(), old: former.clone() };
    let one = |secret: &Secret| Keys::One(secret.clone());
    let mut changed = body.to_vec();
    changed[3] ^= 1;
    let later = one(&mine).sign(&id, ago(0), body);
    let cases = [
        (&mine, &id, ago(0), body, one(&mine).sign(&id, ago(0), body)),
        (&mine, &id, ago(0), body, turning.sign(&id, ago(0), body)),
        (&former, &id, ago(0), body, turning.sign(&id, ago(0), body)),
        (&mine, &id, ago(0), body, format!("v1a,bm90IG91cnM= {later}")),
        (&mine, &id, ago(250), body, one(&mine).sign(&id, ago(250), body)),
        (&mine, &id, ago(600), body, one(&mine).sign(&id, ago(600), body)),
        (&mine, &id, ago(-600), body, one(&mine).sign(&id, ago(-600), body)),
        (&mine, &id, ago(1), body, later.clone()),
        (&mine, &id, ago(0), &changed, later.clone()),
        (&other, &id, ago(0), body, later.clone()),
        (&mine, &id, ago(0), body, later.replace("v1,", "v2,")),
        (&mine, &"msg_other".parse().unwrap(), ago(0), body, later),
    ];
    let case = |(secret, id, at, body, signature): (&Secret, &MessageId, Timestamp, &[u8], String)| {
        let timestamp = at.as_second().to_string();
        let received = Received { id: id.as_str(), timestamp: &timestamp, signature: &signature };
        let believed = received.verify(secret, body, now).is_ok();
        let headers = json!({ ID: id.as_str(), TIMESTAMP: timestamp, SIGNATURE: signature });
        let body = data_encoding::HEXLOWER.encode(body);
        (json!({ "secret": secret.reveal().as_str(), "headers": headers, "body": body }), believed)
    };
    cases.into_iter().map(case).collect()
}

/// The lines of the page, given one message after the other.
async fn agrees(mut command: Command, script: &Path) {
    command.arg(script);
    let messages = messages();
    let input: String = messages.iter().map(|(message, _)| format!("{message}\n")).collect();
    let said: Vec<bool> = ran(command, &input).await.lines().map(|line| line == "true").collect();
    let ours: Vec<bool> = messages.iter().map(|(_, believed)| *believed).collect();
    assert_eq!(said, ours);
    assert_eq!(ours.iter().filter(|believed| **believed).count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_lines_believe_a_webhook_when_our_own_verifier_does_and_otherwise_not() {
    if let Some(python) = interpreter("python", install::python).await {
        let asked = "\nimport json, sys\nfor line in sys.stdin:\n    one = json.loads(line)\n    \
                     print(str(is_genuine(one['secret'], one['headers'], bytes.fromhex(one['body']))).lower())\n";
        let script = written(&python.modules, &(example("verify-python") + asked), ".py");
        agrees(Command::new(&python.program), script.path()).await;
    }
    if let Some(javascript) = interpreter("javascript", install::javascript).await {
        let asked = "\nimport { createInterface } from \"node:readline\";\n\
                     for await (const line of createInterface({ input: process.stdin })) {\n  const one = JSON.parse(line);\n  \
                     console.log(isGenuine(one.secret, one.headers, Buffer.from(one.body, \"hex\")));\n}\n";
        let script = written(&javascript.modules, &(example("verify-javascript") + asked), ".mjs");
        agrees(Command::new(&javascript.program), script.path()).await;
    }
}
