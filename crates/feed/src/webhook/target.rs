//! Where messages may be sent to.
//!
//! **Invariant.** A [`Target`] was read under a [`Policy`]; its addresses are looked at again each time it is connected to, all
//! of them, and the very address that was looked at is connected to: a name that answers otherwise later gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use service::http::Network;

use super::address::is_public;

/// How long a URL may be, in bytes.
pub const URL_MAX: usize = 2_048;
/// How many addresses of one name are considered.
const ADDRESSES_MAX: usize = 8;
/// How long a name and a label of it may be (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// What an operator allows beyond HTTPS to the public internet: nothing, as a rule.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Whether `http:` may be sent to, in the clear: for tests and closed networks.
    pub plain_http: bool,
    /// Networks that may be sent to though they are not of the public internet.
    pub allowed: Arc<[Network]>,
}

/// Why something is not sent to. Names no URL and no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// It is no absolute URL in ASCII.
    #[error("it must be an absolute URL, in ASCII")]
    Malformed,
    /// It is longer than [`URL_MAX`].
    #[error("it must not be longer than 2048 bytes")]
    TooLong,
    /// It is not `https:`.
    #[error("it must begin with https:")]
    Scheme,
    /// It holds a name or a password.
    #[error("it must not hold a name or a password")]
    UserInfo,
    /// It ends in a fragment, which no server ever sees.
    #[error("it must not hold a fragment")]
    Fragment,
    /// Its host is no name of the DNS and no address in its usual form.
    #[error("its host must be a name, or an address in its usual form")]
    Host,
    /// Its port is 0.
    #[error("its port must be between 1 and 65535")]
    Port,
    /// It leads to an address that is not of the public internet and not allowed.
    #[error("it leads to an address that must not be sent to")]
    Internal,
}

/// The host of a target.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A name, in small letters.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Where an endpoint listens. Its `Debug` shows nothing: a URL may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) secure: bool,
    pub(super) host: Host,
    pub(super) port: u16,
    /// The value of the header `host`.
    pub(super) authority: HeaderValue,
    pub(super) path: PathAndQuery,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(…)")
    }
}

impl Policy {
    /// Reads the URL of an endpoint. That its name leads to addresses that may be sent to is looked at when it is sent to.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, url: &str) -> Result<Target, Refused> {
        if url.len() > URL_MAX {
            return Err(Refused::TooLong);
        }
        // The parser of URIs drops a fragment without a word.
        if url.contains('#') {
            return Err(Refused::Fragment);
        }
        let url = if url.is_ascii() { url.parse::<Uri>().ok() } else { None }.ok_or(Refused::Malformed)?;
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") if self.plain_http => false,
            Some(_) => return Err(Refused::Scheme),
            None => return Err(Refused::Malformed),
        };
        let authority = url.authority().ok_or(Refused::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(Refused::UserInfo);
        }
        let host = Host::read(authority.host()).ok_or(Refused::Host)?;
        if let Host::Address(address) = &host {
            self.judge(*address)?;
        }
        let port = port(authority.as_str(), authority.host())?.unwrap_or(if secure { 443 } else { 80 });
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| Refused::Malformed)?;
        let path = url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Target { secure, host, port, authority, path })
    }

    /// Whether `address` may be sent to.
    ///
    /// # Errors
    /// [`Refused::Internal`].
    pub fn judge(&self, address: IpAddr) -> Result<(), Refused> {
        let may = is_public(address) || self.allowed.iter().any(|network| network.holds(address));
        if may { Ok(()) } else { Err(Refused::Internal) }
    }

    /// The addresses of `target` as they are now, all of which may be sent to. A name that leads to one that may not is
    /// refused whole: nobody's server is on the internet and inside at once.
    pub(super) async fn addresses(
        &self,
        target: &Target,
        resolver: &dyn Resolver,
    ) -> Result<Vec<SocketAddr>, Unreachable> {
        let mut found = match &target.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => resolver.resolve(name).await.map_err(|_| Unreachable::Unknown)?,
        };
        found.truncate(ADDRESSES_MAX);
        if found.is_empty() {
            return Err(Unreachable::Unknown);
        }
        found.iter().try_for_each(|address| self.judge(*address)).map_err(Unreachable::Refused)?;
        Ok(found.into_iter().map(|address| SocketAddr::new(address, target.port)).collect())
    }
}

/// Why there is no address to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// The name leads nowhere, or nobody can say where.
    Unknown,
    /// It leads to where nothing may be sent.
    Refused(Refused),
}

impl Host {
    fn read(text: &str) -> Option<Self> {
        if let Some(v6) = text.strip_prefix('[') {
            // With a zone it is an address of one link.
            return v6.strip_suffix(']')?.parse().ok().map(|v6| Self::Address(IpAddr::V6(v6)));
        }
        if let Ok(v4) = text.parse() {
            return Some(Self::Address(IpAddr::V4(v4)));
        }
        is_name(text).then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

/// Whether `text` is a name of the DNS and nothing that some resolver reads as an address: `127.1`, `0x7f000001`.
fn is_name(text: &str) -> bool {
    let letters = |label: &str| label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let label = |label: &str| (1..=LABEL_MAX).contains(&label.len()) && letters(label);
    let last = text.rsplit('.').next().unwrap_or_default();
    let number = last.as_bytes().first().is_some_and(u8::is_ascii_digit);
    text.len() <= NAME_MAX && text.split('.').all(label) && !number
}

/// The port after the host, if there is one.
fn port(authority: &str, host: &str) -> Result<Option<u16>, Refused> {
    match authority.strip_prefix(host).and_then(|rest| rest.strip_prefix(':')) {
        None | Some("") => Ok(None),
        Some(port) => match port.parse() {
            Ok(0) | Err(_) => Err(Refused::Port),
            Ok(port) => Ok(Some(port)),
        },
    }
}

/// Who knows the addresses of a name.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses that `name` leads to now.
    ///
    /// # Errors
    /// It leads nowhere, or nobody can say.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of this machine. It occupies a thread of the runtime's pool until it has an answer, even if nobody waits for it
/// any more: no more than a few for each attempt at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfMachine;

impl Resolver for OfMachine {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
