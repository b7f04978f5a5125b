//! The software of those who take part: it signs in, repeats under the same key, and reads what it wrote.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::organisation::OrganisationKind as Kind;
use serde_json::Value;

use crate::names::{Names, named};
use crate::world::SERVICES;
use crate::{Answer, Parties, Routes};

/// Somebody who asks. A clone is the same somebody.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    routes: Arc<Routes>,
    parties: Parties,
    /// What it calls households, where it may not know their ids.
    names: Names,
    /// The last position it was told of: what it reads next must know it.
    seen: Arc<AtomicU64>,
}

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Ask {
    caller: Caller,
    method: reqwest::Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    base: Option<String>,
    anonymous: bool,
    as_it_is: bool,
}

impl Caller {
    pub(crate) fn new(http: reqwest::Client, routes: Arc<Routes>, parties: Parties) -> Self {
        Self { http, routes, parties, names: Names::default(), seen: Arc::default() }
    }

    /// The software of these, that asks the instance whose surface is at `base`.
    ///
    /// # Panics
    /// When nothing answers there.
    pub async fn of(base: &str, parties: Parties) -> Self {
        let http = reqwest::Client::new();
        let document =
            http.get(format!("{base}/api/openapi.json")).send().await.unwrap().json().await.unwrap();
        let routes = Routes::default();
        routes.learn(&document);
        SERVICES.into_iter().for_each(|service| routes.moved(service, base));
        Self::new(http, Arc::new(routes), parties)
    }

    /// Those who take part.
    #[must_use]
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// The SIAO.
    #[must_use]
    pub fn organisation(&self) -> &str {
        &self.parties.the(Kind::SiaoOperator).organisation
    }

    /// Who runs structures and places of this kind.
    #[must_use]
    pub fn provider(&self, kind: &str) -> &str {
        let of = if kind == "social_dwelling" { Kind::SocialLandlord } else { Kind::Provider };
        &self.parties.the(of).organisation
    }

    /// The last position it was told of.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Acquire)
    }

    /// From now on it reads at least as far as `position`: somebody told it.
    pub fn told(&self, position: u64) {
        self.seen.fetch_max(position, Ordering::AcqRel);
    }

    /// A query to be sent.
    #[must_use]
    pub fn asking(&self, path: &str) -> Ask {
        self.ask(reqwest::Method::GET, path, None)
    }

    /// A command to be sent, without a key.
    ///
    /// # Panics
    /// Never: JSON values can be written.
    #[must_use]
    pub fn command(&self, path: &str, body: &Value) -> Ask {
        self.ask(reqwest::Method::POST, path, Some(serde_json::to_vec(body).unwrap()))
    }

    /// A command to be sent, of bytes that need not be JSON.
    #[must_use]
    pub fn raw(&self, path: &str, body: Vec<u8>) -> Ask {
        self.ask(reqwest::Method::POST, path, Some(body))
    }

    /// Reads.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn get(&self, path: &str) -> Answer {
        self.asking(path).send().await
    }

    /// Commands, under a key of its own.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.command(path, body).key(&uuid::Uuid::new_v4().to_string()).send().await
    }

    /// What the landlord of those who take part calls the household: the SIAO asks for it; nothing if it knows none of that id.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn reference(&self, household: &str) -> Option<String> {
        let landlord = &self.parties.the(Kind::SocialLandlord).organisation;
        if let Some(told) = self.names.told(landlord, household) {
            return Some(told);
        }
        let asking = self.asking(&format!("/api/v1/households/{household}/reference"));
        let answer = Box::pin(asking.as_the(Kind::SiaoOperator).with("landlord", landlord).send()).await;
        let reference = answer.body["reference"].as_str()?;
        self.names.tell(landlord, household, reference);
        Some(reference.to_owned())
    }

    fn ask(&self, method: reqwest::Method, path: &str, body: Option<Vec<u8>>) -> Ask {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let (caller, path) = (self.clone(), path.to_owned());
        Ask {
            caller,
            method,
            path,
            query: Vec::new(),
            headers,
            body,
            base: None,
            anonymous: false,
            as_it_is: false,
        }
    }
}

impl Ask {
    /// Under this `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Only on this version.
    #[must_use]
    pub fn if_match(self, version: u64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    /// With this header, instead of the one it has of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In the name of this one of those who take part.
    #[must_use]
    pub fn as_the(self, kind: Kind) -> Self {
        let token = self.caller.parties.the(kind).token.clone();
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// As it is written: a landlord that would have to call households by references of its own sends ids.
    #[must_use]
    pub fn as_it_is(mut self) -> Self {
        self.as_it_is = true;
        self
    }

    /// Without signing in.
    #[must_use]
    pub fn anonymously(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Without this header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// With a parameter of the query.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a caller writes numbers and texts as they are")]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// To this process, whichever the operation belongs to.
    #[must_use]
    pub fn to(mut self, base: &str) -> Self {
        self.base = Some(base.to_owned());
        self
    }

    /// Sends it and reads the answer.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn send(self) -> Answer {
        let (method, path) = (self.method.clone(), self.path.clone());
        self.try_send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    /// Sends it and reads the answer, if there is one.
    ///
    /// # Errors
    /// What the client says when the connection is refused or lost.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let seen = Arc::clone(&self.caller.seen);
        let answer = Answer::read(self.start().await?).await?;
        if let Some(position) = answer.body["position"].as_u64() {
            seen.fetch_max(position, Ordering::AcqRel);
        }
        Ok(answer)
    }

    /// Sends it; the answer is still to be read.
    pub(crate) async fn start(self) -> Result<reqwest::Response, reqwest::Error> {
        let Self { caller, method, mut path, mut query, headers, mut body, base, anonymous, as_it_is } = self;
        let route = caller.routes.find(method.as_str(), path.split('?').next().unwrap_or(&path));
        let stated_token = headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value);
        let own_token = &caller.parties.for_route(route.as_ref()).token;
        let by_landlord = {
            let landlord = &caller.parties.the(Kind::SocialLandlord).token;
            stated_token.map_or(own_token == landlord, |stated| stated.ends_with(landlord))
        };
        if by_landlord && !anonymous && !as_it_is {
            for household in named(&path, body.as_deref()) {
                let Some(reference) = caller.reference(&household).await else { continue };
                path = path.replace(&household, &reference);
                body = body.map(|body| match String::from_utf8(body) {
                    Ok(text) => text.replace(&household, &reference).into_bytes(),
                    Err(bytes) => bytes.into_bytes(),
                });
            }
        }
        let (_, own) = path.split_once('?').unwrap_or((&path, ""));
        let stated = own.contains("at_least") || query.iter().any(|(name, _)| name == "at_least");
        let reads = route.as_ref().is_some_and(|route| route.at_least);
        if method == reqwest::Method::GET && reads && !stated && caller.seen() > 0 {
            query.push(("at_least".to_owned(), caller.seen().to_string()));
        }
        let base = base.unwrap_or_else(|| caller.routes.base_for(route.as_ref()));
        let mut request = caller.http.request(method, format!("{base}{path}")).query(&query);
        if !headers.iter().any(|(name, _)| name == "authorization") && !anonymous {
            request = request.bearer_auth(&caller.parties.for_route(route.as_ref()).token);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        request.send().await
    }
}
