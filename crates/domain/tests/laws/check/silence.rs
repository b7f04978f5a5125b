//! INV-12: silence is acceptance, once, by the clock; an answer that comes later is no answer.

use std::collections::BTreeMap;

use domain::household::HouseholdEvent;
use domain::household::stay::StayEvent;
use domain::id::StayId;
use jiff::Timestamp;

use super::{Verdict, must, of_households};
use crate::world::{Recorded, World};

/// What awaits an answer, and until when.
#[derive(Debug, Default)]
struct Pending {
    admission: Option<Timestamp>,
    /// Outside a CHRS nothing is due: the question waits for an express answer, at any time.
    extension: Option<Option<Timestamp>>,
    /// Until when the household counts as ready for a lease.
    ready: Option<Timestamp>,
}

pub(crate) fn tacit(world: &World, done: &Recorded) -> Verdict {
    must(world.fired_twice == 0, || format!("{} changes by deadlines fired twice", world.fired_twice))?;
    for (_, event, _) in of_households(&done.facts) {
        if let HouseholdEvent::Stay(
            StayEvent::AdmissionDeemedAccepted(_)
            | StayEvent::StayDeemedExtended(_)
            | StayEvent::ReadinessLapsed(_),
        ) = event
        {
            must(done.by_clock(), || format!("{event:?} was not the clock's"))?;
        }
    }
    let mut pending: BTreeMap<StayId, Pending> = BTreeMap::new();
    for (_, event, stamp) in of_households(&world.log) {
        let HouseholdEvent::Stay(event) = event else { continue };
        // Each answer ends what it answers: a second one finds nothing.
        let in_time = |until: Option<Timestamp>| {
            must(until.is_some_and(|until| stamp.recorded <= until), || {
                format!("{event:?} at {}, silence was acceptance since {until:?}", stamp.recorded)
            })
        };
        let asked_in_time = |asked: Option<Option<Timestamp>>| match asked {
            Some(None) => Ok(()),
            Some(until) => in_time(until),
            None => Err(format!("{event:?} answers what nobody asked")),
        };
        let silent = |until: Option<Timestamp>| {
            must(until.is_some_and(|until| stamp.recorded > until && stamp.effective == until), || {
                format!("{event:?} at {} of {}, due {until:?}", stamp.recorded, stamp.effective)
            })
        };
        match event {
            StayEvent::StayStarted(e) => {
                let admission = e.social_aid_tacit_at.map(|at| at.0);
                pending.insert(e.stay, Pending { admission, ..Pending::default() });
            }
            StayEvent::ExtensionRequested(e) => {
                let of = pending.entry(e.stay).or_default();
                must(of.extension.is_none(), || format!("{} asks twice at once", e.stay))?;
                of.extension = Some(e.tacit_at.map(|at| at.0));
            }
            StayEvent::AdmissionDecided(e) => {
                in_time(pending.entry(e.stay).or_default().admission.take())?;
            }
            StayEvent::AdmissionDeemedAccepted(e) => {
                silent(pending.entry(e.stay).or_default().admission.take())?;
            }
            StayEvent::StayExtended(e) => asked_in_time(pending.entry(e.stay).or_default().extension.take())?,
            StayEvent::ExtensionRefused(e) => {
                asked_in_time(pending.entry(e.stay).or_default().extension.take())?
            }
            StayEvent::StayDeemedExtended(e) => {
                silent(pending.entry(e.stay).or_default().extension.take().flatten())?
            }
            StayEvent::StayEnded(e) => drop(pending.remove(&e.stay)),
            StayEvent::StayReviewed(e) => {
                must(e.housing_ready == e.ready_until.is_some(), || format!("{event:?} is ready for ever"))?;
                pending.entry(e.stay).or_default().ready = e.ready_until.map(|until| until.0);
            }
            StayEvent::ReadinessLapsed(e) => silent(pending.entry(e.stay).or_default().ready.take())?,
            StayEvent::AbsenceRecorded(_)
            | StayEvent::StayResumed(_)
            | StayEvent::NoticeGiven(_)
            | StayEvent::NoticeWithdrawn(_)
            | StayEvent::PersonsLeft(_)
            | StayEvent::TerminationNotified(_)
            | StayEvent::DepositReturned(_) => {}
        }
    }
    Ok(())
}
