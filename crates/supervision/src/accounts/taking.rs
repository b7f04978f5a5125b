//! Commands on a user's ledger that this surface makes itself, of hashes and digests.

use domain::decide::{Addressed as _, UserCommand};
use domain::event::{Actor, Origin};
use domain::id::{CommandId, OrganisationId, UserId};
use journal::{ExecuteError, Receipt};
use serde::Serialize;
use service::sign_in::{NoRandomness, Random as _, SystemRandom};
use service::{Problem, TraceContext};

use desk::{Ask, Caller, Secret};

use super::Office;

/// Who asks for a command, and under which id.
pub(super) struct Asking {
    pub(super) command: CommandId,
    pub(super) actor: Actor,
    pub(super) organisation: OrganisationId,
    pub(super) trace: TraceContext,
}

impl Asking {
    /// What a caller asks, under an id of its own: asked again, another secret is drawn, for nobody saw the first.
    pub(super) fn of(office: &Office, caller: &Caller) -> Self {
        Self {
            command: office.desk.command_id(caller.organisation(), None),
            actor: caller.rights.actor.clone(),
            organisation: caller.organisation(),
            trace: caller.trace,
        }
    }

    /// What somebody asks who has proved who they are, and has no session yet.
    pub(super) fn by(
        office: &Office,
        user: UserId,
        organisation: OrganisationId,
        trace: TraceContext,
    ) -> Self {
        let command = office.desk.command_id(organisation, None);
        Self { command, actor: Actor::of_user(user), organisation, trace }
    }
}

impl Office {
    /// Decides and records a command on a user's ledger.
    pub(super) async fn take<B: Serialize + Into<UserCommand>>(
        &self,
        user: UserId,
        command: B,
        asking: Asking,
    ) -> Result<Receipt, ExecuteError> {
        // A plain struct: serde_json cannot refuse it.
        let body = serde_json::to_vec(&command).unwrap_or_default();
        let Asking { command: id, actor, organisation, trace } = asking;
        let at = self.desk.edge().now();
        let origin = Origin { command: id, actor, organisation, at, trace: Some(trace.to_header()) };
        let ask = Ask { command: command.into().on(user), body, origin, version: None, standing: None };
        self.desk.take(&ask).await
    }
}

/// A secret that was just drawn.
pub(super) fn secret() -> Result<Secret, Problem> {
    let mut drawn = [0; 32];
    SystemRandom.fill(&mut drawn).map_err(|none: NoRandomness| Problem::internal(none))?;
    Ok(Secret::of(drawn))
}
