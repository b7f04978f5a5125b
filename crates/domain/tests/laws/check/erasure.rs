//! INV-18: who erases, when nobody may, and what is left.

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar::end_of_day;
use domain::event::Event as _;
use domain::household::erasure::{ErasureEvent, ErasureGround, HoldGround};
use domain::household::{HouseholdEvent, Registration};
use domain::id::HouseholdId;
use jiff::{SignedDuration, Timestamp};

use super::{Verdict, must, of_households};
use crate::world::{Recorded, World, household_in};

pub(crate) fn erased(world: &World, done: &Recorded) -> Verdict {
    for (id, event, _) in of_households(&done.facts) {
        let HouseholdEvent::Erasure(ErasureEvent::Erased(e)) = event else { continue };
        must(e.proposed_by != e.confirmed_by, || format!("{id} was erased by one person"))?;
        let was = household_in(&done.before, id);
        let merged = matches!(was.registration, Registration::MergedInto { .. });
        must(was.active_stays().next().is_none(), || format!("{id} was erased while it stayed somewhere"))?;
        let waits = was.requests.values().any(|request| request.situation.is_open());
        must(!waits, || format!("{id} was erased while it waited"))?;
        must(merged || held(world, id, done.at).is_none(), || format!("{id} was held, and erased"))?;
        if e.ground == ErasureGround::Retention && !merged {
            let last = last_activity(world, id);
            // Two years, of which one may be a leap year, less the hours that a day has on either side.
            let kept = done.at.duration_since(last);
            must(kept >= SignedDuration::from_hours(24 * 729), || format!("{id} was erased after {kept:#}"))?;
        }
    }
    after(world)
}

/// The ledgers that are erased end with the erasure, but for one certificate, and nothing personal is in what they fold to.
fn after(world: &World) -> Verdict {
    let (mut gone, mut certified) = (BTreeSet::new(), BTreeSet::new());
    for (id, event, _) in of_households(&world.log) {
        if let HouseholdEvent::Erasure(ErasureEvent::Erased(_)) = event {
            must(gone.insert(id), || format!("{id} was erased twice"))?;
        } else if let HouseholdEvent::Erasure(ErasureEvent::ErasureCertified(_)) = event {
            let once = gone.contains(&id) && certified.insert(id);
            must(once, || format!("{id} was certified twice, or before it was erased"))?;
        } else {
            must(!gone.contains(&id), || format!("{} came to {id}, which is erased", event.kind()))?;
        }
    }
    for id in gone {
        let left = serde_json::to_string(world.household(id)).unwrap();
        must(!left.contains("\"personal\""), || format!("{id} is erased and keeps {left}"))?;
    }
    Ok(())
}

/// A hold that was placed, not lifted, and not over at `now`.
fn held(world: &World, id: HouseholdId, now: Timestamp) -> Option<HoldGround> {
    let mut holds = BTreeMap::new();
    for (_, event, _) in of_households(&world.log).filter(|(of, ..)| *of == id) {
        if let HouseholdEvent::Erasure(ErasureEvent::LegalHoldPlaced(e)) = event {
            holds.insert(e.ground, e.until);
        }
        if let HouseholdEvent::Erasure(ErasureEvent::LegalHoldLifted(e)) = event {
            holds.remove(&e.ground);
        }
    }
    holds.into_iter().find(|(_, until)| now <= end_of_day(id.territory(), until.0)).map(|(ground, _)| ground)
}

/// When something was last recorded of the household, but for how long it is kept and who may see it.
fn last_activity(world: &World, id: HouseholdId) -> Timestamp {
    let of = of_households(&world.log).filter(|(of, event, _)| {
        let counts = !matches!(
            event,
            HouseholdEvent::Erasure(_) | HouseholdEvent::Protection(_) | HouseholdEvent::Correction(_)
        );
        *of == id && counts
    });
    of.map(|(_, _, stamp)| stamp.recorded).max().unwrap_or(Timestamp::MIN)
}
