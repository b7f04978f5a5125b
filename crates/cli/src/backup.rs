//! `continuum backup`: what the broker holds, copied as it is, sealed as it is.

use std::path::PathBuf;

use clap::Args;
use journal::{Journal, backup};
use service::Edge;

use crate::key::Instance;
use crate::progress::Progress;
use crate::stopped;
use crate::up::Layout;

/// Copy everything that the broker holds into a directory, sealed as it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum backup --to /mnt/backups/2026-03-15 --data /var/lib/continuum\n  continuum backup --to /mnt/backups/2026-03-15 --config /etc/continuum/intake.toml\n\nServices go on meanwhile: with --config against a running broker, with --data on an instance of `up` that is stopped.\nA broker that asks who connects lets `ops` read everything: name its credentials in\nCONTINUUM_INTAKE__NATS__CREDENTIALS_FILE.\nNeither the key file nor the escrow nor the erasure ledger is in a backup: keep copies of them elsewhere, the escrow\nfor as long as backups, the ledger always fresh. `continuum restore` puts a backup back."
)]
pub struct Backup {
    /// The directory to make it in: empty, or not there yet.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    instance: Instance,
}

impl Backup {
    /// Makes the backup.
    ///
    /// # Errors
    /// As [`Instance::over`]; a directory that is not empty or cannot be written; a journal with a hole.
    pub async fn run(self) -> anyhow::Result<()> {
        match &self.instance.config {
            Some(_) => self.instance.over(async |context| self.take(&context.journal).await).await,
            None => {
                stopped::as_ops(&Layout::new(&self.instance.data), async |journal| self.take(journal).await)
                    .await
            }
        }
    }

    async fn take(&self, journal: &Journal) -> anyhow::Result<()> {
        let mut bars = Bars::default();
        let program = env!("CARGO_PKG_VERSION");
        let mut told = |stream: &str, done: u64, total: u64| bars.at(stream, done, total);
        let now = Edge::system().now();
        let manifest = backup::take(journal, &self.to, program, now, &mut told).await?;
        bars.end();
        for stored in &manifest.streams {
            println!(
                "{}: {} messages, {} to {}",
                stored.stream.name, stored.messages, stored.first, stored.last
            );
        }
        println!(
            "{} is complete up to event {}; its keys are wrapped under epoch {}",
            self.to.display(),
            manifest.last_event(),
            manifest.epoch.unwrap_or(0)
        );
        Ok(())
    }
}

/// A bar for each stream, one after the other.
#[derive(Default)]
pub(crate) struct Bars {
    shown: Option<(String, Progress, u64)>,
}

impl Bars {
    /// So many messages of `stream` are done.
    pub(crate) fn at(&mut self, stream: &str, done: u64, total: u64) {
        if self.shown.as_ref().is_none_or(|(name, _, _)| name != stream) {
            self.end();
            self.shown = Some((stream.to_owned(), Progress::begin(stream, total), 0));
        }
        if let Some((_, progress, last)) = &mut self.shown {
            progress.at(done);
            *last = done;
        }
    }

    /// The last stream is done.
    pub(crate) fn end(&mut self) {
        if let Some((_, progress, done)) = self.shown.take() {
            progress.end(&format!("{done} messages"));
        }
    }
}
