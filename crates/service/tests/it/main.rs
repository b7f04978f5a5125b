//! The surface of a service over real sockets: what each no looks like, what is bounded, and how it stops.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod drain;
mod health;
mod oidc;
mod oidc_fake;
mod oidc_node;
mod oidc_wrong_answers;
mod refusals;
mod streams;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;
use service::config::{Http, Limits, Settings, Sources, load};
use service::{Handle, Server, Site, Stop, Tasks};

/// Longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shipped settings on a free port, with small bounds.
fn settings() -> Settings {
    let mut settings: Settings = load("intake", &Sources::default()).unwrap();
    settings.http = Http {
        address: "127.0.0.1:0".parse().unwrap(),
        body_bytes_max: 2_048,
        json_depth_max: 8,
        request_timeout_s: 20,
        concurrency_max: 8,
        shutdown_grace_s: 10,
        ..settings.http
    };
    settings.limits = Limits { list_max: 10, wait_ms_max: 100, stream_clients_max: 2, ..settings.limits };
    settings
}

/// A service that runs for the length of a test.
struct Running {
    address: SocketAddr,
    handle: Handle,
    client: Client,
}

impl Running {
    async fn start(settings: &Settings, site: impl FnOnce(&Stop) -> Site) -> Self {
        let mut tasks = Tasks::new("intake", &Stop::new(), settings.http.shutdown_grace());
        let server = Server::bind(&settings.http, &settings.limits).await.unwrap();
        let address = server.address();
        let site = site(&tasks.stop());
        tasks.front("http", |stop| server.serve(site, stop));
        let handle = tasks.into_handle(Some(address));
        Self { address, handle, client: Client::builder().timeout(PATIENCE).build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn stop(self) {
        self.handle.stop();
        self.handle.join().await.unwrap();
    }
}

/// The answer must be this problem; returns its body.
async fn problem(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let trace = response.headers()["traceparent"].to_str().unwrap()[3..35].to_owned();
    assert_eq!(response.status(), status);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("urn:continuum:problem:{code}"));
    assert_eq!(body["instance"], format!("urn:continuum:trace:{trace}"));
    body
}
