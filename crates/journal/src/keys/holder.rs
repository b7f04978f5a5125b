//! Whose key it is: whatever has a ledger on which personal values may stand.

use std::fmt;
use std::str::FromStr;

use domain::id::{HouseholdId, Malformed, Territory};
use domain::ledger::AggregateId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whoever has a data key: a home and a number, as the id of their ledger. Numbers never meet, so the kind of ledger is
/// no part of it: what was sealed for a household before other holders existed stays bound to the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Holder {
    territory: Territory,
    uuid: Uuid,
}

impl Holder {
    /// The holder of this home and this number.
    #[must_use]
    pub fn new(territory: Territory, uuid: Uuid) -> Self {
        Self { territory, uuid }
    }

    /// The holder whose ledger this is; `None` for ledgers on which no personal value may stand.
    #[must_use]
    pub fn of(ledger: &AggregateId) -> Option<Self> {
        match ledger {
            AggregateId::Household(household) => Some((*household).into()),
            AggregateId::User(user) => Some(Self::new(user.territory(), user.uuid())),
            AggregateId::Place(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_) => None,
        }
    }

    /// Where their ledger was begun.
    #[must_use]
    pub fn territory(&self) -> Territory {
        self.territory
    }

    /// Their number without the home.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }
}

impl From<HouseholdId> for Holder {
    fn from(household: HouseholdId) -> Self {
        Self::new(household.territory(), household.uuid())
    }
}

impl fmt::Display for Holder {
    /// `33-0192f1c2-…`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.territory, self.uuid)
    }
}

impl FromStr for Holder {
    type Err = Malformed;

    fn from_str(s: &str) -> Result<Self, Malformed> {
        // The same text as the id of a household, by construction.
        s.parse::<HouseholdId>().map(Self::from)
    }
}

impl From<Holder> for String {
    fn from(holder: Holder) -> Self {
        holder.to_string()
    }
}

impl TryFrom<String> for Holder {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_written_as_the_id_of_their_ledger_and_read_back() {
        let household: HouseholdId = "2A-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();
        let holder = Holder::from(household);
        assert_eq!(holder.to_string(), household.to_string());
        assert_eq!(holder.to_string().parse::<Holder>().unwrap(), holder);
        assert_eq!(Holder::of(&AggregateId::Household(household)), Some(holder));
        assert!("key.file".parse::<Holder>().is_err());
    }
}
