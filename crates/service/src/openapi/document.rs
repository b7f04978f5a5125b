//! From the data to the document.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::extensions::{Extensions, ExtensionsBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::info::{InfoBuilder, LicenseBuilder};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, OpenApiBuilder, PathItem, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder,
    Schema as OpenApiSchema,
};

use super::Api;
use super::operation::{Answer, Body, Operation, Parameter, Place, Schema};
use crate::http::Needs;
use crate::problem::{self, Kind};

/// Whether the process turns.
pub const HEALTH: &str = "/healthz";
/// Whether it is ready.
pub const READY: &str = "/readyz";
/// What it counts.
pub const METRICS: &str = "/metrics";
/// This document.
pub const OPENAPI: &str = "/api/openapi.json";

/// What the API is, for who reads the document first.
const ABOUT: &str = "Every fact about a household or a place is an event in one ordered journal. Commands append events \
and answer with the position they were recorded at; queries read views of the journal and take `at_least` to read what \
was just written. Answers that are not a success are RFC 9457 problems with a stable `code`.";

const OPERATIONS_TAG: &str = "operations";

pub(super) fn of(api: &Api) -> Value {
    let own = operations_of_every_service();
    let operations = api.operations.iter().chain(&own);
    let mut paths = PathsBuilder::new();
    for operation in operations.clone() {
        // A path that is there already gets the method beside those it has.
        paths = paths.path(operation.path, PathItem::new(operation.http_method(), described(operation)));
    }
    let mut tags: BTreeMap<_, _> = operations.map(|operation| (operation.tag, "")).collect();
    tags.insert(OPERATIONS_TAG, "How the process is watched. Not for callers from outside.");
    tags.extend(api.tags.clone());
    let tags = tags.into_iter().map(|(name, description)| {
        TagBuilder::new().name(name).description((!description.is_empty()).then_some(description)).build()
    });
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Continuum")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let skeleton = OpenApiBuilder::new().info(info).paths(paths.build()).tags(Some(tags)).build();
    // Writing what was just built as JSON cannot fail: it holds no map whose keys are not text.
    let mut document = serde_json::to_value(skeleton).unwrap_or_default();
    document["components"] = components(api);
    sorted(document)
}

/// Schemas and responses that operations refer to. They are JSON Schema already, so they are put in as they are.
fn components(api: &Api) -> Value {
    let (problem, responses) = problem::components();
    let mut schemas = api.schemas.clone();
    schemas.insert("Problem".to_owned(), problem);
    schemas.insert(
        "Check".to_owned(),
        json!({
            "type": "object",
            "description": "One check of readiness.",
            "required": ["name", "ready"],
            "properties": {
                "name": { "type": "string" },
                "ready": { "type": "boolean" },
                "reason": { "type": "string", "description": "Why it is not ready." }
            }
        }),
    );
    schemas.insert(
        "Ready".to_owned(),
        json!({
            "type": "object",
            "required": ["service", "ready", "checks"],
            "properties": {
                "service": { "type": "string" },
                "ready": { "const": true },
                "checks": { "type": "array", "items": { "$ref": "#/components/schemas/Check" } }
            }
        }),
    );
    schemas.insert(
        "Healthy".to_owned(),
        json!({
            "type": "object",
            "required": ["service", "healthy"],
            "properties": { "service": { "type": "string" }, "healthy": { "const": true } }
        }),
    );
    let schemes = json!({
        "token": { "type": "http", "scheme": "bearer", "description": "A token of an organisation's software: `ctm_…`." },
        "session": { "type": "apiKey", "in": "cookie", "name": "__Host-session", "description": "The session of a person; what changes something also sends `Continuum-Csrf`." }
    });
    json!({ "schemas": schemas, "responses": responses, "securitySchemes": schemes })
}

fn described(operation: &Operation) -> utoipa::openapi::path::Operation {
    let parameters = operation.parameters.iter().map(parameter);
    OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(operation.tag)
        .summary(Some(operation.summary))
        .description(operation.description.clone())
        .parameters((!operation.parameters.is_empty()).then_some(parameters))
        .request_body(operation.body.as_ref().map(body))
        .responses(responses(operation))
        .securities(securities(operation))
        .extensions(right(operation))
        .build()
}

/// Either of the two ways to sign in, or none where anybody may ask.
fn securities(operation: &Operation) -> Option<Vec<SecurityRequirement>> {
    let nothing: [&str; 0] = [];
    match operation.needs {
        Needs::Nothing | Needs::Unstated => None,
        Needs::SignedIn | Needs::Right { .. } => {
            Some(["token", "session"].map(|scheme| SecurityRequirement::new(scheme, nothing)).into())
        }
    }
}

/// The right that the operation needs, by the words of the file of rights.
fn right(operation: &Operation) -> Option<Extensions> {
    match operation.needs {
        Needs::Right { on, name, .. } => {
            Some(ExtensionsBuilder::new().add("x-right", format!("{on}.{name}")).build())
        }
        Needs::Nothing | Needs::SignedIn | Needs::Unstated => None,
    }
}

fn body(body: &Body) -> utoipa::openapi::request_body::RequestBody {
    let content =
        ContentBuilder::new().schema(Some(schema(&body.schema))).example(body.example.clone()).build();
    RequestBodyBuilder::new().content(body.media_type, content).required(Some(Required::True)).build()
}

fn parameter(parameter: &Parameter) -> utoipa::openapi::path::Parameter {
    let place = match parameter.place {
        Place::Path => ParameterIn::Path,
        Place::Query => ParameterIn::Query,
        Place::Header => ParameterIn::Header,
    };
    ParameterBuilder::new()
        .name(parameter.name)
        .parameter_in(place)
        .required(if parameter.required { Required::True } else { Required::False })
        .description(Some(parameter.description))
        .schema(Some(schema(&parameter.schema)))
        .build()
}

/// The successes, and one response per status for the problems: those of one status share it and are told apart by code.
fn responses(operation: &Operation) -> utoipa::openapi::response::Responses {
    let mut problems: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    let mut kinds = operation.problems.clone();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        problems.entry(kind.entry().status.as_u16()).or_default().push(kind);
    }
    let mut responses = ResponsesBuilder::new();
    let mut answers: BTreeMap<u16, Vec<&Answer>> = BTreeMap::new();
    for answer in &operation.answers {
        answers.entry(answer.status).or_default().push(answer);
    }
    for (status, forms) in answers {
        responses = responses.response(status.to_string(), success(&forms));
    }
    for (status, kinds) in problems {
        let response: RefOr<utoipa::openapi::Response> = match kinds.as_slice() {
            [kind] => Ref::from_response_name(problem::component_name(*kind)).into(),
            several => RefOr::T(refusal(several)),
        };
        responses = responses.response(status.to_string(), response);
    }
    responses.build()
}

/// A success in the forms it can have, each of a media type of its own.
fn success(forms: &[&Answer]) -> utoipa::openapi::Response {
    let described: Vec<_> = forms.iter().map(|answer| answer.description).collect();
    let mut response = ResponseBuilder::new().description(described.join(" "));
    for answer in forms {
        if let Some(body) = &answer.schema {
            let content =
                ContentBuilder::new().schema(Some(schema(body))).example(answer.example.clone()).build();
            response = response.content(answer.media_type, content);
        }
        for (name, description) in &answer.headers {
            let header = HeaderBuilder::new().schema(Some(text())).description(Some(*description)).build();
            response = response.header(*name, header);
        }
    }
    response.build()
}

fn refusal(kinds: &[Kind]) -> utoipa::openapi::Response {
    let lines: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let entry = kind.entry();
            let code =
                if kind.is_a_rule() { "the rule's own code".to_owned() } else { format!("`{}`", entry.code) };
            format!("- {code}: {}. {}", entry.title, entry.remedy)
        })
        .collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(lines.join("\n")).content(problem::CONTENT_TYPE, content).build()
}

fn schema(schema: &Schema) -> RefOr<OpenApiSchema> {
    let formatted = |format| {
        let format = SchemaFormat::KnownFormat(format);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
    };
    match schema {
        Schema::Named(name) => Ref::from_schema_name(name).into(),
        Schema::ListOf(name) => ArrayBuilder::new().items(Ref::from_schema_name(name)).build().into(),
        Schema::Text => text(),
        Schema::Count => ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build().into(),
        Schema::Flag => ObjectBuilder::new().schema_type(Type::Boolean).build().into(),
        Schema::Day => formatted(KnownFormat::Date),
        Schema::Moment => formatted(KnownFormat::DateTime),
    }
}

fn text() -> RefOr<OpenApiSchema> {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}

/// The routes that every service has.
fn operations_of_every_service() -> [Operation; 4] {
    let named = |name: &str| Schema::named(name);
    let get = |path, id, summary| Operation {
        problems: vec![Kind::Internal],
        ..Operation::get(path, id, OPERATIONS_TAG, summary)
    };
    [
        get(HEALTH, "isHealthy", "Whether the process turns").answer(
            200,
            "It turns.",
            named("Healthy"),
            None,
        ),
        get(READY, "isReady", "Whether the service is ready, check by check")
            .answer(200, "It is ready.", named("Ready"), None)
            .problems([Kind::NotReady]),
        get(METRICS, "readMetrics", "What the process counts, for Prometheus").answer_with(Answer {
            status: 200,
            description: "The text format of Prometheus.",
            schema: Some(Schema::Text),
            media_type: "text/plain",
            example: None,
            headers: Vec::new(),
        }),
        get(OPENAPI, "describeApi", "This document").answer_with(Answer {
            status: 200,
            description: "OpenAPI 3.1.",
            schema: None,
            media_type: "application/json",
            example: None,
            headers: Vec::new(),
        }),
    ]
}

/// The same document with the members of every object in alphabetical order, however the JSON library was built.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<_, _> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(ordered.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
