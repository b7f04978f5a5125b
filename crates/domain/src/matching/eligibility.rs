//! The hard rules: each has an id, and says which fact it used and of which date.

use std::collections::BTreeSet;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{Facts, People};
use crate::calendar::Day;
use crate::household::Household;
use crate::household::request::Request;
use crate::id::{PersonId, RequestId, Territory};
use crate::place::inventory::Description;

/// A hard rule between a request and a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EligibilityRule {
    /// The request is on the waiting list and up to date.
    RequestReady,
    /// Nobody expects the household elsewhere, and few others have been asked.
    Available,
    /// The SIAO qualified the request for this kind of housing.
    KindQualified,
    /// The place can house that many persons.
    Capacity,
    /// The household is not smaller than the place asks.
    PersonsMin,
    /// Women only, men only.
    Gender,
    /// Couples are admitted.
    Couple,
    /// Minors are admitted.
    Children,
    /// The adults are of the ages that are admitted.
    Age,
    /// A wheelchair can enter and turn.
    Wheelchair,
    /// Ground floor or lift.
    StepFree,
    /// The animals are admitted.
    Animals,
    /// A place for victims of violence, for those who need one and for them only.
    Violence,
    /// A measure of justice is admitted.
    Justice,
    /// Where the household would live.
    Territory,
    /// Where the household must not live.
    ExclusionZone,
    /// Regular stay of the adults, where the law requires it (ALT, social housing).
    RegularStay,
    /// Resources that the fee asks for.
    Resources,
}

impl EligibilityRule {
    /// Every rule, in the order in which they are checked.
    pub const ALL: [Self; 18] = [
        Self::RequestReady,
        Self::Available,
        Self::KindQualified,
        Self::Capacity,
        Self::PersonsMin,
        Self::Gender,
        Self::Couple,
        Self::Children,
        Self::Age,
        Self::Wheelchair,
        Self::StepFree,
        Self::Animals,
        Self::Violence,
        Self::Justice,
        Self::Territory,
        Self::ExclusionZone,
        Self::RegularStay,
        Self::Resources,
    ];

    /// The id in data: `exclusion-zone`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::RequestReady => "request-ready",
            Self::Available => "available",
            Self::KindQualified => "kind-qualified",
            Self::Capacity => "capacity",
            Self::PersonsMin => "persons-min",
            Self::Gender => "gender",
            Self::Couple => "couple",
            Self::Children => "children",
            Self::Age => "age",
            Self::Wheelchair => "wheelchair",
            Self::StepFree => "step-free",
            Self::Animals => "animals",
            Self::Violence => "violence",
            Self::Justice => "justice",
            Self::Territory => "territory",
            Self::ExclusionZone => "exclusion-zone",
            Self::RegularStay => "regular-stay",
            Self::Resources => "resources",
        }
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The rule.
    pub rule: EligibilityRule,
    /// The fact it used, in French, without naming anybody.
    pub fact: String,
    /// The day that fact was established, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
}

/// The first rule between the request and the place that says no on `day`, or none. Whether the household is
/// available is not asked: one that is referred to the place stays eligible for it.
#[must_use]
pub fn assess(household: &Household, request: &Request, place: &Description, day: Date) -> Option<Verdict> {
    assess_persons(household, request, None, place, day)
}

/// The same for some persons of the household, where it is placed in several units.
#[must_use]
pub fn assess_persons(
    household: &Household,
    request: &Request,
    persons: Option<&BTreeSet<PersonId>>,
    place: &Description,
    day: Date,
) -> Option<Verdict> {
    let facts = Facts::of(household, request, persons, place, day);
    let between = |rule: &EligibilityRule| *rule != EligibilityRule::Available;
    EligibilityRule::ALL.into_iter().filter(between).find_map(|rule| facts.verdict(rule))
}

/// The first rule for which the request cannot be proposed for the place on `day`, or none: what is ranked can be
/// proposed. Where some of the household have a place on it already, the others are judged.
#[must_use]
pub fn proposable(
    household: &Household,
    id: RequestId,
    request: &Request,
    place: &Description,
    day: Date,
) -> Option<Verdict> {
    let remaining = household.remaining(id);
    let facts = Facts::of(household, request, remaining.as_ref(), place, day);
    EligibilityRule::ALL.into_iter().find_map(|rule| facts.verdict(rule))
}

/// The first rule on who is to live there, and where they must not live, that excludes them from the place on `day`: what
/// a referral that was proposed must still meet after a birth, a departure, a separation.
#[must_use]
pub fn outgrown(
    household: &Household,
    request: &Request,
    persons: Option<&BTreeSet<PersonId>>,
    place: &Description,
    day: Date,
) -> Option<Verdict> {
    use EligibilityRule as R;
    let people = People::of(household, persons, place, day, request.siao);
    let rules = [
        R::Capacity,
        R::PersonsMin,
        R::Gender,
        R::Couple,
        R::Children,
        R::Age,
        R::ExclusionZone,
        R::RegularStay,
    ];
    rules.into_iter().find_map(|rule| people.verdict(rule))
}

/// Why the dwelling cannot be let to the household on `day`: it is too small (INV-4), or an adult's stay is not known
/// to be regular (CCH R441-1). None if it can.
#[must_use]
pub fn tenancy(
    household: &Household,
    place: &Description,
    day: Date,
    territory: Territory,
) -> Option<Verdict> {
    let people = People::of(household, None, place, day, territory);
    [EligibilityRule::Capacity, EligibilityRule::RegularStay]
        .into_iter()
        .find_map(|rule| people.verdict(rule))
}
