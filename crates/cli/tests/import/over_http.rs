//! The same over real sockets: a server with the manners of the services, the real client, the verb itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use cli::import::http::Instance;
use cli::import::plan::Outgoing;
use cli::import::{Answer, Import, Kind, Stopped, Target, Unreachable, Verdict, send};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::http::HeaderMap;
use service::axum::http::{StatusCode, Uri};
use service::axum::response::{IntoResponse, Response};
use service::config::{Settings, Sources, load};
use service::extract::{IdempotencyKey, Json};
use service::openapi::Operation;
use service::{Handle, Problem, Server, Site, Stop, Tasks};

use super::memory::Memory;
use super::{memory, organisation, plan};

const HOUSEHOLDS: &str =
    "ménage;nom;prénom;date de naissance;sexe\nM-1;A;Un;01/01/1980;F\nM-2;B;Deux;01/01/1980;M\n";

/// An instance behind a real server, which is out of order for its first answers.
struct Serving {
    address: SocketAddr,
    handle: Handle,
    instance: Arc<Memory>,
}

#[derive(Clone)]
struct Desk {
    instance: Arc<Memory>,
    out_of_order: Arc<AtomicUsize>,
}

async fn take(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    key: Option<IdempotencyKey>,
    Json(body): Json<Value>,
) -> Result<Response, Problem> {
    assert_eq!(headers["authorization"], "Bearer secret");
    let left = desk.out_of_order.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() {
        return Err(Problem::contended(5));
    }
    match desk.instance.take(uri.path(), &key.unwrap().0, body) {
        Ok(repeated) => Ok(Json(json!({ "id": "33", "repeated": repeated })).into_response()),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap();
            let body = Json(json!({ "code": problem.code, "detail": problem.detail }));
            Ok((status, [("content-type", "application/problem+json")], body).into_response())
        }
    }
}

impl Serving {
    async fn start(out_of_order: usize) -> Self {
        let mut settings: Settings = load("intake", &Sources::default()).unwrap();
        settings.http.address = "127.0.0.1:0".parse().unwrap();
        let instance = Arc::new(memory());
        let desk =
            Desk { instance: instance.clone(), out_of_order: Arc::new(AtomicUsize::new(out_of_order)) };
        let every = Operation::post("/api/v1/{*path}", "take", "intake", "Take").open_to_all();
        let site = Site::new("intake").page(&every, take, desk);
        let mut tasks = Tasks::new("intake", &Stop::new(), settings.http.shutdown_grace());
        let server = Server::bind(&settings.http, &settings.limits).await.unwrap();
        let address = server.address();
        tasks.front("http", |stop| server.serve(site, stop));
        Self { address, handle: tasks.into_handle(Some(address)), instance }
    }

    fn client(&self) -> Instance {
        client(&format!("http://{}/", self.address))
    }

    async fn stop(self) {
        self.handle.stop();
        self.handle.join().await.unwrap();
    }
}

fn client(base: &str) -> Instance {
    Instance::at(base, Some("secret")).unwrap()
}

#[tokio::test]
async fn lines_are_taken_over_http_and_asked_again_when_the_instance_says_so() {
    let serving = Serving::start(3).await;
    let (report, stopped) = send(plan(Kind::Households, HOUSEHOLDS).plan, &serving.client(), |_| {}).await;
    assert_eq!((report.counts().created, stopped), (2, None));
    let (report, _) = send(plan(Kind::Households, HOUSEHOLDS).plan, &serving.client(), |_| {}).await;
    assert_eq!((report.counts().already, serving.instance.households()), (2, 2));
    serving.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_answer_stops_the_import_and_no_line_is_called_refused() {
    // Nothing listens on a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (report, stopped) =
        send(plan(Kind::Households, HOUSEHOLDS).plan, &client(&format!("http://{free}")), |_| {}).await;
    assert!(matches!(stopped, Some(Stopped::Unavailable(_))), "{stopped:?}");
    assert_eq!(report.counts().not_asked, 2);
}

/// An instance that is gone after its first answer.
struct Dying {
    instance: Memory,
    answered: AtomicUsize,
}

impl Target for Dying {
    async fn send(&self, request: &Outgoing) -> Result<Answer, Unreachable> {
        match self.answered.fetch_add(1, Ordering::SeqCst) {
            0 => self.instance.send(request).await,
            _ => Err(Unreachable("gone".to_owned())),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_was_done_in_part_when_the_instance_went_is_told_so() {
    let target = Dying { instance: memory(), answered: AtomicUsize::new(0) };
    let text = "ménage;nom;prénom;date de naissance;sexe;volet;situation;motif de la demande\nM-1;A;Un;01/01/1980;F;Insertion;À la rue;Dort dans la rue\n";
    let (report, stopped) = send(plan(Kind::Households, text).plan, &target, |_| {}).await;
    assert!(matches!(stopped, Some(Stopped::Unavailable(_))), "{stopped:?}");
    assert_eq!(report.lines[&2], Verdict::CutShort(vec!["ménage enregistré"]));
}

#[tokio::test]
async fn something_else_that_answers_is_told_apart_from_an_instance() {
    let serving = Serving::start(0).await;
    let beside = client(&format!("http://{}/elsewhere", serving.address));
    let (report, stopped) = send(plan(Kind::Households, HOUSEHOLDS).plan, &beside, |_| {}).await;
    assert!(matches!(stopped, Some(Stopped::Misaddressed(_))), "{stopped:?}");
    assert_eq!((report.counts().not_asked, serving.instance.events()), (2, 0));
    for bad in ["", "ftp://x", "http://", "127.0.0.1:8080"] {
        assert!(Instance::at(bad, None).is_err(), "{bad}");
    }
    serving.stop().await;
}

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    import: Import,
}

async fn run(arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let own = ["import"].iter().chain(arguments);
    Program::try_parse_from(own)?.import.run().await
}

async fn imported(serving: &Serving, file: &Path) -> ExitCode {
    let (to, organisation) = (format!("http://{}", serving.address), organisation().to_string());
    let file = file.to_str().unwrap();
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "secret\n").unwrap();
    let token = secret.path().to_str().unwrap();
    let own = ["households", file, "--to", &to, "--organisation", &organisation, "--token-file", token];
    run(&own).await.unwrap()
}

#[tokio::test]
async fn the_verb_ends_with_0_when_all_was_taken_and_with_2_when_some_was_refused() {
    let serving = Serving::start(0).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ménages.csv");
    std::fs::write(&file, HOUSEHOLDS.replace("01/01/1980;M", "01/13/1980;M")).unwrap();
    assert_eq!(imported(&serving, &file).await, ExitCode::from(2));
    let refused = directory.path().join("ménages.csv.refused.csv");
    let text = std::fs::read_to_string(&refused).unwrap();
    assert_eq!(text.lines().count(), 2);
    std::fs::write(&refused, text.replace("01/13/1980", "01/12/1980")).unwrap();
    assert_eq!(imported(&serving, &refused).await, ExitCode::SUCCESS);
    assert_eq!(serving.instance.households(), 2);
    serving.stop().await;
}

#[tokio::test]
async fn a_rehearsal_sends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.csv");
    std::fs::write(&file, HOUSEHOLDS).unwrap();
    let organisation = organisation().to_string();
    let arguments = ["households", file.to_str().unwrap(), "--dry-run", "--organisation", &organisation];
    assert_eq!(run(&arguments).await.unwrap(), ExitCode::SUCCESS);
    assert!(run(&["households", "--template"]).await.is_ok());
    assert!(run(&["sne", "--template"]).await.is_err());
    assert!(run(&["households", "--columns"]).await.is_ok());
    assert!(run(&["households", "x.csv", "--organisation", &organisation]).await.is_err(), "no instance");
}
