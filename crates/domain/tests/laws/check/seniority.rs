//! INV-10: a household's place in the waiting list is kept, and lost only by the explicit reset.

use std::collections::BTreeMap;

use domain::household::family::FamilyEvent;
use domain::household::request::{Request, RequestEvent, RequestStream};
use domain::household::{Household, HouseholdEvent};
use domain::id::{HouseholdId, RequestId, Territory};
use jiff::Timestamp;

use super::{Verdict, households, must, of_households};
use crate::world::{Recorded, World, household_in};

type List = (RequestStream, Territory);

fn list(request: &Request) -> List {
    (request.file.stream, request.siao)
}

/// The oldest seniority of a household on each list it waits on.
fn oldest<'a>(of: impl IntoIterator<Item = &'a Household>) -> Vec<(List, Timestamp)> {
    let open = of.into_iter().flat_map(|is| is.requests.values()).filter(|r| r.situation.is_open());
    let mut all: Vec<(List, Timestamp)> = Vec::new();
    for (list, seniority) in open.filter_map(|r| Some((list(r), r.seniority?))) {
        match all.iter_mut().find(|(other, _)| *other == list) {
            Some((_, kept)) => *kept = seniority.min(*kept),
            None => all.push((list, seniority)),
        }
    }
    all
}

fn reset(done: &Recorded, request: RequestId) -> bool {
    of_households(&done.facts).any(|(_, event, _)| {
        matches!(event, HouseholdEvent::Request(RequestEvent::SeniorityReset(e)) if e.request == request)
    })
}

pub(crate) fn seniority(world: &World, done: &Recorded) -> Verdict {
    for (id, was) in households(&done.before) {
        let is = world.household(id);
        for (request, old) in &was.requests {
            let Some(new) = is.requests.get(request) else { return Err(format!("{request} vanished")) };
            let kept = match (old.seniority, new.seniority) {
                (Some(old), Some(new)) => new <= old,
                (Some(_), None) => reset(done, *request),
                (None, _) => true,
            };
            must(kept, || format!("{request} went from {:?} to {:?}", old.seniority, new.seniority))?;
        }
    }
    for (id, event, _) in of_households(&done.facts) {
        let HouseholdEvent::Family(event) = event else { continue };
        match event {
            FamilyEvent::Merged(e) => {
                let both = [household_in(&done.before, id), household_in(&done.before, e.from)];
                let now = oldest([world.household(id)]);
                for (list, kept) in oldest(both) {
                    let found = now.iter().find(|(other, _)| *other == list);
                    must(found.is_some_and(|(_, now)| *now == kept), || {
                        format!("{id} waited since {kept} on {list:?}; joined by {}, since {now:?}", e.from)
                    })?;
                }
            }
            FamilyEvent::Separated(e) => {
                let (left, now) = (household_in(&done.before, e.from), world.household(id));
                for (list, kept) in oldest([left]) {
                    let copied = oldest([now]).into_iter().find(|(other, _)| *other == list);
                    must(copied.is_some_and(|(_, copied)| copied == kept), || {
                        format!("who left {} waited since {kept} on {list:?}, now {copied:?}", e.from)
                    })?;
                }
                for request in now.requests.values().filter(|r| r.seniority.is_some()) {
                    let same = |r: &&Request| list(r) == list(request) && r.seniority == request.seniority;
                    must(left.requests.values().any(|r| same(&r)), || {
                        format!("{id} waits since {:?}, which {} did not", request.seniority, e.from)
                    })?;
                }
            }
            FamilyEvent::Split(_) | FamilyEvent::MergedInto(_) => {}
        }
    }
    lost_for_good(world)
}

/// After a reset, what is transmitted on that list cannot be older than the reset.
fn lost_for_good(world: &World) -> Verdict {
    let mut resets: BTreeMap<HouseholdId, Vec<(RequestId, Timestamp)>> = BTreeMap::new();
    for (id, event, stamp) in of_households(&world.log) {
        let HouseholdEvent::Request(event) = event else { continue };
        let is = world.household(id);
        match event {
            RequestEvent::SeniorityReset(e) => {
                resets.entry(id).or_default().push((e.request, stamp.recorded));
            }
            RequestEvent::RequestSubmitted(e) => {
                for (request, at) in resets.get(&id).into_iter().flatten() {
                    let lists = [e.request, *request].map(|id| is.requests.get(&id).map(list));
                    must(lists[0] != lists[1] || stamp.effective >= *at, || {
                        format!("{id} lost its seniority at {at}, and waits since {}", stamp.effective)
                    })?;
                }
            }
            RequestEvent::RequestCreated(_)
            | RequestEvent::RequestUpdated(_)
            | RequestEvent::AssessmentRequested(_)
            | RequestEvent::RequestAssessed(_)
            | RequestEvent::CommitteeScheduled(_)
            | RequestEvent::RequestQualified(_)
            | RequestEvent::RequestDeferred(_)
            | RequestEvent::RequestRejected(_)
            | RequestEvent::RequestCancelled(_)
            | RequestEvent::RequestReactivated(_)
            | RequestEvent::RequestTransferred(_)
            | RequestEvent::RequestWentStale(_)
            | RequestEvent::RequestFulfilled(_) => {}
        }
    }
    Ok(())
}
