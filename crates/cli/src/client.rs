//! A small client of a running instance, for the verbs that read.

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Where `up` listens by default.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// The code under which this program reads.
const ACTOR: &str = "cli";

/// A running instance.
pub struct Client {
    http: reqwest::Client,
    base: String,
    organisation: String,
}

impl Client {
    /// The instance at `base`, read on behalf of `organisation`.
    ///
    /// # Errors
    /// When the address is not one of HTTP.
    pub fn new(base: &str, organisation: &str) -> anyhow::Result<Self> {
        let base = base.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            bail!("« {base} » is not the address of an instance, such as {DEFAULT_URL}");
        }
        Ok(Self { http: reqwest::Client::new(), base, organisation: organisation.to_owned() })
    }

    /// Reads JSON. A problem of the service is told in its own words.
    ///
    /// # Errors
    /// When nothing answers, or the answer is a problem.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let request = self
            .http
            .get(format!("{}{path}", self.base))
            .query(query)
            .header("Continuum-Actor", ACTOR)
            .header("Continuum-Organisation", &self.organisation);
        let answer = request
            .send()
            .await
            .with_context(|| format!("nothing answers at {}: is it running?", self.base))?;
        let status = answer.status();
        let body: Value =
            answer.json().await.with_context(|| format!("{} does not answer in JSON", self.base))?;
        if status.is_success() {
            return Ok(body);
        }
        let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        bail!("{} ({}, {})", said("detail"), said("code"), status.as_u16())
    }

    /// Asks a command under `key`. The code of the problem, if the instance says no.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Result<Value, String>> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("Continuum-Actor", ACTOR)
            .header("Continuum-Organisation", &self.organisation)
            .header("Idempotency-Key", key)
            .json(body);
        let answer = request
            .send()
            .await
            .with_context(|| format!("nothing answers at {}: is it running?", self.base))?;
        let taken = answer.status().is_success();
        let body: Value =
            answer.json().await.with_context(|| format!("{} does not answer in JSON", self.base))?;
        if taken {
            return Ok(Ok(body));
        }
        Ok(Err(body.get("code").and_then(Value::as_str).unwrap_or("unknown").to_owned()))
    }
}

/// An organisation that reads for itself: none in particular.
#[must_use]
pub fn nobody() -> String {
    "75-00000000-0000-7000-8000-000000000000".to_owned()
}
