//! The oracle: what must hold, read off what was recorded.

use std::collections::{BTreeMap, BTreeSet};

use domain::household::application::{ApplicationEvent, Deregistration};
use domain::household::candidacy::CandidacyEvent;
use domain::household::referral::{ReferralEvent, ReferralSituation};
use domain::household::request::RequestEvent;
use domain::household::stay::StayEvent;
use domain::household::{Household, HouseholdEvent, Registration};
use domain::id::{HouseholdId, PersonId, PlaceId, ReferralId};
use domain::ledger::{AggregateId, Fact, State};
use domain::place::PlaceEvent;
use domain::place::committee::{CandidateSituation, CommitteeDecision, CommitteeEvent, CommitteeException};
use domain::place::occupancy::{OccupancyEvent, Title};
use jiff::Timestamp;

use crate::world::{Done, World};

type Verdict = Result<(), String>;

fn households(world: &World) -> impl Iterator<Item = (HouseholdId, &Household)> {
    world.ledgers.iter().filter_map(|(id, state)| match (id, state) {
        (AggregateId::Household(id), State::Household(is)) => Some((*id, &**is)),
        (AggregateId::Household(_) | AggregateId::Place(_) | AggregateId::Structure(_), _) => None,
    })
}

fn must(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}

pub(crate) fn one_stay(_: &World, world: &World, _: &Done) -> Verdict {
    let mut of: BTreeMap<PersonId, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for (_, is) in households(world) {
        for stay in is.stays.values() {
            for person in &stay.persons {
                of.entry(*person).or_default().push((stay.from, stay.ended().unwrap_or(Timestamp::MAX)));
            }
        }
    }
    for (person, mut stays) in of {
        stays.sort();
        for pair in stays.windows(2) {
            let overlap = pair[0].1.as_second().min(pair[1].1.as_second()) - pair[1].0.as_second();
            must(overlap <= 24 * 3_600, || format!("{person} stays twice for {overlap} s"))?;
        }
    }
    Ok(())
}

pub(crate) fn one_holder(_: &World, world: &World, _: &Done) -> Verdict {
    for place in &world.places {
        let is = world.place(*place);
        let live = households(world)
            .flat_map(|(_, h)| h.live_referrals())
            .filter(|(_, r)| r.place == *place)
            .count();
        must(live <= 1, || format!("{live} referrals hold {place}"))?;
        let running = is.occupancies.iter().filter(|o| o.to.is_none()).count();
        must(running + live <= 1, || format!("{place} is held by {live} and lived in by {running}"))?;
        let mut spans: Vec<_> =
            is.occupancies.iter().map(|o| (o.from, o.to.unwrap_or(Timestamp::MAX))).collect();
        spans.sort();
        must(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), || {
            format!("{place} is lived in twice: {spans:?}")
        })?;
        if let Some(vacancy) = &is.vacancy {
            let accepted = vacancy
                .allocation
                .candidates
                .values()
                .filter(|c| matches!(c.situation, CandidateSituation::Accepted { .. }))
                .count();
            must(accepted <= 1, || format!("{accepted} candidates accepted {place}"))?;
        }
    }
    Ok(())
}

pub(crate) fn expires_once(before: &World, world: &World, done: &Done) -> Verdict {
    let mut expired: BTreeMap<ReferralId, u32> = BTreeMap::new();
    for (_, fact, _) in &world.log {
        if let Fact::Household(HouseholdEvent::Referral(ReferralEvent::ReferralExpired(e))) = fact {
            *expired.entry(e.referral).or_default() += 1;
        }
    }
    must(expired.values().all(|times| *times == 1), || format!("{expired:?}"))?;
    for (ledger, fact, _) in &done.facts {
        if let (
            AggregateId::Household(id),
            Fact::Household(HouseholdEvent::Referral(ReferralEvent::ReferralAccepted(e))),
        ) = (ledger, fact)
            && let Some(referral) = before.household(*id).referrals.get(&e.referral)
            && let ReferralSituation::Proposed { expires_at, .. } = referral.situation
        {
            must(world.at <= expires_at, || format!("accepted at {}, expired at {expires_at}", world.at))?;
        }
    }
    Ok(())
}

pub(crate) fn capacity(_: &World, world: &World, _: &Done) -> Verdict {
    let mut persons: BTreeMap<PlaceId, usize> = BTreeMap::new();
    for (_, is) in households(world) {
        for (_, stay) in is.active_stays() {
            *persons.entry(stay.place).or_default() += stay.persons.len();
        }
    }
    for (place, count) in persons {
        let capacity = world.place(place).inventory.description().map_or(0, |is| usize::from(is.capacity));
        must(count <= capacity, || format!("{count} persons in {place} for {capacity}"))?;
        let told: usize = world.place(place).current_occupancy().map_or(0, |o| usize::from(o.persons));
        must(told == count, || format!("the place says {told}, the households {count}"))?;
    }
    Ok(())
}

pub(crate) fn numbered(before: &World, world: &World, done: &Done) -> Verdict {
    for (ledger, fact, _) in &done.facts {
        if let (
            AggregateId::Household(id),
            Fact::Household(HouseholdEvent::Candidacy(CandidacyEvent::CandidacyDecided(_))),
        ) = (ledger, fact)
        {
            let today = domain::calendar::day(id.territory(), world.at);
            // Committees meet on the day they are convened for, at the latest today; the clock fired before.
            let number = before.household(*id).live_application().and_then(|(_, a)| a.number);
            must(number.is_some(), || format!("{id} was decided without a number on {today}"))?;
        }
    }
    Ok(())
}

fn decided(done: &Done) -> impl Iterator<Item = (&AggregateId, &domain::place::committee::CommitteeDecided)> {
    done.facts.iter().filter_map(|(ledger, fact, _)| match fact {
        Fact::Place(PlaceEvent::Committee(CommitteeEvent::CommitteeDecided(e))) => Some((ledger, e)),
        Fact::Place(_) | Fact::Household(_) | Fact::Structure(_) => None,
    })
}

pub(crate) fn three(_: &World, _: &World, done: &Done) -> Verdict {
    for (_, e) in decided(done) {
        let excused = matches!(e.exception, Some(CommitteeException::InsufficientCandidates));
        must(e.decisions.len() >= 3 || excused, || {
            format!("{} decisions, {:?}", e.decisions.len(), e.exception)
        })?;
    }
    Ok(())
}

pub(crate) fn decisions(before: &World, _: &World, done: &Done) -> Verdict {
    for (ledger, e) in decided(done) {
        let AggregateId::Place(place) = ledger else { continue };
        let live: BTreeSet<_> = before.place(*place).open_vacancy().map_or_else(BTreeSet::new, |vacancy| {
            vacancy.allocation.candidates.iter().filter(|(_, c)| c.is_live()).map(|(id, _)| *id).collect()
        });
        let on: Vec<_> = e.decisions.iter().map(|one| one.candidacy).collect();
        let distinct: BTreeSet<_> = on.iter().copied().collect();
        must(on.len() == distinct.len() && distinct.is_subset(&live), || format!("{on:?} of {live:?}"))?;
        let (mut awards, mut ranks) = (0, Vec::new());
        for one in &e.decisions {
            match one.decision {
                CommitteeDecision::Award | CommitteeDecision::AwardConditional { .. } => awards += 1,
                CommitteeDecision::AwardRanked { rank } => ranks.push(usize::from(rank)),
                CommitteeDecision::Reject { .. } | CommitteeDecision::Inadmissible { .. } => {}
            }
        }
        ranks.sort_unstable();
        must(awards <= 1 && ranks == (1..=ranks.len()).collect::<Vec<_>>(), || {
            format!("{awards} awards, {ranks:?}")
        })?;
    }
    Ok(())
}

pub(crate) fn lease(_: &World, world: &World, done: &Done) -> Verdict {
    for (ledger, fact, command) in &done.facts {
        let AggregateId::Household(id) = ledger else { continue };
        if let Fact::Household(HouseholdEvent::Application(ApplicationEvent::ApplicationClosed(e))) = fact
            && e.reason == Deregistration::A
        {
            let signed = done
                .facts
                .iter()
                .any(|(other, fact, by)| other == ledger && by == command && fact.kind() == "lease.signed");
            must(signed, || format!("{id} was struck off for a lease that nobody signed"))?;
        }
        if fact.kind() == "lease.signed" {
            let is = world.household(*id);
            must(is.live_application().is_none(), || format!("{id} still has an application"))?;
            must(is.labels.values().all(|label| label.ended.is_some()), || {
                format!("{id} still has a label")
            })?;
            must(is.active_stays().next().is_none(), || format!("{id} still stays somewhere"))?;
        }
    }
    Ok(())
}

pub(crate) fn reasoned(_: &World, _: &World, done: &Done) -> Verdict {
    for (_, fact, command) in &done.facts {
        if let Fact::Household(HouseholdEvent::Referral(ReferralEvent::DeclinedByProvider(e))) = fact {
            must(!e.reason.code().is_empty(), || "a refusal without a reason".to_owned())?;
            must(e.reason.code() != "other" || e.note.is_some(), || "« other » without words".to_owned())?;
            let freed = done.facts.iter().any(|(_, fact, by)| {
                by == command
                    && matches!(fact, Fact::Place(PlaceEvent::Occupancy(OccupancyEvent::Released(r))) if r.referral == e.referral)
            });
            must(freed, || format!("{} was declined and its place is still held", e.referral))?;
        }
    }
    Ok(())
}

pub(crate) fn seniority(before: &World, world: &World, done: &Done) -> Verdict {
    for (id, was) in households(before) {
        let is = world.household(id);
        for (request, old) in &was.requests {
            let reset = done.facts.iter().any(|(_, fact, _)| {
                matches!(fact, Fact::Household(HouseholdEvent::Request(RequestEvent::SeniorityReset(e))) if e.request == *request)
            });
            let Some(new) = is.requests.get(request) else { continue };
            let kept = match (old.seniority, new.seniority) {
                (Some(old), Some(new)) => new <= old,
                (Some(_), None) => false,
                (None, _) => true,
            };
            must(kept || reset, || {
                format!("{request} went from {:?} to {:?}", old.seniority, new.seniority)
            })?;
        }
    }
    // A household that others formed or joined waits no shorter than they did.
    for (ledger, fact, _) in &done.facts {
        if let (
            AggregateId::Household(into),
            Fact::Household(HouseholdEvent::Family(domain::household::family::FamilyEvent::Merged(e))),
        ) = (ledger, fact)
        {
            let oldest = |id: HouseholdId, world: &World| {
                world
                    .household(id)
                    .requests
                    .values()
                    .filter(|r| r.situation.is_open())
                    .filter_map(|r| r.seniority)
                    .min()
            };
            let kept = [oldest(*into, before), oldest(e.from, before)].into_iter().flatten().min();
            must(oldest(*into, world) <= kept || kept.is_none(), || {
                format!("{into} lost seniority by a merge")
            })?;
        }
    }
    Ok(())
}

pub(crate) fn situation(_: &World, world: &World, done: &Done) -> Verdict {
    for (ledger, _, _) in &done.facts {
        let AggregateId::Household(id) = ledger else { continue };
        let events: Vec<_> = world
            .log
            .iter()
            .filter(|(of, _, _)| of == ledger)
            .filter_map(|(_, fact, stamp)| match fact {
                Fact::Household(event) => Some((event.clone(), *stamp)),
                Fact::Place(_) | Fact::Structure(_) => None,
            })
            .collect();
        let now = domain::history::situation(&events, domain::history::Moment::default());
        must(now == *world.household(*id), || format!("{id} is read otherwise than it is kept"))?;
    }
    Ok(())
}

pub(crate) fn persons(before: &World, world: &World, done: &Done) -> Verdict {
    let mut of: BTreeMap<PersonId, HouseholdId> = BTreeMap::new();
    for (id, is) in households(world) {
        let active = matches!(is.registration, Registration::Registered { .. });
        must(active || is.composition.members.is_empty(), || {
            format!("{id} has ended and still has members")
        })?;
        for person in is.composition.members.keys() {
            if let Some(other) = of.insert(*person, id) {
                return Err(format!("{person} is in {id} and {other}"));
            }
        }
    }
    let born = done.facts.iter().filter(|(_, fact, _)| fact.kind() == "household.member_added").count();
    let count = |world: &World| households(world).map(|(_, is)| is.composition.members.len()).sum::<usize>();
    must(count(world) == count(before) + born, || {
        format!("{} persons became {}", count(before), count(world))
    })
}

pub(crate) fn tacit(_: &World, world: &World, done: &Done) -> Verdict {
    must(done.fired_twice == 0, || format!("{} changes by deadlines fired twice", done.fired_twice))?;
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for (ledger, fact, stamp) in &world.log {
        if let Fact::Household(HouseholdEvent::Stay(event)) = fact {
            match event {
                StayEvent::AdmissionDeemedAccepted(e) => {
                    *times.entry(format!("{ledger} admission {}", e.stay)).or_default() += 1;
                }
                StayEvent::StayDeemedExtended(e) => {
                    *times
                        .entry(format!("{ledger} extension {} {}", e.stay, stamp.effective))
                        .or_default() += 1;
                }
                StayEvent::StayStarted(_)
                | StayEvent::StayReviewed(_)
                | StayEvent::AbsenceRecorded(_)
                | StayEvent::StayResumed(_)
                | StayEvent::ExtensionRequested(_)
                | StayEvent::StayExtended(_)
                | StayEvent::ExtensionRefused(_)
                | StayEvent::AdmissionDecided(_)
                | StayEvent::NoticeGiven(_)
                | StayEvent::NoticeWithdrawn(_)
                | StayEvent::TerminationNotified(_)
                | StayEvent::PersonsLeft(_)
                | StayEvent::StayEnded(_)
                | StayEvent::DepositReturned(_) => {}
            }
        }
    }
    must(times.values().all(|times| *times == 1), || format!("{times:?}"))?;
    for (_, fact, command) in &done.facts {
        if matches!(fact.kind(), "admission.deemed_accepted" | "stay.deemed_extended") {
            must(done.by_clock.contains(command), || format!("{} was not the clock's", fact.kind()))?;
        }
    }
    Ok(())
}

pub(crate) fn twice(_: &World, world: &World, _: &Done) -> Verdict {
    let mut seen = BTreeSet::new();
    let mut ledgers: BTreeMap<AggregateId, State> = BTreeMap::new();
    for (ledger, fact, stamp) in world.log.iter().flat_map(|one| [one, one]) {
        // A reader recognises an event by its id.
        if seen.insert(stamp.event) {
            ledgers.entry(*ledger).or_insert_with(|| State::empty(ledger)).evolve(fact, stamp);
        }
    }
    must(seen.len() == world.log.len(), || "two events bear the same id".to_owned())?;
    for (ledger, state) in &ledgers {
        must(world.ledgers.get(ledger) == Some(state), || {
            format!("{ledger} differs when its events come twice")
        })?;
    }
    Ok(())
}

pub(crate) fn joint(_: &World, world: &World, _: &Done) -> Verdict {
    for place in &world.places {
        let is = world.place(*place);
        let live = households(world).find_map(|(id, h)| {
            h.live_referrals().find(|(_, r)| r.place == *place).map(|(referral, _)| (referral, id))
        });
        let held = is.hold.as_ref().map(|hold| (hold.referral, hold.household));
        must(live == held, || format!("{place}: the households say {live:?}, the place {held:?}"))?;
        let stays = households(world).find_map(|(id, h)| {
            h.active_stays().find(|(_, s)| s.place == *place).map(|(stay, _)| (Title::Stay { stay }, id))
        });
        let lived = is
            .current_occupancy()
            .filter(|o| matches!(o.title, Title::Stay { .. }))
            .map(|o| (o.title, o.household));
        must(stays == lived, || format!("{place}: the households say {stays:?}, the place {lived:?}"))?;
        if let Some(vacancy) = is.open_vacancy() {
            for (candidacy, candidate) in &vacancy.allocation.candidates {
                let told = world
                    .household(candidate.household)
                    .candidacies
                    .get(candidacy)
                    .is_some_and(|c| c.is_live());
                must(told == candidate.is_live(), || format!("{candidacy} is live on one ledger only"))?;
            }
        }
    }
    Ok(())
}
