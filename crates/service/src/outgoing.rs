//! The way out over HTTP: TLS with the certificates of this machine, or plain where nothing has one.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

/// What opens connections, to be handed to a client.
pub type Connector = HttpsConnector<HttpConnector>;

/// A connector that speaks TLS only, with the certificates of this machine (or `SSL_CERT_FILE`); or, without `tls`, one to
/// what is spoken to in the clear.
///
/// # Errors
/// The certificates cannot be read.
pub fn connector(tls: bool) -> std::io::Result<Connector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = HttpsConnectorBuilder::new();
    if tls {
        return Ok(builder.with_provider_and_native_roots(provider)?.https_only().enable_http1().build());
    }
    // Plain: no certificate of the machine is needed, and none is trusted.
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(builder.with_tls_config(config).https_or_http().enable_http1().build())
}
