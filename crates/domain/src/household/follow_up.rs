//! Who follows a household (*suivi*): organisations, and the worker of each who is in charge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::event::{Stamp, events};
use crate::household::consent::ConsentChannel;
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

/// `household.follow_up_told`: the household was told who follows it now, or that the organisation no longer does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FollowUpTold {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The day it was told.
    pub told_on: Day,
    /// How.
    pub channel: ConsentChannel,
}

events! {
    /// What can happen to who follows a household.
    pub enum FollowUpEvent in HouseholdEvent::FollowUp {
        "household.worker_assigned" v 1 => WorkerAssigned(WorkerAssigned),
        "household.follow_up_ended" v 1 => FollowUpEnded(FollowUpEnded),
        "household.follow_up_told" v 1 => FollowUpTold(FollowUpTold),
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

    pub(super) fn fold_follow_up(&mut self, event: &FollowUpEvent, stamp: &Stamp) {
        match event {
            FollowUpEvent::WorkerAssigned(e) => {
                self.untold.insert(e.follower.organisation, stamp.effective);
                self.followers.retain(|follower| follower.organisation != e.follower.organisation);
                self.followers.push(e.follower);
            }
            FollowUpEvent::FollowUpEnded(e) => {
                self.untold.insert(e.organisation, stamp.effective);
                self.followed_before.insert(e.organisation);
                self.followers.retain(|follower| follower.organisation != e.organisation);
            }
            FollowUpEvent::FollowUpTold(e) => {
                self.untold.remove(&e.organisation);
            }
        }
    }
}
