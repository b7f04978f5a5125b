//! `continuum serve <service|all>`: one service, or all in one process, against an existing NATS.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use desk::Context;
use journal::Provision;
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
    after_help = "Examples:\n  continuum serve intake --config /etc/continuum/intake.toml\n  CONTINUUM_FEED__HTTP__ADDRESS=127.0.0.1:9000 continuum serve feed\n\nThe keys of the configuration, with their defaults, are in config/<service>.toml. The NATS server needs\nJetStream with sync_interval: always. Prints `ready http://…` once usable."
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
        telemetry::install(&settings[0].log)?;
        metrics::install();
        let stop = Stop::new();
        stop_on_signals(stop.clone()).context("cannot listen to signals")?;
        let edge = Edge::system();
        let first = settings[0].clone();
        let context =
            Context::open(services[0].name(), first, edge, stop.clone(), Provision::Create, None).await?;
        let handles = start(&services, settings, &context).await?;
        announce(&handles);
        notify_ready()?;
        let ended = join(handles).await;
        notify_stopping()?;
        ended
    }
}

/// Starts `services` over one journal, served alone or as one surface.
///
/// # Errors
/// When a view or the address cannot be opened.
pub async fn start(
    services: &[Service],
    settings: Vec<Settings>,
    context: &Context,
) -> anyhow::Result<Vec<Handle>> {
    let first = settings.first().cloned().context("no service to start")?;
    let mut running = Vec::new();
    for (service, settings) in services.iter().zip(settings) {
        let own = Context { settings: settings.into(), ..context.clone() };
        running.push(service.start(&own).await?);
    }
    for service in &running {
        service.view.until_ready().await.map_err(|stopped| anyhow::anyhow!("a view stopped: {stopped}"))?;
    }
    if running.len() == 1 {
        let only = running.remove(0);
        return Ok(vec![only.listen(&first).await?]);
    }
    desk::serve("continuum", running, &first, &context.stop).await
}

/// Tells on standard output where the surface is.
pub fn announce(handles: &[Handle]) {
    for address in handles.iter().filter_map(|handle| handle.address) {
        println!("ready http://{address}");
    }
}

/// Waits until every part has ended; if one ends by itself, all are stopped.
///
/// # Errors
/// The first failure.
pub async fn join(handles: Vec<Handle>) -> anyhow::Result<()> {
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
