//! The way out over HTTP: TLS with the certificates of this machine, or plain where nothing has one.

use std::sync::Arc;

use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What opens connections, to be handed to a client.
pub type Connector = HttpsConnector<HttpConnector>;

/// A connector that speaks TLS only, with the certificates of this machine (or `SSL_CERT_FILE`); or, without `tls`, one to
/// what is spoken to in the clear.
///
/// # Errors
/// The certificates cannot be read.
pub fn connector(tls: bool) -> std::io::Result<Connector> {
    let builder = HttpsConnectorBuilder::new();
    if tls {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        return Ok(builder.with_provider_and_native_roots(provider)?.https_only().enable_http1().build());
    }
    // Plain: no certificate of the machine is needed, and none is trusted.
    let config = config()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    Ok(builder.with_tls_config(config).https_or_http().enable_http1().build())
}

/// TLS to a host over a connection that somebody else opened: who must decide on the address opens it.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl Tls {
    /// Trusts the certificates of this machine (or `SSL_CERT_FILE`).
    ///
    /// # Errors
    /// They cannot be read.
    pub fn of_machine() -> std::io::Result<Self> {
        Ok(Self::new(config()?.with_native_roots()?.with_no_client_auth()))
    }

    /// Trusts these authorities (certificates in DER) and no others.
    ///
    /// # Errors
    /// One of them is no certificate.
    pub fn trusting(authorities: &[Vec<u8>]) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(CertificateDer::from(authority.as_slice())).map_err(std::io::Error::other)?;
        }
        Ok(Self::new(config()?.with_root_certificates(roots).with_no_client_auth()))
    }

    fn new(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Greets `host` (a name, or an address in its usual form) over `stream` and checks its certificate.
    ///
    /// # Errors
    /// `host` is neither, the other end speaks no TLS, or its certificate is not trusted or not that of `host`.
    pub async fn greet<S>(&self, host: &str, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

/// What every configuration begins with: the ciphers, the versions.
fn config() -> std::io::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    builder.with_safe_default_protocol_versions().map_err(std::io::Error::other)
}
