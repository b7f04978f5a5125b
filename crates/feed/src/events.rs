//! `GET /api/v1/events?after=&filter=` and the live stream `GET /api/v1/events/stream?filter=`.

use domain::ledger::AggregateId;
use domain::rights::place_of;
use journal::Recorded;
use projection::key;
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::sse::LastEventId;
use service::{Problem, Site, Verb};

use desk::{Caller, Failure, ViewState, read_problem};

use crate::filter::Filter;
use crate::index::{MARKS, Mark};
use crate::live::{self, Message, Tale};
use crate::source::Source;

/// How many positions are looked at for one page or one step of a stream, whatever the filter.
const LOOKED_AT_MAX: usize = 10_000;
/// How many events a step of a stream reads at once.
const STEP: usize = 128;

/// That a household was erased.
const ERASED: &str = "household.erased";

pub(crate) fn routes(site: Site, source: Source) -> Site {
    let filter = "type:referral.*,territory:33,ledger:household/33-…: all that are given must hold, types are alternatives.";
    let page = Operation::get(
        "/api/v1/events",
        "events",
        crate::NAME,
        "Les événements après une position, dans l'ordre.",
    )
    .right("event", "list", Verb::Read);
    let page = live::after_a_position(page)
        .query_parameter("filter", Schema::Text, filter)
        .problems([Kind::BrokerUnreachable])
        .answer(
            200,
            "CloudEvents 1.0 in structured form, personal values sealed; the cursor to go on from.",
            Schema::named("Events"),
            None,
        );
    let stream = Operation::get(
        "/api/v1/events/stream",
        "events-stream",
        crate::NAME,
        "Les événements en direct, sans en manquer un.",
    )
    .right("event", "follow", Verb::Follow);
    let stream = live::from_now_on(stream)
        .query_parameter("filter", Schema::Text, filter)
        .live("CloudEvents 1.0, one a message; `id` is the position.");
    site.operation(page, events, source.clone()).operation(stream, stream_of, source).document(|api| {
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
    /// What the caller means to let through.
    fn filter(&self, caller: &Caller) -> Result<Filter, Problem> {
        let filter = self.filter.as_deref().unwrap_or_default();
        let filter = filter.parse::<Filter>().map_err(|error| {
            Problem::new(Kind::MalformedQuery).detail(error.to_string()).member("parameter", "filter")
        })?;
        Ok(filter.understood(&caller.names))
    }
}

async fn events(
    State(source): State<Source>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let filter = asked.filter(&caller)?;
    let after = asked.after.unwrap_or(0);
    let (found, state) = {
        let view = source.reading.page(at_least).await?;
        (look(&view, after, &filter, page.limit)?, ViewState::of(&view))
    };
    let events = source.bodies(&found.marks).await?;
    let events = source.shown(&caller, events)?;
    let events: Vec<_> = events.into_iter().map(|(_, _, event)| event).collect();
    Ok(state.answer(&json!({ "events": events, "cursor": found.cursor, "view": state })))
}

/// The positions after `after` that pass, and how far they were looked for.
pub(crate) struct Found {
    pub(crate) marks: Vec<(u64, AggregateId)>,
    pub(crate) cursor: u64,
}

pub(crate) fn look(
    view: &projection::Page,
    after: u64,
    filter: &Filter,
    limit: usize,
) -> Result<Found, Problem> {
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
    pub(crate) async fn bodies(&self, marks: &[(u64, AggregateId)]) -> Result<Vec<Recorded>, Problem> {
        let positions: Vec<_> = marks.iter().map(|(position, _)| *position).collect();
        self.desk.journal().at(&positions).await.map_err(read_problem)
    }
}

impl Source {
    /// Those of these events that the caller may know of, as `CloudEvents` in structured form, each with its position and
    /// kind: as much of each as the caller's row shows now.
    fn shown(&self, caller: &Caller, events: Vec<Recorded>) -> Result<Vec<Message>, Problem> {
        let page = self.reading.now()?;
        let mut shown = Vec::with_capacity(events.len());
        for event in events {
            if let Some(structured) = self.told(&page, caller, &event)? {
                shown.push((event.position, event.kind.clone(), structured));
            }
        }
        Ok(shown)
    }

    /// One event as `page` shows it to the caller; nothing if it is not the caller's to know.
    pub(crate) fn told(
        &self,
        page: &projection::Page,
        caller: &Caller,
        event: &Recorded,
    ) -> Result<Option<Value>, Problem> {
        let body = event.value().unwrap_or(Value::Null);
        let shown = self.body_shown(page, caller, event, body)?;
        Ok(shown.map(|body| {
            let mut structured = event.structured();
            structured["data"] = body;
            structured
        }))
    }

    /// The body of one event as the caller may see it; nothing if the event is not the caller's to know.
    fn body_shown(
        &self,
        page: &projection::Page,
        caller: &Caller,
        event: &Recorded,
        body: Value,
    ) -> Result<Option<Value>, Problem> {
        match event.ledger {
            AggregateId::Household(id) => {
                let Some(seen) = known(self.desk.see(page, caller, id, None))? else {
                    // Whoever was told of it before is told that it is erased, and nothing else.
                    let told = event.kind == ERASED && self.desk.is_told_of_erasure(page, caller, id)?;
                    return Ok(told.then(|| json!({})));
                };
                let about = seen.household().and_then(|is| place_of(&body, is));
                let shown = self.desk.event_shown(caller, &seen, &event.kind, body, about);
                Ok(shown.map(|shown| shown.value))
            }
            AggregateId::Place(id) => {
                let Some(provider) = desk::provider(page, id)? else { return Ok(None) };
                self.supply_shown(page, caller, &event.ledger, provider, body)
            }
            AggregateId::Structure(_) => {
                let found = desk::folded(page, &event.ledger)?;
                match found.as_deref().and_then(|found| found.state.structure()?.profile()) {
                    Some(profile) => self.supply_shown(page, caller, &event.ledger, profile.provider, body),
                    None => Ok(None),
                }
            }
            AggregateId::Inquiry(id) => self.inquiry_told(page, caller, id, body),
            // Who may do what is nobody's feed.
            AggregateId::Organisation(_) | AggregateId::User(_) | AggregateId::Subscription(_) => Ok(None),
        }
    }

    /// An event of a place or a structure, without the households that it names if they are not the caller's to know.
    fn supply_shown(
        &self,
        page: &projection::Page,
        caller: &Caller,
        ledger: &AggregateId,
        provider: domain::id::OrganisationId,
        mut body: Value,
    ) -> Result<Option<Value>, Problem> {
        let at = self.desk.circumstances(ledger.territory());
        if !desk::supply_seen(caller, ledger.territory(), provider, at) {
            return Ok(None);
        }
        self.desk.without_unseen(page, caller, &mut body)?;
        Ok(Some(body))
    }
}

/// What was seen; nothing if it does not exist for the caller.
pub(crate) fn known<T>(seen: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match seen {
        Ok(seen) => Ok(Some(seen)),
        Err(problem) if problem.kind() == Kind::UnknownId => Ok(None),
        Err(problem) => Err(problem),
    }
}

async fn stream_of(
    State(source): State<Source>,
    caller: Caller,
    last: Option<LastEventId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let filter = asked.filter(&caller)?;
    let after = live::start(last, asked.after, source.view.position())?;
    live::open(Filtered { source, filter }, caller, after)
}

/// Events that a filter lets through, live.
struct Filtered {
    source: Source,
    filter: Filter,
}

impl Tale for Filtered {
    fn source(&self) -> &Source {
        &self.source
    }

    async fn after(&self, caller: &Caller, cursor: u64) -> Result<(Vec<Message>, u64), Problem> {
        let found = look(&self.source.reading.now()?, cursor, &self.filter, STEP)?;
        let events = self.source.bodies(&found.marks).await?;
        Ok((self.source.shown(caller, events)?, found.cursor))
    }
}
