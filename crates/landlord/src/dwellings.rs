//! Dwellings with their allocation, and the housing part of a household's file: never a name.

use domain::id::{PlaceId, StructureId};
use domain::ledger::{AggregateId, State as Ledger};
use serde_json::json;
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Path, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Meant, PlaceFilter, Reading, ViewState};

#[derive(Clone)]
struct Shelf {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let shelf = Shelf { desk: desk.clone(), reading: reading.clone() };
    let list = desk::place_list("/api/v1/dwellings", "dwellings", crate::NAME, "Les logements sociaux.");
    let one = Operation::get(
        "/api/v1/dwellings/{id}",
        "dwelling",
        crate::NAME,
        "Un logement, sa mise à disposition et ses candidats.",
    )
    .view()
    .right("dwelling", "file", Verb::Read)
    .path_parameter("id", Schema::Text, "The dwelling.")
    .problems([Kind::UnknownId])
    .answer(200, "The dwelling.", Schema::named("DwellingFile"), None);
    let housing = Operation::get(
        "/api/v1/households/{id}/housing",
        "household-housing",
        crate::NAME,
        "La demande de logement social d'un ménage, ses labels, candidatures et baux.",
    )
    .view()
    .right("household", "housing", Verb::Read)
    .path_parameter("id", Schema::Text, "The household.")
    .problems([Kind::UnknownId])
    .answer(200, "The housing part of the file.", Schema::named("HousingFile"), None);
    let building =
        desk::structure_file("/api/v1/buildings/{id}", "building", crate::NAME, "Une résidence du bailleur.");
    site.operation(list, dwellings, shelf.clone())
        .operation(one, dwelling, shelf.clone())
        .operation(building, building_file, shelf.clone())
        .operation(housing, housing_of, shelf)
        .document(|api| {
            desk::supply_schemas(api)
            .schema("DwellingFile", json!({ "type": "object", "required": ["id", "version", "allocation", "view"], "properties": {
                "id": { "type": "string" }, "version": { "type": "integer" }, "situation": { "type": "string" },
                "allocation": { "type": ["object", "null"], "description": "The open vacancy with its holder, candidates by candidacy and committee." },
                "view": { "$ref": "#/components/schemas/View" } } }))
            .schema("HousingFile", json!({ "type": "object", "required": ["id", "version", "view"], "properties": {
                "id": { "type": "string" }, "version": { "type": "integer" },
                "applications": { "type": "object" }, "labels": { "type": "object" },
                "candidacies": { "type": "object" }, "leases": { "type": "object" },
                "view": { "$ref": "#/components/schemas/View" } } }))
        })
}

async fn dwellings(
    State(shelf): State<Shelf>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(filter): Query<PlaceFilter>,
) -> Result<Response, Problem> {
    let desk = shelf.desk;
    shelf.reading.read(at_least, move |view| desk::listed(view, &desk, &caller, &filter, true, &page)).await
}

async fn dwelling(
    State(shelf): State<Shelf>,
    Path(id): Path<PlaceId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let view = shelf.reading.page(at_least).await?;
    let unknown = || Problem::unknown_id("place", id);
    let folded = desk::folded(&view, &AggregateId::Place(id))?.ok_or_else(unknown)?;
    let Ledger::Place(is) = &folded.state else { return Err(unknown()) };
    let at = shelf.desk.circumstances(id.territory());
    let seen = is.inventory.description().is_some_and(|is| {
        is.kind.let_by_committee() && desk::supply_seen(&caller, id.territory(), is.provider, at)
    });
    if !seen {
        return Err(unknown());
    }
    let state = ViewState::of(&view);
    let mut shown = desk::shown(id, is, shelf.desk.edge().now());
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("version".to_owned(), json!(folded.version));
        fields.insert("allocation".to_owned(), json!(is.open_vacancy()));
        fields.insert("view".to_owned(), json!(state));
    }
    Ok(state.versioned(&shown, folded.version))
}

async fn building_file(
    State(shelf): State<Shelf>,
    Path(id): Path<StructureId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let desk = shelf.desk;
    shelf.reading.read(at_least, move |view| desk::structure_shown(view, &desk, &caller, id, true)).await
}

async fn housing_of(
    State(shelf): State<Shelf>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let (seen, state) = {
        let view = shelf.reading.page(at_least).await?;
        (shelf.desk.see(&view, &caller, id, None), ViewState::of(&view))
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(shelf.desk.refused(&caller, id, problem).await),
    };
    let parts = ["applications", "labels", "candidacies", "leases"];
    let mut file = shelf.desk.answered(&caller, id, &seen, &parts).await?;
    let version = seen.folded.version;
    if let Some(fields) = file.as_object_mut() {
        fields.insert("id".to_owned(), json!(id));
        fields.insert("version".to_owned(), json!(version));
        fields.insert("view".to_owned(), json!(state));
    }
    Ok(state.versioned(&file, version))
}
