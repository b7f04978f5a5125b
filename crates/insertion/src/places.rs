//! Places and structures, as their provider and the SIAO see them.

use domain::id::{PlaceId, StructureId};
use domain::ledger::{AggregateId, State as Ledger};
use serde_json::json;
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Path, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, PlaceFilter, Reading, ViewState};

#[derive(Clone)]
struct Shelf {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let shelf = Shelf { desk: desk.clone(), reading: reading.clone() };
    let list = desk::place_list(
        "/api/v1/places",
        "places",
        crate::NAME,
        "Les places d'hébergement et de logement d'insertion.",
    );
    let one = Operation::get(
        "/api/v1/places/{id}",
        "place",
        crate::NAME,
        "Une place : ce qu'elle est, où elle en est.",
    )
    .view()
    .right("place", "file", Verb::Read)
    .path_parameter("id", Schema::Text, "The place.")
    .problems([Kind::UnknownId])
    .answer(200, "The place.", Schema::named("PlaceFile"), None);
    let structure =
        desk::structure_file("/api/v1/structures/{id}", "structure", crate::NAME, "Une structure.");
    site.operation(list, places, shelf.clone())
        .operation(one, place, shelf.clone())
        .operation(structure, structure_file, shelf)
        .document(|api| {
            desk::supply_schemas(api)
            .schema("PlaceFile", json!({ "type": "object", "required": ["id", "version", "file", "view"], "properties": {
                "id": { "type": "string" }, "version": { "type": "integer" }, "situation": { "type": "string" },
                "file": { "type": "object", "description": "Inventory, off-line spells, hold, occupancies, vacancy." },
                "view": { "$ref": "#/components/schemas/View" } } }))
        })
}

async fn places(
    State(shelf): State<Shelf>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(filter): Query<PlaceFilter>,
) -> Result<Response, Problem> {
    let desk = shelf.desk;
    shelf.reading.read(at_least, move |view| desk::listed(view, &desk, &caller, &filter, false, &page)).await
}

async fn place(
    State(shelf): State<Shelf>,
    Path(id): Path<PlaceId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let view = shelf.reading.page(at_least).await?;
    let unknown = || Problem::unknown_id("place", id);
    let folded = desk::folded(&view, &AggregateId::Place(id))?.ok_or_else(unknown)?;
    let Ledger::Place(is) = &folded.state else { return Err(unknown()) };
    // A dwelling is let by its landlord, who shows it.
    let at = shelf.desk.circumstances(id.territory());
    let seen = is.inventory.description().is_some_and(|is| {
        !is.kind.let_by_committee() && desk::supply_seen(&caller, id.territory(), is.provider, at)
    });
    if !seen {
        return Err(unknown());
    }
    let state = ViewState::of(&view);
    let now = shelf.desk.edge().now();
    let mut shown = desk::shown(id, is, now);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("version".to_owned(), json!(folded.version));
        fields.insert("file".to_owned(), serde_json::to_value(is).map_err(Problem::internal)?);
        fields.insert("view".to_owned(), json!(state));
    }
    Ok(state.versioned(&shown, folded.version))
}

async fn structure_file(
    State(shelf): State<Shelf>,
    Path(id): Path<StructureId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let desk = shelf.desk;
    shelf.reading.read(at_least, move |view| desk::structure_shown(view, &desk, &caller, id, false)).await
}
