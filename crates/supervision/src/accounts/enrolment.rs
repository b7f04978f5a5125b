//! Taking up an invitation: a password, a telephone for one-time codes, and the codes for the day it is lost.

use domain::decide::user::Enrol;
use domain::id::UserId;
use domain::ledger::AggregateId;
use domain::user::{Agent, User};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::http::{HeaderMap, StatusCode};
use service::axum::response::{IntoResponse as _, Response};
use service::extract::Json;
use service::openapi::{Operation, Schema};
use service::problem::Bound;
use service::problem::Kind;
use service::sign_in::local::recovery::RecoveryCodes;
use service::sign_in::local::{
    AdmittedPassword, HASHES_AT_ONCE, HASHES_WAITING_MAX, HashError, PASSWORD_MAX, PASSWORD_MIN, StoredHash,
    TotpKey, Unfit,
};
use service::sign_in::{NoRandomness, Secret, SystemRandom};
use service::{Problem, Site, TraceContext};

use desk::{InvitationText, problem_of};

use super::Office;
use super::taking::Asking;

/// What authenticator applications show above the code.
const ISSUER: &str = "Continuum";

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let begin = Operation::post(
        "/api/v1/enrolment/begin",
        "enrolment-begin",
        crate::NAME,
        "Répondre à une invitation : la clé de l'application de codes.",
    )
    .open_to_all()
    .body(Schema::named("EnrolmentBegin"), None)
    .problems([Kind::RefusedNow, Kind::BrokerUnreachable])
    .answer(200, "A key for the application of one-time codes.", Schema::named("EnrolmentBegun"), None);
    let finish = Operation::post(
        "/api/v1/enrolment/finish",
        "enrolment-finish",
        crate::NAME,
        "Choisir un mot de passe et montrer que l'application donne le bon code.",
    )
    .open_to_all()
    .body(Schema::named("EnrolmentFinish"), None)
    .problems([Kind::RefusedNow, Kind::RefusedAlways, Kind::Contended, Kind::BrokerUnreachable])
    .problems([Kind::JournalFull])
    .answer(201, "The recovery codes, shown once.", Schema::named("EnrolmentFinished"), None);
    site.operation(begin, begun, office.clone())
        .operation(finish, finished, office.clone())
        .document(|api| schemas().into_iter().fold(api, |api, (name, schema)| api.schema(name, schema)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    invitation: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    invitation: Secret,
    password: Secret,
    totp_secret: Secret,
    code: Secret,
}

/// The one answer to an invitation that opens nothing: unknown, past, used, replaced by another.
pub(super) fn over() -> Problem {
    let sentence = "Cette invitation n'est plus valable : demandez-en une autre à votre responsable.";
    Problem::refused_now("invitation-over", "user", sentence)
}

/// An invitation that waits, and for whom.
pub(super) struct Invited {
    pub(super) id: UserId,
    pub(super) user: User,
    pub(super) digest: String,
}

impl Office {
    /// Whoever this invitation is for.
    ///
    /// # Errors
    /// [`over`].
    pub(super) fn invited(&self, text: &str) -> Result<Invited, Problem> {
        let InvitationText { user: id, secret } = InvitationText::read(text).ok_or_else(over)?;
        let digest = secret.digest();
        let user = self.user(id)?.ok_or_else(over)?;
        let now = self.desk.edge().now();
        let waits = user.invitation.as_ref();
        if waits.is_some_and(|waits| waits.digest == digest && now <= waits.until) {
            Ok(Invited { id, user, digest })
        } else {
            Err(over())
        }
    }

    async fn agent(&self, id: UserId, user: &mut User) -> Result<Agent, Problem> {
        self.open(id, user).await?;
        let agent = user.agent.as_ref().and_then(|agent| agent.value.known());
        // Who was erased has no account any more.
        agent.cloned().ok_or_else(over)
    }
}

async fn begun(State(office): State<Office>, Json(asked): Json<Begin>) -> Result<Response, Problem> {
    let Invited { id, mut user, .. } = office.invited(asked.invitation.reveal())?;
    let agent = office.agent(id, &mut user).await?;
    let key = TotpKey::draw(&SystemRandom).map_err(|none: NoRandomness| Problem::internal(none))?;
    let body = json!({
        "name": agent.name,
        "login": agent.email,
        "totp_secret": key.to_text().reveal(),
        "otpauth_url": key.otpauth_url(ISSUER, &agent.email).reveal(),
        "password_min": PASSWORD_MIN,
    });
    Ok(Json(body).into_response())
}

async fn finished(
    State(office): State<Office>,
    headers: HeaderMap,
    Json(asked): Json<Finish>,
) -> Result<Response, Problem> {
    let Invited { id, mut user, digest } = office.invited(asked.invitation.reveal())?;
    let agent = office.agent(id, &mut user).await?;
    let password = AdmittedPassword::new(&asked.password, &agent.email).map_err(unfit)?;
    let key = TotpKey::from_text(&asked.totp_secret).map_err(|_| wrong_code())?;
    let step = key.check(asked.code.reveal(), office.desk.edge().now(), None).ok_or_else(wrong_code)?;
    let step = serde_json::to_value(step).and_then(serde_json::from_value).map_err(Problem::internal)?;
    let password = office.hasher.hash(&password, &SystemRandom).await.map_err(unhashed)?;
    let codes = RecoveryCodes::draw(&office.hasher, &SystemRandom).await.map_err(unhashed)?;
    let enrol = Enrol {
        invitation: digest,
        password: text(&password)?,
        totp: key.to_text().reveal().to_owned(),
        recovery: texts(&codes.kept)?,
        step,
    };
    let profile = user.profiles.first().ok_or_else(over)?;
    let asking = Asking::by(&office, id, profile.organisation, TraceContext::of_request(&headers));
    let receipt = office.take(id, enrol, asking).await;
    let receipt = receipt.map_err(|error| problem_of(error, &AggregateId::User(id)))?;
    let shown: Vec<_> = codes.shown.iter().map(Secret::reveal).collect();
    let body = json!({ "user": id, "recovery_codes": shown, "position": receipt.position });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

fn wrong_code() -> Problem {
    let sentence = "Ce code n'est pas celui que l'application doit donner : vérifiez l'heure du téléphone, puis donnez le code suivant.";
    Problem::refused_now("code-wrong", "user", sentence)
}

/// Why a password may not be set, for whoever chose it.
pub(super) fn unfit(why: Unfit) -> Problem {
    let (code, sentence) = match why {
        Unfit::TooShort => ("password-too-short", format!("Un mot de passe a au moins {PASSWORD_MIN} caractères.")),
        Unfit::TooLong => ("password-too-long", format!("Un mot de passe a au plus {PASSWORD_MAX} caractères.")),
        Unfit::Common => (
            "password-common",
            "Ce mot de passe est parmi les premiers qu'on essaierait : choisissez plutôt quatre mots au hasard."
                .to_owned(),
        ),
        Unfit::ContainsLogin => {
            ("password-contains-login", "Ce mot de passe contient votre adresse : choisissez-en un autre.".to_owned())
        }
        Unfit::ContainsProduct => (
            "password-contains-product",
            "Ce mot de passe contient le nom du logiciel : choisissez-en un autre.".to_owned(),
        ),
    };
    Problem::refused_always(code, "user", sentence)
}

/// Why nothing was hashed.
pub(super) fn unhashed(why: HashError) -> Problem {
    match why {
        HashError::Busy(_) => {
            let most = HASHES_AT_ONCE + HASHES_WAITING_MAX;
            let value = u64::try_from(most).unwrap_or(u64::MAX);
            Problem::bound(Kind::TooBusy, Bound { name: "passwords", value, unit: "at once" })
        }
        error @ (HashError::Random(_) | HashError::Unusable) => Problem::internal(error),
    }
}

/// A stored hash as its ledger keeps it.
pub(super) fn text(hash: &StoredHash) -> Result<String, Problem> {
    serde_json::to_value(hash).and_then(serde_json::from_value).map_err(Problem::internal)
}

/// Stored hashes of recovery codes, one text for each.
fn texts(codes: &RecoveryCodes) -> Result<Vec<String>, Problem> {
    let list = serde_json::to_value(codes).map_err(Problem::internal)?;
    serde_json::from_value(list).map_err(Problem::internal)
}

fn schemas() -> [(&'static str, Value); 4] {
    let secret = || json!({ "type": "string", "writeOnly": true });
    [
        (
            "EnrolmentBegin",
            json!({
                "type": "object", "required": ["invitation"], "additionalProperties": false,
                "properties": { "invitation": secret() }
            }),
        ),
        (
            "EnrolmentBegun",
            json!({
                "type": "object",
                "required": ["name", "login", "totp_secret", "otpauth_url", "password_min"],
                "properties": {
                    "name": { "type": "string" },
                    "login": { "type": "string" },
                    "totp_secret": { "type": "string", "description": "To be typed into the application by hand." },
                    "otpauth_url": { "type": "string", "description": "To be shown as a square code." },
                    "password_min": { "type": "integer", "description": "The fewest characters of a password." }
                }
            }),
        ),
        (
            "EnrolmentFinish",
            json!({
                "type": "object",
                "required": ["invitation", "password", "totp_secret", "code"],
                "additionalProperties": false,
                "properties": {
                    "invitation": secret(), "password": secret(), "totp_secret": secret(), "code": secret()
                }
            }),
        ),
        (
            "EnrolmentFinished",
            json!({
                "type": "object",
                "required": ["user", "recovery_codes", "position"],
                "properties": {
                    "user": { "type": "string" },
                    "recovery_codes": { "type": "array", "items": { "type": "string" } },
                    "position": { "type": "integer" }
                }
            }),
        ),
    ]
}
