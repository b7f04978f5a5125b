//! `continuum export check`: whether an account of who read what is whole, without the instance it came from.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use journal::access::{About, subject_of};
use journal::seals::PublicKey;

use super::account::{Account, FORMAT, beside, compare, read_table};

/// Prove that an account of who read what is whole and unchanged.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  continuum export check qui-a-lu.json --seal-key 5c0e…\n\nThe public key of the seals is told by `continuum doctor --verify --json`, and by whoever runs the instance. It ends with 0\nif every line is there and as it was recorded, else it names the first that is not."
)]
pub(super) struct Check {
    /// The account, or the table of one that has its proof beside it.
    file: PathBuf,
    /// The public key of the seals, from elsewhere than the file; may be given several times.
    #[arg(long, value_name = "KEY", required = true)]
    seal_key: Vec<PublicKey>,
}

impl Check {
    /// Checks and says since when, and until when, nothing is missing.
    ///
    /// # Errors
    /// What is missing or changed, or a file that is no account.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let is_table = self.file.extension().is_some_and(|ending| ending == "csv");
        let account = read(if is_table { beside(&self.file) } else { self.file.clone() }.as_path())?;
        let rows = if is_table { Some(read_table(open(&self.file)?)?) } else { account.accesses };
        let subject = subject_of(About::Household(account.household));
        ensure!(account.proof.subject == subject, "the proof is about another household");
        let proven = account.proof.check(&self.seal_key)?;
        let rows = rows.context("the account has no readings in it")?;
        compare(&rows, &account.proof.lines)?;
        println!(
            "ok  {}: every reading from {} to {} is there: {}",
            account.household, proven.since, proven.until, proven.lines
        );
        if proven.unsealed > 0 {
            println!("--  {} readings behind the last seal are not proven yet", proven.unsealed);
        }
        Ok(())
    }
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?))
}

fn read(path: &Path) -> anyhow::Result<Account> {
    let account: Account = serde_json::from_reader(open(path)?)
        .with_context(|| format!("{} is not an account of who read what", path.display()))?;
    ensure!(account.format == FORMAT, "{} is of another form than {FORMAT}", path.display());
    Ok(account)
}
