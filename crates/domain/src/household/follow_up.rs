//! Who follows a household (*suivi*): organisations, and the worker of each who is in charge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::household::{Household, HouseholdEvent};
use crate::id::{OrganisationId, UserId};

/// An organisation that follows the household, and its worker in charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Follower {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Who is in charge; all workers of the organisation if nobody is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<UserId>,
}

/// `household.worker_assigned`: the new worker sees the file from now on, the one before no longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerAssigned {
    /// The organisation and the worker in charge from now on.
    pub follower: Follower,
}

/// `household.follow_up_ended`: the organisation no longer follows the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FollowUpEnded {
    /// The organisation.
    pub organisation: OrganisationId,
}

events! {
    /// What can happen to who follows a household.
    pub enum FollowUpEvent in HouseholdEvent::FollowUp {
        "household.worker_assigned" v 1 => WorkerAssigned(WorkerAssigned),
        "household.follow_up_ended" v 1 => FollowUpEnded(FollowUpEnded),
    }
}

impl Household {
    /// Who of this organisation follows the household.
    #[must_use]
    pub fn follower(&self, organisation: OrganisationId) -> Option<&Follower> {
        self.followers.iter().find(|follower| follower.organisation == organisation)
    }

    /// One more follower, unless the organisation follows the household already.
    pub(super) fn followed_by(&mut self, follower: Option<Follower>) {
        if let Some(follower) = follower
            && self.follower(follower.organisation).is_none()
        {
            self.followers.push(follower);
        }
    }

    pub(super) fn fold_follow_up(&mut self, event: &FollowUpEvent) {
        match event {
            FollowUpEvent::WorkerAssigned(e) => {
                self.followers.retain(|follower| follower.organisation != e.follower.organisation);
                self.followers.push(e.follower);
            }
            FollowUpEvent::FollowUpEnded(e) => {
                self.followers.retain(|follower| follower.organisation != e.organisation);
            }
        }
    }
}
