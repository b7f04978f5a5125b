//! `continuum partner`: external organisations on the broker, each in an account of its own.

mod mint;
mod reach;
mod shared;
mod tell;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use domain::decide::OrganisationCommand;
use domain::decide::account::{BindAccount, RevokeAccount};
use domain::decide::organisation::RevokeToken;
use domain::id::OrganisationId;
use domain::organisation::{BrokerAccount, Verb};
use domain::rights::Role;
use journal::accounts::Name;
use service::Edge;

use crate::client::DEFAULT_URL;
use crate::credentials::{Credentials, write_secret};
use mint::{Mint, Minted};
use reach::{Reach, Scope};

/// Admit external organisations to the broker, each in an account of its own, and take them back.
#[derive(Debug, Args)]
pub struct Partner {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Admit an organisation that is registered: makes its account, what its software signs in with, and its feed.
    #[command(
        after_help = "Examples:\n  continuum partner add --organisation 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90 --role landlord_officer --verb follow --verb command \\\n    --label 'Logiciel métier' --token-file continuum-data/first-token --out landlord\n  continuum partner add --operator /etc/continuum/operator --config /etc/continuum/feed.toml --organisation … --role … --verb follow --label … --token-file …\n\nWhat it may do, how often and until when is that of a token, which is issued for it; --with-token hands it over, for HTTP.\nWith the token of an administrator the instance at --url is told; without, the one in --data, which must be stopped."
    )]
    Add {
        #[command(flatten)]
        place: Place,
        /// Which organisation.
        #[arg(long, value_name = "ID")]
        organisation: OrganisationId,
        /// The role its software acts in: siao_manager, provider_manager, landlord_officer…
        #[arg(long)]
        role: Role,
        /// What it may do at all: read, follow, command; several times for several. The feed is for those who follow.
        #[arg(long = "verb", value_name = "VERB", required = true, value_parser = verb)]
        verbs: Vec<Verb>,
        /// What it is for; names nobody.
        #[arg(long)]
        label: String,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        handing: Handing,
    },
    /// Who is admitted, and what to.
    #[command(after_help = "Example:\n  continuum partner list --token-file continuum-data/first-token")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Let an organisation do nothing any more, over the broker and over HTTP: connections that are open are cut.
    #[command(
        after_help = "Example:\n  continuum partner revoke --organisation 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90 --token-file continuum-data/first-token"
    )]
    Revoke {
        #[command(flatten)]
        place: Place,
        /// Which organisation.
        #[arg(long, value_name = "ID")]
        organisation: OrganisationId,
    },
    /// Give an organisation new credentials and a new term, in the same account and with the same rights; the former open
    /// nothing any more.
    #[command(
        after_help = "Example:\n  continuum partner rotate --organisation 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90 --token-file continuum-data/first-token --out landlord"
    )]
    Rotate {
        #[command(flatten)]
        place: Place,
        /// Which organisation.
        #[arg(long, value_name = "ID")]
        organisation: OrganisationId,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        handing: Handing,
    },
    /// Make the operator of a shared NATS: the keys that sign, the credentials of each service, and what its servers must be
    /// told. Done again it renews the credentials of the services.
    #[command(
        after_help = "Example:\n  continuum partner operator --operator /etc/continuum/operator --offline /media/safe/operator.nk --resolver /data/jwt\n\nThe identity goes to --offline and is needed once: keep it where no program reads it. Standard output is the part of\nnats-server.conf that says whom the servers trust."
    )]
    Operator(shared::Shared),
    /// Make the streams of a shared NATS, which no service may.
    #[command(
        after_help = "Example:\n  continuum partner streams --operator /etc/continuum/operator --config /etc/continuum/feed.toml"
    )]
    Streams(shared::Streams),
}

fn verb(text: &str) -> Result<Verb, String> {
    let value = serde_json::Value::String(text.to_owned());
    serde_json::from_value(value).map_err(|_| "read, follow or command".to_owned())
}

/// Which instance, and how it is told.
#[derive(Debug, Args)]
struct Place {
    /// The data directory of `up`.
    #[arg(long, value_name = "DIR", default_value = "continuum-data")]
    data: PathBuf,
    /// The operator's directory of an installation with a NATS of its own: made by `continuum partner operator`.
    #[arg(long, value_name = "DIR", conflicts_with = "data", requires = "config")]
    operator: Option<PathBuf>,
    /// With --operator: a configuration file of the service `feed`, which names the broker.
    #[arg(long, value_name = "FILE", requires = "operator")]
    config: Option<PathBuf>,
    /// Where the instance listens: supervision, if each service has a process of its own.
    #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
    #[command(flatten)]
    credentials: Credentials,
}

/// How long and how often.
#[derive(Debug, Args)]
struct Term {
    /// How long the credentials are good.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=365))]
    days: u16,
    /// How many commands it may send in a minute.
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
}

/// What is handed over.
#[derive(Debug, Args)]
struct Handing {
    /// The directory for what its developers need, made if absent; files of secrets are their owner's alone.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Hand over the token too: with the same rights over HTTP.
    #[arg(long)]
    with_token: bool,
}

/// How often a partner may ask, unless it is said.
const PER_MINUTE: u32 = 600;

impl Partner {
    /// Does it.
    ///
    /// # Errors
    /// An organisation that is not registered or has an account already, an instance or a broker that does not answer, a
    /// token that it does not take, a directory that cannot be written.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::Add { place, organisation, role, verbs, label, term, handing } => {
                let scope = Scope {
                    label,
                    role,
                    verbs: verbs.into_iter().collect::<BTreeSet<_>>(),
                    days: term.days,
                    per_minute: term.per_minute.unwrap_or(PER_MINUTE),
                };
                let mut mint = place.mint()?;
                place.over(async |reach| add(reach, &mut mint, organisation, &scope, &handing).await).await
            }
            What::List { place } => {
                let mint = place.mint()?;
                place.over(async |reach| list(reach, &mint).await).await
            }
            What::Revoke { place, organisation } => {
                let mut mint = place.mint()?;
                place.over(async |reach| revoke(reach, &mut mint, organisation).await).await
            }
            What::Rotate { place, organisation, term, handing } => {
                let mut mint = place.mint()?;
                place.over(async |reach| rotate(reach, &mut mint, organisation, &term, &handing).await).await
            }
            What::Operator(shared) => shared.run(),
            What::Streams(streams) => streams.run().await,
        }
    }
}

impl Place {
    fn mint(&self) -> anyhow::Result<Mint> {
        match (&self.operator, &self.config) {
            (Some(dir), Some(config)) => Mint::shared(dir, config, Edge::system().now()),
            (Some(_) | None, _) => Mint::embedded(&self.data),
        }
    }

    async fn over(&self, work: impl AsyncFnOnce(&Reach<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        Reach::over(
            self.credentials.token()?,
            &self.url,
            self.operator.is_none().then_some(&*self.data),
            work,
        )
        .await
    }
}

/// What an organisation is called where accounts are minted.
fn name_of(organisation: OrganisationId) -> anyhow::Result<Name> {
    Ok(organisation.to_string().parse()?)
}

async fn add(
    reach: &Reach<'_>,
    mint: &mut Mint,
    organisation: OrganisationId,
    scope: &Scope,
    handing: &Handing,
) -> anyhow::Result<()> {
    let name = name_of(organisation)?;
    let known = reach.known(organisation).await?;
    anyhow::ensure!(
        known.bound().is_none(),
        "this organisation is a partner already: continuum partner rotate"
    );
    // What was minted for an organisation that could not be told of it opens nothing.
    mint.forget(&name, Edge::system().now())?;
    let token = reach.issue(organisation, scope).await?;
    let minted = mint.admit(&name, Edge::system().now(), scope.days)?;
    let bind = BindAccount { account: account_of(&minted)?, token: token.id };
    let bound = reach.command(organisation, OrganisationCommand::BindAccount(bind)).await;
    if let Err(why) = bound {
        mint.forget(&name, Edge::system().now())?;
        return Err(why);
    }
    hand_over(reach, mint, &name, &minted, handing, &token.text, scope.verbs.contains(&Verb::Follow)).await
}

async fn rotate(
    reach: &Reach<'_>,
    mint: &mut Mint,
    organisation: OrganisationId,
    term: &Term,
    handing: &Handing,
) -> anyhow::Result<()> {
    let name = name_of(organisation)?;
    let known = reach.known(organisation).await?;
    let (account, former) =
        known.bound().context("this organisation is no partner: continuum partner add")?;
    let before = known.scopes.get(&former).context("the account acts under a token that is not there")?;
    let per_minute = term.per_minute.unwrap_or(before.per_minute);
    let scope = Scope { days: term.days, per_minute, ..before.clone() };
    let token = reach.issue(organisation, &scope).await?;
    let bind = BindAccount { account: account.clone(), token: token.id };
    reach.command(organisation, OrganisationCommand::BindAccount(bind)).await?;
    let revoke = RevokeToken { token: former };
    reach.command(organisation, OrganisationCommand::RevokeToken(revoke)).await?;
    mint.forget(&name, Edge::system().now())?;
    let minted = mint.admit(&name, Edge::system().now(), scope.days)?;
    hand_over(reach, mint, &name, &minted, handing, &token.text, scope.verbs.contains(&Verb::Follow)).await
}

/// Tells the broker, writes the files, waits until they open what they should.
async fn hand_over(
    reach: &Reach<'_>,
    mint: &Mint,
    name: &Name,
    minted: &Minted,
    handing: &Handing,
    token: &str,
    follows: bool,
) -> anyhow::Result<()> {
    mint.tell_broker(name, Edge::system().now()).await?;
    std::fs::create_dir_all(&handing.out)
        .with_context(|| format!("cannot make {}", handing.out.display()))?;
    let ending = minted.credentials.extension().and_then(|ending| ending.to_str()).unwrap_or("creds");
    let file = handing.out.join(format!("{name}.{ending}"));
    write_secret(&file, &std::fs::read(&minted.credentials).context("cannot read what was minted")?)?;
    if handing.with_token {
        write_secret(&handing.out.join(format!("{name}.token")), token.as_bytes())?;
    }
    // The broker that was started for this is gone in a moment.
    let url = if reach.runs() { mint.url() } else { None };
    if reach.runs() {
        mint.until_opened(minted, follows).await?;
    } else {
        eprintln!("the instance does not run: it admits the partner when it is started");
    }
    println!("{}", tell::developers(&minted.account, &file, url.as_deref(), follows));
    Ok(())
}

async fn revoke(reach: &Reach<'_>, mint: &mut Mint, organisation: OrganisationId) -> anyhow::Result<()> {
    let name = name_of(organisation)?;
    let known = reach.known(organisation).await?;
    // First what decides: from now on nothing is told and nothing is taken, whoever stays connected for a moment.
    if let Some((account, token)) = known.bound() {
        let account = RevokeAccount { account: account.clone() };
        reach.command(organisation, OrganisationCommand::RevokeAccount(account)).await?;
        reach.command(organisation, OrganisationCommand::RevokeToken(RevokeToken { token })).await?;
    }
    let minted = mint.forget(&name, Edge::system().now())?;
    anyhow::ensure!(known.bound().is_some() || minted.is_some(), "this organisation is no partner");
    mint.tell_broker(&name, Edge::system().now()).await?;
    if let Some(minted) = minted.filter(|_| reach.runs()) {
        mint.until_shut(&minted).await?;
    }
    eprintln!("revoked: nothing connects, is told or is taken in the name of {organisation} any more");
    Ok(())
}

async fn list(reach: &Reach<'_>, mint: &Mint) -> anyhow::Result<()> {
    for (name, partner) in mint.partners() {
        let state = if partner.is_revoked() { "revoked" } else { "admitted" };
        let organisation: OrganisationId = match name.as_str().parse() {
            Ok(organisation) => organisation,
            Err(_) => continue,
        };
        let known = reach.known(organisation).await?;
        let rights = match known.bound().and_then(|(_, token)| known.scopes.get(&token)) {
            Some(scope) => scope.to_string(),
            None => "may do nothing".to_owned(),
        };
        println!("{name} {} {state} {} {rights}", partner.account, partner.admitted);
    }
    Ok(())
}

fn account_of(minted: &Minted) -> anyhow::Result<BrokerAccount> {
    Ok(minted.account.as_str().parse()?)
}
