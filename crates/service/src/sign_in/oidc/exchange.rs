//! A code for tokens (RFC 6749, 4.1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Deserialize;

use super::super::Secret;
use super::config::{ClientAuthentication, Config};
use super::error::{Document, Fault, OidcError};
use super::fetch::{Answer, Http};
use super::metadata::Metadata;
use super::pending::Pending;

/// What the provider gives for a code.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: Secret,
    pub(super) id_token: Secret,
    token_type: String,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

pub(super) async fn tokens(
    config: &Config,
    secret: &Secret,
    (http, metadata): (&Http, &Metadata),
    code: &Secret,
    pending: &Pending,
) -> Result<Tokens, OidcError> {
    let (form, authorization) = asked(config, secret, code, pending)?;
    let answer = http.post(Document::Token, &metadata.token, form, authorization).await?;
    read(&answer)
}

/// The form that asks for tokens, and the header that says who asks. Written apart: a form being written must not be held
/// while an answer is waited for, or no handler could wait for it.
fn asked(
    config: &Config,
    secret: &Secret,
    code: &Secret,
    pending: &Pending,
) -> Result<(String, Option<HeaderValue>), OidcError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code.reveal())
        .append_pair("redirect_uri", &config.redirect_uri);
    if config.pkce {
        form.append_pair("code_verifier", pending.verifier().reveal());
    }
    let authorization = match config.client_authentication {
        ClientAuthentication::Basic => Some(basic(&config.client_id, secret)?),
        ClientAuthentication::Post => {
            form.append_pair("client_id", &config.client_id).append_pair("client_secret", secret.reveal());
            None
        }
    };
    Ok((form.finish(), authorization))
}

fn read(answer: &Answer) -> Result<Tokens, OidcError> {
    let failed = |fault| OidcError::Fetch { document: Document::Token, fault };
    if answer.status != StatusCode::OK {
        let refused = serde_json::from_slice(&answer.body).ok();
        return Err(match refused.as_ref().map(|Refused { error }| error.as_str()) {
            Some("invalid_grant") => OidcError::CodeRefused,
            Some("invalid_client" | "unauthorized_client") => OidcError::ClientRefused,
            Some(_) | None => failed(Fault::Status(answer.status.as_u16())),
        });
    }
    if !answer.is("application/json") {
        return Err(failed(Fault::MediaType));
    }
    let tokens: Tokens = serde_json::from_slice(&answer.body).map_err(|_| failed(Fault::Malformed))?;
    if tokens.token_type.eq_ignore_ascii_case("bearer") { Ok(tokens) } else { Err(failed(Fault::Malformed)) }
}

/// The access token as the provider wants to see it.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue, OidcError> {
    sensitive(&format!("Bearer {}", token.reveal()))
        .ok_or(OidcError::Fetch { document: Document::Token, fault: Fault::Malformed })
}

fn basic(client: &str, secret: &Secret) -> Result<HeaderValue, OidcError> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client), encoded(secret.reveal()));
    sensitive(&format!("Basic {}", STANDARD.encode(pair))).ok_or(OidcError::Secret)
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
