//! The transparent matching rule: who may be proposed for what, in which order, and why.
//!
//! **Invariant.** Same inputs, same output: eligibility is a list of named rules, the order is lexicographic, and the
//! permutation of the inputs changes nothing.
//!
//! **Invariant.** No rule reads nationality or origin; right of residence is read only where the law requires it.
//!
//! The human decides: a deviation from the first rank needs a reason, which is recorded.

mod eligibility;
mod facts;
mod ordering;

pub use eligibility::{EligibilityRule, Verdict, assess, assess_persons, outgrown, proposable, tenancy};
pub use facts::LIVE_REFERRALS_MAX;
pub use ordering::{Excluded, Exclusion, OrderingKey, Ranked, Ranking, Standing, rank, suitable};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::DeviationReason;

/// The version of the matching rules: a change of rule or order is a new version.
pub const RULES_VERSION: &str = "2026-11-24";

/// Why this household for this place, as it was known when it was proposed: stored in `referral.proposed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rationale {
    /// Version of the matching rules.
    pub rules: String,
    /// The values that ordered the request.
    pub key: OrderingKey,
    /// Its rank among the requests for that place, when the list was at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Why it was not the first of the list that was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<DeviationReason>,
}
