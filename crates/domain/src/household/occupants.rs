//! Who of the household is in a stay: members join it later, or leave it before the others.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Stamp;
use crate::household::Household;
use crate::id::{PersonId, StayId};

/// `stay.joined`: members join a running stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayJoined {
    /// The stay.
    pub stay: StayId,
    /// Who joins.
    pub persons: BTreeSet<PersonId>,
}

/// `stay.left`: members leave a stay that goes on for the others. They stay in the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StayLeft {
    /// The stay.
    pub stay: StayId,
    /// Who leaves.
    pub persons: BTreeSet<PersonId>,
}

impl Household {
    pub(super) fn stay_joined(&mut self, e: &StayJoined, stamp: &Stamp) {
        let Some(stay) = self.stays.get_mut(&e.stay) else { return };
        for person in &e.persons {
            stay.persons.insert(*person);
            stay.joined.insert(*person, stamp.effective);
            stay.apart.remove(person);
        }
    }

    pub(super) fn stay_left(&mut self, e: &StayLeft) {
        let Some(stay) = self.stays.get_mut(&e.stay) else { return };
        for person in &e.persons {
            stay.persons.remove(person);
            stay.joined.remove(person);
            stay.apart.insert(*person);
        }
    }
}
