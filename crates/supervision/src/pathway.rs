//! The pathway of a household, and the history of a place: `GET …/timeline?as_of=&known_at=`.

use std::collections::BTreeMap;

use domain::history::{Moment, facts, situation};
use domain::household::Household;
use domain::id::{EventId, HouseholdId, PlaceId};
use domain::ledger::AggregateId;
use jiff::Timestamp;
use projection::{Page as View, key};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Caller, Cursor, Page, Path, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site};

use desk::{Failure, Reading, ViewState};

use crate::timeline::{LINES, Line, unsealed};

pub(crate) fn routes(site: Site, reading: &Reading) -> Site {
    let household = timeline(
        "/api/v1/households/{id}/timeline",
        "household-timeline",
        "Le parcours d'un ménage, tel qu'il était et tel qu'on le savait.",
        "The household.",
    );
    let place = timeline(
        "/api/v1/places/{id}/timeline",
        "place-timeline",
        "L'histoire d'une place ou d'un logement.",
        "The place or dwelling.",
    );
    site.operation(household, household_timeline, reading.clone())
        .operation(place, place_timeline, reading.clone())
        .document(|api| api.schema("Timeline", schema()))
}

fn timeline(path: &'static str, id: &'static str, summary: &'static str, which: &'static str) -> Operation {
    Operation::get(path, id, crate::NAME, summary)
        .list()
        .path_parameter("id", Schema::Text, which)
        .query_parameter("as_of", Schema::Moment, "Leave out what was true after this instant.")
        .query_parameter(
            "known_at",
            Schema::Moment,
            "Leave out what was recorded after this instant, corrections too.",
        )
        .problems([Kind::UnknownId])
        .answer(
            200,
            "The facts in the order in which they were true, page by page, and the situation that all of them amount to.",
            Schema::named("Timeline"),
            None,
        )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    as_of: Option<Timestamp>,
    known_at: Option<Timestamp>,
}

impl Asked {
    fn moment(&self) -> Moment {
        Moment { as_of: self.as_of, known_at: self.known_at }
    }
}

async fn household_timeline(
    State(reading): State<Reading>,
    Path(id): Path<HouseholdId>,
    _: Caller,
    at_least: AtLeast,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let ledger = AggregateId::Household(id);
    let (lines, state) = lines(&reading, at_least, ledger).await?;
    if lines.is_empty() {
        return Err(Problem::unknown_id("household", id));
    }
    let by_event: BTreeMap<EventId, &(u64, Line)> =
        lines.iter().map(|line| (line.1.stamp.event, line)).collect();
    let events: Vec<_> = lines.iter().filter_map(|(_, line)| line.household(&ledger)).collect();
    let moment = asked.moment();
    let shown: Vec<_> = facts(&events, moment)
        .into_iter()
        .filter_map(|fact| {
            let (position, line) = by_event.get(&fact.stamp.event)?;
            Some(entry(*position, line, fact.effective, fact.corrected))
        })
        .collect();
    let is = situation(&events, moment);
    let (shown, next, count) = paged(shown, &page)?;
    Ok(state.answer(&json!({
        "id": id,
        "as_of": asked.as_of.map(|at| at.to_string()),
        "known_at": asked.known_at.map(|at| at.to_string()),
        "events": shown,
        "count": count,
        "next": next,
        "situation": summary(&is),
        "view": state,
    })))
}

async fn place_timeline(
    State(reading): State<Reading>,
    Path(id): Path<PlaceId>,
    _: Caller,
    at_least: AtLeast,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (lines, state) = lines(&reading, at_least, AggregateId::Place(id)).await?;
    if lines.is_empty() {
        return Err(Problem::unknown_id("place", id));
    }
    let mut shown: Vec<_> = lines
        .iter()
        .filter(|(_, line)| asked.known_at.is_none_or(|at| line.stamp.recorded <= at))
        .filter(|(_, line)| asked.as_of.is_none_or(|at| line.stamp.effective <= at))
        .collect();
    shown.sort_by_key(|(position, line)| (line.stamp.effective, *position));
    let events: Vec<_> = shown
        .into_iter()
        .map(|(position, line)| entry(*position, line, line.stamp.effective, false))
        .collect();
    let (events, next, count) = paged(events, &page)?;
    Ok(state.answer(&json!({
        "id": id,
        "as_of": asked.as_of.map(|at| at.to_string()),
        "known_at": asked.known_at.map(|at| at.to_string()),
        "events": events,
        "count": count,
        "next": next,
        "view": state,
    })))
}

/// The facts of one page, where to read on, and how many there are in all. The cursor counts facts: what is asked at the
/// same two dates has the same order.
fn paged(mut shown: Vec<Value>, page: &Page) -> Result<(Vec<Value>, Option<Cursor>, usize), Problem> {
    let count = shown.len();
    let from = page.cursor.as_ref().map_or(Ok(0), Cursor::read::<usize>)?.min(count);
    let until = from.saturating_add(page.limit).min(count);
    shown.truncate(until);
    let next = (until < count).then(|| Cursor::of(&until)).transpose().map_err(Problem::internal)?;
    Ok((shown.split_off(from), next, count))
}

/// Every line of a ledger, in order, and how far the view had read.
async fn lines(
    reading: &Reading,
    at_least: AtLeast,
    ledger: AggregateId,
) -> Result<(Vec<(u64, Line)>, ViewState), Problem> {
    reading.read(at_least, move |view| Ok((lines_of(view, &ledger)?, ViewState::of(view)))).await
}

fn lines_of(view: &View, ledger: &AggregateId) -> Result<Vec<(u64, Line)>, Problem> {
    if view.halted(ledger).map_err(Failure)?.is_some() {
        return Err(desk::stopped(ledger));
    }
    let mut lines = Vec::new();
    for row in view.prefix(LINES, &key::of(ledger)).map_err(Failure)? {
        let (at, value) = row.map_err(Failure)?;
        let Some((_, position)) = key::read::<(AggregateId, u64)>(&at) else { continue };
        lines.push((position, serde_json::from_slice(&value).map_err(Problem::internal)?));
    }
    Ok(lines)
}

fn entry(position: u64, line: &Line, effective: Timestamp, corrected: bool) -> Value {
    json!({
        "position": position,
        "id": line.stamp.event,
        "type": line.kind,
        "effective": effective.to_string(),
        "recorded": line.stamp.recorded.to_string(),
        "recorded_effective": corrected.then(|| line.stamp.effective.to_string()),
        "actor": line.actor,
        "organisation": line.organisation,
        // Sealed values say that something is there which is not shown here.
        "data": unsealed(line.body.clone(), &json!({ "withheld": true })),
    })
}

/// What the household's pathway amounts to: no identity, no safety.
fn summary(is: &Household) -> Value {
    let requests: BTreeMap<_, _> = is
        .requests
        .iter()
        .map(|(id, request)| {
            (
                *id,
                json!({
                    "situation": request.situation.word(),
                    "stream": request.file.stream,
                    "siao": request.siao,
                    "seniority": request.seniority.map(|at| at.to_string()),
                }),
            )
        })
        .collect();
    let referrals: BTreeMap<_, _> = is
        .referrals
        .iter()
        .map(|(id, referral)| {
            (*id, json!({ "place": referral.place, "request": referral.request, "situation": referral.situation.word() }))
        })
        .collect();
    let stays: BTreeMap<_, _> = is
        .stays
        .iter()
        .map(|(id, stay)| {
            (
                *id,
                json!({
                    "place": stay.place,
                    "kind": stay.kind,
                    "persons": stay.persons.len(),
                    "from": stay.from.to_string(),
                    "to": stay.ended().map(|at| at.to_string()),
                }),
            )
        })
        .collect();
    json!({
        "registration": is.registration,
        "persons": is.composition.members.len(),
        "requests": requests,
        "referrals": referrals,
        "stays": stays,
        "applications": is.applications,
        "labels": is.labels,
        "candidacies": is.candidacies,
        "leases": is.leases,
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "events", "count", "view"],
        "properties": {
            "id": { "type": "string" },
            "as_of": { "type": ["string", "null"], "format": "date-time" },
            "known_at": { "type": ["string", "null"], "format": "date-time" },
            "events": { "type": "array", "items": { "type": "object", "properties": {
                "position": { "type": "integer" },
                "id": { "type": "string" },
                "type": { "type": "string" },
                "effective": { "type": "string", "format": "date-time", "description": "When it was true, as known at the moment asked for." },
                "recorded": { "type": "string", "format": "date-time" },
                "recorded_effective": { "type": ["string", "null"], "description": "The date first recorded, where a correction moved it." },
                "actor": { "type": "string" },
                "organisation": { "type": "string" },
                "data": { "type": "object" } } } },
            "count": { "type": "integer", "description": "How many facts there are in all." },
            "next": { "type": ["string", "null"], "description": "The cursor of the next page, if there is one." },
            "situation": { "type": "object", "description": "What the facts amount to; for households." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
