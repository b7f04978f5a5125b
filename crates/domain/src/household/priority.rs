//! Priority labels: DALO, DAHO, the public of CCH L441-1, labels given by a SIAO.

use crate::event::{Event as _, Stamp, events};
use crate::household::{Household, HouseholdEvent, lift};
use crate::personal::{Kept, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::id::{EventId, LabelId};
use crate::reference::PriorityGround;

/// Who granted a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelSource {
    /// Commission de médiation.
    MediationBoard,
    /// Préfet, in the State register of priority households (SYPLO).
    Prefecture,
    /// The SIAO, for households ready for housing.
    Siao,
    /// A convention (accord collectif).
    Convention,
}

/// Why a label ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelEnd {
    /// The household was housed: a lease was signed.
    Housed,
    /// Lost after the refusal of a suitable offer.
    SuitableOfferRefused,
    /// The grounds are gone.
    GroundsGone,
    /// Granted in error.
    Error,
}

/// A priority label of the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The ground.
    pub ground: PriorityGround,
    /// Who granted it.
    pub source: LabelSource,
    /// The day of the decision.
    pub decided_on: Day,
    /// When the préfet must have proposed, for DALO and DAHO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_due: Option<Day>,
    /// The reference of the decision that granted it, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Kept<DocumentReference>>,
    /// The event that says so.
    pub granted_by: EventId,
    /// Why it ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<LabelEnd>,
}

/// `priority.granted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriorityGranted {
    /// The label.
    pub label: LabelId,
    /// The ground.
    pub ground: PriorityGround,
    /// Who granted it.
    pub source: LabelSource,
    /// The day of the decision: only labels older than the committee count.
    pub decided_on: Day,
    /// When the préfet must have proposed, for DALO and DAHO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_due: Option<Day>,
    /// The reference of the decision that grants it, sealed: a number, never a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Personal<DocumentReference>>,
}

/// The reference of a decision on paper, such as `DALO-2026-0123`: letters, digits, blanks, `-`, `_`, `.` and `/`, with at
/// least one digit, so that nobody's name is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentReference(#[schemars(length(min = 1, max = 40))] String);

impl TryFrom<String> for DocumentReference {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/');
        if text.len() <= 40 && text.chars().all(fits) && text.chars().any(|c| c.is_ascii_digit()) {
            Ok(Self(text))
        } else {
            Err(
                "a reference has at most 40 letters, digits, blanks, '-', '_', '.' or '/', and at least one digit",
            )
        }
    }
}

impl From<DocumentReference> for String {
    fn from(reference: DocumentReference) -> Self {
        reference.0
    }
}

/// `priority.withdrawn`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriorityWithdrawn {
    /// The label.
    pub label: LabelId,
    /// Why.
    pub why: LabelEnd,
}

events! {
    /// What can happen to a priority label.
    pub enum PriorityEvent in HouseholdEvent::Priority {
        "priority.granted" v 2 by lift::label => PriorityGranted(PriorityGranted),
        "priority.withdrawn" v 1 => PriorityWithdrawn(PriorityWithdrawn),
    }
}

impl Household {
    pub(super) fn fold_priority(&mut self, event: &PriorityEvent, stamp: &Stamp) {
        match event {
            PriorityEvent::PriorityGranted(e) => {
                let label = Label {
                    ground: e.ground,
                    source: e.source,
                    decided_on: e.decided_on,
                    proposal_due: e.proposal_due,
                    document: e.document.clone().map(|document| Kept::new(event.kind(), stamp, document)),
                    granted_by: stamp.event,
                    ended: None,
                };
                self.labels.insert(e.label, label);
            }
            PriorityEvent::PriorityWithdrawn(e) => {
                if let Some(label) = self.labels.get_mut(&e.label) {
                    label.ended = Some(e.why);
                }
            }
        }
    }
}
