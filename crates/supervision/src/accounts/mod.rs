//! Organisations, the tokens of their software, those who sign in, and what others look at because of them.

mod alerts;
mod enrolment;
mod finding;
mod invitations;
mod lists;
mod others;
mod provider;
mod sessions;
mod sign_in;
mod taking;
mod tokens;
mod users;

use std::sync::Arc;

use domain::id::UserId;
use domain::ledger::{AggregateId, State};
use projection::ledgers::IndexEntry;
use projection::{Tree, key};
use service::Site;
use service::config::SignIn;
use service::rate::Rates;
use service::sign_in::local::Hasher;

use desk::{Desk, Reading};

/// Organisations: `(organisation)`.
pub(crate) const ORGANISATIONS: Tree = Tree::named("accounts/organisations");
/// Users by what they sign in with: `(digest)` → the user.
pub(crate) const LOGINS: Tree = Tree::named("accounts/logins");
/// Users by organisation: `(organisation, user)`.
pub(crate) const USERS: Tree = Tree::named("accounts/users");
/// Accounts for emergencies: `(user)`.
pub(crate) const EMERGENCY: Tree = Tree::named("accounts/emergency");
/// Protected files that were opened in an emergency, which nobody has looked at since: `(household)`.
pub(crate) const OPENINGS: Tree = Tree::named("accounts/openings");
/// Organisations of which somebody opened unusually many files: `(organisation)`.
pub(crate) const BULK_READINGS: Tree = Tree::named("accounts/bulk-readings");
/// All of them.
pub(crate) const TREES: &[Tree] = &[ORGANISATIONS, LOGINS, USERS, EMERGENCY, OPENINGS, BULK_READINGS];

/// What a user or an organisation is found by. Keys name the ledger, so that two never give the same one.
pub(crate) fn index(ledger: &AggregateId, state: &State) -> Vec<IndexEntry> {
    match state {
        State::Organisation(is) if is.known().is_some() => {
            let listed = (ORGANISATIONS, key::of(ledger), Vec::new());
            let noticed =
                (!is.bulk_readings.is_empty()).then(|| (BULK_READINGS, key::of(ledger), Vec::new()));
            std::iter::once(listed).chain(noticed).collect()
        }
        State::User(user) => {
            let digests =
                std::iter::once(&user.login).chain(&user.identities).filter(|digest| !digest.is_empty());
            let logins = digests.map(|digest| (LOGINS, key::of(&(digest.clone(), *ledger)), Vec::new()));
            let profiles = user.profiles.iter();
            let organisations: std::collections::BTreeSet<_> =
                profiles.map(|profile| profile.organisation).collect();
            let of = organisations
                .into_iter()
                .map(|organisation| (USERS, key::of(&(organisation, *ledger)), Vec::new()));
            let emergency = user.emergency.then(|| (EMERGENCY, key::of(ledger), Vec::new()));
            logins.chain(of).chain(emergency).collect()
        }
        State::Household(is) if is.openings.iter().any(|opening| !opening.reviewed) => {
            vec![(OPENINGS, key::of(ledger), Vec::new())]
        }
        State::Organisation(_)
        | State::Household(_)
        | State::Place(_)
        | State::Structure(_)
        | State::Subscription(_)
        | State::Inquiry(_) => Vec::new(),
    }
}

/// What the routes of accounts share.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) desk: Desk,
    pub(crate) reading: Reading,
    pub(crate) hasher: Hasher,
    /// Attempts to sign in, by what was given as login.
    pub(crate) attempts: Arc<Rates<String>>,
    /// Wrong codes with a right password, by whose they are.
    pub(crate) guesses: Arc<Rates<UserId>>,
    /// The provider of identities, if there is one.
    pub(crate) provided: Option<Arc<provider::Provided>>,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading, settings: Option<&SignIn>) -> Site {
    let provided = settings.and_then(SignIn::oidc).map(|config| Arc::new(provider::Provided::by(config)));
    let office = Office {
        desk: desk.clone(),
        reading: reading.clone(),
        hasher: Hasher::default(),
        attempts: Arc::default(),
        guesses: Arc::default(),
        provided,
    };
    let site = lists::routes(site, &office);
    let site = tokens::routes(site, &office);
    let site = users::routes(site, &office);
    let site = invitations::routes(site, &office);
    let site = enrolment::routes(site, &office);
    let site = sign_in::routes(site, &office);
    let site = sessions::routes(site, &office);
    let site = others::routes(site, &office);
    let site = provider::routes(site, &office);
    alerts::routes(site, &office)
}
