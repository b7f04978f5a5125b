//! Who follows a household: the worker in charge changes, an organisation stops.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, household};
use crate::calendar::{Day, Instant, start_of_day};
use crate::household::consent::ConsentChannel;
use crate::household::follow_up::{FollowUpEnded, FollowUpTold, Follower, WorkerAssigned};
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

/// The household was told who follows it now, or that the organisation no longer does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TellFollowUp {
    /// The organisation; one's own if absent.
    #[serde(default)]
    pub organisation: Option<OrganisationId>,
    /// The day it was told, if not today.
    #[serde(default)]
    pub told_on: Option<Day>,
    /// How.
    pub channel: ConsentChannel,
}

impl Decide<HouseholdId> for TellFollowUp {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let organisation = self.organisation.unwrap_or(ctx.organisation);
        if !household(ledgers, id)?.untold.contains_key(&organisation) {
            let sentence = "Rien à annoncer : le ménage sait déjà qui le suit dans cet organisme.";
            return Err(Refusal::conflict("nothing-to-tell", "follow-up", sentence).into());
        }
        let stated = self.told_on.map(|on| Instant(start_of_day(id.territory(), on.0)));
        let at = ctx.past(id.territory(), stated)?;
        let told_on = self.told_on.unwrap_or_else(|| Day(ctx.today(id.territory())));
        draft.household(id, at, FollowUpTold { organisation, told_on, channel: self.channel });
        Ok(())
    }
}
