//! `continuum restore`: a backup put back into an empty data directory, without those who were erased since.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use journal::Provision;
use journal::accounts::CoreUser;
use journal::backup::{self, Backup};
use journal::keys::{Erasure, Erasures, Escrow, KeyFile, KeyPlaces};
use service::lifecycle::stop_on_signals;
use service::{Edge, Stop};

use crate::backup::Bars;
use crate::up::{Layout, as_core_user, broker, share_out};

/// Put a backup back into an empty data directory, without those who were erased since.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum restore /mnt/backups/2026-03-15 --data restored --keys /etc/continuum/keys/kek\n  continuum restore /mnt/backups/2026-03-15 --data restored --keys kek --escrow usb/kek.escrow --erasures usb/kek.erasures\n\nThen: continuum up --data restored\n\nThe backup is read through and checked before anything is written. The keys of all whom the erasure ledger lists are\nnot restored. The escrow is needed when keys were rotated since the backup; escrow and ledger are looked for beside\nthe key file if they are not named. Without --keys, put the key file of the time at keys/kek before anything opens."
)]
pub struct Restore {
    /// The directory of the backup.
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// The data directory to restore into: empty, or not there yet.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The key file of the instance that the backup is of.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Its erasure ledger, as fresh as can be had; several if several machines have one each.
    #[arg(long, value_name = "FILE")]
    erasures: Vec<PathBuf>,
    /// Its escrow of retired keys.
    #[arg(long, value_name = "FILE")]
    escrow: Option<PathBuf>,
}

impl Restore {
    /// Restores.
    ///
    /// # Errors
    /// A backup that is damaged, a directory that is not empty, a key that is nowhere, a broker that refuses. What was
    /// written is of no use then, and cannot be opened.
    pub async fn run(self) -> anyhow::Result<()> {
        let stop = Stop::new();
        stop_on_signals(stop.clone()).context("cannot listen to signals")?;
        tokio::select! {
            ended = Box::pin(self.restore()) => ended,
            () = stop.stopping() => Err(anyhow::anyhow!("asked to end before it was done: remove the data directory")),
        }
    }

    async fn restore(self) -> anyhow::Result<()> {
        refuse_occupied(&self.data)?;
        let erasures = self.erasures()?;
        let escrow = self.escrow()?;
        eprintln!("checking the backup");
        let mut bars = Bars::default();
        let whole = Backup::open(&self.from, &mut |stream, done, total| bars.at(stream, done, total))?;
        bars.end();

        let layout = Layout::new(&self.data);
        if let Some(path) = &self.keys {
            let keys = KeyFile::open(path, None)?;
            whole.make_key_file(&keys, escrow.as_ref(), &layout.keys())?;
        }
        // The new instance goes on with the ledger of the old one.
        Erasures::at(KeyPlaces::beside(&layout.keys()).erasures).merge(&erasures)?;

        eprintln!("restoring into {}", self.data.display());
        let broker = broker(&layout).await?;
        let put_back = async {
            let settings = layout.settings(&broker.url(), ([127, 0, 0, 1], 0).into())?;
            let first = settings.first().context("no service has settings")?;
            let mut config = desk::journal_config("continuum", first, Provision::Create);
            share_out(&layout, &mut config)?;
            let config = as_core_user(&layout, CoreUser::Ops, &config)?;
            let mut told = |stream: &str, done: u64, total: u64| bars.at(stream, done, total);
            let restored = backup::restore(&config, &whole, &erasures, &mut told).await?;
            bars.end();
            anyhow::Ok((restored, first.clone()))
        };
        let put_back = put_back.await;
        let opened = match &put_back {
            Ok((_, settings)) if self.keys.is_some() => {
                // The keys fit, and nobody who was erased is there: seen before anybody else opens it.
                crate::up::open(&layout, settings, Edge::system(), &Stop::new()).await.map(drop)
            }
            Ok(_) | Err(_) => Ok(()),
        };
        broker.stop().await;
        let (restored, _) = put_back?;
        opened?;
        println!("complete up to event {}, {} keys destroyed again", restored.last_event, restored.destroyed);
        if self.keys.is_none() {
            println!("put the key file at {} before anything opens", layout.keys().display());
        }
        Ok(())
    }

    /// What stands in the ledgers, named or beside the key file.
    fn erasures(&self) -> anyhow::Result<Vec<Erasure>> {
        let mut erasures = Vec::new();
        for path in &self.erasures {
            anyhow::ensure!(path.exists(), "there is no erasure ledger at {}", path.display());
            erasures.extend(Erasures::at(path).read()?);
        }
        let beside = self.keys.as_ref().map(|keys| KeyPlaces::beside(keys).erasures);
        let beside = beside.filter(|path| path.exists());
        if let Some(path) = &beside {
            erasures.extend(Erasures::at(path).read()?);
        }
        if self.erasures.is_empty() && beside.is_none() {
            eprintln!("no erasure ledger: whoever was erased since the backup can be read again");
        }
        Ok(erasures)
    }

    /// The escrow, named or beside the key file.
    fn escrow(&self) -> anyhow::Result<Option<Escrow>> {
        if let Some(path) = &self.escrow {
            anyhow::ensure!(path.exists(), "there is no escrow at {}", path.display());
            return Ok(Some(Escrow::at(path)));
        }
        let beside = self.keys.as_ref().map(|keys| KeyPlaces::beside(keys).escrow);
        Ok(beside.filter(|path| path.exists()).map(Escrow::at))
    }
}

fn refuse_occupied(data: &Path) -> anyhow::Result<()> {
    let mut there = match std::fs::read_dir(data) {
        Ok(there) => there,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e).with_context(|| format!("cannot read {}", data.display())),
    };
    anyhow::ensure!(
        there.next().is_none(),
        "{} is not empty: restore into an empty directory",
        data.display()
    );
    Ok(())
}
