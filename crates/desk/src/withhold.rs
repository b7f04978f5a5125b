//! What a service may not keep in its rows: taken out before anything is written.

use domain::household::Household;
use domain::ledger::State;

fn of_household(state: &mut State, withhold: impl FnOnce(&mut Household)) {
    match state {
        State::Household(household) => withhold(household),
        State::Place(_)
        | State::Structure(_)
        | State::Organisation(_)
        | State::User(_)
        | State::Subscription(_)
        | State::Inquiry(_) => {}
    }
}

/// Identities of households, and what they need that is sealed: kept by those who match and show it.
pub fn stories(state: &mut State) {
    of_household(state, |household| {
        household.withhold_identities();
        household.withhold_needs();
    });
}

/// What people sign in with, and who they are: kept by the one service where they sign in.
pub fn credentials(state: &mut State) {
    match state {
        State::User(user) => {
            user.agent = None;
            user.credentials = None;
        }
        State::Household(_)
        | State::Place(_)
        | State::Structure(_)
        | State::Organisation(_)
        | State::Subscription(_)
        | State::Inquiry(_) => {}
    }
}

/// Identities and credentials: for a service that matches all the same.
pub fn persons(state: &mut State) {
    of_household(state, Household::withhold_identities);
    credentials(state);
}

/// All of these.
pub fn persons_and_stories(state: &mut State) {
    stories(state);
    credentials(state);
}

/// Of users what they sign in with alone: a service that writes to them keeps who they are, sealed.
pub fn stories_and_secrets(state: &mut State) {
    stories(state);
    if let State::User(user) = state {
        user.credentials = None;
    }
}
