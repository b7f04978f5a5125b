//! One command, from asking to answer.

use std::sync::Arc;
use std::time::Instant;

use domain::decide::{Command, Context, decide};
use domain::event::Origin;
use domain::id::{CommandId, OrganisationId};
use domain::matching::Standing;
use domain::rules::RuleBook;
use journal::{Digest, ExecuteError, Journal, Receipt};
use projection::ledgers::Ledgers;
use service::Edge;
use service::metrics::{self, Outcome};

/// Takes commands for one service. A clone is cheap.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    service: &'static str,
    journal: Journal,
    ledgers: Ledgers,
    edge: Edge,
    book: Arc<RuleBook>,
}

/// A command with who asks for it and how.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What is asked.
    pub command: Command,
    /// Its body in one canonical form, to tell the same command asked twice from another one under the same key.
    pub body: Vec<u8>,
    /// Who asks, when, under which command id.
    pub origin: Origin,
    /// The version of the addressed ledger that the asker insists on (*If-Match*).
    pub version: Option<u64>,
    /// For a proposal: the rank of the request on the place's list.
    pub standing: Option<Standing>,
}

impl Desk {
    /// Takes commands for `service`, decided on `ledgers` under `book`, recorded in `journal`.
    #[must_use]
    pub fn new(
        service: &'static str,
        journal: Journal,
        ledgers: Ledgers,
        edge: Edge,
        book: Arc<RuleBook>,
    ) -> Self {
        Self { inner: Arc::new(Inner { service, journal, ledgers, edge, book }) }
    }

    /// The name of the service.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.inner.service
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    /// The ledgers that are decided on.
    #[must_use]
    pub fn ledgers(&self) -> &Ledgers {
        &self.inner.ledgers
    }

    /// Time and new ids.
    #[must_use]
    pub fn edge(&self) -> &Edge {
        &self.inner.edge
    }

    /// The rules in force.
    #[must_use]
    pub fn book(&self) -> &RuleBook {
        &self.inner.book
    }

    /// The id of a command: of the organisation's key if it gave one, else a new one.
    #[must_use]
    pub fn command_id(&self, organisation: OrganisationId, key: Option<&str>) -> CommandId {
        let of_key = |key| CommandId::of_key(&organisation.to_string(), key);
        key.map_or_else(|| CommandId(self.inner.edge.mint()), of_key)
    }

    /// Decides and records a command, and counts how it went. If it erased a household, the household's key is removed
    /// before this returns.
    ///
    /// # Errors
    /// [`ExecuteError`], which says what the asker can do; also when an erasure is recorded and the key is still there: the
    /// same command asked again removes it, as [`finish_erasures`](crate::finish_erasures) does by itself.
    pub async fn take(&self, ask: &Ask) -> Result<Receipt, ExecuteError> {
        let begun = Instant::now();
        let Ask { command, body, origin, version, standing } = ask;
        let ledger = command.ledger();
        let execute = journal::Command {
            origin,
            digest: digest(&self.inner.journal, command, body),
            expected: version.map(|version| (ledger, version)),
        };
        let context = Context {
            command: origin.command,
            at: origin.at,
            organisation: origin.organisation,
            user: origin.actor.user(),
            book: &self.inner.book,
            standing: standing.clone(),
        };
        let deciding = |ledgers: &domain::ledger::Ledgers| decide(command, &context, ledgers);
        let mut taken = self.inner.journal.execute(&self.inner.ledgers, &execute, deciding).await;
        if let Ok(receipt) = &taken
            && let Err(error) = crate::erasing::remove_keys(&self.inner.journal, receipt).await
        {
            taken = Err(error);
        }
        metrics::command(self.inner.service, command.name(), outcome(&taken), begun.elapsed());
        if let Ok(receipt) = &taken
            && !receipt.events.is_empty()
        {
            tracing::info!(
                command = command.name(), %ledger, position = receipt.position, repeated = receipt.repeated,
                "{} on {ledger} is recorded at {}", command.name(), receipt.position
            );
        }
        taken
    }
}

/// What tells a command from another one under the same key: a keyed digest of its name, its ledger and its canonical
/// body, so that the header it stands in tells nothing of a body that could be guessed.
#[must_use]
pub fn digest(journal: &Journal, command: &Command, body: &[u8]) -> Digest {
    let ledger = command.ledger().to_string();
    match journal.keys() {
        Some(keys) => Digest(keys.digest(&[b"command", command.name().as_bytes(), ledger.as_bytes(), body])),
        // Without keys nothing personal can be recorded either; the digest still tells two bodies apart.
        None => {
            let text = [command.name().as_bytes(), b"\0", ledger.as_bytes(), b"\0", body].concat();
            Digest(CommandId::of_key("digest", &String::from_utf8_lossy(&text)).0.into_bytes())
        }
    }
}

fn outcome(taken: &Result<Receipt, ExecuteError>) -> Outcome {
    match taken {
        Ok(receipt) if receipt.repeated => Outcome::Repeated,
        Ok(_) => Outcome::Recorded,
        Err(ExecuteError::Refused(_) | ExecuteError::KeyReused { .. }) => Outcome::Refused,
        Err(ExecuteError::Stale { .. } | ExecuteError::Contended) => Outcome::Contended,
        Err(
            ExecuteError::Unreachable(_)
            | ExecuteError::Full { .. }
            | ExecuteError::Denied { .. }
            | ExecuteError::Unwritable(_)
            | ExecuteError::Endless { .. }
            | ExecuteError::Sealed { .. }
            | ExecuteError::Local(_)
            | ExecuteError::Undecodable { .. }
            | ExecuteError::Damaged(_),
        ) => Outcome::Failed,
    }
}
