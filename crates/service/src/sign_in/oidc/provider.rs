//! A provider that is known: beginning and finishing sign-ins with it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{Mutex, RwLock};

use super::super::{Random, Secret};
use super::claims::Claims;
use super::config::{Algorithm, Config, Userinfo};
use super::error::{Document, Fault, OidcError, Refusal, TokenFault};
use super::exchange::{self, bearer};
use super::fetch::Http;
use super::identity::Identity;
use super::keys::Keys;
use super::metadata::Metadata;
use super::pending::{Begun, Callback, Pending};
use super::spent::Spent;

/// How long after a fetch that failed there is no other, in seconds: until then the failure is everybody's.
const RETRY_PAUSE_S: i64 = 5;

/// A provider of identities, with what it says of itself and its keys.
pub struct Provider {
    config: Config,
    secret: Secret,
    http: Http,
    known: RwLock<Arc<Known>>,
    /// Held by the one who fetches what is known anew: when that last failed, and how.
    refreshing: Mutex<Option<(Timestamp, OidcError)>>,
    spent: Spent,
}

/// What was last fetched of a provider.
struct Known {
    metadata: Metadata,
    keys: Keys,
    fetched_at: Timestamp,
}

impl Known {
    async fn fetch(config: &Config, http: &Http, now: Timestamp) -> Result<Self, OidcError> {
        let metadata = Metadata::fetch(config, http).await?;
        let keys = Keys::fetch(&metadata, http).await?;
        Ok(Self { metadata, keys, fetched_at: now })
    }

    /// How long ago it was fetched, in seconds.
    fn age(&self, now: Timestamp) -> i64 {
        seconds_between(self.fetched_at, now)
    }
}

impl Provider {
    /// Takes up the provider of `config`: reads the client's secret, fetches what the provider says of itself and its keys.
    ///
    /// # Errors
    ///
    /// [`OidcError::Configuration`], [`OidcError::Secret`]: starting again will not help. [`OidcError::Fetch`],
    /// [`OidcError::Discovery`]: the provider is not there, or not what it should be.
    pub async fn discover(config: Config, http: Http, now: Timestamp) -> Result<Self, OidcError> {
        config.check().map_err(OidcError::Configuration)?;
        let secret = secret(&config.client_secret_file)?;
        let known = Arc::new(Known::fetch(&config, &http, now).await?);
        Ok(Self {
            config,
            secret,
            http,
            known: RwLock::new(known),
            refreshing: Mutex::new(None),
            spent: Spent::default(),
        })
    }

    /// The provider, as it names itself.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Begins a sign-in: where to send the browser, and what to keep in its session.
    ///
    /// # Errors
    ///
    /// [`OidcError::Random`]; what fetching the provider's documents anew meets, when they are too old.
    pub async fn begin(&self, now: Timestamp, random: &dyn Random) -> Result<Begun, OidcError> {
        let known = self.fresh(now).await?;
        let pending = Pending::draw(&self.config.issuer, now, random)?;
        let scopes = self.config.scopes.join(" ");
        let mut asked = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.config.client_id.clone()),
            ("redirect_uri", self.config.redirect_uri.clone()),
            ("scope", scopes),
            ("state", pending.state().reveal().to_owned()),
            ("nonce", pending.nonce().reveal().to_owned()),
        ];
        if self.config.pkce {
            asked.push(("code_challenge", pending.challenge()));
            asked.push(("code_challenge_method", "S256".to_owned()));
        }
        let levels = self.config.accepted_levels();
        if !levels.is_empty() {
            asked.push(("acr_values", levels.join(" ")));
        }
        if self.config.ask_amr {
            asked.push(("claims", json!({ "id_token": { "amr": { "essential": true } } }).to_string()));
        }
        Ok(Begun { url: with_query(&known.metadata.authorization.to_string(), &asked), pending })
    }

    /// Finishes a sign-in, well or not: `pending` is spent either way.
    ///
    /// # Errors
    ///
    /// [`OidcError`]: nobody is signed in.
    pub async fn finish(
        &self,
        pending: Pending,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<Identity, OidcError> {
        if pending.issuer() != self.config.issuer {
            return Err(OidcError::OtherProvider);
        }
        let skew = self.config.clock_skew();
        if pending.expires_at() <= now || pending.begun_at().as_second() > now.as_second() + skew {
            return Err(OidcError::PendingExpired);
        }
        if !self.spent.spend(&pending, now) {
            return Err(OidcError::PendingSpent);
        }
        let known = self.fresh(now).await?;
        let code = self.check_callback(&known, &pending, callback)?;
        let through = (&self.http, &known.metadata);
        let tokens = exchange::tokens(&self.config, &self.secret, through, code, &pending).await?;
        let accepted = &self.config.id_token_algorithms;
        let said: Claims = self.opened(Document::IdToken, tokens.id_token.reveal(), accepted, now).await?;
        said.check_id_token(&self.config, &pending, tokens.access_token.reveal(), now)?;
        let more = self.userinfo(&known, &tokens.access_token, now).await?;
        if more.as_ref().is_some_and(|more| more.sub != said.sub) {
            return Err(OidcError::SubjectsDiffer);
        }
        let about = more.as_ref().unwrap_or(&said);
        Ok(Identity {
            issuer: self.config.issuer.clone(),
            subject: said.sub.clone().unwrap_or_default(),
            acr: said.acr.clone(),
            amr: said.factors(),
            auth_time: said.auth_time.and_then(|time| Timestamp::from_second(time).ok()),
            email: about.email(),
            email_is_verified: about.email_is_verified(),
            organisation: about.organisation(&self.config),
            id_token: tokens.id_token,
        })
    }

    /// Where to send the browser to end the session at the provider too; none for a provider that has no such place.
    /// `back` is where it sends the browser then, to the letter as registered there.
    pub async fn logout(&self, id_token: &Secret, back: &str, state: &Secret) -> Option<String> {
        let end = self.known.read().await.metadata.end_session.as_ref()?.to_string();
        let asked = [
            ("id_token_hint", id_token.reveal().to_owned()),
            ("post_logout_redirect_uri", back.to_owned()),
            ("state", state.reveal().to_owned()),
        ];
        Some(with_query(&end, &asked))
    }

    /// The code of the answer, if the answer is this sign-in's and this provider's and a yes. An answer of somebody
    /// else's is not even read for its error.
    fn check_callback<'a>(
        &self,
        known: &Known,
        pending: &Pending,
        callback: &'a Callback,
    ) -> Result<&'a Secret, OidcError> {
        match &callback.state {
            None => return Err(OidcError::StateMissing),
            Some(state) if state != pending.state() => return Err(OidcError::StateWrong),
            Some(_) => {}
        }
        match &callback.issuer {
            Some(issuer) if !issuer.is(&self.config.issuer) => return Err(OidcError::IssuerWrong),
            None if known.metadata.names_itself => return Err(OidcError::IssuerMissing),
            Some(_) | None => {}
        }
        if let Some(error) = &callback.error {
            return Err(OidcError::Refused(Refusal::of(error.reveal())));
        }
        callback.code.as_ref().ok_or(OidcError::CodeMissing)
    }

    async fn userinfo(
        &self,
        known: &Known,
        access_token: &Secret,
        now: Timestamp,
    ) -> Result<Option<Claims>, OidcError> {
        let document = Document::Userinfo;
        let Some(endpoint) = &known.metadata.userinfo else { return Ok(None) };
        let fetch =
            async |accept| self.http.get(document, endpoint, accept, Some(bearer(access_token)?)).await;
        let malformed = OidcError::Fetch { document, fault: Fault::Malformed };
        let said: Claims = match self.config.userinfo {
            Userinfo::Unasked => return Ok(None),
            Userinfo::Plain => {
                let body: Bytes = fetch("application/json").await?;
                serde_json::from_slice(&body).map_err(|_| malformed)?
            }
            Userinfo::Signed => {
                let unsigned = OidcError::Fetch { document, fault: Fault::MediaType };
                let body = fetch("application/jwt")
                    .await
                    .map_err(|error| if error == unsigned { OidcError::UserinfoUnsigned } else { error })?;
                let token = str::from_utf8(&body).map_err(|_| malformed)?;
                let accepted = &self.config.userinfo_algorithms;
                let said: Claims = self.opened(document, token.trim(), accepted, now).await?;
                said.check_userinfo(&self.config, now)
                    .map_err(|fault| OidcError::Token { document, fault })?;
                said
            }
        };
        Ok(Some(said))
    }

    /// What a signed document says. A key that is not known may be new: the keys are then fetched again, not more often
    /// than the configuration has it.
    async fn opened<T: DeserializeOwned + Clone>(
        &self,
        document: Document,
        token: &str,
        accepted: &[Algorithm],
        now: Timestamp,
    ) -> Result<T, OidcError> {
        let known = Arc::clone(&*self.known.read().await);
        let mut opened = known.keys.opened(token, accepted);
        if matches!(opened, Err(TokenFault::UnknownKey)) {
            let known = self.fetched_after(self.config.refresh_pause_s.into(), now).await?;
            opened = known.keys.opened(token, accepted);
        }
        opened.map_err(|fault| OidcError::Token { document, fault })
    }

    /// What is known of the provider, not older than the configuration has it. A provider that cannot be reached then signs
    /// nobody in: it could not anyway.
    async fn fresh(&self, now: Timestamp) -> Result<Arc<Known>, OidcError> {
        self.fetched_after(self.config.documents_age_max_s.into(), now).await
    }

    /// What is known of the provider, fetched anew if it is `age` seconds old or more. One fetches at a time; who waited
    /// for it takes what it brought, the failure too.
    async fn fetched_after(&self, age: i64, now: Timestamp) -> Result<Arc<Known>, OidcError> {
        let known = Arc::clone(&*self.known.read().await);
        if known.age(now) < age {
            return Ok(known);
        }
        let mut failed = self.refreshing.lock().await;
        let known = Arc::clone(&*self.known.read().await);
        if known.age(now) < age {
            return Ok(known);
        }
        if let Some((at, error)) = &*failed
            && seconds_between(*at, now) < RETRY_PAUSE_S
        {
            return Err(error.clone());
        }
        match Known::fetch(&self.config, &self.http, now).await {
            Ok(known) => {
                let known = Arc::new(known);
                *self.known.write().await = Arc::clone(&known);
                *failed = None;
                Ok(known)
            }
            Err(error) => {
                *failed = Some((now, error.clone()));
                Err(error)
            }
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}

/// The seconds from one time to the other, whichever is first: a clock that was set back must not make anything last.
fn seconds_between(one: Timestamp, other: Timestamp) -> i64 {
    other.as_second().saturating_sub(one.as_second()).saturating_abs()
}

/// The client's secret. White space around it is the editor's.
fn secret(file: &Path) -> Result<Secret, OidcError> {
    let text = Secret::new(std::fs::read_to_string(file).map_err(|_| OidcError::Secret)?);
    let trimmed = text.reveal().trim();
    if trimmed.is_empty() { Err(OidcError::Secret) } else { Ok(Secret::new(trimmed.to_owned())) }
}

/// An address with more in its query.
fn with_query(address: &str, asked: &[(&str, String)]) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish();
    format!("{address}{joint}{query}")
}
