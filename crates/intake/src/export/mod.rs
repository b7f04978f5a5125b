//! `GET /api/v1/households/{id}/export`: all that is held on one person, for that person (GDPR art. 15): readable or for
//! machines, with who read what.
//!
//! It is made by somebody who may see the file, and holds what their row of the matrix shows and no more; what it does
//! not is said in it. It holds nothing that would tell a person of another one: see [`third`].

mod package;
mod page;
mod third;
mod words;

use std::collections::BTreeSet;

use domain::calendar;
use domain::household::Household;
use domain::id::PersonId;
use domain::reference::MemberLink;
use domain::rights::{Group, Level};
use journal::access::Outcome;
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::body::Body;
use service::axum::extract::State;
use service::axum::http::{HeaderValue, header};
use service::axum::response::{IntoResponse, Response};
use service::extract::{AtLeast, Query};
use service::openapi::{Answer, Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Meant, Reading, Seen, ViewState};

use package::Package;
use page::Page;
use third::Others;
use words::Language;

/// What a copy is made for, unless its maker says otherwise: stands in the journal of readings.
const PURPOSE: &str = "person-request";

#[derive(Clone)]
struct Shelf {
    desk: Desk,
    reading: Reading,
}

/// What an export is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Who asked for it; the main applicant if nobody is named.
    person: Option<PersonId>,
    /// How it is written.
    #[serde(default)]
    format: Format,
    /// In which language a readable one is.
    #[serde(default)]
    language: Language,
    /// Whether free notes were read again for what they say of others.
    notes: Option<Notes>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// For machines.
    #[default]
    Json,
    /// To be read and printed.
    Html,
}

/// What was done about free notes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Notes {
    /// They were read again: nothing in them is of others.
    Reread,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let summary = "Tout ce qui est détenu sur une personne, pour elle : à lire ou pour une machine.";
    let readable = Answer {
        status: 200,
        description: "The same, to be read and printed, with `format=html`.",
        schema: Some(Schema::Text),
        media_type: "text/html",
        example: None,
        headers: Vec::new(),
    };
    let operation = Operation::get("/api/v1/households/{id}/export", "household-export", crate::NAME, summary)
        .view()
        .right("household", "export", Verb::Read)
        .path_parameter("id", Schema::Text, "The household.")
        .query_parameter("person", Schema::Text, "Who asked: an adult who is or was of it; its main applicant if absent.")
        .query_parameter("format", Schema::Text, "json, or html for a page to read and print; json if absent.")
        .query_parameter("language", Schema::Text, "Of a page: fr or en; fr if absent.")
        .query_parameter(
            "notes",
            Schema::Text,
            "reread: free notes were read again and say nothing of others. Needed only where another adult is or was of \
             the household; without it they stay out.",
        )
        .problems([Kind::UnknownId, Kind::BrokerUnreachable])
        .answer(
            200,
            "The file, every event with its values opened, and who read what. It is complete if it ends with \
             `complete`: true.",
            Schema::named("HouseholdExport"),
            None,
        )
        .answer_with(readable);
    let shelf = Shelf { desk: desk.clone(), reading: reading.clone() };
    site.operation(operation, export, shelf).document(|api| api.schema("HouseholdExport", schema()))
}

async fn export(
    State(shelf): State<Shelf>,
    Meant(id): Meant,
    mut caller: Caller,
    at_least: AtLeast,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    if caller.purpose.is_none() {
        caller.purpose = Some(PURPOSE.parse().map_err(Problem::internal)?);
    }
    let (seen, state) = {
        let page = shelf.reading.page(at_least).await?;
        (shelf.desk.see(&page, &caller, id, None), ViewState::of(&page))
    };
    let mut seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(shelf.desk.refused(&caller, id, problem).await),
    };
    // What is open for an hour is open to act, not to be taken away.
    if seen.grant.in_emergency {
        shelf.desk.record_read(&caller, id, &BTreeSet::new(), Outcome::Refused).await?;
        let sentence = "Un dossier ouvert en urgence ne se copie pas : demandez-le à une personne désignée.";
        return Err(Problem::new(Kind::NotAllowed).detail(sentence));
    }
    let is = seen.household().ok_or_else(|| Problem::unknown_id("household", id))?.clone();
    let today = calendar::day(id.territory(), shelf.desk.edge().now());
    let person = asker(&is, asked.person).ok_or_else(|| match asked.person {
        Some(person) => Problem::unknown_id("person", person),
        None => Problem::unknown_id("household", id),
    })?;
    let others = Others::of(id, &is, person, today);
    let withheld = desk::withheld(&seen);
    restrict(&mut seen, &others, asked.notes.is_some());
    let groups = Group::ALL.into_iter().filter(|group| seen.grant.row.level(*group) > Level::None).collect();
    shelf.desk.record_read(&caller, id, &groups, Outcome::Granted).await?;
    let (media_type, page) = match asked.format {
        Format::Json => ("application/json", None),
        Format::Html => ("text/html; charset=utf-8", Some(Page::new(asked.language, id))),
    };
    let package = Package::open(shelf.desk.clone(), caller, id, is, seen, others, withheld, state).await?;
    let mut response = Body::from_stream(package.written(page)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}

/// Who asks: the person named, if they are or were of the household; else its main applicant.
fn asker(is: &Household, named: Option<PersonId>) -> Option<PersonId> {
    let members = &is.composition.members;
    let Some(named) = named else {
        let main = |(_, member): &(&PersonId, &domain::household::composition::Person)| {
            member.link == MemberLink::main_applicant()
        };
        return members.iter().find(main).map(|(person, _)| *person);
    };
    let known = members.contains_key(&named) || is.gone.iter().any(|gone| gone.person == named);
    known.then_some(named)
}

/// Takes out of the maker's row what could tell the asker of another adult of the household: safety always, what was
/// written freely unless it was read again.
fn restrict(seen: &mut Seen, others: &Others, reread: bool) {
    if others.is_alone() {
        return;
    }
    let mut row = seen.grant.row.clone().with(Group::Viol, Level::None);
    if !reread {
        row = row.with(Group::Soc, Level::None);
    }
    seen.grant.row = row;
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["format", "schema", "made_at", "household", "person", "file", "events", "accesses", "complete"],
        "properties": {
            "format": { "const": package::FORMAT },
            "schema": { "type": "string", "description": "Where this schema is." },
            "made_at": { "type": "string", "format": "date-time" },
            "made_by": { "type": "object", "description": "The organisation and the role of who made it." },
            "household": { "type": "string" },
            "person": { "type": "string", "description": "Whom it is for." },
            "withheld": { "type": "object", "description": "The groups of fields that who made it does not see, or sees a part of." },
            "third_persons": { "type": "boolean", "description": "Whether what could tell of another adult is left out." },
            "file": { "type": "object", "description": "What is known now, as in HouseholdFile." },
            "events": { "type": "array", "items": { "type": "object", "description": "A CloudEvent 1.0, its values opened; `dataschema` names the schema of `data`." } },
            "accesses": { "type": "array", "items": { "type": "object", "properties": {
                "at": { "type": "string", "format": "date-time" },
                "organisation": { "type": "string" },
                "organisation_name": { "type": ["string", "null"] },
                "role": { "type": "string" },
                "action": { "type": "string" },
                "purpose": { "type": "string" },
                "fields": { "type": "array", "items": { "type": "string" } },
                "outcome": { "enum": ["granted", "refused", "break-glass"] } } } },
            "complete": { "const": true }
        }
    })
}
