//! `GET /api/v1/households/{id}/consents`: what its people said yes and no to, who reads by it, and what was read already.

use std::collections::BTreeMap;

use domain::ledger::AggregateId;
use domain::rights::{Group, Level};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::AtLeast;
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Meant, Reading, ViewState};

use crate::pathway::lines_of;
use crate::timeline::Line;

#[derive(Clone)]
struct Register {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let register = Register { desk: desk.clone(), reading: reading.clone() };
    let summary = "Les accords et oppositions du ménage, qui lit en conséquence, et ce qui a déjà été lu.";
    let operation =
        Operation::get("/api/v1/households/{id}/consents", "household-consents", crate::NAME, summary)
            .view()
            .right("household", "consents", Verb::Read)
            .path_parameter("id", Schema::Text, "The household.")
            .problems([Kind::UnknownId, Kind::BrokerUnreachable])
            .answer(
                200,
                "Consents by id, each with who recorded it and when; the organisations that read, would or have, where \
                 the whole pathway is the caller's to see.",
                Schema::named("HouseholdConsents"),
                None,
            );
    site.operation(operation, consents, register).document(|api| api.schema("HouseholdConsents", schema()))
}

async fn consents(
    State(register): State<Register>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let (desk, asking) = (register.desk.clone(), caller.clone());
    let reading = register.reading.read(at_least, move |view| {
        let seen = desk.see(view, &asking, id, None);
        Ok((seen, lines_of(view, &AggregateId::Household(id))?, ViewState::of(view)))
    });
    let (seen, lines, state) = reading.await?;
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(register.desk.refused(&caller, id, problem).await),
    };
    let is = seen.household().ok_or_else(|| Problem::unknown_id("household", id))?;
    let mut shown = register.desk.file_shown(&caller, id, is, &seen, &["consents"])?.value["consents"].take();
    let recorded = recorded(&lines);
    for (consent, said) in shown.as_object_mut().into_iter().flatten() {
        said["recorded"] = json!(recorded.get(consent.as_str()));
    }
    let readers = if seen.grant.row.level(Group::Path) >= Level::Read {
        Some(register.desk.readers(id).await?)
    } else {
        None
    };
    Ok(state.answer(&json!({ "id": id, "consents": shown, "readers": readers, "view": state })))
}

/// Who recorded what of each consent, in order. A consent that came along from another household was recorded there.
fn recorded(lines: &[(u64, Line)]) -> BTreeMap<&str, Vec<Value>> {
    let mut recorded: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (_, line) in lines.iter().filter(|(_, line)| line.kind.starts_with("consent.")) {
        let Some(consent) = line.body.get("consent").and_then(Value::as_str) else { continue };
        recorded.entry(consent).or_default().push(json!({
            "type": line.kind,
            "at": line.stamp.recorded.to_string(),
            "actor": line.actor,
            "organisation": line.organisation,
            "channel": line.body.get("channel"),
        }));
    }
    recorded
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "consents", "readers", "view"],
        "properties": {
            "id": { "type": "string" },
            "consents": { "type": "object", "description": "By id: who said it, for what, towards whom, how, from when until when, and who recorded it." },
            "readers": {
                "type": ["array", "null"],
                "items": { "$ref": "#/components/schemas/HouseholdReader" },
                "description": "Null where the caller does not see the whole pathway."
            },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
