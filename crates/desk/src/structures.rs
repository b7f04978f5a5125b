//! Structures as their file shows them: providers theirs, landlords their buildings.

use domain::id::StructureId;
use domain::ledger::{AggregateId, State as Ledger};
use projection::Page as View;
use serde_json::json;
use service::axum::response::Response;
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::{Problem, Verb};

use crate::gate::Caller;
use crate::reading::{ViewState, folded};
use crate::seen::supply_seen;
use crate::take::Desk;

/// The documentation of one structure at `path`.
#[must_use]
pub fn structure_file(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::get(path, id, tag, summary)
        .view()
        .right(id, "file", Verb::Read)
        .path_parameter("id", Schema::Text, "The structure.")
        .problems([Kind::UnknownId])
        .answer(200, "The structure.", Schema::named("StructureFile"), None)
}

/// The file of one structure, if it is a landlord's building or is none, as `building` says.
///
/// # Errors
/// [`Problem`] `unknown-id` when there is none of that sort; `aggregate-stopped` when its rows stand still.
pub fn structure_shown(
    page: &View,
    desk: &Desk,
    caller: &Caller,
    id: StructureId,
    building: bool,
) -> Result<Response, Problem> {
    let unknown = || Problem::unknown_id("structure", id);
    let folded = folded(page, &AggregateId::Structure(id))?.ok_or_else(unknown)?;
    let Ledger::Structure(is) = &folded.state else { return Err(unknown()) };
    if is.profile().is_some_and(|profile| profile.kind.let_by_committee()) != building {
        return Err(unknown());
    }
    let at = desk.circumstances(id.territory());
    if !is.profile().is_some_and(|is| supply_seen(caller, id.territory(), is.provider, at)) {
        return Err(unknown());
    }
    let state = ViewState::of(page);
    let body = json!({ "id": id, "version": folded.version, "file": is, "view": state });
    Ok(state.versioned(&body, folded.version))
}

/// The schemas of lists of places and of structures, for every service that shows them.
#[must_use]
pub fn supply_schemas(api: Api) -> Api {
    let view = json!({ "$ref": "#/components/schemas/View" });
    api.schema(
        "Places",
        json!({
            "type": "object",
            "required": ["places", "view"],
            "properties": {
                "places": { "type": "array", "items": { "type": "object" } },
                "next": { "type": ["string", "null"] },
                "view": view
            }
        }),
    )
    .schema(
        "StructureFile",
        json!({
            "type": "object",
            "required": ["id", "version", "file", "view"],
            "properties": {
                "id": { "type": "string" },
                "version": { "type": "integer" },
                "file": { "type": "object" },
                "view": view
            }
        }),
    )
}
