//! Consents: for which purpose, towards whom, how it was given, until when.

use crate::event::events;
use crate::household::{Household, HouseholdEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::id::{ConsentId, OrganisationId, PersonId};
use crate::reference::ConsentPurpose;

/// How a consent was given or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentChannel {
    /// On paper, signed.
    Written,
    /// In person, noted by the worker.
    Oral,
    /// By telephone, noted by the worker.
    Telephone,
    /// On line.
    Online,
}

/// A consent of one person of the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    /// Who consents.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Towards whom; anybody the purpose concerns if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<OrganisationId>,
    /// The last day it holds, if it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Whether it still holds.
    pub given: bool,
}

/// `consent.given`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentGiven {
    /// The consent.
    pub consent: ConsentId,
    /// Who consents.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Towards whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<OrganisationId>,
    /// How.
    pub channel: ConsentChannel,
    /// The last day it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
}

/// `consent.withdrawn`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentWithdrawn {
    /// The consent.
    pub consent: ConsentId,
    /// How.
    pub channel: ConsentChannel,
}

events! {
    /// What can happen to a consent.
    pub enum ConsentEvent in HouseholdEvent::Consent {
        "consent.given" v 1 => ConsentGiven(ConsentGiven),
        "consent.withdrawn" v 1 => ConsentWithdrawn(ConsentWithdrawn),
    }
}

impl Household {
    pub(super) fn fold_consent(&mut self, event: &ConsentEvent) {
        match event {
            ConsentEvent::ConsentGiven(e) => {
                let consent = Consent {
                    person: e.person,
                    purpose: e.purpose,
                    recipient: e.recipient,
                    until: e.until,
                    given: true,
                };
                self.consents.insert(e.consent, consent);
            }
            ConsentEvent::ConsentWithdrawn(e) => {
                if let Some(consent) = self.consents.get_mut(&e.consent) {
                    consent.given = false;
                }
            }
        }
    }
}
