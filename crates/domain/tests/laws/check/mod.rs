//! The oracle: what must hold, read off what was recorded, never by asking the code that decided.

pub(crate) mod allocation;
pub(crate) mod erasure;
pub(crate) mod families;
pub(crate) mod ledgers;
pub(crate) mod person_requests;
pub(crate) mod places;
mod presence;
pub(crate) mod referrals;
pub(crate) mod seniority;
pub(crate) mod silence;
pub(crate) mod stays;

use domain::event::Stamp;
use domain::household::{Household, HouseholdEvent};
use domain::id::{HouseholdId, PlaceId};
use domain::ledger::{AggregateId, Fact, Ledgers, State};
use domain::place::PlaceEvent;

use crate::world::{Recorded, World};

pub(crate) type Verdict = Result<(), String>;

fn must(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}

/// The households at hand.
fn households(ledgers: &Ledgers) -> impl Iterator<Item = (HouseholdId, &Household)> {
    ledgers.iter().filter_map(|(id, state)| match (id, state) {
        (AggregateId::Household(id), State::Household(is)) => Some((*id, &**is)),
        (
            AggregateId::Household(_)
            | AggregateId::Place(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_),
            _,
        ) => None,
    })
}

/// What was told of households, in order.
fn of_households(
    facts: &[(AggregateId, Fact, Stamp)],
) -> impl Iterator<Item = (HouseholdId, &HouseholdEvent, &Stamp)> {
    facts.iter().filter_map(|(ledger, fact, stamp)| match (ledger, fact) {
        (AggregateId::Household(id), Fact::Household(event)) => Some((*id, event, stamp)),
        (
            AggregateId::Household(_)
            | AggregateId::Place(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_),
            _,
        ) => None,
    })
}

/// What was told of places, in order.
fn of_places(facts: &[(AggregateId, Fact, Stamp)]) -> impl Iterator<Item = (PlaceId, &PlaceEvent, &Stamp)> {
    facts.iter().filter_map(|(ledger, fact, stamp)| match (ledger, fact) {
        (AggregateId::Place(id), Fact::Place(event)) => Some((*id, event, stamp)),
        (
            AggregateId::Household(_)
            | AggregateId::Place(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_),
            _,
        ) => None,
    })
}

/// Nothing to hold: for sequences that are only carried out.
pub(crate) fn nothing(_: &World, _: &Recorded) -> Verdict {
    Ok(())
}
