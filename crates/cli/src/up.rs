//! `continuum up`: everything on one machine, in one process, with a supervised nats-server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use desk::Context;
use journal::accounts::{CoreUser, Embedded, roll_file};
use journal::broker::{Broker, BrokerError, BrokerOptions, Located, locate_for_user, most_of_the_disk};
use journal::config::JOURNAL;
use journal::{Journal, JournalConfig, Provision};
use service::config::{self, LogFormat, Settings, Sources};
use service::lifecycle::stop_on_signals;
use service::{Edge, Stop, metrics, telemetry};

use crate::credentials::write_secret;
use crate::serve::{start, unless_stopped};
use crate::services::Service;
use crate::simulate;

/// The home of the organisation that runs an instance: where the ministry is.
const HOME: &str = "75";
/// How much of the disk the broker's streams may reserve, in bytes: enough for a département, little enough for a
/// laptop.
const STORE_BYTES: u64 = 6 << 30;
/// What part of it each stream may hold, in twenty-fourths: the journal, who read what, the integrity chain, the keys,
/// what leaves, what became of what was sent.
const PARTS: [u64; 6] = [18, 2, 1, 1, 1, 1];

/// Run everything on this machine: five services in one process and a supervised nats-server.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum up --demo\n  continuum up --data /var/lib/continuum --http 127.0.0.1:8080\n\nPrints `ready http://…` once usable; Ctrl-C stops everything. Warnings are on standard error: CONTINUUM_LOG=info\ntells more. nats-server (2.12 or later) is found on the PATH, else version 2.15.1 is installed from the Python\npackage index into a cache directory."
)]
pub struct Up {
    /// Fill an empty instance with a simulated territory.
    #[arg(long)]
    demo: bool,
    /// Where everything is kept, made if absent: the broker's streams, the views, the key file.
    #[arg(long, value_name = "DIR", default_value = "continuum-data")]
    data: PathBuf,
    /// Where to listen: an address and a port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// The port of the broker on loopback, for partners' software: a proxy that ends TLS leads to it. Without it a free one
    /// at each start.
    #[arg(long, value_name = "PORT")]
    broker_port: Option<u16>,
    #[command(flatten)]
    demo_size: DemoSize,
}

/// How large the demonstration is.
#[derive(Debug, Args)]
struct DemoSize {
    /// How many households `--demo` simulates.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = simulate::households())]
    demo_households: u32,
    /// Over how many years, up to now.
    #[arg(long, value_name = "Y", default_value_t = 3, value_parser = simulate::years())]
    demo_years: u32,
}

/// Where things are in the data directory of `up`.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout under `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The broker's directory.
    #[must_use]
    pub fn broker(&self) -> PathBuf {
        self.root.join("broker")
    }

    /// The key file, outside of the broker's directory.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys").join("kek")
    }

    /// Who may connect to the broker, and the seeds they connect with: outside of the broker's directory.
    #[must_use]
    pub fn accounts(&self) -> PathBuf {
        self.root.join("accounts")
    }

    /// The accounts of this instance, made if there are none.
    ///
    /// # Errors
    /// When the directory cannot be written or holds something else.
    pub fn open_accounts(&self) -> anyhow::Result<Embedded> {
        Ok(Embedded::open_or_create(&self.accounts(), vec![JOURNAL.to_owned()])?)
    }

    /// The rows of one service.
    #[must_use]
    pub fn views(&self, service: Service) -> PathBuf {
        self.root.join("views").join(service.name())
    }

    /// The settings of each service over the broker at `url`.
    ///
    /// # Errors
    /// When the environment sets a key that does not exist, or to something that makes no sense.
    pub fn settings(&self, url: &str, http: SocketAddr) -> anyhow::Result<Vec<Settings>> {
        let mut all = Vec::new();
        let accounts = self.open_accounts()?;
        for service in Service::ALL {
            let mut settings: Settings = config::load(service.name(), &Sources::of_process(None))?;
            settings.nats.url = url.parse().context("the address of the broker")?;
            settings.nats.credentials_file = Some(accounts.credentials(CoreUser::Continuum));
            settings.nats.gateway_credentials_file = Some(accounts.credentials(CoreUser::Gateway));
            settings.data.dir = self.views(service);
            settings.keys.file = self.keys();
            settings.http.address = http;
            if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
                settings.log.format = LogFormat::Text;
            }
            settings.log.filter = "warn".to_owned();
            if let Ok(filter) = std::env::var("CONTINUUM_LOG") {
                settings.log.filter = filter;
            }
            all.push(settings);
        }
        Ok(all)
    }
}

/// What the broker's streams may reserve here: no more than most of the disk.
fn store_bytes(layout: &Layout) -> u64 {
    most_of_the_disk(&layout.root).map_or(STORE_BYTES, |most| most.min(STORE_BYTES))
}

/// Gives each stream its part of what the broker may hold here.
///
/// # Errors
/// Never: it is less than a number can be.
pub(crate) fn share_out(layout: &Layout, config: &mut JournalConfig) -> anyhow::Result<()> {
    let part = |parts: u64| i64::try_from(store_bytes(layout) / 24 * parts);
    let [journal, access, seals, keys, feed, deliveries] = PARTS.map(part);
    (config.max_bytes, config.max_access_bytes) = (journal?, access?);
    (config.max_seal_bytes, config.max_key_bytes) = (seals?, keys?);
    (config.max_feed_bytes, config.max_delivery_bytes) = (feed?, deliveries?);
    Ok(())
}

/// Finds or installs the broker's program and starts it in the layout's directory.
///
/// # Errors
/// When there is no program to be had, or it does not start.
pub async fn broker(layout: &Layout) -> anyhow::Result<Broker> {
    start_broker(layout, broker_program().await?, None).await
}

async fn broker_program() -> anyhow::Result<Located> {
    Ok(tokio::task::spawn_blocking(|| locate_for_user(&|step| eprintln!("{step}"))).await??)
}

async fn start_broker(layout: &Layout, located: Located, port: Option<u16>) -> anyhow::Result<Broker> {
    let options = BrokerOptions {
        port,
        max_store_bytes: Some(store_bytes(layout)),
        accounts: Some(layout.open_accounts()?.configuration()),
        ..BrokerOptions::new(located.path, layout.broker())
    };
    Ok(Broker::start(options).await?)
}

impl Up {
    /// Runs until asked to stop.
    ///
    /// # Errors
    /// No broker to be had, a data directory that another process uses, a task that failed.
    pub async fn run(self) -> anyhow::Result<()> {
        let layout = Layout::new(&self.data);
        std::fs::create_dir_all(&self.data)
            .with_context(|| format!("cannot make the data directory {}", self.data.display()))?;
        let stop = Stop::new();
        stop_on_signals(stop.clone()).context("cannot listen to signals")?;
        let Some(program) = unless_stopped(&stop, broker_program()).await else { return Ok(()) };
        let broker = start_broker(&layout, program?, self.broker_port).await?;
        let outcome = Box::pin(self.over(&layout, &broker, &stop)).await;
        broker.stop().await;
        outcome
    }

    async fn over(self, layout: &Layout, broker: &Broker, stop: &Stop) -> anyhow::Result<()> {
        let settings = layout.settings(&broker.url(), self.http)?;
        telemetry::install(&settings[0].log)?;
        metrics::install();
        let edge = Edge::system();
        let Some(context) = unless_stopped(stop, open(layout, &settings[0], edge, stop)).await else {
            return Ok(());
        };
        let context = context?;
        let empty = context.journal.last_position().await? == 0;
        let DemoSize { demo_households: households, demo_years: years } = self.demo_size;
        let demo =
            if self.demo { crate::demo::fill(&context, &self.data, households, years).await? } else { None };
        if empty {
            first_access(&context, &self.data).await?;
        }
        let Some(started) = unless_stopped(stop, start(&Service::ALL, settings, &context)).await else {
            return Ok(());
        };
        let serving = started?.serve(stop, |address| {
            if let Some(demo) = &demo {
                demo.tell(address);
            }
        });
        let mut serving = pin!(serving);
        tokio::select! {
            ended = &mut serving => ended,
            gone = failed(layout, broker) => {
                stop.stop();
                // What is under way ends in good order, as far as it can without a broker.
                if let Err(error) = serving.await {
                    tracing::error!(error = %format!("{error:#}"), "stopping: {error:#}");
                }
                Err(anyhow::Error::new(gone).context("the broker is gone"))
            }
        }
    }
}

/// Waits until the broker is gone, and gives it the list of who may connect whenever `continuum partner` has changed it.
async fn failed(layout: &Layout, broker: &Broker) -> BrokerError {
    /// How often the list is looked at: who is revoked is cut off within a second.
    const LOOKED_EVERY: Duration = Duration::from_millis(250);
    let file = roll_file(&layout.accounts());
    let read = || std::fs::read(&file).ok();
    let mut known = read();
    let mut gone = pin!(broker.failed());
    loop {
        tokio::select! {
            gone = &mut gone => return gone,
            () = tokio::time::sleep(LOOKED_EVERY) => {}
        }
        let found = read();
        if found == known {
            continue;
        }
        let renewed = match layout.open_accounts() {
            Ok(accounts) => broker.renew_accounts(&accounts.configuration()).await,
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "the list of partners cannot be read: {error:#}");
                continue;
            }
        };
        match renewed {
            Ok(()) => known = found,
            // If it is gone, that is heard next; else it is tried again.
            Err(error) => tracing::error!(%error, "the broker is not told of its partners: {error}"),
        }
    }
}

/// Makes the first access to an empty instance, and says where its token is: it is told nowhere else.
async fn first_access(context: &Context, data: &Path) -> anyhow::Result<()> {
    let token = context.first_token(HOME.parse()?).await?;
    let file = data.join("first-token");
    write_secret(&file, token.as_bytes())?;
    eprintln!(
        "first access: the token of the administrator is in {}, good for a week. Issue others with it, then remove it.",
        file.display()
    );
    Ok(())
}

/// Opens the journal with its keys, for everything that runs in one process.
///
/// # Errors
/// When a stream or the key file cannot be used.
pub async fn open(layout: &Layout, settings: &Settings, edge: Edge, stop: &Stop) -> anyhow::Result<Context> {
    let broker = layout.broker();
    let mut config = desk::journal_config("continuum", settings, Provision::Verify);
    share_out(layout, &mut config)?;
    // Streams are made with rights that no service holds.
    let admin = as_core_user(layout, CoreUser::Admin, &config)?;
    Journal::provision(admin).await.context("the streams cannot be made")?;
    Context::open_with(config, settings.clone(), edge, stop.clone(), Some(&broker)).await
}

/// These settings in the hands of a user of the broker who may create streams.
///
/// # Errors
/// When the accounts of the data directory cannot be read.
pub(crate) fn as_core_user(
    layout: &Layout,
    user: CoreUser,
    config: &JournalConfig,
) -> anyhow::Result<JournalConfig> {
    Ok(JournalConfig {
        credentials: Some(layout.open_accounts()?.credentials(user)),
        inbox: Some(user.inbox()),
        provision: Provision::Create,
        ..config.clone()
    })
}
