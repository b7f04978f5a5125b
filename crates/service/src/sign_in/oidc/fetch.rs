//! Fetching from a provider: bounded in time and size, never redirected.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::config::Config;
use super::error::{Document, Fault, OidcError};
use crate::outgoing::{Connector, connector};

/// The connections to a provider. A clone shares them.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client<Connector, Full<Bytes>>,
    timeout: Duration,
    bytes_max: usize,
}

/// What came back, whatever the status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    media_type: String,
    pub(super) body: Bytes,
}

impl Http {
    /// Connections to the provider of `config`, with its bounds, over TLS with the certificates of this machine (or
    /// `SSL_CERT_FILE`); plain to a provider on the loopback.
    ///
    /// # Errors
    ///
    /// [`OidcError::Certificates`].
    pub fn for_provider(config: &Config) -> Result<Self, OidcError> {
        let connector = connector(!config.is_local()).map_err(|_| OidcError::Certificates)?;
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            timeout: config.fetch_timeout(),
            bytes_max: usize::try_from(config.document_bytes_max).unwrap_or(usize::MAX),
        })
    }

    /// Fetches `document`, which must be there and of the media type `accept`.
    pub(super) async fn get(
        &self,
        document: Document,
        from: &Uri,
        accept: &'static str,
        authorization: Option<HeaderValue>,
    ) -> Result<Bytes, OidcError> {
        let mut request = Request::get(from.clone()).header(ACCEPT, accept);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let answer = self.ask(document, request.body(Full::default())).await?;
        let failed = |fault| OidcError::Fetch { document, fault };
        if answer.status != StatusCode::OK {
            return Err(failed(Fault::Status(answer.status.as_u16())));
        }
        if !answer.is(accept) {
            return Err(failed(Fault::MediaType));
        }
        Ok(answer.body)
    }

    /// Sends a form and takes whatever comes back, but for a redirect.
    pub(super) async fn post(
        &self,
        document: Document,
        to: &Uri,
        form: String,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, OidcError> {
        let mut request = Request::post(to.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.ask(document, request.body(Full::from(form))).await
    }

    async fn ask(
        &self,
        document: Document,
        request: hyper::http::Result<Request<Full<Bytes>>>,
    ) -> Result<Answer, OidcError> {
        let failed = |fault| OidcError::Fetch { document, fault };
        let request = request.map_err(|_| failed(Fault::Malformed))?;
        let answered = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        let answer = answered.map_err(|_| failed(Fault::TimedOut))?.map_err(failed)?;
        if answer.status.is_redirection() {
            return Err(failed(Fault::Redirected));
        }
        Ok(answer)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
        let response = self.client.request(request).await.map_err(|_| Fault::Unreachable)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.bytes_max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { Fault::TooLarge } else { Fault::Unreachable }
        })?;
        let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        Ok(Answer {
            status: parts.status,
            media_type: media_type.trim().to_ascii_lowercase(),
            body: body.to_bytes(),
        })
    }
}

impl Answer {
    /// Whether it is of one of these media types, separated by commas as in `Accept`.
    pub(super) fn is(&self, media_type: &str) -> bool {
        media_type.split(',').any(|accepted| accepted.trim() == self.media_type)
    }
}
