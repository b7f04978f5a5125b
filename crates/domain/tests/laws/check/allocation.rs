//! INV-5 to INV-8: numbers, committees, decisions, leases.

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar::{day, start_of_day};
use domain::household::application::{ApplicationEvent, ApplicationSituation, Deregistration};
use domain::household::candidacy::CandidacyEvent;
use domain::household::priority::{LabelEnd, PriorityEvent};
use domain::household::{Household, HouseholdEvent};
use domain::id::{CandidacyId, HouseholdId, PlaceId};
use domain::ledger::Ledgers;
use domain::place::PlaceEvent;
use domain::place::committee::{
    Candidate, CommitteeDecided, CommitteeDecision as Decision, CommitteeEvent,
    CommitteeException as Exception,
};
use domain::reference::PriorityGround;
use jiff::civil::Date;

use super::{Verdict, must, of_households, of_places};
use crate::world::{Recorded, World, household_in, place_in};

/// The numéro unique that is valid on a day, read off what the register holds.
fn valid_number(is: &Household, id: HouseholdId, on: Date) -> Option<String> {
    let valid = is.applications.values().find(|application| {
        let in_register = match application.situation {
            ApplicationSituation::Registered => true,
            ApplicationSituation::Warned { strikes_at, .. } => start_of_day(id.territory(), on) <= strikes_at,
            ApplicationSituation::Deregistered { .. } => false,
        };
        in_register && on <= application.valid_until.0
    })?;
    valid.known_number().map(|number| number.to_string())
}

pub(crate) fn numbered(world: &World, done: &Recorded) -> Verdict {
    for (id, event, _) in of_households(&done.facts) {
        let HouseholdEvent::Candidacy(event) = event else { continue };
        let was = household_in(&done.before, id);
        let no = |on: Date| format!("{id} has no valid number on {on}: {:?}", was.applications);
        if let CandidacyEvent::CandidacyDesignated(e) = event {
            let on = day(e.place.territory(), done.at);
            must(valid_number(was, id, on) == e.number.known().map(|number| number.to_string()), || no(on))?;
        }
        if let CandidacyEvent::CandidacyDecided(e) = event {
            let place = world.household(id).candidacies.get(&e.candidacy).map(|candidacy| candidacy.place);
            let meeting = place.and_then(|place| {
                place_in(&done.before, place).open_vacancy()?.allocation.committee.as_ref().map(|is| is.on.0)
            });
            let Some(on) = meeting else { return Err(format!("{id} was decided without a meeting")) };
            must(valid_number(was, id, on).is_some(), || no(on))?;
        }
    }
    Ok(())
}

fn decided(done: &Recorded) -> impl Iterator<Item = (PlaceId, &CommitteeDecided)> {
    of_places(&done.facts).filter_map(|(place, event, _)| match event {
        PlaceEvent::Committee(CommitteeEvent::CommitteeDecided(e)) => Some((place, e)),
        PlaceEvent::Committee(_)
        | PlaceEvent::Inventory(_)
        | PlaceEvent::Occupancy(_)
        | PlaceEvent::Vacancy(_) => None,
    })
}

/// The candidates a committee had before it.
fn examined(before: &Ledgers, place: PlaceId) -> BTreeMap<CandidacyId, Candidate> {
    let vacancy = place_in(before, place).open_vacancy();
    let candidates = vacancy.into_iter().flat_map(|vacancy| &vacancy.allocation.candidates);
    candidates.filter(|(_, is)| is.is_live()).map(|(id, is)| (*id, is.clone())).collect()
}

pub(crate) fn three(world: &World, done: &Recorded) -> Verdict {
    for (place, e) in decided(done) {
        let candidates = examined(&done.before, place);
        let is = place_in(&done.before, place);
        let met = is.open_vacancy().and_then(|v| v.allocation.committee.as_ref()).map(|c| c.on.0);
        must(met.is_some_and(|on| on <= day(place.territory(), done.at)), || {
            format!("{place} was decided before the meeting of {met:?}")
        })?;
        if candidates.len() >= 3 {
            continue;
        }
        let true_one = match e.exception {
            None => false,
            Some(Exception::InsufficientCandidates) => !candidates.is_empty(),
            Some(Exception::PlaiAdapte) => is.description().is_some_and(|is| is.plai_adapte),
            Some(Exception::DaloDesignation) => {
                candidates.values().any(|one| one.dalo && labelled(world, one.household))
            }
        };
        must(true_one, || {
            format!(
                "{} candidates in {place}, excused by {:?}: {candidates:?}",
                candidates.len(),
                e.exception
            )
        })?;
    }
    Ok(())
}

/// Whether the household was recognised DALO.
fn labelled(world: &World, id: HouseholdId) -> bool {
    world.household(id).labels.values().any(|label| label.ground == PriorityGround::dalo())
}

pub(crate) fn decisions(_: &World, done: &Recorded) -> Verdict {
    for (place, e) in decided(done) {
        let live: BTreeSet<_> = examined(&done.before, place).into_keys().collect();
        let mut on: Vec<_> = e.decisions.iter().map(|one| one.candidacy).collect();
        on.sort_unstable();
        must(on == live.iter().copied().collect::<Vec<_>>(), || format!("{on:?} decided of {live:?}"))?;
        let mut told: BTreeMap<CandidacyId, Vec<&Decision>> = BTreeMap::new();
        for (_, event, _) in of_households(&done.facts) {
            if let HouseholdEvent::Candidacy(CandidacyEvent::CandidacyDecided(e)) = event {
                told.entry(e.candidacy).or_default().push(&e.decision);
            }
        }
        let recorded: BTreeMap<_, _> =
            e.decisions.iter().map(|one| (one.candidacy, vec![&one.decision])).collect();
        must(told == recorded, || format!("the households learn {told:?}, the dwelling {recorded:?}"))?;
        let (mut awards, mut ranks) = (0, Vec::new());
        for one in &e.decisions {
            match one.decision {
                Decision::Award | Decision::AwardConditional { .. } => awards += 1,
                Decision::AwardRanked { rank } => ranks.push(usize::from(rank)),
                Decision::Reject { .. } | Decision::Inadmissible { .. } => {}
            }
        }
        ranks.sort_unstable();
        must(awards <= 1 && ranks == (1..=ranks.len()).collect::<Vec<_>>(), || {
            format!("{awards} awards, ranks {ranks:?}")
        })?;
    }
    Ok(())
}

pub(crate) fn lease(world: &World, done: &Recorded) -> Verdict {
    let signed = |id: HouseholdId| {
        of_households(&done.facts).any(|(other, event, _)| {
            other == id && matches!(event, HouseholdEvent::Candidacy(CandidacyEvent::LeaseSigned(_)))
        })
    };
    for (id, event, _) in of_households(&done.facts) {
        match event {
            HouseholdEvent::Application(ApplicationEvent::ApplicationClosed(e)) => {
                must(e.reason != Deregistration::A || signed(id), || {
                    format!("{id} was struck off for a lease that nobody signed")
                })?;
            }
            HouseholdEvent::Priority(PriorityEvent::PriorityWithdrawn(e)) => {
                must(e.why != LabelEnd::Housed || signed(id), || {
                    format!("{id} was housed by a lease that nobody signed")
                })?;
            }
            HouseholdEvent::Candidacy(CandidacyEvent::LeaseSigned(e)) => {
                let is = world.household(id);
                let of = household_in(&done.before, id);
                let closed = |reason: &ApplicationSituation| {
                    *reason == ApplicationSituation::Deregistered { reason: Deregistration::A }
                };
                let for_it = of.live_application().is_some_and(|(application, _)| {
                    is.applications.get(&application).is_some_and(|now| closed(&now.situation))
                });
                must(for_it, || format!("{id} signed, its application is {:?}", is.applications))?;
                must(is.live_application().is_none(), || format!("{id} still has an application"))?;
                let labelled = is.labels.values().any(|label| label.ended.is_none());
                must(!labelled, || format!("{id} still has a label"))?;
                must(is.active_stays().next().is_none(), || format!("{id} still stays somewhere"))?;
                let waits = is.requests.values().any(|request| request.situation.is_open());
                must(!waits, || format!("{id} still waits for a place"))?;
                must(is.live_referrals().next().is_none(), || format!("{id} is still referred"))?;
                let runs = is.candidacies.values().any(|candidacy| candidacy.is_live());
                must(!runs, || format!("{id} is still a candidate"))?;
                let before = examined(&done.before, e.place);
                let candidate = before.get(&e.candidacy);
                let settled = candidate.is_some_and(|one| {
                    let accepted = domain::place::committee::CandidateSituation::Accepted { at: done.at };
                    std::mem::discriminant(&one.situation) == std::mem::discriminant(&accepted)
                        && one.condition_pending().is_none()
                });
                must(settled, || format!("{id} signed as {candidate:?}"))?;
            }
            HouseholdEvent::Composition(_)
            | HouseholdEvent::Family(_)
            | HouseholdEvent::Correction(_)
            | HouseholdEvent::Request(_)
            | HouseholdEvent::Referral(_)
            | HouseholdEvent::Stay(_)
            | HouseholdEvent::Application(_)
            | HouseholdEvent::Priority(_)
            | HouseholdEvent::Consent(_)
            | HouseholdEvent::PersonRequest(_)
            | HouseholdEvent::FollowUp(_)
            | HouseholdEvent::Protection(_)
            | HouseholdEvent::Erasure(_)
            | HouseholdEvent::Candidacy(_) => {}
        }
    }
    Ok(())
}
