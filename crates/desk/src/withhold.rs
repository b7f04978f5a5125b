//! What a service may not keep in its rows: taken out before anything is written.

use domain::ledger::State;

/// Identities of households, and what their safety asks for.
pub fn identities(state: &mut State) {
    match state {
        State::Household(household) => household.withhold_identities(),
        State::Place(_) | State::Structure(_) | State::Organisation(_) | State::User(_) => {}
    }
}

/// What people sign in with, and who they are: kept by the one service where they sign in.
pub fn credentials(state: &mut State) {
    match state {
        State::User(user) => {
            user.agent = None;
            user.credentials = None;
        }
        State::Household(_) | State::Place(_) | State::Structure(_) | State::Organisation(_) => {}
    }
}

/// Both.
pub fn persons(state: &mut State) {
    identities(state);
    credentials(state);
}
