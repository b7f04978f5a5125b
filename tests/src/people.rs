//! People who sign in: invited by the administrator, enrolled with a password and a telephone.

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use ring::hmac;
use serde_json::{Value, json};
use service::Edge;

use crate::{Answer, World, until};

/// The password of everybody.
const PASSWORD: &str = "quatre mots choisis au hasard";

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// What they sign in as.
    pub login: String,
    /// The codes with which they can sign in without their telephone, each once.
    pub recovery: Vec<String>,
    http: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
}

impl Person {
    /// Their password.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// What their browser sends along.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Somebody of this role in an organisation, who has enrolled and signed in; intake knows of it.
    ///
    /// # Panics
    /// When the administrator is refused, or they are.
    pub async fn signed_in(world: &World, login: &str, organisation: &str, role: &str) -> Self {
        let (http, base) = (world.http().clone(), world.base("supervision"));
        let invite = json!({
            "name": "Jeanne Martin", "email": login,
            "profiles": [{ "organisation": organisation, "role": role }], "emergency": false,
        });
        let post = async |path: &str, token: Option<String>, body: Value| {
            let request = http.post(format!("{base}{path}")).json(&body);
            let request = match token {
                Some(token) => request.bearer_auth(token.trim()),
                None => request,
            };
            let answer = request.send().await.unwrap();
            let cookie = answer.headers().get(SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
            (Answer::read(answer).await.unwrap().ok(), cookie.unwrap_or_default())
        };
        let (invited, _) = post("/api/v1/users", Some(world.administrator()), invite).await;
        let invitation = &invited["invitation"];
        let (begun, _) = post("/api/v1/enrolment/begin", None, json!({ "invitation": invitation })).await;
        let totp = begun["totp_secret"].as_str().unwrap();
        let finish = json!({
            "invitation": invitation, "password": PASSWORD, "totp_secret": totp, "code": code(totp, Edge::system().now()),
        });
        let (finished, _) = post("/api/v1/enrolment/finish", None, finish).await;
        let codes = finished["recovery_codes"].as_array().unwrap().iter();
        let mut recovery: Vec<String> = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
        // The code of the telephone was just used; the next one comes with the next half minute.
        let begin = json!({ "login": login, "password": PASSWORD, "recovery_code": recovery.pop() });
        let (session, cookie) = post("/api/v1/session", None, begin).await;
        let person = Self {
            id: finished["user"].as_str().unwrap().to_owned(),
            login: login.to_owned(),
            recovery,
            cookie: cookie.split(';').next().unwrap().to_owned(),
            csrf: session["csrf"].as_str().unwrap().to_owned(),
            http: http.clone(),
            base: world.base("intake"),
        };
        until("the session is known", || async { person.get("/api/v1/worklists/siao").await.status != 401 })
            .await;
        person
    }

    /// Reads.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    /// Commands, as a page of the site does.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request
            .header(COOKIE, &self.cookie)
            .header("continuum-csrf", &self.csrf)
            .header(ORIGIN, &self.base);
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }
}

/// The code that their telephone shows at this instant (RFC 6238).
fn code(secret: &str, now: Timestamp) -> String {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let step = u64::try_from(now.as_second() / 30).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0x0f);
    let four: [u8; 4] = tag[offset..offset + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}
