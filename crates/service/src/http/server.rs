//! The server: listens, serves, and drains when asked to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::address::Peer;
use super::health::Health;
use super::{Site, health, layers};
use crate::config::{Http, Limits};
use crate::extract::Bounds;
use crate::lifecycle::Stop;
use crate::metrics::{self, Held, UPKEEP_EVERY, names};

/// How long a caller may take to send the head of a request, and how long a connection may be idle between two.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(60);

/// The most that is read of a head before it is refused with 431, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1_024;

/// How long to wait before accepting again when the system is out of something (open files, memory).
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// The address cannot be listened on: choose another one, or stop who has it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}, set by http.address")]
pub struct BindError {
    address: SocketAddr,
    source: std::io::Error,
}

/// A socket that listens and is not served yet: callers wait in its queue.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    http: Http,
    bounds: Bounds,
}

impl Server {
    /// Listens on `http.address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// [`BindError`] when the address is taken or not ours.
    pub async fn bind(http: &Http, limits: &Limits) -> Result<Self, BindError> {
        let refused = |source| BindError { address: http.address, source };
        let listener = TcpListener::bind(http.address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        tracing::info!(%address, "listening on {address}");
        Ok(Self { listener, address, http: http.clone(), bounds: Bounds::new(http, limits) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `site` until asked to stop; then accepts nothing more, lets what is under way go on for
    /// `http.shutdown_grace_s`, and drops the rest.
    ///
    /// # Errors
    ///
    /// None at present: a socket that cannot accept is tried again.
    pub async fn serve(self, site: Site, stop: Stop) -> anyhow::Result<()> {
        let service = site.name;
        let registry = metrics::install();
        let router = surface(site, &self.http, self.bounds, &stop);
        let places =
            Arc::new(Semaphore::new(usize::try_from(self.http.connections_max).unwrap_or(usize::MAX)));
        let draining = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let mut upkeep = interval(UPKEEP_EVERY);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.stopping() => break,
                (stream, peer, place) = accepted(&self.listener, &places) => {
                    let open = Held::one_more(names::HTTP_CONNECTIONS, service);
                    let serving = serve_connection(stream, peer, router.clone(), draining.watcher());
                    connections.spawn(async move {
                        serving.await;
                        drop((open, place));
                    });
                }
                Some(_) = connections.join_next() => {}
                _ = upkeep.tick() => registry.upkeep(),
            }
        }
        drop(self.listener);
        let drained = async {
            draining.shutdown().await;
            while connections.join_next().await.is_some() {}
        };
        let in_time = tokio::select! {
            drained = timeout(self.http.shutdown_grace(), drained) => drained.is_ok(),
            () = stop.killed() => false,
        };
        if !in_time {
            let dropped = connections.len();
            tracing::warn!(
                service,
                connections = dropped,
                "dropping {dropped} connections that did not end in time"
            );
        }
        Ok(())
    }
}

/// The next connection, once there is a place for it.
async fn accepted(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // Refused only by a semaphore that was closed; this one never is.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection, trying again: {error}");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, router: Router, watcher: Watcher) {
    // Without it small answers wait for acknowledgements; a socket that refuses still works.
    let _ = stream.set_nodelay(true);
    // A layer would be put around each of the routes, for each connection: that is a quarter of a megabyte.
    let site = TowerToHyperService::new(router);
    let from_peer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        hyper::service::Service::call(&site, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), from_peer);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended: {error}");
    }
}

/// All routes with their layers.
fn surface(site: Site, http: &Http, bounds: Bounds, stop: &Stop) -> Router {
    let health = Health {
        service: site.name,
        checks: site.checks.into(),
        stop: stop.clone(),
        registry: metrics::install(),
        document: site.api.text().into(),
    };
    let router = layers::around_service(site.router, http, bounds)
        .merge(health::routes(health))
        .fallback(layers::unknown_path)
        .method_not_allowed_fallback(layers::unknown_method);
    layers::around_all(router, site.name, http)
}
