//! What somebody looks for: a typed filter over what is available.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expression, Offer, Placement};
use crate::calendar::Day;
use crate::id::Territory;
use crate::money::Money;
use crate::reference::{CommuneCode, PlaceCategory};
use crate::refusal::Refusal;
use crate::structure_kind::StructureKind;

/// The most values that one condition lists.
const VALUES_MAX: usize = 200;

/// Which placements are looked for. All conditions must hold; one that is absent lets everything through, and one that asks
/// for what a placement does not have (a commune of a household, a rent that is not known) lets nothing through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wants {
    /// One of these sorts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub offers: BTreeSet<Offer>,
    /// In one of these départements.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub territories: BTreeSet<Territory>,
    /// In one of these communes, by their INSEE codes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub communes: BTreeSet<CommuneCode>,
    /// In one of these kinds of structures.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<StructureKind>,
    /// Of one of these categories.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub categories: BTreeSet<PlaceCategory>,
    /// For so many persons at least; of a household, so many at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persons_min: Option<u8>,
    /// For so many persons at most; of a household, so many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persons_max: Option<u8>,
    /// For at most so much a month, charges included as far as they are known, in cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rent_max: Option<Money>,
    /// Where a wheelchair can enter and turn.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wheelchair: bool,
    /// On the ground floor or with a lift.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub step_free: bool,
    /// To be had on this day at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_by: Option<Day>,
    /// Of households, those with a priority label that stands.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub labelled: bool,
    /// For which this expression says yes, beyond the conditions before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
}

impl Wants {
    /// Whether the placement is one of those.
    #[must_use]
    pub fn fit(&self, placement: &Placement) -> bool {
        let admits = placement.admits.as_ref();
        any(&self.offers, Some(&placement.offer))
            && any(&self.territories, Some(&placement.territory))
            && any(&self.communes, placement.commune.as_ref())
            && any(&self.kinds, Some(&placement.kind))
            && any(&self.categories, placement.category.as_ref())
            && self.persons_min.is_none_or(|min| placement.persons >= min)
            && self.persons_max.is_none_or(|max| placement.persons <= max)
            && self.rent_max.is_none_or(|max| placement.rent.is_some_and(|rent| rent <= max))
            && (!self.wheelchair || admits.is_some_and(|admits| admits.wheelchair))
            && (!self.step_free || admits.is_some_and(|admits| admits.step_free || admits.wheelchair))
            && self.available_by.is_none_or(|day| placement.available_from <= day)
            && (!self.labelled || placement.labelled)
            // Last: it costs most.
            && self.expression.as_ref().is_none_or(|expression| expression.fit(placement))
    }

    /// Refuses a filter that can let nothing through, or that lists too much.
    ///
    /// # Errors
    /// [`Refusal`] `filter-empty`, `filter-too-long` or `filter-expression`, which say what to change.
    pub fn check(&self) -> Result<(), Refusal> {
        let longest = [self.territories.len(), self.communes.len(), self.kinds.len(), self.categories.len()];
        if longest.into_iter().any(|values| values > VALUES_MAX) {
            let sentence = format!("Une condition du filtre compte {VALUES_MAX} valeurs au plus.");
            return Err(Refusal::invalid("filter-too-long", "placement", sentence));
        }
        let reversed = self.persons_min.zip(self.persons_max).is_some_and(|(min, max)| min > max);
        let elsewhere = !self.communes.is_empty()
            && !self.territories.is_empty()
            && self.communes.iter().all(|commune| !self.territories.contains(&commune.territory()));
        let household_only =
            self.offers.iter().all(|offer| *offer == Offer::Household) && !self.offers.is_empty();
        let of_places =
            !self.communes.is_empty() || !self.categories.is_empty() || self.wheelchair || self.step_free;
        let nothing = reversed || elsewhere || household_only && (of_places || self.rent_max.is_some());
        if nothing || self.labelled && !any(&self.offers, Some(&Offer::Household)) {
            let sentence = "Ce filtre ne laisse rien passer : ses conditions se contredisent.";
            return Err(Refusal::invalid("filter-empty", "placement", sentence));
        }
        self.expression.as_ref().map_or(Ok(()), Expression::check)
    }
}

/// Whether `value` is one of `wanted`, where anything is wanted if nothing is said.
fn any<T: Ord>(wanted: &BTreeSet<T>, value: Option<&T>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
}
