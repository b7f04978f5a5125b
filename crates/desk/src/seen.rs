//! A household as a caller may see it: the one way from an id to a file, whatever the surface.
//!
//! **Invariant.** For a caller who may not see it, a household is answered as one that does not exist: the same steps are
//! taken, the same answer is given, the same entry is written.
//!
//! **Invariant.** Identified data leaves only once it is on disk who read what.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::household::Household;
use domain::id::{EventId, HouseholdId, OrganisationId, PlaceId, Territory, UserId};
use domain::ledger::AggregateId;
use domain::rights::{self, Circumstances, Denial, Grant, Group, Providers, Resource};
use journal::access::{About, AccessEntry, AccessError, Code, Outcome};
use projection::Page;
use projection::ledgers::Folded;
use serde_json::Value;
use service::Problem;
use service::problem::Kind;

use crate::gate::{Caller, denied};
use crate::reading::folded;
use crate::take::Desk;

/// A household that the caller may see.
pub struct Seen {
    /// Its ledger, as the view keeps it.
    pub folded: Arc<Folded>,
    /// How much of it.
    pub grant: Grant,
    /// Who runs the places it names.
    pub providers: Providers,
}

impl Seen {
    /// The household; there is one, for nothing else is seen.
    #[must_use]
    pub fn household(&self) -> Option<&Household> {
        household(&self.folded)
    }
}

/// What is known of a household, if the ledger is that of one.
#[must_use]
pub fn household(folded: &Folded) -> Option<&Household> {
    folded.state.household()
}

impl Desk {
    /// The household, if the caller may do to it what they ask. `about` is the place that it is about, if any.
    ///
    /// # Errors
    /// [`Problem`] `unknown-id` when it does not exist for them; `aggregate-stopped` when its rows stand still.
    pub fn see(
        &self,
        page: &Page,
        caller: &Caller,
        id: HouseholdId,
        about: Option<PlaceId>,
    ) -> Result<Seen, Problem> {
        see(page, caller, id, about, &self.circumstances(id.territory()))
    }

    /// Whether the caller is told that the household is erased, though it is not theirs to see any more.
    ///
    /// # Errors
    /// [`Problem`] when rows cannot be read.
    pub fn is_told_of_erasure(&self, page: &Page, caller: &Caller, id: HouseholdId) -> Result<bool, Problem> {
        let Some(found) = folded(page, &AggregateId::Household(id))? else { return Ok(false) };
        let Some(is) = household(&found) else { return Ok(false) };
        let providers = providers(page, is, None)?;
        Ok(rights::is_told_of_erasure(&caller.rights, id, is, &providers))
    }

    /// Takes the households that the caller may not know of out of an event of a place, wherever they stand in it: several
    /// candidates are designated at once.
    ///
    /// # Errors
    /// [`Problem`] when rows cannot be read.
    pub fn without_unseen(&self, page: &Page, caller: &Caller, body: &mut Value) -> Result<(), Problem> {
        match body {
            Value::Object(fields) => {
                let named = fields.get("household").and_then(Value::as_str).and_then(|id| id.parse().ok());
                if let Some(household) = named {
                    match self.see(page, caller, household, None) {
                        Ok(_) => {}
                        Err(problem) if problem.kind() == Kind::UnknownId => drop(fields.remove("household")),
                        Err(problem) => return Err(problem),
                    }
                }
                fields.values_mut().try_for_each(|field| self.without_unseen(page, caller, field))
            }
            Value::Array(items) => {
                items.iter_mut().try_for_each(|item| self.without_unseen(page, caller, item))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// Now, and the rules in force in `territory`.
    #[must_use]
    pub fn circumstances(&self, territory: Territory) -> Circumstances<'_> {
        let now = self.edge().now();
        Circumstances { now, rules: self.book().on(territory, domain::calendar::day(territory, now)) }
    }

    /// Records that the caller reads, or was refused, `groups` of the household. What identifies nobody is not recorded.
    ///
    /// # Errors
    /// [`Problem`] `broker-unreachable` or `journal-full`: then nothing may be shown.
    pub async fn record_read(
        &self,
        caller: &Caller,
        id: HouseholdId,
        groups: &BTreeSet<Group>,
        outcome: Outcome,
    ) -> Result<(), Problem> {
        if outcome == Outcome::Granted && !groups.iter().any(|group| group.identifies()) {
            return Ok(());
        }
        let fields = groups.iter().map(|group| code(group.code())).collect::<Result<_, _>>()?;
        let entry = self.entry(caller, id.into(), fields, outcome)?;
        self.journal().record_access(&[entry]).await.map_err(unrecorded)
    }

    /// Records that the caller is shown these `fields` of people who work with the instance, all of them together.
    ///
    /// # Errors
    /// As [`Desk::record_read`]: then nothing may be shown.
    pub async fn record_read_of_users(
        &self,
        caller: &Caller,
        users: &BTreeSet<UserId>,
        fields: &[&'static str],
    ) -> Result<(), Problem> {
        let fields = fields.iter().map(|field| code(field)).collect::<Result<Vec<_>, _>>()?;
        let entry = |user: &UserId| self.entry(caller, (*user).into(), fields.clone(), Outcome::Granted);
        let entries = users.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        self.journal().record_access(&entries).await.map_err(unrecorded)
    }

    fn entry(
        &self,
        caller: &Caller,
        about: About,
        fields: Vec<Code>,
        outcome: Outcome,
    ) -> Result<AccessEntry, Problem> {
        Ok(AccessEntry {
            id: EventId(self.edge().mint()),
            at: self.edge().now(),
            actor: caller.rights.actor.clone(),
            organisation: caller.organisation(),
            role: code(caller.rights.role.code())?,
            action: code(&caller.action.code())?,
            about,
            purpose: caller.purpose.clone().map_or_else(|| code(purpose_of(caller)), Ok)?,
            fields,
            outcome,
            reason: None,
            trace: Some(caller.trace.trace_id().to_string()),
        })
    }
}

fn code(text: &str) -> Result<Code, Problem> {
    text.parse().map_err(Problem::internal)
}

/// What a role reads files for, where the caller does not say.
fn purpose_of(caller: &Caller) -> &'static str {
    use domain::rights::Role as R;
    match caller.rights.role {
        R::Referrer => "follow-up",
        R::Siao115Agent | R::SiaoInsertionCoordinator | R::SiaoManager => "orientation",
        R::ProviderManager | R::ProviderWorker => "admission",
        R::LandlordOfficer | R::CommitteeSecretary => "allocation",
        R::PrefectureOfficer | R::MediationSecretary => "priority",
        R::ObserverDepartmental | R::ObserverNational => "observation",
        R::Auditor => "control",
        R::SystemAdmin => "administration",
    }
}

fn unrecorded(error: AccessError) -> Problem {
    match error {
        AccessError::Full { why } => {
            tracing::error!(error = %why, "who reads what cannot be recorded: {why}");
            Problem::journal_full()
        }
        AccessError::NoAnswer { why } => {
            tracing::warn!(error = %why, "who reads what cannot be recorded: {why}");
            Problem::broker_unreachable()
        }
        error @ (AccessError::Unwritable { .. }
        | AccessError::NoKeys
        | AccessError::Unsealed(_)
        | AccessError::Refused { .. }) => Problem::internal(error),
    }
}

/// The household of a page, if the caller may do to it what they ask.
///
/// # Errors
/// As [`Desk::see`].
pub fn see(
    page: &Page,
    caller: &Caller,
    id: HouseholdId,
    about: Option<PlaceId>,
    at: &Circumstances<'_>,
) -> Result<Seen, Problem> {
    let unknown = || Problem::unknown_id("household", id);
    let found = folded(page, &AggregateId::Household(id))?;
    // One that does not exist is decided on as an empty one: it takes as long.
    let nothing = Household::default();
    let is = found.as_deref().and_then(household).unwrap_or(&nothing);
    let providers = providers(page, is, about)?;
    let resource = Resource::Household { id, is, providers: &providers, about };
    let decided = rights::decide(&caller.rights, caller.action, &resource, *at);
    match (decided, found) {
        (Ok(grant), Some(folded)) => Ok(Seen { folded, grant, providers }),
        (Ok(_) | Err(Denial::Unseen), _) => Err(unknown()),
        (Err(denial @ (Denial::Role | Denial::Token)), _) => Err(denied(denial, &caller.rights)),
    }
}

/// Who runs each place that the household's ledger names.
pub(crate) fn providers(page: &Page, is: &Household, about: Option<PlaceId>) -> Result<Providers, Problem> {
    let places = (is.referrals.values().map(|referral| referral.place))
        .chain(is.stays.values().map(|stay| stay.place))
        .chain(is.candidacies.values().map(|candidacy| candidacy.place))
        .chain(is.leases.values().map(|lease| lease.place))
        .chain(about);
    let places: BTreeSet<PlaceId> = places.collect();
    let mut providers = Providers::new();
    for place in places {
        if let Some(provider) = provider(page, place)? {
            providers.insert(place, provider);
        }
    }
    Ok(providers)
}

/// Who runs a place.
///
/// # Errors
/// [`Problem`] when the rows cannot be read.
pub fn provider(page: &Page, place: PlaceId) -> Result<Option<OrganisationId>, Problem> {
    let folded = folded(page, &AggregateId::Place(place))?;
    Ok(folded.and_then(|folded| Some(folded.state.place()?.inventory.description()?.provider)))
}

/// Whether the caller may do what they ask to a place or structure of `provider` in `territory`.
#[must_use]
pub fn supply_seen(
    caller: &Caller,
    territory: Territory,
    provider: OrganisationId,
    at: Circumstances<'_>,
) -> bool {
    rights::decide(&caller.rights, caller.action, &Resource::Supply { territory, provider }, at).is_ok()
}
