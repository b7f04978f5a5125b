//! Who follows a household: the worker in charge changes, an organisation stops.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, household};
use crate::household::follow_up::{FollowUpEnded, Follower, WorkerAssigned};
use crate::id::{HouseholdId, OrganisationId, UserId};
use crate::ledger::{Halt, Ledgers};
use crate::refusal::Refusal;

/// Puts a worker in charge. The one before no longer sees the file, unless they have another reason to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignWorker {
    /// The organisation that follows the household; one's own if absent.
    #[serde(default)]
    pub organisation: Option<OrganisationId>,
    /// Its worker; all of its workers if absent.
    #[serde(default)]
    pub worker: Option<UserId>,
}

impl Decide<HouseholdId> for AssignWorker {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let organisation = self.organisation.unwrap_or(ctx.organisation);
        super::organisation::taking_part(ledgers, organisation)?;
        if let Some(worker) = self.worker {
            let user = ledgers.user(worker)?;
            if !user.profiles.iter().any(|profile| profile.organisation == organisation) {
                let sentence = "Cette personne n'agit pas pour cet organisme.";
                return Err(Refusal::invalid("worker-of-organisation", "follow-up", sentence).into());
            }
        }
        let follower = Follower { organisation, worker: self.worker };
        if is.follower(organisation) != Some(&follower) {
            draft.household(id, ctx.at, WorkerAssigned { follower });
        }
        Ok(())
    }
}

/// An organisation no longer follows the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndFollowUp {
    /// The organisation; one's own if absent.
    #[serde(default)]
    pub organisation: Option<OrganisationId>,
}

impl Decide<HouseholdId> for EndFollowUp {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let organisation = self.organisation.unwrap_or(ctx.organisation);
        if household(ledgers, id)?.follower(organisation).is_some() {
            draft.household(id, ctx.at, FollowUpEnded { organisation });
        }
        Ok(())
    }
}
