//! Subscriptions: `GET /api/v1/subscriptions`, one of them, what is open for it, what becomes of it after a position and live.
//!
//! **Invariant.** A subscription is its owner's alone: to anybody else it does not exist. While it is paused nothing is told and
//! nothing is lost.

use domain::calendar::Instant;
use domain::id::SubscriptionId;
use domain::subscription::{Flow, Standing};
use projection::Page as View;
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Path, Query as Parameters};
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::sse::LastEventId;
use service::{Problem, Site, Verb};

use desk::{Caller, Failure, ViewState};

use super::routes::{listed, paged};
use super::{Query, STEP, view};
use crate::delivery::way_shown;
use crate::live::{self, Message, Tale};
use crate::source::Source;

pub(crate) fn routes(site: Site, source: Source) -> Site {
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
    .right("subscription", "events", Verb::Read);
    let since = "From this instant on, instead of after a position.";
    let until = "The last position that is asked for: the same positions are answered by the same bytes, as long as the filter and the rights of who asks stay as they are.";
    let events = live::after_a_position(events)
        .query_parameter("since", Schema::Moment, since)
        .query_parameter("until", Schema::Count, until)
        .query_parameter(
            "compacted",
            Schema::Flag,
            "Whether of each placement only what became of it last is told.",
        )
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
    .right("subscription", "follow", Verb::Follow);
    let stream = live::from_now_on(stream)
        .query_parameter("since", Schema::Moment, since)
        .live("CloudEvents 1.0, one a message; `id` is the position.");
    site.operation(list, all, source.clone())
        .operation(one, file, source.clone())
        .operation(open, placements, source.clone())
        .operation(events, events_of, source.clone())
        .operation(stream, stream_of, source)
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
            "delivery": { "anyOf": [{ "$ref": "#/components/schemas/Delivery" }, { "type": "null" }] },
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

async fn all(State(source): State<Source>, caller: Caller, at_least: AtLeast) -> Result<Response, Problem> {
    let page = source.reading.page(at_least).await?;
    let state = ViewState::of(&page);
    let all = source.standing_of(&page, caller.organisation())?;
    let all: Vec<_> = all.iter().map(|(id, is)| shown(*id, is)).collect();
    Ok(state.answer(&json!({ "subscriptions": all, "view": state })))
}

async fn file(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let page = source.reading.page(at_least).await?;
    let (is, version) = source.standing(&page, &caller, id)?;
    let state = ViewState::of(&page);
    let mut file = shown(id, &is);
    if let Some(fields) = file.as_object_mut() {
        fields.insert("version".to_owned(), json!(version));
        fields.insert("delivery".to_owned(), json!(is.delivery.as_ref().map(|is| way_shown(is, &caller))));
        fields.insert("view".to_owned(), json!(state));
    }
    Ok(state.versioned(&file, version))
}

impl Source {
    /// The subscription, if it is the caller's and stands, and its version.
    pub(crate) fn standing(
        &self,
        page: &View,
        caller: &Caller,
        id: SubscriptionId,
    ) -> Result<(Standing, u64), Problem> {
        let found = self.desk.subscription(page, caller, id)?;
        let standing = desk::subscription(&found).and_then(|is| is.standing().cloned());
        Ok((standing.ok_or_else(|| Problem::unknown_id("subscription", id))?, found.version))
    }

    /// What a subscription is told of now; nothing while it is paused.
    fn query(&self, page: &View, caller: &Caller, id: SubscriptionId) -> Result<Option<Query>, Problem> {
        let (is, _) = self.standing(page, caller, id)?;
        match is.flow {
            Flow::Paused { .. } => Ok(None),
            Flow::Running => self.query_of(page, id, &is).map(Some),
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

/// Which events are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    after: Option<u64>,
    since: Option<Instant>,
    until: Option<u64>,
    #[serde(default)]
    compacted: bool,
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
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
) -> Result<Response, Problem> {
    let reading = source.reading.clone();
    let open = move |view: &View| {
        let query = source.running(view, &caller, id)?;
        listed(view, &source, &caller, &query.wants, &page)
    };
    reading.read(at_least, open).await
}

async fn events_of(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Parameters(Between { after, since, until, compacted }): Parameters<Between>,
) -> Result<Response, Problem> {
    let reading = source.reading.clone();
    let told = move |view: &View| {
        let mut query = source.running(view, &caller, id)?;
        if compacted {
            query.compacted_until = view.position();
        }
        let after = From { after, since }.position(view)?.unwrap_or(0);
        paged(view, &source, &caller, &query, (after, until), &page)
    };
    reading.read(at_least, told).await
}

async fn stream_of(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    last: Option<LastEventId>,
    Parameters(from): Parameters<From>,
) -> Result<Response, Problem> {
    let after = {
        let page = source.reading.now()?;
        source.standing(&page, &caller, id)?;
        live::start(last, from.position(&page)?, page.position())?
    };
    live::open(Subscribed { source, id }, caller, after)
}

/// What a subscription is told, live: its filter is that of the moment, and while it is paused it waits.
struct Subscribed {
    source: Source,
    id: SubscriptionId,
}

impl Tale for Subscribed {
    fn source(&self) -> &Source {
        &self.source
    }

    async fn after(&self, caller: &Caller, cursor: u64) -> Result<(Vec<Message>, u64), Problem> {
        let page = self.source.reading.now()?;
        match self.source.query(&page, caller, self.id)? {
            Some(query) => self.source.passages_told(&page, caller, &query, cursor, STEP),
            None => Ok((Vec::new(), cursor)),
        }
    }
}
