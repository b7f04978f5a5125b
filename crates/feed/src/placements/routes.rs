//! `GET /api/v1/placements`, `…/events?after=` and `…/stream`.

use domain::placement::{Placement, Wants};
use projection::Page as View;
use serde::Serialize;
use serde_json::json;
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Query as Parameters};
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::sse::LastEventId;
use service::{Problem, Site, Verb};

use desk::{Caller, Failure, ViewState};
use domain::ledger::AggregateId;

use super::asked::{Asked, filtered};
use super::{LOOKED_AT_MAX, Live, Query, preview, view};
use crate::live;
use crate::source::Source;

pub(crate) fn routes(site: Site, source: Source) -> Site {
    let list = Operation::get("/api/v1/placements", "placements", crate::NAME, "Ce qui est disponible.")
        .list()
        .right("placement", "list", Verb::Read)
        .problems([Kind::RefusedAlways])
        .answer(200, "What is available, by ledger.", Schema::named("Placements"), None);
    let page = Operation::get(
        "/api/v1/placements/events",
        "placement-events",
        crate::NAME,
        "Ce que devient ce qui est disponible, après une position, dans l'ordre.",
    )
    .right("placement", "list", Verb::Read);
    let page = live::after_a_position(page).problems([Kind::RefusedAlways]).answer(
        200,
        "CloudEvents 1.0 in structured form; the cursor to go on from.",
        Schema::named("PlacementEvents"),
        None,
    );
    let stream = Operation::get(
        "/api/v1/placements/stream",
        "placements-stream",
        crate::NAME,
        "Ce que devient ce qui est disponible, en direct, sans en manquer.",
    )
    .right("placement", "follow", Verb::Follow);
    let stream = live::from_now_on(stream)
        .problems([Kind::RefusedAlways])
        .live("CloudEvents 1.0, one a message; `id` is the position.");
    preview::routes(site, source.clone())
        .operation(filtered(list), placements, source.clone())
        .operation(filtered(page), events, source.clone())
        .operation(filtered(stream), stream_of, source)
        .document(schemas)
}

fn schemas(api: Api) -> Api {
    let view = json!({ "$ref": "#/components/schemas/View" });
    api.schema("Placements", json!({
        "type": "object",
        "required": ["placements", "view"],
        "properties": {
            "placements": { "type": "array", "items": {
                "type": "object",
                "required": ["id", "told_at", "placement"],
                "properties": {
                    "id": { "type": "string", "description": "place/33-… or household/33-…" },
                    "told_at": { "type": "integer", "description": "The position at which it was told last." },
                    "placement": { "$ref": "#/components/schemas/Placement" }
                }
            } },
            "next": { "type": "string" },
            "view": view
        }
    }))
    .schema("PlacementEvents", json!({
        "type": "object",
        "required": ["events", "cursor", "view"],
        "properties": {
            "events": { "type": "array", "items": { "$ref": "#/components/schemas/PlacementEvent" } },
            "cursor": { "type": "integer", "description": "Pass it as after: everything up to it was looked at." },
            "view": view
        }
    }))
    .schema("PlacementEvent", json!({
        "type": "object",
        "description": "A CloudEvent 1.0: placement.available, placement.changed or placement.gone.",
        "required": ["specversion", "id", "source", "type", "subject", "time", "sequence", "data"],
        "properties": {
            "type": { "enum": ["placement.available", "placement.changed", "placement.gone"] },
            "subject": { "type": "string" },
            "sequence": { "type": "string", "description": "Its position, as a number in digits." },
            "data": {
                "type": "object",
                "required": ["because", "placement"],
                "properties": {
                    "because": { "type": "string", "description": "The kind of the event that made it so." },
                    "placement": { "anyOf": [{ "$ref": "#/components/schemas/Placement" }, { "type": "null" }] }
                }
            }
        }
    }))
}

/// What is available, as a list shows it.
#[derive(Serialize)]
struct Shown {
    id: AggregateId,
    told_at: u64,
    placement: Placement,
}

async fn placements(
    State(source): State<Source>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Problem> {
    let reading = source.reading.clone();
    let wants = asked.wants()?;
    reading.read(at_least, move |view| listed(view, &source, &caller, &wants, &page)).await
}

/// One page of what is available for somebody who looks for some of it.
pub(super) fn listed(
    view: &View,
    source: &Source,
    caller: &Caller,
    wants: &Wants,
    page: &Page,
) -> Result<Response, Problem> {
    let from = source.desk.row_of(page, Vec::new())?;
    let rows = view::latest(view, &from).map_err(Failure)?;
    let (shown, next) = source.desk.page_of(rows, (page.limit, LOOKED_AT_MAX), |_, (id, is)| {
        let Some(placement) = is.placement.filter(|placement| wants.fit(placement)) else { return Ok(None) };
        let told = source.placements_shown(view, caller, &id)?(&placement);
        Ok(told.then_some(Shown { id, told_at: is.position, placement }))
    })?;
    let state = ViewState::of(view);
    Ok(state.answer(&json!({ "placements": shown, "next": next, "view": state })))
}

async fn events(
    State(source): State<Source>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Problem> {
    let query = Query { wants: asked.wants()?, compacted_until: 0 };
    let reading = source.reading.clone();
    let after = asked.after.unwrap_or(0);
    reading.read(at_least, move |view| paged(view, &source, &caller, &query, (after, None), &page)).await
}

/// One page of what became of placements after a position.
pub(super) fn paged(
    view: &View,
    source: &Source,
    caller: &Caller,
    query: &Query,
    (after, until): (u64, Option<u64>),
    page: &Page,
) -> Result<Response, Problem> {
    let (mut told, mut cursor) = source.passages_told(view, caller, query, after, page.limit)?;
    if let Some(until) = until {
        told.retain(|(position, ..)| *position <= until);
        cursor = cursor.min(until.max(after));
    }
    let events: Vec<_> = told.into_iter().map(|(_, _, event)| event).collect();
    let state = ViewState::of(view);
    Ok(state.answer(&json!({ "events": events, "cursor": cursor, "view": state })))
}

async fn stream_of(
    State(source): State<Source>,
    caller: Caller,
    last: Option<LastEventId>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Problem> {
    let query = Query { wants: asked.wants()?, compacted_until: 0 };
    let after = live::start(last, asked.after, source.view.position())?;
    live::open(Live { source, query }, caller, after)
}
