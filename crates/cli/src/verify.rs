//! `continuum doctor --verify`: the journal and who read what, read again and compared with the integrity chain.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use journal::seals::{Hash, Known, Report, SealKey, StreamReport, verify};
use journal::{Journal, Provision};
use service::Edge;
use service::config::{self, NothingOfItsOwn, Settings, Sources};

use crate::progress::Progress;
use crate::stopped::as_ops;
use crate::up::Layout;

/// What is verified, and what is known of it.
pub(crate) struct Verification {
    /// The configuration of a service of the installation; the stopped instance of `data` if there is none.
    pub(crate) config: Option<PathBuf>,
    /// The data directory of `up`.
    pub(crate) data: PathBuf,
    /// Heads that were kept apart.
    pub(crate) anchors: Vec<Hash>,
    /// Whether a program reads the answer.
    pub(crate) json: bool,
}

impl Verification {
    /// Verifies and prints what was found.
    ///
    /// # Errors
    /// When something is damaged, or could not be read.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let report = match &self.config {
            Some(file) => {
                let sources = Sources::of_process(Some(file.clone()));
                let settings: Settings<NothingOfItsOwn> = config::load(supervision::NAME, &sources)?;
                let config = desk::journal_config("doctor", &settings, Provision::Verify);
                let journal = Journal::open(config).await.context("cannot open the journal")?;
                self.over(&journal, &SealKey::beside(&settings.keys.file)).await?
            }
            None => {
                let layout = Layout::new(&self.data);
                let key = SealKey::beside(&layout.keys());
                as_ops(&layout, async |journal| self.over(journal, &key).await).await?
            }
        };
        self.tell(&report, begun.elapsed().as_secs_f64())
    }

    async fn over(&self, journal: &Journal, key: &std::path::Path) -> anyhow::Result<Report> {
        let mut known = Known::beside(key).context("what is kept beside the key file cannot be used")?;
        known.heads.extend(&self.anchors);
        let mut progress: Option<Progress> = None;
        let report = verify(journal, &known, Edge::system().now(), |checked| {
            progress.get_or_insert_with(|| Progress::begin("verifying", checked.of)).at(checked.messages);
        })
        .await
        .context("the journal could not be verified")?;
        if let Some(progress) = progress {
            progress.end(&format!("{} messages compared with their seals", report.compared()));
        }
        Ok(report)
    }

    fn tell(&self, report: &Report, seconds: f64) -> anyhow::Result<()> {
        if self.json {
            let mut told = serde_json::to_value(report)?;
            told["whole"] = report.is_whole().into();
            told["seconds"] = seconds.into();
            println!("{told}");
        } else {
            for stream in &report.streams {
                println!("{} {}: {}", mark(stream.damages == 0), stream.stream, said(stream));
            }
            let head =
                report.head.map_or_else(|| "nothing is sealed yet".to_owned(), |head| format!("head {head}"));
            let own = report.streams.iter().map(|stream| stream.damages).sum::<u64>() == report.damages;
            println!("{} SEALS: {} entries, {head}", mark(own), report.entries);
            if let Some(first) = &report.first {
                println!("!!  first damage: {first}");
            }
        }
        anyhow::ensure!(
            report.is_whole(),
            "{} places are damaged, the first is {}; stop, keep the files as they are, restore a backup",
            report.damages,
            report.first.as_ref().map(ToString::to_string).unwrap_or_default()
        );
        Ok(())
    }
}

fn mark(well: bool) -> &'static str {
    if well { "ok " } else { "!! " }
}

fn said(stream: &StreamReport) -> String {
    let mut said = format!("complete up to event {}", stream.complete_up_to);
    for (count, what) in [
        (stream.expired, "gone by their age"),
        (stream.unsealed, "not sealed yet"),
        (stream.damages, "damaged"),
    ] {
        if count > 0 {
            said.push_str(&format!(", {count} {what}"));
        }
    }
    said
}
