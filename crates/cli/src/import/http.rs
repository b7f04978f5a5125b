//! A running instance over HTTP: one pool of connections, plain or over TLS with the certificates of the machine.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use service::outgoing::{Connector, connector};

use super::plan::Outgoing;
use super::target::{Answer, Problem, Target, Unreachable};

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// The longest wait for an answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);

/// A running instance, asked by somebody. A clone shares its connections.
#[derive(Clone)]
pub struct Instance {
    client: Client<Connector, Full<Bytes>>,
    base: String,
    headers: HeaderMap,
}

/// Why commands cannot be sent to an address at all.
#[derive(Debug, thiserror::Error)]
pub enum BadInstance {
    /// Not an address of an instance.
    #[error(
        "« {0} » n'est pas l'adresse d'une instance, comme https://continuum.example ou http://127.0.0.1:8080"
    )]
    Address(String),
    /// The token has letters that a header cannot carry.
    #[error("le jeton n'en est pas un : il a des caractères qu'aucun jeton n'a")]
    Token,
    /// The certificates of the machine cannot be read.
    #[error("les certificats de cette machine ne se lisent pas, et {address} est en TLS : {why}")]
    Certificates {
        /// The address.
        address: String,
        /// What the system says.
        why: String,
    },
}

impl Instance {
    /// The instance at `base`, signed in to with `token`, if there is one.
    ///
    /// # Errors
    /// [`BadInstance`] when the address, the token or the certificates of the machine do not do.
    pub fn at(base: &str, token: Option<&str>) -> Result<Self, BadInstance> {
        let bad = || BadInstance::Address(base.chars().take(200).collect());
        let uri: Uri = base.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(bad()),
        };
        if uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(bad());
        }
        let why = |error: &dyn std::fmt::Display| BadInstance::Certificates {
            address: base.to_owned(),
            why: error.to_string(),
        };
        let client =
            Client::builder(TokioExecutor::new()).build(connector(tls).map_err(|error| why(&error))?);
        let headers = headers(token).ok_or(BadInstance::Token)?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), headers })
    }

    /// The same instance, signed in to with another token; none if it has letters that a header cannot carry.
    #[must_use]
    pub fn signed_in_with(&self, token: &str) -> Option<Self> {
        let headers = headers(Some(token))?;
        Some(Self { client: self.client.clone(), base: self.base.clone(), headers })
    }

    async fn ask(&self, request: &Outgoing) -> Result<Answer, Unreachable> {
        let broken = |error: &dyn std::error::Error| Unreachable(chain(error));
        let mut message = Request::post(format!("{}{}", self.base, request.path))
            .body(Full::new(Bytes::from(request.body.to_string())))
            .map_err(|error| broken(&error))?;
        *message.headers_mut() = self.headers.clone();
        let key = HeaderValue::from_str(&request.key).map_err(|error| broken(&error))?;
        message.headers_mut().insert(HeaderName::from_static("idempotency-key"), key);
        let response = self.client.request(message).await.map_err(|error| broken(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| Unreachable(error.to_string()))?;
        Ok(answer(&Response::from_parts(parts, body.to_bytes())))
    }
}

impl Target for Instance {
    async fn send(&self, request: &Outgoing) -> Result<Answer, Unreachable> {
        match tokio::time::timeout(ANSWER_WAIT_MAX, self.ask(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Unreachable(format!("aucune en {} s", ANSWER_WAIT_MAX.as_secs()))),
        }
    }
}

fn headers(token: Option<&str>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    Some(headers)
}

fn answer(response: &Response<Bytes>) -> Answer {
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
    // Something else that answers 200 to everything, a captive portal say, is no instance.
    if response.status().is_success() && body.get("id").is_some() {
        let repeated = body.get("repeated").and_then(serde_json::Value::as_bool).unwrap_or(false);
        // A key that is too old to be remembered finds what it created there, and changes nothing either.
        let nothing = body.get("events").and_then(serde_json::Value::as_array).is_some_and(Vec::is_empty);
        let repeated = repeated || nothing;
        return Answer::Taken { repeated };
    }
    let text = |name: &str| body.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Answer::Problem(Problem {
        status: response.status().as_u16(),
        code: text("code").unwrap_or_default(),
        detail: text("detail").or_else(|| text("title")).unwrap_or_default(),
        pointer: text("pointer"),
        retry_after: seconds.map(Duration::from_secs),
        look_alikes: look_alikes(&body),
    })
}

/// What a refusal tells of each file that looks alike: in what, and where to ask.
fn look_alikes(body: &serde_json::Value) -> Vec<String> {
    let items = |value: &serde_json::Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let texts = |items: Vec<serde_json::Value>, name: &str| -> String {
        let mut texts: Vec<String> = Vec::new();
        for item in items {
            if let Some(text) = item[name].as_str().filter(|text| !texts.iter().any(|there| there == text)) {
                texts.push(text.to_owned());
            }
        }
        texts.join(", ")
    };
    let one = |file: serde_json::Value| {
        let persons = items(&file, "persons").iter().flat_map(|person| items(person, "likenesses")).collect();
        let text = |name: &str| file[name].as_str().unwrap_or("?").to_owned();
        let asked = match file["household"].as_str() {
            Some(household) => format!("dossier {household}"),
            None => format!("à voir avec {}", texts(items(&file, "contacts"), "name")),
        };
        format!("{} (enregistré le {}, {asked})", texts(persons, "words"), text("registered_on"))
    };
    items(body, "look_alikes").into_iter().map(one).collect()
}

/// An error with what it comes from: the last part says what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        said.push_str(": ");
        said.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    said
}
