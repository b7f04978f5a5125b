//! One operation: where it is, what it takes, what it answers, and how it says no.

use axum::routing::MethodFilter;
use serde_json::Value;
use utoipa::openapi::HttpMethod;

use crate::http::{Counted, Needs, Verb};
use crate::problem::Kind;

/// What a parameter or a body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// One of the schemas of the API, by name.
    Named(String),
    /// A list of what bears that name.
    ListOf(String),
    /// Any text.
    Text,
    /// A whole number from 0.
    Count,
    /// True or false.
    Flag,
    /// A day: `2026-03-15`.
    Day,
    /// A moment: `2026-03-15T12:00:00Z`.
    Moment,
}

impl Schema {
    /// One of the schemas of the API, by name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self::Named(name.into())
    }
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path: `{id}`.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Whether it must be there; always so in a path.
    pub required: bool,
    /// What it means.
    pub description: &'static str,
    /// What it is.
    pub schema: Schema,
}

/// A success.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What it means.
    pub description: &'static str,
    /// Its body, if it has one.
    pub schema: Option<Schema>,
    /// The media type of its body.
    pub media_type: &'static str,
    /// A body as it could be.
    pub example: Option<Value>,
    /// The headers it has besides those of all answers: name and meaning.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// An operation of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<Kind>,
    pub(super) needs: Needs,
    pub(super) counted: Counted,
    /// Whether others decide which parameters come.
    pub(super) any_query: bool,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Body {
    pub(super) schema: Schema,
    pub(super) media_type: &'static str,
    pub(super) example: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

impl Operation {
    /// A query: `GET path`. `id` is its name in generated clients, `tag` the service, `summary` half a line.
    #[must_use]
    pub fn get(path: &'static str, id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Get, path, id, tag, summary)
    }

    /// A command: `POST path`.
    #[must_use]
    pub fn post(path: &'static str, id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self::new(Method::Post, path, id, tag, summary)
    }

    /// The names of the parameters of the query that it understands.
    #[must_use]
    pub fn query_names(&self) -> Vec<&'static str> {
        let of_query = self.parameters.iter().filter(|parameter| parameter.place == Place::Query);
        of_query.map(|parameter| parameter.name).collect()
    }

    fn new(
        method: Method,
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            id,
            tag,
            summary,
            description: None,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: vec![Kind::Internal, Kind::TooBusy, Kind::TimedOut],
            needs: Needs::Unstated,
            counted: Counted::Request,
            any_query: false,
        }
    }

    /// Anybody may ask: signing in itself, what is public. Said of few.
    #[must_use]
    pub fn open_to_all(mut self) -> Self {
        self.needs = Needs::Nothing;
        self.problems([Kind::TooManyRequests])
    }

    /// Who signed in may ask, in whatever role.
    #[must_use]
    pub fn for_all_signed_in(self) -> Self {
        self.guarded(Needs::SignedIn)
    }

    /// Who has this right may ask: `household`, `propose-referral`.
    #[must_use]
    pub fn right(self, on: &'static str, name: &'static str, verb: Verb) -> Self {
        self.guarded(Needs::Right { on, name, verb }).problems([Kind::NotAllowed, Kind::TokenNotAllowed])
    }

    fn guarded(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self.problems([Kind::SignInNeeded, Kind::RequestForged, Kind::TooManyRequests])
    }

    /// With a bound of its own, for each person and each program.
    #[must_use]
    pub fn counted(mut self, counted: Counted) -> Self {
        self.counted = counted;
        self
    }

    /// With whatever parameters come: others, whom we cannot correct, send the browser here.
    #[must_use]
    pub fn with_any_query(mut self) -> Self {
        self.any_query = true;
        self
    }

    /// What it is bounded as.
    pub(crate) fn is_counted(&self) -> Counted {
        self.counted
    }

    /// Whether whatever parameters come are taken.
    pub(crate) fn takes_any_query(&self) -> bool {
        self.any_query
    }

    /// What it needs of its caller.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// With more than half a line about it (CommonMark).
    #[must_use]
    pub fn describe(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// With a parameter of the path, an id: what is none is `malformed-id`.
    #[must_use]
    pub fn path_parameter(mut self, name: &'static str, schema: Schema, description: &'static str) -> Self {
        self.parameters.push(Parameter { name, place: Place::Path, required: true, description, schema });
        self.problems([Kind::MalformedId])
    }

    /// With an optional parameter of the query.
    #[must_use]
    pub fn query_parameter(mut self, name: &'static str, schema: Schema, description: &'static str) -> Self {
        self.parameters.push(Parameter { name, place: Place::Query, required: false, description, schema });
        self.problems([Kind::MalformedQuery])
    }

    /// With a parameter of any form.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, schema: Schema, example: Option<Value>) -> Self {
        self.body = Some(Body { schema, media_type: "application/json", example });
        self.problems([Kind::MalformedBody, Kind::TooDeep, Kind::BodyTooLarge, Kind::UnsupportedMediaType])
    }

    /// With a body of another type, such as `text/csv`.
    #[must_use]
    pub fn raw_body(mut self, media_type: &'static str, schema: Schema) -> Self {
        self.body = Some(Body { schema, media_type, example: None });
        self.problems([Kind::BodyTooLarge, Kind::UnsupportedMediaType])
    }

    /// With a success that has a JSON body.
    #[must_use]
    pub fn answer(
        self,
        status: u16,
        description: &'static str,
        schema: Schema,
        example: Option<Value>,
    ) -> Self {
        let media_type = "application/json";
        self.answer_with(Answer {
            status,
            description,
            schema: Some(schema),
            media_type,
            example,
            headers: Vec::new(),
        })
    }

    /// With a success of any form.
    #[must_use]
    pub fn answer_with(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// With ways of saying no, besides those that every operation has.
    #[must_use]
    pub fn problems(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.problems.extend(kinds);
        self
    }

    /// Its name in generated clients.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Its path, with `{parameters}`.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Its method and path.
    #[must_use]
    pub fn route(&self) -> String {
        let method = match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        format!("{method} {}", self.path)
    }

    pub(crate) fn method_filter(&self) -> MethodFilter {
        match self.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
        }
    }

    pub(super) fn http_method(&self) -> HttpMethod {
        match self.method {
            Method::Get => HttpMethod::Get,
            Method::Post => HttpMethod::Post,
        }
    }
}
