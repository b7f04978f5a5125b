//! Subscriptions: `GET /api/v1/subscriptions`, one of them, what is open for it, what becomes of it after a position and live.
//!
//! **Invariant.** A subscription is its owner's alone: to anybody else it does not exist. While it is paused nothing is told and
//! nothing is lost.

use domain::calendar::Instant;
use domain::id::{OrganisationId, SubscriptionId};
use domain::ledger::AggregateId;
use domain::subscription::{Flow, Standing};
use projection::{Handle, Page as View, key};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Path, Query as Parameters};
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::sse::LastEventId;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Failure, Reading, SUBSCRIPTIONS, ViewState};

use super::routes::{listed, paged};
use super::{Board, Query, STEP, view};
use crate::live::{self, Message, Tale};

pub(crate) fn routes(site: Site, board: Board) -> Site {
    let list = Operation::get(
        "/api/v1/subscriptions",
        "subscriptions",
        crate::NAME,
        "Les abonnements de l'organisme.",
    )
    .view()
    .right("subscription", "list", Verb::Read)
    .answer(200, "Those that stand.", Schema::named("Subscriptions"), None);
    let of = |path: &'static str, id: &'static str, summary: &'static str| {
        Operation::get(path, id, crate::NAME, summary)
            .path_parameter("id", Schema::Text, "The subscription.")
            .problems([Kind::UnknownId, Kind::RefusedNow])
    };
    let one = of("/api/v1/subscriptions/{id}", "subscription", "Un abonnement.")
        .view()
        .right("subscription", "file", Verb::Read)
        .answer(200, "The subscription.", Schema::named("Subscription"), None);
    let open = of(
        "/api/v1/subscriptions/{id}/placements",
        "subscription-placements",
        "Ce qui est disponible pour un abonnement.",
    )
    .list()
    .right("subscription", "events", Verb::Read)
    .answer(200, "What is available, by ledger.", Schema::named("Placements"), None);
    let events = of(
        "/api/v1/subscriptions/{id}/events",
        "subscription-events",
        "Ce que devient ce qui est disponible pour un abonnement, après une position.",
    )
    .right("subscription", "events", Verb::Read)
    .view()
    .query_parameter("limit", Schema::Count, "How many at most, from 1.")
    .query_parameter("after", Schema::Count, "The last position that is known; 0 for none.")
    .query_parameter("since", Schema::Moment, "From this instant on, instead of after a position.")
    .problems([Kind::ListTooLong])
    .answer(
        200,
        "CloudEvents 1.0 in structured form; the cursor to go on from.",
        Schema::named("PlacementEvents"),
        None,
    );
    let stream = of(
        "/api/v1/subscriptions/{id}/stream",
        "subscription-stream",
        "Ce que devient ce qui est disponible pour un abonnement, en direct.",
    )
    .right("subscription", "follow", Verb::Follow)
    .query_parameter("after", Schema::Count, "The last position that is known; from now on if absent.")
    .query_parameter("since", Schema::Moment, "From this instant on, instead of after a position.")
    .live("CloudEvents 1.0, one a message; `id` is the position.");
    site.operation(list, all, board.clone())
        .operation(one, file, board.clone())
        .operation(open, placements, board.clone())
        .operation(events, events_of, board.clone())
        .operation(stream, stream_of, board)
        .document(schemas)
}

fn schemas(api: Api) -> Api {
    let one = json!({
        "type": "object",
        "required": ["id", "label", "wants", "since", "flow"],
        "properties": {
            "id": { "type": "string" },
            "version": { "type": "integer" },
            "label": { "type": "string" },
            "wants": { "$ref": "#/components/schemas/Wants" },
            "since": { "type": "string", "format": "date-time" },
            "flow": { "type": "object", "description": "Whether it is told now: running, or paused since when." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    });
    api.schema("Subscription", one).schema(
        "Subscriptions",
        json!({
            "type": "object",
            "required": ["subscriptions", "view"],
            "properties": {
                "subscriptions": { "type": "array", "items": { "$ref": "#/components/schemas/Subscription" } },
                "view": { "$ref": "#/components/schemas/View" }
            }
        }),
    )
}

fn shown(id: SubscriptionId, is: &Standing) -> Value {
    let Standing { label, wants, since, flow, .. } = is;
    json!({ "id": id, "label": label, "wants": wants, "since": since, "flow": flow })
}

async fn all(State(board): State<Board>, caller: Caller, at_least: AtLeast) -> Result<Response, Problem> {
    let page = board.reading.page(at_least).await?;
    let state = ViewState::of(&page);
    let all = of_owner(&page, caller.organisation())?;
    let all: Vec<_> = all.iter().map(|(id, is)| shown(*id, is)).collect();
    Ok(state.answer(&json!({ "subscriptions": all, "view": state })))
}

fn of_owner(page: &View, owner: OrganisationId) -> Result<Vec<(SubscriptionId, Standing)>, Problem> {
    let mut all = Vec::new();
    for row in page.prefix(SUBSCRIPTIONS, &key::of(&owner)).map_err(Failure)? {
        let (at, _) = row.map_err(Failure)?;
        let Some((_, ledger)) = key::read::<(OrganisationId, AggregateId)>(&at) else { continue };
        let AggregateId::Subscription(id) = ledger else { continue };
        let folded = desk::folded(page, &ledger)?;
        let standing = folded.as_deref().and_then(desk::subscription).and_then(|is| is.standing().cloned());
        all.extend(standing.map(|standing| (id, standing)));
    }
    Ok(all)
}

async fn file(
    State(board): State<Board>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let page = board.reading.page(at_least).await?;
    let (is, version) = board.standing(&page, &caller, id)?;
    let state = ViewState::of(&page);
    let mut file = shown(id, &is);
    if let Some(fields) = file.as_object_mut() {
        fields.insert("version".to_owned(), json!(version));
        fields.insert("view".to_owned(), json!(state));
    }
    Ok(state.versioned(&file, version))
}

impl Board {
    /// The subscription, if it is the caller's and stands, and its version.
    fn standing(&self, page: &View, caller: &Caller, id: SubscriptionId) -> Result<(Standing, u64), Problem> {
        let (is, version) = self.desk.subscription(page, caller, id)?;
        let standing = is.standing().cloned().ok_or_else(|| Problem::unknown_id("subscription", id))?;
        Ok((standing, version))
    }

    /// What a subscription is told of now; nothing while it is paused.
    fn query(&self, page: &View, caller: &Caller, id: SubscriptionId) -> Result<Option<Query>, Problem> {
        let (is, _) = self.standing(page, caller, id)?;
        match is.flow {
            Flow::Paused { .. } => Ok(None),
            Flow::Running => {
                let compacted_until = view::resumed(page, id).map_err(Failure)?;
                Ok(Some(Query { wants: is.wants, compacted_until }))
            }
        }
    }

    fn running(&self, page: &View, caller: &Caller, id: SubscriptionId) -> Result<Query, Problem> {
        self.query(page, caller, id)?.ok_or_else(|| {
            let sentence = "Cet abonnement est en pause : reprenez-le, rien n'est perdu.";
            Problem::refused_now("subscription-paused", "subscription", sentence)
        })
    }
}

/// From where a subscription is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    after: Option<u64>,
    since: Option<Instant>,
}

impl From {
    /// The position; nothing if none is asked for.
    fn position(&self, page: &View) -> Result<Option<u64>, Problem> {
        match (self.after, self.since) {
            (Some(_), Some(_)) => Err(Problem::new(Kind::MalformedQuery)
                .detail("after and since both say where to begin: ask for one of them")
                .member("parameter", "since")),
            (Some(after), None) => Ok(Some(after)),
            (None, Some(since)) => Ok(Some(view::before(page, since.0).map_err(Failure)?)),
            (None, None) => Ok(None),
        }
    }
}

async fn placements(
    State(board): State<Board>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
) -> Result<Response, Problem> {
    let reading = board.reading.clone();
    let open = move |view: &View| {
        let query = board.running(view, &caller, id)?;
        listed(view, &board, &caller, &query.wants, &page)
    };
    reading.read(at_least, open).await
}

async fn events_of(
    State(board): State<Board>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Parameters(from): Parameters<From>,
) -> Result<Response, Problem> {
    let reading = board.reading.clone();
    let told = move |view: &View| {
        let query = board.running(view, &caller, id)?;
        let after = from.position(view)?.unwrap_or(0);
        paged(view, &board, &caller, &query, after, &page)
    };
    reading.read(at_least, told).await
}

async fn stream_of(
    State(board): State<Board>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    last: Option<LastEventId>,
    Parameters(from): Parameters<From>,
) -> Result<Response, Problem> {
    let after = {
        let page = board.reading.now()?;
        board.standing(&page, &caller, id)?;
        live::start(last, from.position(&page)?, page.position())?
    };
    let streams = board.streams.clone();
    streams.open(live::live(Subscribed { board, id }, caller, after))
}

/// What a subscription is told, live: its filter is that of the moment, and while it is paused it waits.
struct Subscribed {
    board: Board,
    id: SubscriptionId,
}

impl Tale for Subscribed {
    fn desk(&self) -> &Desk {
        &self.board.desk
    }

    fn reading(&self) -> &Reading {
        &self.board.reading
    }

    fn view(&self) -> &Handle {
        &self.board.view
    }

    async fn after(&self, caller: &Caller, cursor: u64) -> Result<(Vec<Message>, u64), Problem> {
        let page = self.board.reading.now()?;
        match self.board.query(&page, caller, self.id)? {
            Some(query) => self.board.told(&page, caller, &query, cursor, STEP),
            None => Ok((Vec::new(), cursor)),
        }
    }
}
