//! Members who join a stay later. (Who leaves it before the others is in `stay.persons_left`.)

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

impl Household {
    pub(super) fn stay_joined(&mut self, e: &StayJoined, stamp: &Stamp) {
        let Some(stay) = self.stays.get_mut(&e.stay) else { return };
        for person in &e.persons {
            stay.persons.insert(*person);
            stay.joined.insert(*person, stamp.effective);
        }
    }
}
