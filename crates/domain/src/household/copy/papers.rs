//! Applications, labels and consents that go to another household.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::household::application::{
    Application, ApplicationSituation, Deregistration, UniqueRegistrationNumber,
};
use crate::household::consent::{Consent, ConsentChannel, Recipient};
use crate::household::priority::{DocumentReference, Label, LabelSource};
use crate::id::{ApplicationId, ConsentId, LabelId, OrganisationId, PersonId};
use crate::personal::{Personal, SealedIn};
use crate::reference::{CommuneCode, ConsentPurpose, PriorityGround};

/// An application as it goes to another household: number and date of filing stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationCopy {
    /// Its id there.
    pub application: ApplicationId,
    /// Its number, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Personal<UniqueRegistrationNumber>>,
    /// The day of filing.
    pub filed_on: Day,
    /// The last day it is valid.
    pub valid_until: Day,
    /// Wished communes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub communes: Vec<CommuneCode>,
    /// The counter that registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<OrganisationId>,
    /// A warning that it will be struck off, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<WarningCopy>,
}

/// A warning before an application is struck off, which still runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarningCopy {
    /// The ground.
    pub ground: Deregistration,
    /// When it is struck off without an answer.
    pub strikes_at: Instant,
}

impl ApplicationCopy {
    /// A copy of an application in the register under the id `copy`.
    #[must_use]
    pub fn of(is: &Application, copy: ApplicationId) -> Self {
        Self {
            application: copy,
            number: is.number.as_ref().map(|number| number.value.carried()),
            filed_on: is.filed_on,
            valid_until: is.valid_until,
            communes: is.communes.clone(),
            counter: is.counter,
            warned: match is.situation {
                ApplicationSituation::Warned { ground, strikes_at } => {
                    Some(WarningCopy { ground, strikes_at: Instant(strikes_at) })
                }
                ApplicationSituation::Registered | ApplicationSituation::Deregistered { .. } => None,
            },
        }
    }

    /// The application on the ledger that it goes to, as written in the event `sealed_in`.
    pub(crate) fn to_application(&self, sealed_in: &SealedIn) -> Application {
        let situation = self.warned.as_ref().map_or(ApplicationSituation::Registered, |warned| {
            ApplicationSituation::Warned { ground: warned.ground, strikes_at: warned.strikes_at.0 }
        });
        Application {
            number: self.number.clone().map(|number| sealed_in.keep(number)),
            filed_on: self.filed_on,
            valid_until: self.valid_until,
            communes: self.communes.clone(),
            counter: self.counter,
            registered_by: sealed_in.event,
            ended: None,
            situation,
        }
    }
}

/// A priority label as it goes to another household: its id is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelCopy {
    /// The label.
    pub label: LabelId,
    /// The ground.
    pub ground: PriorityGround,
    /// Who granted it.
    pub source: LabelSource,
    /// The day of the decision.
    pub decided_on: Day,
    /// When the préfet must have proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_due: Option<Day>,
    /// The reference of the decision, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Personal<DocumentReference>>,
}

impl LabelCopy {
    /// A copy of a label that holds.
    #[must_use]
    pub fn of(label: LabelId, is: &Label) -> Self {
        let (ground, source, decided_on) = (is.ground, is.source, is.decided_on);
        let document = is.document.as_ref().map(|document| document.value.carried());
        let proposal_due = is.proposal_due;
        Self { label, ground, source, decided_on, proposal_due, document }
    }

    /// The label on the ledger that it goes to, as written in the event `sealed_in`.
    pub(crate) fn to_label(&self, sealed_in: &SealedIn) -> Label {
        Label {
            ground: self.ground,
            source: self.source,
            decided_on: self.decided_on,
            proposal_due: self.proposal_due,
            document: self.document.clone().map(|document| sealed_in.keep(document)),
            granted_by: sealed_in.event,
            ended: None,
        }
    }
}

/// A consent as it goes with the person who gave it: its id is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentCopy {
    /// The consent.
    pub consent: ConsentId,
    /// Who gave it.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Towards whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// How it was given or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ConsentChannel>,
    /// When it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_at: Option<Instant>,
    /// When it was taken back or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<Instant>,
    /// The last day it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Whether it still holds, or was taken back.
    pub given: bool,
}

impl ConsentCopy {
    /// A copy of a consent.
    #[must_use]
    pub fn of(consent: ConsentId, is: &Consent) -> Self {
        Self {
            consent,
            person: is.person,
            purpose: is.purpose,
            recipient: is.recipient,
            channel: is.channel,
            given_at: is.given_at.map(Instant),
            refused_at: is.refused_at.map(Instant),
            until: is.until,
            given: is.given,
        }
    }

    pub(crate) fn to_consent(&self) -> Consent {
        Consent {
            person: self.person,
            purpose: self.purpose,
            recipient: self.recipient,
            channel: self.channel,
            given_at: self.given_at.map(|at| at.0),
            refused_at: self.refused_at.map(|at| at.0),
            until: self.until,
            given: self.given,
        }
    }
}
