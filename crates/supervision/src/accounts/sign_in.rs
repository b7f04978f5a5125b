//! `POST /api/v1/session`: a password and a one-time code, or a recovery code, for a session.
//!
//! **Invariant.** Whoever does not get in is told the same, after the same work, whatever was wrong: no account, the password,
//! the code, an account that is disabled. What a factor is good for once, the domain takes once.

use domain::decide::user::SignIn;
use domain::id::{SessionId, UserId};
use domain::ledger::AggregateId;
use domain::user::{Account, Factor, Profile, Session, User};
use journal::ExecuteError;
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use service::axum::response::{IntoResponse as _, Response};
use service::extract::Json;
use service::openapi::{Answer, Operation, Schema};
use service::problem::Kind;
use service::rate::{Per, Quota};
use service::sign_in::local::recovery::RecoveryCodes;
use service::sign_in::local::{Step, StoredHash, TotpKey, Verdict};
use service::sign_in::{Secret, SystemRandom};
use service::{Problem, Site, TraceContext};

use desk::{SessionText, fresh_cookie, problem_of, sign_in_needed};

use super::Office;
use super::enrolment::unhashed;
use super::sessions::Held;
use super::taking::{Asking, secret};

/// How often somebody may try to sign in to one account.
const ATTEMPTS: Quota = Quota { name: "attempts", most: 5, per: Per::Minute };

/// How often somebody who knows the password may be wrong about the code: a one-time code has six digits and three of them
/// are good at a time, so that guessing for a day opens one account in a thousand. When that is used up nobody gets in for a
/// while, and is told what everybody is told: whoever does not know the password can bring it about for nobody, and learns
/// nothing of the password by it.
///
/// It is counted in this process, as the attempts are: an installation with several of them multiplies it. For recovery
/// codes that changes nothing, each has 80 bits; and what was used is on the user's ledger.
const GUESSES: Quota = Quota { name: "codes", most: 10, per: Per::Hour };

/// What stands for the recovery codes of somebody who has none: of the same cost, and of no code.
const NO_CODES: [&str; 1] =
    ["$argon2id$v=19$m=47104,t=1,p=1$bm9ib2R5J3Mgc2FsdCEhIQ$bm8gcGFzc3dvcmQgaGFzaGVzIHRvIHRoaXMgdGV4dCE"];

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let sign_in = Operation::post("/api/v1/session", "session-begin", crate::NAME, "Se connecter.")
        .open_to_all()
        .body(Schema::named("SignIn"), None)
        .problems([Kind::SignInNeeded, Kind::RequestForged, Kind::RefusedAlways, Kind::Contended])
        .problems([Kind::BrokerUnreachable, Kind::JournalFull])
        .answer_with(Answer {
            status: 201,
            description: "A session; it is in the cookie.",
            schema: Some(Schema::named("Session")),
            media_type: "application/json",
            example: None,
            headers: vec![("Set-Cookie", "The session, for this host alone.")],
        });
    site.operation(sign_in, sign_in_now, office.clone()).document(|api| api.schema("SignIn", schema()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    login: String,
    password: Secret,
    #[serde(default)]
    code: Option<Secret>,
    #[serde(default)]
    recovery_code: Option<Secret>,
    #[serde(default)]
    profile: Option<Profile>,
}

/// The second thing that somebody shows.
enum Second {
    Code(Secret),
    Recovery(Secret),
}

/// The one answer to a sign-in that cannot be.
fn refused() -> Problem {
    sign_in_needed().detail("Identifiant, mot de passe ou code incorrect.")
}

async fn sign_in_now(
    State(office): State<Office>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Result<Response, Problem> {
    refuse_foreign(&headers)?;
    let Asked { login, password, code, recovery_code, profile } = asked;
    let second = match (code, recovery_code) {
        (Some(code), None) => Second::Code(code),
        (None, Some(code)) => Second::Recovery(code),
        (None, None) | (Some(_), Some(_)) => {
            let sentence = "Donnez le code de l'application, ou un code de secours.";
            return Err(Problem::refused_always("one-code", "user", sentence));
        }
    };
    let login = office.login(&login)?;
    office.attempted(&login)?;
    let who = office.who(&login)?;
    let Some((id, user, factor)) = office.proven(who, &password, &second).await? else {
        return Err(refused());
    };
    let begun = office.begin_session(id, user, factor, profile, &headers).await?;
    let (held, cookie) = begun.ok_or_else(refused)?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(held.shown(&office)?)).into_response())
}

/// Refuses what another site's page sends: nobody is to be signed in as somebody else without knowing it.
pub(super) fn refuse_foreign(headers: &HeaderMap) -> Result<(), Problem> {
    match desk::is_from_here(headers) {
        Some(false) => Err(Problem::new(Kind::RequestForged)),
        Some(true) | None => Ok(()),
    }
}

impl Office {
    /// Counts an attempt on this login, whether there is such an account or not.
    pub(super) fn attempted(&self, login: &str) -> Result<(), Problem> {
        self.attempts.take(login.to_owned(), ATTEMPTS, self.desk.edge().now()).map_err(|exhausted| {
            tracing::warn!(
                code = "sign-in-attempts",
                "more attempts to sign in on one login than it may have"
            );
            Problem::from(exhausted)
        })
    }

    /// Whether `password` is that of the user; a hash is made even if there is none.
    pub(super) async fn knows(&self, user: Option<&User>, password: &Secret) -> Result<bool, Problem> {
        let kept = user.and_then(|user| user.credentials.as_ref()).and_then(|is| is.password.value.known());
        let kept: Option<StoredHash> = match kept {
            Some(text) => {
                Some(serde_json::from_value(Value::from(text.as_str())).map_err(Problem::internal)?)
            }
            None => None,
        };
        let verdict = self.hasher.verify(password, kept.as_ref(), &SystemRandom).await.map_err(unhashed)?;
        Ok(match verdict {
            // A dearer hash is made when the password is changed: a change ends all sessions, which is for the user to ask.
            Verdict::Right | Verdict::RightKeepInstead(_) => true,
            Verdict::Wrong => false,
        })
    }

    /// The user and how they proved who they are, if they did.
    async fn proven(
        &self,
        who: Option<(UserId, User)>,
        password: &Secret,
        second: &Second,
    ) -> Result<Option<(UserId, User, Factor)>, Problem> {
        let mut who = who;
        if let Some((id, user)) = &mut who {
            self.open(*id, user).await?;
        }
        let user = who.as_ref().map(|(_, user)| user);
        let known = self.knows(user, password).await?;
        let factor = match second {
            Second::Code(code) => self.step(user, code)?.map(|step| Factor::Totp { step }),
            Second::Recovery(code) => self.code(user, code).await?.map(|code| Factor::Recovery { code }),
        };
        let guessed = match &who {
            Some((id, _)) if known => self.guessed(*id, factor.is_none()),
            Some(_) | None => false,
        };
        let admitted = known && !guessed && user.is_some_and(|user| user.account == Account::Active);
        match (who, factor) {
            (Some((id, user)), Some(factor)) if admitted => Ok(Some((id, user, factor))),
            (who, _) => {
                let user = who.map_or_else(|| "nobody".to_owned(), |(id, _)| id.to_string());
                tracing::info!(code = "sign-in-refused", %user, "somebody did not get in");
                Ok(None)
            }
        }
    }

    /// Whether too many codes were guessed by somebody who knows the password; a `wrong` one counts.
    fn guessed(&self, user: UserId, wrong: bool) -> bool {
        let now = self.desk.edge().now();
        let left = if wrong {
            self.guesses.take(user, GUESSES, now).is_ok()
        } else {
            self.guesses.has_left(user, GUESSES, now)
        };
        if !left {
            tracing::warn!(code = "codes-guessed", %user, "somebody knows the password of {user} and guesses codes");
        }
        !left
    }

    /// The time step of a one-time code, if it is right and none of it or later was taken.
    fn step(&self, user: Option<&User>, code: &Secret) -> Result<Option<u64>, Problem> {
        let Some(credentials) = user.and_then(|user| user.credentials.as_ref()) else { return Ok(None) };
        let Some(key) = credentials.totp.value.known() else { return Ok(None) };
        let key = TotpKey::from_text(&Secret::new(key.clone())).map_err(Problem::internal)?;
        let last: Step = serde_json::from_value(credentials.step.into()).map_err(Problem::internal)?;
        let step = key.check(code.reveal(), self.desk.edge().now(), Some(last));
        let step = step.map(|step| serde_json::to_value(step).and_then(serde_json::from_value));
        step.transpose().map_err(Problem::internal)
    }

    /// Which recovery code it is, if it is one; a hash is made even if there are none.
    async fn code(&self, user: Option<&User>, code: &Secret) -> Result<Option<u8>, Problem> {
        let kept = user.and_then(|user| user.credentials.as_ref()).and_then(|is| is.recovery.value.known());
        let kept = kept.cloned().unwrap_or_else(|| NO_CODES.map(str::to_owned).to_vec());
        let codes: RecoveryCodes = serde_json::from_value(json!(kept)).map_err(Problem::internal)?;
        let Some(rest) = codes.used(code, &self.hasher).await.map_err(unhashed)? else { return Ok(None) };
        let rest: Vec<String> =
            serde_json::to_value(rest).and_then(serde_json::from_value).map_err(Problem::internal)?;
        // It is the one that is missing from the rest.
        let at = kept.iter().zip(&rest).position(|(one, other)| one != other).unwrap_or(rest.len());
        Ok(u8::try_from(at).ok())
    }

    /// Begins a session of somebody who has proved who they are, with the cookie for it; nothing if the domain takes the factor no more, or the
    /// profile is not theirs.
    pub(super) async fn begin_session(
        &self,
        id: UserId,
        mut user: User,
        factor: Factor,
        profile: Option<Profile>,
        headers: &HeaderMap,
    ) -> Result<Option<(Held, HeaderValue)>, Problem> {
        let Some(profile) = profile.or_else(|| user.profiles.first().copied()) else { return Ok(None) };
        let secret = secret()?;
        let asking = Asking::by(self, id, profile.organisation, TraceContext::of_request(headers));
        let session = SessionId::created_by(asking.command);
        let sign_in = SignIn { digest: secret.digest(), profile: Some(profile), factor };
        match self.take(id, sign_in, asking).await {
            Ok(_) => {}
            Err(ExecuteError::Refused(_)) => return Ok(None),
            Err(error) => return Err(problem_of(error, &AggregateId::User(id))),
        }
        if user.emergency {
            tracing::warn!(code = "emergency-account-used", user = %id, "the emergency account {id} signed in");
        }
        let now = self.desk.edge().now();
        user.sessions.insert(session, Session { digest: secret.digest(), profile, since: now });
        let text = SessionText { user: id, session, secret, seen: 0, proof: [0; 16] };
        let cookie = fresh_cookie(&text, self.desk.journal(), now)?;
        Ok(Some((Held { id, user, session, profile, since: now }, cookie)))
    }
}

fn schema() -> Value {
    let secret = || json!({ "type": "string", "writeOnly": true });
    json!({
        "type": "object",
        "required": ["login", "password"],
        "additionalProperties": false,
        "properties": {
            "login": { "type": "string" },
            "password": secret(),
            "code": secret(),
            "recovery_code": secret(),
            "profile": { "$ref": "#/components/schemas/UserProfile" }
        }
    })
}
