//! INV-2: a place is promised once; and the two ledgers of one step tell the same.

use std::collections::BTreeMap;

use domain::household::Household;
use domain::household::candidacy::CandidacySituation;
use domain::id::{CandidacyId, PlaceId, VacancyId};
use domain::place::PlaceEvent;
use domain::place::committee::{CandidateSituation, CommitteeEvent};
use domain::place::occupancy::Title;
use jiff::Timestamp;

use super::{Verdict, households, must, of_places};
use crate::world::{Recorded, World};

pub(crate) fn one_holder(world: &World, _: &Recorded) -> Verdict {
    for place in &world.places {
        let is = world.place(*place);
        let live = households(&world.ledgers)
            .flat_map(|(_, household)| household.live_referrals())
            .filter(|(_, referral)| referral.place == *place)
            .count();
        must(live <= 1, || format!("{live} referrals hold {place}"))?;
        let running = is.occupancies.iter().filter(|o| o.to.is_none()).count();
        must(running + live <= 1, || format!("{place} is held by {live} and lived in by {running}"))?;
        let mut spans: Vec<_> =
            is.occupancies.iter().map(|o| (o.from, o.to.unwrap_or(Timestamp::MAX))).collect();
        spans.sort();
        let apart =
            spans.iter().enumerate().all(|(n, (_, end))| spans[n + 1..].iter().all(|(from, _)| end <= from));
        must(apart, || format!("{place} is lived in twice: {spans:?}"))?;
        if let Some(vacancy) = &is.vacancy {
            let candidates = vacancy.allocation.candidates.values();
            let accepted =
                candidates.filter(|c| matches!(c.situation, CandidateSituation::Accepted { .. })).count();
            must(accepted <= 1, || format!("{accepted} candidates accepted {place}"))?;
        }
    }
    in_rank_order(world)
}

/// A dwelling is offered to one candidate at a time, in the order of the committee, and to the next when one is gone.
fn in_rank_order(world: &World) -> Verdict {
    let mut ranks: BTreeMap<(PlaceId, VacancyId), BTreeMap<CandidacyId, u8>> = BTreeMap::new();
    let mut answer_by: BTreeMap<CandidacyId, Timestamp> = BTreeMap::new();
    for (place, event, stamp) in of_places(&world.log) {
        let PlaceEvent::Committee(event) = event else { continue };
        match event {
            CommitteeEvent::CommitteeDecided(e) => {
                let ranked = e.decisions.iter();
                let ranked = ranked.filter_map(|one| Some((one.candidacy, one.decision.offer_rank()?)));
                ranks.entry((place, e.vacancy)).or_default().extend(ranked);
            }
            CommitteeEvent::CandidateClosed(e) => {
                ranks.entry((place, e.vacancy)).or_default().remove(&e.candidacy);
            }
            CommitteeEvent::OfferMade(e) => {
                let waiting = ranks.entry((place, e.vacancy)).or_default();
                answer_by.insert(e.candidacy, e.answer_by.0);
                let own = waiting.get(&e.candidacy).copied();
                let first = waiting.values().min().copied();
                must(own.is_some() && own == first, || {
                    format!("{place} is offered to rank {own:?}, and {waiting:?} wait")
                })?;
            }
            CommitteeEvent::OfferNotified(e) => {
                let before = answer_by.insert(e.candidacy, e.answer_by.0);
                must(before.is_some_and(|before| before <= e.answer_by.0), || {
                    format!("{place}: the days to answer became fewer, from {before:?} to {}", e.answer_by)
                })?;
            }
            CommitteeEvent::OfferAccepted(e) => {
                let last = answer_by.get(&e.candidacy);
                must(last.is_some_and(|last| stamp.recorded <= *last), || {
                    format!("{place} was accepted at {}, silence was refusal since {last:?}", stamp.recorded)
                })?;
            }
            CommitteeEvent::CandidatesDesignated(_)
            | CommitteeEvent::CommitteeConvened(_)
            | CommitteeEvent::ConditionMet(_)
            | CommitteeEvent::DocumentsChecked(_) => {}
        }
    }
    for place in &world.places {
        let Some(vacancy) = world.place(*place).open_vacancy() else { continue };
        let of = |wanted: fn(&CandidateSituation) -> bool| {
            vacancy.allocation.candidates.values().filter(|c| wanted(&c.situation)).count()
        };
        let at_stake =
            of(|s| matches!(s, CandidateSituation::Offered { .. } | CandidateSituation::Accepted { .. }));
        let waiting = of(|s| matches!(s, CandidateSituation::Decided));
        must(at_stake <= 1, || format!("{place} is offered to {at_stake} at once"))?;
        must(at_stake == 1 || waiting == 0, || format!("{place} is offered to nobody, {waiting} wait"))?;
    }
    Ok(())
}

pub(crate) fn joint(world: &World, _: &Recorded) -> Verdict {
    for place in &world.places {
        let is = world.place(*place);
        let live = households(&world.ledgers).find_map(|(id, household)| {
            let mut live = household.live_referrals();
            live.find(|(_, referral)| referral.place == *place).map(|(referral, _)| (referral, id))
        });
        let held = is.hold.as_ref().map(|hold| (hold.referral, hold.household));
        must(live == held, || format!("{place}: the households say {live:?}, the place {held:?}"))?;
        for candidate in is.open_vacancy().into_iter().flat_map(|vacancy| &vacancy.allocation.candidates) {
            let (candidacy, candidate) = candidate;
            let told = world.household(candidate.household).candidacies.get(candidacy);
            must(told.is_some_and(|told| told.is_live() == candidate.is_live()), || {
                format!("{candidacy}: the place says {candidate:?}, the household {told:?}")
            })?;
        }
        let told = told_of(world, *place);
        let mut lived: Vec<_> = is.occupancies.iter().map(|o| (o.title, o.from, o.to)).collect();
        lived.sort_by_key(|(title, _, _)| format!("{title:?}"));
        must(told == lived, || format!("{place}: the households say {told:?}, the place {lived:?}"))?;
    }
    households(&world.ledgers).try_for_each(|(_, is)| candidacies(world, is))
}

type Spell = (Title, Timestamp, Option<Timestamp>);

/// The stays and leases of all households in a place.
fn told_of(world: &World, place: PlaceId) -> Vec<Spell> {
    let mut told = Vec::new();
    for (_, is) in households(&world.ledgers) {
        let stays = is.stays.iter().filter(|(_, stay)| stay.place == place);
        told.extend(stays.map(|(stay, is)| (Title::Stay { stay: *stay }, is.from, is.ended())));
        let leases = is.leases.iter().filter(|(_, lease)| lease.place == place);
        told.extend(leases.map(|(lease, is)| (Title::Lease { lease: *lease }, is.from, is.ended)));
    }
    told.sort_by_key(|(title, _, _)| format!("{title:?}"));
    told
}

/// A live candidacy stands on the dwelling's ledger too, in the same situation.
fn candidacies(world: &World, is: &Household) -> Verdict {
    for (id, candidacy) in is.candidacies.iter().filter(|(_, candidacy)| candidacy.is_live()) {
        let vacancy = world.place(candidacy.place).open_vacancy();
        let vacancy = vacancy.filter(|vacancy| vacancy.id == candidacy.vacancy);
        let there = vacancy.and_then(|vacancy| vacancy.allocation.candidates.get(id)).map(|c| &c.situation);
        let same = match (&candidacy.situation, there) {
            (CandidacySituation::Designated, Some(CandidateSituation::Designated))
            | (CandidacySituation::Decided { .. }, Some(CandidateSituation::Decided))
            | (CandidacySituation::Accepted, Some(CandidateSituation::Accepted { .. })) => true,
            (
                CandidacySituation::Offered { answer_by: one },
                Some(CandidateSituation::Offered { answer_by }),
            ) => one == answer_by,
            (_, _) => false,
        };
        must(same, || format!("{id}: the household says {candidacy:?}, the dwelling {there:?}"))?;
    }
    Ok(())
}
