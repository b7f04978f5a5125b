//! The first access to an empty instance: an organisation that runs it, and a token of its administrator.
//!
//! There is no account by default and no password that everybody knows: whoever starts an instance receives this token
//! once, and everything else is done with it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use domain::calendar::Instant;
use domain::decide::organisation::{IssueToken, RegisterOrganisation};
use domain::decide::{Command, Context as Deciding, OrganisationCommand, decide};
use domain::event::{Actor, Origin};
use domain::id::{CommandId, OrganisationId, Territory, TokenId};
use domain::ledger::{AggregateId, Ledgers, State};
use domain::organisation::{Organisation, OrganisationKind, Verb};
use domain::rights::Role;
use jiff::SignedDuration;
use journal::{Done, Local, LocalError};
use service::sign_in::{Random as _, SystemRandom};

use crate::gate::{Secret, TokenText};
use crate::running::Context;
use crate::take::digest;

/// How long the first token is good, in days: long enough to issue others.
const DAYS: i64 = 7;
/// How many requests it may make in a minute.
const PER_MINUTE: u32 = 6_000;

/// No rows: what is decided on is read from the journal.
struct NoRows;

impl Local for NoRows {
    fn ledger(&self, _: &AggregateId) -> Result<Option<(State, u64)>, LocalError> {
        Ok(None)
    }

    fn command(&self, _: CommandId) -> Result<Option<Done>, LocalError> {
        Ok(None)
    }

    async fn reached(&self, _: u64, _: Duration) -> bool {
        true
    }
}

impl Context {
    /// Takes a command on organisations or users before any service runs: on the instance's own behalf.
    ///
    /// # Errors
    /// When a rule says no, or the journal cannot be written.
    pub async fn appoint(&self, command: &Command, id: CommandId, by: OrganisationId) -> anyhow::Result<()> {
        let origin = Origin {
            command: id,
            actor: "installation".parse::<Actor>()?,
            organisation: by,
            at: self.edge.now(),
            trace: None,
        };
        let deciding = Deciding {
            command: id,
            at: origin.at,
            organisation: by,
            user: None,
            book: &self.book,
            standing: None,
        };
        let body = format!("{command:?}");
        let execute = journal::Command {
            origin: &origin,
            digest: digest(&self.journal, command, body.as_bytes()),
            expected: None,
        };
        let rule = |ledgers: &Ledgers| decide(command, &deciding, ledgers);
        self.journal
            .execute(&NoRows, &execute, rule)
            .await
            .with_context(|| format!("cannot {}", command.name()))?;
        Ok(())
    }

    /// A token for software of `organisation` in this role, good for so many days and requests in a minute.
    ///
    /// # Errors
    /// When a rule says no, or the journal cannot be written.
    pub async fn issue_token(
        &self,
        organisation: OrganisationId,
        role: Role,
        verbs: BTreeSet<Verb>,
        label: &str,
        days: i64,
        per_minute: u32,
    ) -> anyhow::Result<TokenText> {
        let mut drawn = [0; 32];
        SystemRandom.fill(&mut drawn)?;
        let secret = Secret::of(drawn);
        let id = CommandId(self.edge.mint());
        let issue = IssueToken {
            label: label.to_owned(),
            digest: secret.digest(),
            role,
            verbs,
            subscription: None,
            expires_at: Instant(self.edge.now() + SignedDuration::from_hours(24 * days)),
            per_minute,
        };
        let command = Command::Organisation(organisation, OrganisationCommand::IssueToken(issue));
        self.appoint(&command, id, organisation).await?;
        Ok(TokenText { organisation, token: TokenId::created_by(id), secret })
    }

    /// Registers an organisation under this id.
    ///
    /// # Errors
    /// When a rule says no, or the journal cannot be written.
    pub async fn register(&self, id: OrganisationId, organisation: Organisation) -> anyhow::Result<()> {
        let register = RegisterOrganisation { territory: id.territory(), id: Some(id), organisation };
        let command = Command::Organisation(id, OrganisationCommand::Register(register));
        self.appoint(&command, CommandId(self.edge.mint()), id).await
    }

    /// Registers the organisation that runs this instance, at home in `home`, and issues its administrator's first token.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn first_token(&self, home: Territory) -> anyhow::Result<String> {
        let id = OrganisationId::created_by(home, CommandId(self.edge.mint()));
        let organisation = Organisation {
            name: "Exploitation".to_owned(),
            kind: OrganisationKind::Operator,
            territories: [home].into(),
            siret: None,
        };
        self.register(id, organisation).await?;
        let verbs = [Verb::Read, Verb::Command].into();
        Ok(self.issue_token(id, Role::SystemAdmin, verbs, "Premier accès", DAYS, PER_MINUTE).await?.text())
    }
}
