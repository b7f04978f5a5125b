//! Questions about capacity: `GET /api/v1/inquiries` and one of them. They are asked and answered without a name.
//!
//! **Invariant.** Who asked reads all answers; who is asked reads the question and what they answered themselves, and learns
//! neither who else answered nor how many. For anybody else there is no question.

use domain::id::{InquiryId, OrganisationId, Territory};
use domain::inquiry::{Answer, Asked};
use domain::ledger::AggregateId;
use domain::rights::InquirySeen;
use projection::{Page as View, key};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Path, Query as Parameters};
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Failure, INQUIRIES, ViewState};

use crate::source::Source;

/// How many questions are looked at for one page.
const LOOKED_AT_MAX: usize = 10_000;

pub(crate) fn routes(site: Site, source: Source) -> Site {
    let list = Operation::get(
        "/api/v1/inquiries",
        "inquiries",
        crate::NAME,
        "Les questions de capacité que l'organisme a posées ou qui lui sont posées.",
    )
    .list()
    .query_parameter("open", Schema::Flag, "Those alone that may be answered, or those alone that are over.")
    .right("inquiry", "list", Verb::Read)
    .answer(200, "The questions, by département and age.", Schema::named("Inquiries"), None);
    let one = Operation::get(
        "/api/v1/inquiries/{id}",
        "inquiry",
        crate::NAME,
        "Une question de capacité, et ses réponses.",
    )
    .path_parameter("id", Schema::Text, "The question.")
    .problems([Kind::UnknownId])
    .view()
    .right("inquiry", "file", Verb::Read)
    .answer(200, "The question.", Schema::named("Inquiry"), None);
    site.operation(list, all, source.clone()).operation(one, file, source).document(schemas)
}

fn schemas(api: Api) -> Api {
    let answered = json!({
        "type": "object",
        "required": ["by", "at", "answer"],
        "properties": {
            "by": { "type": "string" },
            "at": { "type": "string", "format": "date-time" },
            "answer": { "$ref": "#/components/schemas/Answer" }
        }
    });
    let one = json!({
        "type": "object",
        "required": ["id", "sought", "since", "until", "situation", "own"],
        "properties": {
            "id": { "type": "string" },
            "version": { "type": "integer" },
            "own": { "type": "boolean", "description": "Whether the reader's organisation asked it." },
            "sought": { "$ref": "#/components/schemas/Sought" },
            "since": { "type": "string", "format": "date-time" },
            "until": { "type": "string", "format": "date-time" },
            "situation": { "type": "object", "description": "open, closed or expired, since when, with which outcome." },
            "places": { "type": "integer", "description": "To who asked: in how many places all who answered could." },
            "answers": {
                "type": "array",
                "description": "To who asked, all; to who is asked, their own.",
                "items": answered
            },
            "view": { "$ref": "#/components/schemas/View" }
        }
    });
    let all = json!({
        "type": "object",
        "required": ["inquiries", "view"],
        "properties": {
            "inquiries": { "type": "array", "items": { "$ref": "#/components/schemas/Inquiry" } },
            "next": { "type": "string" },
            "view": { "$ref": "#/components/schemas/View" }
        }
    });
    api.schema("Inquiry", one).schema("Inquiries", all)
}

/// A question as somebody is told of it.
fn shown(id: InquiryId, is: &Asked, seen: InquirySeen, reader: OrganisationId) -> Value {
    let told = is.answers.iter().filter(|(by, _)| seen == InquirySeen::Whole || **by == reader);
    let answers: Vec<_> =
        told.map(|(by, given)| json!({ "by": by, "at": given.at, "answer": given.answer })).collect();
    let mut question = json!({
        "id": id,
        "own": seen == InquirySeen::Whole,
        "sought": is.sought,
        "since": is.since,
        "until": is.until,
        "situation": is.situation,
        "answers": answers,
    });
    if seen == InquirySeen::Whole {
        question["places"] = json!(is.answers.values().map(|given| places(&given.answer)).sum::<u32>());
    }
    question
}

fn places(answer: &Answer) -> u32 {
    match answer {
        Answer::Available { places, .. } => u32::from(*places),
        Answer::Unavailable { .. } => 0,
    }
}

/// Which questions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    open: Option<bool>,
}

async fn all(
    State(source): State<Source>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    let reading = source.reading.clone();
    reading.read(at_least, move |view| source.inquiries(view, &caller, &page, which.open)).await
}

async fn file(
    State(source): State<Source>,
    Path(id): Path<InquiryId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let view = source.reading.page(at_least).await?;
    let (asked, version, seen) = source.desk.inquiry(&view, &caller, id)?;
    let state = ViewState::of(&view);
    let mut file = shown(id, &asked, seen, caller.organisation());
    file["version"] = json!(version);
    file["view"] = json!(state);
    Ok(state.answer(&file))
}

impl Source {
    /// One page of the questions that the caller is told of.
    fn inquiries(
        &self,
        view: &View,
        caller: &Caller,
        page: &Page,
        open: Option<bool>,
    ) -> Result<Response, Problem> {
        let from = self.desk.row_of(page, Vec::new())?;
        let rows = view.range(INQUIRIES, &from, None).map_err(Failure)?;
        let (told, next) = self.desk.page_of(rows, (page.limit, LOOKED_AT_MAX), |at, _| {
            let Some((_, AggregateId::Inquiry(id))) = key::read::<(Territory, AggregateId)>(at) else {
                return Ok(None);
            };
            let found = crate::events::known(self.desk.inquiry(view, caller, id))?;
            let found = found.filter(|(asked, ..)| open.is_none_or(|open| asked.is_open() == open));
            Ok(found.map(|(asked, _, seen)| shown(id, &asked, seen, caller.organisation())))
        })?;
        let state = ViewState::of(view);
        Ok(state.answer(&json!({ "inquiries": told, "next": next, "view": state })))
    }

    /// The body of an event of a question as the caller is told of it: answers are told to who asked, and to who gave them.
    pub(crate) fn inquiry_told(
        &self,
        view: &View,
        caller: &Caller,
        id: InquiryId,
        body: Value,
    ) -> Result<Option<Value>, Problem> {
        let Some((_, _, seen)) = crate::events::known(self.desk.inquiry(view, caller, id))? else {
            return Ok(None);
        };
        let given_by = body.get("by").and_then(Value::as_str);
        let own = given_by.is_none_or(|by| by == caller.organisation().to_string());
        Ok((own || seen == InquirySeen::Whole).then_some(body))
    }
}
