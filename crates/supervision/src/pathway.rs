//! The pathway of a household, and the history of a place: `GET …/timeline?as_of=&known_at=`.

use std::collections::BTreeMap;

use domain::history::{Moment, facts, situation};
use domain::household::Household;
use domain::id::{EventId, PlaceId};
use domain::ledger::AggregateId;
use domain::rights::{Group, Level, place_of};
use jiff::Timestamp;
use journal::access::Outcome;
use projection::{Page as View, key};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Cursor, Page, Path, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Failure, Meant, Reading, Seen, ViewState};

use crate::timeline::{LINES, Line, unsealed};

#[derive(Clone)]
struct Shelf {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let shelf = Shelf { desk: desk.clone(), reading: reading.clone() };
    let household = timeline(
        "/api/v1/households/{id}/timeline",
        "household-timeline",
        "Le parcours d'un ménage, tel qu'il était et tel qu'on le savait.",
        "The household.",
    )
    .right("household", "timeline", Verb::Read);
    let place = timeline(
        "/api/v1/places/{id}/timeline",
        "place-timeline",
        "L'histoire d'une place ou d'un logement.",
        "The place or dwelling.",
    )
    .right("place", "timeline", Verb::Read);
    site.operation(household, household_timeline, shelf.clone())
        .operation(place, place_timeline, shelf)
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
    State(shelf): State<Shelf>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let ledger = AggregateId::Household(id);
    let (desk, asking) = (shelf.desk.clone(), caller.clone());
    let reading = shelf.reading.read(at_least, move |view| {
        let seen = desk.see(view, &asking, id, None);
        Ok((seen, lines_of(view, &ledger)?, ViewState::of(view)))
    });
    let (seen, lines, state) = reading.await?;
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(shelf.desk.refused(&caller, id, problem).await),
    };
    let by_event: BTreeMap<EventId, &(u64, Line)> =
        lines.iter().map(|line| (line.1.stamp.event, line)).collect();
    let events: Vec<_> = lines.iter().filter_map(|(_, line)| line.household(&ledger)).collect();
    let moment = asked.moment();
    let is = situation(&events, moment);
    let mut groups = std::collections::BTreeSet::new();
    let mut shown = Vec::new();
    for fact in facts(&events, moment) {
        let Some((position, line)) = by_event.get(&fact.stamp.event) else { continue };
        let body = line.body.clone();
        let about = seen.household().and_then(|now| place_of(&body, now).or_else(|| place_of(&body, &is)));
        if let Some(event) = shelf.desk.event_shown(&caller, &seen, &line.kind, body, about) {
            groups.extend(event.groups);
            shown.push(entry(*position, line, event.value, fact.effective, fact.corrected));
        }
    }
    let (shown, next, count) = paged(shown, &page)?;
    shelf.desk.record_read(&caller, id, &groups, Outcome::Granted).await?;
    Ok(state.answer(&json!({
        "id": id,
        "as_of": asked.as_of.map(|at| at.to_string()),
        "known_at": asked.known_at.map(|at| at.to_string()),
        "events": shown,
        "count": count,
        "next": next,
        "situation": summary(&is, &caller, &seen, shelf.desk.edge().now()),
        "view": state,
    })))
}

async fn place_timeline(
    State(shelf): State<Shelf>,
    Path(id): Path<PlaceId>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let desk = shelf.desk.clone();
    let reading = shelf.reading.read(at_least, move |view| {
        let at = desk.circumstances(id.territory());
        let provider = desk::provider(view, id)?;
        let seen = |provider| desk::supply_seen(&caller, id.territory(), provider, at);
        if !provider.is_some_and(seen) {
            return Err(Problem::unknown_id("place", id));
        }
        let mut lines = lines_of(view, &AggregateId::Place(id))?;
        for (_, line) in &mut lines {
            // Households that the caller may not know of stay out of the history of a place.
            desk.without_unseen(view, &caller, &mut line.body)?;
        }
        Ok((lines, ViewState::of(view)))
    });
    let (lines, state) = reading.await?;
    let mut shown: Vec<_> = lines
        .iter()
        .filter(|(_, line)| asked.known_at.is_none_or(|at| line.stamp.recorded <= at))
        .filter(|(_, line)| asked.as_of.is_none_or(|at| line.stamp.effective <= at))
        .collect();
    shown.sort_by_key(|(position, line)| (line.stamp.effective, *position));
    let events: Vec<_> = shown
        .into_iter()
        .map(|(position, line)| entry(*position, line, line.body.clone(), line.stamp.effective, false))
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

/// Every line of a ledger, in order.
pub(crate) fn lines_of(view: &View, ledger: &AggregateId) -> Result<Vec<(u64, Line)>, Problem> {
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

fn entry(position: u64, line: &Line, data: Value, effective: Timestamp, corrected: bool) -> Value {
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
        "data": unsealed(data, &json!({ "withheld": true })),
    })
}

/// What the household's pathway amounts to, as far as the caller's row shows it: no identity, no safety.
fn summary(is: &Household, caller: &Caller, seen: &Seen, now: Timestamp) -> Value {
    let level = |group| seen.grant.row.level(group);
    let own = |place: &PlaceId| seen.providers.get(place) == Some(&caller.organisation());
    // An item of a group: all are shown, or those of the caller's own places, or those that are not long over.
    let shows = |group, place: Option<&PlaceId>, ended: Option<Timestamp>| match level(group) {
        Level::None | Level::Flag | Level::YesNo | Level::Pseudonym | Level::Note => false,
        Level::Own => place.is_some_and(own),
        Level::Recent => ended.is_none_or(|at| now.duration_since(at).as_hours() <= 366 * 24),
        Level::Bracket | Level::Zones | Level::Read | Level::Write => true,
    };
    let requests: BTreeMap<_, _> = (is.requests.iter())
        .filter(|_| shows(Group::Path, None, None))
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
    let referrals: BTreeMap<_, _> = (is.referrals.iter())
        .filter(|(_, referral)| shows(Group::Path, Some(&referral.place), None))
        .map(|(id, referral)| {
            (*id, json!({ "place": referral.place, "request": referral.request, "situation": referral.situation.word() }))
        })
        .collect();
    let stays: BTreeMap<_, _> = (is.stays.iter())
        .filter(|(_, stay)| shows(Group::Hist, Some(&stay.place), stay.ended()))
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
    let sne = shows(Group::Sne, None, None);
    let candidacies: BTreeMap<_, _> =
        is.candidacies.iter().filter(|(_, one)| shows(Group::Let, Some(&one.place), None)).collect();
    let leases: BTreeMap<_, _> =
        is.leases.iter().filter(|(_, one)| shows(Group::Let, Some(&one.place), one.ended)).collect();
    json!({
        "registration": is.registration,
        "persons": is.composition.members.len(),
        "requests": requests,
        "referrals": referrals,
        "stays": stays,
        "applications": sne.then_some(&is.applications),
        "labels": sne.then_some(&is.labels),
        "candidacies": candidacies,
        "leases": leases,
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
