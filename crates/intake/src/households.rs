//! One household, as its own SIAO sees it: `GET /api/v1/households/{id}`.

use domain::calendar;
use domain::household::Registration;
use domain::id::HouseholdId;
use domain::ledger::{AggregateId, State as Ledger};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Caller, Path};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site};

use desk::{Desk, Reading, ViewState};

#[derive(Clone)]
struct Shelf {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let operation =
        Operation::get("/api/v1/households/{id}", "household", crate::NAME, "Le dossier d'un ménage.")
            .view()
            .path_parameter("id", Schema::Text, "The household.")
            .problems([Kind::UnknownId, Kind::BrokerUnreachable])
            .answer(200, "The household, identities opened.", Schema::named("HouseholdFile"), None);
    let shelf = Shelf { desk: desk.clone(), reading: reading.clone() };
    site.operation(operation, household, shelf).document(|api| api.schema("HouseholdFile", schema()))
}

async fn household(
    State(shelf): State<Shelf>,
    Path(id): Path<HouseholdId>,
    _: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let ledger = AggregateId::Household(id);
    let (folded, state) = {
        let page = shelf.reading.page(at_least).await?;
        (desk::folded(&page, &ledger)?, ViewState::of(&page))
    };
    let unknown = || Problem::unknown_id("household", id);
    let folded = folded.ok_or_else(unknown)?;
    let Ledger::Household(is) = &folded.state else { return Err(unknown()) };
    let mut is = is.clone();
    if let Some(keys) = shelf.desk.journal().keys() {
        let opener = keys.opener(id).await.map_err(desk::key_problem)?;
        is.open(&mut |event, schema, sealed| match opener.open(schema, event, sealed.clone()) {
            Ok(opened) => Some(opened),
            Err(error) => {
                tracing_damage(&ledger, &error);
                None
            }
        });
    }
    let today = calendar::day(id.territory(), shelf.desk.edge().now());
    let merged_into = match &is.registration {
        Registration::MergedInto { into } => Some(*into),
        Registration::Unknown | Registration::Registered { .. } => None,
    };
    let typology = is.composition.typology(today);
    let body = json!({
        "id": id,
        "version": folded.version,
        "merged_into": merged_into,
        "typology": typology,
        "file": plain(serde_json::to_value(&is).map_err(Problem::internal)?),
        "view": state,
    });
    Ok(state.versioned(&body, folded.version))
}

fn tracing_damage(ledger: &AggregateId, error: &dyn std::fmt::Display) {
    tracing::error!(%ledger, error = %error, "a sealed value of {ledger} does not open: {error}");
}

/// The state without the marks that sealing needs: a kept value is its content, or says that it is erased or sealed.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            let kept = fields.len() == 3 && fields.contains_key("schema") && fields.contains_key("event");
            match fields.remove("value").filter(|_| kept) {
                Some(Value::Object(mut marked)) => marked
                    .remove("personal")
                    .unwrap_or_else(|| json!({ "readable": false, "erased": marked.contains_key("erased") })),
                Some(other) => other,
                None => Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect()),
            }
        }
        Value::Array(values) => Value::Array(values.into_iter().map(plain).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
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
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
