//! What a provider says of itself (OpenID Connect Discovery 1.0).

use hyper::Uri;
use serde::Deserialize;

use super::address;
use super::config::{Config, Userinfo};
use super::error::{DiscoveryFault, Document, Fault, OidcError};
use super::fetch::Http;

/// Where a provider tells what it is, after its issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The addresses of a provider, each one allowed.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization: Uri,
    pub(super) token: Uri,
    pub(super) keys: Uri,
    pub(super) userinfo: Option<Uri>,
    pub(super) end_session: Option<Uri>,
    /// Whether it names itself in every answer (RFC 9207).
    pub(super) names_itself: bool,
}

#[derive(Deserialize)]
struct Said {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    pub(super) async fn fetch(config: &Config, http: &Http) -> Result<Self, OidcError> {
        let address = format!("{}{WELL_KNOWN}", config.issuer.trim_end_matches('/'));
        let malformed = OidcError::Fetch { document: Document::Discovery, fault: Fault::Malformed };
        let Some(address) = address::admissible(&address, config.is_local()) else { return Err(malformed) };
        let body = http.get(Document::Discovery, &address, "application/json", None).await?;
        let said: Said = serde_json::from_slice(&body).map_err(|_| malformed)?;
        Self::of(said, config).map_err(OidcError::Discovery)
    }

    fn of(said: Said, config: &Config) -> Result<Self, DiscoveryFault> {
        if said.issuer != config.issuer {
            return Err(DiscoveryFault::IssuerDiffers);
        }
        // Those that say nothing of PKCE may still know it: ProConnect did before it said so.
        let s256 = said.code_challenge_methods_supported;
        if config.pkce && s256.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(DiscoveryFault::Lacks("PKCE challenge S256"));
        }
        let allowed = |address: Option<String>, what| match address {
            None => Ok(None),
            Some(address) => match address::admissible(&address, config.is_local()) {
                Some(uri) => Ok(Some(uri)),
                None => Err(DiscoveryFault::Insecure(what)),
            },
        };
        let needed =
            |address, what| allowed(address, what).and_then(|uri| uri.ok_or(DiscoveryFault::Lacks(what)));
        let userinfo = match config.userinfo {
            Userinfo::Unasked => None,
            Userinfo::Plain | Userinfo::Signed => Some(needed(said.userinfo_endpoint, "userinfo_endpoint")?),
        };
        Ok(Self {
            authorization: needed(said.authorization_endpoint, "authorization_endpoint")?,
            token: needed(said.token_endpoint, "token_endpoint")?,
            keys: needed(said.jwks_uri, "jwks_uri")?,
            userinfo,
            end_session: allowed(said.end_session_endpoint, "end_session_endpoint")?,
            names_itself: said.authorization_response_iss_parameter_supported,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::proconnect("https://id.example", "c", "/s", "https://c.example/back")
    }

    fn read(patch: &str) -> Result<Metadata, DiscoveryFault> {
        let mut said = serde_json::json!({
            "issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
            "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
            "userinfo_endpoint": "https://id.example/u",
        });
        let patch: serde_json::Value = serde_json::from_str(patch).unwrap();
        said.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        Metadata::of(serde_json::from_value(said).unwrap(), &config())
    }

    #[test]
    fn a_provider_that_says_enough_is_taken_up() {
        let metadata = read(r#"{"authorization_response_iss_parameter_supported":true}"#).unwrap();
        assert!(metadata.names_itself && metadata.end_session.is_none());
    }

    #[test]
    fn a_provider_that_says_too_little_or_too_much_is_not() {
        for (patch, fault) in [
            (r#"{"issuer":"https://id.example/"}"#, DiscoveryFault::IssuerDiffers),
            (r#"{"token_endpoint":null}"#, DiscoveryFault::Lacks("token_endpoint")),
            (r#"{"userinfo_endpoint":null}"#, DiscoveryFault::Lacks("userinfo_endpoint")),
            (r#"{"jwks_uri":"http://id.example/k"}"#, DiscoveryFault::Insecure("jwks_uri")),
            (r#"{"token_endpoint":"http://127.0.0.1/t"}"#, DiscoveryFault::Insecure("token_endpoint")),
            (
                r#"{"code_challenge_methods_supported":["plain"]}"#,
                DiscoveryFault::Lacks("PKCE challenge S256"),
            ),
        ] {
            assert_eq!(read(patch).unwrap_err(), fault, "{patch}");
        }
    }
}
