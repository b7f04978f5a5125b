//! Filters: `type:referral.*,territory:33,ledger:household/33-…`; all that are given must hold.

use std::str::FromStr;

use domain::household::HouseholdEvent;
use domain::id::Territory;
use domain::inquiry::InquiryEvent;
use domain::ledger::AggregateId;
use domain::place::PlaceEvent;
use domain::structure::StructureEvent;

use desk::Names;

use crate::index::Mark;

/// Most terms of a filter.
const TERMS_MAX: usize = 16;

/// Which events to let through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    kinds: Vec<String>,
    territory: Option<Territory>,
    ledger: Option<AggregateId>,
}

/// The text is not a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAFilter(String);

impl FromStr for Filter {
    type Err = NotAFilter;

    fn from_str(s: &str) -> Result<Self, NotAFilter> {
        let mut filter = Self::default();
        let terms: Vec<_> = s.split(',').map(str::trim).filter(|term| !term.is_empty()).collect();
        if terms.len() > TERMS_MAX {
            return Err(NotAFilter(format!("a filter has at most {TERMS_MAX} terms")));
        }
        for term in terms {
            let (name, value) = term
                .split_once(':')
                .ok_or_else(|| NotAFilter("a term is name:value, such as type:referral.*".to_owned()))?;
            match name {
                "type" if exists(value) => filter.kinds.push(value.to_owned()),
                "type" => {
                    return Err(NotAFilter("no event is of this type: see the schemas of events".to_owned()));
                }
                "territory" => {
                    filter.territory =
                        Some(value.parse().map_err(|e: domain::id::Malformed| NotAFilter(e.to_string()))?);
                }
                "ledger" => {
                    filter.ledger =
                        Some(value.parse().map_err(|e: domain::id::Malformed| NotAFilter(e.to_string()))?);
                }
                _ => return Err(NotAFilter("the terms are type, territory and ledger".to_owned())),
            }
        }
        Ok(filter)
    }
}

impl Filter {
    /// The filter with the household that is meant.
    pub(crate) fn understood(mut self, names: &Names) -> Self {
        if let Some(AggregateId::Household(given)) = self.ledger {
            self.ledger = Some(AggregateId::Household(names.meant(given)));
        }
        self
    }

    /// Whether the event behind `mark` passes.
    pub(crate) fn passes(&self, mark: &Mark) -> bool {
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|wanted| is(&mark.kind, wanted));
        kind && self.territory.is_none_or(|territory| mark.ledger.territory() == territory)
            && self.ledger.is_none_or(|ledger| mark.ledger == ledger)
    }
}

/// Whether there are events that `wanted` means: misspelt, it would let nothing through for ever.
fn exists(wanted: &str) -> bool {
    let kinds =
        [HouseholdEvent::kinds(), PlaceEvent::kinds(), StructureEvent::kinds(), InquiryEvent::kinds()];
    kinds.iter().flatten().any(|(kind, _)| is(kind, wanted))
}

/// `referral.*` is every kind that begins with `referral.`.
fn is(kind: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => kind == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(kind: &str) -> Mark {
        Mark {
            kind: kind.to_owned(),
            ledger: "place/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap(),
        }
    }

    #[test]
    fn every_term_must_hold_and_kinds_may_be_several() {
        let filter: Filter = "type:vacancy.*,type:place.held,territory:33".parse().unwrap();
        assert!(filter.passes(&mark("vacancy.declared")) && filter.passes(&mark("place.held")));
        assert!(!filter.passes(&mark("place.opened")));
        assert!(!"territory:2A".parse::<Filter>().unwrap().passes(&mark("place.held")));
        assert!("".parse::<Filter>().unwrap().passes(&mark("place.held")));
        for bad in ["type", "type:refferal.*", "kind:x", "territory:99", "ledger:person/1"] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }
}
