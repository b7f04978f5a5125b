//! `continuum key`: the keys that open all others, rotated on demand and listed without being shown.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use desk::Context;
use domain::event::Actor;
use jiff::Timestamp;
use journal::Provision;
use journal::keys::{KeyFile, KeyRing, Step};
use service::config::{self, NothingOfItsOwn, Settings, Sources};
use service::lifecycle::stop_on_signals;
use service::{Edge, Stop};

use crate::progress::Progress;
use crate::services::Service;
use crate::stopped;
use crate::up::Layout;

/// Rotate or list the keys that open all others.
#[derive(Debug, Args)]
pub struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Put every key under a new key-encryption key and destroy the old one, now instead of at night.
    #[command(
        after_help = "Examples:\n  continuum key rotate --data /var/lib/continuum\n  continuum key rotate --config /etc/continuum/intake.toml\n\nWhat was erased before is gone from the broker's disks afterwards. Services go on meanwhile: with --config against a\nrunning broker, with --data on an instance of `up` that is stopped. One that was cut short is finished by the next.\nThe old key goes to the escrow, which a restore from an older backup needs: see keys.escrow_file."
    )]
    Rotate {
        #[command(flatten)]
        instance: Instance,
        /// Who asks, for the record: a code of letters, digits, `-`, `_`, `.` and `:`.
        #[arg(long, value_name = "CODE", default_value = "operator")]
        by: Actor,
    },
    /// Epochs, dates and counts; never a key.
    #[command(after_help = "Example:\n  continuum key list --data /var/lib/continuum")]
    List {
        #[command(flatten)]
        instance: Instance,
    },
}

/// Which instance a verb works on.
#[derive(Debug, Clone, Args)]
pub struct Instance {
    /// The data directory of `up`, which must not be running.
    #[arg(long, value_name = "DIR", default_value = "continuum-data", conflicts_with = "config")]
    pub(crate) data: PathBuf,
    /// A configuration file of intake: works on the broker that it names, which runs.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Instance {
    /// Does `work` over the journal of the instance.
    ///
    /// # Errors
    /// A bad configuration, a broker that does not answer, a directory in use; the error of the work; a signal.
    pub async fn over<T>(&self, work: impl AsyncFnOnce(&Context) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.opened(|_| Provision::Verify, work).await
    }

    /// As [`Instance::over`], making the streams first if they are not there and nobody has to sign in to make them.
    ///
    /// # Errors
    /// As [`Instance::over`].
    pub async fn provisioned<T>(
        &self,
        work: impl AsyncFnOnce(&Context) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.opened(desk::provision, work).await
    }

    async fn opened<T>(
        &self,
        provision: fn(&Settings) -> Provision,
        work: impl AsyncFnOnce(&Context) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let Some(file) = &self.config else { return stopped::over(&Layout::new(&self.data), work).await };
        let name = Service::Intake.name();
        let settings = config::load::<NothingOfItsOwn>(name, &Sources::of_process(Some(file.clone())))?;
        let provision = provision(&settings);
        let stop = Stop::new();
        stop_on_signals(stop.clone()).context("cannot listen to signals")?;
        let working = async {
            let context =
                Context::open(name, settings, Edge::system(), stop.clone(), provision, None).await?;
            work(&context).await
        };
        tokio::select! {
            ended = Box::pin(working) => ended,
            () = stop.stopping() => Err(anyhow::anyhow!("asked to end before it was done")),
        }
    }
}

impl Key {
    /// Does it.
    ///
    /// # Errors
    /// As [`Instance::over`]; keys that cannot be read or written.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::Rotate { instance, by } => {
                instance.over(async |context| rotate(keys(context)?, &by, context.edge.now()).await).await
            }
            What::List { instance } => instance.over(async |context| list(context).await).await,
        }
    }
}

fn keys(context: &Context) -> anyhow::Result<&KeyRing> {
    context.journal.keys().context("this journal was opened without keys")
}

async fn rotate(keys: &KeyRing, by: &Actor, at: Timestamp) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    let total = keys.census().await?.iter().filter(|(epoch, _)| epoch.is_some()).map(|(_, keys)| keys).sum();
    let mut progress = Progress::begin("keys", total);
    let rotated = keys.rotate(by, at, |step, came_to| match step {
        Some(Step::Resumed { epoch }) => {
            eprintln!("finishing the rotation to epoch {epoch}, which was cut short")
        }
        Some(
            Step::Proposed { .. }
            | Step::Announced
            | Step::Rewrapped { .. }
            | Step::Verified { .. }
            | Step::Escrowed
            | Step::Retired
            | Step::Recorded(_),
        ) => {}
        None => progress.at(came_to),
    });
    let rotated = rotated.await?;
    progress.end(&format!(
        "{} under epoch {}, the one before is destroyed; {:.1} s",
        rotated.keys,
        rotated.epoch,
        begun.elapsed().as_secs_f64()
    ));
    Ok(())
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let keys = keys(context)?;
    let (in_force, records) = keys.rotations().await?;
    println!("epoch {in_force} is in force");
    for (epoch, count) in keys.census().await? {
        match epoch {
            Some(epoch) => println!("{count} keys under epoch {epoch}"),
            None => println!("{count} holders erased"),
        }
    }
    for record in records {
        println!("{} epoch {} by {}: {} keys", record.at, record.epoch, record.by, record.keys);
    }
    let file = KeyFile::open(&context.settings.keys.file, None)?;
    if let Some(escrow) = file.with_places(desk::key_places(&context.settings))?.escrow() {
        for (epoch, retired) in escrow.list()? {
            println!("{retired} epoch {epoch} retired, in the escrow");
        }
    }
    Ok(())
}
