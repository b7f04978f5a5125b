//! INV-3 and INV-9: a referral ends once, answers come in time, and a provider's refusal says why.

use std::collections::BTreeMap;

use domain::household::HouseholdEvent;
use domain::household::referral::{DeclinedByProvider, ReferralEvent, ReferralSituation};
use domain::household::stay::{Admission, StayEvent};
use domain::id::{HouseholdId, ReferralId};
use domain::place::PlaceEvent;
use domain::place::occupancy::OccupancyEvent;
use domain::reference::ProviderRefusalReason;
use jiff::Timestamp;

use super::{Verdict, must, of_households, of_places};
use crate::world::{Recorded, World, household_in};

/// What was told of one referral.
#[derive(Debug, Default)]
struct Course {
    expires_at: Option<Timestamp>,
    accepted: bool,
    /// What ended it; at most one thing does.
    ends: Vec<&'static str>,
}

pub(crate) fn expires_once(world: &World, _: &Recorded) -> Verdict {
    let mut courses: BTreeMap<ReferralId, Course> = BTreeMap::new();
    for (_, event, stamp) in of_households(&world.log) {
        if let HouseholdEvent::Stay(StayEvent::StayStarted(e)) = event
            && let Admission::Referral { referral } = e.admission
        {
            courses.entry(referral).or_default().ends.push("stay.started");
        }
        let HouseholdEvent::Referral(event) = event else { continue };
        let (referral, kind) = subject(event);
        let course = courses.entry(referral).or_default();
        let in_time = course.expires_at.is_some_and(|last| stamp.recorded <= last);
        let late = || format!("{kind} of {referral} at {}, {course:?}", stamp.recorded);
        match event {
            ReferralEvent::ReferralProposed(e) => course.expires_at = Some(e.expires_at.0),
            ReferralEvent::ReferralViewed(_) => must(in_time && course.ends.is_empty(), late)?,
            ReferralEvent::ReferralAccepted(_) => {
                must(in_time && course.ends.is_empty() && !course.accepted, late)?;
                course.accepted = true;
            }
            ReferralEvent::DeclinedByProvider(_) => {
                must(in_time && !course.accepted, late)?;
                course.ends.push(kind);
            }
            ReferralEvent::DeclinedByHousehold(_) => {
                must(in_time || course.accepted, late)?;
                course.ends.push(kind);
            }
            ReferralEvent::ReferralExpired(_) => {
                let due = course.expires_at == Some(stamp.effective) && stamp.recorded > stamp.effective;
                must(due && !course.accepted, late)?;
                course.ends.push(kind);
            }
            ReferralEvent::ReferralWithdrawn(_) | ReferralEvent::NoShow(_) => course.ends.push(kind),
            ReferralEvent::RefusalJudged(_) => {}
        }
        must(course.ends.len() <= 1, || format!("{referral} ended by {:?}", course.ends))?;
    }
    let twice = courses.iter().find(|(_, course)| course.ends.len() > 1);
    must(twice.is_none(), || format!("ended twice: {twice:?}"))
}

fn subject(event: &ReferralEvent) -> (ReferralId, &'static str) {
    use domain::event::Event as _;
    let referral = match event {
        ReferralEvent::ReferralProposed(e) => e.referral,
        ReferralEvent::ReferralViewed(e) => e.referral,
        ReferralEvent::ReferralAccepted(e) => e.referral,
        ReferralEvent::DeclinedByProvider(e) => e.referral,
        ReferralEvent::DeclinedByHousehold(e) => e.referral,
        ReferralEvent::RefusalJudged(e) => e.referral,
        ReferralEvent::ReferralExpired(e) => e.referral,
        ReferralEvent::ReferralWithdrawn(e) => e.referral,
        ReferralEvent::NoShow(e) => e.referral,
    };
    (referral, event.kind())
}

pub(crate) fn reasoned(world: &World, done: &Recorded) -> Verdict {
    for (id, event, _) in of_households(&done.facts) {
        let HouseholdEvent::Referral(event) = event else { continue };
        match event {
            ReferralEvent::DeclinedByProvider(e) => reached_both(world, done, id, e)?,
            ReferralEvent::ReferralProposed(_)
            | ReferralEvent::ReferralViewed(_)
            | ReferralEvent::ReferralAccepted(_)
            | ReferralEvent::RefusalJudged(_) => continue,
            ReferralEvent::DeclinedByHousehold(_)
            | ReferralEvent::ReferralExpired(_)
            | ReferralEvent::ReferralWithdrawn(_)
            | ReferralEvent::NoShow(_) => {}
        }
        // Whatever ends a referral frees its place in the same append.
        let (referral, kind) = subject(event);
        let freed = of_places(&done.facts).any(|(_, event, _)| {
            matches!(event, PlaceEvent::Occupancy(OccupancyEvent::Released(e)) if e.referral == referral)
        });
        must(freed, || format!("{kind} of {referral}, and its place is still held"))?;
    }
    Ok(())
}

/// The refusal stands on the person's own ledger, and on the request that a SIAO follows: both read it there.
fn reached_both(world: &World, done: &Recorded, id: HouseholdId, e: &DeclinedByProvider) -> Verdict {
    let was = household_in(&done.before, id).referrals.get(&e.referral);
    let proposed = was.filter(|was| matches!(was.situation, ReferralSituation::Proposed { .. }));
    must(proposed.is_some(), || format!("{} was not waiting for an answer on {id}", e.referral))?;
    let is = world.household(id);
    let told = is.referrals.get(&e.referral).is_some_and(
        |is| matches!(is.situation, ReferralSituation::DeclinedByProvider { reason } if reason == e.reason),
    );
    must(told, || format!("{id} does not learn why {} was declined", e.referral))?;
    let followed = proposed.and_then(|was| is.requests.get(&was.request)).map(|request| request.siao);
    must(followed.is_some(), || format!("no SIAO learns that {} was declined", e.referral))?;
    let words = e.note.as_ref().and_then(|note| note.known()).is_some_and(|note| !note.trim().is_empty());
    let known = ProviderRefusalReason::all().any(|reason| reason == e.reason);
    must(known, || format!("{:?} is not a reason", e.reason))?;
    must(words || e.reason != ProviderRefusalReason::other(), || "« other » without words".to_owned())
}
