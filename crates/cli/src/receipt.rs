//! `continuum receipt verify`: whether a receipt of deliveries is whole, without the instance it came from.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use journal::deliveries::Receipt as Document;
use journal::seals::PublicKey;

/// Prove what was delivered for a subscription, without the instance that delivered it.
#[derive(Debug, Args)]
pub struct Receipt {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Verify(Verify),
}

/// Check that a receipt is whole, unchanged and signed by the instance.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  continuum receipt verify receipt.json --seal-key 5c0e…\n\nThe receipt is the answer of /api/v1/subscriptions/{id}/receipt. The public key of the seals is told by\n`continuum doctor --verify --json`, and by whoever runs the instance. It ends with 0 if every record is there and as it was\nrecorded, else it names the first that is not."
)]
struct Verify {
    /// The receipt.
    file: PathBuf,
    /// The public key of the seals, from elsewhere than the file; may be given several times.
    #[arg(long, value_name = "KEY", required = true)]
    seal_key: Vec<PublicKey>,
}

impl Receipt {
    /// Checks and says what is proven.
    ///
    /// # Errors
    /// What is missing or changed, or a file that is no receipt.
    pub fn run(self) -> anyhow::Result<()> {
        let What::Verify(Verify { file, seal_key }) = self.what;
        let opened = File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let receipt: Document = serde_json::from_reader(BufReader::new(opened))
            .with_context(|| format!("{} is not a receipt of deliveries", file.display()))?;
        let proven = receipt.check(&seal_key)?;
        println!(
            "ok  {}: records {} to {} are there and unchanged; {} messages were delivered; acknowledged up to {}",
            proven.subscription, proven.first, proven.last, proven.delivered, proven.acknowledged
        );
        Ok(())
    }
}
