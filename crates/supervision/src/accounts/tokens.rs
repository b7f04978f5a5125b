//! `POST /api/v1/organisations/{id}/issue-token`: the token is in the answer, once, and nowhere else.

use std::collections::BTreeSet;

use domain::calendar::Instant;
use domain::decide::organisation::IssueToken;
use domain::decide::{Command, OrganisationCommand};
use domain::event::Origin;
use domain::id::{OrganisationId, SubscriptionId, TokenId};
use domain::ledger::AggregateId;
use domain::organisation::Verb as Allowed;
use domain::rights::Role;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::axum::extract::State;
use service::axum::http::StatusCode;
use service::axum::response::{IntoResponse as _, Response};
use service::extract::{Json, Path};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::sign_in::{Random as _, SystemRandom};
use service::{Problem, Site, Verb};

use desk::{Ask, Caller, Secret, TokenText, problem_of};

use super::Office;

/// How many requests a token may make in a minute, unless it is said.
const PER_MINUTE: u32 = 600;

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let issue = Operation::post(
        "/api/v1/organisations/{id}/issue-token",
        "organisation-issue-token",
        crate::NAME,
        "Délivrer un jeton à un logiciel de l'organisme : il n'est montré qu'une fois.",
    )
    .path_parameter("id", Schema::Text, "The organisation.")
    .right("organisation", "issue-token", Verb::Command)
    .body(Schema::named("NewToken"), None)
    .problems([Kind::UnknownId, Kind::RefusedNow, Kind::RefusedAlways, Kind::BrokerUnreachable])
    .answer(201, "The token: keep it now, it is shown once.", Schema::named("IssuedToken"), None);
    site.operation(issue, issue_token, office.clone()).document(|api| {
        api.schema(
            "NewToken",
            json!({
                "type": "object",
                "required": ["label", "role", "verbs", "days"],
                "additionalProperties": false,
                "properties": {
                    "label": { "type": "string", "description": "What it is for; names nobody." },
                    "role": { "type": "string", "enum": Role::ALL.map(Role::code) },
                    "verbs": { "type": "array", "items": { "enum": ["read", "follow", "command"] } },
                    "subscription": { "type": "string", "format": "uuid" },
                    "days": { "type": "integer", "minimum": 1, "maximum": 365 },
                    "per_minute": { "type": "integer", "minimum": 1, "maximum": 6000 }
                }
            }),
        )
        .schema(
            "IssuedToken",
            json!({
                "type": "object",
                "required": ["id", "token", "expires_at", "position"],
                "properties": {
                    "id": { "type": "string" },
                    "token": { "type": "string", "examples": ["ctm_33…"] },
                    "expires_at": { "type": "string", "format": "date-time" },
                    "position": { "type": "integer" }
                }
            }),
        )
    })
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    label: String,
    role: Role,
    verbs: BTreeSet<Allowed>,
    #[serde(default)]
    subscription: Option<SubscriptionId>,
    days: u16,
    #[serde(default)]
    per_minute: Option<u32>,
}

async fn issue_token(
    State(office): State<Office>,
    Path(id): Path<OrganisationId>,
    caller: Caller,
    Json(asked): Json<NewToken>,
) -> Result<Response, Problem> {
    let edge = office.desk.edge();
    // Without a key: asked again, another token is issued, for the first one was never seen.
    let command_id = office.desk.command_id(caller.organisation(), None);
    let mut drawn = [0; 32];
    SystemRandom.fill(&mut drawn).map_err(Problem::internal)?;
    let secret = Secret::of(drawn);
    let expires_at = edge.now() + SignedDuration::from_hours(24 * i64::from(asked.days));
    let issue = IssueToken {
        label: asked.label,
        digest: secret.digest(),
        role: asked.role,
        verbs: asked.verbs,
        subscription: asked.subscription,
        expires_at: Instant(expires_at),
        per_minute: asked.per_minute.unwrap_or(PER_MINUTE),
    };
    let body = serde_json::to_vec(&issue).map_err(Problem::internal)?;
    let command = Command::Organisation(id, OrganisationCommand::IssueToken(issue));
    let origin = Origin {
        command: command_id,
        actor: caller.rights.actor.clone(),
        organisation: caller.organisation(),
        at: edge.now(),
        trace: Some(caller.trace.to_header()),
    };
    let ask = Ask { command, body, origin, version: None, standing: None };
    let ledger = AggregateId::Organisation(id);
    let receipt = office.desk.take(&ask).await.map_err(|error| problem_of(error, &ledger))?;
    let token = TokenText { organisation: id, token: TokenId::created_by(command_id), secret };
    let answer = json!({
        "id": token.token,
        "token": token.text(),
        "expires_at": expires_at.to_string(),
        "position": receipt.position,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
