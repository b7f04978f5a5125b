//! What a person does in a browser, and the application on their telephone.

use data_encoding::BASE32_NOPAD;
use domain::id::OrganisationId;
use jiff::Timestamp;
use reqwest::header::{COOKIE, HOST, HeaderMap, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use ring::hmac;
use serde_json::{Value, json};

use crate::world::{PATIENCE, World};

/// A password that may be set.
pub(crate) const PASSWORD: &str = "quatre mots choisis au hasard";

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Its status and the code of the problem.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// A header as text, empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Somebody who asks over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) base: String,
    /// The cookies it keeps, by name.
    pub(crate) cookies: std::collections::BTreeMap<String, String>,
    pub(crate) csrf: Option<String>,
    pub(crate) bearer: Option<String>,
    /// Where its pages come from, if not from the site itself.
    pub(crate) origin: Option<String>,
    /// Whether nobody does anything: its pages ask by themselves.
    pub(crate) by_itself: bool,
}

impl Browser {
    pub(crate) fn at(base: &str) -> Self {
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().unwrap();
        let (base, cookies) = (base.to_owned(), Default::default());
        Self { client, base, cookies, csrf: None, bearer: None, origin: None, by_itself: false }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.bearer_auth(bearer);
        } else {
            let host = self.base.strip_prefix("http://").unwrap();
            let origin = self.origin.clone().unwrap_or_else(|| self.base.clone());
            request = request.header(HOST, host).header(ORIGIN, origin);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("Continuum-Csrf", csrf);
        }
        if self.by_itself {
            request = request.header("Continuum-By-Itself", "?1");
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if let Some(csrf) = body["csrf"].as_str() {
            self.csrf = Some(csrf.to_owned());
        }
        Answer { status, headers, body }
    }
}

/// Somebody with an account.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) totp: String,
    pub(crate) recovery: Vec<String>,
}

impl Person {
    /// Invites somebody with these roles in the SIAO; what is answered.
    pub(crate) async fn invited(world: &World, email: &str, roles: &[&str], emergency: bool) -> Value {
        let profile = |role: &&str| json!({ "organisation": world.siao, "role": role });
        let profiles: Vec<_> = roles.iter().map(profile).collect();
        let body =
            json!({ "name": "Jeanne Martin", "email": email, "profiles": profiles, "emergency": emergency });
        world.software().post("/api/v1/users", body).await.is(201)
    }

    /// Somebody who was invited and has enrolled.
    pub(crate) async fn enrolled(world: &World, email: &str, roles: &[&str]) -> Self {
        let invited = Self::invited(world, email, roles, false).await;
        Self::enrols(world, &invited["invitation"]).await
    }

    /// Takes an invitation up.
    pub(crate) async fn enrols(world: &World, invitation: &Value) -> Self {
        let mut browser = world.browser();
        let begun = browser.post("/api/v1/enrolment/begin", json!({ "invitation": invitation }));
        let begun = begun.await.is(200);
        let totp = begun["totp_secret"].as_str().unwrap().to_owned();
        let finish = json!({
            "invitation": invitation, "password": PASSWORD, "totp_secret": totp,
            "code": code(&totp, world.clock.now()),
        });
        let finished = browser.post("/api/v1/enrolment/finish", finish).await.is(201);
        // The code of the enrolment is not taken again: the next one comes with the next half minute.
        world.clock.advance(std::time::Duration::from_secs(30));
        let codes = finished["recovery_codes"].as_array().unwrap().iter();
        Self {
            id: finished["user"].as_str().unwrap().to_owned(),
            email: begun["login"].as_str().unwrap().to_owned(),
            totp,
            recovery: codes.map(|code| code.as_str().unwrap().to_owned()).collect(),
        }
    }

    /// What they type to sign in at this instant.
    pub(crate) fn types(&self, now: Timestamp) -> Value {
        json!({ "login": self.email, "password": PASSWORD, "code": code(&self.totp, now) })
    }

    /// A browser in which they have just signed in.
    pub(crate) async fn signs_in(&self, world: &World) -> Browser {
        let mut browser = world.browser();
        browser.post("/api/v1/session", self.types(world.clock.now())).await.is(201);
        browser
    }
}

/// The code that the application shows at this instant (RFC 6238).
pub(crate) fn code(secret: &str, now: Timestamp) -> String {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let step = u64::try_from(now.as_second() / 30).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0x0f);
    let four: [u8; 4] = tag[offset..offset + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}

/// A profile in the SIAO.
pub(crate) fn profile(organisation: OrganisationId, role: &str) -> Value {
    json!({ "organisation": organisation, "role": role })
}
