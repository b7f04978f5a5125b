//! What happens to every request, whatever the service: outermost first, a trace and a count, headers that browsers
//! obey, a rate for where it comes from, a panic that becomes a problem, a place among those served at once, a time to be done in, bounds.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response as HttpResponse, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use super::address::{Addresses, within_rate};
use crate::config::Http;
use crate::extract::Bounds;
use crate::metrics::{self, Held, names};
use crate::problem::{Bound, Kind, Problem};
use crate::telemetry::{TRACEPARENT, TraceContext};

/// Headers of every answer that does not set them itself. Pages set their own content policy and caching; what is not a
/// page may load nothing and be kept nowhere.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Sent where a proxy says that the caller came by TLS; RFC 6797 forbids it otherwise.
const TRANSPORT_SECURITY: &str = "max-age=31536000; includeSubDomains";

/// The layers of all routes, those of health included.
pub(super) fn around_all(router: Router, service: &'static str, http: &Http) -> Router {
    router
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(Addresses::new(http), within_rate))
        .layer(from_fn(with_headers))
        .layer(from_fn_with_state(service, traced))
}

/// The layers of the routes of the service.
pub(super) fn around_service(router: Router, http: &Http, bounds: Bounds) -> Router {
    let body_bytes_max = usize::try_from(bounds.body_bytes_max).unwrap_or(usize::MAX);
    router
        .layer(axum::Extension(bounds))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(http.request_timeout_s, within_time))
        .layer(from_fn_with_state(Places::new(http.concurrency_max), with_a_place))
}

/// Nothing is at this path.
pub(super) async fn unknown_path() -> Problem {
    Problem::new(Kind::UnknownPath)
}

/// The path does not know this method; axum adds the `Allow` header.
pub(super) async fn unknown_method() -> Problem {
    Problem::new(Kind::MethodNotAllowed)
}

async fn traced(State(service): State<&'static str>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let context = TraceContext::of_request(request.headers());
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", |path| path.as_str()).to_owned();
    let span = tracing::error_span!(
        "request", service, method, route, trace_id = %context.trace_id(), span_id = %context.span_id()
    );
    let under_way = Held::one_more(names::HTTP_UNDER_WAY, service);
    request.extensions_mut().insert(context);
    let mut response = context.scope(next.run(request)).instrument(span.clone()).await;
    drop(under_way);
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    span.in_scope(|| {
        let duration_ms = took.as_secs_f64() * 1_000.0;
        if route.starts_with("/api/v1") {
            tracing::info!(status, duration_ms, "{method} {route} answered {status}");
        } else {
            tracing::debug!(status, duration_ms, "{method} {route} answered {status}");
        }
    });
    metrics::request(service, route, method, status, took);
    if let Ok(value) = HeaderValue::try_from(context.to_header()) {
        response.headers_mut().insert(TRACEPARENT, value);
    }
    response
}

/// A method as a label: callers may invent methods, the label has a few values.
fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| method.as_str() == *known).unwrap_or("OTHER")
}

async fn with_headers(request: Request, next: Next) -> Response {
    let by_tls = request.headers().get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if by_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT_SECURITY));
    }
    response
}

/// The log already has the place of the panic; what it said stays out of the answer.
fn answer_panic(_: Box<dyn Any + Send>) -> HttpResponse<Body> {
    Problem::new(Kind::Internal).into_response()
}

/// The places of requests served at once.
#[derive(Clone)]
struct Places {
    free: Arc<Semaphore>,
    max: u32,
}

impl Places {
    fn new(max: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(usize::try_from(max).unwrap_or(usize::MAX))), max }
    }
}

async fn with_a_place(State(places): State<Places>, request: Request, next: Next) -> Response {
    let Ok(_place) = places.free.try_acquire() else {
        let bound = Bound { name: "http.concurrency_max", value: places.max.into(), unit: "requests" };
        return Problem::bound(Kind::TooBusy, bound).into_response();
    };
    next.run(request).await
}

async fn within_time(State(seconds): State<u32>, request: Request, next: Next) -> Response {
    let time = Duration::from_secs(seconds.into());
    tokio::time::timeout(time, next.run(request)).await.unwrap_or_else(|_| {
        let bound = Bound { name: "http.request_timeout_s", value: seconds.into(), unit: "s" };
        Problem::bound(Kind::TimedOut, bound).into_response()
    })
}
