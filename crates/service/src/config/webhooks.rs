//! `[webhooks]`: what may be sent to beyond HTTPS to the public internet. Only the service that sends has it.

use serde::Deserialize;

use super::sections::networks;
use crate::http::Network;

/// `[webhooks]`. Its default allows nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Whether to send in the clear, by `http:`.
    pub plain_http: bool,
    /// Networks that are sent to though they are not of the public internet.
    #[serde(deserialize_with = "networks")]
    pub allowed_networks: Vec<Network>,
}
