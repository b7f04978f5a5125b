//! One attempt: one message to one endpoint over one connection, bounded in time and size.
//!
//! A connection is used once: its address was looked at for this attempt, and nobody decides on the next one by keeping it open.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use service::outgoing::Tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::sign::{self, Keys, MessageId};
use super::target::{Host, OfMachine, Policy, Refused, Resolver, Target, Unreachable};
use crate::sending::verdict::{Failure, Verdict};

/// What this program calls itself.
const AGENT: &str = concat!("continuum-webhooks/", env!("CARGO_PKG_VERSION"));
/// How much of the head of a response is read.
const HEAD_MAX: usize = 16 * 1_024;
/// How many headers a response may have.
const HEADERS_MAX: usize = 64;
/// How much of the body of a response is read, to be thrown away: so much is polite to those who say why.
const BODY_MAX: usize = 4 * 1_024;

/// How long an attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the look at the name to the last byte that is read.
    pub whole: Duration,
    /// Until one of the addresses of a name answers; then the next one is tried.
    pub connect: Duration,
}

impl Default for Limits {
    /// 15 seconds, of which 5 for an address.
    fn default() -> Self {
        Self { whole: Duration::from_secs(15), connect: Duration::from_secs(5) }
    }
}

impl From<Unreachable> for Failure {
    fn from(why: Unreachable) -> Self {
        match why {
            Unreachable::Unknown => Self::Dns,
            Unreachable::Refused(refused) => Self::Refused(refused),
        }
    }
}

/// What makes attempts. A clone makes the same.
#[derive(Clone)]
pub struct Client {
    policy: Policy,
    limits: Limits,
    tls: Tls,
    resolver: Arc<dyn Resolver>,
}

impl Client {
    /// A client that asks this machine for addresses and trusts its certificates.
    ///
    /// # Errors
    /// The certificates cannot be read.
    pub fn of_machine(policy: Policy, limits: Limits) -> io::Result<Self> {
        Ok(Self::new(policy, limits, Tls::of_machine()?, Arc::new(OfMachine)))
    }

    /// A client that trusts as `tls` does and asks `resolver` for addresses.
    #[must_use]
    pub fn new(policy: Policy, limits: Limits, tls: Tls, resolver: Arc<dyn Resolver>) -> Self {
        Self { policy, limits, tls, resolver }
    }

    /// Sends `body`, which is JSON, once to `target`, as the message `id` signed with `keys` at `now`. Ends within
    /// [`Limits::whole`]. A message whose answer began with a status is judged by it, however slowly the rest comes.
    pub async fn attempt(
        &self,
        target: &Target,
        keys: &Keys,
        id: &MessageId,
        body: Bytes,
        now: Timestamp,
    ) -> Verdict {
        let Ok(request) = request(target, keys, id, body, now) else {
            return Verdict::from(Failure::Refused(Refused::Malformed));
        };
        let mut judged = None;
        // The future of a TLS connection is large, and many attempts are made at once.
        let sent = Box::pin(self.send(target, request, now, &mut judged));
        let sent = timeout(self.limits.whole, sent).await;
        match (judged, sent) {
            // What is wrong after the status changes nothing.
            (Some(verdict), _) => verdict,
            (None, Ok(Err(why))) => Verdict::from(why),
            (None, Ok(Ok(())) | Err(_)) => Verdict::from(Failure::Timeout),
        }
    }

    /// Sends `request`. `judged` is what the status says, from the moment that it is known: whoever drops this future has it.
    async fn send(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
        now: Timestamp,
        judged: &mut Option<Verdict>,
    ) -> Result<(), Failure> {
        let stream = self.connect(target).await?;
        if !target.secure {
            return exchange(stream, request, now, judged).await;
        }
        let greeted = self.tls.greet(&target.host.name(), stream).await;
        exchange(greeted.map_err(|_| Failure::Tls)?, request, now, judged).await
    }

    /// A connection to the first address that answers, all of them having been looked at.
    async fn connect(&self, target: &Target) -> Result<TcpStream, Failure> {
        for address in self.policy.addresses(target, &*self.resolver).await? {
            let connected = timeout(self.limits.connect, TcpStream::connect(address)).await;
            if let Ok(Ok(stream)) = connected {
                // Slower without, never wrong.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
        }
        Err(Failure::Connect)
    }
}

impl Host {
    /// The name that a certificate must be made out for.
    fn name(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(address) => address.to_string(),
        }
    }
}

fn request(
    target: &Target,
    keys: &Keys,
    id: &MessageId,
    body: Bytes,
    now: Timestamp,
) -> hyper::http::Result<Request<Full<Bytes>>> {
    Request::post(target.path.as_str())
        .header(HOST, &target.authority)
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .header(sign::ID, id.as_str())
        .header(sign::TIMESTAMP, now.as_second())
        .header(sign::SIGNATURE, keys.sign(id, now, &body))
        .body(Full::new(body))
}

/// Sends `request` over `stream`, judges the answer and reads a little of its body, so that an endpoint that explains itself
/// is not cut off.
async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    now: Timestamp,
    judged: &mut Option<Verdict>,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = http1::Builder::new();
    connection.max_buf_size(HEAD_MAX).max_headers(HEADERS_MAX);
    let connected = connection.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|_| Failure::Broken)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|_| Failure::Broken)?;
        *judged = Some(judge(response.status(), response.headers(), now));
        let _ = Limited::new(response.into_body(), BODY_MAX).collect().await;
        Ok(())
    };
    // Not a task of its own: when this attempt is dropped its connection is, too.
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // A connection that ends has handed over whatever it read.
        _ = connection => answer.await,
    }
}

fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Verdict {
    if status.is_success() {
        return Verdict::Delivered;
    }
    if status == StatusCode::GONE {
        return Verdict::Gone;
    }
    let code = status.as_u16();
    let why = if status.is_redirection() { Failure::Redirect(code) } else { Failure::Status(code) };
    let waits = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    Verdict::Failed { why, asked: if waits { asked(headers, now) } else { None } }
}

/// How long `retry-after` asks for: seconds, or until a date.
fn asked(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time all the same.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}
