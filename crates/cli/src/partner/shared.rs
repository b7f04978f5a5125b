//! An installation with a NATS of its own, before it has partners: its operator, and its streams.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use jiff::SignedDuration;
use journal::accounts::{CoreUser, Operator};
use journal::config::JOURNAL;
use journal::{Journal, JournalConfig, Provision};
use service::Edge;

use super::mint::{broker_of, lock, opened};

/// How long the administrator's credentials are good that make the streams.
const MAKING: SignedDuration = SignedDuration::from_mins(10);

/// The operator of a shared installation.
#[derive(Debug, Args)]
pub(super) struct Shared {
    /// The directory of its keys, made if absent.
    #[arg(long, value_name = "DIR")]
    operator: PathBuf,
    /// Where its identity goes, once.
    #[arg(long, value_name = "FILE")]
    offline: PathBuf,
    /// The directory on each server in which it keeps the accounts it is told of.
    #[arg(long, value_name = "DIR")]
    resolver: PathBuf,
    /// How long the credentials of the services are good.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=365))]
    days: u16,
}

impl Shared {
    /// Makes it, or renews what it gave to the services.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let (now, name) = (Edge::system().now(), "continuum".parse()?);
        let operator =
            Operator::open_or_create(&self.operator, &name, &self.offline, vec![JOURNAL.to_owned()], now)?;
        let _lock = lock(&self.operator)?;
        let expires = now + SignedDuration::from_hours(24 * i64::from(self.days));
        for user in CoreUser::ALL {
            // The administrator's are made when they are needed, for as long as they are.
            if user != CoreUser::Admin {
                eprintln!("{user}: {}", operator.credentials(user, now, expires)?.display());
            }
        }
        println!("{}", operator.configuration(&self.resolver, now)?);
        Ok(())
    }
}

/// The streams of a shared installation.
#[derive(Debug, Args)]
pub(super) struct Streams {
    /// The operator's directory.
    #[arg(long, value_name = "DIR")]
    operator: PathBuf,
    /// A configuration file of the service `feed`, which names the broker.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many servers keep each message: 3 on a cluster.
    #[arg(long, value_name = "N", default_value_t = 1)]
    replicas: usize,
}

impl Streams {
    /// Makes those that are missing.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let now = Edge::system().now();
        let admin = opened(&self.operator, now)?.credentials(CoreUser::Admin, now, now + MAKING)?;
        let config = JournalConfig {
            credentials: Some(admin.clone()),
            inbox: Some(CoreUser::Admin.inbox()),
            provision: Provision::Create,
            replicas: self.replicas,
            ..broker_of(&self.config)?
        };
        let made = Journal::provision(config).await.context("the streams cannot be made");
        std::fs::remove_file(admin).context("the administrator's credentials cannot be removed")?;
        made
    }
}
