//! `continuum export accesses`: who read what of one household, with the proof that no line is missing.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use domain::id::HouseholdId;
use jiff::Timestamp;
use journal::seals::Excerpt;
use serde_json::Value;

use super::account::{Account, FORMAT, Row, beside, write_table};
use crate::client::{Client, DEFAULT_URL};
use crate::credentials::Credentials;
use crate::output::Output;

/// Who read what of one household, and what proves that no line was removed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum export accesses 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90 --out qui-a-lu.json\n  continuum export accesses 33-… --from 2026-01-01T00:00:00Z --until 2026-07-01T00:00:00Z --format csv --out qui-a-lu.csv\n\nReadings are sealed by stretches of time: those that reach into the time asked for come whole. A table is written with\nits proof beside it, qui-a-lu.csv.proof.json. `continuum export check` proves either, without the instance."
)]
pub(super) struct Accesses {
    /// The household.
    household: HouseholdId,
    /// The beginning of the time: as far back as readings are kept if absent.
    #[arg(long, value_name = "INSTANT")]
    from: Option<Timestamp>,
    /// Its end: now if absent, with the readings of the last minute, which are not sealed yet.
    #[arg(long, value_name = "INSTANT")]
    until: Option<Timestamp>,
    /// The form.
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// The file to write; standard output if absent, for JSON alone.
    #[arg(long, value_name = "FILE", required_if_eq("format", "csv"))]
    out: Option<PathBuf>,
    /// Where the instance listens.
    #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
    #[command(flatten)]
    credentials: Credentials,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One file: the readings and their proof.
    Json,
    /// A table, and its proof in a file beside it.
    Csv,
}

impl Accesses {
    /// Writes the account.
    ///
    /// # Errors
    /// An instance that does not answer or refuses, a file that cannot be written.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let client = Client::new(&self.url, self.credentials.token()?)?;
        let proof = self.proof(&client).await?;
        let reasons = self.reasons(&client).await?;
        let mut rows = Vec::with_capacity(proof.lines.len());
        for line in &proof.lines {
            let row = Row::of(line)?;
            let reason = reasons.get(&row.id).cloned().unwrap_or_default();
            rows.push(Row { reason, ..row });
        }
        let account = |accesses, proof| Account {
            format: FORMAT.to_owned(),
            household: self.household,
            accesses,
            proof,
        };
        let count = rows.len();
        match (self.format, &self.out) {
            (Format::Csv, Some(out)) => {
                let mut table = Output::to(Some(out.clone()))?;
                write_table(&rows, &mut table)?;
                table.finish()?;
                write(&account(None, proof), Some(beside(out)))?;
            }
            (Format::Json, _) | (Format::Csv, None) => write(&account(Some(rows), proof), self.out.clone())?,
        }
        eprintln!("{count} readings written; prove them with `continuum export check`");
        Ok(())
    }

    /// The seals of the time, and the entries under them.
    async fn proof(&self, client: &Client) -> anyhow::Result<Excerpt> {
        let path = format!("/api/v1/households/{}/accesses/proof", self.household);
        let mut query: Vec<(&str, String)> = Vec::new();
        query.extend(self.from.map(|from| ("from", from.to_string())));
        query.extend(self.until.map(|until| ("until", until.to_string())));
        let mut all = Excerpt::default();
        let gather = |mut page: Value| {
            let found: Excerpt = serde_json::from_value(page["proof"].take())
                .context("the instance does not answer with a proof")?;
            all.subject = found.subject;
            all.keys.extend(found.keys);
            all.seals.extend(found.seals);
            all.lines.extend(found.lines);
            Ok(())
        };
        client.pages(&path, query, gather).await?;
        Ok(all)
    }

    /// The reasons that readers gave, by the id of the reading; what is not shown is said in brackets.
    async fn reasons(&self, client: &Client) -> anyhow::Result<HashMap<String, String>> {
        let path = format!("/api/v1/households/{}/accesses", self.household);
        let mut all = HashMap::new();
        let gather = |page: Value| {
            for access in page["accesses"].as_array().into_iter().flatten() {
                let text = |name: &str| access[name].as_str().map(str::to_owned);
                let withheld = || text("reason_withheld").map(|why| format!("[{why}]"));
                if let (Some(id), Some(reason)) = (text("id"), text("reason").or_else(withheld)) {
                    all.insert(id, reason);
                }
            }
            Ok(())
        };
        client.pages(&path, Vec::new(), gather).await?;
        Ok(all)
    }
}

fn write(account: &Account, out: Option<PathBuf>) -> anyhow::Result<()> {
    let mut to = Output::to(out)?;
    let account: Value = serde_json::to_value(account)?;
    writeln!(to, "{account:#}")?;
    to.finish()
}
