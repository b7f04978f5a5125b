//! `continuum simulate`: the arguments, and where the simulation goes.

use std::convert::Infallible;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use domain::id::Territory;
use jiff::Timestamp;
use jiff::civil::Date;
use service::Edge;

use super::replay::{self, Line};
use super::{Plan, Step, Summary, run};
use crate::credentials::Credentials;
use crate::progress::Progress;

/// Simulate a territory: people, places and decisions drawn from a seed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum simulate --territory 33 --households 2000 --years 3\n  continuum simulate --territory 33 --households 500 --years 1 --seed 7 --out commands.jsonl\n  continuum simulate --territory 33 --households 200 --years 1 --to http://127.0.0.1:8080\n\nThe same territory, size, seed and last day give the same commands, byte for byte. Without --out and --to only the figures\nare shown. An instance that is asked with --to decides by its own clock: dates that lay ahead are moved ahead of today."
)]
pub struct Simulate {
    /// The département, such as 33, 2A or 974.
    #[arg(long, value_name = "CODE")]
    territory: Territory,
    /// How many households are registered.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = super::households())]
    households: u32,
    /// Over how many years.
    #[arg(long, value_name = "Y", default_value_t = 3, value_parser = super::years())]
    years: u32,
    /// What chance starts from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The last day, which ends at its midnight; yesterday if absent.
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// Write the commands to a file, one JSON object a line; `-` for standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    out: Option<PathBuf>,
    /// Ask a running instance for the commands.
    #[arg(long, visible_alias = "url", value_name = "URL")]
    to: Option<String>,
    #[command(flatten)]
    credentials: Credentials,
    /// Show the figures as JSON.
    #[arg(long)]
    json: bool,
}

impl Simulate {
    /// Simulates.
    ///
    /// # Errors
    /// A plan that cannot be carried out, a file that cannot be written, an instance that does not answer.
    pub async fn run(self) -> anyhow::Result<()> {
        let plan = self.plan(Edge::system().now());
        plan.check()?;
        let to_stdout = self.out.as_deref() == Some(Path::new("-"));
        let mut shown = serde_json::Map::new();
        let summary = match (&self.out, &self.to) {
            (_, Some(base)) => {
                let (summary, outcome) = replay::ask(plan, base, self.credentials.token()?).await?;
                eprintln!(
                    "taken by the instance: {}, refused: {}",
                    outcome.taken,
                    outcome.refused.values().sum::<u64>()
                );
                for (code, count) in &outcome.refused {
                    eprintln!("  {code}: {count}");
                }
                shown.insert("instance".to_owned(), serde_json::to_value(&outcome)?);
                summary
            }
            (Some(file), None) => {
                let file = file.clone();
                tokio::task::spawn_blocking(move || write(&plan, &file)).await??
            }
            (None, None) => tokio::task::spawn_blocking(move || count(&plan)).await?,
        };
        let figures = if self.json {
            shown.insert("simulation".to_owned(), serde_json::to_value(&summary)?);
            serde_json::to_string_pretty(&shown)?
        } else {
            summary.to_string()
        };
        if to_stdout {
            eprintln!("{figures}")
        } else {
            println!("{figures}")
        }
        Ok(())
    }

    fn plan(&self, now: Timestamp) -> Plan {
        let territory = self.territory;
        let yesterday = || domain::calendar::days_after(domain::calendar::day(territory, now), -1);
        let until = domain::calendar::end_of_day(territory, self.until.unwrap_or_else(yesterday));
        Plan { territory, households: self.households, years: self.years, seed: self.seed, until }
    }
}

/// Runs the plan and tells how far the simulated time has come.
fn told<E>(plan: &Plan, sink: &mut dyn FnMut(Step) -> Result<(), E>) -> Result<Summary, E> {
    let mut progress = Progress::begin("simulating, in days", u64::from(plan.years) * 365);
    let summary = run(plan, sink, &mut |at| {
        let gone = (at.at.as_second() - at.from.as_second()) / 86_400;
        progress.at(u64::try_from(gone).unwrap_or(0));
    })?;
    progress.end(&format!("{} events", summary.total_events()));
    Ok(summary)
}

/// Simulates for the figures alone.
fn count(plan: &Plan) -> Summary {
    let mut sink = |_: Step| Ok::<(), Infallible>(());
    match told(plan, &mut sink) {
        Ok(summary) => summary,
        Err(never) => match never {},
    }
}

/// Simulates into a file.
fn write(plan: &Plan, file: &Path) -> anyhow::Result<Summary> {
    let cannot = || format!("cannot write {}", file.display());
    let mut out: Box<dyn std::io::Write> = if file == Path::new("-") {
        Box::new(BufWriter::new(std::io::stdout()))
    } else {
        Box::new(BufWriter::new(File::create(file).with_context(cannot)?))
    };
    let mut sink = |step: Step| {
        if let Some(line) = Line::of(step) {
            serde_json::to_writer(&mut out, &line).with_context(cannot)?;
            out.write_all(b"\n").with_context(cannot)?;
        }
        anyhow::Ok(())
    };
    let summary = told(plan, &mut sink)?;
    out.flush().with_context(cannot)?;
    Ok(summary)
}
