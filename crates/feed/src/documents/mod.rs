//! What developers build on, told by the program itself to anybody: the shapes of events, and what can be read and asked as
//! messages.
//!
//! **Invariant.** Nothing here depends on what the journal holds or on who asks: the same program tells the same.

mod asyncapi;
mod message;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use domain::schema;
use serde_json::{Value, json};
use service::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use service::axum::response::{IntoResponse as _, Response};
use service::extract::Path;
use service::openapi::{Answer, Api, Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site};
use sha2::{Digest as _, Sha256};

/// Where the description of messages is.
pub(crate) const ASYNCAPI: &str = "/api/asyncapi.json";

/// How long what is read here may be kept without asking again. A document only grows, and that with another program.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The list, each document and the description of messages, made when the first of them is asked for.
static DOCUMENTS: LazyLock<Documents> = LazyLock::new(Documents::made);

struct Documents {
    list: Document,
    schemas: BTreeMap<(&'static str, u16), Document>,
    asyncapi: Document,
}

impl Documents {
    fn made() -> Self {
        let all = schema::all();
        let list = all.iter().map(|schema| {
            json!({
                "type": schema.kind,
                "version": schema.version,
                "about": schema.about,
                "current": schema.current,
                "dataschema": schema.urn(),
                "href": href(schema.kind, schema.version),
            })
        });
        let list = Document::of("application/json", &json!({ "schemas": list.collect::<Vec<_>>() }));
        let asyncapi = Document::of("application/json", &asyncapi::document(&all));
        let schemas = all.iter().map(|schema| {
            let document = Document::of("application/schema+json", &schema.document);
            ((schema.kind, schema.version), document)
        });
        Self { list, schemas: schemas.collect(), asyncapi }
    }
}

/// A text, and a tag that says which.
struct Document {
    media_type: HeaderValue,
    text: Bytes,
    tag: String,
}

impl Document {
    fn of(media_type: &'static str, document: &Value) -> Self {
        let text = format!("{document:#}\n");
        let tag = format!("\"{}\"", desk::hex(&Sha256::digest(text.as_bytes())[..16]));
        Self { media_type: HeaderValue::from_static(media_type), text: text.into(), tag }
    }

    /// The text, or that it is the one that the asker has.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        let known = known
            .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == self.tag));
        let headers = [(header::CACHE_CONTROL, KEPT)];
        let tag = [(header::ETAG, self.tag.as_str())];
        if known {
            return (StatusCode::NOT_MODIFIED, headers, tag).into_response();
        }
        let kind = [(header::CONTENT_TYPE, self.media_type.clone())];
        (headers, tag, kind, self.text.clone()).into_response()
    }
}

/// Where the document of a type and version is.
fn href(kind: &str, version: u16) -> String {
    format!("/api/v1/schemas/{kind}/{version}")
}

pub(crate) fn routes(site: Site) -> Site {
    let open = |path, id, summary| Operation::get(path, id, crate::NAME, summary).open_to_all();
    let list = kept(
        open("/api/v1/schemas", "schemas", "Les formes des événements."),
        "Every type and version of event, and where its JSON Schema is.",
        "application/json",
        Some(Schema::named("EventSchemas")),
    );
    let one = open(
        "/api/v1/schemas/{type}/{version}",
        "schema",
        "La forme d'un type d'événement dans une version.",
    )
    .path_parameter("type", Schema::Text, "The type of the event: referral.proposed.")
    .path_parameter("version", Schema::Count, "The version, the last part of the event's dataschema.")
    .problems([Kind::UnknownPath]);
    let one = kept(
        one,
        "JSON Schema 2020-12 of the data of such events; its $id is their dataschema. It may grow by optional fields, words of \
         closed lists and alternatives: pass over what you do not know.",
        "application/schema+json",
        None,
    );
    let messages = kept(
        open(ASYNCAPI, "describeMessages", "Les flux et les commandes comme messages."),
        "AsyncAPI 3.0: live streams, partners' feeds and commands over the broker.",
        "application/json",
        None,
    );
    site.operation(list, list_of_all, ())
        .operation(one, one_of_them, ())
        .operation(messages, all_messages, ())
        .document(described)
}

fn kept(
    operation: Operation,
    means: &'static str,
    media_type: &'static str,
    schema: Option<Schema>,
) -> Operation {
    let tag = ("ETag", "Which text this is: sent as If-None-Match, it is not sent again.");
    let headers = vec![tag, ("Cache-Control", "For how long it may be kept.")];
    operation
        .answer_with(Answer { status: 200, description: means, schema, media_type, example: None, headers })
        .answer_with(Answer {
            status: 304,
            description: "It is the one that the asker has.",
            schema: None,
            media_type,
            example: None,
            headers: Vec::new(),
        })
}

fn described(api: Api) -> Api {
    api.schema(
        "EventSchemas",
        json!({
            "type": "object",
            "required": ["schemas"],
            "properties": { "schemas": { "type": "array", "items": {
                "type": "object",
                "required": ["type", "version", "about", "current", "dataschema", "href"],
                "properties": {
                    "type": { "type": "string", "examples": ["referral.proposed"] },
                    "version": { "type": "integer" },
                    "about": { "type": "string", "description": "What such an event is about: the word for its ledger, or placement." },
                    "current": { "type": "boolean", "description": "Whether events are written in this version today." },
                    "dataschema": { "type": "string", "description": "What such an event names as its dataschema." },
                    "href": { "type": "string", "description": "Where the document is." }
                }
            } } }
        }),
    )
}

async fn list_of_all(asked: HeaderMap) -> Response {
    DOCUMENTS.list.answer(&asked)
}

async fn one_of_them(
    Path((kind, version)): Path<(String, u16)>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let document = DOCUMENTS.schemas.get(&(kind.as_str(), version)).ok_or_else(|| {
        Problem::new(Kind::UnknownPath).detail("no type of event has this version: see /api/v1/schemas")
    })?;
    Ok(document.answer(&asked))
}

async fn all_messages(asked: HeaderMap) -> Response {
    DOCUMENTS.asyncapi.answer(&asked)
}
