//! What a deployment says of its provider of identities.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::address;
use crate::config::Wrong;

/// An algorithm of signature: those whose key the provider alone holds. Not `none`, and not the HS family, with which
/// whoever can check a token can also make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2,048 bits and more.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

/// How this service proves to the provider that it is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// The secret in the `Authorization` header (`client_secret_basic`), as OpenID Connect has it by default.
    Basic,
    /// The secret in the form (`client_secret_post`), as ProConnect has it.
    Post,
}

/// What is asked of the provider about the person once they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Userinfo {
    /// Nothing: what the ID token says is enough.
    Unasked,
    /// A JSON document; that it is the provider's is known by TLS alone.
    Plain,
    /// A signed document (`application/jwt`); a plain one is refused.
    Signed,
}

/// A provider of identities and how it is trusted. [`Config::generic`] and [`Config::proconnect`] are the two profiles; as a
/// table of a configuration every key is given:
///
/// ```toml
/// # ProConnect, for agents of the State and of those who work with it
/// issuer = "https://auth.agentconnect.gouv.fr/api/v2"
/// client_id = "…"
/// client_secret_file = "/etc/continuum/proconnect.secret"
/// client_authentication = "post"
/// redirect_uri = "https://continuum.example/sign-in/proconnect/back"
/// scopes = ["openid", "email", "siret"]
/// id_token_algorithms = ["RS256", "ES256"]
/// userinfo = "signed"
/// userinfo_algorithms = ["RS256", "ES256"]
/// acr_levels = ["eidas1", "eidas2", "eidas3"]   # from the weakest
/// acr_minimum = "eidas1"                         # "" accepts any, even none
/// ask_amr = true
/// organisation_claim = "siret"                   # "" for none
/// pkce = true
/// clock_skew_s = 30
/// fetch_timeout_ms = 5000
/// document_bytes_max = 65536
/// documents_age_max_s = 3600
/// refresh_pause_s = 60
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The provider, to the letter as it names itself: `https://…`, without query; `http://` on the loopback only.
    pub issuer: String,
    /// The name under which this service is registered there.
    pub client_id: String,
    /// The file of the secret it shares with the provider; white space around the secret is not part of it.
    pub client_secret_file: PathBuf,
    /// How the secret is sent.
    pub client_authentication: ClientAuthentication,
    /// Where the provider sends the browser back to, to the letter as registered.
    pub redirect_uri: String,
    /// What is asked for; `openid` is among them.
    pub scopes: Vec<String>,
    /// The algorithms of ID tokens that are accepted.
    pub id_token_algorithms: Vec<Algorithm>,
    /// What is asked about the person once they are known.
    pub userinfo: Userinfo,
    /// The algorithms of signed userinfo that are accepted.
    pub userinfo_algorithms: Vec<Algorithm>,
    /// The provider's levels of assurance, from the weakest. ProConnect has others beside those of eIDAS, named by addresses: one
    /// that is to be accepted is written here, after the minimum.
    pub acr_levels: Vec<String>,
    /// The weakest level that is accepted, one of `acr_levels`; empty when any will do, even none. The accepted ones are asked for.
    pub acr_minimum: String,
    /// Whether to ask which factors were used (`amr`), by the `claims` parameter.
    pub ask_amr: bool,
    /// The claim that names the organisation; empty for none. It says what the provider knows, and never makes a member.
    pub organisation_claim: String,
    /// Whether to send a PKCE challenge (S256). Only for a provider that refuses it is this off.
    pub pkce: bool,
    /// How far the provider's clock may be from ours, in seconds.
    pub clock_skew_s: u32,
    /// How long one fetch from the provider may take, from the connection to the last byte, in milliseconds.
    pub fetch_timeout_ms: u32,
    /// The largest document that is read from the provider, in bytes.
    pub document_bytes_max: u32,
    /// How long discovery and keys are believed before they are fetched anew, in seconds.
    pub documents_age_max_s: u32,
    /// How long after a fetch of the keys an unknown key makes them be fetched again, in seconds.
    pub refresh_pause_s: u32,
}

impl Config {
    /// Any provider of OpenID Connect: no level of assurance asked, e-mail from a plain userinfo.
    #[must_use]
    pub fn generic(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        client_secret_file: impl Into<PathBuf>,
        redirect_uri: impl Into<String>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret_file: client_secret_file.into(),
            client_authentication: ClientAuthentication::Basic,
            redirect_uri: redirect_uri.into(),
            scopes: texts(["openid", "email"]),
            id_token_algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            userinfo: Userinfo::Plain,
            userinfo_algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            acr_levels: Vec::new(),
            acr_minimum: String::new(),
            ask_amr: false,
            organisation_claim: String::new(),
            pkce: true,
            clock_skew_s: 30,
            fetch_timeout_ms: 5_000,
            document_bytes_max: 65_536,
            documents_age_max_s: 3_600,
            refresh_pause_s: 60,
        }
    }

    /// ProConnect, or a provider like it: userinfo must be signed, a level of eIDAS is asked for and required, the SIRET is read.
    #[must_use]
    pub fn proconnect(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        client_secret_file: impl Into<PathBuf>,
        redirect_uri: impl Into<String>,
    ) -> Self {
        Self {
            client_authentication: ClientAuthentication::Post,
            scopes: texts(["openid", "email", "siret"]),
            userinfo: Userinfo::Signed,
            acr_levels: texts(["eidas1", "eidas2", "eidas3"]),
            acr_minimum: "eidas1".to_owned(),
            ask_amr: true,
            organisation_claim: "siret".to_owned(),
            ..Self::generic(issuer, client_id, client_secret_file, redirect_uri)
        }
    }

    /// Refuses values that do not make sense. Keys are named as in the table.
    ///
    /// # Errors
    ///
    /// The first [`Wrong`] value.
    pub fn check(&self) -> Result<(), Wrong> {
        let with_query = |text: &str| text.contains(['?', '#']);
        if address::admissible(&self.issuer, true).is_none() || with_query(&self.issuer) {
            return Err(Wrong::new("issuer", "an https address without query (http on the loopback only)"));
        }
        if address::admissible(&self.redirect_uri, true).is_none() || self.redirect_uri.contains('#') {
            return Err(Wrong::new("redirect_uri", "an https address (http on the loopback only)"));
        }
        for (key, is_empty) in [
            ("client_id", self.client_id.is_empty()),
            ("client_secret_file", self.client_secret_file.as_os_str().is_empty()),
        ] {
            if is_empty {
                return Err(Wrong::new(key, "given"));
            }
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err(Wrong::new("scopes", "a list with \"openid\""));
        }
        for (key, algorithms) in [
            ("id_token_algorithms", &self.id_token_algorithms),
            ("userinfo_algorithms", &self.userinfo_algorithms),
        ] {
            if algorithms.is_empty() {
                return Err(Wrong::new(key, "a list of RS256 and ES256, not empty"));
            }
        }
        if !self.acr_minimum.is_empty() && !self.acr_levels.contains(&self.acr_minimum) {
            return Err(Wrong::new("acr_minimum", "one of acr_levels, or empty"));
        }
        Wrong::unless_within("clock_skew_s", self.clock_skew_s.into(), 0, 300)?;
        Wrong::unless_within("fetch_timeout_ms", self.fetch_timeout_ms.into(), 100, 60_000)?;
        Wrong::unless_within("document_bytes_max", self.document_bytes_max.into(), 4_096, 1_048_576)?;
        Wrong::unless_within("documents_age_max_s", self.documents_age_max_s.into(), 60, 86_400)?;
        Wrong::unless_within("refresh_pause_s", self.refresh_pause_s.into(), 1, 3_600)
    }

    /// The levels of assurance that are accepted, from the weakest; none when any will do.
    pub(super) fn accepted_levels(&self) -> &[String] {
        let from = self.acr_levels.iter().position(|level| *level == self.acr_minimum);
        from.map_or(&[], |from| &self.acr_levels[from..])
    }

    /// Whether plain HTTP is spoken: with a provider on this machine, and with no other.
    pub(super) fn is_local(&self) -> bool {
        self.issuer.starts_with("http://")
    }

    pub(super) fn clock_skew(&self) -> i64 {
        self.clock_skew_s.into()
    }

    pub(super) fn fetch_timeout(&self) -> Duration {
        Duration::from_millis(self.fetch_timeout_ms.into())
    }
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proconnect() -> Config {
        Config::proconnect("https://id.example/api/v2", "continuum", "/etc/secret", "https://c.example/back")
    }

    #[test]
    fn both_profiles_make_sense() {
        assert_eq!(proconnect().check(), Ok(()));
        let generic = Config::generic("http://127.0.0.1:9/", "c", "/etc/secret", "http://localhost:8/back");
        assert_eq!(generic.check(), Ok(()));
        assert_eq!(generic.accepted_levels(), <&[String]>::default());
    }

    #[test]
    fn the_levels_from_the_minimum_on_are_accepted() {
        let config = Config { acr_minimum: "eidas2".to_owned(), ..proconnect() };
        assert_eq!(config.accepted_levels(), ["eidas2", "eidas3"]);
    }

    #[test]
    fn what_does_not_make_sense_is_refused_with_its_key() {
        let plain = "http://id.example".to_owned();
        for (key, config) in [
            ("issuer", Config { issuer: plain.clone(), ..proconnect() }),
            ("issuer", Config { issuer: "https://id.example/?a=b".to_owned(), ..proconnect() }),
            ("issuer", Config { issuer: "https://me:secret@id.example".to_owned(), ..proconnect() }),
            ("redirect_uri", Config { redirect_uri: plain, ..proconnect() }),
            ("client_id", Config { client_id: String::new(), ..proconnect() }),
            ("client_secret_file", Config { client_secret_file: PathBuf::new(), ..proconnect() }),
            ("scopes", Config { scopes: vec!["email".to_owned()], ..proconnect() }),
            ("id_token_algorithms", Config { id_token_algorithms: Vec::new(), ..proconnect() }),
            ("acr_minimum", Config { acr_minimum: "eidas4".to_owned(), ..proconnect() }),
            ("clock_skew_s", Config { clock_skew_s: 301, ..proconnect() }),
            ("document_bytes_max", Config { document_bytes_max: 1, ..proconnect() }),
        ] {
            assert_eq!(config.check().unwrap_err().key, key);
        }
    }
}
