//! `continuum erase`: what falls due, legal holds, and the erasure that two people decide.
//!
//! Software may read the list, hold a file and print a certificate, with a token. To propose and to confirm is for people:
//! they sign in as they do in a browser, with a password that is typed, or read from a file, and a one-time code; the session
//! ends with the verb.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use console::Term;
use domain::id::HouseholdId;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::client::{Client, DEFAULT_URL};
use crate::credentials::Credentials;

/// How many tasks are asked for at a time.
const PAGE: usize = 200;

/// Erase households, by two people; hold files; list what falls due; print certificates.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum erase --list --token-file dpo-token\n  continuum erase 33-0192f1c2-… --ground request --login dpo@exemple.fr --code 123456\n  continuum erase 33-0192f1c2-… --confirm --login responsable@exemple.fr --code 654321\n  continuum erase 33-0192f1c2-… --hold litigation --until 2027-01-31 --motive-file motive.txt\n  continuum erase 33-0192f1c2-… --lift-hold litigation\n  continuum erase --certificate 33-0192f1c2-… --lang en\n\nOne person proposes (--ground), another confirms (--confirm); both sign in with --login and --code, the password is asked\nfor. With --ground retention several households of the list can be named at once: they are erased on the day they fall\ndue, or at once if that is past. A token reads the list, holds files and prints certificates; it decides on no erasure."
)]
pub struct Erase {
    /// The households.
    #[arg(value_name = "HOUSEHOLD")]
    households: Vec<HouseholdId>,
    #[command(flatten)]
    what: What,
    /// The last day of the hold, a year ahead at most.
    #[arg(long, value_name = "DAY", requires = "hold")]
    until: Option<Date>,
    /// A file that says why, for --hold: 10 to 500 characters; sealed where it is kept.
    #[arg(long, value_name = "FILE", requires = "hold")]
    motive_file: Option<PathBuf>,
    /// The language of the certificate.
    #[arg(long, value_enum, default_value_t = Language::Fr)]
    lang: Language,
    /// Print JSON as the service answers it.
    #[arg(long)]
    json: bool,
    /// Where the instance listens.
    #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
    /// Sign in as this person.
    #[arg(long, value_name = "EMAIL", requires = "second")]
    login: Option<String>,
    /// The one-time code that their telephone shows.
    #[arg(long, value_name = "CODE", requires = "login", group = "second")]
    code: Option<String>,
    /// One of their recovery codes, in its place.
    #[arg(long, value_name = "CODE", requires = "login", group = "second")]
    recovery_code: Option<String>,
    /// A file that holds their password; else it is asked for.
    #[arg(long, value_name = "FILE", requires = "login")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    credentials: Credentials,
}

/// What is done.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// List the files that fall due, and what waits for a second person.
    #[arg(long)]
    list: bool,
    /// Propose to erase, as the first of two people.
    #[arg(long, value_enum, value_name = "GROUND")]
    ground: Option<Ground>,
    /// Confirm what another person proposed.
    #[arg(long)]
    confirm: bool,
    /// Take back what was proposed.
    #[arg(long)]
    withdraw: bool,
    /// Keep the file until a day: no erasure before.
    #[arg(long, value_enum, value_name = "GROUND", requires = "until", requires = "motive_file")]
    hold: Option<Hold>,
    /// No longer keep it for this ground.
    #[arg(long, value_enum, value_name = "GROUND")]
    lift_hold: Option<Hold>,
    /// Print the certificate of a household that was erased.
    #[arg(long)]
    certificate: bool,
}

/// Why a household is erased.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ground {
    /// Somebody of the household asks for it.
    Request,
    /// The file was kept for as long as it may be.
    Retention,
    /// The file should never have been there.
    Unlawful,
}

/// Why a file is kept.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Hold {
    /// A dispute before a court.
    Litigation,
    /// A recourse under the right to housing.
    DaloProcedure,
    /// A criminal procedure.
    CriminalProcedure,
    /// A debt.
    UnpaidDebt,
    /// The person asked for it.
    RestrictionRequested,
}

/// A language of certificates.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// French.
    Fr,
    /// English.
    En,
}

/// The word in data for a choice: `dalo_procedure`.
fn word(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().replace('-', "_")).unwrap_or_default()
}

impl Erase {
    /// Does it, household by household, and stops at the first that is refused.
    ///
    /// # Errors
    /// An instance that does not answer, somebody who is not let in, a rule that says no.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = Client::new(&self.url, self.credentials.token()?)?;
        let Some(login) = &self.login else { return self.does(&client).await };
        let password = self.password()?;
        let mut person = json!({ "login": login, "password": password });
        if let Some(code) = &self.code {
            person["code"] = json!(code);
        }
        if let Some(code) = &self.recovery_code {
            person["recovery_code"] = json!(code);
        }
        let client = client.signed_in(&person).await?;
        let done = self.does(&client).await;
        client.sign_out().await?;
        done
    }

    /// The password: of the file, or typed without being shown.
    fn password(&self) -> anyhow::Result<String> {
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path);
            return Ok(text
                .with_context(|| format!("cannot read {}", path.display()))?
                .trim_end()
                .to_owned());
        }
        let terminal = Term::stderr();
        if !terminal.is_term() {
            bail!("nobody is at the terminal to type a password: give a file with --password-file");
        }
        terminal.write_str("Password: ")?;
        Ok(terminal.read_secure_line()?)
    }

    async fn does(&self, client: &Client) -> anyhow::Result<()> {
        let What { list, ground, confirm, withdraw, hold, lift_hold, certificate } = &self.what;
        if *list {
            return self.list(client).await;
        }
        if self.households.is_empty() {
            bail!("name a household: 33-0192f1c2-…");
        }
        let (name, body) = match (ground, hold, lift_hold) {
            (Some(ground), ..) => ("propose-erasure", json!({ "ground": word(ground) })),
            (None, Some(hold), _) => ("place-legal-hold", self.hold(*hold)?),
            (None, None, Some(hold)) => ("lift-legal-hold", json!({ "ground": word(hold) })),
            (None, None, None) if *confirm => ("confirm-erasure", json!({})),
            (None, None, None) if *withdraw => ("withdraw-erasure", json!({})),
            (None, None, None) => {
                debug_assert!(*certificate, "one of them is required");
                return self.certificates(client).await;
            }
        };
        for household in &self.households {
            let receipt = client.post(&format!("/api/v1/households/{household}/{name}"), &body).await;
            let receipt = receipt.with_context(|| household.to_string())?;
            if self.json {
                println!("{}", serde_json::to_string(&receipt)?);
                continue;
            }
            let events = receipt["events"].as_array().into_iter().flatten();
            let kinds: Vec<_> = events.filter_map(|event| event["type"].as_str()).collect();
            println!("{household}  {}", kinds.join(" "));
        }
        Ok(())
    }

    fn hold(&self, ground: Hold) -> anyhow::Result<Value> {
        let path = self.motive_file.as_ref().context("say why, with --motive-file")?;
        let motive =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(json!({ "ground": word(&ground), "motive": motive.trim(), "until": self.until }))
    }

    /// Prints the list, soonest first.
    async fn list(&self, client: &Client) -> anyhow::Result<()> {
        let query = vec![("limit", PAGE.to_string())];
        let print = |page: Value| {
            for task in page["tasks"].as_array().into_iter().flatten().filter(|task| is_of_erasure(task)) {
                if self.json {
                    println!("{task}");
                    continue;
                }
                let text = |name: &str| task[name].as_str().unwrap_or("-").to_owned();
                println!("{:<20}  {:<15}  {}", text("due"), text("task"), text("household"));
            }
            Ok(())
        };
        client.pages("/api/v1/worklists/data-protection", query, print).await
    }

    async fn certificates(&self, client: &Client) -> anyhow::Result<()> {
        for household in &self.households {
            let erasure = client.get(&format!("/api/v1/households/{household}/erasure"), &[]).await?;
            if self.json {
                println!("{}", serde_json::to_string_pretty(&erasure)?);
                continue;
            }
            if erasure["erased"].is_null() {
                bail!("{household} is not erased");
            }
            let text = &erasure["erased"]["certificate"]["text"][word(&self.lang)];
            match text.as_str() {
                Some(text) => println!("{text}"),
                None => {
                    bail!("{household} is erased; it is certified after the night's rotation of the keys")
                }
            }
        }
        Ok(())
    }
}

/// The list holds other work of the data-protection officer too.
fn is_of_erasure(task: &Value) -> bool {
    ["erasure-due", "confirm-erasure"].contains(&task["task"].as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use domain::household::erasure::{ErasureGround, HoldGround};

    use super::*;

    #[test]
    fn every_choice_is_a_word_that_the_rules_know() {
        for ground in Ground::value_variants() {
            assert!(serde_json::from_value::<ErasureGround>(json!(word(ground))).is_ok(), "{ground:?}");
        }
        for ground in Hold::value_variants() {
            assert!(serde_json::from_value::<HoldGround>(json!(word(ground))).is_ok(), "{ground:?}");
        }
    }
}
