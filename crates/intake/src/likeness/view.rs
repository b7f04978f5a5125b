//! The rows: files with their tokens, households by token, and whom to ask in each département.

use std::collections::BTreeSet;

use domain::id::{HouseholdId, OrganisationId, PersonId, Territory};
use domain::ledger::{AggregateId, Fact};
use domain::organisation::{Organisation, OrganisationEvent, OrganisationKind, OrganisationLedger};
use projection::{ApplyError, Entry, Page, Rows, StoreError, Tree, View, key};

use super::file::{File, StillSealed};
use super::token::{Token, Tokens};

/// Files by household.
const FILES: Tree = Tree::named("likeness/files");
/// `(likeness, token, household, person)`: who bears a token.
const BEARERS: Tree = Tree::named("likeness/bearers");
/// Organisations, as their ledgers say.
const ORGANISATIONS: Tree = Tree::named("likeness/organisations");
/// `(département, organisation)` → its name: the SIAO to be asked.
const SIAOS: Tree = Tree::named("likeness/siaos");

/// Raised whenever the same events would give other rows: another trait, another sound.
const VERSION: u32 = 1;

/// The view.
pub(super) struct Likenesses {
    tokens: Tokens,
}

impl Likenesses {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self { tokens }
    }

    fn household(&self, id: HouseholdId, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        let Fact::Household(event) = entry.fact() else { return Ok(()) };
        if !File::concerns(event) {
            return Ok(());
        }
        let (before, after, whole) = rows.change(FILES, &key::of(&id), File::default, |file| {
            let before = bearers(id, file);
            let whole = file.evolve(id, event, &entry.stamp, &self.tokens);
            (before, bearers(id, file), whole)
        })?;
        whole.map_err(|StillSealed| {
            ApplyError::Contradicts("an identity or a number could not be opened".into())
        })?;
        for gone in before.difference(&after) {
            rows.remove(BEARERS, gone.clone())?;
        }
        for new in after.difference(&before) {
            rows.insert(BEARERS, new.clone(), &[])?;
        }
        Ok(())
    }
}

impl View for Likenesses {
    fn name(&self) -> &'static str {
        super::NAME
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn trees(&self) -> Vec<Tree> {
        vec![FILES, BEARERS, ORGANISATIONS, SIAOS]
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        match (entry.ledger, entry.fact()) {
            (AggregateId::Household(id), _) => self.household(id, entry, rows),
            (AggregateId::Organisation(id), Fact::Organisation(event)) => {
                Ok(organisation(id, event, entry, rows)?)
            }
            (
                AggregateId::Place(_)
                | AggregateId::Structure(_)
                | AggregateId::Organisation(_)
                | AggregateId::User(_)
                | AggregateId::Subscription(_)
                | AggregateId::Inquiry(_),
                _,
            ) => Ok(()),
        }
    }
}

/// The keys of the rows that say who bears the tokens of a file.
fn bearers(id: HouseholdId, file: &File) -> BTreeSet<Vec<u8>> {
    let nobody = PersonId(uuid::Uuid::nil());
    let key = |(person, token): (Option<PersonId>, &Token)| {
        let mut key = token.prefix();
        key.extend(key::of(&(id, person.unwrap_or(nobody))));
        key
    };
    file.tokens().map(key).collect()
}

/// Whom to ask in a département: whoever is its SIAO.
fn organisation(
    id: OrganisationId,
    event: &OrganisationEvent,
    entry: &Entry,
    rows: &mut Rows<'_>,
) -> Result<(), StoreError> {
    let asked = |is: &OrganisationLedger| {
        let siao = is.open().filter(|is| is.kind == OrganisationKind::SiaoOperator);
        siao.map(|Organisation { name, territories, .. }| (name.clone(), territories.clone()))
            .unwrap_or_default()
    };
    let (before, after) = rows.change(ORGANISATIONS, &key::of(&id), OrganisationLedger::default, |is| {
        let before = asked(is);
        is.evolve(event, &entry.stamp);
        is.tokens.clear();
        (before, asked(is))
    })?;
    for gone in before.1.difference(&after.1) {
        rows.remove(SIAOS, key::of(&(*gone, id)))?;
    }
    for territory in &after.1 {
        rows.insert(SIAOS, key::of(&(*territory, id)), after.0.as_bytes())?;
    }
    Ok(())
}

/// The file of a household, if it has one.
pub(super) fn file(page: &Page, id: HouseholdId) -> Result<Option<std::sync::Arc<File>>, StoreError> {
    page.load(FILES, &key::of(&id))
}

/// The households of which somebody bears `token`, at most `most`.
pub(super) fn who_bears(
    page: &Page,
    token: &Token,
    most: usize,
) -> Result<BTreeSet<HouseholdId>, StoreError> {
    let prefix = token.prefix();
    let mut households = BTreeSet::new();
    for row in page.prefix(BEARERS, &prefix)? {
        let (found, _) = row?;
        let rest = found.get(prefix.len()..).unwrap_or_default();
        let Some((household, _)) = key::read::<(HouseholdId, PersonId)>(rest) else {
            return Err(StoreError::Damaged("a row of tokens cannot be read".to_owned()));
        };
        households.insert(household);
        if households.len() >= most {
            break;
        }
    }
    Ok(households)
}

/// The SIAO of a département, at most `most`.
pub(super) fn siaos(
    page: &Page,
    territory: Territory,
    most: usize,
) -> Result<Vec<(OrganisationId, String)>, StoreError> {
    let mut siaos = Vec::new();
    for row in page.prefix(SIAOS, &key::of(&territory))?.take(most) {
        let (found, name) = row?;
        if let Some((_, id)) = key::read::<(Territory, OrganisationId)>(&found) {
            siaos.push((id, String::from_utf8_lossy(&name).into_owned()));
        }
    }
    Ok(siaos)
}
