//! Live streams: server-sent events that can be resumed, are counted and bounded, and end when the service does.
//!
//! **Invariant.** `id:` is a cursor: a client that comes back with `Last-Event-ID` misses nothing and sees nothing twice.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::future::ready;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::config::Limits;
use crate::lifecycle::Stop;
use crate::metrics::{Held, names};
use crate::problem::{Bound, Kind, Problem};

/// The header with which a client says how far it has read.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How often something is sent when nothing happens: proxies close what is silent, and a client that is gone is noticed.
pub const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a client waits before it comes back, as it is told.
pub const RETRY: Duration = Duration::from_secs(2);

/// The longest id of an event, in characters: that of a cursor.
const ID_MAX: usize = 1_024;

/// One event of a live stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    id: String,
    name: String,
    data: String,
}

/// Why something cannot be sent as an event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// An id or a name goes on one line of visible ASCII.
    #[error("the {part} of an event must be 1 to {ID_MAX} visible ASCII characters")]
    NotOnALine {
        /// `id` or `name`.
        part: &'static str,
    },
    /// The data cannot be written as JSON.
    #[error("the data of an event cannot be written as JSON")]
    Data(#[from] serde_json::Error),
}

impl Event {
    /// An event. `id` is the cursor after it, `name` its kind (`referral.proposed`), `data` is sent as JSON.
    ///
    /// # Errors
    ///
    /// [`EventError`]
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        data: &impl Serialize,
    ) -> Result<Self, EventError> {
        let (id, name) = (id.into(), name.into());
        for (part, text) in [("id", &id), ("name", &name)] {
            if !(1..=ID_MAX).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(EventError::NotOnALine { part });
            }
        }
        // JSON written by serde_json holds no line break.
        Ok(Self { id, name, data: serde_json::to_string(data)? })
    }

    fn into_frame(self) -> Frame {
        Frame::default().id(self.id).event(self.name).data(self.data)
    }
}

/// How far a client that comes back has read. Taken as `Option<LastEventId>`; anything else than one visible line is
/// refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub String);

impl<S: Sync> OptionalFromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let Some(given) = parts.headers.get(LAST_EVENT_ID) else { return Ok(None) };
        match given.to_str() {
            Ok(id) if (1..=ID_MAX).contains(&id.len()) => Ok(Some(Self(id.to_owned()))),
            Ok(_) | Err(_) => Err(Problem::new(Kind::MalformedHeader)
                .detail("last-event-id must be the id of an event of this stream")
                .member("header", LAST_EVENT_ID.as_str())
                .member("expected", "the id of an event of this stream")),
        }
    }
}

/// The live streams of a service: so many at once, until it stops. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub struct Streams {
    service: &'static str,
    free: Arc<Semaphore>,
    max: u32,
    stop: Stop,
}

impl Streams {
    /// The streams of `service`, at most `limits.stream_clients_max` at once, that end when `stop` is asked for.
    #[must_use]
    pub fn new(service: &'static str, limits: &Limits, stop: Stop) -> Self {
        let max = limits.stream_clients_max;
        let free = Arc::new(Semaphore::new(usize::try_from(max).unwrap_or(usize::MAX)));
        Self { service, free, max, stop }
    }

    /// The answer that sends `events` as they come. The stream is polled only as fast as the client reads; it is dropped
    /// when the client is gone or the service stops. When it ends or fails, the client comes back by itself with the id
    /// of the last event it saw; a failure is logged.
    ///
    /// # Errors
    ///
    /// [`Kind::TooManyStreams`] when all places are taken.
    pub fn open<S, E>(&self, events: S) -> Result<Response, Problem>
    where
        S: Stream<Item = Result<Event, E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            let bound = Bound { name: "limits.stream_clients_max", value: self.max.into(), unit: "streams" };
            return Err(Problem::bound(Kind::TooManyStreams, bound));
        };
        let held = (place, Held::one_more(names::STREAMS, self.service));
        let service = self.service;
        let frames = events
            .scan((), move |(), event| {
                let frame = event.map(Event::into_frame);
                let frame =
                    frame.inspect_err(|error| tracing::warn!(service, %error, "a live stream ends: {error}"));
                ready(frame.ok())
            })
            .take_until(self.stop.stopping_owned())
            .map(move |frame| {
                let _ = &held;
                Ok::<_, Infallible>(frame)
            });
        let begun = stream::once(async { Ok(Frame::default().comment("open").retry(RETRY)) });
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("still here");
        let mut response = Sse::new(begun.chain(frames)).keep_alive(keep_alive).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Proxies of the nginx family would otherwise hold events back until a buffer is full.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_fits_its_lines() {
        assert!(Event::new("c1", "referral.proposed", &"a\nb").is_ok());
        for (id, name) in [("", "x"), ("a\nb", "x"), ("a", "x y"), ("a", "é")] {
            assert!(
                matches!(Event::new(id, name, &1), Err(EventError::NotOnALine { .. })),
                "{id:?} {name:?}"
            );
        }
    }
}
