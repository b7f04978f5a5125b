//! The occupancy of one night, past or present: `GET /api/v1/occupancy?night=2026-01-31`.
//!
//! It is counted from the intervals of the place ledgers, so that a stay taken over from an earlier file, or a date
//! corrected since, counts where it was true.

use std::collections::BTreeMap;

use domain::calendar::{Day, end_of_day};
use domain::id::Territory;
use domain::ledger::{AggregateId, State as Ledger};
use domain::place::Place;
use domain::place::inventory::Inventory;
use domain::structure_kind::StructureKind;
use projection::{Page as View, key, ledgers};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Query};
use service::openapi::{Operation, Schema};
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Failure, Reading, ViewState};

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let operation = Operation::get(
        "/api/v1/occupancy",
        "occupancy",
        crate::NAME,
        "L'occupation d'une nuit, par type de structure.",
    )
    .view()
    .right("occupancy", "read", Verb::Read)
    .query_parameter("night", Schema::Day, "The night that begins on this day. Required.")
    .query_parameter("territory", Schema::Text, "The département. Required.")
    .answer(200, "Places and persons, by kind of structure.", Schema::named("Occupancy"), None);
    site.operation(operation, night, Counter { desk: desk.clone(), reading: reading.clone() }).document(
        |api| {
            api.schema(
            "Occupancy",
            json!({
                "type": "object",
                "required": ["night", "territory", "kinds", "view"],
                "properties": {
                    "night": { "type": "string", "format": "date" },
                    "territory": { "type": "string" },
                    "kinds": { "type": "object", "additionalProperties": { "type": "object", "properties": {
                        "places": { "type": "integer" }, "capacity": { "type": "integer" },
                        "offline": { "type": "integer" }, "occupied": { "type": "integer" },
                        "persons": { "type": "integer" } } } },
                    "view": { "$ref": "#/components/schemas/View" }
                }
            }),
        )
        },
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Night {
    night: Day,
    territory: Territory,
}

/// What one kind of structure counts that night.
#[derive(Debug, Default, Serialize)]
struct Count {
    /// Places that existed.
    places: u32,
    /// Persons they can house.
    capacity: u32,
    /// Places off-line.
    offline: u32,
    /// Places somebody slept in.
    occupied: u32,
    /// Persons who did.
    persons: u32,
}

/// What nights are counted from.
#[derive(Clone)]
struct Counter {
    desk: Desk,
    reading: Reading,
}

async fn night(
    State(counter): State<Counter>,
    caller: Caller,
    at_least: AtLeast,
    Query(asked): Query<Night>,
) -> Result<Response, Problem> {
    let (night, territory) = (asked.night, asked.territory);
    let Counter { desk, reading } = counter;
    let counting =
        reading.read(at_least, move |view| Ok((count(view, &desk, &caller, &asked)?, ViewState::of(view))));
    let (kinds, state) = counting.await?;
    Ok(state.answer(&json!({ "night": night, "territory": territory, "kinds": kinds, "view": state })))
}

/// Of the places that the caller may see.
fn count(
    view: &View,
    desk: &Desk,
    caller: &Caller,
    asked: &Night,
) -> Result<BTreeMap<StructureKind, Count>, Problem> {
    let mut kinds: BTreeMap<StructureKind, Count> = BTreeMap::new();
    for row in view.prefix(desk::PLACES, &key::of(&asked.territory)).map_err(Failure)? {
        let (at, _) = row.map_err(Failure)?;
        let Some((_, ledger @ AggregateId::Place(_))) = key::read::<(Territory, AggregateId)>(&at) else {
            continue;
        };
        let folded = ledgers::state(view, &ledger).map_err(Failure)?;
        let at = desk.circumstances(ledger.territory());
        if let Some(Ledger::Place(place)) = folded.as_ref().map(|folded| &folded.state)
            && place
                .inventory
                .description()
                .is_some_and(|is| desk::supply_seen(caller, ledger.territory(), is.provider, at))
        {
            add(&mut kinds, place, asked);
        }
    }
    Ok(kinds)
}

fn add(kinds: &mut BTreeMap<StructureKind, Count>, place: &Place, asked: &Night) {
    let (open, description) = match &place.inventory {
        Inventory::Unknown => return,
        Inventory::Open { from, description } => (*from <= asked.night, description),
        Inventory::Closed { opened, from, description } => {
            (*opened <= asked.night && asked.night < *from, description)
        }
    };
    if !open || description.kind.let_by_committee() {
        return;
    }
    // Who is there at the end of the day slept there.
    let at = end_of_day(asked.territory, asked.night.0);
    let count = kinds.entry(description.kind).or_default();
    count.places += 1;
    count.capacity += u32::from(description.capacity);
    count.offline += u32::from(place.offline_on(asked.night.0).is_some());
    let persons: u32 = place.occupancies_at(at).map(|occupancy| u32::from(occupancy.persons)).sum();
    count.occupied += u32::from(persons > 0);
    count.persons += persons;
}
