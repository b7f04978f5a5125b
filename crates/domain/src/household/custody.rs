//! Shared custody (*garde alternée*): a child who belongs to the household of one parent and is counted in the other's.
//!
//! INV-11 has every person belong to one household, and INV-1 to one stay. So the other parent's ledger holds a reference
//! to the child, not a member: the search for a place or a dwelling counts the child, no stay of that household ever
//! takes them in. Nothing but the month of birth is copied, and neither ledger names the other household (INV-17). That
//! a third household counts the same child cannot be seen from two ledgers, and is not checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::BirthMonth;
use crate::event::Stamp;
use crate::household::Household;
use crate::id::PersonId;

/// A child in shared custody, counted here and a member elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedChild {
    /// The child.
    pub person: PersonId,
    /// Month of birth: from eighteen on, nobody shares their custody.
    pub born: BirthMonth,
}

/// `household.custody_shared`: a child of another household is counted in this one too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustodyShared {
    /// The child.
    pub child: SharedChild,
}

/// `household.custody_ended`: the child is no longer counted here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustodyEnded {
    /// The child.
    pub person: PersonId,
}

impl Household {
    pub(super) fn custody_shared(&mut self, e: &CustodyShared, stamp: &Stamp) {
        self.composition.shared.insert(e.child.person, e.child.born);
        self.recomposed(stamp);
    }

    pub(super) fn custody_ended(&mut self, e: &CustodyEnded, stamp: &Stamp) {
        if self.composition.shared.remove(&e.person).is_some() {
            self.recomposed(stamp);
        }
    }
}
