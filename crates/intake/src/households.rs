//! One household, as whoever asks may see it: `GET /api/v1/households/{id}`.

use domain::calendar;
use domain::household::Registration;
use domain::id::HouseholdId;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Path};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Reading, ViewState};

#[derive(Clone)]
struct Shelf {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let operation =
        Operation::get("/api/v1/households/{id}", "household", crate::NAME, "Le dossier d'un ménage.")
            .view()
            .right("household", "file", Verb::Read)
            .path_parameter("id", Schema::Text, "The household.")
            .problems([Kind::UnknownId, Kind::BrokerUnreachable])
            .answer(
                200,
                "The household, as much of it as the caller's row of the matrix shows.",
                Schema::named("HouseholdFile"),
                None,
            );
    let shelf = Shelf { desk: desk.clone(), reading: reading.clone() };
    site.operation(operation, household, shelf).document(|api| api.schema("HouseholdFile", schema()))
}

async fn household(
    State(shelf): State<Shelf>,
    Path(id): Path<HouseholdId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let (seen, state) = {
        let page = shelf.reading.page(at_least).await?;
        (shelf.desk.see(&page, &caller, id, None), ViewState::of(&page))
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(shelf.desk.refused(&caller, id, problem).await),
    };
    let file = shelf.desk.answered(&caller, id, &seen, &[]).await?;
    let version = seen.folded.version;
    let unknown = || Problem::unknown_id("household", id);
    let is = seen.household().ok_or_else(unknown)?;
    let merged_into = match &is.registration {
        Registration::MergedInto { into } => Some(*into),
        Registration::Unknown | Registration::Registered { .. } | Registration::Erased(_) => None,
    };
    let today = calendar::day(id.territory(), shelf.desk.edge().now());
    let body = json!({
        "id": id,
        "version": version,
        "merged_into": merged_into,
        "typology": is.composition.typology(today),
        "file": file,
        "withheld": desk::withheld(&seen),
        "opened_in_emergency": seen.grant.in_emergency,
        "view": state,
    });
    Ok(state.versioned(&body, version))
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "version", "typology", "file", "view"],
        "properties": {
            "id": { "type": "string" },
            "version": { "type": "integer" },
            "merged_into": { "type": ["string", "null"] },
            "typology": { "type": "string", "description": "SI-SIAO code of the composition today." },
            "file": { "type": "object", "description": "Composition, requests, referrals, stays, applications, labels, candidacies, leases, consents, by id." },
            "withheld": { "type": "object", "description": "The groups of fields that the caller does not see, or sees a part of; said of every file." },
            "opened_in_emergency": { "type": "boolean", "description": "Whether the file is protected and open to the caller for an hour." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
