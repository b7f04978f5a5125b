//! Looking for files that look alike, and what whoever asks is told of them: in what, since when, and whom to ask. Never a
//! name nor anything else of the other file; its id only where they may see it.

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar::{self, Day};
use domain::household::{Household, Registration};
use domain::id::{HouseholdId, OrganisationId};
use domain::ledger::{AggregateId, State};
use domain::likeness::{Likeness, told};
use domain::rights::{self, Group, LOOK_ALIKES, Matrix};
use journal::access::Outcome;
use projection::{Page, Readiness};
use serde::Serialize;
use serde_json::{Value, json};
use service::Problem;
use service::problem::Kind;

use desk::{Caller, Failure};

use super::Finder;
use super::token::Token;
use super::view;

/// Most files that are listed.
pub(super) const LISTED_MAX: usize = 10;
/// Most files that are looked at for one token, and in all: one that more bear says nothing of anybody.
const BEARERS_MAX: usize = 50;
/// A telephone number that more files share is that of a structure, not of a person.
const PHONE_SHARED_MAX: usize = 5;
/// Most organisations that are named to be asked.
const ASKED_MAX: usize = 3;

/// How a file is refused to those who may not see it.
const UNSEEN: [Kind; 3] = [Kind::UnknownId, Kind::NotAllowed, Kind::TokenNotAllowed];

/// Who is compared: a member of the command, or a person of the file; nobody for the number of an application.
pub(super) type Who = Option<String>;

/// A file that looks like what was asked about.
#[derive(Debug, Serialize)]
pub(super) struct LookAlike {
    /// Its id, for those who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    household: Option<HouseholdId>,
    /// The day since which it has been a file.
    registered_on: Day,
    /// The SIAO to be asked.
    contacts: Vec<Contact>,
    /// In what.
    persons: Vec<Alike>,
    /// Which it is, for the register of reads.
    #[serde(skip)]
    id: HouseholdId,
}

#[derive(Debug, Clone, Serialize)]
struct Contact {
    organisation: OrganisationId,
    name: String,
}

#[derive(Debug, Serialize)]
struct Alike {
    person: Who,
    likenesses: Vec<Value>,
}

/// Files that look alike, the likest first, at most [`LISTED_MAX`] of them.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) listed: Vec<LookAlike>,
    /// Whether there are more.
    pub(super) more: bool,
}

type Shared = BTreeMap<HouseholdId, BTreeMap<Who, BTreeSet<Likeness>>>;

impl Finder {
    /// Waits until the tokens know all that the service's own rows know: what one has just written, one meets.
    ///
    /// # Errors
    /// [`Problem`] `not-ready` while the tokens are being built or when they stopped, `view-behind` when they are late.
    pub(super) async fn level(&self) -> Result<(), Problem> {
        match self.rows.ready() {
            why @ (Readiness::Stopped(_) | Readiness::Building(_)) => {
                return Err(Problem::new(Kind::NotReady)
                    .detail(format!("files that look alike cannot be looked for: {why}")));
            }
            Readiness::Ready | Readiness::Behind { .. } | Readiness::Unreachable { .. } => {}
        }
        let known = self.desk.ledgers().handle().position();
        if self.rows.reached(known, self.desk.journal().config().visible_within).await {
            return Ok(());
        }
        Err(Problem::view_behind(known, self.rows.position()))
    }

    /// The files beside `own` that share one of these tokens and that the caller may be told of.
    pub(super) fn find(
        &self,
        caller: &Caller,
        own: HouseholdId,
        wanted: &[(Who, BTreeSet<Token>)],
    ) -> Result<Found, Problem> {
        let rows = self.rows.reader().page().map_err(|e| desk::unserved(&e))?;
        let (shared, files) = (shared(&rows, own, wanted)?, self.files.now()?);
        let contacts = contacts(&rows, own)?;
        let mut found: Vec<(Likeness, LookAlike)> = Vec::new();
        for (id, persons) in shared {
            let Some(look_alike) = self.shown(&files, caller, id, &persons, &contacts)? else { continue };
            let strongest = persons.values().flatten().min().copied().unwrap_or(Likeness::Phone);
            found.push((strongest, look_alike));
        }
        found.sort_by_key(|(strongest, _)| *strongest);
        let more = found.len() > LISTED_MAX;
        found.truncate(LISTED_MAX);
        Ok(Found { listed: found.into_iter().map(|(_, is)| is).collect(), more })
    }

    /// What the caller is told of one file; nothing if they may not know of it. A protected one is looked at like every
    /// other, and told to nobody but those it is open to.
    fn shown(
        &self,
        files: &Page,
        caller: &Caller,
        id: HouseholdId,
        persons: &BTreeMap<Who, BTreeSet<Likeness>>,
        contacts: &[Contact],
    ) -> Result<Option<LookAlike>, Problem> {
        let file = Caller { action: rights::FILE, ..caller.clone() };
        let seen = match self.desk.see(files, &file, id, None) {
            Ok(_) => true,
            Err(problem) if UNSEEN.contains(&problem.kind()) => false,
            // What is known of it may be long past: whether it is protected, too.
            Err(problem) if problem.kind() == Kind::AggregateStopped => return Ok(None),
            Err(problem) => return Err(problem),
        };
        let Some(folded) = desk::folded(files, &AggregateId::Household(id))? else { return Ok(None) };
        let State::Household(is) = &folded.state else { return Ok(None) };
        if !seen && !self.hinted(caller, is) {
            return Ok(None);
        }
        let registered_on = match is.registration {
            Registration::Registered { at } => Day(calendar::day(id.territory(), at)),
            Registration::Unknown | Registration::MergedInto { .. } | Registration::Erased(_) => {
                return Ok(None);
            }
        };
        let alike = |(who, likenesses): (&Who, &BTreeSet<Likeness>)| {
            let words = |one: Likeness| json!({ "code": one.code(), "words": one.words() });
            Alike { person: who.clone(), likenesses: told(likenesses).into_iter().map(words).collect() }
        };
        Ok(Some(LookAlike {
            household: seen.then_some(id),
            registered_on,
            contacts: contacts.to_vec(),
            persons: persons.iter().map(alike).collect(),
            id,
        }))
    }

    /// Whether the caller, who may not see the file, may be told that there is one: those who share the professional secret
    /// (CASF L345-2-10), unless it is protected from them.
    fn hinted(&self, caller: &Caller, is: &Household) -> bool {
        let role = Matrix::shipped().role(caller.rights.role);
        role.is_some_and(|role| role.actions.contains(&LOOK_ALIKES.code()))
            && is.shows_to(caller.user(), self.desk.edge().now())
    }

    /// Records that the caller was told of these files, before they are: that somebody is known is personal too, and whoever
    /// tries one name after the other is noticed.
    pub(super) async fn record(&self, caller: &Caller, found: &Found) -> Result<(), Problem> {
        for one in &found.listed {
            self.desk.record_read(caller, one.id, &BTreeSet::from([Group::Id]), Outcome::Granted).await?;
        }
        Ok(())
    }
}

/// The files beside `own` that share one of these tokens, and in what.
fn shared(rows: &Page, own: HouseholdId, wanted: &[(Who, BTreeSet<Token>)]) -> Result<Shared, Problem> {
    let mut shared = Shared::new();
    for (who, tokens) in wanted {
        for token in tokens {
            let mut bearers = view::who_bears(rows, token, BEARERS_MAX).map_err(Failure)?;
            bearers.remove(&own);
            if token.likeness() == Likeness::Phone && bearers.len() > PHONE_SHARED_MAX {
                continue;
            }
            for bearer in bearers {
                if shared.len() < BEARERS_MAX || shared.contains_key(&bearer) {
                    let persons = shared.entry(bearer).or_default();
                    persons.entry(who.clone()).or_default().insert(token.likeness());
                }
            }
        }
    }
    Ok(shared)
}

/// The SIAO to be asked about a file like that of `own`.
fn contacts(rows: &Page, own: HouseholdId) -> Result<Vec<Contact>, Problem> {
    let siaos = view::siaos(rows, own.territory(), ASKED_MAX).map_err(Failure)?;
    Ok(siaos.into_iter().map(|(organisation, name)| Contact { organisation, name }).collect())
}
