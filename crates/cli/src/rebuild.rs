//! `continuum rebuild`: the rows of services anew from the journal, beside the old ones, then swapped.

use std::path::PathBuf;

use clap::Args;
use desk::Context;
use projection::{Options, Projection, Source, View};

use crate::progress::Progress;
use crate::services::Service;
use crate::stopped;
use crate::up::Layout;

/// How often the bar moves.
const SHOWN_EVERY: std::time::Duration = std::time::Duration::from_millis(200);

/// Rebuild the views of a stopped instance from its journal.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum rebuild\n  continuum rebuild supervision --data /var/lib/continuum\n\nViews are caches: rebuilding loses nothing. Deleting <data>/views does the same at the next start."
)]
pub struct Rebuild {
    /// Whose views; everybody's if none is named.
    #[arg(value_enum)]
    services: Vec<Service>,
    /// The data directory of `up`, which must not be running.
    #[arg(long, value_name = "DIR", default_value = "continuum-data")]
    data: PathBuf,
}

impl Rebuild {
    /// Rebuilds.
    ///
    /// # Errors
    /// A directory in use, a journal that cannot be read.
    pub async fn run(self) -> anyhow::Result<()> {
        let layout = Layout::new(&self.data);
        stopped::over(&layout, async |context| self.over(&layout, context).await).await
    }

    async fn over(self, layout: &Layout, context: &Context) -> anyhow::Result<()> {
        let services = if self.services.is_empty() { Service::ALL.to_vec() } else { self.services };
        for service in services {
            let (name, directory) = (service.name(), layout.views(service));
            if service == Service::Intake {
                let (source, views) = intake::likeness(&context.journal)?;
                rebuild(intake::LIKENESS, directory.join(intake::LIKENESS), source, views).await?;
            }
            rebuild(name, directory, context.journal.clone(), service.views()).await?;
        }
        Ok(())
    }
}

/// Rebuilds the rows of one directory.
async fn rebuild<S: Source>(
    name: &'static str,
    directory: PathBuf,
    source: S,
    views: Vec<Box<dyn View>>,
) -> anyhow::Result<()> {
    let (projection, _) = Projection::start(source, views, Options::new(name, directory)).await?;
    let handle = projection.handle();
    handle.until_ready().await.map_err(|stopped| anyhow::anyhow!("the view stopped: {stopped}"))?;
    let mut progress = Progress::begin(format!("rebuilding {name}"), handle.position());
    let work = handle.rebuild();
    tokio::pin!(work);
    let rebuilt = loop {
        tokio::select! {
            rebuilt = &mut work => break rebuilt,
            () = tokio::time::sleep(SHOWN_EVERY) => {
                if let Some(at) = handle.rebuilding() {
                    progress.at(at.position);
                }
            }
        }
    };
    projection.stop().await;
    rebuilt?;
    progress.end(&format!("{} events read again", handle.position()));
    Ok(())
}
