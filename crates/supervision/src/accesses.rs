//! `GET /api/v1/households/{id}/accesses`: who read, or wanted to read, what of one household's file, and what for.

mod proof;

use domain::id::HouseholdId;
use journal::access::{Access, Outcome, Withheld};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Cursor, Page};
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
    let register = Register { desk: desk.clone(), reading: reading.clone() };
    let summary = "Qui a lu quoi du dossier d'un ménage, quand et pourquoi.";
    let list = Operation::get("/api/v1/households/{id}/accesses", "household-accesses", crate::NAME, summary)
        .list()
        .right("household", "accesses", Verb::Read)
        .path_parameter("id", Schema::Text, "The household.")
        .problems([Kind::UnknownId])
        .answer(
            200,
            "Each reading of identified data and each attempt that was refused, in order, page by page.",
            Schema::named("Accesses"),
            None,
        );
    let site = proof::routes(site, &register);
    site.operation(list, accesses, register).document(|api| api.schema("Accesses", schema()))
}

impl Register {
    /// Whether the household is there for the caller, who may read who read its file; how far the view had read.
    async fn seen(&self, caller: &Caller, id: HouseholdId, at_least: AtLeast) -> Result<ViewState, Problem> {
        let (desk, asking) = (self.desk.clone(), caller.clone());
        let reading = self.reading.read(at_least, move |view| {
            Ok((desk.see(view, &asking, id, None).map(drop), ViewState::of(view)))
        });
        match reading.await? {
            (Ok(()), state) => Ok(state),
            (Err(problem), _) => Err(self.desk.refused(caller, id, problem).await),
        }
    }
}

async fn accesses(
    State(register): State<Register>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
) -> Result<Response, Problem> {
    let after = page.cursor.as_ref().map_or(Ok(0), Cursor::read::<u64>)?;
    let state = register.seen(&caller, id, at_least).await?;
    let found = register.desk.journal().accesses_of(id, after, page.limit).await.map_err(desk::unread)?;
    let next = found.more.then(|| Cursor::of(&found.cursor)).transpose().map_err(Problem::internal)?;
    let shown: Vec<_> = found.entries.iter().map(entry).collect();
    Ok(state.answer(&json!({ "id": id, "accesses": shown, "next": next, "view": state })))
}

fn entry(access: &Access) -> Value {
    let said = &access.entry;
    json!({
        "id": said.id,
        "at": said.at.to_string(),
        "actor": said.actor,
        "organisation": said.organisation,
        "role": said.role,
        "action": said.action,
        "purpose": said.purpose,
        "fields": said.fields,
        "outcome": match said.outcome {
            Outcome::Granted => "granted",
            Outcome::Refused => "refused",
            Outcome::BreakGlass => "break-glass",
        },
        "reason": said.reason,
        "reason_withheld": access.withheld.map(|why| match why {
            Withheld::Erased => "erased",
            Withheld::Sealed => "sealed",
            Withheld::Damaged => "damaged",
        }),
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "accesses", "next", "view"],
        "properties": {
            "id": { "type": "string" },
            "accesses": { "type": "array", "items": { "type": "object", "properties": {
                "id": { "type": "string" },
                "at": { "type": "string", "format": "date-time" },
                "actor": { "type": "string", "description": "Who: an opaque code." },
                "organisation": { "type": "string" },
                "role": { "type": "string" },
                "action": { "type": "string", "description": "What was asked for: `household.file`." },
                "purpose": { "type": "string", "description": "What for." },
                "fields": { "type": "array", "items": { "type": "string" }, "description": "The groups of fields that were shown." },
                "outcome": { "enum": ["granted", "refused", "break-glass"] },
                "reason": { "type": ["string", "null"], "description": "Why, in the reader's own words." },
                "reason_withheld": { "enum": ["erased", "sealed", "damaged", null], "description": "Why a reason that was given is not shown." } } } },
            "next": { "type": ["string", "null"], "description": "The cursor of the next page, if there is one." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
