//! Consents: for which purpose, towards whom, how it was given, until when.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calendar::Day;
use crate::event::{Stamp, events};
use crate::household::{Household, HouseholdEvent};
use crate::id::{ConsentId, OrganisationId, PersonId, Territory};
use crate::organisation::OrganisationKind;
use crate::reference::ConsentPurpose;

/// How a person said something, or was told something: a consent, its withdrawal, a request on their data, its answer.
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

/// Towards whom a consent or an objection goes. What is said of one organisation counts before what is said of a
/// territory, that before what is said of a kind of organisation, and that before what is said of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Recipient {
    /// One organisation.
    Organisation(OrganisationId),
    /// All organisations of a kind, of a territory, or of both.
    Among(Among),
}

/// Organisations of a kind, of a territory, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Among {
    /// Those of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OrganisationKind>,
    /// Those that answer for this département, others beside it or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<Territory>,
}

/// An organisation that reads, or would.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Which.
    pub organisation: OrganisationId,
    /// What it is.
    pub kind: OrganisationKind,
    /// The départements that it answers for.
    pub territories: &'a BTreeSet<Territory>,
}

impl Recipient {
    /// How exactly it means the reader, most exactly last; nothing if it means others.
    fn exactness(self, reader: Reader<'_>) -> Option<u8> {
        match self {
            Self::Organisation(one) => (one == reader.organisation).then_some(4),
            Self::Among(Among { kind, territory }) => {
                let meant = kind.is_none_or(|kind| kind == reader.kind)
                    && territory.is_none_or(|home| reader.territories.contains(&home));
                meant.then_some(u8::from(kind.is_some()) + 2 * u8::from(territory.is_some()))
            }
        }
    }

    /// Whether it names anybody in particular.
    #[must_use]
    pub fn is_named(self) -> bool {
        match self {
            Self::Organisation(_) => true,
            Self::Among(Among { kind, territory }) => kind.is_some() || territory.is_some(),
        }
    }
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
    pub recipient: Option<Recipient>,
    /// How it was given; how it was taken back or refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ConsentChannel>,
    /// When it was given, if it ever was and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_at: Option<Timestamp>,
    /// When it was taken back or refused, if it was and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<Timestamp>,
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
    pub recipient: Option<Recipient>,
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
    pub recipient: Option<Recipient>,
    /// How.
    pub channel: ConsentChannel,
}

events! {
    /// What can happen to a consent.
    pub enum ConsentEvent in HouseholdEvent::Consent {
        "consent.given" v 2 by as_before => ConsentGiven(ConsentGiven),
        "consent.withdrawn" v 1 => ConsentWithdrawn(ConsentWithdrawn),
        "consent.refused" v 2 by as_before => ConsentRefused(ConsentRefused),
    }
}

/// What version 1 says, version 2 says the same way. Version 2 knows recipients that are a kind of organisation or a
/// territory, which a program of version 1 would take for all of them: it must stop instead.
fn as_before(_: u16, body: Value) -> Value {
    body
}

impl Consent {
    /// When the person last said something of it.
    #[must_use]
    pub fn said_at(&self) -> Option<Timestamp> {
        self.refused_at.or(self.given_at)
    }

    fn holds(&self, today: Date) -> bool {
        self.given && self.until.is_none_or(|until| today <= until.0)
    }
}

impl Household {
    /// Whether somebody of the household objects to `purpose` towards `reader`. Of all that a person said, what means the
    /// reader most exactly counts, and of that what they said last; who said nothing does not object, for the sharing
    /// rests on the law (CASF L345-2-10) and not on consent.
    #[must_use]
    pub fn objects(&self, purpose: ConsentPurpose, reader: Reader<'_>, today: Date) -> bool {
        self.composition.members.keys().any(|person| {
            let said = self.consents.values().filter(|one| one.person == *person && one.purpose == purpose);
            let meant = said.filter_map(|one| {
                let exactness = one.recipient.map_or(Some(0), |recipient| recipient.exactness(reader))?;
                // Said at the same instant, the no counts.
                Some(((exactness, one.said_at(), !one.given), one))
            });
            meant.max_by_key(|(order, _)| *order).is_some_and(|(_, one)| !one.holds(today))
        })
    }

    pub(super) fn fold_consent(&mut self, event: &ConsentEvent, stamp: &Stamp) {
        match event {
            ConsentEvent::ConsentGiven(e) => {
                let consent = Consent {
                    person: e.person,
                    purpose: e.purpose,
                    recipient: e.recipient,
                    channel: Some(e.channel),
                    given_at: Some(stamp.effective),
                    refused_at: None,
                    until: e.until,
                    given: true,
                };
                self.consents.insert(e.consent, consent);
            }
            ConsentEvent::ConsentWithdrawn(e) => {
                if let Some(consent) = self.consents.get_mut(&e.consent) {
                    consent.channel = Some(e.channel);
                    consent.refused_at = Some(stamp.effective);
                    consent.given = false;
                }
            }
            ConsentEvent::ConsentRefused(e) => {
                let refused = Consent {
                    person: e.person,
                    purpose: e.purpose,
                    recipient: e.recipient,
                    channel: Some(e.channel),
                    given_at: None,
                    refused_at: Some(stamp.effective),
                    until: None,
                    given: false,
                };
                self.consents.insert(e.consent, refused);
            }
        }
    }
}
