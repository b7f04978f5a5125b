//! Protected files (*dossiers protégés*), of victims of violence above all: nobody sees them but those who are named.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Instant;
use crate::event::events;
use crate::household::{Household, HouseholdEvent};
use crate::id::{OrganisationId, UserId};
use crate::personal::Personal;

/// Why a protected file was opened by somebody who is not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmergencyGround {
    /// Somebody is in danger now.
    Danger,
    /// A roof for tonight.
    ShelterTonight,
    /// None of those who are named can be reached.
    NamedUnreachable,
}

/// An opening by somebody who is not named, while it lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmergencyOpening {
    /// Who opened it.
    pub user: UserId,
    /// On whose behalf.
    pub organisation: OrganisationId,
    /// Why.
    pub ground: EmergencyGround,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether somebody has looked at it since.
    pub reviewed: bool,
}

/// `household.protected`: from now on the household exists only for those who are named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Protected {
    /// Those who see it.
    pub named: BTreeSet<UserId>,
}

/// `household.protection_lifted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProtectionLifted {}

/// `household.opened_in_emergency` (*bris de glace*): with a reason, for an hour, under the eyes of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenedInEmergency {
    /// Who opens it.
    pub user: UserId,
    /// On whose behalf.
    pub organisation: OrganisationId,
    /// Why, as a code.
    pub ground: EmergencyGround,
    /// Why, in words.
    pub motive: Personal<String>,
    /// Until when.
    pub until: Instant,
}

/// `household.emergency_opening_reviewed`: the SIAO's manager or the data-protection officer has looked at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmergencyOpeningReviewed {
    /// Whose opening.
    pub user: UserId,
    /// Whether it was justified.
    pub justified: bool,
}

events! {
    /// What can happen to the protection of a file.
    pub enum ProtectionEvent in HouseholdEvent::Protection {
        "household.protected" v 1 => Protected(Protected),
        "household.protection_lifted" v 1 => ProtectionLifted(ProtectionLifted),
        "household.opened_in_emergency" v 1 => OpenedInEmergency(OpenedInEmergency),
        "household.emergency_opening_reviewed" v 1 => EmergencyOpeningReviewed(EmergencyOpeningReviewed),
    }
}

impl Household {
    /// Whether this person may know of the household at this instant, as far as its protection goes.
    #[must_use]
    pub fn shows_to(&self, user: Option<UserId>, now: Timestamp) -> bool {
        let Some(named) = &self.protected else { return true };
        let Some(user) = user else { return false };
        named.contains(&user)
            || self.openings.iter().any(|opening| opening.user == user && now <= opening.until)
    }

    pub(super) fn fold_protection(&mut self, event: &ProtectionEvent, stamp: &crate::event::Stamp) {
        match event {
            ProtectionEvent::Protected(e) => self.protected = Some(e.named.clone()),
            ProtectionEvent::ProtectionLifted(_) => self.protected = None,
            ProtectionEvent::OpenedInEmergency(e) => {
                self.openings.retain(|opening| opening.user != e.user);
                self.openings.push(EmergencyOpening {
                    user: e.user,
                    organisation: e.organisation,
                    ground: e.ground,
                    at: stamp.effective,
                    until: e.until.0,
                    reviewed: false,
                });
            }
            ProtectionEvent::EmergencyOpeningReviewed(e) => {
                for opening in self.openings.iter_mut().filter(|opening| opening.user == e.user) {
                    opening.reviewed = true;
                }
            }
        }
    }
}
