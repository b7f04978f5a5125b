//! Whether the process turns, whether it is ready, and what it counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;
use serde_json::{Value, json};

use crate::extract::Json;
use crate::lifecycle::Stop;
use crate::metrics::{self, Registry};
use crate::openapi::{HEALTH, METRICS, OPENAPI, READY};
use crate::problem::{Kind, Problem};

/// How long a check may take; one that takes longer has not passed.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Something that must hold for a service to be ready: the broker answers, a view is not too far behind.
#[derive(Clone)]
pub struct Check {
    name: String,
    probe: Probe,
}

impl Check {
    /// A check named `name`. `probe` is asked each time `/readyz` is; it answers, or says in a sentence why not. The
    /// sentence is shown to whoever asks: no personal data, no secrets.
    #[must_use]
    pub fn new<P, F>(name: impl Into<String>, probe: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name: name.into(), probe: Arc::new(move || probe().boxed()) }
    }

    pub(super) fn of_service(self, service: &str) -> Self {
        Self { name: format!("{service}: {}", self.name), ..self }
    }

    async fn verdict(&self, service: &'static str) -> Verdict {
        let reason = match tokio::time::timeout(CHECK_TIMEOUT, (self.probe)()).await {
            Ok(Ok(())) => None,
            Ok(Err(reason)) => Some(reason),
            Err(_) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
        };
        metrics::readiness(service, self.name.clone(), reason.is_none());
        Verdict { name: self.name.clone(), ready: reason.is_none(), reason }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Verdict {
    name: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What the routes of this file know.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) service: &'static str,
    pub(super) checks: Arc<[Check]>,
    pub(super) stop: Stop,
    pub(super) registry: &'static Registry,
    /// The description of the API, as text.
    pub(super) document: Bytes,
}

pub(super) fn routes(health: Health) -> Router {
    Router::new()
        .route(HEALTH, get(healthy))
        .route(READY, get(ready))
        .route(METRICS, get(counted))
        .route(OPENAPI, get(documented))
        .with_state(health)
}

/// It answers, so it turns.
async fn healthy(State(health): State<Health>) -> Json<Value> {
    Json(json!({ "service": health.service, "healthy": true }))
}

async fn ready(State(health): State<Health>) -> Result<Json<Value>, Problem> {
    let mut verdicts = join_all(health.checks.iter().map(|check| check.verdict(health.service))).await;
    if health.stop.is_stopping() {
        let reason = Some("asked to stop".to_owned());
        verdicts.push(Verdict { name: "running".to_owned(), ready: false, reason });
    }
    let failing: Vec<_> =
        verdicts.iter().filter(|verdict| !verdict.ready).map(|verdict| verdict.name.as_str()).collect();
    if failing.is_empty() {
        return Ok(Json(json!({ "service": health.service, "ready": true, "checks": verdicts })));
    }
    Err(Problem::new(Kind::NotReady)
        .detail(format!("not ready: {}", failing.join(", ")))
        .member("service", health.service)
        .member("checks", json!(verdicts)))
}

async fn counted(State(health): State<Health>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.registry.render())
        .into_response()
}

async fn documented(State(health): State<Health>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], health.document).into_response()
}
