//! `continuum token`: the first access to an empty installation, and tokens for software.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use domain::id::{OrganisationId, Territory};
use domain::rights::Role;
use serde_json::json;

use crate::client::{Client, DEFAULT_URL};
use crate::credentials::{Credentials, write_secret};
use crate::key::Instance;

/// Issue tokens that software signs in with.
#[derive(Debug, Args)]
pub struct Token {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the first access to an empty installation: an administrator's token, good for a week, shown once.
    #[command(
        after_help = "Example:\n  continuum token first --config /etc/continuum/intake.toml --home 33 --out first-token\n\nNobody has an account on an empty installation. This token registers organisations, issues the tokens of their software\nand invites people. `up` makes it by itself at its first start."
    )]
    First {
        #[command(flatten)]
        instance: Instance,
        /// The département of the organisation that runs the installation.
        #[arg(long, value_name = "CODE", default_value = "75")]
        home: Territory,
        /// The file to write, readable by its owner only; standard output if absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Issue a token to the software of an organisation, with the token of an administrator. It is shown once.
    #[command(
        after_help = "Example:\n  continuum token issue --organisation 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90 --role landlord_officer --verb read --days 90 \\\n    --label 'Export nightly' --token-file continuum-data/first-token"
    )]
    Issue {
        /// Whose software.
        #[arg(long, value_name = "ID")]
        organisation: OrganisationId,
        /// The role it acts in: siao_manager, provider_manager, landlord_officer…
        #[arg(long)]
        role: Role,
        /// What it may do at all: read, follow, command; several times for several.
        #[arg(long = "verb", value_name = "VERB", required = true)]
        verbs: Vec<String>,
        /// What it is for; names nobody.
        #[arg(long)]
        label: String,
        /// How long it is good.
        #[arg(long, default_value_t = 90)]
        days: u16,
        /// How many requests it may make in a minute.
        #[arg(long, value_name = "N")]
        per_minute: Option<u32>,
        /// Where the instance listens.
        #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL)]
        url: String,
        #[command(flatten)]
        credentials: Credentials,
    },
}

impl Token {
    /// Does it.
    ///
    /// # Errors
    /// An installation that is not empty, an instance that does not answer, a token that it does not take.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::First { instance, home, out } => {
                let token = instance
                    .provisioned(async |context| {
                        let empty = context.journal.last_position().await? == 0;
                        anyhow::ensure!(
                            empty,
                            "the installation is not empty: an administrator issues tokens (continuum token issue)"
                        );
                        context.first_token(home).await
                    })
                    .await?;
                match out {
                    Some(file) => write_secret(&file, token.as_bytes())?,
                    None => println!("{token}"),
                }
                Ok(())
            }
            What::Issue { organisation, role, verbs, label, days, per_minute, url, credentials } => {
                let body = json!({
                    "label": label, "role": role, "verbs": verbs, "days": days, "per_minute": per_minute,
                });
                let client = Client::new(&url, credentials.token()?)?;
                let path = format!("/api/v1/organisations/{organisation}/issue-token");
                let issued = client.post(&path, &body).await?;
                println!("{}", issued["token"].as_str().context("the instance issued no token")?);
                Ok(())
            }
        }
    }
}
