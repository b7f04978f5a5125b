//! Consents: for which purpose, towards whom, how it was given, until when.

use jiff::civil::Date;

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

/// `consent.refused`: an objection; nothing need have been given before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRefused {
    /// The consent that is not given.
    pub consent: ConsentId,
    /// Who objects.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Towards whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<OrganisationId>,
    /// How.
    pub channel: ConsentChannel,
}

events! {
    /// What can happen to a consent.
    pub enum ConsentEvent in HouseholdEvent::Consent {
        "consent.given" v 1 => ConsentGiven(ConsentGiven),
        "consent.withdrawn" v 1 => ConsentWithdrawn(ConsentWithdrawn),
        "consent.refused" v 1 => ConsentRefused(ConsentRefused),
    }
}

impl Consent {
    fn holds(&self, today: Date) -> bool {
        self.given && self.until.is_none_or(|until| today <= until.0)
    }
}

impl Household {
    /// Whether somebody of the household objects to `purpose` towards `organisation`: what was said of this organisation
    /// counts before what was said of all of them; who said nothing does not object, for the sharing rests on the law
    /// (CASF L345-2-10) and not on consent.
    #[must_use]
    pub fn objects(&self, purpose: ConsentPurpose, organisation: OrganisationId, today: Date) -> bool {
        self.composition.members.keys().any(|person| {
            let said = |recipient: Option<OrganisationId>| {
                let of = |consent: &&Consent| {
                    consent.person == *person && consent.purpose == purpose && consent.recipient == recipient
                };
                let mut all = self.consents.values().filter(of).peekable();
                all.peek().is_some().then(|| all.any(|consent| consent.holds(today)))
            };
            said(Some(organisation)).or_else(|| said(None)) == Some(false)
        })
    }

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
            ConsentEvent::ConsentRefused(e) => {
                let (person, purpose, recipient) = (e.person, e.purpose, e.recipient);
                let refused = Consent { person, purpose, recipient, until: None, given: false };
                self.consents.insert(e.consent, refused);
            }
        }
    }
}
