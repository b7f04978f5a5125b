//! `GET /api/v1/households/{id}/accesses/proof`: what proves that nothing is missing from the account of who read what.

use domain::id::HouseholdId;
use jiff::Timestamp;
use journal::access::{About, Period, subject_of};
use journal::seals::{Excerpt, Line};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Cursor, Page, Query};
use service::http::Counted;
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Meant};

use super::Register;

/// How many entries are asked for at once.
const LINES: usize = 1_000;

pub(super) fn routes(site: Site, register: &Register) -> Site {
    let path = "/api/v1/households/{id}/accesses/proof";
    let summary = "De quoi prouver que rien ne manque à « qui a lu quoi ».";
    let prove = Operation::get(path, "household-accesses-proof", crate::NAME, summary)
        .view()
        .query_parameter("cursor", Schema::Text, "Where to read on: the cursor of the page before.")
        .right("household", "accesses", Verb::Read)
        .counted(Counted::Export)
        .path_parameter("id", Schema::Text, "The household.")
        .query_parameter("from", Schema::Moment, "The beginning of the time that is asked about.")
        .query_parameter("until", Schema::Moment, "Its end; seals that reach into the time count whole.")
        .problems([Kind::UnknownId, Kind::MalformedCursor])
        .answer(
            200,
            "Seals in order, a page of them, with the entries under them as they were recorded, reasons sealed; with the last page come the entries that are not sealed yet.",
            Schema::named("AccessesProof"),
            None,
        );
    site.operation(prove, proof, register.clone()).document(|api| api.schema("AccessesProof", schema()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    from: Option<Timestamp>,
    #[serde(default)]
    until: Option<Timestamp>,
}

async fn proof(
    State(register): State<Register>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(Asked { from, until }): Query<Asked>,
) -> Result<Response, Problem> {
    // Behind which entry of the chain, and behind which position of what is sealed.
    let (after, covered) = page.cursor.as_ref().map_or(Ok((0, 0)), Cursor::read::<(u64, u64)>)?;
    let state = register.seen(&caller, id, at_least).await?;
    let journal = register.desk.journal();
    let keys =
        if after == 0 { journal.keys_of_seals().await.map_err(desk::read_problem)? } else { Vec::new() };
    let found = journal.seals_of_accesses(Period { from, until }, after).await.map_err(desk::read_problem)?;
    let (mut lines, mut to) = (Vec::new(), covered);
    if let Some((first, last)) = found.covers {
        lines.extend(under(&register, id, first, last).await?);
        to = last;
    }
    if !found.more && until.is_none() {
        lines.extend(under(&register, id, to + 1, u64::MAX).await?);
    }
    let next = found.more.then(|| Cursor::of(&(found.cursor, to))).transpose().map_err(Problem::internal)?;
    let excerpt = Excerpt { subject: subject_of(About::Household(id)), keys, seals: found.seals, lines };
    Ok(state.answer(&json!({ "id": id, "proof": excerpt, "next": next, "view": state })))
}

/// All entries about a household from one position to another.
async fn under(register: &Register, id: HouseholdId, from: u64, to: u64) -> Result<Vec<Line>, Problem> {
    let (mut all, mut from) = (Vec::new(), from);
    loop {
        let found =
            register.desk.journal().access_lines(id, from, to, LINES).await.map_err(desk::read_problem)?;
        let Some(last) = found.lines.last().map(|line| line.position) else { return Ok(all) };
        all.extend(found.lines);
        if !found.more {
            return Ok(all);
        }
        from = last + 1;
    }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "proof", "next", "view"],
        "properties": {
            "id": { "type": "string" },
            "proof": {
                "type": "object",
                "required": ["subject", "keys", "seals", "lines"],
                "properties": {
                    "subject": { "type": "string", "description": "What all of the entries stand under." },
                    "keys": { "type": "array", "items": { "type": "string" }, "description": "Entries of the chain about its keys, to the letter; on the first page." },
                    "seals": { "type": "array", "items": { "type": "string" }, "description": "Entries of the chain, to the letter." },
                    "lines": { "type": "array", "items": { "type": "object", "properties": {
                        "position": { "type": "integer" },
                        "body": { "type": "string", "description": "The entry, to the letter." } } } }
                }
            },
            "next": { "type": ["string", "null"] },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
