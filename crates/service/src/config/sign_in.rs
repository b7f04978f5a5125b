//! `[sign_in]`: what people prove who they are with, besides a password and a code. Only the service where they sign in
//! has it.

use std::path::PathBuf;

use serde::Deserialize;

use super::Wrong;
use crate::sign_in::oidc;

/// `[sign_in]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The provider of identities.
    pub provider: Provider,
}

/// `[sign_in.provider]`: a provider of identities, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The provider, to the letter as it names itself; empty for none.
    pub issuer: String,
    /// What it is like.
    pub profile: ProviderProfile,
    /// The name under which this instance is registered there.
    pub client_id: String,
    /// The file of the secret that is shared with it.
    pub client_secret_file: PathBuf,
    /// Where it sends browsers back to, to the letter as registered.
    pub redirect_uri: String,
    /// The weakest level of assurance that is accepted; empty for that of the profile.
    pub acr_minimum: String,
    /// Whether to send a PKCE challenge.
    pub pkce: bool,
}

/// What a provider is like: the defaults of all that is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderProfile {
    /// As OpenID Connect has it by default.
    Generic,
    /// ProConnect.
    #[serde(rename = "proconnect")]
    ProConnect,
}

impl SignIn {
    /// The whole configuration of the provider; `None` if there is none.
    #[must_use]
    pub fn oidc(&self) -> Option<oidc::Config> {
        let Provider { issuer, profile, client_id, client_secret_file, redirect_uri, acr_minimum, pkce } =
            &self.provider;
        if issuer.is_empty() {
            return None;
        }
        let of = match profile {
            ProviderProfile::Generic => oidc::Config::generic,
            ProviderProfile::ProConnect => oidc::Config::proconnect,
        };
        let mut config =
            of(issuer.clone(), client_id.clone(), client_secret_file.clone(), redirect_uri.clone());
        config.pkce = *pkce;
        if !acr_minimum.is_empty() {
            if !config.acr_levels.contains(acr_minimum) {
                config.acr_levels.push(acr_minimum.clone());
            }
            config.acr_minimum.clone_from(acr_minimum);
        }
        Some(config)
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        let checked = self.oidc().map_or(Ok(()), |config| config.check());
        checked.map_err(|wrong| Wrong::new(format!("sign_in.provider.{}", wrong.key), wrong.expected))
    }
}
