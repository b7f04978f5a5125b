//! Inviting somebody, once or again: the invitation is in the answer, once, and nowhere else.

use domain::calendar::Instant;
use domain::decide::UserCommand;
use domain::decide::user::{EnableUser, InviteUser, RenewInvitation};
use domain::id::{CommandId, UserId};
use domain::ledger::AggregateId;
use domain::user::{Agent, Profile};
use jiff::{SignedDuration, Timestamp};
use journal::{ExecuteError, Receipt};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::http::StatusCode;
use service::axum::response::{IntoResponse as _, Response};
use service::extract::{Json, Path};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, InvitationText, Secret, problem_of};

use super::Office;
use super::taking::{Asking, secret};

/// How long an invitation is good, in hours.
const HOURS: i64 = 72;

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let invite = Operation::post(
        "/api/v1/users",
        "user-invite",
        crate::NAME,
        "Inviter une personne : l'invitation n'est montrée qu'une fois.",
    )
    .right("user", "invite", Verb::Command)
    .body(Schema::named("NewUser"), None);
    let renew = again(
        "/api/v1/users/{id}/renew-invitation",
        "user-renew-invitation",
        "Inviter de nouveau : invitation perdue ou passée, téléphone perdu.",
    )
    .right("user", "renew-invitation", Verb::Command);
    let enable = again(
        "/api/v1/users/{id}/enable",
        "user-enable",
        "Réactiver un compte : la personne est invitée de nouveau.",
    )
    .right("user", "enable", Verb::Command);
    site.operation(answered(invite), invited, office.clone())
        .operation(answered(renew), renewed, office.clone())
        .operation(answered(enable), enabled, office.clone())
        .document(|api| api.schema("NewUser", new_user()).schema("Invitation", invitation()))
}

fn again(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::post(path, id, crate::NAME, summary)
        .path_parameter("id", Schema::Text, "The user.")
        .problems([Kind::UnknownId])
}

fn answered(operation: Operation) -> Operation {
    operation
        .problems([Kind::RefusedNow, Kind::RefusedAlways, Kind::Contended, Kind::BrokerUnreachable])
        .problems([Kind::JournalFull])
        .answer(201, "The invitation: hand it over now, it is shown once.", Schema::named("Invitation"), None)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
    email: String,
    profiles: Vec<Profile>,
    #[serde(default)]
    emergency: bool,
}

/// An invitation that was just drawn.
struct Drawn {
    secret: Secret,
    until: Timestamp,
}

impl Drawn {
    fn now(office: &Office) -> Result<Self, Problem> {
        let until = office.desk.edge().now() + SignedDuration::from_hours(HOURS);
        Ok(Self { secret: secret()?, until })
    }

    fn answer(self, user: UserId, receipt: &Receipt) -> Response {
        let invitation = InvitationText { user, secret: self.secret };
        let body = json!({
            "id": user,
            "invitation": invitation.text(),
            "until": self.until.to_string(),
            "position": receipt.position,
        });
        (StatusCode::CREATED, Json(body)).into_response()
    }
}

/// Says that the address is taken, and not by whom.
fn taken() -> Problem {
    Problem::refused_now("login-taken", "user", "Cette adresse sert déjà à se connecter.")
}

async fn invited(
    State(office): State<Office>,
    caller: Caller,
    Json(asked): Json<NewUser>,
) -> Result<Response, Problem> {
    let NewUser { name, email, profiles, emergency } = asked;
    let login = office.login(&email)?;
    if office.who(&login)?.is_some() {
        return Err(taken());
    }
    let drawn = Drawn::now(&office)?;
    // A function of the address: two who invite it at once ask for the same command, of which the journal takes one.
    let command = CommandId::of_key("invitation", &login);
    let home =
        profiles.first().map_or_else(|| caller.organisation(), |profile| profile.organisation).territory();
    let user = UserId::created_by(home, command);
    let invite = InviteUser {
        login,
        agent: Agent { name, email: email.trim().to_owned() },
        profiles,
        emergency,
        invitation: drawn.secret.digest(),
        until: Instant(drawn.until),
    };
    let asking = Asking { command, ..Asking::of(&office, &caller) };
    match office.take(user, invite, asking).await {
        Ok(receipt) => Ok(drawn.answer(user, &receipt)),
        Err(ExecuteError::KeyReused { .. }) => Err(taken()),
        Err(ExecuteError::Refused(refusal)) if refusal.code == "already-invited" => Err(taken()),
        Err(error) => Err(problem_of(error, &AggregateId::User(user))),
    }
}

async fn renewed(
    State(office): State<Office>,
    Path(user): Path<UserId>,
    caller: Caller,
) -> Result<Response, Problem> {
    let drawn = Drawn::now(&office)?;
    let renew = RenewInvitation { invitation: drawn.secret.digest(), until: Instant(drawn.until) };
    invite_again(&office, user, &caller, renew, drawn).await
}

async fn enabled(
    State(office): State<Office>,
    Path(user): Path<UserId>,
    caller: Caller,
) -> Result<Response, Problem> {
    let drawn = Drawn::now(&office)?;
    let enable = EnableUser { invitation: drawn.secret.digest(), until: Instant(drawn.until) };
    invite_again(&office, user, &caller, enable, drawn).await
}

async fn invite_again<B: serde::Serialize + Into<UserCommand>>(
    office: &Office,
    user: UserId,
    caller: &Caller,
    command: B,
    drawn: Drawn,
) -> Result<Response, Problem> {
    let receipt = office.take(user, command, Asking::of(office, caller)).await;
    let receipt = receipt.map_err(|error| problem_of(error, &AggregateId::User(user)))?;
    Ok(drawn.answer(user, &receipt))
}

fn new_user() -> Value {
    json!({
        "type": "object",
        "required": ["name", "email", "profiles"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "description": "As colleagues know them." },
            "email": { "type": "string", "description": "The address they sign in with." },
            "profiles": { "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/UserProfile" } },
            "emergency": { "type": "boolean", "description": "For emergencies alone: every use raises an alert." }
        }
    })
}

fn invitation() -> Value {
    json!({
        "type": "object",
        "required": ["id", "invitation", "until", "position"],
        "properties": {
            "id": { "type": "string" },
            "invitation": { "type": "string", "examples": ["cti_33…"] },
            "until": { "type": "string", "format": "date-time" },
            "position": { "type": "integer" }
        }
    })
}
