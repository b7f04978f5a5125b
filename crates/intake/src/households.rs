//! One household, as whoever asks may see it: `GET /api/v1/households/{id}`.

use domain::calendar;
use domain::household::Registration;
use domain::id::OrganisationId;
use domain::ledger::AggregateId;
use domain::organisation::{OrganisationKind, OrganisationLedger};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Meant, Reading, ViewState};

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
    let reference = reference_operation();
    site.operation(operation, household, shelf.clone()).operation(reference, reference_of, shelf).document(
        |api| api.schema("HouseholdFile", schema()).schema("HouseholdReference", reference_schema()),
    )
}

fn reference_operation() -> Operation {
    Operation::get(
        "/api/v1/households/{id}/reference",
        "household-reference",
        crate::NAME,
        "La référence sous laquelle un bailleur connaît un ménage.",
    )
    .view()
    .right("household", "reference", Verb::Read)
    .path_parameter("id", Schema::Text, "The household.")
    .query_parameter("landlord", Schema::Text, "The landlord: 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90.")
    .problems([Kind::UnknownId, Kind::BrokerUnreachable])
    .answer(
        200,
        "What this landlord calls the household, and nobody else.",
        Schema::named("HouseholdReference"),
        None,
    )
}

async fn household(
    State(shelf): State<Shelf>,
    Meant(id): Meant,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    landlord: OrganisationId,
}

/// The reference of a household for a landlord: told to the landlord by whoever follows the household, who calls it by its id.
async fn reference_of(
    State(shelf): State<Shelf>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
    Query(Whose { landlord }): Query<Whose>,
) -> Result<Response, Problem> {
    let (seen, known, state) = {
        let page = shelf.reading.page(at_least).await?;
        let known = desk::folded(&page, &AggregateId::Organisation(landlord))?;
        (shelf.desk.see(&page, &caller, id, None), known, ViewState::of(&page))
    };
    if let Err(problem) = seen {
        return Err(shelf.desk.refused(&caller, id, problem).await);
    }
    let lets = |kind| kind == OrganisationKind::SocialLandlord;
    if !known
        .as_deref()
        .and_then(desk::organisation)
        .and_then(OrganisationLedger::open)
        .is_some_and(|is| lets(is.kind))
    {
        return Err(Problem::unknown_id("organisation", landlord));
    }
    let reference = desk::references(shelf.desk.journal(), landlord)?.of(id);
    Ok(state.answer(&json!({ "id": id, "landlord": landlord, "reference": reference, "view": state })))
}

fn reference_schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "landlord", "reference", "view"],
        "properties": {
            "id": { "type": "string" },
            "landlord": { "type": "string" },
            "reference": { "type": "string", "description": "It has the form of an id. The landlord uses it wherever an id of a household is asked for." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
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
