//! The indexes over the ledgers that a deciding service keeps: deadlines by due date, tasks by desk, who waits, which
//! places there are, whose account of the broker is whose.

use domain::decide::Service;
use domain::decide::clock::deadlines;
use domain::ledger::{AggregateId, State};
use domain::rules::RuleBook;
use domain::subscription::Subscription;
use domain::worklist::tasks;
use jiff::Timestamp;
use projection::ledgers::IndexEntry;
use projection::{Tree, key};

/// Deadlines of the service, soonest first: `(due, ledger, number)` → the deadline.
pub const DEADLINES: Tree = Tree::named("desk/deadlines");
/// Tasks, by desk and soonest first: `(desk, due, since, ledger, number)` → the task.
pub const TASKS: Tree = Tree::named("desk/tasks");
/// Households with an open, transmitted request: `(siao, household)`.
pub const WAITING: Tree = Tree::named("desk/waiting");
/// Places that are or were part of the supply: `(territory, place)`.
pub const PLACES: Tree = Tree::named("desk/places");
/// Households that are erased and whose erasure is not certified yet: `(household)`.
pub const ERASED: Tree = Tree::named("desk/erased");
/// Accounts of the broker that are or were bound to an organisation: `(account, organisation)`.
pub const ACCOUNTS: Tree = Tree::named("desk/accounts");
/// Subscriptions that stand: `(owner, subscription)`.
pub const SUBSCRIPTIONS: Tree = Tree::named("desk/subscriptions");
/// Questions about capacity: `(territory, inquiry)`.
pub const INQUIRIES: Tree = Tree::named("desk/inquiries");
/// All of them that services keep who take commands on the pathway.
pub const TREES: &[Tree] = &[DEADLINES, TASKS, WAITING, PLACES, ERASED, ACCOUNTS];
/// Those that the service keeps which tells what leaves.
pub const FEED_TREES: &[Tree] = &[DEADLINES, ACCOUNTS, SUBSCRIPTIONS, INQUIRIES];

/// What stands in the key of a task that nothing hurries: after every date.
pub(crate) const NEVER: Timestamp = Timestamp::MAX;

/// The indexes of a service that takes commands.
#[must_use]
pub fn index(service: Service) -> fn(&AggregateId, &State) -> Vec<IndexEntry> {
    match service {
        Service::Intake => |ledger, state| entries(Service::Intake, ledger, state),
        Service::Insertion => |ledger, state| entries(Service::Insertion, ledger, state),
        Service::Landlord => |ledger, state| entries(Service::Landlord, ledger, state),
        Service::Supervision => |ledger, state| entries(Service::Supervision, ledger, state),
        Service::Feed => followers,
    }
}

fn entries(service: Service, ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    let mut entries = due(service, ledger, state);
    for (n, task) in tasks(ledger, state, RuleBook::shipped()).iter().enumerate() {
        if crate::worklists::owner(task.desk) == service {
            let due = task.due.unwrap_or(NEVER);
            let at = key::of(&(task.desk.name(), due, task.since, *ledger, count(n)));
            entries.push((TASKS, at, json(task)));
        }
    }
    match state {
        // Nothing else is found of whom nobody knows any more.
        State::Household(is) if is.erasure().is_some() => {
            let certified = is.erasure().is_some_and(|erasure| erasure.certificate.is_some());
            if !certified && service == Service::Intake {
                entries.push((ERASED, key::of(ledger), Vec::new()));
            }
        }
        State::Household(is) => {
            let waits = is.requests.values().filter(|one| one.situation.is_open() && one.seniority.is_some());
            let siaos: std::collections::BTreeSet<_> = waits.map(|one| one.siao).collect();
            entries.extend(siaos.into_iter().map(|siao| (WAITING, key::of(&(siao, *ledger)), Vec::new())));
        }
        State::Place(is) if is.inventory.description().is_some() => {
            entries.push((PLACES, key::of(&(ledger.territory(), *ledger)), Vec::new()));
        }
        State::Organisation(_) => entries.extend(account_index(ledger, state)),
        State::Place(_)
        | State::Structure(_)
        | State::User(_)
        | State::Subscription(_)
        | State::Inquiry(_) => {}
    }
    entries
}

/// The deadlines of the service that the ledger waits for.
fn due(service: Service, ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    let own = deadlines(ledger, state).into_iter().enumerate();
    own.filter(|(_, deadline)| deadline.kind.service() == service)
        .map(|(n, deadline)| (DEADLINES, key::of(&(deadline.due, *ledger, count(n))), json(&deadline)))
        .collect()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Whom the feed tells, and what is asked of them: accounts of the broker, subscriptions, questions about capacity.
fn followers(ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    let mut entries = account_index(ledger, state);
    if state.inquiry().is_some_and(|is| is.asked().is_some()) {
        // No other ledger waits for a deadline here.
        entries.extend(due(Service::Feed, ledger, state));
        entries.push((INQUIRIES, key::of(&(ledger.territory(), *ledger)), Vec::new()));
    }
    if let Some(standing) = state.subscription().and_then(Subscription::standing) {
        entries.push((SUBSCRIPTIONS, key::of(&(standing.owner, *ledger)), Vec::new()));
    }
    entries
}

fn account_index(ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    let accounts = state.organisation().into_iter().flat_map(|is| is.accounts.keys().cloned());
    accounts.map(|account| (ACCOUNTS, key::of(&(String::from(account), *ledger)), Vec::new())).collect()
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Deadlines and tasks are plain structs with string keys: serde_json cannot refuse them.
    serde_json::to_vec(value).unwrap_or_default()
}
