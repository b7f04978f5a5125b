//! The instance that is told who its partners are: over HTTP while it runs, through its journal while it is stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use desk::Context;
use domain::decide::{Command, OrganisationCommand};
use domain::id::{CommandId, OrganisationId, TokenId};
use domain::ledger::{AggregateId, State};
use domain::organisation::{AccountSituation, BrokerAccount, Verb};
use domain::rights::Role;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::stopped;
use crate::up::Layout;

/// What a partner may do, how often, how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) label: String,
    pub(super) role: Role,
    pub(super) verbs: BTreeSet<Verb>,
    pub(super) days: u16,
    pub(super) per_minute: u32,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs: Vec<&str> = self.verbs.iter().copied().map(word).collect();
        write!(f, "{} {} {} a minute", self.role.code(), verbs.join(","), self.per_minute)
    }
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "read",
        Verb::Follow => "follow",
        Verb::Command => "command",
    }
}

/// A token that was issued: its text is shown nowhere else.
pub(super) struct Issued {
    pub(super) id: TokenId,
    pub(super) text: String,
}

/// What the instance knows of an organisation's software.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Its accounts that were not revoked, with the token each acts under.
    accounts: BTreeMap<BrokerAccount, TokenId>,
    /// What each of its tokens is good for.
    pub(super) scopes: BTreeMap<TokenId, Scope>,
}

impl Known {
    /// The account that stands.
    pub(super) fn bound(&self) -> Option<(&BrokerAccount, TokenId)> {
        self.accounts.iter().next().map(|(account, token)| (account, *token))
    }
}

/// The way to the instance.
pub(super) enum Reach<'a> {
    /// It runs.
    Running(Client),
    /// It is stopped, and its broker runs for this.
    Stopped(&'a Context),
}

impl Reach<'_> {
    /// Does `work` on the running instance at `url` with an administrator's token; without one, on the stopped instance in
    /// `data`.
    ///
    /// # Errors
    /// No token for an instance that runs; the error of the work.
    pub(super) async fn over(
        token: Option<String>,
        url: &str,
        data: Option<&Path>,
        work: impl AsyncFnOnce(&Reach<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Some(token) = token else {
            let data =
                data.context("an administrator's token is needed: --token-file, or CONTINUUM_TOKEN")?;
            let layout = Layout::new(data);
            anyhow::ensure!(
                journal::broker::running_at(&layout.broker()).is_none(),
                "the instance runs: an administrator's token is needed (--token-file, or CONTINUUM_TOKEN)"
            );
            return stopped::over(&layout, async |context| work(&Reach::Stopped(context)).await).await;
        };
        work(&Reach::Running(Client::new(url, Some(token))?)).await
    }

    /// Whether services answer, and hear at once what they are told.
    pub(super) fn runs(&self) -> bool {
        match self {
            Self::Running(_) => true,
            Self::Stopped(_) => false,
        }
    }

    /// Issues a token of this scope to the organisation's software.
    pub(super) async fn issue(&self, organisation: OrganisationId, scope: &Scope) -> anyhow::Result<Issued> {
        let Scope { label, role, verbs, days, per_minute } = scope;
        match self {
            Self::Running(client) => {
                let body = json!({
                    "label": label, "role": role, "verbs": verbs, "days": days, "per_minute": per_minute,
                });
                let path = format!("/api/v1/organisations/{organisation}/issue-token");
                let issued: IssuedText = read(client.post(&path, &body).await?)?;
                Ok(Issued { id: issued.id, text: issued.token })
            }
            Self::Stopped(context) => {
                let (verbs, days) = (verbs.clone(), i64::from(*days));
                let issued =
                    context.issue_token(organisation, *role, verbs, label, days, *per_minute).await?;
                Ok(Issued { id: issued.token, text: issued.text() })
            }
        }
    }

    /// Asks a command on the organisation.
    pub(super) async fn command(
        &self,
        organisation: OrganisationId,
        command: OrganisationCommand,
    ) -> anyhow::Result<()> {
        match self {
            Self::Running(client) => {
                let path = format!("/api/v1/organisations/{organisation}/{}", command.name());
                client.post(&path, &command.body()?).await.map(drop)
            }
            Self::Stopped(context) => {
                let id = CommandId(context.edge.mint());
                context.appoint(&Command::Organisation(organisation, command), id, organisation).await
            }
        }
    }

    /// What is known of an organisation.
    pub(super) async fn known(&self, organisation: OrganisationId) -> anyhow::Result<Known> {
        match self {
            Self::Running(client) => {
                let mut query = Vec::new();
                loop {
                    let page: Page = read(client.get("/api/v1/organisations", &query).await?)?;
                    if let Some(found) = page.organisations.into_iter().find(|found| found.id == organisation)
                    {
                        return found.known();
                    }
                    query = vec![("cursor", page.next.context("no organisation of this id is registered")?)];
                }
            }
            Self::Stopped(context) => {
                let ledger = AggregateId::Organisation(organisation);
                let mut state = State::empty(&ledger);
                journal::fold(&mut state, &context.journal.load(&ledger).await?)?;
                let State::Organisation(is) = state else {
                    anyhow::bail!("not the ledger of an organisation")
                };
                is.open().context("no organisation of this id takes part")?;
                let mut known = Known::default();
                for (account, bound) in is.accounts {
                    if bound.situation == AccountSituation::Bound {
                        known.accounts.insert(account, bound.token);
                    }
                }
                for (id, token) in is.tokens {
                    let (role, per_minute) = (token.role, token.per_minute);
                    let scope = Scope { label: token.label, role, verbs: token.verbs, days: 0, per_minute };
                    known.scopes.insert(id, scope);
                }
                Ok(known)
            }
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: Value) -> anyhow::Result<T> {
    serde_json::from_value(answer).context("the instance answers in another form: is it of the same version?")
}

#[derive(Deserialize)]
struct IssuedText {
    id: TokenId,
    token: String,
}

#[derive(Deserialize)]
struct Page {
    organisations: Vec<Found>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    id: OrganisationId,
    open: bool,
    tokens: Vec<FoundToken>,
    accounts: Vec<FoundAccount>,
}

#[derive(Deserialize)]
struct FoundToken {
    token: TokenId,
    label: String,
    role: Role,
    verbs: BTreeSet<Verb>,
    per_minute: u32,
}

#[derive(Deserialize)]
struct FoundAccount {
    account: BrokerAccount,
    token: TokenId,
    situation: AccountSituation,
}

impl Found {
    fn known(self) -> anyhow::Result<Known> {
        anyhow::ensure!(self.open, "this organisation takes part no more");
        let bound = self.accounts.into_iter().filter(|one| one.situation == AccountSituation::Bound);
        let scope = |token: FoundToken| {
            let FoundToken { token, label, role, verbs, per_minute } = token;
            (token, Scope { label, role, verbs, days: 0, per_minute })
        };
        Ok(Known {
            accounts: bound.map(|one| (one.account, one.token)).collect(),
            scopes: self.tokens.into_iter().map(scope).collect(),
        })
    }
}
