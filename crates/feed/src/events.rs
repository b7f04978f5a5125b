//! `GET /api/v1/events?after=&filter=` and the live stream `GET /api/v1/events/stream?filter=`.

use std::time::Duration;

use domain::ledger::AggregateId;
use futures_util::stream::{self, Stream};
use journal::{Journal, Recorded};
use projection::{Handle as View, key};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Caller, Page, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::sse::{Event, LastEventId, Streams};
use service::{Problem, Site};

use desk::{Failure, Reading, ViewState, read_problem};

use crate::filter::Filter;
use crate::index::{MARKS, Mark};

/// How many positions are looked at for one page or one step of a stream, whatever the filter.
const LOOKED_AT_MAX: usize = 10_000;
/// How many events a step of a stream reads at once.
const STEP: usize = 128;
/// How long a stream waits for the next event before it looks again.
const IDLE: Duration = Duration::from_secs(5);

/// Where events are read from.
#[derive(Clone)]
pub(crate) struct Source {
    journal: Journal,
    reading: Reading,
    view: View,
    streams: Streams,
}

impl Source {
    pub(crate) fn new(journal: Journal, reading: Reading, view: View, streams: Streams) -> Self {
        Self { journal, reading, view, streams }
    }
}

pub(crate) fn routes(site: Site, source: Source) -> Site {
    let filter = "type:referral.*,territory:33,ledger:household/33-…: all that are given must hold, types are alternatives.";
    let page = Operation::get(
        "/api/v1/events",
        "events",
        crate::NAME,
        "Les événements après une position, dans l'ordre.",
    )
    .view()
    .query_parameter("limit", Schema::Count, "How many at most, from 1.")
    .query_parameter("after", Schema::Count, "The last position that is known; 0 for none.")
    .query_parameter("filter", Schema::Text, filter)
    .problems([Kind::ListTooLong, Kind::BrokerUnreachable])
    .answer(
        200,
        "CloudEvents 1.0 in structured form, personal values sealed; the cursor to go on from.",
        Schema::named("Events"),
        None,
    );
    let live = Operation::get(
        "/api/v1/events/stream",
        "events-stream",
        crate::NAME,
        "Les événements en direct, sans en manquer un.",
    )
    .query_parameter("after", Schema::Count, "The last position that is known; from now on if absent.")
    .query_parameter("filter", Schema::Text, filter)
    .live("CloudEvents 1.0, one a message; `id` is the position.");
    site.operation(page, events, source.clone()).operation(live, stream_of, source).document(|api| {
        api.schema("Events", json!({
            "type": "object",
            "required": ["events", "cursor", "view"],
            "properties": {
                "events": { "type": "array", "items": { "type": "object", "description": "A CloudEvent 1.0." } },
                "cursor": { "type": "integer", "description": "Pass it as after: everything up to it was looked at." },
                "view": { "$ref": "#/components/schemas/View" }
            }
        }))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    after: Option<u64>,
    filter: Option<String>,
}

impl Asked {
    fn filter(&self) -> Result<Filter, Problem> {
        self.filter.as_deref().unwrap_or_default().parse().map_err(|error: crate::filter::NotAFilter| {
            Problem::new(Kind::MalformedQuery).detail(error.to_string()).member("parameter", "filter")
        })
    }
}

async fn events(
    State(source): State<Source>,
    _: Caller,
    at_least: AtLeast,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let filter = asked.filter()?;
    let after = asked.after.unwrap_or(0);
    let (found, state) = {
        let view = source.reading.page(at_least).await?;
        (look(&view, after, &filter, page.limit)?, ViewState::of(&view))
    };
    let events = source.bodies(&found.marks).await?;
    let events: Vec<_> = events.iter().map(structured).collect();
    Ok(state.answer(&json!({ "events": events, "cursor": found.cursor, "view": state })))
}

/// The positions after `after` that pass, and how far they were looked for.
struct Found {
    marks: Vec<(u64, AggregateId)>,
    cursor: u64,
}

fn look(view: &projection::Page, after: u64, filter: &Filter, limit: usize) -> Result<Found, Problem> {
    let (mut marks, mut cursor) = (Vec::new(), after);
    let rows = view.range(MARKS, &key::of(&after.saturating_add(1)), None).map_err(Failure)?;
    for row in rows.take(LOOKED_AT_MAX) {
        let (at, value) = row.map_err(Failure)?;
        let Some(position) = key::read::<u64>(&at) else { continue };
        cursor = position;
        let mark: Mark = serde_json::from_slice(&value).map_err(Problem::internal)?;
        if filter.passes(&mark) {
            marks.push((position, mark.ledger));
        }
        if marks.len() == limit {
            break;
        }
    }
    Ok(Found { marks, cursor })
}

impl Source {
    /// The events at these positions, in their order.
    async fn bodies(&self, marks: &[(u64, AggregateId)]) -> Result<Vec<Recorded>, Problem> {
        let positions: Vec<_> = marks.iter().map(|(position, _)| *position).collect();
        self.journal.at(&positions).await.map_err(read_problem)
    }
}

/// A `CloudEvent` in structured form, with its position.
fn structured(event: &Recorded) -> Value {
    event.structured()
}

async fn stream_of(
    State(source): State<Source>,
    _: Caller,
    last: Option<LastEventId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let filter = asked.filter()?;
    let after = match last {
        Some(LastEventId(id)) => id.parse().map_err(|_| {
            Problem::new(Kind::MalformedHeader)
                .detail("last-event-id must be sent once, as the id of an event of this stream")
                .member("header", "last-event-id")
                .member("expected", "the id of an event of this stream")
        })?,
        None => asked.after.unwrap_or_else(|| source.view.position()),
    };
    let streams = source.streams.clone();
    streams.open(live(source, filter, after))
}

/// Events after `cursor`, as they come. Nothing is lost when the reader is slow: it is read only as fast as it reads.
fn live(source: Source, filter: Filter, cursor: u64) -> impl Stream<Item = Result<Event, String>> + Send {
    let start = (source, filter, cursor, Vec::<Recorded>::new());
    stream::try_unfold(start, |(source, filter, mut cursor, mut ready)| async move {
        loop {
            if let Some(event) = ready.pop() {
                let data = structured(&event);
                let sent = Event::new(event.position.to_string(), event.kind.as_str(), &data)
                    .map_err(|e| e.to_string())?;
                return Ok(Some((sent, (source, filter, cursor, ready))));
            }
            source.view.reached(cursor.saturating_add(1), IDLE).await;
            let found = {
                let page = source.reading.now().map_err(|e| e.code().to_owned())?;
                look(&page, cursor, &filter, STEP).map_err(|e| e.code().to_owned())?
            };
            cursor = found.cursor;
            ready = source.bodies(&found.marks).await.map_err(|e| e.code().to_owned())?;
            ready.reverse();
        }
    })
}
