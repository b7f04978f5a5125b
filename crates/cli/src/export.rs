//! `continuum export`: the events of a running instance, or the rows of a stopped one.

mod accesses;
mod account;
mod check;
mod household;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use desk::Context;
use projection::{Options, Projection};

use crate::client::{Client, DEFAULT_URL};
use crate::credentials::Credentials;
use crate::output::Output;
use crate::progress::Progress;
use crate::services::Service;
use crate::stopped;
use crate::up::Layout;

/// How many events are asked for at once.
const PAGE: u64 = 200;

/// Export events or rows, or a person's copy of what is held on them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum export events --out events.jsonl\n  continuum export events --after 48211 --filter 'type:referral.*'\n  continuum export rows intake --data continuum-data --out intake.txt\n  continuum export --household 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90 --to https://continuum.example --out copie\n\nEvents and rows: the same state gives the same bytes. A copy for a person is made by somebody who may see the file, and is recorded as a reading of it before it leaves.",
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub struct Export {
    #[command(flatten)]
    household: household::OfHousehold,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    Accesses(accesses::Accesses),
    Check(check::Check),
    /// Events as CloudEvents, one a line, personal values sealed.
    #[command(
        after_help = "Examples:\n  continuum export events --out events.jsonl\n  continuum export events --after 48211 --filter 'type:referral.*'"
    )]
    Events {
        /// Begin behind this position: the last one that is known.
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        after: u64,
        /// Only those that pass: type:referral.*, territory:33, ledger:household/33-…, commas between several.
        #[arg(long, default_value = "", hide_default_value = true)]
        filter: String,
        /// The file to write; standard output if absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Where the instance listens.
        #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL)]
        url: String,
        #[command(flatten)]
        credentials: Credentials,
    },
    /// Every row of a service's view; the instance must be stopped.
    #[command(after_help = "Example:\n  continuum export rows intake --data continuum-data --out intake.txt")]
    Rows {
        /// Whose rows.
        #[arg(value_enum)]
        service: Service,
        /// The data directory of `up`, which must not be running.
        #[arg(long, value_name = "DIR", default_value = "continuum-data")]
        data: PathBuf,
        /// The file to write; standard output if absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

impl Export {
    /// Writes the export.
    ///
    /// # Errors
    /// An instance that does not answer, a directory in use, a file that cannot be written.
    pub async fn run(self) -> anyhow::Result<()> {
        let what = match (self.what, self.household.household) {
            (Some(what), _) => what,
            (None, Some(household)) => return self.household.run(household).await,
            (None, None) => bail!("say what to export: --household, events or rows"),
        };
        match what {
            What::Events { after, filter, out, url, credentials } => {
                events(after, &filter, out, &Client::new(&url, credentials.token()?)?).await
            }
            What::Accesses(accesses) => accesses.run().await,
            What::Check(check) => check.run(),
            What::Rows { service, data, out } => rows(service, &Layout::new(&data), out).await,
        }
    }
}

async fn events(after: u64, filter: &str, out: Option<PathBuf>, client: &Client) -> anyhow::Result<()> {
    let mut to = Output::to(out)?;
    let (mut cursor, mut written) = (after, 0_u64);
    let mut progress: Option<Progress> = None;
    loop {
        let query =
            [("after", cursor.to_string()), ("limit", PAGE.to_string()), ("filter", filter.to_owned())];
        let page = client.get("/api/v1/events", &query).await?;
        let last = page["view"]["position"].as_u64().unwrap_or(0);
        for event in page["events"].as_array().into_iter().flatten() {
            writeln!(to, "{event}")?;
            written += 1;
        }
        let next = page["cursor"].as_u64().unwrap_or(cursor);
        progress.get_or_insert_with(|| Progress::begin("events", last)).at(next);
        if next == cursor || next >= last {
            break;
        }
        cursor = next;
    }
    to.finish()?;
    if let Some(progress) = progress {
        progress.end(&format!("{written} written"));
    }
    Ok(())
}

async fn rows(service: Service, layout: &Layout, out: Option<PathBuf>) -> anyhow::Result<()> {
    let dump = stopped::over(layout, async |context| dump(service, layout, context).await).await?;
    let mut to = Output::to(out)?;
    to.write_all(dump.as_bytes())?;
    to.finish()
}

async fn dump(service: Service, layout: &Layout, context: &Context) -> anyhow::Result<String> {
    let options = Options::new(service.name(), layout.views(service));
    let (projection, _) = Projection::start(context.journal.clone(), service.views(), options).await?;
    let handle = projection.handle();
    handle.until_ready().await.map_err(|stopped| anyhow::anyhow!("the view stopped: {stopped}"))?;
    let dump = handle.reader().page()?.dump();
    projection.stop().await;
    Ok(dump?)
}
