//! `continuum serve <service|all>`: one service, or all in one process, against an existing NATS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use desk::Context;
use projection::Handle as View;
use service::config::{self, Settings, Sources};
use service::lifecycle::{notify_ready, notify_stopping, stop_on_signals};
use service::{Edge, Handle, Stop, metrics, telemetry};

use crate::services::Service;

/// Which services to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The SIAO: households, requests, matching, referrals.
    Intake,
    /// Insertion housing: structures, places, admissions, stays.
    Insertion,
    /// Social landlords: dwellings, committees, leases.
    Landlord,
    /// Pathways at two dates.
    Supervision,
    /// Events after a position, and live.
    Feed,
    /// All five in one process, on intake's address.
    All,
}

/// Serve one service, or all in one process, against an existing NATS server.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum serve intake --config /etc/continuum/intake.toml\n  CONTINUUM_FEED__HTTP__ADDRESS=127.0.0.1:9000 continuum serve feed\n\nThe keys of the configuration, with their defaults, are in config/<service>.toml. With `all`, FILE counts for\nevery service, each with its rows in a directory of its own under data.dir; address and broker are intake's. The\nNATS server needs JetStream with sync_interval: always. Prints `ready http://…` once usable; /readyz tells before."
)]
pub struct Serve {
    /// What to serve.
    #[arg(value_enum)]
    role: Role,
    /// A configuration file; it needs only the keys it changes.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Role {
    fn services(self) -> Vec<Service> {
        match self {
            Self::Intake => vec![Service::Intake],
            Self::Insertion => vec![Service::Insertion],
            Self::Landlord => vec![Service::Landlord],
            Self::Supervision => vec![Service::Supervision],
            Self::Feed => vec![Service::Feed],
            Self::All => Service::ALL.to_vec(),
        }
    }
}

impl Serve {
    /// Runs until asked to stop.
    ///
    /// # Errors
    /// A bad configuration, a broker that cannot be reached, a view that cannot be opened, a task that failed.
    pub async fn run(self) -> anyhow::Result<()> {
        let services = self.role.services();
        let mut settings = Vec::new();
        for service in &services {
            let sources = Sources::of_process(self.config.clone());
            settings.push(config::load::<config::NothingOfItsOwn>(service.name(), &sources)?);
        }
        keep_apart(&services, &mut settings);
        telemetry::install(&settings[0].log)?;
        metrics::install();
        let stop = Stop::new();
        stop_on_signals(stop.clone()).context("cannot listen to signals")?;
        let edge = Edge::system();
        let first = settings[0].clone();
        let provision = desk::provision(&first);
        // All together sign in to the broker as one.
        let name = if services.len() == 1 { services[0].name() } else { "continuum" };
        let opening = Context::open(name, first, edge, stop.clone(), provision, None);
        let Some(context) = unless_stopped(&stop, opening).await else { return Ok(()) };
        let context = context?;
        let Some(started) = unless_stopped(&stop, start(&services, settings, &context)).await else {
            return Ok(());
        };
        started?.serve(&stop, |_| {}).await
    }
}

/// What `work` comes to, unless it is asked to stop before: nothing is served yet, so nothing need be finished.
pub async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.stopping() => None,
        done = Box::pin(work) => Some(done),
    }
}

/// Services that were given one directory, by one file for all of them, each have their own in it.
fn keep_apart(services: &[Service], settings: &mut [Settings]) {
    let dirs: Vec<_> = settings.iter().map(|settings| settings.data.dir.clone()).collect();
    for (service, settings) in services.iter().zip(settings) {
        let dir = &settings.data.dir;
        if dirs.iter().filter(|other| *other == dir).count() > 1 {
            settings.data.dir = dir.join(service.name());
        }
    }
}

/// Services that listen and answer `/healthz`; whether their rows are up to date, `/readyz` says.
pub struct Started {
    handles: Vec<Handle>,
    views: Vec<View>,
}

/// Starts `services` over one journal, served alone or as one surface.
///
/// # Errors
/// When a view or the address cannot be opened.
pub async fn start(
    services: &[Service],
    settings: Vec<Settings>,
    context: &Context,
) -> anyhow::Result<Started> {
    let first = settings.first().cloned().context("no service to start")?;
    let mut running = Vec::new();
    for (service, settings) in services.iter().zip(settings) {
        let own = Context { settings: settings.into(), ..context.clone() };
        running.push(service.start(&own).await?);
    }
    let views = running.iter().map(|service| service.view.clone()).collect();
    let handles = if running.len() == 1 {
        vec![running.remove(0).listen(&first).await?]
    } else {
        desk::serve("continuum", running, &first, &context.stop).await?
    };
    Ok(Started { handles, views })
}

impl Started {
    /// Says so once they are usable, to whoever reads standard output, to the supervisor and to `ready`; then waits
    /// until every part has ended.
    ///
    /// # Errors
    /// The first failure.
    pub async fn serve(self, stop: &Stop, ready: impl FnOnce(SocketAddr)) -> anyhow::Result<()> {
        let address = self.handles.iter().find_map(|handle| handle.address);
        let views = self.views;
        let mut ended = pin!(join(self.handles));
        let built = async {
            for view in &views {
                if let Err(stopped) = view.until_ready().await {
                    anyhow::bail!("a view stopped: {stopped}");
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            // Asked to stop, or failed, before it was usable.
            ended = &mut ended => return ended,
            built = built => if let Err(stopped) = built {
                stop.stop();
                return ended.await.and(Err(stopped));
            },
        }
        if let Some(address) = address {
            println!("ready http://{address}");
            ready(address);
        }
        notify_ready()?;
        tokio::select! {
            ended = &mut ended => return ended,
            () = stop.stopping() => { notify_stopping()?; }
        }
        ended.await
    }
}

/// Waits until every part has ended; if one ends by itself, all are stopped.
async fn join(handles: Vec<Handle>) -> anyhow::Result<()> {
    let stops: Vec<_> = handles.iter().map(|handle| handle.stop_token().clone()).collect();
    let mut ends = tokio::task::JoinSet::new();
    for handle in handles {
        ends.spawn(handle.join());
    }
    let mut outcome = Ok(());
    while let Some(ended) = ends.join_next().await {
        stops.iter().for_each(Stop::stop);
        let ended = ended.map_err(anyhow::Error::from).and_then(|ended| ended.map_err(anyhow::Error::from));
        outcome = outcome.and(ended);
    }
    outcome
}
