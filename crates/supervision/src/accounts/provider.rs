//! Signing in with a provider of identities: `GET /api/v1/sign-in/begin`, and where the browser comes back to.
//!
//! **Invariant.** Who the provider says it is opens the account that (issuer, subject) was linked to, on an invitation, and no
//! other: an address or an organisation that the provider names makes nobody a member.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::decide::user::LinkIdentity;
use domain::id::UserId;
use domain::ledger::AggregateId;
use domain::user::{Factor, User};
use serde::{Deserialize, Serialize};
use service::axum::extract::{RawQuery, State};
use service::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use service::axum::response::{AppendHeaders, IntoResponse as _, Response};
use service::extract::Query;
use service::openapi::{Answer, Operation, Schema};
use service::problem::Kind;
use service::sign_in::oidc::{Callback, Config, Http, Identity, OidcError, Pending, Provider};
use service::sign_in::{Secret, SystemRandom};
use service::{Problem, Site, TraceContext};
use tokio::sync::OnceCell;

use desk::{problem_of, sign_in_needed};

use super::Office;
use super::enrolment::Invited;
use super::taking::Asking;

/// Where the browser is sent once somebody is signed in.
const HOME: &str = "/";
/// The cookie of a sign-in that was begun.
const COOKIE: &str = "__Host-sign-in";
/// How long it is kept, in seconds: as long as the sign-in may last.
const COOKIE_S: u64 = service::sign_in::oidc::PENDING_MAX.as_secs();

/// The provider of the settings; what it says of itself is fetched when it is needed first.
pub(crate) struct Provided {
    config: Config,
    discovered: OnceCell<Provider>,
}

impl Provided {
    pub(crate) fn by(config: Config) -> Self {
        Self { config, discovered: OnceCell::new() }
    }
}

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let begin = Operation::get(
        "/api/v1/sign-in/begin",
        "sign-in-begin",
        crate::NAME,
        "Se connecter par le fournisseur d'identité.",
    )
    .open_to_all()
    .query_parameter("invitation", Schema::Text, "An invitation to take up with the identity.")
    .problems([Kind::MalformedQuery, Kind::RefusedNow, Kind::RequestForged, Kind::NotReady])
    .answer_with(Answer {
        status: 303,
        description: "Where to send the browser. It comes back to `/api/v1/sign-in/callback`.",
        schema: None,
        media_type: "application/json",
        example: None,
        headers: vec![
            ("Location", "The provider."),
            ("Set-Cookie", "What is kept until the browser is back."),
        ],
    });
    let finish = Operation::get(
        "/api/v1/sign-in/callback",
        "sign-in-finish",
        crate::NAME,
        "Là où le fournisseur d'identité renvoie le navigateur.",
    )
    .open_to_all()
    // The provider sends back what parameters it likes.
    .with_any_query()
    .problems([Kind::SignInNeeded, Kind::NotAllowed, Kind::RefusedNow, Kind::NotReady])
    .problems([Kind::UnknownId, Kind::Contended, Kind::BrokerUnreachable, Kind::JournalFull])
    .answer_with(Answer {
        status: 303,
        description: "Signed in; the browser goes to the first page.",
        schema: None,
        media_type: "application/json",
        example: None,
        headers: vec![("Location", "The first page."), ("Set-Cookie", "The session, for this host alone.")],
    });
    site.operation(begin, begun, office.clone()).operation(finish, finished, office.clone())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    invitation: Option<Secret>,
}

/// What the browser keeps while its person is with the provider: out of the sight of pages, and not to be changed.
#[derive(Serialize, Deserialize)]
struct Kept {
    pending: Pending,
    invitation: Option<Secret>,
}

impl Office {
    async fn provider(&self) -> Result<&Provider, Problem> {
        let Some(provided) = &self.provided else {
            let sentence =
                "Aucun fournisseur d'identité n'est configuré ici : connectez-vous avec votre mot de passe.";
            return Err(Problem::refused_now("no-identity-provider", "sign-in", sentence));
        };
        let now = self.desk.edge().now();
        let discover = || async {
            let http = Http::for_provider(&provided.config)?;
            Provider::discover(provided.config.clone(), http, now).await
        };
        provided.discovered.get_or_try_init(discover).await.map_err(failed)
    }

    fn proof(&self, text: &str) -> Result<String, Problem> {
        Ok(desk::hex(&self.keys()?.digest(&[b"sign-in pending", text.as_bytes()])))
    }

    fn cookie(&self, kept: &Kept) -> Result<HeaderValue, Problem> {
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(kept).map_err(Problem::internal)?);
        let proof = self.proof(&text)?;
        let cookie =
            format!("{COOKIE}={text}.{proof}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={COOKIE_S}");
        let mut value = HeaderValue::try_from(cookie).map_err(Problem::internal)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// What the browser kept, if it is what we gave it.
    fn kept(&self, headers: &HeaderMap) -> Result<Option<Kept>, Problem> {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let Some((_, value)) = pairs.find(|(name, _)| *name == COOKIE) else { return Ok(None) };
        let Some((text, proof)) = value.split_once('.') else { return Ok(None) };
        if !Secret::new(self.proof(text)?).is(proof) {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The account of an identity, linked now if an invitation is there to be taken up.
    async fn of_identity(
        &self,
        identity: &Identity,
        invitation: Option<&Secret>,
        headers: &HeaderMap,
    ) -> Result<(UserId, User), Problem> {
        let parts: [&[u8]; 3] = [b"identity", identity.issuer.as_bytes(), identity.subject.as_bytes()];
        let digest = desk::hex(&self.keys()?.digest(&parts));
        let known = self.who(&digest)?;
        let Some(invitation) = invitation else { return known.ok_or_else(unlinked) };
        let Invited { id, user, digest: invitation } = self.invited(invitation.reveal())?;
        if known.is_some_and(|(known, _)| known != id) {
            let sentence =
                "Cette identité est déjà celle d'un autre compte : connectez-vous sans l'invitation.";
            return Err(Problem::refused_now("identity-taken", "user", sentence));
        }
        let organisation = user.profiles.first().ok_or_else(unlinked)?.organisation;
        let asking = Asking::by(self, id, organisation, TraceContext::of_request(headers));
        let link = LinkIdentity { invitation, identity: digest };
        let taken = self.take(id, link, asking).await;
        taken.map_err(|error| problem_of(error, &AggregateId::User(id)))?;
        Ok((id, user))
    }

    async fn finish(&self, query: &str, headers: &HeaderMap) -> Result<Response, Problem> {
        let provider = self.provider().await?;
        let Some(Kept { pending, invitation }) = self.kept(headers)? else { return Err(came_to_nothing()) };
        let callback = Callback::from_query(query).map_err(failed)?;
        let identity = provider.finish(pending, &callback, self.desk.edge().now()).await.map_err(failed)?;
        let (id, user) = self.of_identity(&identity, invitation.as_ref(), headers).await?;
        let begun = self.begin_session(id, user, Factor::Provider, None, headers).await?;
        let (_, cookie) = begun.ok_or_else(unlinked)?;
        let headers = [
            (header::SET_COOKIE, cookie),
            (header::SET_COOKIE, no_longer_kept()),
            (header::LOCATION, HeaderValue::from_static(HOME)),
        ];
        Ok((StatusCode::SEE_OTHER, AppendHeaders(headers)).into_response())
    }
}

async fn begun(
    State(office): State<Office>,
    headers: HeaderMap,
    Query(Asked { invitation }): Query<Asked>,
) -> Result<Response, Problem> {
    // Nobody is to be sent to the provider by a page of somebody else's, least of all with somebody else's invitation.
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return Err(Problem::new(Kind::RequestForged));
    }
    let provider = office.provider().await?;
    if let Some(invitation) = &invitation {
        office.invited(invitation.reveal())?;
    }
    let begun = provider.begin(office.desk.edge().now(), &SystemRandom).await.map_err(failed)?;
    let cookie = office.cookie(&Kept { pending: begun.pending, invitation })?;
    let location = HeaderValue::try_from(begun.url).map_err(Problem::internal)?;
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, location)];
    Ok((StatusCode::SEE_OTHER, AppendHeaders(headers)).into_response())
}

async fn finished(
    State(office): State<Office>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let finished = office.finish(&query.unwrap_or_default(), &headers).await;
    // What was kept is good for one return, well or not.
    finished.map_err(|problem| problem.header(header::SET_COOKIE, no_longer_kept()))
}

fn no_longer_kept() -> HeaderValue {
    HeaderValue::from_static("__Host-sign-in=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Whoever proved who they are and has no account here, or none that is open.
fn unlinked() -> Problem {
    Problem::new(Kind::NotAllowed).detail(
        "Vous êtes bien reconnu, mais cette identité n'ouvre aucun compte ici : demandez une invitation à votre responsable.",
    )
}

/// A sign-in that cannot be finished: it can be begun again.
fn came_to_nothing() -> Problem {
    sign_in_needed().detail("Cette connexion n'a pas abouti : recommencez depuis la page de connexion.")
}

/// Why the provider did not say who it is.
fn failed(error: OidcError) -> Problem {
    match error {
        OidcError::Configuration(_)
        | OidcError::Secret
        | OidcError::Certificates
        | OidcError::Random(_)
        | OidcError::ClientRefused => Problem::internal(error),
        OidcError::Fetch { .. } | OidcError::Discovery(_) => {
            tracing::warn!(code = "provider-unavailable", error = %error, "{error}");
            Problem::new(Kind::NotReady).detail(
                "Le fournisseur d'identité ne répond pas comme il devrait : réessayez dans un moment, ou connectez-vous par mot de passe.",
            )
        }
        OidcError::PendingExpired
        | OidcError::PendingSpent
        | OidcError::OtherProvider
        | OidcError::CallbackMalformed
        | OidcError::StateMissing
        | OidcError::StateWrong
        | OidcError::IssuerMissing
        | OidcError::IssuerWrong
        | OidcError::Refused(_)
        | OidcError::CodeMissing
        | OidcError::CodeRefused
        | OidcError::Token { .. }
        | OidcError::UserinfoUnsigned
        | OidcError::SubjectsDiffer
        | OidcError::AcrMissing
        | OidcError::AcrTooLow => {
            tracing::warn!(code = "sign-in-refused", error = %error, "a sign-in with the provider came to nothing");
            came_to_nothing()
        }
    }
}
