//! The session one is in: who one is, another profile, the password, the end.

use domain::decide::user::{ChangePassword, SignOut, SwitchProfile};
use domain::id::{SessionId, UserId};
use domain::ledger::AggregateId;
use domain::rights::{Matrix, Role};
use domain::user::{Profile, SESSION_HOURS, User};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::http::{HeaderName, HeaderValue, StatusCode, header};
use service::axum::response::{IntoResponse as _, Response};
use service::extract::Json;
use service::openapi::{Answer, Operation, Schema};
use service::problem::Kind;
use service::sign_in::local::AdmittedPassword;
use service::sign_in::{Secret, SystemRandom};
use service::{Problem, Site};

use desk::{Caller, IDLE_S, SignedIn, csrf_token, folded, no_cookie, problem_of, sign_in_needed};

use super::enrolment::{text, unfit, unhashed};
use super::taking::Asking;
use super::{Office, others};

/// What makes a browser forget what it kept of this site.
const CLEAR_SITE_DATA: (HeaderName, &str) =
    (HeaderName::from_static("clear-site-data"), r#""cache", "cookies", "storage""#);

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let who =
        Operation::get("/api/v1/session", "session", crate::NAME, "Qui est connecté, sous quel profil.")
            .describe(
                "Whatever somebody asks prolongs the session by half an hour. A page that asks by itself, without anybody's \
                 doing, says so in the header `Continuum-By-Itself`, with any value, and prolongs nothing; nor does a live stream.",
            )
            .for_all_signed_in()
            .problems([Kind::BrokerUnreachable]);
    let keep = post(
        "/api/v1/session/keep",
        "session-keep",
        "Rester connecté : la demi-heure recommence, à une minute près.",
    );
    let switch = post("/api/v1/session/switch-profile", "session-switch-profile", "Changer de profil.")
        .body(Schema::named("SwitchProfileTo"), None)
        .problems([Kind::RefusedNow, Kind::UnknownId, Kind::Contended, Kind::JournalFull]);
    let end = post("/api/v1/session/end", "session-end", "Se déconnecter.").problems([
        Kind::UnknownId,
        Kind::Contended,
        Kind::JournalFull,
    ]);
    let change = post(
        "/api/v1/session/change-password",
        "session-change-password",
        "Changer de mot de passe : toutes les sessions se ferment.",
    )
    .body(Schema::named("PasswordChange"), None)
    .problems([
        Kind::RefusedNow,
        Kind::RefusedAlways,
        Kind::UnknownId,
        Kind::Contended,
        Kind::JournalFull,
    ]);
    site.operation(of_session(who), who_am_i, office.clone())
        .operation(of_session(keep), who_am_i, office.clone())
        .operation(of_session(switch), switch_profile, office.clone())
        .operation(ended(end), end_session, office.clone())
        .operation(ended(change), change_password, office.clone())
        .document(|api| schemas().into_iter().fold(api, |api, (name, schema)| api.schema(name, schema)))
}

fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::post(path, id, crate::NAME, summary).for_all_signed_in().problems([
        Kind::RequestForged,
        Kind::TokenNotAllowed,
        Kind::BrokerUnreachable,
    ])
}

fn of_session(operation: Operation) -> Operation {
    operation.answer(200, "The session; or what a token acts as.", Schema::named("Session"), None)
}

fn ended(operation: Operation) -> Operation {
    operation.answer_with(Answer {
        status: 204,
        description: "Nobody is signed in any more.",
        schema: None,
        media_type: "application/json",
        example: None,
        headers: vec![
            ("Set-Cookie", "Takes the session's cookie away."),
            ("Clear-Site-Data", "What the browser kept of this site is forgotten."),
        ],
    })
}

/// A session that stands.
pub(super) struct Held {
    pub(super) id: UserId,
    pub(super) user: User,
    pub(super) session: SessionId,
    pub(super) profile: Profile,
    pub(super) since: Timestamp,
}

impl Held {
    /// What its holder is told of it.
    pub(super) fn shown(&self, office: &Office) -> Result<Value, Problem> {
        let Self { id, user, session, profile, since } = self;
        let profiles = user.profiles.iter().map(|profile| profile_shown(office, profile));
        let agent = user.agent.as_ref().and_then(|agent| agent.value.known());
        Ok(json!({
            "user": id,
            "name": agent.map(|agent| &agent.name),
            "session": session,
            "profile": profile_shown(office, profile)?,
            "profiles": profiles.collect::<Result<Vec<_>, _>>()?,
            "sessions": others::shown(self, office),
            "emergency": user.emergency,
            "csrf": csrf_token(office.desk.journal(), *session)?,
            "idle_minutes": IDLE_S / 60,
            "ends_at": (*since + SignedDuration::from_hours(SESSION_HOURS)).to_string(),
        }))
    }
}

/// A profile, in words too.
fn profile_shown(office: &Office, profile: &Profile) -> Result<Value, Problem> {
    let folded = folded(&office.reading.now()?, &AggregateId::Organisation(profile.organisation))?;
    let known = folded.as_deref().and_then(desk::organisation).and_then(|is| is.known());
    let name = known.map(|is| is.name.as_str());
    Ok(json!({
        "organisation": profile.organisation,
        "organisation_name": name,
        "role": profile.role,
        "role_name": Matrix::shipped().role(profile.role).map(|role| role.label.as_str()),
    }))
}

/// The person and the session of a caller, who may not be a person.
pub(super) fn of_person(caller: &Caller) -> Result<(UserId, SessionId), Problem> {
    match caller.by {
        SignedIn::Session(user, session) => Ok((user, session)),
        SignedIn::Token(..) => Err(Problem::new(Kind::TokenNotAllowed).member("limit", "sessions")),
    }
}

impl Office {
    /// The session of a person who asks. It stood a moment ago, before the gate.
    pub(super) async fn held(&self, id: UserId, session: SessionId) -> Result<Held, Problem> {
        let mut user = self.user(id)?.ok_or_else(sign_in_needed)?;
        self.open(id, &mut user).await?;
        let stands = user.session(session, self.desk.edge().now()).ok_or_else(sign_in_needed)?;
        let (profile, since) = (stands.profile, stands.since);
        Ok(Held { id, user, session, profile, since })
    }
}

pub(super) async fn who_am_i(State(office): State<Office>, caller: Caller) -> Result<Response, Problem> {
    let body = match caller.by {
        SignedIn::Session(id, session) => office.held(id, session).await?.shown(&office)?,
        SignedIn::Token(organisation, token) => {
            let profile = Profile { organisation, role: caller.rights.role };
            json!({ "token": token, "profile": profile_shown(&office, &profile)? })
        }
    };
    Ok(Json(body).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchTo {
    profile: Profile,
}

async fn switch_profile(
    State(office): State<Office>,
    caller: Caller,
    Json(SwitchTo { profile }): Json<SwitchTo>,
) -> Result<Response, Problem> {
    let (id, session) = of_person(&caller)?;
    let taken = office.take(id, SwitchProfile { session, profile }, Asking::of(&office, &caller)).await;
    taken.map_err(|error| problem_of(error, &AggregateId::User(id)))?;
    let held = office.held(id, session).await?;
    Ok(Json(Held { profile, ..held }.shown(&office)?).into_response())
}

async fn end_session(State(office): State<Office>, caller: Caller) -> Result<Response, Problem> {
    let (id, session) = of_person(&caller)?;
    let taken = office.take(id, SignOut { session }, Asking::of(&office, &caller)).await;
    taken.map_err(|error| problem_of(error, &AggregateId::User(id)))?;
    Ok(signed_out())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    password: Secret,
    new_password: Secret,
}

async fn change_password(
    State(office): State<Office>,
    caller: Caller,
    Json(asked): Json<Change>,
) -> Result<Response, Problem> {
    let (id, session) = of_person(&caller)?;
    let Held { user, .. } = office.held(id, session).await?;
    office.attempted(&user.login)?;
    if !office.knows(Some(&user), &asked.password).await? {
        let sentence = "Le mot de passe actuel n'est pas le bon.";
        return Err(Problem::refused_now("password-wrong", "user", sentence));
    }
    let login = user.agent.as_ref().and_then(|agent| agent.value.known()).map(|agent| agent.email.clone());
    let password = AdmittedPassword::new(&asked.new_password, &login.unwrap_or_default()).map_err(unfit)?;
    let hash = office.hasher.hash(&password, &SystemRandom).await.map_err(unhashed)?;
    let change = ChangePassword { password: text(&hash)? };
    let taken = office.take(id, change, Asking::of(&office, &caller)).await;
    taken.map_err(|error| problem_of(error, &AggregateId::User(id)))?;
    Ok(signed_out())
}

fn signed_out() -> Response {
    let (name, value) = CLEAR_SITE_DATA;
    let headers = [(header::SET_COOKIE, no_cookie()), (name, HeaderValue::from_static(value))];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn schemas() -> [(&'static str, Value); 4] {
    let profile = || json!({ "$ref": "#/components/schemas/ProfileShown" });
    let secret = || json!({ "type": "string", "writeOnly": true });
    [
        (
            "ProfileShown",
            json!({
                "type": "object",
                "required": ["organisation", "role"],
                "properties": {
                    "organisation": { "type": "string" },
                    "role": { "type": "string", "enum": Role::ALL.map(Role::code) },
                    "organisation_name": { "type": ["string", "null"], "readOnly": true },
                    "role_name": { "type": ["string", "null"], "readOnly": true }
                }
            }),
        ),
        (
            "Session",
            json!({
                "type": "object",
                "required": ["profile"],
                "properties": {
                    "user": { "type": "string" },
                    "token": { "type": "string", "description": "Instead of a user, for software." },
                    "name": { "type": ["string", "null"] },
                    "session": { "type": "string" },
                    "profile": profile(),
                    "profiles": { "type": "array", "items": profile() },
                    "sessions": { "type": "array", "items": { "type": "object" }, "description": "Those that stand." },
                    "emergency": { "type": "boolean" },
                    "csrf": { "type": "string", "description": "To be repeated in Continuum-Csrf." },
                    "idle_minutes": { "type": "integer" },
                    "ends_at": { "type": "string", "format": "date-time" }
                }
            }),
        ),
        (
            "SwitchProfileTo",
            json!({
                "type": "object", "required": ["profile"], "additionalProperties": false,
                "properties": { "profile": profile() }
            }),
        ),
        (
            "PasswordChange",
            json!({
                "type": "object",
                "required": ["password", "new_password"],
                "additionalProperties": false,
                "properties": { "password": secret(), "new_password": secret() }
            }),
        ),
    ]
}
