//! How long a household is kept, and the certificate once it is erased: `GET /api/v1/households/{id}/erasure`.

use domain::calendar::end_of_day;
use domain::household::Household;
use domain::id::HouseholdId;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::AtLeast;
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Meant, Reading, ViewState};

#[derive(Clone)]
struct Register {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let operation = Operation::get(
        "/api/v1/households/{id}/erasure",
        "household-erasure",
        crate::NAME,
        "La conservation d'un dossier, et l'attestation une fois effacé.",
    )
    .view()
    .right("household", "erasure", Verb::Read)
    .path_parameter("id", Schema::Text, "The household.")
    .problems([Kind::UnknownId, Kind::BrokerUnreachable])
    .answer(
        200,
        "How long the household is kept; nothing that identifies it.",
        Schema::named("Erasure"),
        None,
    );
    let register = Register { desk: desk.clone(), reading: reading.clone() };
    site.operation(operation, erasure, register).document(|api| api.schema("Erasure", schema()))
}

async fn erasure(
    State(register): State<Register>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let (seen, state) = {
        let page = register.reading.page(at_least).await?;
        (register.desk.see(&page, &caller, id, None), ViewState::of(&page))
    };
    match seen {
        Ok(seen) => {
            let is = seen.household().ok_or_else(|| Problem::unknown_id("household", id))?;
            let mut body = register.told(id, is);
            body["version"] = json!(seen.folded.version);
            body["view"] = json!(state);
            Ok(state.versioned(&body, seen.folded.version))
        }
        Err(problem) => Err(register.desk.refused(&caller, id, problem).await),
    }
}

impl Register {
    fn told(&self, id: HouseholdId, is: &Household) -> Value {
        let (home, book, now) = (id.territory(), self.desk.book(), self.desk.edge().now());
        let holds = is.keeping.holds.iter().map(|(ground, hold)| {
            let in_force = now <= end_of_day(home, hold.until.0);
            json!({ "ground": ground, "since": hold.since, "until": hold.until, "in_force": in_force })
        });
        let erased = is.erasure().map(|erasure| {
            let certificate = erasure.certificate.as_ref().map(|certificate| {
                json!({
                    "at": certificate.at,
                    "events": certificate.events,
                    "values": certificate.values,
                    "refused": certificate.refused,
                    "epoch": certificate.epoch,
                    "backups_until": certificate.backups_until,
                    "text": {
                        "fr": certificate.french(id, erasure),
                        "en": certificate.english(id, erasure),
                    },
                })
            });
            json!({
                "at": erasure.at,
                "ground": erasure.ground,
                "proposed_by": erasure.proposed_by,
                "confirmed_by": erasure.confirmed_by,
                "certificate": certificate,
            })
        });
        json!({
            "id": id,
            "due": is.due(home, book),
            "unfinished": is.unfinished().map(|unfinished| unfinished.sentence()),
            "holds": holds.collect::<Vec<_>>(),
            "announced": is.announced(home, book),
            "proposed": is.proposal(home, book),
            "erased": erased,
        })
    }
}

fn schema() -> Value {
    let moment = json!({ "type": "string", "format": "date-time" });
    let ground = json!({ "type": "string", "enum": ["request", "retention", "unlawful"] });
    json!({
        "type": "object",
        "required": ["id", "version", "holds", "view"],
        "properties": {
            "id": { "type": "string" },
            "version": { "type": "integer" },
            "due": { "type": ["string", "null"], "format": "date-time", "description": "The last instant the file may be kept, as things stand; null while something of it goes on." },
            "unfinished": { "type": ["string", "null"], "description": "What has to end before it can be erased, in French." },
            "holds": { "type": "array", "items": { "type": "object", "properties": {
                "ground": { "type": "string" },
                "since": moment,
                "until": { "type": "string", "format": "date" },
                "in_force": { "type": "boolean" }
            } } },
            "announced": { "type": ["object", "null"], "properties": { "at": moment, "due": moment } },
            "proposed": { "type": ["object", "null"], "properties": {
                "ground": ground, "by": { "type": "string" }, "at": moment, "confirmed_by": { "type": "string" }
            } },
            "erased": { "type": ["object", "null"], "properties": {
                "at": moment,
                "ground": ground,
                "proposed_by": { "type": "string" },
                "confirmed_by": { "type": "string" },
                "certificate": { "type": ["object", "null"], "description": "Null until the night's rotation has made the erasure irreversible.", "properties": {
                    "at": moment,
                    "events": { "type": "integer" },
                    "values": { "type": "integer" },
                    "refused": { "type": "integer" },
                    "epoch": { "type": "integer" },
                    "backups_until": { "type": "string", "format": "date" },
                    "text": { "type": "object", "properties": { "fr": { "type": "string" }, "en": { "type": "string" } } }
                } }
            } },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
