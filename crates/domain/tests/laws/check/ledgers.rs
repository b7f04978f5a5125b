//! INV-16: an event that comes twice changes nothing, the order inside one ledger is total, and history agrees.

use std::collections::BTreeSet;

use domain::event::Stamp;
use domain::history::{Moment, situation};
use domain::household::HouseholdEvent;
use domain::id::EventId;
use domain::ledger::{AggregateId, Fact, State};

use super::{Verdict, must, of_households};
use crate::world::{Recorded, World};

fn on<'a>(world: &'a World, ledger: &'a AggregateId) -> impl Iterator<Item = (&'a Fact, &'a Stamp)> {
    world.log.iter().filter(move |(of, _, _)| of == ledger).map(|(_, fact, stamp)| (fact, stamp))
}

/// The ledgers that a command wrote to.
fn written(done: &Recorded) -> BTreeSet<AggregateId> {
    done.facts.iter().map(|(ledger, _, _)| *ledger).collect()
}

/// Each event is handed to the fold twice in a row, and nobody sorts out which came before.
pub(crate) fn twice(world: &World, done: &Recorded) -> Verdict {
    for ledger in written(done) {
        let mut state = State::empty(&ledger);
        for (fact, stamp) in on(world, &ledger) {
            state.evolve(fact, stamp);
            let once = state.clone();
            state.evolve(fact, stamp);
            must(state == once, || format!("{} counts twice on {ledger}", fact.kind()))?;
        }
        must(world.ledgers.get(&ledger) == Some(&state), || format!("{ledger} is not what was told of it"))?;
    }
    Ok(())
}

/// Every event has its own id, and a ledger only grows: what is recorded later was learned later.
pub(crate) fn ordered(world: &World, done: &Recorded) -> Verdict {
    let mut ids: BTreeSet<EventId> = BTreeSet::new();
    for (ledger, fact, stamp) in &world.log {
        must(ids.insert(stamp.event), || format!("{} of {ledger} bears the id of another", fact.kind()))?;
    }
    for ledger in written(done) {
        let recorded: Vec<_> = on(world, &ledger).map(|(_, stamp)| stamp.recorded).collect();
        must(recorded.is_sorted(), || format!("{ledger} was recorded in another order"))?;
        let mut state = State::empty(&ledger);
        on(world, &ledger).for_each(|(fact, stamp)| state.evolve(fact, stamp));
        must(world.ledgers.get(&ledger) == Some(&state), || format!("{ledger} is not what was told of it"))?;
    }
    Ok(())
}

/// Read back with no date at all, a household is what its ledger says.
pub(crate) fn history(world: &World, done: &Recorded) -> Verdict {
    for ledger in written(done) {
        let AggregateId::Household(id) = ledger else { continue };
        let told = of_households(&world.log).filter(|(of, _, _)| *of == id);
        let events: Vec<(HouseholdEvent, Stamp)> =
            told.map(|(_, event, stamp)| (event.clone(), *stamp)).collect();
        let (read, is) = (situation(&events, Moment::default()), world.household(id));
        must(read == *is, || format!("{id} reads as {read:#?}, and is {is:#?}"))?;
    }
    Ok(())
}

/// A command that comes back when the journal no longer remembers it, now or long after, makes nothing that it made.
pub(crate) fn again(world: &World, done: &Recorded) -> Verdict {
    let made: BTreeSet<_> = world.log.iter().filter_map(|(ledger, fact, _)| creation(ledger, fact)).collect();
    let older = &world.accepted[world.log.len() * 7 % world.accepted.len()];
    for (asked, command) in [older, &(done.asked.clone(), done.command)] {
        let changes = world.decide(asked, *command).unwrap_or_default();
        let twice = changes.iter().filter_map(|change| creation(&change.ledger, &change.fact));
        let twice: Vec<_> = twice.filter(|one| made.contains(one)).collect();
        must(twice.is_empty(), || format!("{} makes {twice:?} again", asked.name()))?;
    }
    Ok(())
}

/// The thing that an event makes.
fn creation(ledger: &AggregateId, fact: &Fact) -> Option<String> {
    let body = fact.body();
    let id = match fact.kind() {
        "household.registered" | "household.separated" | "place.opened" | "structure.opened" => None,
        "household.member_added" => Some(body.get("member")?.get("person")?),
        "request.created" => Some(body.get("request")?),
        "referral.proposed" => Some(body.get("referral")?),
        "stay.started" => Some(body.get("stay")?),
        "housing_application.registered" => Some(body.get("application")?),
        "priority.granted" => Some(body.get("label")?),
        "candidacy.designated" => Some(body.get("candidacy")?),
        "lease.signed" => Some(body.get("lease")?),
        "consent.given" => Some(body.get("consent")?),
        "person_request.recorded" => Some(body.get("person_request")?),
        "vacancy.declared" => Some(body.get("vacancy")?),
        "committee.convened" => Some(body.get("committee")?),
        "place.taken_offline" => Some(body.get("spell")?),
        _ => return None,
    };
    Some(format!("{} {ledger} {}", fact.kind(), id.map(ToString::to_string).unwrap_or_default()))
}
