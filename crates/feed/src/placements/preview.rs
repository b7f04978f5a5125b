//! `GET /api/v1/placements/preview`: what a filter would have told in the last days, before anybody subscribes by it.
//!
//! **Invariant.** It is read as a subscription of this filter would be: by the rights of who asks, as they are now. What lies
//! outside them is not counted.

use std::collections::BTreeMap;

use domain::calendar::{Day, Instant, day};
use domain::ledger::AggregateId;
use domain::placement::{Placement, Turn, Wants};
use jiff::{Timestamp, ToSpan as _};
use projection::Page as View;
use serde::Serialize;
use serde_json::json;
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Query as Parameters};
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Failure, ViewState};

use super::asked::{Asked, filtered};
use super::{Query, view};
use crate::source::Source;

/// How many days back, unless something else is asked for.
const DAYS: u16 = 30;
/// The most days back.
const DAYS_MAX: u16 = 92;
/// How many passages are looked at for one preview, whatever the filter.
const LOOKED_AT_MAX: usize = 100_000;
/// How many placements it shows: the last that would have been told of.
const SHOWN_MAX: usize = 20;

pub(super) fn routes(site: Site, source: Source) -> Site {
    let preview = Operation::get(
        "/api/v1/placements/preview",
        "placements-preview",
        crate::NAME,
        "Ce qu'un filtre aurait annoncé ces derniers jours.",
    )
    .view()
    .right("placement", "list", Verb::Read)
    .query_parameter("days", Schema::Count, "How many days back, 1 to 92; 30 if absent.")
    .problems([Kind::RefusedAlways])
    .answer(200, "What would have been told, day by day.", Schema::named("PlacementPreview"), None);
    site.operation(filtered(preview), preview_of, source).document(schema)
}

fn schema(api: Api) -> Api {
    let counts = json!({
        "available": { "type": "integer" }, "changed": { "type": "integer" }, "gone": { "type": "integer" }
    });
    let mut by_day = counts.clone();
    by_day["day"] = json!({ "type": "string", "format": "date" });
    api.schema(
        "PlacementPreview",
        json!({
            "type": "object",
            "required": ["since", "told", "days", "placements", "complete", "view"],
            "properties": {
                "since": { "type": "string", "format": "date-time" },
                "told": {
                    "type": "object",
                    "required": ["available", "changed", "gone"],
                    "properties": counts,
                },
                "days": {
                    "type": "array",
                    "description": "The days on which something would have been told, in order.",
                    "items": { "type": "object", "required": ["day", "available", "changed", "gone"], "properties": by_day }
                },
                "placements": {
                    "type": "array",
                    "description": "The last that would have been told of, the latest first.",
                    "items": {
                        "type": "object",
                        "required": ["id", "told_at", "open", "placement"],
                        "properties": {
                            "id": { "type": "string" },
                            "told_at": { "type": "integer", "description": "The position at which it became available." },
                            "open": { "type": "boolean", "description": "Whether it still is, as the filter sees it." },
                            "placement": { "$ref": "#/components/schemas/Placement" }
                        }
                    }
                },
                "complete": {
                    "type": "boolean",
                    "description": "False when there was more than is looked at for one preview: ask for fewer days."
                },
                "view": { "$ref": "#/components/schemas/View" }
            }
        }),
    )
}

/// How often something would have been told.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Counts {
    available: u32,
    changed: u32,
    gone: u32,
}

impl Counts {
    fn count(&mut self, turn: Turn) {
        match turn {
            Turn::Available => self.available += 1,
            Turn::Changed => self.changed += 1,
            Turn::Gone => self.gone += 1,
        }
    }
}

/// The counts of one day.
#[derive(Debug, Serialize)]
struct OfDay {
    day: Day,
    #[serde(flatten)]
    counts: Counts,
}

/// A placement that would have been told of.
#[derive(Debug, Serialize)]
struct Shown {
    id: AggregateId,
    told_at: u64,
    open: bool,
    placement: Placement,
}

/// What would have been told.
#[derive(Debug, Default)]
struct Preview {
    told: Counts,
    days: BTreeMap<Day, Counts>,
    placements: BTreeMap<AggregateId, Shown>,
    complete: bool,
}

async fn preview_of(
    State(source): State<Source>,
    caller: Caller,
    at_least: AtLeast,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Problem> {
    let wants = asked.wants()?;
    let days = asked.days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::new(Kind::MalformedQuery)
            .detail(format!("days must be a whole number from 1 to {DAYS_MAX}"))
            .member("parameter", "days"));
    }
    let since =
        source.desk.edge().now().checked_sub((i64::from(days) * 24).hours()).map_err(Problem::internal)?;
    let reading = source.reading.clone();
    let looked = move |page: &View| {
        let preview = source.preview(page, &caller, wants, since)?;
        Ok(answer(&ViewState::of(page), preview, since))
    };
    reading.read(at_least, looked).await
}

fn answer(state: &ViewState, preview: Preview, since: Timestamp) -> Response {
    let Preview { told, days, placements, complete } = preview;
    let days: Vec<_> = days.into_iter().map(|(day, counts)| OfDay { day, counts }).collect();
    let mut placements: Vec<_> = placements.into_values().collect();
    placements.sort_by_key(|shown| std::cmp::Reverse(shown.told_at));
    placements.truncate(SHOWN_MAX);
    state.answer(&json!({
        "since": Instant(since), "told": told, "days": days, "placements": placements, "complete": complete, "view": state
    }))
}

impl Source {
    /// What the caller would have been told since then under this filter.
    fn preview(
        &self,
        page: &View,
        caller: &Caller,
        wants: Wants,
        since: Timestamp,
    ) -> Result<Preview, Problem> {
        let after = view::before(page, since).map_err(Failure)?;
        let query = Query { wants, compacted_until: 0 };
        let mut preview = Preview { complete: true, ..Preview::default() };
        for (looked_at, passage) in view::passages(page, after).map_err(Failure)?.enumerate() {
            if looked_at == LOOKED_AT_MAX {
                preview.complete = false;
                break;
            }
            let (position, passage) = passage.map_err(Failure)?;
            let Some(turn) = self.turn(page, caller.into(), &query, position, &passage)? else { continue };
            let on = Day(day(passage.ledger.territory(), passage.stamp.recorded));
            preview.told.count(turn);
            preview.days.entry(on).or_default().count(turn);
            let open = turn != Turn::Gone;
            match (preview.placements.get_mut(&passage.ledger), passage.after.filter(|_| open)) {
                (Some(shown), None) => shown.open = false,
                (Some(shown), Some(placement)) => {
                    let told_at = if shown.open { shown.told_at } else { position };
                    *shown = Shown { id: passage.ledger, told_at, open, placement };
                }
                (None, Some(placement)) => {
                    let shown = Shown { id: passage.ledger, told_at: position, open, placement };
                    preview.placements.insert(passage.ledger, shown);
                }
                // It became available before the first of these days.
                (None, None) => {}
            }
        }
        Ok(preview)
    }
}
