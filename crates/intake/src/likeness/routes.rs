//! The files that look like one that exists: `GET /api/v1/households/{id}/look-alikes`, to bring two together later.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::HouseholdId;
use domain::rights::{Group, LOOK_ALIKES, Level};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::AtLeast;
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Failure, Meant, ViewState};

use super::look::{LISTED_MAX, Who};
use super::token::Token;
use super::{Finder, view};

pub(crate) fn routes(site: Site, finder: Finder) -> Site {
    let operation = Operation::get(
        "/api/v1/households/{id}/look-alikes",
        "household-look-alikes",
        crate::NAME,
        "Les dossiers qui ressemblent à celui d'un ménage.",
    )
    .view()
    .right(LOOK_ALIKES.on, LOOK_ALIKES.name, Verb::Read)
    .path_parameter("id", Schema::Text, "The household.")
    .problems([Kind::UnknownId, Kind::BrokerUnreachable])
    .answer(
        200,
        "For each file that looks alike: in what, in words, since when it has been a file and whom to ask; its id if the caller may see it. Nothing else of it.",
        Schema::named("LookAlikes"),
        None,
    );
    site.operation(operation, look_alikes, finder).document(|api| api.schema("LookAlikes", schema()))
}

async fn look_alikes(
    State(finder): State<Finder>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let (seen, state) = {
        let page = finder.files.page(at_least).await?;
        (finder.desk.see(&page, &caller, id, None), ViewState::of(&page))
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(finder.desk.refused(&caller, id, problem).await),
    };
    // To whom the name is withheld, the likeness of names would tell some of it.
    if seen.grant.row.level(Group::Id) < Level::Read {
        return Err(Problem::new(Kind::NotAllowed).member("role", caller.rights.role.code()));
    }
    finder.level().await?;
    let found = finder.find(&caller, id, &finder.tokens_of(id)?)?;
    finder.record(&caller, &found).await?;
    Ok(state.answer(&json!({
        "look_alikes": found.listed,
        "more": found.more,
        "listed_max": LISTED_MAX,
        "view": state,
    })))
}

impl Finder {
    /// The tokens of a household by person: nothing has to be opened.
    fn tokens_of(&self, id: HouseholdId) -> Result<Vec<(Who, BTreeSet<Token>)>, Problem> {
        let page = self.rows.reader().page().map_err(|e| desk::unserved(&e))?;
        let mut wanted: BTreeMap<Who, BTreeSet<Token>> = BTreeMap::new();
        if let Some(file) = view::file(&page, id).map_err(Failure)? {
            for (person, token) in file.tokens() {
                wanted.entry(person.map(|person| person.to_string())).or_default().insert(token.clone());
            }
        }
        Ok(wanted.into_iter().collect())
    }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["look_alikes", "more", "listed_max", "view"],
        "properties": {
            "look_alikes": { "type": "array", "items": {
                "type": "object",
                "required": ["registered_on", "contacts", "persons"],
                "properties": {
                    "household": { "type": "string", "description": "Its id; absent where the caller may not see it." },
                    "registered_on": { "type": "string", "format": "date" },
                    "contacts": { "type": "array", "items": {
                        "type": "object",
                        "required": ["organisation", "name"],
                        "properties": { "organisation": { "type": "string" }, "name": { "type": "string" } }
                    } },
                    "persons": { "type": "array", "items": {
                        "type": "object",
                        "required": ["person", "likenesses"],
                        "properties": {
                            "person": { "type": ["string", "null"], "description": "Who looks alike: a person of this household; in a refusal the number of the member in the command, from 0; null for an application's number." },
                            "likenesses": { "type": "array", "items": {
                                "type": "object",
                                "required": ["code", "words"],
                                "properties": {
                                    "code": { "type": "string", "enum": domain::likeness::Likeness::ALL.map(domain::likeness::Likeness::code) },
                                    "words": { "type": "string" }
                                }
                            } }
                        }
                    } }
                }
            } },
            "more": { "type": "boolean", "description": "Whether there are more than are listed." },
            "listed_max": { "type": "integer" },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
