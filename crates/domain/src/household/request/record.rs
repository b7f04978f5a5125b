//! What a request says, as it is recorded: what tells of the social situation, of violence, of justice and of resources is
//! sealed value by value.
//!
//! Two sealed values cannot be compared, so nobody can tell from the ledger alone since when a sealed need has been what it
//! is: the decision that records it says so, inside the seal.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{NeedProfile, RequestFile, RequestStream, ResourceBracket};
use crate::calendar::Instant;
use crate::id::EventId;
use crate::personal::{Personal, SealedIn};
use crate::reference::{Animal, Area, RequestReason, ResidentialSituation};
use crate::structure_kind::StructureKind;

/// A fact with the instant since when it has been so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Since<T> {
    /// The fact.
    pub is: T,
    /// Since when, where that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Instant>,
}

/// What the household needs of a place, as it is recorded. The three that are sealed are always there, so that their absence
/// tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NeedRecord {
    /// A place that a wheelchair can enter and turn in.
    pub wheelchair: bool,
    /// Ground floor or lift.
    pub step_free: bool,
    /// Animals that come along.
    pub animals: BTreeSet<Animal>,
    /// A place reserved for victims of violence, sealed.
    pub violence_dedicated: Personal<Since<bool>>,
    /// Under a measure of justice that the place must accept, sealed.
    pub justice_measure: Personal<Since<bool>>,
    /// Monthly resources of the household, as a bracket, sealed.
    pub resources: Personal<Since<Option<ResourceBracket>>>,
}

/// What a request says, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Urgence or insertion.
    pub stream: RequestStream,
    /// Where the household lives now (SI-SIAO 20…57).
    pub situation: ResidentialSituation,
    /// Why it asks (SI-SIAO 201…225), sealed.
    pub reason: Personal<RequestReason>,
    /// Where it would live; anywhere in the territory if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wishes: Vec<Area>,
    /// What it needs.
    pub need: NeedRecord,
    /// What the referrer recommends (*préconisations*).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub recommended: BTreeSet<StructureKind>,
}

/// A need as it was before, with the date of the facts whose own is not recorded.
pub(crate) type Known<'a> = (&'a NeedRecord, Timestamp);

/// `is`, recorded at `at`: of what was so before, the date stays.
fn since<T: PartialEq>(
    is: T,
    before: Option<(&Personal<Since<T>>, Timestamp)>,
    at: Timestamp,
) -> Personal<Since<T>> {
    let same = before.and_then(|(before, dated)| {
        let before = before.known().filter(|before| before.is == is)?;
        Some(before.since.unwrap_or(Instant(dated)))
    });
    Personal::Known(Since { is, since: Some(same.unwrap_or(Instant(at))) })
}

/// The greater of two; ours, with its date, if theirs is not greater.
fn most<T: Ord + Copy>(
    ours: &Personal<Since<T>>,
    theirs: &Personal<Since<T>>,
    at: Timestamp,
) -> Personal<Since<T>> {
    match (ours.known(), theirs.known()) {
        (Some(ours), Some(theirs)) if theirs.is > ours.is => {
            Personal::Known(Since { is: theirs.is, since: Some(Instant(at)) })
        }
        (Some(_), Some(_)) => ours.clone(),
        (None, _) | (_, None) => Personal::Erased(true),
    }
}

impl NeedRecord {
    /// The need as `stated` at `at`; `before` is what it was until then.
    pub(crate) fn of(stated: &NeedProfile, before: Option<Known<'_>>, at: Timestamp) -> Self {
        Self {
            wheelchair: stated.wheelchair,
            step_free: stated.step_free,
            animals: stated.animals.clone(),
            violence_dedicated: since(
                stated.violence_dedicated,
                before.map(|(need, dated)| (&need.violence_dedicated, dated)),
                at,
            ),
            justice_measure: since(
                stated.justice_measure,
                before.map(|(need, dated)| (&need.justice_measure, dated)),
                at,
            ),
            resources: since(stated.resources, before.map(|(need, dated)| (&need.resources, dated)), at),
        }
    }

    /// The need as it could be stated again; what is not readable here is left out.
    #[must_use]
    pub fn stated(&self) -> NeedProfile {
        NeedProfile {
            wheelchair: self.wheelchair,
            step_free: self.step_free,
            animals: self.animals.clone(),
            violence_dedicated: self.violence_dedicated.known().is_some_and(|need| need.is),
            justice_measure: self.justice_measure.known().is_some_and(|need| need.is),
            resources: self.resources.known().and_then(|has| has.is),
        }
    }

    /// What both need of one place, from `at` on; the resources are those of the better off until the request is updated. A
    /// need of which one of the two cannot be read here stays unreadable.
    pub(crate) fn joined(&self, theirs: &Self, at: Timestamp) -> Self {
        Self {
            wheelchair: self.wheelchair || theirs.wheelchair,
            step_free: self.step_free || theirs.step_free,
            animals: self.animals.union(&theirs.animals).copied().collect(),
            violence_dedicated: most(&self.violence_dedicated, &theirs.violence_dedicated, at),
            justice_measure: most(&self.justice_measure, &theirs.justice_measure, at),
            resources: most(&self.resources, &theirs.resources, at),
        }
    }

    fn carried(&self) -> Self {
        Self {
            violence_dedicated: self.violence_dedicated.carried(),
            justice_measure: self.justice_measure.carried(),
            resources: self.resources.carried(),
            ..self.clone()
        }
    }

    /// Makes what was sealed in `event` readable; see [`crate::personal`].
    pub(crate) fn open(
        &mut self,
        sealed_in: &SealedIn,
        open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>,
    ) {
        opened(&mut self.violence_dedicated, sealed_in, open);
        opened(&mut self.justice_measure, sealed_in, open);
        opened(&mut self.resources, sealed_in, open);
    }
}

impl FileRecord {
    /// The file as `stated` at `at`; `before` is what the need was until then.
    pub(crate) fn of(stated: &RequestFile, before: Option<Known<'_>>, at: Timestamp) -> Self {
        Self {
            stream: stated.stream,
            situation: stated.situation,
            reason: Personal::Known(stated.reason),
            wishes: stated.wishes.clone(),
            need: NeedRecord::of(&stated.need, before, at),
            recommended: stated.recommended.clone(),
        }
    }

    /// The file as it could be stated again, if its reason is readable here.
    #[must_use]
    pub fn stated(&self) -> Option<RequestFile> {
        Some(RequestFile {
            stream: self.stream,
            situation: self.situation,
            reason: *self.reason.known()?,
            wishes: self.wishes.clone(),
            need: self.need.stated(),
            recommended: self.recommended.clone(),
        })
    }

    /// The file as another event can carry it: see [`Personal::carried`].
    pub(crate) fn carried(&self) -> Self {
        Self { reason: self.reason.carried(), need: self.need.carried(), ..self.clone() }
    }

    /// Drops what is sealed.
    pub(crate) fn withhold(&mut self) {
        self.reason = Personal::Erased(true);
        self.need.violence_dedicated = Personal::Erased(true);
        self.need.justice_measure = Personal::Erased(true);
        self.need.resources = Personal::Erased(true);
    }

    /// Makes what was sealed readable: the reason in one event, the need perhaps in a later one.
    pub(crate) fn open(
        &mut self,
        reason_in: &SealedIn,
        need_in: &SealedIn,
        open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>,
    ) {
        opened(&mut self.reason, reason_in, open);
        self.need.open(need_in, open);
    }
}

fn opened<T: DeserializeOwned>(
    value: &mut Personal<T>,
    sealed_in: &SealedIn,
    open: &mut dyn FnMut(EventId, &str, &Value) -> Option<Value>,
) {
    value.open(sealed_in.event, &sealed_in.schema, open);
}
