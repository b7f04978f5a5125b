//! Who reads a household, or would but for what its people said, and what each has read already: told to those who
//! answer for it, and to the household when it takes a consent back.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::Actor;
use domain::household::Household;
use domain::id::{HouseholdId, OrganisationId};
use domain::ledger::AggregateId;
use domain::organisation::Organisation;
use domain::rights::{self, Circumstances, Matrix, Providers, Relation, Role};
use jiff::Timestamp;
use journal::access::{AccessReadError, Outcome};
use projection::Page;
use serde::Serialize;
use service::Problem;

use crate::answer::{key_problem, read_problem, unserved};
use crate::gate::{organisation, user};
use crate::reading::folded;
use crate::seen::{household, providers};
use crate::take::Desk;

/// How many readings are asked for at once.
const ASKED_AT_ONCE: usize = 1_000;

/// What one organisation has read of a household, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// How often.
    pub times: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// Which groups of fields, in all.
    pub fields: BTreeSet<String>,
}

/// An organisation that reads a household, would, or has.
#[derive(Debug, Clone, Serialize)]
pub struct Reader {
    /// Which.
    pub organisation: OrganisationId,
    /// Its name, if it is known here.
    pub name: Option<String>,
    /// What it is to the household, and therefore reads.
    pub sees_as: BTreeSet<Relation>,
    /// What it is to the household and does not read, because of what its people said.
    pub stopped_as: BTreeSet<Relation>,
    /// What it has read; the journal of readings goes back a year.
    pub read: Option<Read>,
}

impl Desk {
    /// The organisations that read this household, would but for what its people said, or have read it, in the order of
    /// their ids.
    ///
    /// # Errors
    /// [`Problem`] when the journal of readings or the rows cannot be read.
    pub async fn readers(&self, id: HouseholdId) -> Result<Vec<Reader>, Problem> {
        let mut read = self.reads(id).await?;
        let page = self.ledgers().handle().reader().page().map_err(|e| unserved(&e))?;
        let found = folded(&page, &AggregateId::Household(id))?;
        let Some(is) = found.as_deref().and_then(household) else { return Ok(Vec::new()) };
        let providers = providers(&page, is, None)?;
        let named = named(&page, is)?;
        // As if nobody had said anything: the difference is what they stopped.
        let silent = Household { consents: BTreeMap::new(), ..is.clone() };
        let at = self.circumstances(id.territory());
        let mut readers = Vec::new();
        for organisation in concerned(is, &providers).chain(read.keys().copied()).collect::<BTreeSet<_>>() {
            let known = known(&page, organisation)?;
            let held = |is| known.as_ref().map(|known| held(organisation, known, id, is, &providers, at));
            let (mut sees_as, would) = (held(is).unwrap_or_default(), held(&silent).unwrap_or_default());
            let stopped_as = would.difference(&sees_as).copied().collect();
            if named.as_ref().is_some_and(|named| !named.contains(&organisation)) {
                sees_as.clear();
            }
            let name = known.map(|known| known.name);
            let reader = Reader { organisation, name, sees_as, stopped_as, read: read.remove(&organisation) };
            if !would.is_empty() || reader.read.is_some() {
                readers.push(reader);
            }
        }
        Ok(readers)
    }

    /// What each organisation has read, refusals left out.
    async fn reads(&self, id: HouseholdId) -> Result<BTreeMap<OrganisationId, Read>, Problem> {
        let (mut reads, mut after): (BTreeMap<_, Read>, _) = (BTreeMap::new(), 0);
        loop {
            let page = self.journal().accesses_of(id, after, ASKED_AT_ONCE).await.map_err(unread)?;
            for access in &page.entries {
                let said = &access.entry;
                match said.outcome {
                    Outcome::Granted | Outcome::BreakGlass => {}
                    Outcome::Refused => continue,
                }
                let new = Read { times: 0, first: said.at, last: said.at, fields: BTreeSet::new() };
                let read = reads.entry(said.organisation).or_insert(new);
                read.times += 1;
                read.first = read.first.min(said.at);
                read.last = read.last.max(said.at);
                read.fields.extend(said.fields.iter().map(ToString::to_string));
            }
            if !page.more {
                return Ok(reads);
            }
            after = page.cursor;
        }
    }
}

/// The organisations that the household's ledger names.
fn concerned<'a>(is: &'a Household, providers: &'a Providers) -> impl Iterator<Item = OrganisationId> + 'a {
    let followers = is.followers.iter().map(|follower| follower.organisation);
    let counters = is.applications.values().filter_map(|application| application.counter);
    providers.values().copied().chain(followers).chain(counters)
}

/// The organisations of those for whom alone the household exists, if its file is protected.
fn named(page: &Page, is: &Household) -> Result<Option<BTreeSet<OrganisationId>>, Problem> {
    let Some(named) = &is.protected else { return Ok(None) };
    let mut organisations = BTreeSet::new();
    for person in named {
        let found = folded(page, &AggregateId::User(*person))?;
        let profiles = found.as_deref().and_then(user).map(|user| &user.profiles);
        organisations.extend(profiles.into_iter().flatten().map(|profile| profile.organisation));
    }
    Ok(Some(organisations))
}

/// What an organisation is, whether or not it still takes part.
fn known(page: &Page, id: OrganisationId) -> Result<Option<Organisation>, Problem> {
    let found = folded(page, &AggregateId::Organisation(id))?;
    Ok(found.as_deref().and_then(organisation).and_then(|ledger| ledger.known()).cloned())
}

/// What the organisation is to the household, as far as a role that its people can hold sees anything by it.
fn held(
    id: OrganisationId,
    known: &Organisation,
    household: HouseholdId,
    is: &Household,
    providers: &Providers,
    at: Circumstances<'_>,
) -> BTreeSet<Relation> {
    let fitting: Vec<_> = Role::ALL.into_iter().filter(|role| role.fits(known.kind)).collect();
    let opens = |relation: &Relation| {
        let rights = fitting.iter().filter_map(|role| Matrix::shipped().role(*role));
        rights.into_iter().any(|rights| rights.rows.contains_key(relation))
    };
    let all_of_it = rights::Caller {
        actor: Actor::clock(),
        user: None,
        organisation: id,
        kind: known.kind,
        territories: known.territories.clone(),
        // What an organisation is to a household does not depend on who of it asks.
        role: Role::Auditor,
        verbs: None,
    };
    let mut held = rights::relations(&all_of_it, household, is, providers, at);
    held.retain(opens);
    held
}

/// Why the journal of readings cannot be read.
pub fn unread(error: AccessReadError) -> Problem {
    match error {
        AccessReadError::Read(error) => read_problem(error),
        AccessReadError::Keys(error) => key_problem(error),
    }
}
