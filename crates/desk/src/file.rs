//! A household's file on its way out: as much of it as the caller's row shows, recorded before it leaves.

use std::collections::BTreeSet;

use domain::household::Household;
use domain::id::{HouseholdId, PlaceId};
use domain::rights::{Group, Matrix, Shown, mask_event, mask_file};
use journal::access::Outcome;
use serde_json::{Map, Value, json};
use service::Problem;
use service::problem::Kind;

use crate::gate::{Caller, references};
use crate::opened::plain;
use crate::seen::Seen;
use crate::take::Desk;

impl Desk {
    /// The file (`is` with its values opened as far as this service can) as the caller may see it; only `parts` of it, if
    /// some are named.
    ///
    /// # Errors
    /// [`Problem`] `internal` when a field is classified nowhere: it is shown to nobody.
    pub fn file_shown(
        &self,
        caller: &Caller,
        id: HouseholdId,
        is: &Household,
        seen: &Seen,
        parts: &[&str],
    ) -> Result<Shown, Problem> {
        let mut file = serde_json::to_value(is).map_err(Problem::internal)?;
        if let Some(fields) = file.as_object_mut()
            && !parts.is_empty()
        {
            fields.retain(|name, _| parts.contains(&name.as_str()));
        }
        let own = own(caller, seen);
        let reference = references(self.journal(), caller.organisation())?.of(id).to_string();
        let shown = mask_file(Matrix::shipped(), &seen.grant.row, file, &own, &reference, self.edge().now());
        told(&shown);
        Ok(shown)
    }

    /// An event of the household as the caller may see it; nothing if it may not.
    #[must_use]
    pub fn event_shown(
        &self,
        caller: &Caller,
        seen: &Seen,
        kind: &str,
        body: Value,
        about: Option<PlaceId>,
    ) -> Option<Shown> {
        let about = about.map(|place| place.to_string());
        let own = own(caller, seen);
        let now = self.edge().now();
        let shown = mask_event(Matrix::shipped(), &seen.grant.row, kind, body, about.as_deref(), &own, now)?;
        told(&shown);
        Some(shown)
    }

    /// What the caller is answered about a household that they see: its file, or these `parts` of it, its values opened, once
    /// it is on disk who read what of it.
    ///
    /// # Errors
    /// [`Problem`] `unknown-id` when there is no such household; why it cannot be opened, shown or recorded: then nothing is
    /// shown.
    pub async fn answered(
        &self,
        caller: &Caller,
        id: HouseholdId,
        seen: &Seen,
        parts: &[&str],
    ) -> Result<Value, Problem> {
        match self.filed(caller, id, seen, parts).await {
            Ok(shown) => {
                self.record_read(caller, id, &shown.groups, Outcome::Granted).await?;
                Ok(plain(shown.value))
            }
            Err(problem) => Err(self.refused(caller, id, problem).await),
        }
    }

    async fn filed(
        &self,
        caller: &Caller,
        id: HouseholdId,
        seen: &Seen,
        parts: &[&str],
    ) -> Result<Shown, Problem> {
        let is = seen.household().ok_or_else(|| Problem::unknown_id("household", id))?;
        let is = self.opened(id, is).await?;
        self.file_shown(caller, id, &is, seen, parts)
    }

    /// The refusal, once it is on disk who was refused: whether there is such a household or not, the same steps are taken.
    pub async fn refused(&self, caller: &Caller, id: HouseholdId, problem: Problem) -> Problem {
        if problem.kind() != Kind::UnknownId {
            return problem;
        }
        match self.record_read(caller, id, &BTreeSet::new(), Outcome::Refused).await {
            Ok(()) => problem,
            Err(unrecorded) => unrecorded,
        }
    }
}

/// Whether a place is one of the caller's own.
fn own<'a>(caller: &'a Caller, seen: &'a Seen) -> impl Fn(&str) -> bool + 'a {
    move |place| {
        let place = place.parse::<PlaceId>().ok();
        place.and_then(|place| seen.providers.get(&place)) == Some(&caller.organisation())
    }
}

/// A field that nobody classified is a fault of the file of rights, which a test finds before; it is told, never shown.
fn told(shown: &Shown) {
    if !shown.unclassified.is_empty() {
        tracing::error!(fields = ?shown.unclassified, "the file of rights says nothing of {:?}", shown.unclassified);
    }
}

/// Which groups a caller does not see, or sees a part of, in words: said of every file, whatever is in it.
#[must_use]
pub fn withheld(seen: &Seen) -> Value {
    let all: Map<String, Value> = Group::ALL
        .into_iter()
        .filter(|group| seen.grant.row.level(*group) < domain::rights::Level::Read)
        .map(|group| (group.code().to_owned(), json!(seen.grant.row.level(group).words())))
        .collect();
    Value::Object(all)
}
