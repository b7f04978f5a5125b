use std::sync::Arc;
use std::time::Duration;

use reqwest::header;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::axum::Extension;
use service::axum::http::request::Parts;
use service::axum::response::Html;
use service::extract::{IdempotencyKey, IfMatch, Json, Page, Path, etag};
use service::http::{Admission, Admitted, Counted};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Gate, Needs, Problem, Site, Verb};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::{Running, problem, settings};

/// Who asks, as the header says: this door believes everybody but nobody.
#[derive(Debug, Clone)]
struct Caller(String);

struct Door;

impl Gate for Door {
    fn admit(&self, mut head: Parts, needs: Needs, _: Counted) -> Admitted<'_> {
        Box::pin(async move {
            assert!(
                matches!(needs, Needs::Right { on: "household", .. }),
                "only what needs something comes here"
            );
            let given = head.headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
            match given.map(str::to_owned) {
                None => Err(Problem::new(Kind::SignInNeeded)),
                Some(name) if name == "nobody" => Err(Problem::new(Kind::NotAllowed).member("role", name)),
                Some(name) => {
                    head.extensions.insert(Caller(name));
                    Ok(Admission { head, cookie: None, wording: None })
                }
            }
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Propose {
    place: String,
    #[serde(default)]
    notes: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Recorded {
    actor: String,
    place: String,
    notes: usize,
    key: Option<String>,
}

/// An id as the domain writes them.
#[derive(Debug)]
struct HouseholdId;

impl<'de> Deserialize<'de> for HouseholdId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.starts_with("33-") {
            return Ok(Self);
        }
        Err(serde::de::Error::custom(format!("« {text} » is not a HouseholdId such as 33-0192f1c2")))
    }
}

async fn propose(
    Path(_household): Path<HouseholdId>,
    Extension(Caller(actor)): Extension<Caller>,
    key: Option<IdempotencyKey>,
    version: Option<IfMatch>,
    Json(command): Json<Propose>,
) -> Result<impl service::axum::response::IntoResponse, Problem> {
    match version {
        Some(IfMatch { version }) if version != 7 => return Err(Problem::stale_version(version, 7)),
        Some(_) | None => {}
    }
    if command.place == "taken" {
        return Err(Problem::refused_now("place-taken", "INV-2", "Cette place est déjà occupée."));
    }
    let key = key.map(|IdempotencyKey(key)| key);
    let recorded = Recorded { actor, place: command.place, notes: command.notes.len(), key };
    Ok(([etag(8)], Json(recorded)))
}

async fn households(page: Page) -> Json<usize> {
    Json(page.limit)
}

async fn broken() -> Result<(), Problem> {
    Err(anyhow::anyhow!("the secret is 42").context("cannot read a row").into())
}

#[expect(clippy::panic, reason = "what is tested is that the service survives it")]
async fn panicking() {
    panic!("a value of a person");
}

fn site() -> Site {
    let propose_at = "/api/v1/households/{id}/propose-referral";
    Site::new("intake")
        .behind(Arc::new(Door))
        .operation(
            Operation::post(propose_at, "proposeReferral", "intake", "Propose")
                .command()
                .right("household", "propose-referral", Verb::Command)
                .path_parameter("id", Schema::Text, "The household."),
            propose,
            (),
        )
        .operation(
            Operation::get("/api/v1/households", "listHouseholds", "intake", "List").list().open_to_all(),
            households,
            (),
        )
        .operation(Operation::get("/api/v1/broken", "break", "intake", "Break").open_to_all(), broken, ())
        .operation(
            Operation::get("/api/v1/panicking", "panic", "intake", "Panic").open_to_all(),
            panicking,
            (),
        )
        .page(
            &page("/page"),
            || async { ([(header::CACHE_CONTROL, "max-age=60")], Html("<p>Bonjour</p>")) },
            (),
        )
}

/// A page for everybody.
fn page(path: &'static str) -> Operation {
    Operation::get(path, "page", "intake", "Page").open_to_all()
}

async fn running() -> Running {
    Running::start(&settings(), |_| site()).await
}

impl Running {
    fn command(&self, id: &str) -> reqwest::RequestBuilder {
        let url = self.url(&format!("/api/v1/households/{id}/propose-referral"));
        self.client.post(url).header("Authorization", "agent-12")
    }
}

#[tokio::test]
async fn a_command_is_answered_with_its_version() {
    let service = running().await;
    let command = service.command("33-a").header("Idempotency-Key", "k1").header("If-Match", "\"7\"");
    let answer = command.json(&json!({ "place": "p" })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["etag"], "\"8\"");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "actor": "agent-12", "place": "p", "notes": 0, "key": "k1" }));
    service.stop().await;
}

#[tokio::test]
async fn each_no_of_a_command_has_its_own_status_and_code() {
    let service = running().await;
    let good = json!({ "place": "p" });
    let sent = |command: reqwest::RequestBuilder| async { command.send().await.unwrap() };

    let body =
        problem(sent(service.command("33-a").json(&json!({ "place": "taken" }))).await, 409, "place-taken")
            .await;
    assert_eq!((&body["rule"], &body["detail"]), (&json!("INV-2"), &json!("Cette place est déjà occupée.")));

    let body = problem(
        sent(service.command("33-a").header("If-Match", "6").json(&good)).await,
        412,
        "stale-version",
    )
    .await;
    assert_eq!((&body["expected"], &body["found"]), (&json!(6), &json!(7)));

    let body = problem(sent(service.command("Dupont").json(&good)).await, 400, "malformed-id").await;
    assert_eq!(
        (&body["parameter"], &body["expected"]),
        (&json!("id"), &json!("a HouseholdId such as 33-0192f1c2"))
    );

    let body =
        problem(sent(service.command("33-a").json(&json!({ "plce": 1 }))).await, 400, "malformed-body").await;
    assert_eq!(body["pointer"], "/plce");
    assert!(body["detail"].as_str().unwrap().contains("unknown field `plce`"), "{body}");

    let deep = format!("{{\"place\":\"p\",\"notes\":{}1{}}}", "[".repeat(8), "]".repeat(8));
    let json_type = (header::CONTENT_TYPE, "application/json");
    let command = service.command("33-a").header(json_type.0.clone(), json_type.1).body(deep);
    let body = problem(sent(command).await, 400, "too-deep").await;
    assert_eq!(body["bound"], json!({ "name": "http.json_depth_max", "value": 8, "unit": "levels" }));

    problem(sent(service.command("33-a").body("{}")).await, 415, "unsupported-media-type").await;
    let command = service.command("33-a").header("Idempotency-Key", "two words").json(&good);
    problem(sent(command).await, 400, "malformed-header").await;

    let unsigned =
        || service.client.post(service.url("/api/v1/households/33-a/propose-referral")).json(&good);
    problem(sent(unsigned()).await, 401, "sign-in-needed").await;
    let forbidden = unsigned().header("Authorization", "nobody");
    assert_eq!(problem(sent(forbidden).await, 403, "not-allowed").await["role"], "nobody");
    service.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_the_bound_however_it_is_sent() {
    let service = running().await;
    let bound = json!({ "name": "http.body_bytes_max", "value": 2048, "unit": "bytes" });
    for size in [2_049, 200_000, 20_000_000] {
        let command = service.command("33-a").json(&json!({ "place": "x".repeat(size) }));
        // A caller that announces more than is thrown away may be cut off while it still sends.
        let Ok(answer) = command.send().await else {
            assert!(size > 8_000_000);
            continue;
        };
        assert_eq!(problem(answer, 413, "body-too-large").await["bound"], bound);
    }
    // Without announcing its size.
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = "POST /api/v1/households/33-a/propose-referral HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Authorization: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        stream.write_all(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("body-too-large"), "{answer}");
    service.stop().await;
}

#[tokio::test]
async fn a_list_longer_than_the_bound_is_refused_with_the_bound() {
    let service = running().await;
    assert_eq!(service.get("/api/v1/households").await.text().await.unwrap(), "10");
    let body = problem(service.get("/api/v1/households?limit=11").await, 400, "list-too-long").await;
    assert_eq!(body["bound"], json!({ "name": "limits.list_max", "value": 10, "unit": "rows" }));
    service.stop().await;
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let service = running().await;
    problem(service.get("/api/v1/nothing").await, 404, "unknown-path").await;
    problem(service.get("/").await, 404, "unknown-path").await;
    let answer = service.client.delete(service.url("/api/v1/households")).send().await.unwrap();
    assert_eq!(answer.headers()["allow"], "GET,HEAD");
    problem(answer, 405, "method-not-allowed").await;
    let answer = service.client.post(service.url("/healthz")).send().await.unwrap();
    problem(answer, 405, "method-not-allowed").await;
    service.stop().await;
}

#[tokio::test]
async fn a_fault_of_ours_is_a_problem_that_says_nothing_of_the_inside() {
    let service = running().await;
    for path in ["/api/v1/broken", "/api/v1/panicking"] {
        let body = problem(service.get(path).await, 500, "internal").await.to_string();
        assert!(!body.contains("secret") && !body.contains("person") && !body.contains("row"), "{body}");
    }
    assert_eq!(service.get("/healthz").await.status(), 200);
    service.stop().await;
}

#[tokio::test]
async fn an_answer_stays_in_the_trace_of_its_request() {
    let service = running().await;
    let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let traced =
        |value: &str| service.client.get(service.url("/healthz")).header("traceparent", value).send();
    let answer = traced(sent).await.unwrap();
    let answered = answer.headers()["traceparent"].to_str().unwrap();
    assert_eq!((&answered[..36], &answered[52..]), (&sent[..36], "-01"));
    assert_ne!(answered[36..52], sent[36..52]);
    let answer = traced("00-00000000000000000000000000000000-00f067aa0ba902b7-01").await.unwrap();
    let answered: Result<service::TraceContext, _> =
        answer.headers()["traceparent"].to_str().unwrap().parse();
    assert!(answered.is_ok());
    service.stop().await;
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_browsers_obey() {
    let service = running().await;
    for path in
        ["/api/v1/households", "/api/v1/nothing", "/api/v1/panicking", "/healthz", "/metrics", "/page"]
    {
        let answer = service.get(path).await;
        let cached = if path == "/page" { "max-age=60" } else { "no-store" };
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", cached),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers().get(name).unwrap(), value, "{name} of {path}");
        }
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        // What may be loaded falls back to the first; where it may be framed and what its addresses begin with does not.
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]
        {
            assert!(policy.contains(part), "{part} of {path}");
        }
        // No other site may read an answer.
        assert!(answer.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
        assert!(!answer.headers().contains_key("strict-transport-security"));
    }
    let by_tls =
        service.client.get(service.url("/page")).header("x-forwarded-proto", "https").send().await.unwrap();
    assert!(by_tls.headers().contains_key("strict-transport-security"));
    service.stop().await;
}

#[tokio::test]
async fn a_method_that_only_echoes_is_not_known() {
    let service = running().await;
    for method in ["TRACE", "TRACK", "CONNECT-ME"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = service.client.request(method, service.url("/api/v1/households")).send().await.unwrap();
        problem(answer, 405, "method-not-allowed").await;
    }
    service.stop().await;
}

#[tokio::test]
async fn more_requests_from_one_address_than_the_bound_are_told_when_to_come_back() {
    let mut settings = settings();
    (settings.http.per_address_max, settings.http.trusted_proxies) = (3, vec!["127.0.0.1".parse().unwrap()]);
    let service = Running::start(&settings, |_| site()).await;
    let from = |address: &'static str| {
        service.client.get(service.url("/page")).header("x-forwarded-for", address).send()
    };
    for host in ["203.0.113.1", "203.0.113.2", "6.6.6.6, 203.0.113.3"] {
        assert_eq!(from(host).await.unwrap().status(), 200, "{host}");
    }
    let answer = from("203.0.113.4").await.unwrap();
    // A third of a minute fills in one request, and some of it has passed.
    assert_eq!(answer.headers().get_all("retry-after").iter().count(), 1);
    let wait: u32 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let body = problem(answer, 429, "too-many-requests").await;
    assert_eq!(body["bound"], json!({ "name": "http.per_address_max", "value": 3, "unit": "a minute" }));
    assert_eq!(from("198.51.100.1").await.unwrap().status(), 200, "somebody else");
    service.stop().await;
}

#[tokio::test]
async fn whom_a_stranger_says_it_asks_for_is_not_believed() {
    let mut settings = settings();
    settings.http.per_address_max = 2;
    let service = Running::start(&settings, |_| site()).await;
    let from = |address: &'static str| {
        service.client.get(service.url("/page")).header("x-forwarded-for", address).send()
    };
    assert_eq!(from("203.0.113.1").await.unwrap().status(), 200);
    assert_eq!(from("198.51.100.1").await.unwrap().status(), 200);
    problem(from("192.0.2.1").await.unwrap(), 429, "too-many-requests").await;
    service.stop().await;
}

/// Two routes: one that waits until it is told, one that answers.
fn waiting_site(told: &Arc<Notify>, begun: &Arc<Notify>) -> Site {
    let (told, begun) = (Arc::clone(told), Arc::clone(begun));
    let wait = || async move {
        begun.notify_one();
        told.notified().await;
        "done"
    };
    Site::new("intake").page(&page("/wait"), wait, ()).page(&page("/quick"), || async { "quick" }, ())
}

#[tokio::test]
async fn more_requests_at_once_than_the_bound_are_refused_at_once_and_health_is_not_concerned() {
    let (told, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut settings = settings();
    settings.http.concurrency_max = 1;
    let service = Running::start(&settings, |_| waiting_site(&told, &begun)).await;
    let waiting = tokio::spawn(service.client.get(service.url("/wait")).send());
    begun.notified().await;
    let answer = service.get("/quick").await;
    assert_eq!(answer.headers()["retry-after"], "1");
    let body = problem(answer, 503, "too-busy").await;
    assert_eq!(body["bound"], json!({ "name": "http.concurrency_max", "value": 1, "unit": "requests" }));
    assert_eq!(service.get("/healthz").await.status(), 200);
    told.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    assert_eq!(service.get("/quick").await.status(), 200);
    service.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_with_the_bound() {
    let (told, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut settings = settings();
    settings.http.request_timeout_s = 1;
    let service = Running::start(&settings, |_| waiting_site(&told, &begun)).await;
    let body = problem(service.get("/wait").await, 503, "timed-out").await;
    assert_eq!(body["bound"], json!({ "name": "http.request_timeout_s", "value": 1, "unit": "s" }));
    service.stop().await;
}

#[tokio::test]
async fn a_caller_that_sends_its_body_drop_by_drop_does_not_hold_a_place_for_ever() {
    let mut settings = settings();
    settings.http.request_timeout_s = 1;
    let service = Running::start(&settings, |_| site()).await;
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = "POST /api/v1/households/33-a/propose-referral HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Authorization: a\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 2048];
    let read =
        tokio::time::timeout(Duration::from_secs(20), stream.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("timed-out"), "{answer}");
    service.stop().await;
}
