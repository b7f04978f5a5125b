//! A small client of a running instance, for the verbs that read.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::StatusCode;
use reqwest::header::{COOKIE, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE};
use serde_json::Value;
use service::problem::Kind;

/// Where `up` listens by default.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// The longest wait for a connection.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(5);
/// The longest wait for an answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);

/// How long a session may take to be known everywhere, and how often that is looked at.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
const KNOWN_EVERY: Duration = Duration::from_millis(50);

/// A client of HTTP that does not wait for ever.
///
/// # Errors
/// When the system has no certificates.
pub fn patient() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().connect_timeout(CONNECT_WAIT_MAX).timeout(ANSWER_WAIT_MAX).build()
}

/// A running instance.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    session: Option<Session>,
}

/// What a person's requests carry, as their browser's do.
#[derive(Clone)]
struct Session {
    cookie: HeaderValue,
    csrf: String,
}

impl Client {
    /// The instance at `base`, signed in to with `token`.
    ///
    /// # Errors
    /// When the address is not one of HTTP.
    pub fn new(base: &str, token: Option<String>) -> anyhow::Result<Self> {
        let base = base.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            bail!("« {base} » is not the address of an instance, such as {DEFAULT_URL}");
        }
        Ok(Self { http: patient()?, base, token, session: None })
    }

    /// The same instance, signed in to with another token.
    #[must_use]
    pub fn signed_in_with(&self, token: &str) -> Self {
        let token = Some(token.to_owned());
        Self { http: self.http.clone(), base: self.base.clone(), token, session: None }
    }

    /// Reads JSON. A problem of the service is told in its own words.
    ///
    /// # Errors
    /// When nothing answers, or the answer is a problem.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.answered(self.http.get(format!("{}{path}", self.base)).query(query)).await
    }

    /// Reads a list page by page to its end, and hands each page to `each`.
    ///
    /// # Errors
    /// As [`Client::get`]; the error of `each`.
    pub async fn pages(
        &self,
        path: &str,
        mut query: Vec<(&str, String)>,
        mut each: impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            let mut page = self.get(path, &query).await?;
            let next = page["next"].take();
            each(page)?;
            let Some(cursor) = next.as_str() else { return Ok(()) };
            query.retain(|(name, _)| *name != "cursor");
            query.push(("cursor", cursor.to_owned()));
        }
    }

    /// Commands.
    ///
    /// # Errors
    /// When nothing answers, or the answer is a problem.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.answered(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// Signs a person in, and waits until the service of the households knows their session.
    ///
    /// # Errors
    /// When nothing answers, or who they are is not proven.
    pub async fn signed_in(&self, person: &Value) -> anyhow::Result<Self> {
        let request = self.http.post(format!("{}/api/v1/session", self.base)).json(person);
        let (headers, body) = self.answer(request).await?;
        let cookie = headers.get(SET_COOKIE).context("the instance opened no session")?;
        let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
        let mut cookie = HeaderValue::from_str(pair)?;
        cookie.set_sensitive(true);
        let csrf = body["csrf"].as_str().context("the instance opened no session")?.to_owned();
        let session = Some(Session { cookie, csrf });
        let client = Self { http: self.http.clone(), base: self.base.clone(), token: None, session };
        // Whoever answers next may learn of the session a moment later than whoever opened it.
        let deadline = tokio::time::Instant::now() + KNOWN_WITHIN;
        loop {
            let asked = client.http.get(format!("{}/api/v1/worklists/data-protection", client.base));
            let answer = client.sent(asked.query(&[("limit", "1")])).await?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(client);
            }
            anyhow::ensure!(
                tokio::time::Instant::now() < deadline,
                "the session is not known everywhere yet: try again"
            );
            tokio::time::sleep(KNOWN_EVERY).await;
        }
    }

    /// Ends the person's session.
    ///
    /// # Errors
    /// When nothing answers: it ends by itself half an hour later.
    pub async fn sign_out(&self) -> anyhow::Result<()> {
        self.sent(self.http.post(format!("{}/api/v1/session/end", self.base)).json(&serde_json::json!({})))
            .await?;
        Ok(())
    }

    /// Copies an answer as it comes, however long it is. A problem of the service is told in its own words.
    ///
    /// # Errors
    /// When nothing answers, the answer is a problem or breaks off, or it cannot be written.
    pub async fn copy(
        &self,
        path: &str,
        query: &[(&str, String)],
        to: &mut impl std::io::Write,
    ) -> anyhow::Result<()> {
        let answer = self.sent(self.http.get(format!("{}{path}", self.base)).query(query)).await?;
        let mut answer = self.fine(answer).await?;
        while let Some(some) = answer.chunk().await.context("the answer broke off: ask again")? {
            to.write_all(&some)?;
        }
        Ok(())
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        self.answer(request).await.map(|(_, body)| body)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<(HeaderMap, Value)> {
        let answer = self.fine(self.sent(request).await?).await?;
        let headers = answer.headers().clone();
        Ok((headers, self.json(answer).await?))
    }

    /// The answer, if it is a success.
    async fn fine(&self, answer: reqwest::Response) -> anyhow::Result<reqwest::Response> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        bail!("{} ({})", sentence(&self.json(answer).await?), status.as_u16())
    }

    async fn json(&self, answer: reqwest::Response) -> anyhow::Result<Value> {
        answer.json().await.with_context(|| format!("{} does not answer in JSON", self.base))
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
        let mut request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        if let Some(Session { cookie, csrf }) = &self.session {
            request = request.header(COOKIE, cookie).header(desk::CSRF, csrf).header(ORIGIN, self.origin());
        }
        request.send().await.with_context(|| format!("nothing answers at {}: is it running?", self.base))
    }

    /// The site that a page of the instance would come from.
    fn origin(&self) -> &str {
        let host = self.base.find("://").map_or(0, |at| at + 3);
        let end = self.base[host..].find('/').map_or(self.base.len(), |at| host + at);
        &self.base[..end]
    }
}

/// What a problem says. One of the moment, such as a broker that is away, has no sentence about its occurrence: its title
/// and what to do stand in.
fn sentence(problem: &Value) -> String {
    let said = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let (detail, title, code) = (said("detail"), said("title"), said("code"));
    if !detail.is_empty() {
        return format!("{detail} ({code})");
    }
    let known = Kind::ALL.into_iter().map(Kind::entry).find(|entry| entry.code == code);
    match known {
        Some(entry) => format!("{title} ({code}): {}", entry.remedy),
        None => format!("{title} ({code})"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_without_a_sentence_says_its_title_and_what_to_do() {
        let entry = Kind::ALL.into_iter().map(Kind::entry).find(|entry| entry.code == "broker-unreachable");
        let remedy = entry.unwrap().remedy;
        let told =
            sentence(&json!({ "code": "broker-unreachable", "title": "the broker is away", "detail": "" }));
        assert_eq!(told, format!("the broker is away (broker-unreachable): {remedy}"));
        let told =
            sentence(&json!({ "code": "place-taken", "title": "x", "detail": "Cette place est prise." }));
        assert_eq!(told, "Cette place est prise. (place-taken)");
    }
}
